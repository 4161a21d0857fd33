"""Good calls of the draw of a round."""

from __future__ import annotations

from datetime import timedelta

from handlers.request import CLOCK
from tests import drawing, make
from tests.giving import with_id
from tests.nursery_world import Family, Offered, application, enrolment_round, nursery, nursery_class
from tests.town import count


async def closed(town):
    """Make a round whose value is due now, with an application of the family's."""
    now = town.app[CLOCK]()
    class_id = await nursery_class(town.conn, await nursery(town.conn, town.area_id, f"托育园{next(count)}"))
    within = await enrolment_round(
        town.conn, town.area_id, [Offered(class_id)], stage="closed", now=now, review_until=now, value_due_at=now
    )
    person_id, _, _ = await town.elder()
    family = Family(make.Resident(town.accounts["family"][0], town.person_id, ""), person_id)
    return within.round_id, await application(town.conn, family, within, state="accepted")


async def to_freeze(town):
    round_id, _ = await closed(town)
    await town.conn.execute(
        "update enrolment_round set value_due_at = $2 where id = $1", round_id, town.app[CLOCK]() + timedelta(hours=1)
    )
    return round_id


async def frozen(town):
    round_id, _ = await closed(town)
    await drawing.frozen(town.conn, town.app, round_id, days_ago=0.5)
    return round_id


async def drawn(town):
    round_id, _ = await closed(town)
    await drawing.drawn(town.conn, town.app, round_id, published=False)
    return round_id


async def published(town):
    round_id, _ = await closed(town)
    await drawing.drawn(town.conn, town.app, round_id)
    return round_id


async def listed(town):
    round_id, enrolment_id = await closed(town)
    await drawing.frozen(town.conn, town.app, round_id, days_ago=0.5)
    return enrolment_id


ENROLMENT_DRAW = {
    ("GET", "/v1/enrolment-rounds/{id}/draw"): with_id(frozen),
    ("GET", "/v1/enrolment-rounds/{id}/frozen"): with_id(frozen),
    ("GET", "/v1/enrolment-rounds/{id}/result"): with_id(published),
    ("GET", "/v1/enrolment-rounds/{id}/verifier"): with_id(published),
    ("GET", "/v1/enrolments/{id}/line"): with_id(listed),
    ("GET", "/v1/staff/enrolment-rounds/{id}/draw"): with_id(drawn),
    ("POST", "/v1/staff/enrolment-rounds/{id}/draw"): with_id(
        frozen, {"public_value": drawing.PUBLIC_VALUE, "public_value_again": drawing.PUBLIC_VALUE}
    ),
    ("POST", "/v1/staff/enrolment-rounds/{id}/freeze"): with_id(to_freeze),
    ("POST", "/v1/staff/enrolment-rounds/{id}/publish"): with_id(drawn),
    ("GET", "/v1/staff/enrolment-rounds/{id}/result"): with_id(drawn),
}
