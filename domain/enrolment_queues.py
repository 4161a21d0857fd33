"""What a family sees of its place in the queue of each programme that it wants, and why it is there."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import sql
from domain.errors import Conflict
from domain.nursery_vocabulary import EnrolmentState, QueueStanding, RoundState, SeatOfferStatus
from domain.permissions import require_care_of_enrolment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

LET_GO = (SeatOfferStatus.DECLINED, SeatOfferStatus.LAPSED, SeatOfferStatus.GIVEN_UP)
OF_OFFERS = {SeatOfferStatus.LIVE: QueueStanding.OFFERED, SeatOfferStatus.ACCEPTED: QueueStanding.ACCEPTED}


async def show(conn: Connection, ctx: Context, enrolment_id: UUID) -> Row:
    """Return an application's offers and its place in each queue; see `standing_of` for what it is in one."""
    await require_care_of_enrolment(conn, ctx, enrolment_id)
    enrolment = await sql.enrolment_queues.application(conn, enrolment_id=enrolment_id)
    if enrolment["state"] != EnrolmentState.ACCEPTED or enrolment["stage"] not in (RoundState.OFFERS, RoundState.ENDED):
        raise Conflict("not_in_queues")
    queues = defaultdict(list)
    for row in await sql.enrolment_queues.queues(conn, enrolment_id=enrolment_id):
        queues[row["programme_id"]].append(row)
    choices: list[dict[str, Any]] = []
    for choice in await sql.enrolment_queues.choices(conn, enrolment_id=enrolment_id):
        of_choice = queues[choice["programme_id"]]
        standing = standing_of(enrolment, choice, of_choice, choices)
        waits = standing == QueueStanding.WAITING
        shown = [_queue(row, waits=waits, late=enrolment["late"]) for row in of_choice]
        offer = {**choice, "id": choice["offer_id"]} if choice["offer_id"] else None
        choices.append({**choice, "standing": standing, "offer": offer, "queues": shown})
    return {**enrolment, "enrolment_id": enrolment_id, "choices": choices}


def standing_of(enrolment: Row, choice: Row, queues: Sequence[Row], better: Sequence[Row]) -> QueueStanding:
    """Say what an application is in the queue of one of its choices; `better`: those that it wants more."""
    if choice["status"] in OF_OFFERS:
        return OF_OFFERS[choice["status"]]
    if choice["status"] in LET_GO:
        return QueueStanding.LET_GO
    if any(one["standing"] in OF_OFFERS.values() for one in better):
        return QueueStanding.HAS_BETTER
    if enrolment["settled"]:
        return QueueStanding.SETTLED
    if enrolment["stage"] == RoundState.ENDED:
        return QueueStanding.OVER
    if all(row["tier"] is None for row in queues):
        return QueueStanding.NOT_TAKEN
    return QueueStanding.WAITING


def _queue(row: Row, *, waits: bool, late: bool) -> Row:
    """Without a place in it for who does not wait, or whom its seats do not take."""
    before = row["drawn_before"] + row["group_before"] + row["order_before"]
    place = before + 1 if waits and row["tier"] is not None else None
    return {**row, "place": place, "late": late}
