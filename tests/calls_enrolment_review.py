"""Good calls of who reviews applications: the clerk of the area, to whom each is given in review."""

from __future__ import annotations

from domain.identifiers import new_id
from tests import make, nursery_world
from tests.giving import with_id
from tests.nursery_world import Offered
from tests.town import Given


async def applied(town, *, in_review=False):
    """Let a child of the family apply in a round of the area; return round and application."""
    nursery_id = await nursery_world.nursery(town.conn, town.area_id)
    class_id = await nursery_world.nursery_class(town.conn, nursery_id)
    within = await nursery_world.enrolment_round(town.conn, town.area_id, [Offered(class_id)], stage="closed")
    account_id, _ = town.accounts["family"]
    parent = make.Resident(account_id, town.person_id, "")
    child_id = await nursery_world.child(town.conn, town.app, parent)
    state = {"state": "in_review", "reviewer_id": town.accounts["area_clerk"][0]} if in_review else {}
    enrolment_id = await nursery_world.application(
        town.conn, nursery_world.Family(parent, child_id), within, claims={"sibling": "claimed"}, **state
    )
    return within, enrolment_id


async def waiting(town):
    _, enrolment_id = await applied(town)
    return enrolment_id


async def reviewed(town):
    _, enrolment_id = await applied(town, in_review=True)
    return enrolment_id


async def queue(town):
    within, _ = await applied(town)
    return Given(query={"round": str(within.round_id)})


async def proposed(town):
    """A refusal that somebody else has proposed."""
    enrolment_id, verdict_id = await reviewed(town), new_id()
    await town.conn.execute(
        """insert into enrolment_verdict (id, enrolment_id, kind, reason, proposed_by, proposed_at)
           values ($1, $2, 'refuse', '户口不符', $3, $4)""",
        verdict_id,
        enrolment_id,
        town.accounts["area_manager"][0],
        make.EPOCH,
    )
    return Given(ids={"id": enrolment_id, "verdict_id": verdict_id})


async def rejecting(town):
    return Given({"words": "材料齐了"}, (await proposed(town)).ids)


ENROLMENT_REVIEW = {
    ("GET", "/v1/staff/enrolments"): queue,
    ("GET", "/v1/staff/enrolments/{id}"): with_id(waiting),
    ("POST", "/v1/staff/enrolments/{id}/take"): with_id(waiting),
    ("POST", "/v1/staff/enrolments/{id}/leave"): with_id(reviewed),
    ("POST", "/v1/staff/enrolments/{id}/return"): with_id(reviewed, {"words": "请补户口本"}),
    ("POST", "/v1/staff/enrolments/{id}/verdict"): with_id(reviewed, {"kind": "accept"}),
    ("POST", "/v1/staff/enrolments/{id}/verdicts/{verdict_id}/confirm"): proposed,
    ("POST", "/v1/staff/enrolments/{id}/verdicts/{verdict_id}/reject"): rejecting,
}
