"""An application goes from the reviewer back to the family, is repaired, and is reviewed again."""

from __future__ import annotations

import pytest

from domain import enrolment_review
from domain.context import Context
from domain.vocabulary import Role
from handlers.request import VAULT
from tests import make


@pytest.fixture
async def returned(zone):
    """An application that claims a priority without proof and was returned for that; and what the family wishes."""
    within = await zone.round("closed")
    family, enrolment_id = await zone.application(within, claims={"sibling": "claimed"})
    await zone.post(f"/v1/staff/enrolments/{enrolment_id}/take", zone.clerk)
    status, _ = await zone.post(f"/v1/staff/enrolments/{enrolment_id}/return", zone.clerk, {"words": "缺同胞证明"})
    assert status == 200
    return within, family, enrolment_id, [str(each.programme_id) for each in within.programmes]


async def test_a_family_repairs_and_is_accepted(zone, returned):
    within, family, enrolment_id, choices = returned
    _, seen = await zone.get(f"/v1/enrolments/{enrolment_id}", family)
    assert (seen["state"], seen["repair_words"]) == ("returned", "缺同胞证明")
    status, refusal = await zone.post(f"/v1/enrolments/{enrolment_id}/submit", family, {})
    assert (status, refusal["code"]) == (409, "document_missing")
    status, _ = await zone.put(f"/v1/enrolments/{enrolment_id}", family, {"choices": choices, "claims": []})
    assert status == 200
    status, _ = await zone.post(f"/v1/enrolments/{enrolment_id}/submit", family, {})
    assert status == 200
    _, page = await zone.get(f"/v1/staff/enrolments?round={within.round_id}", zone.carer)
    ((id_, repair),) = [(item["id"], item["repair"]) for item in page["items"]]
    assert (id_, repair) == (str(enrolment_id), "repaired")
    await zone.post(f"/v1/staff/enrolments/{enrolment_id}/take", zone.carer)
    status, shown = await zone.post(f"/v1/staff/enrolments/{enrolment_id}/verdict", zone.carer, {"kind": "accept"})
    assert (status, shown["state"], shown["claims"]) == (200, "accepted", [])
    assert [event["because"] for event in shown["events"]][2:] == [
        "review_begun",
        "returned",
        "changed",
        "repaired",
        "review_begun",
        "accepted",
    ]


async def test_choices_stand_while_an_application_is_repaired(zone, conn, returned):
    _, family, enrolment_id, choices = returned
    turned = {"choices": choices[::-1], "claims": []}
    status, refusal = await zone.put(f"/v1/enrolments/{enrolment_id}", family, turned)
    assert (status, refusal["code"]) == (409, "enrolment_choices_stand")
    assert await conn.fetchval("select count(*) from enrolment_claim") == 1


async def test_a_repair_a_second_late_is_refused_and_reviewed_as_it_is(zone, conn, clock, returned):
    within, family, enrolment_id, choices = returned
    clock.move(hours=72)
    family = await make.signed_in_again(conn, zone.app, family.resident)
    for method, path, body in (
        ("PUT", "", {"choices": choices, "claims": []}),
        ("POST", "/submit", {}),
    ):
        status, _ = await zone.call(method, f"/v1/enrolments/{enrolment_id}{path}", family, body)
        assert status == 409
    assert await conn.fetchval("select count(*) from enrolment_claim") == 1
    assert await enrolment_review.end_repairs(conn, Context(None, clock.now, zone.app[VAULT])) == 1
    clerk = await make.staff(conn, zone.app, Role.CLERK, area_id=zone.area_id)
    _, page = await zone.get(f"/v1/staff/enrolments?round={within.round_id}", clerk)
    assert [item["repair"] for item in page["items"]] == ["repair_late"]
