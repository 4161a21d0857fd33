"""What the team's leader puts right: a help that nobody confirmed, and minutes that are not true.

A leader never decides on the hours of the leader's own work; another leader or staff of the team's area does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sql
from domain import audit, help_progress, notices
from domain.constraints import refusing
from domain.errors import Conflict, Invalid, NotFound
from domain.help_hours_rules import minutes_between
from domain.help_vocabulary import TAKEN, Because, ConfirmedWay, HelpState
from domain.identifiers import new_id
from domain.permissions import require_not_oneself, require_team
from domain.vocabulary import MANAGERS, NoticeKind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


@dataclass(frozen=True, slots=True)
class Told:
    """How a help went, as the leader was told. `started_at` is None where the start was confirmed."""

    started_at: datetime | None
    ended_at: datetime
    travel_minutes: int
    reason: str


async def complete(conn: Connection, ctx: Context, team_id: UUID, request_id: UUID, told: Told) -> Row:
    """Complete a help that the volunteer did not, by what was told.

    A start that was confirmed stands, and no help begins before it was asked for.
    """
    caller = await require_team(conn, ctx, team_id, *MANAGERS)
    task = await _lock_task(conn, ctx, team_id, request_id)
    if task["state"] not in TAKEN:
        raise Conflict("help_in_other_state", state=task["state"])
    before: Row | None = await sql.help_progress.hours(conn, request_id=request_id)
    started_at = _start(told, before)
    if not task["created_at"] <= started_at <= told.ended_at <= ctx.now:
        raise Invalid("help_times_order")
    worked = minutes_between(started_at, told.ended_at)
    if told.travel_minutes > worked:
        raise Invalid("travel_longer_than_help", minutes=worked)
    minutes = worked - told.travel_minutes
    await _require_room(conn, task, started_at, minutes)
    confirmed = {"ended_at": told.ended_at, "way": ConfirmedWay.LEADER, "travel_minutes": told.travel_minutes}
    if before is None:
        with refusing(help_hours_apart=Conflict("hours_overlap")):
            await sql.help_progress.enter(
                conn,
                request_id=request_id,
                volunteer_id=task["volunteer_id"],
                started_at=started_at,
                minutes=minutes,
                **confirmed,
            )
    else:
        await sql.help_progress.finish(conn, request_id=request_id, minutes=minutes, **confirmed)
    await sql.help_progress.close_task(conn, request_id=request_id, ended_at=told.ended_at)
    facts = {"way": ConfirmedWay.LEADER, "minutes": minutes, "reason": told.reason}
    await help_progress.go_on(conn, ctx, task, HelpState.COMPLETED, Because.COMPLETED_BY_LEADER, facts)
    await sql.help_progress.close_alarm(conn, request_id=request_id, account_id=caller.account_id, now=ctx.now)
    await help_progress.tell_family(conn, ctx, task, NoticeKind.HELP_COMPLETED)
    await _tell_volunteer(conn, ctx, task, reason=told.reason, way="completed")
    return await help_progress.recorded(
        conn, ctx, task, "help_requests.completed_by_leader", ConfirmedWay.LEADER, minutes=minutes
    )


async def correct(conn: Connection, ctx: Context, team_id: UUID, request_id: UUID, minutes: int, reason: str) -> Row:
    """Let other minutes count; every correction stays to be seen, and the volunteer is told why."""
    caller = await require_team(conn, ctx, team_id, *MANAGERS)
    hours = await _lock_hours(conn, ctx, team_id, request_id)
    if hours["minutes"] is None:
        raise Conflict("help_not_over")
    if hours["minutes"] != minutes:
        await _require_room(conn, hours, hours["started_at"], minutes)
        await sql.help_hours.correct(
            conn,
            id=new_id(),
            request_id=request_id,
            account_id=caller.account_id,
            minutes=minutes,
            reason=reason,
            now=ctx.now,
        )
        await _tell_volunteer(conn, ctx, hours, reason=reason)
        await audit.record(
            conn,
            ctx,
            "help_hours.corrected",
            request_id,
            volunteer_id=hours["volunteer_id"],
            before=hours["minutes"],
            after=minutes,
        )
    shown: Row = await sql.help_hours.one(conn, request_id=request_id)
    return shown


def _start(told: Told, before: Row | None) -> datetime:
    """Return when the help began: as confirmed, else as told; never both."""
    if before is None:
        if told.started_at is None:
            raise Invalid("invalid_input", errors={"started_at": ["required"]})
        return told.started_at
    if told.started_at is not None:
        raise Conflict("help_start_confirmed", started_at=before["started_at"])
    started_at: datetime = before["started_at"]
    return started_at


async def _require_room(conn: Connection, task: Row, started_at: datetime, minutes: int) -> None:
    others, limit = await help_progress.work_of_day(conn, task, started_at)
    if minutes > max(0, limit - others):
        raise Conflict("hours_beyond_day", limit=limit, left=max(0, limit - others))


async def _lock_task(conn: Connection, ctx: Context, team_id: UUID, request_id: UUID) -> Row:
    volunteer_id = await sql.help_progress.who_has(conn, id=request_id, team_id=team_id)
    if volunteer_id is None:
        raise NotFound("help_request_not_found")
    await require_not_oneself(conn, ctx, volunteer_id)
    await sql.help_progress.lock_volunteers(conn, ids=[volunteer_id])
    task: Row | None = await sql.help_progress.lock_task(conn, id=request_id, volunteer_id=volunteer_id)
    if task is None:
        raise Conflict("changed_meanwhile")
    return task


async def _lock_hours(conn: Connection, ctx: Context, team_id: UUID, request_id: UUID) -> Row:
    volunteer_id = await sql.help_hours.whose(conn, request_id=request_id, team_id=team_id)
    if volunteer_id is None:
        raise NotFound("help_hours_not_found")
    await require_not_oneself(conn, ctx, volunteer_id)
    await sql.help_progress.lock_volunteers(conn, ids=[volunteer_id])
    hours: Row = await sql.help_hours.lock(conn, request_id=request_id)
    return hours


async def _tell_volunteer(conn: Connection, ctx: Context, work: Row, **facts: str) -> None:
    person_id = await sql.help_hours.own_person(conn, volunteer_id=work["volunteer_id"])
    if person_id is not None:
        await notices.tell(conn, ctx, person_id, NoticeKind.HELP_HOURS_CORRECTED, work["id"], **facts)
