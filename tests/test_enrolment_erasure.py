"""A consent taken back ends what it was given for; an erased child leaves no words behind."""

from __future__ import annotations

import pytest

from tests import make, nursery_world
from tests.nursery_world import NOW


async def state_of(conn, enrolment_id):
    return await conn.fetchval("select state from enrolment where id = $1", enrolment_id)


async def take_back(zone, who):
    return await zone.call("DELETE", f"/v1/me/consents/child_enrolment?person={who.child_id}", who)


async def test_without_the_consent_the_application_ends_and_the_care_goes_on(zone, conn):
    who, enrolment_id = await zone.application(await zone.round())
    status, answer = await take_back(zone, who)
    assert (status, answer["people"]) == (200, [])
    assert await state_of(conn, enrolment_id) == "withdrawn"
    assert (await zone.get(f"/v1/people/{who.child_id}", who))[0] == 200
    kinds = await conn.fetch("select kind from consent where person_id = $1 and withdrawn_at is null", who.child_id)
    assert [row["kind"] for row in kinds] == ["child_guardian"]


async def test_what_is_frozen_stands_when_the_consent_is_taken_back(zone, conn):
    within = await zone.round("reviewed")
    who, enrolment_id = await zone.application(within, state="accepted")
    await conn.execute("update enrolment set listed_at = $2 where id = $1", enrolment_id, NOW)
    assert (await take_back(zone, who))[0] == 200
    assert await state_of(conn, enrolment_id) == "accepted"


async def test_another_parents_consent_keeps_the_application(zone, conn):
    who, enrolment_id = await zone.application(await zone.round())
    other = await make.resident(conn, zone.app, name="家长乙")
    await make.care(conn, other.account_id, who.child_id, "child")
    await nursery_world.consent(conn, other.account_id, who.child_id)
    assert (await take_back(zone, who))[0] == 200
    assert await state_of(conn, enrolment_id) == "submitted"


async def test_an_erased_child_gives_back_its_seat_and_leaves_no_words(zone, conn):
    within = await zone.round("offers", seats=1, reserves={})
    who, enrolment_id = await zone.application(within, state="accepted", repair_words="请补户口簿")
    _, waiting_id = await zone.application(within, state="accepted")
    seat_id = within.programmes[0].seats[0]
    await nursery_world.drawn(conn, within, [enrolment_id, waiting_id], {enrolment_id: seat_id})
    await nursery_world.seat_offer(conn, enrolment_id, seat_id)
    status, answer = await zone.call("DELETE", f"/v1/people/{who.child_id}", who)
    assert status == 200, answer
    assert await state_of(conn, enrolment_id) == "withdrawn"
    assert await conn.fetchval("select repair_words from enrolment where id = $1", enrolment_id) == ""
    following = "select enrolment_id from enrolment_offer where seat_id = $1 and status = 'live'"
    assert await conn.fetchval(following, seat_id) == waiting_id


@pytest.mark.parametrize("path", ["/v1/me", "/v1/people/{child}"])
async def test_nobody_is_erased_who_is_in_a_nursery(zone, conn, path):
    who = await zone.family()
    await nursery_world.place(conn, who.child_id, zone.star_class)
    status, refusal = await zone.call("DELETE", path.format(child=who.child_id), who)
    assert (status, refusal["code"]) == (409, "live_nursery_places")


async def test_the_export_holds_all_of_the_enrolment_and_nobody_elses(zone, conn):
    within = await zone.round("offers", seats=1, reserves={})
    who, enrolment_id = await zone.application(within, None, None, {"sibling": "granted"}, state="accepted")
    await zone.application(within, state="accepted")
    seat_id = within.programmes[0].seats[0]
    await nursery_world.drawn(conn, within, [enrolment_id], {enrolment_id: seat_id})
    await nursery_world.seat_offer(conn, enrolment_id, seat_id)
    await nursery_world.place(conn, who.child_id, zone.star_class, enrolment_id=enrolment_id)
    status, exported = await zone.get("/v1/me/export", who)
    assert status == 200, exported
    (enrolment,) = exported["enrolments"]
    assert (enrolment["id"], len(enrolment["choices"])) == (str(enrolment_id), 2)
    assert [claim["status"] for claim in enrolment["claims"]] == ["granted"]
    assert [event["because"] for event in exported["enrolment_events"]] == ["begun", "submitted"]
    assert [len(exported[name]) for name in ("enrolment_offers", "nursery_places", "nursery_leaves")] == [1, 1, 0]
