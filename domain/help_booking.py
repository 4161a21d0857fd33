"""The time of a help request that a volunteer has: by a booking, or agreed with the family.

Locks of booking under a request: the person, the volunteer, the mandate, the request, the turn of the volunteer's work,
then all of `domain.bookings.book`, which comes by the first three again and ends with the audit chain.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, help_states, help_unit, mandate_use
from domain.booking_rules import BookingRequest
from domain.bookings import book as book_all
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from domain.help_states import Step
from domain.help_tasks import HELD_BACK, require_serving, require_task
from domain.help_vocabulary import MAX_AGREED_HOURS, MAX_WISHED_DAYS_AHEAD, Because, HelpState
from domain.identifiers import new_id
from domain.notices import Notice, tell_all
from domain.permissions import require_signed_in
from domain.vocabulary import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def book(conn: Connection, ctx: Context, request_id: UUID, slot_id: UUID, answers: Mapping[str, Any]) -> UUID:
    """Book for the person of a request, under the mandate that covers its matter; return the booking's id.

    Where nothing but the number was needed, the request is completed by it.
    """
    account_id = require_signed_in(ctx).account_id
    seen = await sql.help_tasks.held_by(conn, request_id=request_id, account_id=account_id)
    if seen is None:
        raise NotFound("help_request_not_found")
    if not seen["to_be_booked"]:
        raise Conflict("help_needs_no_booking")
    await sql.bookings.lock_people_to_book(conn, ids=[seen["person_id"]], accounts=[], people=[])
    volunteer = await require_serving(conn, ctx)
    mandate_id = await mandate_use.covering(conn, ctx, account_id, seen["person_id"], seen["matter"])
    if mandate_id is None:
        raise Forbidden("help_needs_mandate")
    await mandate_use.hold(conn, [mandate_id], [account_id])
    request = await require_task(conn, request_id, volunteer["id"])
    _check_bookable(request)
    await _check_matter(conn, request, slot_id)
    (time,) = await sql.help_unit.times(conn, requests=[request_id], slots=[slot_id])
    await _bind_anew(conn, request, time["starts_at"], time["ends_at"])
    wanted = BookingRequest(
        account_id=account_id,
        slot_id=slot_id,
        person_id=request["person_id"],
        mandate_id=mandate_id,
        answers=answers,
        key=f"help {new_id()}",  # no client's key holds a blank; a repeat does not come here
        request_id=ctx.request_id,
    )
    (outcome,) = await book_all(conn, ctx.vault, [wanted], ctx.now)
    if isinstance(outcome, Refusal):
        raise outcome
    await _set_time(conn, ctx, request, outcome["id"], time["starts_at"], time["ends_at"], Because.BOOKED)
    if not help_unit.comes_along(request):
        await _complete(conn, ctx, request)
    booking_id: UUID = outcome["id"]
    await audit.record(conn, ctx, "help_requests.booked", request_id, booking_id=booking_id, mandate_id=mandate_id)
    return booking_id


async def agree(conn: Connection, ctx: Context, request_id: UUID, starts_at: datetime, ends_at: datetime) -> None:
    """Say when the volunteer comes, as agreed with the family, where no booking says it. May be agreed anew."""
    volunteer = await require_serving(conn, ctx)
    _check_span(ctx.now, starts_at, ends_at)
    request = await require_task(conn, request_id, volunteer["id"])
    _require_held(request)
    if not help_unit.comes_along(request):
        raise Conflict("help_needs_only_booking")
    if request["booking_id"] is not None:
        raise Conflict("help_has_booking", booking_id=request["booking_id"])
    await _bind_anew(conn, request, starts_at, ends_at)
    await _set_time(conn, ctx, request, None, starts_at, ends_at, Because.TIME_AGREED)
    await audit.record(
        conn, ctx, "help_requests.time_agreed", request_id, starts_at=starts_at.isoformat(), ends_at=ends_at.isoformat()
    )


def _check_span(now: datetime, starts_at: datetime, ends_at: datetime) -> None:
    errors = {}
    if starts_at <= now:
        errors["starts_at"] = ["in_the_past"]
    if starts_at > now + timedelta(days=MAX_WISHED_DAYS_AHEAD):
        errors["starts_at"] = [f"too_many_days_ahead {MAX_WISHED_DAYS_AHEAD}"]
    if not starts_at < ends_at <= starts_at + timedelta(hours=MAX_AGREED_HOURS):
        errors["ends_at"] = [f"not_within_hours {MAX_AGREED_HOURS}"]
    if errors:
        raise Invalid("invalid_input", errors=errors)


def _require_held(request: Row) -> None:
    if request["state"] not in HELD_BACK:
        raise Conflict("help_in_other_state", state=request["state"])


def _check_bookable(request: Row) -> None:
    _require_held(request)
    if request["booking_id"] is not None:
        raise Conflict("help_has_booking", booking_id=request["booking_id"])


async def _check_matter(conn: Connection, request: Row, slot_id: UUID) -> None:
    """Refuse a slot of another matter than the family asked for, though the mandate may cover that too."""
    slots = await sql.bookings.slots(conn, ids=[slot_id])
    if not slots:
        raise NotFound("slot_not_found")
    if slots[0]["kind"] != request["matter"]:
        raise Conflict("help_slot_of_other_matter", matters=[request["matter"]])


async def _bind_anew(conn: Connection, request: Row, starts_at: datetime, ends_at: datetime) -> None:
    await help_unit.hold_work(conn, [request["volunteer_id"]])
    await sql.help_unit.release_work(conn, ids=[request["id"]])
    refusal = await help_unit.bind(conn, request, starts_at, ends_at)
    if refusal is not None:
        raise refusal


async def _set_time(
    conn: Connection,
    ctx: Context,
    request: Row,
    booking_id: UUID | None,
    starts_at: datetime,
    ends_at: datetime,
    because: Because,
) -> None:
    await sql.help_unit.set_time(conn, id=request["id"], booking_id=booking_id, starts_at=starts_at, ends_at=ends_at)
    await _step(conn, ctx, request, HelpState.BOOKED, because)
    told = Notice(
        request["person_id"], NoticeKind.HELP_BOOKED, request["id"], {"volunteer_id": request["volunteer_id"]}
    )
    await tell_all(conn, ctx.now, [told])


async def _complete(conn: Connection, ctx: Context, request: Row) -> None:
    await _step(conn, ctx, request, HelpState.COMPLETED, Because.COMPLETED)
    await sql.help_release.close(conn, ids=[request["id"]])
    told = Notice(
        request["person_id"], NoticeKind.HELP_COMPLETED, request["id"], {"volunteer_id": request["volunteer_id"]}
    )
    await tell_all(conn, ctx.now, [told])


async def _step(conn: Connection, ctx: Context, request: Row, after: HelpState, because: Because) -> None:
    step = Step(
        request["id"],
        HELD_BACK,
        after,
        because,
        volunteer_id=request["volunteer_id"],
        actor_id=require_signed_in(ctx).account_id,
    )
    if await help_states.take(conn, step, ctx.now) is None:
        raise Conflict("help_in_other_state", state=request["state"])
