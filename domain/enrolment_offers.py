"""Who is offered a free seat of a nursery: the queue behind the draw. It keeps what the draw promises.

A free seat goes to whoever has the best claim to it among all who wait: those of the draw before those who came late;
then by the groups that the seat takes, in its order; then the lower number, or who handed in first. A child waits for
a programme that it wants more than all that it has or is offered: so who has been offered the second choice and has
not answered yet is offered the first one beside it, and nobody with a worse number gets past. What one has let go
(declined, not answered, given up) one waits for no more.

The seats of a programme choose in their order, as in `domain.allocation`: a child that has an open seat is moved to a
reserved one that becomes free, if its claim to that is the best, and the open one goes on. For the family nothing
changes. Where nobody may have a seat it stays free until somebody begins to wait (`begin_to_wait`).

Offers that are made in one go are made for the best each child can get: of two, nobody is told of the worse. So the
whole is children's deferred acceptance seen from the seats, and it ends, since a child is only ever bettered.

Locks: the round, `for no key update`, before any application of it: the queues of a round move one at a time. Whoever
will call anything here calls `hold` first. Nothing here locks an application.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from heapq import heapify, heappop, heappush
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import sql
from domain import audit, enrolment_states
from domain.enrolment_states import Note
from domain.errors import NotFound
from domain.identifiers import new_id
from domain.notices import Notice, tell_all
from domain.nursery_vocabulary import EnrolmentBecause, OfferWay, SeatOfferStatus
from domain.vocabulary import LOCAL_ZONE, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

QUIET_FROM, QUIET_UNTIL = time(21), time(7)
NIGHT = timedelta(hours=10)
"""From the one to the other."""
LAPSED_AT_ONCE = 20
"""So many in one transaction: it holds the queues of their round."""


def answer_by(now: datetime, hours: int) -> datetime:
    """Return until when an offer made now is kept: so many hours, and a night more where they end at night."""
    ends = now + timedelta(hours=hours)
    at = ends.astimezone(LOCAL_ZONE).time()
    return ends + NIGHT if at >= QUIET_FROM or at < QUIET_UNTIL else ends


async def hold(conn: Connection, enrolment_id: UUID) -> Row:
    """Let nobody else move the queues of an application's round until the transaction ends; return the round."""
    held: Row | None = await sql.enrolment_offers.hold_round(conn, enrolment_id=enrolment_id)
    if held is None:
        raise NotFound("enrolment_not_found")
    return held


async def begin_to_wait(conn: Connection, ctx: Context, enrolment_ids: Sequence[UUID]) -> None:
    """Offer what is free to those who have just begun to wait for it: late ones that were accepted.

    Needs `hold` before the applications were taken; does nothing before the round has come to its offers.
    """
    await _hand_out(conn, ctx, await _free_seats_wanted(conn, enrolment_ids))


async def fill(conn: Connection, ctx: Context, seat_ids: Sequence[UUID]) -> None:
    """Offer seats that are free to the next in their queues; those that are not are left alone.

    Needs `hold`; does nothing when the round is not in its offers.
    """
    await _hand_out(conn, ctx, set(seat_ids))


async def give_up(
    conn: Connection, ctx: Context, enrolment_id: UUID, *, because: EnrolmentBecause = EnrolmentBecause.SEAT_GIVEN_UP
) -> None:
    """Free the seat that a child has accepted and does not take; it goes on waiting for its other choices.

    Needs `hold`. The place in the class is the caller's affair, and so is the audit.
    """
    held = await sql.enrolment_offers.held(conn, enrolment_id=enrolment_id)
    freed = [offer for offer in held if offer["status"] == SeatOfferStatus.ACCEPTED]
    await end(conn, ctx, freed, SeatOfferStatus.GIVEN_UP)
    await note(conn, ctx, freed, because)
    await hand_on(conn, ctx, freed, returned=[enrolment_id])


async def leave(conn: Connection, ctx: Context, enrolment_id: UUID) -> None:
    """Free all that an application that was withdrawn has or is offered.

    Needs `hold`, and the application withdrawn already. The place in the class is the caller's affair, and so is what
    is told of the withdrawal.
    """
    held = await sql.enrolment_offers.held(conn, enrolment_id=enrolment_id)
    for status, group in groupby(held, itemgetter("status")):
        accepted = status == SeatOfferStatus.ACCEPTED
        await end(conn, ctx, list(group), SeatOfferStatus.GIVEN_UP if accepted else SeatOfferStatus.WITHDRAWN)
    await hand_on(conn, ctx, held, returned=[])


async def end(conn: Connection, ctx: Context, offers: Iterable[Row], status: SeatOfferStatus) -> None:
    """End offers, or the holding of seats that were accepted."""
    await sql.enrolment_offers.answer(
        conn,
        ids=[offer["id"] for offer in offers],
        status=status,
        account_id=None if ctx.caller is None else ctx.caller.account_id,
        now=ctx.now,
    )


async def note(conn: Connection, ctx: Context, offers: Iterable[Row], because: EnrolmentBecause) -> None:
    """Write into the applications' histories what became of offers."""
    actor_id = None if ctx.caller is None else ctx.caller.account_id
    notes = [
        Note(
            offer["enrolment_id"],
            because,
            actor_id,
            {"offer_id": offer["id"], "programme_id": offer["programme_id"], "class_id": offer["class_id"]},
        )
        for offer in offers
    ]
    if notes:
        await enrolment_states.record(conn, notes, ctx.now)


async def hand_on(conn: Connection, ctx: Context, offers: Iterable[Row], returned: Sequence[UUID]) -> None:
    """Offer the seats of ended offers to the next, and what is free to those who wait for more than before."""
    freed = {offer["seat_id"] for offer in offers}
    await _hand_out(conn, ctx, freed | await _free_seats_wanted(conn, returned))


async def lapse(conn: Connection, ctx: Context) -> int:
    """End offers of a round that nobody answered in time; the seats go to the next.

    Needs a transaction; returns how many there were, at most LAPSED_AT_ONCE.
    """
    due = await sql.enrolment_offers.due(conn, now=ctx.now, most=LAPSED_AT_ONCE)
    if not due:
        return 0
    round_id = due[0]["round_id"]
    await sql.enrolment_offers.hold_round_by_id(conn, round_id=round_id)
    lapsed = await sql.enrolment_offers.lapse(
        conn, ids=[offer["id"] for offer in due if offer["round_id"] == round_id], now=ctx.now
    )
    offers = await sql.enrolment_offers.described(conn, offer_ids=[offer["id"] for offer in lapsed])
    await note(conn, ctx, offers, EnrolmentBecause.OFFER_LAPSED)
    await _tell(conn, ctx, offers, NoticeKind.ENROLMENT_OFFER_LAPSED)
    await hand_on(conn, ctx, offers, returned=[offer["enrolment_id"] for offer in offers])
    entries = [
        audit.entry(ctx, "enrolment_offers.lapsed", offer["enrolment_id"], offer=offer["id"]) for offer in offers
    ]
    await audit.record_all(conn, ctx.vault, ctx.now, entries)
    return len(offers)


async def announce(conn: Connection, ctx: Context, offer_ids: Sequence[UUID]) -> None:
    """Tell the families of new offers, and write it into their histories."""
    offers = await sql.enrolment_offers.described(conn, offer_ids=offer_ids)
    await note(conn, ctx, offers, EnrolmentBecause.OFFERED)
    await _tell(conn, ctx, offers, NoticeKind.ENROLMENT_OFFERED)


async def _tell(conn: Connection, ctx: Context, offers: Iterable[Row], kind: NoticeKind) -> None:
    notices = []
    for offer in offers:
        facts = {"offer_id": offer["id"], "class_id": offer["class_id"], "answer_by": offer["answer_by"]}
        if kind == NoticeKind.ENROLMENT_OFFERED and offer["way"] == OfferWay.QUEUE:
            facts["way"] = offer["way"]
        notices.append(Notice(offer["person_id"], kind, offer["enrolment_id"], facts))
    if notices:
        await tell_all(conn, ctx.now, notices)


async def _free_seats_wanted(conn: Connection, enrolment_ids: Sequence[UUID]) -> set[UUID]:
    found = await sql.enrolment_offers.free_seats_wanted(conn, enrolment_ids=enrolment_ids)
    return {row["id"] for row in found}


async def _hand_out(conn: Connection, ctx: Context, seat_ids: Iterable[UUID]) -> None:
    """Let free seats choose, in the order of their programme, until none finds anybody any more."""
    seats = {row["id"]: row for row in await _seats(conn, seat_ids)}
    free = [(seat["number"], seat["id"]) for seat in seats.values()]
    heapify(free)
    nobody: set[tuple[UUID, tuple[str, ...]]] = set()
    made: dict[UUID, list[UUID]] = {}
    while free:
        seat = seats[heappop(free)[1]]
        kind = (seat["programme_id"], tuple(seat["tiers"]))
        if kind in nobody:
            continue
        offer_id, until = new_id(), answer_by(ctx.now, seat["answer_hours"])
        turn = await sql.enrolment_offers.take_turn(
            conn, seat_id=seat["id"], offer_id=offer_id, answer_by=until, now=ctx.now
        )
        if turn is None:
            nobody.add(kind)
            continue
        if turn["left_seat"] is not None:
            freed = [turn["left_seat"]]
        else:
            offers = made.setdefault(turn["enrolment_id"], [])
            offers.append(offer_id)
            freed = await _take_back_worse(conn, turn["enrolment_id"], offers)
        seats |= {row["id"]: row for row in await _seats(conn, [one for one in freed if one not in seats])}
        for seat_id in freed:
            heappush(free, (seats[seat_id]["number"], seat_id))
    await announce(conn, ctx, [offer_id for offers in made.values() for offer_id in offers])


async def _take_back_worse(conn: Connection, enrolment_id: UUID, offers: list[UUID]) -> list[UUID]:
    """Take back what a child was to be offered beside something better, and return the seats."""
    if len(offers) == 1:
        return []
    worse = await sql.enrolment_offers.worse_of(conn, enrolment_id=enrolment_id, offer_ids=offers)
    for row in worse:
        offers.remove(row["id"])
    return [row["seat_id"] for row in worse]


async def _seats(conn: Connection, seat_ids: Iterable[UUID]) -> Sequence[Row]:
    found: Sequence[Row] = await sql.enrolment_offers.free_seats(conn, seat_ids=list(seat_ids))
    return found
