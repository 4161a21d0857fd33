"""What a team's leader or staff decide about volunteers: approve, suspend (which freezes at once), reinstate, dismiss.

The row of the volunteer is changed first: whoever acts as a volunteer holds it, so an act is either done before or
refused. Then mandates and help requests are taken, in the order of all locks. Nobody decides about oneself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sql
from domain import audit, help_release, notices, volunteers
from domain.errors import Conflict, NotFound
from domain.help_vocabulary import Because
from domain.permissions import (
    require_not_oneself,
    require_signed_in,
    require_staff_of_volunteer,
    require_staff_somewhere,
    require_team,
)
from domain.vocabulary import CLERKS, MANAGERS, NoticeKind, VolunteerStatus, local_day
from domain.volunteers import APPLIED, APPROVED, LEFT, SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context


@dataclass(frozen=True, slots=True)
class Decision:
    """From which states into which, how it stands in the audit, and what the volunteer is told."""

    before: tuple[VolunteerStatus, ...]
    after: VolunteerStatus
    action: str
    kind: NoticeKind


APPROVE = Decision((APPLIED,), APPROVED, "volunteers.approved", NoticeKind.VOLUNTEER_APPROVED)
SUSPEND = Decision((APPLIED, APPROVED), SUSPENDED, "volunteers.suspended", NoticeKind.VOLUNTEER_SUSPENDED)
"""Takes a volunteer's power; also how an application is refused."""
REINSTATE = Decision((SUSPENDED,), APPROVED, "volunteers.reinstated", NoticeKind.VOLUNTEER_REINSTATED)
DISMISS = Decision((APPLIED, APPROVED, SUSPENDED), LEFT, "volunteers.dismissed", NoticeKind.VOLUNTEER_DISMISSED)


async def list_for_staff(
    conn: Connection, ctx: Context, status: VolunteerStatus | None, after: UUID | None, limit: int
) -> list[Record]:
    caller = await require_staff_somewhere(conn, ctx, *CLERKS)
    rows = await sql.volunteers.ids_for_staff(
        conn, account_id=caller.account_id, roles=CLERKS, status=status, after=after, limit=limit + 1
    )
    return await _shown(conn, ctx, rows)


async def list_of_team(
    conn: Connection, ctx: Context, team_id: UUID, status: VolunteerStatus | None, after: UUID | None, limit: int
) -> list[Record]:
    await require_team(conn, ctx, team_id, *CLERKS)
    rows = await sql.volunteers.ids_of_team(conn, team_id=team_id, status=status, after=after, limit=limit + 1)
    return await _shown(conn, ctx, rows)


async def show(conn: Connection, ctx: Context, team_id: UUID, volunteer_id: UUID) -> Record:
    await require_team(conn, ctx, team_id, *CLERKS)
    if await sql.volunteers.status(conn, id=volunteer_id, team_id=team_id) is None:
        raise NotFound("volunteer_not_found")
    return await volunteers.one(conn, ctx, volunteer_id)


async def decide(
    conn: Connection, ctx: Context, team_id: UUID, volunteer_id: UUID, decision: Decision, reason: str
) -> Record:
    """Decide about a volunteer of a team, as its leader or as staff; doing so again changes nothing."""
    await require_team(conn, ctx, team_id, *MANAGERS)
    await require_not_oneself(conn, ctx, volunteer_id)
    return await _decide(conn, ctx, team_id, volunteer_id, decision, reason)


async def decide_as_staff(
    conn: Connection, ctx: Context, volunteer_id: UUID, decision: Decision, reason: str
) -> Record:
    """Decide about a volunteer of whichever team the caller looks after."""
    await require_staff_of_volunteer(conn, ctx, volunteer_id, *MANAGERS)
    team_id = await sql.volunteers.team_of(conn, id=volunteer_id)
    return await _decide(conn, ctx, team_id, volunteer_id, decision, reason)


async def _decide(
    conn: Connection, ctx: Context, team_id: UUID, volunteer_id: UUID, decision: Decision, reason: str
) -> Record:
    moved = await sql.volunteers.move(
        conn,
        id=volunteer_id,
        team_id=team_id,
        before=decision.before,
        after=decision.after,
        reason=reason,
        decided_by=require_signed_in(ctx).account_id,
        now=ctx.now,
    )
    if moved is None:
        return await _as_it_is(conn, ctx, team_id, volunteer_id, decision)
    if decision is SUSPEND:
        await help_release.release_of_volunteer(conn, ctx, volunteer_id, Because.VOLUNTEER_SUSPENDED)
    elif decision is DISMISS:
        await volunteers.take_everything(conn, ctx, volunteer_id, "team")
    shown = await volunteers.one(conn, ctx, volunteer_id)
    await _tell(conn, ctx, shown, decision, reason, refused=moved["was"] == APPLIED)
    await audit.record(conn, ctx, decision.action, volunteer_id, team_id=str(team_id), was=moved["was"])
    return shown


async def _as_it_is(conn: Connection, ctx: Context, team_id: UUID, volunteer_id: UUID, decision: Decision) -> Record:
    """Return a volunteer who is already what was decided, or say why that cannot be."""
    status = await sql.volunteers.status(conn, id=volunteer_id, team_id=team_id)
    if status is None:
        raise NotFound("volunteer_not_found")
    if status != decision.after:
        raise Conflict("volunteer_in_other_state", state=status)
    return await volunteers.one(conn, ctx, volunteer_id)


async def _tell(
    conn: Connection, ctx: Context, volunteer: Record, decision: Decision, reason: str, *, refused: bool
) -> None:
    """Tell the volunteer, who may have let the own registration go in the meantime."""
    if volunteer["person_id"] is None:
        return
    facts = {"reason": reason} if reason else {}
    if refused and decision is not APPROVE:
        facts["way"] = "refused"
    await notices.tell(conn, ctx, volunteer["person_id"], decision.kind, volunteer["id"], **facts)


async def _shown(conn: Connection, ctx: Context, rows: Sequence[Record]) -> list[Record]:
    found: list[Record] = await sql.volunteers.shown(conn, ids=[row["id"] for row in rows], today=local_day(ctx.now))
    return found
