"""What becomes of an offered place: accepted, declined, left behind.

Locks as everywhere: persons and mandates (accepting books), the queue, the entry, its offer, the pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit, booking_lists, bookings, mandate_use, places
from domain.booking_rules import BookingRequest
from domain.bookings import pools_locked
from domain.errors import Conflict, Refusal
from domain.notices import Notice, tell_all
from domain.permissions import require_signed_in
from domain.vocabulary import (
    Channel,
    EndedBecause,
    KeptBecause,
    NoticeKind,
    OfferStatus,
    WaitlistStatus,
    local_day,
)
from domain.waitlist_lists import require_visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

    Answers = Mapping[str, Any]


def booking_key(offer_id: UUID, person_id: UUID) -> str:
    """Return the key of a booking by acceptance; no client's key has a space in it."""
    return f"offer {offer_id} {person_id}"


async def accept(
    conn: Connection, ctx: Context, entry_id: UUID, answers: Answers, answers_of: Mapping[UUID, Answers]
) -> Row:
    """Book the offered places for everybody in the entry, or for nobody; a repeat is answered like the first.

    `answers` to the service's questions are everybody's who has none in `answers_of`.
    """
    seen = await require_visible(conn, ctx, entry_id)
    offer = await sql.waitlist.last_offer(conn, entry_id=entry_id)
    if offer is None:
        raise Conflict("no_offer")
    slot = await sql.waitlist.offered_slot(conn, offer_id=offer["id"])
    requests = [
        BookingRequest(
            account_id=ctx.caller.account_id,  # type: ignore[union-attr]  # who is not signed in sees no entry
            slot_id=slot["slot_id"],
            person_id=person_id,
            mandate_id=None if seen["cares"] else seen["mandate_id"],
            answers=answers_of.get(person_id, answers),
            key=booking_key(offer["id"], person_id),
            only=Channel(slot["channel"]),
            request_id=ctx.request_id,
        )
        for person_id in seen["people"]
    ]
    await bookings.hindrances(conn, [requests], ctx.now)  # for its locks: they come before those on the entry
    entry = (await sql.waitlist.lock_entries(conn, ids=[entry_id]))[0]
    live = await sql.waitlist.lock_live_offers(conn, entries=[entry_id])
    if entry["status"] == WaitlistStatus.ACCEPTED:
        return await accepted(conn, ctx, entry_id)
    _require_live(entry, live, offer, ctx.now)
    await sql.waitlist.end_offers(conn, ids=[offer["id"]], status=OfferStatus.ACCEPTED, now=ctx.now)
    await set_entries(conn, {entry_id: (WaitlistStatus.ACCEPTED, None, entry["missed"])}, ctx.now)
    await pools_locked(conn, {(slot["slot_id"], slot["channel"])})
    await sql.waitlist.release(conn, slot_id=slot["slot_id"], channel=slot["channel"], places=live[0]["places"])
    outcomes = await bookings.book(conn, ctx.vault, requests, ctx.now)
    for outcome in outcomes:
        if isinstance(outcome, Refusal):
            raise outcome
    await audit.record(conn, ctx, "waitlist.accepted", entry_id, offer_id=offer["id"], slot_id=slot["slot_id"])
    return {"id": entry_id, "bookings": outcomes}


def _require_live(entry: Row, live: Sequence[Row], offer: Row, now: datetime) -> None:
    if entry["status"] == WaitlistStatus.ENDED:
        raise Conflict("waiting_ended", because=entry["ended_because"])
    if not live or live[0]["id"] != offer["id"] or live[0]["expires_at"] <= now:
        raise Conflict("offer_over", expired_at=offer["expires_at"])


async def accepted(conn: Connection, ctx: Context, entry_id: UUID) -> Row:
    """Return what an acceptance made, as it is now."""
    entry = await require_visible(conn, ctx, entry_id)
    offer = await sql.waitlist.last_offer(conn, entry_id=entry_id)
    keys = [booking_key(offer["id"], person_id) for person_id in entry["people"]]
    made = await sql.waitlist.accepted_bookings(conn, entry_id=entry_id, keys=keys)
    return {"id": entry_id, "bookings": await booking_lists.by_ids(conn, [row["id"] for row in made])}


async def decline(conn: Connection, ctx: Context, entry_id: UUID) -> None:
    """Give the offered places on at once. Who declines keeps waiting, until the policy says that it is enough."""
    cares, entry, live = await _take(conn, ctx, entry_id)
    if entry["status"] != WaitlistStatus.OFFERED:
        if entry["status"] == WaitlistStatus.WAITING and await _declined_before(conn, entry_id):
            return
        raise Conflict("no_offer")
    await miss(conn, [entry], live, OfferStatus.DECLINED, ctx.now)
    if not cares:
        facts = {"by": "volunteer", "slot_id": live[0]["slot_id"]}
        told = [Notice(person_id, NoticeKind.OFFER_LAPSED, entry_id, facts) for person_id in entry["people"]]
        await tell_all(conn, ctx.now, told)
    await audit.record(conn, ctx, "waitlist.declined", entry_id, offers=[offer["id"] for offer in live])


async def _declined_before(conn: Connection, entry_id: UUID) -> bool:
    """Whether this repeats a declining whose answer was lost."""
    last = await sql.waitlist.last_offer(conn, entry_id=entry_id)
    return last is not None and last["status"] == OfferStatus.DECLINED


async def leave(conn: Connection, ctx: Context, entry_id: UUID) -> None:
    """Wait no longer; an offered place goes on at once. Who has left already has left."""
    cares, entry, live = await _take(conn, ctx, entry_id)
    if entry["status"] == WaitlistStatus.ACCEPTED:
        raise Conflict("waiting_accepted")
    if entry["status"] == WaitlistStatus.ENDED:
        return
    await give_on(conn, live, OfferStatus.DECLINED, ctx.now)
    await set_entries(conn, {entry_id: (WaitlistStatus.ENDED, EndedBecause.LEFT, entry["missed"])}, ctx.now)
    if not cares:
        facts = {"way": EndedBecause.LEFT, "by": "volunteer", "mandate_id": entry["mandate_id"]}
        told = [Notice(person_id, NoticeKind.WAITLIST_ENDED, entry_id, facts) for person_id in entry["people"]]
        await tell_all(conn, ctx.now, told)
    await audit.record(conn, ctx, "waitlist.left", entry_id, service_id=entry["service_id"])


async def _take(conn: Connection, ctx: Context, entry_id: UUID) -> tuple[bool, Row, Sequence[Row]]:
    """Lock an entry that the caller may act on, with its queue before and its live offer after it.

    First comes whether the caller acts by care; else the mandate is held before.
    """
    seen = await require_visible(conn, ctx, entry_id)
    if not seen["cares"]:
        await mandate_use.hold_to_act(conn, require_signed_in(ctx).account_id, seen["mandate_id"])
        seen = await require_visible(conn, ctx, entry_id)
    await sql.waitlist.lock_queues(conn, services=[seen["service_id"]])
    entry = (await sql.waitlist.lock_entries(conn, ids=[entry_id]))[0]
    return seen["cares"], entry, await sql.waitlist.lock_live_offers(conn, entries=[entry_id])


async def miss(
    conn: Connection, entries: Sequence[Row], offers: Sequence[Row], status: OfferStatus, now: datetime
) -> None:
    """Let entries of one service, locked with their live offers, have missed those; too many end the waiting."""
    most = await sql.waitlist.most_missed(conn, service_id=entries[0]["service_id"], today=local_day(now))
    changes: dict[UUID, Change] = {}
    told: list[Notice] = []
    for entry in entries:
        missed = entry["missed"] + 1
        if missed >= most:
            changes[entry["id"]] = (WaitlistStatus.ENDED, EndedBecause.OFFERS_MISSED, missed)
            told.extend(ended_notices(entry, EndedBecause.OFFERS_MISSED))
        else:
            changes[entry["id"]] = (WaitlistStatus.WAITING, None, missed)
            if status is OfferStatus.LAPSED:
                told.extend(_lapsed_notices(entry, offers))
    await set_entries(conn, changes, now)
    await give_on(conn, offers, status, now)
    await tell_all(conn, now, told)


Change = tuple[WaitlistStatus, EndedBecause | None, int]
"""An entry's new status, why it ended, and how many offers it has missed."""


async def set_entries(conn: Connection, changes: Mapping[UUID, Change], now: datetime) -> None:
    """Move locked entries to other statuses."""
    await sql.waitlist.set_entries(
        conn,
        ids=list(changes),
        statuses=[status for status, _, _ in changes.values()],
        reasons=[reason for _, reason, _ in changes.values()],
        missed=[missed for _, _, missed in changes.values()],
        now=now,
    )


async def give_on(conn: Connection, offers: Sequence[Row], status: OfferStatus, now: datetime) -> None:
    """End live offers, which are locked behind their queue, and keep their places back for the next."""
    if not offers:
        return
    await pools_locked(conn, {(offer["slot_id"], offer["channel"]) for offer in offers})
    await sql.waitlist.end_offers(conn, ids=[offer["id"] for offer in offers], status=status, now=now)
    returned = [
        places.Returned(offer["slot_id"], offer["channel"], KeptBecause.OFFER_ENDED)
        for offer in offers
        for _ in range(offer["places"])
    ]
    await places.give_back(conn, returned, now)


def ended_notices(entry: Row, because: EndedBecause) -> list[Notice]:
    """Return what those who waited are told of the end."""
    return [
        Notice(person_id, NoticeKind.WAITLIST_ENDED, entry["id"], {"way": because}) for person_id in entry["people"]
    ]


def _lapsed_notices(entry: Row, offers: Sequence[Row]) -> list[Notice]:
    return [
        Notice(person_id, NoticeKind.OFFER_LAPSED, entry["id"], {"slot_id": offer["slot_id"]})
        for offer in offers
        if offer["entry_id"] == entry["id"]
        for person_id in entry["people"]
    ]
