"""Staff bring a round to its offers: of the seats of the draw, and of those that it left over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain import audit, enrolment_offers
from domain.errors import Conflict
from domain.identifiers import new_id
from domain.permissions import require_staff_of_round
from domain.vocabulary import MANAGERS

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def begin(conn: Connection, ctx: Context, round_id: UUID) -> Row:
    """Offer every seat that the draw gave to an application that still stands, and the others by their queues."""
    await require_staff_of_round(conn, ctx, round_id, *MANAGERS)
    held = await sql.enrolment_offers.hold_round_by_id(conn, round_id=round_id)
    begun: Row | None = await sql.enrolment_offers.begin(conn, round_id=round_id)
    if begun is None:
        raise Conflict("enrolment_round_in_other_state", round_state=held["stage"])
    drawn = await sql.enrolment_offers.drawn(conn, round_id=round_id)
    offer_ids = [new_id() for _ in drawn]
    await sql.enrolment_offers.offer_drawn(
        conn,
        ids=offer_ids,
        enrolment_ids=[row["id"] for row in drawn],
        seat_ids=[row["seat_id"] for row in drawn],
        answer_by=enrolment_offers.answer_by(ctx.now, begun["answer_hours"]),
        now=ctx.now,
    )
    await enrolment_offers.announce(conn, ctx, offer_ids)
    free = await sql.enrolment_offers.free_seats_of_round(conn, round_id=round_id)
    await enrolment_offers.fill(conn, ctx, [row["id"] for row in free])
    await audit.record(conn, ctx, "enrolment_rounds.offered", round_id, offers=len(offer_ids))
    return begun
