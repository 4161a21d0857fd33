"""The offer of another place for a booking whose slot was closed: accepted, declined, or not answered in time.

The provider caused it: no hour of cancelling, release or order stop is asked, and nothing counts against the
person. What the person holds otherwise counts as ever, the old booking does not. An offer also ends where its
booking was cancelled or moved in another way, or where its slot is open again; `lapse` sees to that.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, booking_lists, help_unit, mandate_use, places, rehousing
from domain.booking_limits import LONGEST_WINDOW_DAYS, Held, check_person_limits
from domain.booking_lists import by_ids
from domain.errors import Conflict, NotFound
from domain.notices import Notice, tell_all
from domain.permissions import require_signed_in
from domain.vocabulary import BookingStatus, NoticeKind, OfferStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

REACH = timedelta(days=LONGEST_WINDOW_DAYS - 1)
LAPSED_AT_ONCE = 100
"""So many in one transaction: it holds their bookings and pools."""


async def show(conn: Connection, ctx: Context, booking_id: UUID) -> Row:
    """Return a booking that the caller may see, with the offer that can be answered now or None."""
    booking = await booking_lists.get(conn, ctx, booking_id)
    offer = await sql.rebooking.newest(conn, booking_id=booking_id)
    answerable = (
        offer is not None
        and booking["status"] == BookingStatus.BOOKED
        and offer["status"] == OfferStatus.LIVE
        and offer["expires_at"] > ctx.now
    )
    return {**booking, "offer": offer if answerable else None}


async def accept(conn: Connection, ctx: Context, booking_id: UUID) -> Row:
    """Take the offered place: return the new booking. Repeated, it answers the same."""
    await _require_visible(conn, ctx, booking_id)
    booking, offer = await _lock(conn, ctx, booking_id, {OfferStatus.ACCEPTED})
    if offer["status"] == OfferStatus.ACCEPTED:
        return await _moved_to(conn, booking_id)
    _require_answerable(booking, offer, ctx.now)
    pools = await _lock_pools(conn, booking, offer)
    if not pools[offer["slot_id"], offer["channel"]]:
        raise Conflict("slot_closed")
    await _check_limits(conn, booking, offer)
    await sql.effects.end_offers(conn, ids=[offer["id"]], status=OfferStatus.ACCEPTED, now=ctx.now)
    reason, cause = booking["closed_reason"] or "", {"offer_id": offer["id"]}
    entries = await rehousing.move(conn, ctx, [(booking, offer)], reason, cause, kept=True)
    made = await _moved_to(conn, booking_id)
    await _tell_of_use(conn, ctx, booking, made["id"], NoticeKind.MANDATE_USED)
    await audit.record_all(conn, ctx.vault, ctx.now, entries)
    return made


async def decline(conn: Connection, ctx: Context, booking_id: UUID) -> Row:
    """Give up the booking instead: it is cancelled by the provider's doing. Repeated, it answers the same."""
    await _require_visible(conn, ctx, booking_id)
    booking, offer = await _lock(conn, ctx, booking_id, {OfferStatus.DECLINED})
    if offer["status"] != OfferStatus.DECLINED:
        _require_answerable(booking, offer, ctx.now)
        await _lock_pools(conn, booking, offer)
        await rehousing.end_offers(conn, [offer], OfferStatus.DECLINED, ctx.now)
        reason, cause = booking["closed_reason"] or "", {"offer_id": offer["id"]}
        entries = await rehousing.cancel(conn, ctx, [booking], reason, cause)
        await _tell_of_use(conn, ctx, booking, booking_id, NoticeKind.MANDATE_USE_CANCELLED)
        await audit.record_all(conn, ctx.vault, ctx.now, entries)
    return (await by_ids(conn, [booking_id]))[0]


async def lapse(conn: Connection, ctx: Context) -> int:
    """End offers that nobody answered in time, with their bookings, and those that have no object any more.

    Needs a transaction; returns how many there were, at most LAPSED_AT_ONCE.
    """
    now = ctx.now
    ended = await sql.rebooking.ended(conn, now=now, most=LAPSED_AT_ONCE)
    await help_unit.hold(conn, [offer["booking_id"] for offer in ended])
    await places.hold_queues_of_bookings(conn, [offer["booking_id"] for offer in ended])
    offers = await sql.rebooking.take(conn, ids=[offer["id"] for offer in ended])
    if not offers:
        return 0
    ids = [offer["booking_id"] for offer in offers]
    await sql.bookings.lock_bookings(conn, ids=ids)
    bookings = {row["id"]: row for row in await sql.rebooking.bookings(conn, ids=ids)}
    pools = {(row["slot_id"], row["channel"]) for row in bookings.values()}
    pools |= {(offer["offer_slot_id"], offer["offer_channel"]) for offer in offers}
    is_open = await rehousing.lock_pools(conn, pools)
    lapsed, pointless, standing = [], [], []
    for offer in offers:
        booking = bookings[offer["booking_id"]]
        if booking["status"] != BookingStatus.BOOKED:
            pointless.append(offer)
        elif is_open[booking["slot_id"], booking["channel"]]:
            pointless.append(offer)
            standing.append(booking)
        elif offer["expires_at"] <= now:
            lapsed.append(offer)
    await rehousing.end_offers(conn, pointless, OfferStatus.WITHDRAWN, now)
    await rehousing.end_offers(conn, lapsed, OfferStatus.LAPSED, now)
    await rehousing.tell_standing(conn, standing, now)
    entries = []
    for offer in lapsed:
        booking, cause = bookings[offer["booking_id"]], {"offer_id": offer["id"]}
        kind, reason = NoticeKind.REBOOKING_LAPSED, booking["closed_reason"] or ""
        entries += await rehousing.cancel(conn, ctx, [booking], reason, cause, kind=kind)
    await audit.record_all(conn, ctx.vault, now, entries)
    return len(offers)


async def _require_visible(conn: Connection, ctx: Context, booking_id: UUID) -> None:
    """Only who may see the booking answers for it: by care for the person, or by its live mandate."""
    caller = require_signed_in(ctx)
    if not await sql.bookings.visible(conn, account_id=caller.account_id, booking_id=booking_id, now=ctx.now):
        raise NotFound("booking_not_found")


async def _lock(conn: Connection, ctx: Context, booking_id: UUID, repeats: set[OfferStatus]) -> tuple[Row, Row]:
    """Lock person, mandate, offer and booking and return the last two as they are then.

    Refuses where nothing is offered, and who may not answer any more.
    """
    seen = await sql.rebooking.newest(conn, booking_id=booking_id)
    if seen is None or seen["status"] not in repeats | {OfferStatus.LIVE}:
        raise NotFound("rebooking_offer_not_found")
    booking = await sql.rebooking.booking(conn, id=booking_id)
    await sql.people.lock(conn, ids=[booking["person_id"]])
    await mandate_use.hold_for_changes(conn, [(require_signed_in(ctx).account_id, booking_id)])
    await _require_visible(conn, ctx, booking_id)
    await help_unit.hold(conn, [booking_id])
    await places.hold_queues_of_bookings(conn, [booking_id])
    await sql.effects.lock_offers(conn, ids=[seen["id"]])
    await sql.bookings.lock_bookings(conn, ids=[booking_id])
    offer = await sql.rebooking.newest(conn, booking_id=booking_id)
    if offer["id"] != seen["id"] or offer["status"] not in repeats | {OfferStatus.LIVE}:
        raise NotFound("rebooking_offer_not_found")
    return await sql.rebooking.booking(conn, id=booking_id), offer


def _require_answerable(booking: Row, offer: Row, now: datetime) -> None:
    if offer["expires_at"] <= now:
        raise Conflict("rebooking_offer_over", expired_at=offer["expires_at"])
    if booking["status"] != BookingStatus.BOOKED:
        raise Conflict("booking_in_other_status", booking_status=booking["status"], needed=BookingStatus.BOOKED)


async def _lock_pools(conn: Connection, booking: Row, offer: Row) -> Mapping[tuple[UUID, str], bool]:
    both = {(booking["slot_id"], booking["channel"]), (offer["slot_id"], offer["channel"])}
    return await rehousing.lock_pools(conn, both)


async def _check_limits(conn: Connection, booking: Row, place: Row) -> None:
    rows = await sql.effects.held(
        conn, people=[booking["person_id"]], first_day=place["day"] - REACH, last_day=place["day"] + REACH
    )
    held = [
        Held(row["id"], row["day"], row["provider_id"], row["department"]) for row in rows if row["id"] != booking["id"]
    ]
    wanted = Held(booking["id"], place["day"], booking["provider_id"], booking["department"])
    too_many = check_person_limits(held, wanted, place)
    if too_many is not None:
        raise too_many


async def _moved_to(conn: Connection, booking_id: UUID) -> Row:
    return (await by_ids(conn, [await sql.rebooking.moved_to(conn, booking_id=booking_id)]))[0]


async def _tell_of_use(conn: Connection, ctx: Context, booking: Row, subject_id: UUID, kind: NoticeKind) -> None:
    """Tell the family of what a volunteer answered under the booking's mandate."""
    caller = require_signed_in(ctx)
    cares = await sql.permissions.cares_for(conn, account_id=caller.account_id, person_id=booking["person_id"])
    if not cares:
        facts: dict[str, Any] = {"mandate_id": booking["mandate_id"]}
        await tell_all(conn, ctx.now, [Notice(booking["person_id"], kind, subject_id, facts)])
