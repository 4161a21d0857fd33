"""No-shows: marked when a slot has been over for long enough, and corrected by staff where that was wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain import audit, booking_changes, queues, suspensions
from domain.booking_changes import ChangeRequest
from domain.booking_lists import by_ids
from domain.errors import Conflict, NotFound
from domain.notices import tell
from domain.permissions import require_signed_in, require_staff_at
from domain.vocabulary import CLERKS, BookingStatus, NoticeKind

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

SLOTS_AT_ONCE = 100
BOOKINGS_AT_ONCE = 200


async def mark(conn: Connection, ctx: Context) -> dict[str, int]:
    """Mark some of those who did not come, or look no more at slots where all is settled. Repeat it until it is done.

    Whoever is checked in meanwhile is not marked: the change is judged again under the booking's lock.
    """
    slots = [row["id"] for row in await sql.no_shows.slots_over(conn, now=ctx.now, most=SLOTS_AT_ONCE)]
    if not slots:
        return {"no_shows": 0, "slots": 0}
    standing = await sql.no_shows.standing(conn, slots=slots, most=BOOKINGS_AT_ONCE)
    if not standing:
        return {"no_shows": 0, "slots": len(await sql.no_shows.settle(conn, slots=slots))}
    requests = [ChangeRequest(None, row["id"], BookingStatus.NO_SHOW, by_time=True) for row in standing]
    await booking_changes.change(conn, ctx.vault, requests, ctx.now)
    return {"no_shows": len(requests), "slots": 0}


async def correct(conn: Connection, ctx: Context, booking_id: UUID, status: BookingStatus, reason: str) -> Row:
    """Say that somebody had come after all, and take back the suspension that stood on it."""
    seen = await _require_desk(conn, ctx, booking_id)
    await suspensions.hold_people(conn, [booking_id])
    await sql.bookings.lock_bookings(conn, ids=[booking_id])
    booking = await sql.no_shows.booking(conn, id=booking_id)
    if booking["status"] == status:
        return (await by_ids(conn, [booking_id]))[0]
    if booking["status"] != BookingStatus.NO_SHOW:
        raise Conflict("booking_in_other_status", booking_status=booking["status"], needed=BookingStatus.NO_SHOW)
    account_id = require_signed_in(ctx).account_id
    await sql.bookings.set_status(
        conn, ids=[booking_id], statuses=[status], reasons=[reason], actors=[account_id], now=ctx.now
    )
    if status == BookingStatus.CHECKED_IN:
        await queues.enter_today(conn, booking_id, ctx.now)
    entries = [audit.entry(ctx, "bookings.corrected", booking_id, **{"from": BookingStatus.NO_SHOW, "to": status})]
    entries += await suspensions.take_back(conn, ctx, booking_id, reason)
    await tell(conn, ctx, seen["person_id"], NoticeKind.NO_SHOW_CORRECTED, booking_id)
    await audit.record_all(conn, ctx.vault, ctx.now, entries)
    return (await by_ids(conn, [booking_id]))[0]


async def _require_desk(conn: Connection, ctx: Context, booking_id: UUID) -> Row:
    """Only for staff of the booking's provider."""
    require_signed_in(ctx)
    found: Row | None = await sql.no_shows.booking(conn, id=booking_id)
    if found is None:
        raise NotFound("booking_not_found")
    try:
        await require_staff_at(conn, ctx, found["provider_id"], *CLERKS)
    except NotFound:
        raise NotFound("booking_not_found") from None
    return found
