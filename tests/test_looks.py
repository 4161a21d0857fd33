"""What a volunteer sees of a person is an audit row each time; what the family sees of its own is none."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from domain.vocabulary import Role
from handlers.request import VAULT
from tests import make
from tests.booking_world import book, loose_slot
from tests.mandates import call


@pytest.fixture
async def helper(world):
    """The volunteer, with the token of one who has signed in since approval."""
    roles: list[str] = [Role.RESIDENT, Role.VOLUNTEER]
    token = await make.session(world.conn, world.app, world.helper.account_id, roles)
    return replace(world.helper, token=token)


async def looks(world):
    rows = await world.conn.fetch(
        "select action, subject_id, actor_id, facts from audit where action like '%read_by_volunteer' order by at, seq"
    )
    return [(row["action"].partition(".")[0], str(row["subject_id"]), row["actor_id"], row["facts"]) for row in rows]


async def test_each_look_of_a_volunteer_is_recorded_and_none_of_the_family(world, helper):
    made = await world.given()
    slot_id = await loose_slot(world.conn, assisted=2)
    booked = await book(world.client, helper, slot_id, world.person_id, mandate_id=made["id"])
    assert booked.status == 201, booked.body
    entry_id = await make.waiting(
        world.conn,
        await make.service(world.conn),
        helper,
        people=[world.person_id],
        mandate_id=UUID(made["id"]),
    )
    seen = [
        ("bookings", booked.body["id"], "/v1/bookings"),
        ("bookings", booked.body["id"], f"/v1/bookings/{booked.body['id']}"),
        ("bookings", booked.body["id"], f"/v1/bookings/{booked.body['id']}/pass"),
        ("waitlist", str(entry_id), "/v1/waitlist"),
        ("waitlist", str(entry_id), f"/v1/waitlist/{entry_id}"),
        ("mandates", made["id"], "/v1/mandates"),
        ("mandates", made["id"], f"/v1/mandates/{made['id']}"),
    ]
    for _, _, path in seen:
        assert (await call(world.client, "GET", path, world.family))[0] == 200
    assert await looks(world) == []
    for _, _, path in seen:
        assert (await call(world.client, "GET", path, helper))[0] == 200
    facts = {"person_id": str(world.person_id)}
    assert await looks(world) == [(what, subject, helper.account_id, facts) for what, subject, _ in seen]


async def test_nothing_is_recorded_of_what_shows_nobody(world, helper):
    made = await world.given()
    await world.revoke(made, world.family)
    _, shown = await call(world.client, "GET", f"/v1/mandates/{made['id']}", helper)
    assert shown["person"] is None
    for path in ("/v1/bookings", "/v1/waitlist", "/v1/mandates"):
        assert (await call(world.client, "GET", path, helper))[0] == 200
    assert await looks(world) == []


async def test_a_volunteers_own_family_is_her_own_affair(world, helper):
    person_id = await make.person(world.conn, world.app[VAULT])
    await make.care(world.conn, helper.account_id, person_id)
    other = await make.resident(world.conn, world.app)
    volunteer_id = await make.volunteer(world.conn, other.account_id, team_id=world.team_id)
    await make.mandate(world.conn, person_id, volunteer_id, helper.account_id)
    _, listed = await call(world.client, "GET", "/v1/mandates", helper)
    assert [item["person"]["id"] for item in listed["items"]] == [str(person_id)]
    assert await looks(world) == []
