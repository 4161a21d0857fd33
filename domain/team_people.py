"""Persons whom the leader of a team meets on a visit: registered by the card on the kitchen table, without a phone.

A leader is no desk: the person's identity stays declared, and of whoever is registered already nothing is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit, care, consents, emergency_contacts
from domain.care import DAY
from domain.errors import Conflict, NotFound, TooMany
from domain.identity import read_id_number, read_name, read_phone
from domain.permissions import require_team
from domain.person_records import Particulars, add_or_find, masked, phone_index
from domain.vocabulary import CLERKS, MAX_VISITED_A_DAY, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.consents import Consents
    from domain.context import Context

REGISTERED, KNOWN = "people.registered_on_visit", "people.known_on_visit"


async def register(
    conn: Connection,
    ctx: Context,
    team_id: UUID,
    *,
    name: str,
    id_number: str,
    phone: str | None,
    contact: Mapping[str, str] | None,
    given: Consents,
) -> Mapping[str, Any]:
    """Register somebody for a team; whom anybody has registered before is named by the card when help is asked for.

    How often is counted, also where the person was known: else numbers could be tried out here.
    """
    caller = await require_team(conn, ctx, team_id, *CLERKS)
    today = local_day(ctx.now)
    identity, name, phone = read_id_number(id_number, today), read_name(name), phone and read_phone(phone)
    to_call = None if contact is None else emergency_contacts.read(contact)
    consents.require(given, identity.birth_date, today)
    await care.lock_caller(conn, ctx)
    await _require_few(conn, ctx, caller.account_id)
    # Codes by which an elder agrees to a mandate go to this number, so it must not be one of those who get mandates.
    if phone is not None and await sql.people.is_volunteers_phone(conn, phone_index=phone_index(ctx.vault, phone)):
        raise Conflict("phone_of_volunteer")
    particulars = Particulars(identity, name, phone, team_id=team_id)
    person_id, standing = await add_or_find(conn, ctx, particulars)
    if standing is not None:
        await audit.record(conn, ctx, KNOWN, person_id, team_id=team_id)
        raise Conflict("person_known").keeping()
    await consents.record(conn, caller.account_id, person_id, given, ctx.now)
    if to_call is not None:
        await emergency_contacts.put(conn, ctx, person_id, to_call)
    registered = await _shown(conn, ctx, team_id, person_id)
    await audit.record(conn, ctx, REGISTERED, person_id, team_id=team_id)
    return registered


async def find_registered(conn: Connection, ctx: Context, team_id: UUID, person_id: UUID) -> Mapping[str, Any]:
    """Return what `register` returned, as it is now."""
    await require_team(conn, ctx, team_id, *CLERKS)
    return await _shown(conn, ctx, team_id, person_id)


async def list_registered(
    conn: Connection, ctx: Context, team_id: UUID, after: UUID | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """List with masks whom the team has registered and nobody cares for; each reading is an audit row a person."""
    await require_team(conn, ctx, team_id, *CLERKS)
    rows = await sql.people.list_of_team(conn, team_id=team_id, after=after, limit=limit + 1)
    listed = [masked(ctx.vault, row) for row in rows]
    read = [audit.entry(ctx, "people.listed_to_team", row["id"], team_id=team_id) for row in rows[:limit]]
    await audit.record_all(conn, ctx.vault, ctx.now, read)
    return listed


async def _require_few(conn: Connection, ctx: Context, account_id: UUID) -> None:
    recent = await sql.people.visited(conn, account_id=account_id, actions=[REGISTERED, KNOWN], since=ctx.now - DAY)
    if recent["visits"] >= MAX_VISITED_A_DAY:
        wait = care.seconds_until(ctx, recent["oldest"] + DAY)
        raise TooMany("visits_limit_day", limit=MAX_VISITED_A_DAY, retry_after=wait)


async def _shown(conn: Connection, ctx: Context, team_id: UUID, person_id: UUID) -> Mapping[str, Any]:
    row = await sql.people.of_team(conn, id=person_id, team_id=team_id)
    if row is None:
        raise NotFound("person_not_with_team")
    return {**masked(ctx.vault, row), "emergency_contact": await emergency_contacts.masked(conn, ctx, person_id)}
