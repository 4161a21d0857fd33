"""Teams of volunteers and who leads them. Staff appoint; whoever leads has no power beyond the own team."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.constraints import refusing
from domain.errors import Conflict, NotFound
from domain.identifiers import new_id
from domain.permissions import (
    require_signed_in,
    require_staff_in,
    require_staff_of_team,
    require_staff_somewhere,
    require_team,
)
from domain.vocabulary import CLERKS, MANAGERS, VolunteerStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context


async def list_all(
    conn: Connection, ctx: Context, area_id: UUID | None, after: UUID | None, limit: int
) -> list[Record]:
    require_signed_in(ctx)
    found: list[Record] = await sql.teams.listed(conn, area_id=area_id, after=after, limit=limit + 1)
    return found


async def list_for_staff(conn: Connection, ctx: Context, after: UUID | None, limit: int) -> list[Record]:
    caller = await require_staff_somewhere(conn, ctx, *CLERKS)
    rows = await sql.teams.ids_for_staff(conn, account_id=caller.account_id, roles=CLERKS, after=after, limit=limit + 1)
    found: list[Record] = await sql.teams.shown(conn, ids=[row["id"] for row in rows])
    return found


async def show(conn: Connection, ctx: Context, team_id: UUID) -> Record:
    await require_team(conn, ctx, team_id, *CLERKS)
    return await _one(conn, team_id)


async def add(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Record:
    await require_staff_in(conn, ctx, given["area_id"], *MANAGERS)
    with refusing(team_name_key=Conflict("team_name_taken")):
        team_id = await sql.teams.add(conn, id=new_id(), **given)
    made = await _one(conn, team_id)
    await audit.record(conn, ctx, "volunteers.team_added", team_id, area_id=str(given["area_id"]))
    return made


async def appoint(conn: Connection, ctx: Context, team_id: UUID, volunteer_id: UUID) -> Record:
    """Make an approved volunteer of the team a leader of it; doing so again changes nothing."""
    caller = await require_staff_of_team(conn, ctx, team_id, *MANAGERS)
    status = await sql.teams.hold_volunteer(conn, volunteer_id=volunteer_id, team_id=team_id)
    if status is None:
        raise NotFound("volunteer_not_found")
    if status != VolunteerStatus.APPROVED:
        raise Conflict("volunteer_in_other_state", state=status)
    appointed = await sql.teams.appoint(
        conn, id=new_id(), team_id=team_id, volunteer_id=volunteer_id, appointed_by=caller.account_id, now=ctx.now
    )
    shown = await _one(conn, team_id)
    if appointed is not None:
        await audit.record(conn, ctx, "teams.leader_appointed", volunteer_id, team_id=str(team_id))
    return shown


async def end_leadership(conn: Connection, ctx: Context, team_id: UUID, volunteer_id: UUID) -> None:
    caller = await require_staff_of_team(conn, ctx, team_id, *MANAGERS)
    ended = await sql.teams.end_leadership(
        conn, team_id=team_id, volunteer_id=volunteer_id, ended_by=caller.account_id, now=ctx.now
    )
    if ended is None:
        raise NotFound("leader_not_found")
    await audit.record(conn, ctx, "teams.leader_ended", volunteer_id, team_id=str(team_id))


async def end_leaderships(conn: Connection, ctx: Context, volunteer_id: UUID) -> None:
    """Let a volunteer who goes lead no more, also after coming back; for rules that write the audit of it."""
    caller = require_signed_in(ctx)
    await sql.teams.end_leaderships(conn, volunteer_id=volunteer_id, ended_by=caller.account_id, now=ctx.now)


async def _one(conn: Connection, team_id: UUID) -> Record:
    (found,) = await sql.teams.shown(conn, ids=[team_id])
    return found  # type: ignore[no-any-return]  # asyncpg's own stubs give Any here
