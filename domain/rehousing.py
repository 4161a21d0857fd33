"""Bookings whose slot is no more: given another place, offered one, cancelled, or left to the telephone.

Everything here is under the locks of `domain.effects.settle` or of `domain.rebooking`. A booking that gets
another place keeps its person, who booked it, its mandate and its answers: the provider caused the change, so
neither the cancelling hour nor release nor order stop is asked.
"""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, help_unit
from domain.bookings import CODE_RANGE
from domain.identifiers import new_id
from domain.notices import Notice, tell_all
from domain.permissions import require_signed_in
from domain.places import Returned, add_opened, give_back, hold_queues
from domain.vocabulary import BookingStatus, KeptBecause, NoticeKind, OfferStatus, Otherwise, Treatment

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.effects import Effect
    from domain.rows import Row

    Pool = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """What staff want done, and what caused it (`cause` names it in the audit).

    `otherwise`: what becomes of those for whom there is no equal place. `answer_hours`: how long an offer stands.
    """

    treatment: Treatment
    otherwise: Otherwise
    answer_hours: int
    reason: str
    cause: Mapping[str, UUID]


def decided(given: Mapping[str, Any], cause: Mapping[str, UUID]) -> Decision:
    """Read a decision from what staff sent."""
    treatment, otherwise = Treatment(given["treatment"]), Otherwise(given["otherwise"])
    return Decision(treatment, otherwise, given["answer_hours"], given["reason"], cause)


@dataclass(slots=True)
class _Work:
    """What is to be written, gathered booking by booking."""

    moved: list[tuple[Row, Row]] = field(default_factory=list)
    offered: list[tuple[Row, Row]] = field(default_factory=list)
    cancelled: list[Row] = field(default_factory=list)
    left: list[Row] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        return {
            "offered": len(self.offered),
            "moved": len(self.moved),
            "cancelled": len(self.cancelled),
            "left_to_phone": len(self.left),
        }


async def treat(
    conn: Connection, ctx: Context, effect: Effect, decision: Decision
) -> tuple[dict[str, int], list[audit.Entry]]:
    """Do with the bookings what was decided; return how many had what done, and what the audit is to say."""
    met, work = effect.met, _Work()
    for booking in met:
        place = effect.places.get(booking["id"])
        if decision.treatment is Treatment.CANCEL or (place is None and decision.otherwise is Otherwise.CANCEL):
            work.cancelled.append(booking)
        elif place is None:
            work.left.append(booking)
        elif decision.treatment is Treatment.MOVE:
            work.moved.append((booking, place))
        else:
            work.offered.append((booking, place))
    replaced = [booking for booking in met if booking["offer_id"] is not None]
    await end_offers(conn, replaced, OfferStatus.WITHDRAWN, ctx.now)
    entries = [
        *await move(conn, ctx, work.moved, decision.reason, decision.cause, lost=effect.change.too_few),
        *await _offer(conn, ctx, work.offered, decision),
        *await cancel(conn, ctx, work.cancelled, decision.reason, decision.cause, lost=effect.change.too_few),
    ]
    entries += [audit.entry(ctx, "bookings.left_to_phone", each["id"], **decision.cause) for each in work.left]
    facts = {"reason": decision.reason}
    told = [Notice(each["person_id"], NoticeKind.REBOOKING_BY_PHONE, each["id"], facts) for each in work.left]
    if told:
        await tell_all(conn, ctx.now, told)
    return work.counts, entries


async def move(
    conn: Connection,
    ctx: Context,
    pairs: Sequence[tuple[Row, Row]],
    reason: str,
    cause: Mapping[str, UUID],
    *,
    kept: bool = False,
    lost: Collection[Pool] = (),
) -> list[audit.Entry]:
    """Give bookings other places. `kept`: those places are counted as taken already, for an offer that ends.

    `lost`: pools that have fewer places from now on, to which nothing is given back.
    """
    if not pairs:
        return []
    actor = require_signed_in(ctx).account_id
    issued = {
        (row["slot_id"], row["channel"]): row["issued"]
        for row in await sql.effects.issued(conn, slots=list({place["slot_id"] for _, place in pairs}))
    }
    numbers = []
    for _, place in pairs:
        issued[place["slot_id"], place["channel"]] += 1
        numbers.append(issued[place["slot_id"], place["channel"]])
    olds, news = [old["id"] for old, _ in pairs], [new_id() for _ in pairs]
    await sql.effects.end_bookings(conn, ids=olds, status=BookingStatus.MOVED, reason=reason, actor=actor, now=ctx.now)
    await sql.effects.rehouse(
        conn,
        olds=olds,
        news=news,
        slots=[place["slot_id"] for _, place in pairs],
        channels=[place["channel"] for _, place in pairs],
        numbers=numbers,
        codes=[f"{secrets.randbelow(CODE_RANGE):06}" for _ in pairs],
        actor=actor,
        now=ctx.now,
    )
    places = Counter({_pool(place): 0 for _, place in pairs})
    if not kept:
        places.update(_pool(place) for _, place in pairs)
    await _count(conn, places, issued)
    await _leave(conn, [old for old, _ in pairs], KeptBecause.MOVED, lost, ctx.now)
    facts = {"by": "provider", "reason": reason}
    notices = [
        Notice(old["person_id"], NoticeKind.BOOKING_MOVED, new, {**facts, "was": old["starts_at"]})
        for (old, _), new in zip(pairs, news, strict=True)
    ]
    await tell_all(conn, ctx.now, notices)
    moves = {
        old["id"]: help_unit.Moved(new, place["slot_id"], actor) for (old, place), new in zip(pairs, news, strict=True)
    }
    await help_unit.follow_moves(conn, moves, ctx.now)
    entries = []
    for (old, place), new, number in zip(pairs, news, numbers, strict=True):
        where = {"slot_id": place["slot_id"], "person_id": old["person_id"], "channel": place["channel"]}
        entries.append(audit.entry(ctx, "bookings.moved", old["id"], to=new, **cause))
        entries.append(audit.entry(ctx, "bookings.booked", new, moved_from=old["id"], number=number, **where))
    return entries


async def cancel(
    conn: Connection,
    ctx: Context,
    bookings: Sequence[Row],
    reason: str,
    cause: Mapping[str, UUID],
    *,
    kind: NoticeKind = NoticeKind.BOOKING_CANCELLED,
    lost: Collection[Pool] = (),
) -> list[audit.Entry]:
    """Cancel bookings by the provider's doing, whoever asks for it."""
    if not bookings:
        return []
    actor = None if ctx.caller is None else ctx.caller.account_id
    await sql.effects.end_bookings(
        conn,
        ids=[booking["id"] for booking in bookings],
        status=BookingStatus.CANCELLED,
        reason=reason,
        actor=actor,
        now=ctx.now,
    )
    await _leave(conn, bookings, KeptBecause.CANCELLED, lost, ctx.now)
    notices = [Notice(each["person_id"], kind, each["id"], {"reason": reason}) for each in bookings]
    await tell_all(conn, ctx.now, notices)
    cancels = {each["id"]: help_unit.Cancelled(actor, by_family=False) for each in bookings}
    await help_unit.follow_cancels(conn, cancels, ctx.now)
    return [
        audit.entry(
            ctx, "bookings.cancelled", each["id"], person_id=each["person_id"], slot_id=each["slot_id"], **cause
        )
        for each in bookings
    ]


async def _leave(
    conn: Connection, bookings: Sequence[Row], cause: KeptBecause, lost: Collection[Pool], now: datetime
) -> None:
    gone = Counter(_pool(booking) for booking in bookings if _pool(booking) in lost)
    await _count(conn, Counter({pool: -places for pool, places in gone.items()}))
    returned = [Returned(*_pool(booking), cause) for booking in bookings if _pool(booking) not in lost]
    await give_back(conn, returned, now)


async def _offer(
    conn: Connection, ctx: Context, pairs: Sequence[tuple[Row, Row]], decision: Decision
) -> list[audit.Entry]:
    """Keep a place for each booking until it is answered, at the latest until that place's slot begins."""
    if not pairs:
        return []
    longest = ctx.now + timedelta(hours=decision.answer_hours)
    ids, expires = [new_id() for _ in pairs], [min(longest, place["starts_at"]) for _, place in pairs]
    await sql.effects.add_offers(
        conn,
        ids=ids,
        slots=[place["slot_id"] for _, place in pairs],
        channels=[place["channel"] for _, place in pairs],
        bookings=[booking["id"] for booking, _ in pairs],
        expires=expires,
        now=ctx.now,
    )
    await _count(conn, Counter(_pool(place) for _, place in pairs))
    notices, entries = [], []
    for (booking, place), offer_id, until in zip(pairs, ids, expires, strict=True):
        facts = {"reason": decision.reason, "offered": place["starts_at"], "answer_by": until}
        notices.append(Notice(booking["person_id"], NoticeKind.REBOOKING_OFFERED, booking["id"], facts))
        where = {"offer_id": offer_id, "slot_id": place["slot_id"], "channel": place["channel"]}
        entries.append(audit.entry(ctx, "bookings.rebooking_offered", booking["id"], **where, **decision.cause))
    await tell_all(conn, ctx.now, notices)
    return entries


async def end_offers(conn: Connection, offers: Sequence[Row], status: OfferStatus, now: datetime) -> None:
    """End live offers and give their places back; the rows name `offer_id`, `offer_slot_id` and `offer_channel`."""
    if not offers:
        return
    await sql.effects.end_offers(conn, ids=[offer["offer_id"] for offer in offers], status=status, now=now)
    returned = [Returned(each["offer_slot_id"], each["offer_channel"], KeptBecause.OFFER_ENDED) for each in offers]
    await give_back(conn, returned, now)


async def restore(
    conn: Connection, ctx: Context, slot_ids: Sequence[UUID], service_ids: Collection[UUID]
) -> dict[str, int]:
    """Lock what opening slots again touches, let bookings on them stand, and open them. Return how many.

    Free places go to who waits first, like any that are added.
    """
    await hold_queues(conn, service_ids)
    before = await standing_on(conn, slot_ids)
    offers = [booking for booking in before if booking["offer_id"] is not None]
    await sql.effects.lock_offers(conn, ids=[offer["offer_id"] for offer in offers])
    await sql.bookings.lock_bookings(conn, ids=[booking["id"] for booking in before])
    await lock_pools(conn, {(offer["offer_slot_id"], offer["offer_channel"]) for offer in offers}, slot_ids)
    here = set(slot_ids)
    standing = [
        booking
        for booking in await standing_on(conn, slot_ids)
        if booking["slot_id"] in here and booking["status"] == BookingStatus.BOOKED
    ]
    offered = [booking for booking in standing if booking["offer_id"] is not None]
    await end_offers(conn, offered, OfferStatus.WITHDRAWN, ctx.now)
    opened = await sql.closures.open(conn, slots=slot_ids)
    await add_opened(conn, [row["id"] for row in opened], ctx.now)
    await tell_standing(conn, standing, ctx.now)
    return {"opened": len(opened), "standing": len(standing), "offers_withdrawn": len(offered)}


async def standing_on(conn: Connection, slot_ids: Sequence[UUID]) -> Sequence[Row]:
    rows: Sequence[Row] = await sql.effects.standing(conn, slots=slot_ids, shrinking=[], channels=[], excess=[])
    return rows


async def tell_standing(conn: Connection, bookings: Sequence[Row], now: datetime) -> None:
    """Tell people that they come at their old time after all."""
    notices = [Notice(each["person_id"], NoticeKind.BOOKING_STANDS, each["id"]) for each in bookings]
    if notices:
        await tell_all(conn, now, notices)


async def lock_pools(conn: Connection, pools: Collection[Pool], whole: Sequence[UUID] = ()) -> dict[Pool, bool]:
    """Lock single pools, and all pools of whole slots, in the order of everybody; return which are open."""
    rows = await sql.effects.lock_pools(
        conn,
        whole=list(whole),
        slots=[slot_id for slot_id, _ in pools],
        channels=[channel for _, channel in pools],
    )
    return {_pool(row): row["open"] for row in rows}


def _pool(row: Row) -> Pool:
    return row["slot_id"], row["channel"]


async def _count(conn: Connection, places: Counter[Pool], issued: Mapping[Pool, int] | None = None) -> None:
    await sql.effects.count_places(
        conn,
        slots=[slot_id for slot_id, _ in places],
        channels=[channel for _, channel in places],
        places=list(places.values()),
        issued=[(issued or {}).get(pool, 0) for pool in places],
    )
