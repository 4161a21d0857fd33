"""The persons in an account's care."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, care, care_requests, consents, erasure
from domain.care import Joining
from domain.errors import Conflict, NotFound
from domain.identity import read_id_number, read_name, read_phone
from domain.permissions import require_care, require_registered, require_signed_in
from domain.person_records import Particulars, add_or_find, masked, open_phone, phone_index, seal_phone
from domain.vocabulary import Assurance, Relation, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.consents import Consents
    from domain.context import Context
    from domain.vocabulary import Fate


@dataclass(frozen=True, slots=True)
class Change:
    """What is to change about a person in care: a field that is not among `given` stays."""

    given: Mapping[str, Any]

    def of(self, field: str, standing: Any) -> Any:
        return self.given.get(field, standing)


async def in_care(conn: Connection, ctx: Context) -> Sequence[Mapping[str, Any]]:
    """List the persons in the caller's care, oneself first."""
    caller = require_signed_in(ctx)
    return [masked(ctx.vault, row) for row in await sql.care.of_account(conn, account_id=caller.account_id)]


async def one(conn: Connection, ctx: Context, person_id: UUID) -> Mapping[str, Any]:
    return masked(ctx.vault, await _row(conn, ctx, person_id))


async def _row(conn: Connection, ctx: Context, person_id: UUID) -> Record:
    caller = require_signed_in(ctx)
    row: Record | None = await sql.care.one(conn, account_id=caller.account_id, person_id=person_id)
    if row is None:
        raise NotFound("person_not_found")
    return row


async def add(
    conn: Connection,
    ctx: Context,
    *,
    name: str,
    id_number: str,
    relation: Relation,
    phone: str | None,
    given: Consents,
) -> Mapping[str, Any]:
    """Take a person into the caller's care, or ask to where somebody has added the person before.

    Returns an `id` with either the `person` or the `care_request` of this id.
    """
    await require_registered(conn, ctx)
    today = local_day(ctx.now)
    identity, name, phone = read_id_number(id_number, today), read_name(name), phone and read_phone(phone)
    consents.require(given, identity.birth_date, today)
    account = await care.lock_caller(conn, ctx)
    await care.require_room(conn, ctx, account["id"])
    person_id, standing = await add_or_find(conn, ctx, Particulars(identity, name, phone))
    if standing is None:
        await care.join(conn, ctx, Joining(account["id"], person_id, relation, given, ctx.now))
        added = await one(conn, ctx, person_id)
        await audit.record(conn, ctx, "people.added", person_id, relation=relation)
        return {"id": person_id, "person": added, "care_request": None}
    if await sql.care.one(conn, account_id=account["id"], person_id=person_id) is not None:
        raise Conflict("already_in_care", person_id=person_id)
    request = await care_requests.ask(conn, ctx, standing, name, relation, given)
    return {"id": request["id"], "person": None, "care_request": request}


async def find_added(conn: Connection, ctx: Context, added_id: UUID) -> Mapping[str, Any]:
    """Return what `add` returned, as it is now."""
    caller = require_signed_in(ctx)
    row = await sql.care.one(conn, account_id=caller.account_id, person_id=added_id)
    if row is not None:
        return {"id": added_id, "person": masked(ctx.vault, row), "care_request": None}
    return {"id": added_id, "person": None, "care_request": await care_requests.made(conn, ctx, added_id)}


async def change(conn: Connection, ctx: Context, person_id: UUID, wanted: Change) -> Mapping[str, Any]:
    """Change what a person is to the caller, and, for who decides for the person, name and phone.

    A further carer who could set the phone could let in whom he likes; one's own phone is WeChat's to verify.
    """
    await require_care(conn, ctx, person_id)
    account = await care.lock_caller(conn, ctx)
    (person,) = await sql.people.lock(conn, ids=[person_id])
    standing = await _row(conn, ctx, person_id)
    relation = wanted.of("relation", standing["relation"])
    if (relation == Relation.SELF) != (standing["relation"] == Relation.SELF):
        raise Conflict("relation_self_is_fixed")
    if relation != standing["relation"]:
        await sql.care.change_relation(conn, account_id=account["id"], person_id=person_id, relation=relation)
    changed = [field for field in ("name", "phone") if field in wanted.given]
    if changed:
        await _change_person(conn, ctx, person, standing, wanted)
    result = await one(conn, ctx, person_id)
    await audit.record(conn, ctx, "people.changed", person_id, fields=sorted(wanted.given))
    return result


async def _change_person(conn: Connection, ctx: Context, person: Record, standing: Record, wanted: Change) -> None:
    account_id = require_signed_in(ctx).account_id
    if await sql.care.decider(conn, person_id=person["id"]) != account_id:
        raise Conflict("first_carer_decides")
    name = read_name(wanted.of("name", person["name"]))
    if name != person["name"] and person["assurance"] != Assurance.DECLARED:
        raise Conflict("name_needs_desk")
    phone = wanted.of("phone", open_phone(ctx.vault, person))
    phone = phone and read_phone(phone)
    if "phone" in wanted.given and standing["relation"] == Relation.SELF:
        raise Conflict("phone_needs_wechat")
    await sql.people.change(
        conn,
        id=person["id"],
        name=name,
        phone_sealed=seal_phone(ctx.vault, person["id"], phone),
        phone_index=phone_index(ctx.vault, phone),
        assurance=person["assurance"],
    )


async def let_go(conn: Connection, ctx: Context, person_id: UUID) -> Fate:
    """End the care for a person; who is in nobody's care then, and in no desk's, is erased."""
    await require_care(conn, ctx, person_id)
    account = await care.lock_caller(conn, ctx)
    standing = await _row(conn, ctx, person_id)
    if standing["relation"] == Relation.SELF:
        raise Conflict("own_person_stays")
    fates = await erasure.let_go(conn, ctx, account["id"], [person_id])
    await audit.record(conn, ctx, "people.let_go", person_id, fate=fates[person_id])
    return fates[person_id]
