"""Volunteers and their teams: a resident applies, staff of the team's area decide.

Whoever becomes or ceases to be a volunteer has another role: a trigger on the status raises the account's
version, and tokens made before are refused at their next use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain import audit, mandates
from domain.constraints import refusing
from domain.errors import Conflict, NotFound
from domain.identifiers import new_id
from domain.permissions import (
    require_registered,
    require_signed_in,
    require_staff_in,
    require_staff_of_volunteer,
    require_staff_somewhere,
)
from domain.vocabulary import CLERKS, MANAGERS, VolunteerStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context

APPLIED, APPROVED, SUSPENDED, LEFT = (
    VolunteerStatus.APPLIED,
    VolunteerStatus.APPROVED,
    VolunteerStatus.SUSPENDED,
    VolunteerStatus.LEFT,
)


async def teams(conn: Connection, ctx: Context, area_id: UUID | None, after: UUID | None, limit: int) -> list[Record]:
    require_signed_in(ctx)
    found: list[Record] = await sql.volunteers.teams(conn, area_id=area_id, after=after, limit=limit + 1)
    return found


async def apply(
    conn: Connection, ctx: Context, team_id: UUID, areas: Sequence[UUID], languages: Sequence[str]
) -> Record:
    """Enter the caller as a volunteer to be; staff of the team's area are to approve."""
    await require_registered(conn, ctx)
    account_id = require_signed_in(ctx).account_id
    with refusing(volunteer_team_id_fkey=NotFound("team_not_found")):
        volunteer_id = await sql.volunteers.apply(
            conn, id=new_id(), account_id=account_id, team_id=team_id, languages=sorted(set(languages)), now=ctx.now
        )
    if volunteer_id is None:
        raise Conflict("volunteer_already")
    await _serve(conn, volunteer_id, areas)
    made = await _one(conn, volunteer_id)
    await audit.record(conn, ctx, "volunteers.applied", volunteer_id, team_id=str(team_id))
    return made


async def own(conn: Connection, ctx: Context) -> Record:
    account_id = require_signed_in(ctx).account_id
    entry = await sql.volunteers.by_account(conn, account_id=account_id)
    if entry is None:
        raise NotFound("volunteer_not_found")
    return await _one(conn, entry["id"])


async def change(
    conn: Connection, ctx: Context, team_id: UUID, areas: Sequence[UUID], languages: Sequence[str]
) -> Record:
    """Change what the caller serves; in another team the caller is a volunteer only once approved there."""
    await require_registered(conn, ctx)
    account_id = require_signed_in(ctx).account_id
    with refusing(volunteer_team_id_fkey=NotFound("team_not_found")):
        volunteer_id = await sql.volunteers.change(
            conn, account_id=account_id, team_id=team_id, languages=sorted(set(languages)), now=ctx.now
        )
    if volunteer_id is None:
        raise await _why_not(conn, account_id)
    await _serve(conn, volunteer_id, areas)
    shown = await _one(conn, volunteer_id)
    await audit.record(conn, ctx, "volunteers.changed", volunteer_id, team_id=str(team_id))
    return shown


async def leave(conn: Connection, ctx: Context) -> Record:
    """Stop being a volunteer; every mandate that the caller holds is revoked."""
    account_id = require_signed_in(ctx).account_id
    volunteer_id = await end(conn, ctx, (APPLIED, APPROVED))
    if volunteer_id is None:
        raise await _why_not(conn, account_id)
    shown = await _one(conn, volunteer_id)
    await audit.record(conn, ctx, "volunteers.left", volunteer_id)
    return shown


async def end(
    conn: Connection, ctx: Context, before: Sequence[VolunteerStatus] = (APPLIED, APPROVED, SUSPENDED)
) -> UUID | None:
    """End what the caller is as a volunteer, with every mandate, for a rule that writes the audit of it."""
    caller = require_signed_in(ctx)
    volunteer_id: UUID | None = await sql.volunteers.end(conn, account_id=caller.account_id, before=before, now=ctx.now)
    if volunteer_id is not None:
        await mandates.revoke_all(conn, ctx, volunteer_id=volunteer_id)
    return volunteer_id


async def card(conn: Connection, ctx: Context, volunteer_id: UUID) -> Record:
    """Show who an approved volunteer is, to whoever was given the id and thinks of a mandate."""
    await require_registered(conn, ctx)
    found: Record | None = await sql.volunteers.card(conn, id=volunteer_id)
    if found is None:
        raise NotFound("volunteer_not_found")
    return found


async def list_for_staff(
    conn: Connection, ctx: Context, status: VolunteerStatus | None, after: UUID | None, limit: int
) -> list[Record]:
    await require_staff_somewhere(conn, ctx, *CLERKS)
    found: list[Record] = await sql.volunteers.for_staff(
        conn,
        account_id=require_signed_in(ctx).account_id,
        roles=CLERKS,
        status=status,
        after=after,
        limit=limit + 1,
    )
    return found


async def approve(conn: Connection, ctx: Context, volunteer_id: UUID) -> Record:
    return await _decide(conn, ctx, volunteer_id, (APPLIED,), APPROVED)


async def suspend(conn: Connection, ctx: Context, volunteer_id: UUID) -> Record:
    """Take a volunteer's power; also how an application is refused."""
    return await _decide(conn, ctx, volunteer_id, (APPLIED, APPROVED), SUSPENDED)


async def reinstate(conn: Connection, ctx: Context, volunteer_id: UUID) -> Record:
    return await _decide(conn, ctx, volunteer_id, (SUSPENDED,), APPROVED)


async def teams_for_staff(conn: Connection, ctx: Context, after: UUID | None, limit: int) -> list[Record]:
    await require_staff_somewhere(conn, ctx, *CLERKS)
    account_id = require_signed_in(ctx).account_id
    found: list[Record] = await sql.volunteers.teams_for_staff(
        conn, account_id=account_id, roles=CLERKS, after=after, limit=limit + 1
    )
    return found


async def add_team(conn: Connection, ctx: Context, area_id: UUID, name: str, organisation: str) -> Record:
    await require_staff_in(conn, ctx, area_id, *MANAGERS)
    with refusing(team_name_key=Conflict("team_name_taken")):
        team_id = await sql.volunteers.add_team(
            conn, id=new_id(), area_id=area_id, name=name, organisation=organisation
        )
    made = await team(conn, ctx, team_id)
    await audit.record(conn, ctx, "volunteers.team_added", team_id, area_id=str(area_id))
    return made


async def team(conn: Connection, ctx: Context, team_id: UUID) -> Record:
    await require_staff_somewhere(conn, ctx, *CLERKS)
    found: Record = await sql.volunteers.team(conn, id=team_id)
    return found


async def _decide(
    conn: Connection,
    ctx: Context,
    volunteer_id: UUID,
    before: tuple[VolunteerStatus, ...],
    after: VolunteerStatus,
) -> Record:
    await require_staff_of_volunteer(conn, ctx, volunteer_id, *MANAGERS)
    moved = await sql.volunteers.move(
        conn,
        id=volunteer_id,
        before=before,
        after=after,
        decided_by=require_signed_in(ctx).account_id,
        now=ctx.now,
    )
    if moved is None:
        status = await sql.volunteers.status(conn, id=volunteer_id)
        if status != after:
            raise Conflict("volunteer_in_other_state", state=status)
        return await _one(conn, volunteer_id)
    shown = await _one(conn, volunteer_id)
    await audit.record(conn, ctx, f"volunteers.{after}", volunteer_id)
    return shown


async def _serve(conn: Connection, volunteer_id: UUID, areas: Sequence[UUID]) -> None:
    with refusing(volunteer_area_area_id_fkey=NotFound("area_not_found")):
        await sql.volunteers.set_areas(conn, volunteer_id=volunteer_id, areas=list(areas))


async def _why_not(conn: Connection, account_id: UUID) -> Conflict | NotFound:
    entry = await sql.volunteers.by_account(conn, account_id=account_id)
    if entry is None or entry["status"] == LEFT:
        return NotFound("volunteer_not_found")
    return Conflict("volunteer_in_other_state", state=entry["status"])


async def _one(conn: Connection, volunteer_id: UUID) -> Record:
    found: Record = await sql.volunteers.one(conn, id=volunteer_id)
    return found
