"""Moving a booking: a place in another slot of its service for the old one, in one step, or nothing at all.

Locks, in everybody's order: the account's turn, the person, the volunteer and the mandate, the help request, the queue
of the service, the booking, then the pools of both slots at once. `domain.bookings.book` comes by the same rows again
and waits for none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit, help_unit, mandate_use, places
from domain.booking_batch import desk_providers
from domain.booking_changes import ChangeRequest, check_cancelling_hour
from domain.booking_lists import by_ids
from domain.booking_rules import BookingRequest
from domain.bookings import book, pools_locked
from domain.errors import Conflict, NotFound, Refusal
from domain.notices import Notice, tell_all
from domain.permissions import require_signed_in
from domain.vocabulary import BookingStatus, Channel, KeptBecause, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def move(
    conn: Connection,
    ctx: Context,
    booking_id: UUID,
    slot_id: UUID,
    answers: Mapping[str, Any] | None = None,
    *,
    desk: bool = False,
) -> Row:
    """Book in another slot of the same service for the same person, give the old place back; return the new booking.

    The rules are those of booking anew, with the old booking not counting, and those of cancelling the old one.
    `answers`: those of the old booking, unless given. `desk`: by staff of the provider.
    """
    seen = await _require_may_move(conn, ctx, booking_id, desk=desk)
    by_volunteer = not desk and not seen["cares"]
    account_id = require_signed_in(ctx).account_id
    counting = [] if desk or by_volunteer else [seen["person_id"]]
    await sql.bookings.lock_people_to_book(
        conn, ids=[seen["person_id"]], accounts=[account_id for _ in counting], people=counting
    )
    if by_volunteer:
        await mandate_use.hold_to_act(conn, account_id, seen["mandate_id"])
    await help_unit.hold(conn, [booking_id])
    await places.hold_queues(conn, [seen["service_id"]])
    await sql.bookings.lock_bookings(conn, ids=[booking_id])
    old = await _find(conn, ctx, booking_id)
    _check_old(ctx, old, desk=desk)
    await _check_service(conn, old, slot_id)
    only = await _lock_pools(conn, old, slot_id)
    await sql.bookings.set_status(
        conn, ids=[booking_id], statuses=[BookingStatus.MOVED], reasons=[""], actors=[account_id], now=ctx.now
    )
    await places.give_back(conn, [places.Returned(old["slot_id"], old["channel"], KeptBecause.MOVED)], ctx.now)
    wanted = BookingRequest(
        account_id=account_id,
        slot_id=slot_id,
        person_id=old["person_id"],
        mandate_id=old["mandate_id"] if by_volunteer else None,
        answers=old["answers"] if answers is None else answers,
        key=f"moved {booking_id}",  # no client's key holds a blank, and no booking is moved twice
        desk=desk,
        only=only,
        request_id=ctx.request_id,
    )
    (outcome,) = await book(conn, ctx.vault, [wanted], ctx.now)
    if isinstance(outcome, Refusal):
        raise outcome
    new_id = outcome["id"]
    await sql.moving.link(conn, id=new_id, moved_from=booking_id, mandate_id=old["mandate_id"])
    if old["has_help"]:
        moved = help_unit.Moved(new_id, slot_id, account_id, strict=by_volunteer)
        await help_unit.follow_moves(conn, {booking_id: moved}, ctx.now)
    if desk or by_volunteer:
        facts = {"by": "desk" if desk else "volunteer", "was": old["starts_at"]}
        await tell_all(conn, ctx.now, [Notice(old["person_id"], NoticeKind.BOOKING_MOVED, new_id, facts)])
    await audit.record(conn, ctx, "bookings.moved", booking_id, to=new_id)
    return (await by_ids(conn, [new_id]))[0]


async def show(conn: Connection, ctx: Context, booking_id: UUID, *, desk: bool = False) -> Row:
    """Return what a move made, to whoever may still move it: the answer to a repeated request."""
    await _require_may_move(conn, ctx, booking_id, desk=desk)
    return (await by_ids(conn, [booking_id]))[0]


async def _require_may_move(conn: Connection, ctx: Context, booking_id: UUID, *, desk: bool) -> Row:
    """Only for a person in one's care, under the booking's live mandate, or at a desk of its provider."""
    caller = require_signed_in(ctx)
    seen = await _find(conn, ctx, booking_id)
    if desk:
        may = seen["provider_id"] in (await desk_providers(conn, [caller.account_id]))[caller.account_id]
    else:
        may = seen["cares"] or seen["has_mandate"]
    if not may:
        raise NotFound("booking_not_found")
    return seen


async def _find(conn: Connection, ctx: Context, booking_id: UUID) -> Row:
    account_id = require_signed_in(ctx).account_id
    found: Row | None = await sql.moving.booking(conn, id=booking_id, account_id=account_id, now=ctx.now)
    if found is None:
        raise NotFound("booking_not_found")
    return found


def _check_old(ctx: Context, old: Row, *, desk: bool) -> None:
    if old["status"] != BookingStatus.BOOKED:
        raise Conflict("booking_in_other_status", booking_status=old["status"], needed=BookingStatus.BOOKED)
    giving_up = ChangeRequest(require_signed_in(ctx).account_id, old["id"], BookingStatus.CANCELLED, desk=desk)
    too_late = check_cancelling_hour(giving_up, old, ctx.now)
    if too_late is not None:
        raise too_late


async def _check_service(conn: Connection, old: Row, slot_id: UUID) -> None:
    if slot_id == old["slot_id"]:
        raise Conflict("move_to_same_slot")
    service_id = await sql.moving.service_of_slot(conn, slot_id=slot_id)
    if service_id is None:
        raise NotFound("slot_not_found")
    if service_id != old["service_id"]:
        raise Conflict("move_to_other_service")


async def _lock_pools(conn: Connection, old: Row, slot_id: UUID) -> Channel | None:
    """Lock all pools of both slots that the move may touch; return the kept pool to stay in, where it has a place.

    Whoever has a place that is kept for elders or for the desk does not lose it by moving.
    """
    wanted = [(old["slot_id"], old["channel"]), *((slot_id, channel) for channel in Channel)]
    free = {(row["slot_id"], row["channel"]): row["free"] for row in await pools_locked(conn, wanted)}
    kept = Channel(old["channel"])
    return kept if kept is not Channel.PUBLIC and free.get((slot_id, kept), 0) > 0 else None
