"""Persons at the desk. Staff find a person by one exact mark and never browse; each look is an audit row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, consents, emergency_contacts, enrolment_erasure, erasure
from domain.errors import Conflict, NotFound
from domain.identity import read_id_number, read_name, read_phone
from domain.permissions import require_signed_in, require_staff_somewhere
from domain.person_records import (
    Particulars,
    add_or_find,
    document_index,
    in_full,
    masked,
    open_document,
    open_phone,
    phone_index,
    seal_phone,
)
from domain.vocabulary import CLERKS, MANAGERS, Assurance, Fate, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.consents import Consents
    from domain.context import Context

MOST_FOUND = 20
"""A phone serves a family, a name and a day of birth some namesakes; more is no exact mark."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a person is searched by: exactly one of number, phone, or name with day of birth."""

    id_number: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    birth_date: date | None = field(default=None, repr=False)


async def register(
    conn: Connection,
    ctx: Context,
    *,
    name: str,
    id_number: str,
    phone: str | None,
    contact: Mapping[str, str] | None,
    given: Consents,
) -> Mapping[str, Any]:
    """Register somebody by the document on the table; needs no smartphone on the person's side."""
    await require_staff_somewhere(conn, ctx, *CLERKS)
    today = local_day(ctx.now)
    identity, name, phone = read_id_number(id_number, today), read_name(name), phone and read_phone(phone)
    to_call = None if contact is None else emergency_contacts.read(contact)
    consents.require(given, identity.birth_date, today)
    particulars = Particulars(identity, name, phone, Assurance.DESK_VERIFIED)
    person_id, standing = await add_or_find(conn, ctx, particulars)
    if standing is not None:
        raise Conflict("person_exists", person_id=person_id)
    await consents.record(conn, require_signed_in(ctx).account_id, person_id, given, ctx.now)
    if to_call is not None:
        await emergency_contacts.put(conn, ctx, person_id, to_call)
    registered = await _shown(conn, ctx, person_id)
    await audit.record(conn, ctx, "people.registered_at_desk", person_id)
    return registered


async def search(conn: Connection, ctx: Context, mark: Mark) -> Sequence[Mapping[str, Any]]:
    """Find persons by one exact mark; found or not, the search is recorded."""
    await require_staff_somewhere(conn, ctx, *CLERKS)
    rows = await sql.people.search(conn, **_search_terms(ctx, mark), limit=MOST_FOUND)
    by = next(name for name in ("id_number", "phone", "name") if getattr(mark, name) is not None)
    found = [masked(ctx.vault, row) for row in rows]
    entries = [audit.entry(ctx, "people.found", row["id"], by=by) for row in rows]
    if not entries:
        entries.append(audit.entry(ctx, "people.searched", None, by=by))
    await audit.record_all(conn, ctx.vault, ctx.now, entries)
    return found


def _search_terms(ctx: Context, mark: Mark) -> dict[str, Any]:
    number = mark.id_number
    return {
        "document_index": number and document_index(ctx.vault, read_id_number(number, local_day(ctx.now))),
        "phone_index": phone_index(ctx.vault, mark.phone and read_phone(mark.phone)),
        "name": mark.name and read_name(mark.name),
        "birth_date": mark.birth_date,
    }


async def one(conn: Connection, ctx: Context, person_id: UUID) -> Mapping[str, Any]:
    """Show a person with masks, and who cares for the person."""
    await require_staff_somewhere(conn, ctx, *CLERKS)
    shown = await _shown(conn, ctx, person_id)
    await audit.record(conn, ctx, "people.shown", person_id)
    return shown


async def find_registered(conn: Connection, ctx: Context, person_id: UUID) -> Mapping[str, Any]:
    """Return what `register` returned, as it is now."""
    await require_staff_somewhere(conn, ctx, *CLERKS)
    return await _shown(conn, ctx, person_id)


async def id_number(conn: Connection, ctx: Context, person_id: UUID) -> Mapping[str, Any]:
    """Show number and phone in full, to managers; each such reading is an audit row."""
    await require_staff_somewhere(conn, ctx, *MANAGERS)
    shown = in_full(ctx.vault, await _row(conn, person_id))
    await audit.record(conn, ctx, "people.id_number_shown", person_id)
    return shown


async def verify(
    conn: Connection, ctx: Context, person_id: UUID, *, name: str, id_number: str, phone: str | None
) -> Mapping[str, Any]:
    """Take over what the document on the table says; the number is typed again, so that it is looked at.

    The name becomes the document's, the phone the one that the person names, or stays.
    """
    await require_staff_somewhere(conn, ctx, *CLERKS)
    await sql.people.lock(conn, ids=[person_id])
    standing = await _row(conn, person_id)
    identity = read_id_number(id_number, local_day(ctx.now))
    if open_document(ctx.vault, standing) != identity.number:
        raise Conflict("document_differs")
    phone = read_phone(phone) if phone else open_phone(ctx.vault, standing)
    checked = standing["assurance"] == Assurance.CHECKED
    await sql.people.change(
        conn,
        id=person_id,
        name=read_name(name),
        phone_sealed=seal_phone(ctx.vault, person_id, phone),
        phone_index=phone_index(ctx.vault, phone),
        assurance=Assurance.CHECKED if checked else Assurance.DESK_VERIFIED,
    )
    shown = await _shown(conn, ctx, person_id)
    await audit.record(conn, ctx, "people.verified", person_id)
    return shown


async def end_care(conn: Connection, ctx: Context, person_id: UUID, care_id: UUID) -> None:
    """End somebody's care: who took a stranger's number into care must not decide for the stranger.

    The person stays, also when nobody cares any more: it stands at the desk.
    """
    await require_staff_somewhere(conn, ctx, *MANAGERS)
    row = await sql.care.by_id(conn, id=care_id, person_id=person_id)
    if row is None:
        raise NotFound("care_not_found")
    await sql.people.lock_account(conn, account_id=row["account_id"])
    await sql.people.lock(conn, ids=[person_id])
    await enrolment_erasure.lock(conn, [person_id])
    both = {"account_id": row["account_id"], "person_ids": [person_id]}
    if not await sql.care.end(conn, **both, now=ctx.now):
        raise NotFound("care_not_found")
    await sql.consents.withdraw(conn, **both, at=ctx.now)
    await enrolment_erasure.withdraw_unconsented(conn, ctx, [person_id])
    await audit.record(conn, ctx, "care.ended_at_desk", person_id, account_id=row["account_id"])


async def erase(conn: Connection, ctx: Context, person_id: UUID) -> None:
    """Erase a person who asks for it at the desk and whom no account cares for."""
    await require_staff_somewhere(conn, ctx, *MANAGERS)
    await sql.people.lock(conn, ids=[person_id])
    await _row(conn, person_id)
    if await sql.care.carers(conn, person_id=person_id):
        raise Conflict("person_in_care")
    account_id = require_signed_in(ctx).account_id
    live = await sql.erasure.live_bookings(
        conn, account_id=account_id, person_ids=[person_id], erased_ids=[person_id], now=ctx.now
    )
    if live:
        raise Conflict("live_bookings", bookings=[dict(row) for row in live])
    await erasure.erase(conn, ctx, [person_id])
    await audit.record(conn, ctx, "people.let_go", person_id, fate=Fate.ERASED)


async def _row(conn: Connection, person_id: UUID) -> Record:
    row: Record | None = await sql.people.one(conn, id=person_id)
    if row is None:
        raise NotFound("person_unknown")
    return row


async def _shown(conn: Connection, ctx: Context, person_id: UUID) -> Mapping[str, Any]:
    row = await _row(conn, person_id)
    return {
        **masked(ctx.vault, row),
        "carers": await sql.care.carers(conn, person_id=person_id),
        "emergency_contact": await emergency_contacts.masked(conn, ctx, person_id),
    }
