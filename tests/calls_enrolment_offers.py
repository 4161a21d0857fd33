"""Good calls about offers of nursery seats."""

from __future__ import annotations

from tests.giving import with_id
from tests.make import Resident
from tests.nursery_world import (
    Family,
    Offered,
    application,
    child,
    drawn,
    enrolment_round,
    nursery,
    nursery_class,
    seat_offer,
)
from tests.town import Given


async def drawn_for(town, stage="offers"):
    """Let a new child of the family have a seat by the draw; return the round, the application and the seat."""
    class_id = await nursery_class(town.conn, await nursery(town.conn, town.area_id))
    within = await enrolment_round(town.conn, town.area_id, [Offered(class_id, 1)], stage=stage)
    parent = Resident(town.accounts["family"][0], town.person_id, "")
    who = Family(parent, await child(town.conn, town.app, parent))
    enrolment_id = await application(town.conn, who, within, state="accepted")
    seat_id = within.programmes[0].seats[0]
    await drawn(town.conn, within, [enrolment_id], {enrolment_id: seat_id})
    return within.round_id, enrolment_id, seat_id


async def answer(town):
    _, enrolment_id, seat_id = await drawn_for(town)
    offer_id = await seat_offer(town.conn, enrolment_id, seat_id)
    return Given({"offer_id": str(offer_id)}, {"id": enrolment_id})


async def with_seat(town):
    _, enrolment_id, seat_id = await drawn_for(town)
    await seat_offer(town.conn, enrolment_id, seat_id, status="accepted")
    return enrolment_id


async def published(town):
    round_id, _, _ = await drawn_for(town, "published")
    return round_id


GOOD = {
    ("GET", "/v1/enrolments/{id}/queues"): with_id(with_seat),
    ("POST", "/v1/enrolments/{id}/accept"): answer,
    ("POST", "/v1/enrolments/{id}/decline"): answer,
    ("POST", "/v1/enrolments/{id}/settle"): with_id(with_seat),
    ("POST", "/v1/staff/enrolment-rounds/{id}/offer"): with_id(published),
}
