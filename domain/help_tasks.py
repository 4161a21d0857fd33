"""A volunteer and a help request: taken, declined, handed back; or given and taken away by the team.

Who takes one wins by one guarded step: of many at the same time it finds the request sought only for the first.

Locks: the volunteer, whose tasks are counted, the request, its offers, the turn of the volunteer's work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain import audit, dispatch_facts, help_codes, help_release, help_states, help_unit
from domain.errors import Conflict, NotFound
from domain.help_lists import require_of_team
from domain.help_states import Step
from domain.help_vocabulary import SOUGHT, TAKEN, Because, HelpState, OfferAnswer
from domain.notices import Notice, tell_all
from domain.permissions import require_registered, require_signed_in, require_team
from domain.vocabulary import CLERKS, NoticeKind, VolunteerStatus

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.help_codes import CodesText
    from domain.help_vocabulary import ReleaseReason
    from domain.rows import Row

HELD_BACK = (HelpState.ACCEPTED, HelpState.BOOKED)
"""What a volunteer may hand back; what is under way only the team takes from one."""


async def require_serving(conn: Connection, ctx: Context) -> Row:
    """Only who serves as a volunteer now; locks the volunteer, whom a suspension would change."""
    await require_registered(conn, ctx)
    account_id = require_signed_in(ctx).account_id
    locked = await sql.bookings.lock_volunteers(conn, account_ids=[account_id])
    if not locked or locked[0]["status"] != VolunteerStatus.APPROVED:
        raise NotFound("help_request_not_found")
    serving: Row = locked[0]
    return serving


async def require_task(conn: Connection, request_id: UUID, volunteer_id: UUID) -> Row:
    """Only who has a request now; locks it. To who had it or was asked for it the refusal says where it is."""
    locked = await help_states.lock(conn, [request_id])
    task: Row | None = await sql.help_tasks.task(conn, request_id=request_id, volunteer_id=volunteer_id)
    if task is None:
        raise NotFound("help_request_not_found")
    if task["volunteer_id"] != volunteer_id:
        raise Conflict("help_not_yours")
    request: Row = locked[0]
    return request


async def accept(conn: Connection, ctx: Context, request_id: UUID) -> CodesText | None:
    """Take a request that the caller is asked for; the first of many gets it. Repeated, it changes nothing.

    Return what is to be sent to the person's phone after the commit, if anything.
    """
    volunteer = await require_serving(conn, ctx)
    task = await sql.help_tasks.task(conn, request_id=request_id, volunteer_id=volunteer["id"])
    if task is None:
        raise NotFound("help_request_not_found")
    if task["volunteer_id"] == volunteer["id"] and task["state"] in TAKEN:
        await sql.help_tasks.replay(conn, id=request_id)
        return None
    _require_sought(task)
    if task["offer_status"] != OfferAnswer.LIVE or task["answer_by"] <= ctx.now:
        raise Conflict("help_offer_over")
    misfit = await dispatch_facts.misfit(conn, request_id, volunteer["id"], ctx.now)
    if misfit is not None:
        raise Conflict("help_does_not_fit", why=misfit)
    text = await _give(conn, ctx, task, volunteer["id"], Because.ACCEPTED)
    await audit.record(conn, ctx, "help_requests.accepted", request_id, volunteer_id=volunteer["id"])
    return text


async def decline(conn: Connection, ctx: Context, request_id: UUID) -> None:
    """Say no; nobody is asked why. Repeated, it changes nothing."""
    volunteer = await require_serving(conn, ctx)
    await help_states.lock(conn, [request_id])
    task = await sql.help_tasks.task(conn, request_id=request_id, volunteer_id=volunteer["id"])
    if task is None:
        raise NotFound("help_request_not_found")
    if task["offer_status"] == OfferAnswer.DECLINED:
        return
    declined = await sql.help_tasks.decline(conn, request_id=request_id, volunteer_id=volunteer["id"], now=ctx.now)
    if declined is None:
        raise Conflict("help_offer_over")
    await sql.help_release.wake(conn, ids=[request_id], now=ctx.now)
    await audit.record(conn, ctx, "help_requests.declined", request_id, volunteer_id=volunteer["id"])


async def release(conn: Connection, ctx: Context, request_id: UUID, reason: ReleaseReason) -> None:
    """Hand a request back: others are asked at once, and a booking that stands is kept."""
    volunteer = await require_serving(conn, ctx)
    request = await require_task(conn, request_id, volunteer["id"])
    if request["state"] not in HELD_BACK:
        raise Conflict("help_in_other_state", state=request["state"])
    account_id = require_signed_in(ctx).account_id
    facts = {"reason": reason}
    await help_release.hand_back(conn, [request], Because.HANDED_BACK, account_id, ctx.now, facts)
    await audit.record(conn, ctx, "help_requests.handed_back", request_id, volunteer_id=volunteer["id"], reason=reason)


async def assign(
    conn: Connection, ctx: Context, team_id: UUID, request_id: UUID, volunteer_id: UUID
) -> CodesText | None:
    """Give a request to a volunteer of the team, who was spoken to. Repeated, it changes nothing.

    Return what is to be sent to the person's phone after the commit, if anything.
    """
    await require_team(conn, ctx, team_id, *CLERKS)
    await require_of_team(conn, team_id, request_id)
    volunteer = await sql.help_tasks.lock_volunteer(conn, id=volunteer_id)
    if volunteer is None or volunteer["team_id"] != team_id:
        raise NotFound("volunteer_not_found")
    (request,) = await help_states.lock(conn, [request_id])
    if request["volunteer_id"] == volunteer_id and request["state"] in TAKEN:
        await sql.help_tasks.replay(conn, id=request_id)
        return None
    _require_sought(request)
    misfit = await dispatch_facts.misfit(conn, request_id, volunteer_id, ctx.now, again=True)
    if misfit is not None:
        raise Conflict("volunteer_does_not_fit", why=misfit)
    text = await _give(conn, ctx, request, volunteer_id, Because.ASSIGNED)
    await audit.record(conn, ctx, "help_requests.assigned", request_id, volunteer_id=volunteer_id)
    return text


async def release_by_team(
    conn: Connection, ctx: Context, team_id: UUID, request_id: UUID, reason: ReleaseReason
) -> None:
    """Take a request from who has it, also while it is under way; others are asked at once."""
    await require_team(conn, ctx, team_id, *CLERKS)
    await require_of_team(conn, team_id, request_id)
    (request,) = await help_states.lock(conn, [request_id])
    if request["state"] not in TAKEN:
        raise Conflict("help_in_other_state", state=request["state"])
    account_id = require_signed_in(ctx).account_id
    facts = {"reason": reason}
    await help_release.hand_back(conn, [request], Because.RELEASED_BY_LEADER, account_id, ctx.now, facts)
    await audit.record(
        conn, ctx, "help_requests.released", request_id, volunteer_id=request["volunteer_id"], reason=reason
    )


def _require_sought(request: Row) -> None:
    if request["state"] in TAKEN:
        raise Conflict("help_request_taken")
    if request["state"] not in SOUGHT:
        raise Conflict("help_in_other_state", state=request["state"])


async def _give(conn: Connection, ctx: Context, seen: Row, volunteer_id: UUID, because: Because) -> CodesText | None:
    """Let a volunteer, who is locked and fits, have a request; whoever else was asked is told that it is gone."""
    if min(seen["expires_at"], seen["starts_at"] or seen["expires_at"]) <= ctx.now:
        raise Conflict("help_time_over")
    actor_id, request_id = require_signed_in(ctx).account_id, seen["id"]
    taken = Step(request_id, SOUGHT, HelpState.ACCEPTED, because, volunteer_id=volunteer_id, actor_id=actor_id)
    request = await help_states.take(conn, taken, ctx.now)
    if request is None:
        raise Conflict("help_request_taken")
    withdrawn = await sql.help_tasks.settle_offers(conn, request_id=request_id, volunteer_id=volunteer_id, now=ctx.now)
    await help_unit.hold_work(conn, [volunteer_id])
    if request["starts_at"] is not None:
        await fix_time(conn, ctx, request, Because.TIME_KNOWN)
    await sql.help_tasks.found(conn, id=request_id)
    text = await help_codes.give(conn, ctx, request_id)
    told = [Notice(request["person_id"], NoticeKind.HELP_ACCEPTED, request_id, {"volunteer_id": volunteer_id})]
    gone = [(request_id, row["volunteer_id"]) for row in withdrawn]
    told += await help_release.told_to_volunteers(conn, gone, HelpState.ACCEPTED)
    if because is Because.ASSIGNED:
        rows = await sql.help_release.own_people(conn, volunteers=[volunteer_id])
        told += [Notice(row["person_id"], NoticeKind.HELP_OFFERED, request_id, {"way": because}) for row in rows]
    await tell_all(conn, ctx.now, told)
    return text


async def fix_time(conn: Connection, ctx: Context, request: Row, because: Because) -> None:
    """Bring a request that somebody has, and whose time is known, to where the volunteer is bound for that.

    The request and the turn of the volunteer's work are locked.
    """
    refusal = await help_unit.bind(conn, request, request["starts_at"], request["ends_at"])
    if refusal is not None:
        raise refusal
    step = Step(
        request["id"],
        HELD_BACK,
        HelpState.BOOKED,
        because,
        volunteer_id=request["volunteer_id"],
        actor_id=require_signed_in(ctx).account_id,
    )
    await help_states.take(conn, step, ctx.now)
