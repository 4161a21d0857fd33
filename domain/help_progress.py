"""Start and end of a help, as the volunteer confirms them: by the family's code, or by being at the provider.

Of a position only the distance is kept. Locks: the volunteer, then the help request, then its hours.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import sql
from domain import audit, help_states, notices
from domain.constraints import refusing
from domain.errors import Conflict, Invalid, NotFound
from domain.help_hours_rules import (
    Position,
    claimed,
    day_span,
    metres_between,
    minutes_between,
    start_span,
)
from domain.help_states import Step
from domain.help_vocabulary import Because, ConfirmedWay, HelpState
from domain.permissions import require_signed_in
from domain.vocabulary import NoticeKind, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def start(conn: Connection, ctx: Context, request_id: UUID, proof: Mapping[str, Any]) -> Row:
    """Begin a help that the caller has, by a `code` or a `position`; a repeat is told the same again."""
    task = await _lock_own(conn, ctx, request_id)
    if task["state"] == HelpState.UNDER_WAY:
        return await _again(conn, task)
    _require_state(task, HelpState.BOOKED)
    begins, ends = start_span(task["starts_at"], task["ends_at"])
    if not begins <= ctx.now < ends:
        raise Conflict("help_not_the_time", begins=begins, ends=ends)
    way, distance = await _confirm(conn, ctx, task, proof, "start_code")
    with refusing(help_hours_apart=Conflict("other_help_under_way")):
        await sql.help_progress.start(
            conn, request_id=request_id, volunteer_id=task["volunteer_id"], now=ctx.now, way=way
        )
    await go_on(conn, ctx, task, HelpState.UNDER_WAY, Because.STARTED, distance | {"way": way})
    await tell_family(conn, ctx, task, NoticeKind.HELP_STARTED)
    return await recorded(conn, ctx, task, "help_requests.started", way)


async def complete(conn: Connection, ctx: Context, request_id: UUID, proof: Mapping[str, Any]) -> Row:
    """End a help that the caller is giving, as it was started; its `travel_minutes` do not count."""
    task = await _lock_own(conn, ctx, request_id)
    if task["state"] == HelpState.COMPLETED:
        return await _again(conn, task)
    _require_state(task, HelpState.UNDER_WAY)
    hours = await sql.help_progress.hours(conn, request_id=request_id)
    worked, travel_minutes = minutes_between(hours["started_at"], ctx.now), proof["travel_minutes"]
    if travel_minutes > worked:
        raise Invalid("travel_longer_than_help", minutes=worked)
    way, distance = await _confirm(conn, ctx, task, proof, "end_code")
    others, limit = await work_of_day(conn, task, hours["started_at"])
    minutes = claimed(worked - travel_minutes, others, limit)
    await sql.help_progress.finish(
        conn, request_id=request_id, ended_at=ctx.now, way=way, travel_minutes=travel_minutes, minutes=minutes
    )
    await sql.help_progress.close_task(conn, request_id=request_id, ended_at=ctx.now)
    account_id = require_signed_in(ctx).account_id
    await sql.help_progress.close_alarm(conn, request_id=request_id, account_id=account_id, now=ctx.now)
    facts = distance | {"way": way, "minutes": minutes, "not_counted": worked - travel_minutes - minutes}
    await go_on(conn, ctx, task, HelpState.COMPLETED, Because.COMPLETED, facts)
    await tell_family(conn, ctx, task, NoticeKind.HELP_COMPLETED)
    return await recorded(conn, ctx, task, "help_requests.completed", way, minutes=minutes)


async def work_of_day(conn: Connection, task: Row, started_at: datetime) -> tuple[int, int]:
    """Return the minutes of the other work of the day, and how many a day has; the volunteer is locked."""
    begins, ends = day_span(local_day(started_at))
    others = await sql.help_progress.worked_on(
        conn, volunteer_id=task["volunteer_id"], begins=begins, ends=ends, but=task["id"]
    )
    rules = await sql.help_progress.rules(conn, request_id=task["id"])
    return others, rules["limit_minutes_day"]


async def _lock_own(conn: Connection, ctx: Context, request_id: UUID) -> Row:
    """Only the volunteer who has the request, and serves; a suspension that is just being made is waited for."""
    caller = require_signed_in(ctx)
    volunteer = await sql.help_progress.lock_serving(conn, account_id=caller.account_id)
    task: Row | None = volunteer and await sql.help_progress.lock_task(
        conn, id=request_id, volunteer_id=volunteer["id"]
    )
    if task is None:
        raise NotFound("help_request_not_found")
    return task


def _require_state(task: Row, needed: HelpState) -> None:
    if task["state"] != needed:
        raise Conflict("help_in_other_state", state=task["state"])


async def _confirm(
    conn: Connection, ctx: Context, task: Row, proof: Mapping[str, Any], code_name: str
) -> tuple[ConfirmedWay, dict[str, int]]:
    """Return how it is confirmed, with the distance where that counts; raise where it is not.

    Who cares for the person sees the codes: such a volunteer's word by them would be the volunteer's own.
    """
    if proof["position"] is not None:
        return ConfirmedWay.POSITION, {"metres": await _require_near(conn, task, Position(**proof["position"]))}
    account_id = require_signed_in(ctx).account_id
    if await sql.permissions.cares_for(conn, account_id=account_id, person_id=task["person_id"]):
        raise Conflict("help_code_of_carer")
    if task[code_name] is None or task["code_attempts_left"] == 0:
        raise Conflict("help_code_spent")
    if not hmac.compare_digest(task[code_name], proof["code"] or ""):
        left = await sql.help_progress.spend_attempt(conn, id=task["id"])
        await audit.record(conn, ctx, "help_requests.code_failed", task["id"], attempts_left=left)
        raise Conflict("help_code_wrong", attempts_left=left).keeping()
    return ConfirmedWay.CODE, {}


async def _require_near(conn: Connection, task: Row, position: Position) -> int:
    rules = await sql.help_progress.rules(conn, request_id=task["id"])
    if rules["latitude"] is None:
        raise Conflict("help_place_unknown")
    metres = metres_between(position, Position(rules["latitude"], rules["longitude"]))
    if metres > rules["position_metres"]:
        raise Conflict("help_too_far", metres=metres, limit=rules["position_metres"])
    return metres


async def go_on(
    conn: Connection, ctx: Context, task: Row, after: HelpState, because: Because, facts: dict[str, object]
) -> None:
    """Go on from the state that the locked request was found in."""
    step = Step(
        task["id"],
        (HelpState(task["state"]),),
        after,
        because,
        volunteer_id=task["volunteer_id"],
        actor_id=require_signed_in(ctx).account_id,
        facts=facts,
    )
    await help_states.take(conn, step, ctx.now)


async def tell_family(conn: Connection, ctx: Context, task: Row, kind: NoticeKind) -> None:
    await notices.tell(conn, ctx, task["person_id"], kind, task["id"], volunteer_id=task["volunteer_id"])


async def recorded(
    conn: Connection, ctx: Context, task: Row, action: str, way: ConfirmedWay, **facts: audit.Fact
) -> Row:
    shown: Row = await sql.help_progress.hours(conn, request_id=task["id"])
    await audit.record(
        conn, ctx, action, task["id"], person_id=task["person_id"], volunteer_id=task["volunteer_id"], way=way, **facts
    )
    return shown


async def _again(conn: Connection, task: Row) -> Row:
    """Answer a repeat, and write it; what was done by booking alone has no hours to tell."""
    shown: Row | None = await sql.help_progress.hours(conn, request_id=task["id"])
    if shown is None:
        raise Conflict("help_in_other_state", state=task["state"])
    await sql.help_progress.replay(conn, request_id=task["id"])
    return shown
