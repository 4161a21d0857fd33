"""What a family answers to offers of seats: it takes one, lets one go, or waits for nothing better any more.

To take a better one is to leave the one before, in the same transaction; the seat that is left goes to the next.
An offer that stood in time is kept when the round ends: it can be answered, and then no other is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit, enrolment_offers, enrolment_states, nursery_places
from domain.errors import Conflict, NotFound
from domain.notices import Notice, tell_all
from domain.nursery_vocabulary import EnrolmentBecause, SeatOfferStatus
from domain.permissions import require_care_of_enrolment
from domain.vocabulary import NoticeKind, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def accept(conn: Connection, ctx: Context, enrolment_id: UUID, given: Mapping[str, Any]) -> None:
    """Take an offered seat, in exchange for one that was taken before. Repeated, it answers the same.

    Offers of what the child wants less end with it; those of what it wants more stand.
    """
    await require_care_of_enrolment(conn, ctx, enrolment_id)
    offer = await _lock(conn, enrolment_id, given["offer_id"])
    if offer["status"] != SeatOfferStatus.ACCEPTED:
        _require_live(ctx, offer)
        others = await sql.enrolment_offers.held(conn, enrolment_id=enrolment_id)
        had = [one for one in others if one["status"] == SeatOfferStatus.ACCEPTED]
        worse = [one for one in others if one["status"] == SeatOfferStatus.LIVE and one["rank"] > offer["rank"]]
        await enrolment_offers.end(conn, ctx, had, SeatOfferStatus.EXCHANGED)
        await enrolment_offers.end(conn, ctx, worse, SeatOfferStatus.WITHDRAWN)
        await enrolment_offers.end(conn, ctx, [offer], SeatOfferStatus.ACCEPTED)
        await enrolment_offers.note(conn, ctx, [offer], EnrolmentBecause.OFFER_ACCEPTED)
        await enrolment_offers.hand_on(conn, ctx, [*had, *worse], returned=[])
        child = {"id": enrolment_id, "person_id": offer["person_id"]}
        place = await nursery_places.plan(conn, ctx, child, offer["class_id"], offer["starts_on"])
        notice = Notice(offer["person_id"], NoticeKind.NURSERY_PLACE_CHANGED, place["id"], {"by": "planned"})
        await tell_all(conn, ctx.now, [notice])
        await audit.record(
            conn, ctx, "enrolment_offers.accepted", enrolment_id, offer=offer["id"], left=[one["id"] for one in had]
        )


async def decline(conn: Connection, ctx: Context, enrolment_id: UUID, given: Mapping[str, Any]) -> None:
    """Let an offered seat go, or give back one that was taken and not begun. Repeated, it answers the same.

    The child goes on waiting for its other choices, for those that it wants less too if it has none of them.
    """
    await require_care_of_enrolment(conn, ctx, enrolment_id)
    offer = await _lock(conn, enrolment_id, given["offer_id"])
    if offer["status"] == SeatOfferStatus.ACCEPTED:
        await _require_not_begun(conn, ctx, enrolment_id)
        await enrolment_offers.give_up(conn, ctx, enrolment_id)
        await nursery_places.let_go(conn, ctx, enrolment_id, EnrolmentBecause.SEAT_GIVEN_UP)
        await audit.record(conn, ctx, "enrolment_offers.given_up", enrolment_id, offer=offer["id"])
    elif offer["status"] not in (SeatOfferStatus.DECLINED, SeatOfferStatus.GIVEN_UP):
        _require_live(ctx, offer)
        await _decline(conn, ctx, [offer], returned=[enrolment_id])
        await audit.record(conn, ctx, "enrolment_offers.declined", enrolment_id, offer=offer["id"])


async def settle(conn: Connection, ctx: Context, enrolment_id: UUID) -> None:
    """Keep the seat that was taken and wait for nothing better; what is offered beside it goes to the next.

    It is for good: who began to wait again would come before children to whom seats were promised meanwhile.
    """
    await require_care_of_enrolment(conn, ctx, enrolment_id)
    await enrolment_offers.hold(conn, enrolment_id)
    await enrolment_states.lock(conn, [enrolment_id])
    held = await sql.enrolment_offers.held(conn, enrolment_id=enrolment_id)
    taken = [offer for offer in held if offer["status"] == SeatOfferStatus.ACCEPTED]
    if not taken:
        raise Conflict("nothing_to_settle_for")
    if await sql.enrolment_offers.settle(conn, enrolment_id=enrolment_id, now=ctx.now) is not None:
        await enrolment_offers.note(conn, ctx, taken, EnrolmentBecause.SETTLED)
        await _decline(conn, ctx, [offer for offer in held if offer["status"] == SeatOfferStatus.LIVE], returned=[])
        await audit.record(conn, ctx, "enrolment_offers.settled", enrolment_id, offer=taken[0]["id"])


async def _decline(conn: Connection, ctx: Context, offers: Sequence[Row], returned: Sequence[UUID]) -> None:
    await enrolment_offers.end(conn, ctx, offers, SeatOfferStatus.DECLINED)
    await enrolment_offers.note(conn, ctx, offers, EnrolmentBecause.OFFER_DECLINED)
    await enrolment_offers.hand_on(conn, ctx, offers, returned)


async def _lock(conn: Connection, enrolment_id: UUID, offer_id: UUID) -> Row:
    """Hold the queues of the round and the application; return the offer as it is then."""
    await enrolment_offers.hold(conn, enrolment_id)
    await enrolment_states.lock(conn, [enrolment_id])
    offer: Row | None = await sql.enrolment_offers.find(conn, enrolment_id=enrolment_id, id=offer_id)
    if offer is None:
        raise NotFound("enrolment_offer_not_found")
    return offer


def _require_live(ctx: Context, offer: Row) -> None:
    if offer["status"] != SeatOfferStatus.LIVE or offer["answer_by"] <= ctx.now:
        raise Conflict("enrolment_offer_over", offer_status=offer["status"], answer_by=offer["answer_by"])


async def _require_not_begun(conn: Connection, ctx: Context, enrolment_id: UUID) -> None:
    if await sql.enrolment_offers.has_begun(conn, enrolment_id=enrolment_id, today=local_day(ctx.now)):
        raise Conflict("nursery_place_begun")
