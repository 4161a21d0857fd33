"""Registration by real name: an account becomes the account of a person.

WeChat is asked for the phone between `begin` and `register`, outside of any transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, care, care_requests, consents, notices
from domain.care import Joining
from domain.errors import Conflict, Forbidden, Invalid
from domain.identity import Identity, read_id_number, read_name, same_name
from domain.permissions import require_signed_in
from domain.person_records import (
    Particulars,
    add_or_find,
    document_index,
    in_full,
    masked,
    open_phone,
    phone_index,
    seal_phone,
)
from domain.vocabulary import Assurance, NoticeKind, Relation, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.consents import Consents
    from domain.context import Context

PHONE_CODE = "phone_code"


@dataclass(frozen=True, slots=True)
class Registration:
    """What a resident says when registering, read and found to be in order."""

    identity: Identity
    name: str = field(repr=False)
    consents: Consents
    phone_code: str = field(repr=False)
    openid: str = field(repr=False)
    repeated: bool
    """The phone code was used by this account before: WeChat would not take it again."""


async def begin(
    conn: Connection, ctx: Context, *, name: str, id_number: str, phone_code: str, given: Consents
) -> Registration:
    """Refuse whatever can be refused before the phone code, which works once, is used up."""
    caller = require_signed_in(ctx)
    identity = read_id_number(id_number, local_day(ctx.now))
    name = read_name(name)
    consents.require(given, identity.birth_date, local_day(ctx.now))
    account = await sql.people.sign_in_of(conn, account_id=caller.account_id)
    if account is None:
        raise Forbidden("residents_only")
    own = await sql.care.own(conn, account_id=caller.account_id)
    if own is not None:
        _require_same(ctx, own, identity, name)
    repeated = account["phone_code_index"] == ctx.vault.blind(PHONE_CODE, phone_code)
    return Registration(identity, name, given, phone_code, account["openid"], repeated)


async def register(conn: Connection, ctx: Context, given: Registration, phone: str | None) -> Mapping[str, Any]:
    """Make the caller's account the account of a person, or ask to; return what `me` returns.

    `phone` is the number that WeChat has verified; None where the registration is repeated.
    """
    account = await care.lock_caller(conn, ctx)
    if phone is not None:
        index = ctx.vault.blind(PHONE_CODE, given.phone_code)
        await sql.people.remember_phone_code(conn, account_id=account["id"], phone_code_index=index)
    own = await sql.care.own(conn, account_id=account["id"])
    if own is not None:
        await _renew(conn, ctx, own, given, phone)
    elif phone is not None:
        await _add(conn, ctx, account["id"], given, phone)
    elif not await _asked_before(conn, ctx, account["id"], given.identity):
        raise Invalid("wechat_phone_code_invalid")
    return await me(conn, ctx)


async def _renew(conn: Connection, ctx: Context, own: Record, given: Registration, phone: str | None) -> None:
    """Register once more as who one is: with another phone, newer consents, a corrected name."""
    _require_same(ctx, own, given.identity, given.name)
    (person,) = await sql.people.lock(conn, ids=[own["id"]])
    phone = phone or open_phone(ctx.vault, person)
    await sql.people.change(
        conn,
        id=own["id"],
        name=given.name,
        phone_sealed=seal_phone(ctx.vault, own["id"], phone),
        phone_index=phone_index(ctx.vault, phone),
        assurance=person["assurance"],
    )
    account_id = require_signed_in(ctx).account_id
    await consents.record(conn, account_id, own["id"], given.consents, ctx.now)
    await audit.record(conn, ctx, "registration.renewed", own["id"])


def _require_same(ctx: Context, own: Record, identity: Identity, name: str) -> None:
    if own["document_index"] != document_index(ctx.vault, identity):
        raise Conflict("already_registered")
    if own["assurance"] != Assurance.DECLARED and name != own["name"]:
        raise Conflict("name_needs_desk")


async def _add(conn: Connection, ctx: Context, account_id: UUID, given: Registration, phone: str) -> None:
    person_id, standing = await add_or_find(conn, ctx, Particulars(given.identity, given.name, phone))
    joining = Joining(account_id, person_id, Relation.SELF, given.consents, ctx.now)
    if standing is None:
        await care.join(conn, ctx, joining)
        await audit.record(conn, ctx, "registration.completed", person_id)
        return
    known = standing["phone_index"] == phone_index(ctx.vault, phone) and same_name(given.name, standing["name"])
    if known and await care.join(conn, ctx, joining):
        await notices.tell(
            conn, ctx, person_id, NoticeKind.CARE_JOINED, person_id, relation=Relation.SELF, way="wechat"
        )
        await audit.record(conn, ctx, "registration.joined", person_id)
        return
    await care_requests.ask(conn, ctx, standing, given.name, Relation.SELF, given.consents, phone)


async def _asked_before(conn: Connection, ctx: Context, account_id: UUID, identity: Identity) -> bool:
    waiting = await sql.care_requests.waiting_self(conn, account_id=account_id, now=ctx.now)
    index = document_index(ctx.vault, identity)
    return waiting is not None and waiting["document_index"] == index


async def me(conn: Connection, ctx: Context) -> Mapping[str, Any]:
    """Return the caller's account, its person with masks, and what it waits for or agreed to."""
    caller = require_signed_in(ctx)
    own = await sql.care.own(conn, account_id=caller.account_id)
    return {
        "id": caller.account_id,
        "registered": own is not None,
        "person": None if own is None else masked(ctx.vault, own),
        "care_request": await care_requests.waiting_self(conn, ctx) if own is None else None,
        "consents": await consents.given_by(conn, ctx),
    }


async def own_id_number(conn: Connection, ctx: Context) -> Mapping[str, Any]:
    """Return the caller's own number and phone in full; each such reading is an audit row."""
    caller = require_signed_in(ctx)
    own = await sql.care.own(conn, account_id=caller.account_id)
    if own is None:
        raise Forbidden("registration_required")
    shown = in_full(ctx.vault, own)
    await audit.record(conn, ctx, "people.id_number_shown", own["id"])
    return shown
