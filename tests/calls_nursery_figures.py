"""Good calls of what staff count of a round."""

from __future__ import annotations

from tests.giving import with_id
from tests.nursery_world import enrolment_round


async def a_round(town):
    return (await enrolment_round(town.conn, town.area_id, [])).round_id


NURSERY_FIGURES = {
    ("GET", "/v1/staff/enrolment-rounds/{id}/figures"): with_id(a_round),
    ("GET", "/v1/staff/enrolment-rounds/{id}/report"): with_id(a_round),
}
