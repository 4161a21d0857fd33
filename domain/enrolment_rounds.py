"""Rounds of enrolment: drafted by staff of an area, shown to all once they are announced.

Locks: a round is taken before the applications in it; families and reviewers take it `for key share`, whoever
announces, postpones, freezes, draws, publishes or ends it `for update`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.enrolment_round_rules import contradictions
from domain.errors import Conflict, Invalid, NotFound
from domain.identifiers import new_id
from domain.nursery_vocabulary import RoundState
from domain.permissions import require_signed_in, require_staff_in, require_staff_of_round, require_staff_somewhere
from domain.vocabulary import CLERKS, MANAGERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def lock(conn: Connection, ctx: Context, round_id: UUID, *states: RoundState) -> Row:
    """Lock a round against all who act in it, and return it; refuse unless it is in one of the states."""
    row: Row = await sql.enrolment_rounds.lock(conn, id=round_id, now=ctx.now)
    if row["state"] not in states:
        raise Conflict("enrolment_round_in_other_state", round_state=row["state"])
    return row


async def rounds(conn: Connection, ctx: Context, area_id: UUID | None, after: UUID | None, limit: int) -> Sequence[Row]:
    """Return announced rounds, newest first, those that bear on an area; one more than `limit` where there are."""
    rows: Sequence[Row] = await sql.enrolment_rounds.rounds(
        conn, area_id=area_id, now=ctx.now, after=after, limit=limit + 1
    )
    return rows


async def announced(conn: Connection, ctx: Context, round_id: UUID) -> Row:
    """Return one round as everybody may see it."""
    row: Row | None = await sql.enrolment_rounds.show(conn, id=round_id, now=ctx.now)
    if row is None or row["state"] == RoundState.DRAFT:
        raise NotFound("enrolment_round_not_found")
    return row


async def list_of_staff(
    conn: Connection, ctx: Context, area_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Return rounds of the caller's areas, and announced ones that offer a class of the caller's nursery."""
    caller = await require_staff_somewhere(conn, ctx, *CLERKS)
    rows: Sequence[Row] = await sql.enrolment_rounds.list_of_staff(
        conn, account_id=caller.account_id, roles=CLERKS, area_id=area_id, now=ctx.now, after=after, limit=limit + 1
    )
    return rows


async def show(conn: Connection, ctx: Context, round_id: UUID) -> Row:
    caller = await require_staff_somewhere(conn, ctx, *CLERKS)
    if not await sql.enrolment_rounds.seen_by_staff(conn, id=round_id, account_id=caller.account_id, roles=CLERKS):
        raise NotFound("enrolment_round_not_found")
    row: Row = await sql.enrolment_rounds.show(conn, id=round_id, now=ctx.now)
    return row


async def create(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Row:
    """Draft a round in an area that the caller manages."""
    await require_staff_in(conn, ctx, given["area_id"], *MANAGERS)
    account_id, round_id = require_signed_in(ctx).account_id, new_id()
    _check(given)
    await sql.enrolment_rounds.create(conn, id=round_id, now=ctx.now, account_id=account_id, **_columns(given))
    await _fill(conn, round_id, given)
    await audit.record(conn, ctx, "enrolment_rounds.created", round_id, area_id=given["area_id"])
    return await _shown(conn, ctx, round_id)


async def change(conn: Connection, ctx: Context, round_id: UUID, given: Mapping[str, Any]) -> Row:
    """Put a draft as a whole in the place of what it was; whoever moves it to another area manages that one too."""
    await require_staff_of_round(conn, ctx, round_id, *MANAGERS)
    await require_staff_in(conn, ctx, given["area_id"], *MANAGERS)
    _check(given)
    await lock(conn, ctx, round_id, RoundState.DRAFT)
    columns = _columns(given) | {"version": given["version"]}
    row = await sql.enrolment_rounds.change(conn, id=round_id, **columns)
    if row is None:
        raise Conflict("changed_meanwhile")
    await sql.enrolment_rounds.empty(conn, id=round_id)
    await _fill(conn, round_id, given)
    await audit.record(conn, ctx, "enrolment_rounds.changed", round_id, version=row["version"])
    return await _shown(conn, ctx, round_id)


async def remove(conn: Connection, ctx: Context, round_id: UUID) -> None:
    """Throw a draft away; what was announced is cancelled, and stays."""
    await require_staff_of_round(conn, ctx, round_id, *MANAGERS)
    await lock(conn, ctx, round_id, RoundState.DRAFT)
    await sql.enrolment_rounds.remove(conn, id=round_id)
    await audit.record(conn, ctx, "enrolment_rounds.removed", round_id)


async def _shown(conn: Connection, ctx: Context, round_id: UUID) -> Row:
    row: Row = await sql.enrolment_rounds.show(conn, id=round_id, now=ctx.now)
    return row


def _check(given: Mapping[str, Any]) -> None:
    if errors := contradictions(given):
        raise Invalid("invalid_input", errors=errors)


def _columns(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in ("groups", "programmes", "version")}


async def _fill(conn: Connection, round_id: UUID, given: Mapping[str, Any]) -> None:
    """Write a draft's groups, and its programmes with what they reserve for them."""
    groups = {group["code"]: new_id() for group in given["groups"]}
    await sql.enrolment_rounds.add_groups(
        conn,
        round_id=round_id,
        rows=[group | {"id": groups[group["code"]]} for group in given["groups"]],
    )
    programmes = [programme | {"id": new_id()} for programme in given["programmes"]]
    there = {
        row["class_id"] for row in await sql.enrolment_rounds.add_programmes(conn, round_id=round_id, rows=programmes)
    }
    elsewhere = [programme["class_id"] for programme in programmes if programme["class_id"] not in there]
    if elsewhere:
        raise Conflict("nursery_classes_elsewhere", class_ids=elsewhere)
    await sql.enrolment_rounds.add_reserves(
        conn,
        rows=[
            reserve | {"programme_id": programme["id"], "group_id": groups[reserve["group"]], "position": position}
            for programme in programmes
            for position, reserve in enumerate(programme["reserves"], 1)
        ],
    )
