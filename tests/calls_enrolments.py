"""Good calls about applications for a nursery."""

from __future__ import annotations

from tests.giving import nothing, with_id
from tests.make import Resident
from tests.nursery_world import Family, Offered, application, child, enrolment_round, nursery, nursery_class
from tests.town import Given


async def open_round(town):
    class_id = await nursery_class(town.conn, await nursery(town.conn, town.area_id))
    return await enrolment_round(town.conn, town.area_id, [Offered(class_id, 1)])


async def family_of(town):
    parent = Resident(town.accounts["family"][0], town.person_id, "")
    return Family(parent, await child(town.conn, town.app, parent))


async def beginning(town):
    within, who = await open_round(town), await family_of(town)
    chosen = [str(programme.programme_id) for programme in within.programmes]
    return Given({"round_id": str(within.round_id), "person_id": str(who.child_id), "choices": chosen})


async def draft(town):
    return await application(town.conn, await family_of(town), await open_round(town), state="draft")


async def submitted(town):
    return await application(town.conn, await family_of(town), await open_round(town))


GOOD = {
    ("GET", "/v1/enrolments"): nothing,
    ("POST", "/v1/enrolments"): beginning,
    ("GET", "/v1/enrolments/{id}"): with_id(draft),
    ("PUT", "/v1/enrolments/{id}"): with_id(draft, {"choices": []}),
    ("POST", "/v1/enrolments/{id}/submit"): with_id(draft, {"late": False}),
    ("POST", "/v1/enrolments/{id}/reopen"): with_id(submitted),
    ("POST", "/v1/enrolments/{id}/withdraw"): with_id(submitted),
}
