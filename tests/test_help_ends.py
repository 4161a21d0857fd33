"""Requests that end without help: cancelled, or over before anybody took them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from domain import help_ends
from domain.context import Context
from domain.vocabulary import Role
from server.database import prepare_connection
from tests import help_world, make
from tests.booking_world import post, until_waiting
from tests.help_world import TOMORROW, leader, local

SPAN = local(TOMORROW, "08:00"), local(TOMORROW, "10:00")


class World:
    """A request of a daughter for her mother, and three volunteers of the team that answers for it."""

    def __init__(self, client, conn, app, vault, clock):
        self.client, self.conn, self.app, self.vault, self.clock = client, conn, app, vault, clock

    async def build(self):
        conn, app = self.conn, self.app
        self.area_id = await make.area(conn)
        self.team_id = await make.team(conn, area_id=self.area_id)
        self.family = await make.resident(conn, app, name="女儿")
        self.elder_id = await make.person(conn, self.vault, name="巴特尔")
        await make.care(conn, self.family.account_id, self.elder_id)
        self.helpers = [await help_world.helper(conn, app, team_id=self.team_id, name=name) for name in "甲乙丙"]
        return self

    async def request(self, **options):
        return await help_world.help_request(
            self.conn, self.vault, self.elder_id, team_id=self.team_id, area_id=self.area_id, **options
        )

    async def cancel(self, request_id, who=None, path="/v1/help-requests"):
        return await post(self.client, f"{path}/{request_id}/cancel", who or self.family)

    async def expire(self):
        async with self.conn.transaction():
            return await help_ends.expire(self.conn, Context(None, self.clock.now, self.vault))

    async def state(self, request_id):
        return await self.conn.fetchval("select state from help_request where id = $1", request_id)

    async def offers(self, request_id):
        rows = await self.conn.fetch("select volunteer_id, status from help_offer where request_id = $1", request_id)
        return {row["volunteer_id"]: row["status"] for row in rows}

    async def told(self, person_id):
        rows = await self.conn.fetch("select kind, facts from notice where person_id = $1 order by id", person_id)
        return [(row["kind"], row["facts"].get("way")) for row in rows]

    async def last_event(self, request_id):
        return await self.conn.fetchrow(
            "select * from help_event where request_id = $1 order by n desc limit 1", request_id
        )


@pytest.fixture
async def world(client, conn, app, vault, clock):
    return await World(client, conn, app, vault, clock).build()


@pytest.fixture
async def holder(database):
    """A session that takes a lock and keeps it."""
    connection = await asyncpg.connect(database)
    await prepare_connection(connection)
    yield connection
    await connection.close()


async def test_the_family_cancels_and_who_was_asked_is_told(world):
    request_id = await world.request()
    first, second, third = world.helpers
    for helper in (first, second):
        await help_world.offered(world.conn, request_id, helper.volunteer_id)
    await help_world.offered(world.conn, request_id, third.volunteer_id, status="declined")
    answer = await world.cancel(request_id)
    assert (answer.status, answer.body["state"]) == (200, "cancelled")
    assert await world.offers(request_id) == {
        first.volunteer_id: "withdrawn",
        second.volunteer_id: "withdrawn",
        third.volunteer_id: "declined",
    }
    for helper in (first, second):
        assert await world.told(helper.resident.person_id) == [("help_withdrawn", "cancelled")]
    assert await world.told(third.resident.person_id) == []
    assert await world.told(world.elder_id) == [("help_cancelled", None)]
    event = answer.body["events"][-1]
    assert (event["was"], event["state"], event["because"], event["by"]) == (
        "offered",
        "cancelled",
        "cancelled_by_family",
        "family",
    )
    row = await world.conn.fetchrow("select * from help_request where id = $1", request_id)
    assert row["next_round_at"] is None


async def test_who_had_it_is_free_again_and_the_number_is_kept(world):
    booking_id = await make.booking(world.conn, await make.slot(world.conn), world.family, person_id=world.elder_id)
    request_id = await world.request(needs=("accompany",), span=SPAN, booking_id=booking_id)
    helper = world.helpers[0]
    await help_world.taken(world.conn, request_id, helper.volunteer_id, state="booked")
    answer = await world.cancel(request_id)
    assert (answer.body["state"], answer.body["volunteer"], answer.body["start_code"]) == ("cancelled", None, None)
    assert (answer.body["booking"]["id"], answer.body["booking"]["status"]) == (str(booking_id), "booked")
    assert answer.body["events"][-1]["volunteer_name"] == "甲"
    assert await world.conn.fetchval("select state from help_work where request_id = $1", request_id) == "released"
    assert await world.told(helper.resident.person_id) == [("help_withdrawn", "cancelled")]
    other = await world.request(needs=("drive",), span=SPAN)
    await help_world.taken(world.conn, other, helper.volunteer_id, state="booked")


async def test_cancelling_again_changes_nothing(world):
    request_id = await world.request()
    first = await world.cancel(request_id)
    again = await world.cancel(request_id)
    assert (again.status, again.body) == (200, first.body)
    assert await world.told(world.elder_id) == [("help_cancelled", None)]
    assert await world.conn.fetchval("select count(*) from audit where action = 'help_requests.cancelled'") == 1


@pytest.mark.parametrize("state", ["under_way", "completed"])
async def test_what_is_under_way_or_done_is_not_cancelled(world, state):
    request_id = await world.request(span=SPAN)
    await help_world.taken(world.conn, request_id, world.helpers[0].volunteer_id, state=state)
    answer = await world.cancel(request_id)
    assert (answer.status, answer.code, answer.body["state"]) == (409, "help_in_other_state", state)
    assert await world.told(world.elder_id) == []


async def test_a_stranger_cancels_nothing(world, conn, app):
    request_id = await world.request()
    assert (await world.cancel(request_id, await make.resident(conn, app))).code == "help_request_not_found"
    assert (await world.cancel(request_id, world.helpers[0])).code == "help_request_not_found"
    assert await world.state(request_id) == "open"


async def test_the_desk_and_the_leader_cancel_for_the_family(world, conn, app):
    clerk = await make.staff(conn, app, Role.CLERK, area_id=world.area_id)
    leading = (await leader(conn, app, world.team_id)).resident
    for who, path in ((clerk, "/v1/staff/help-requests"), (leading, f"/v1/teams/{world.team_id}/help-requests")):
        request_id = await world.request()
        answer = await world.cancel(request_id, who, path)
        assert (answer.status, answer.body["state"]) == (200, "cancelled")
        event = answer.body["events"][-1]
        assert (event["because"], event["by"]) == ("cancelled_by_desk", "staff" if who is clerk else "leader")
    of_others = await help_world.help_request(conn, world.vault, world.elder_id)
    assert (await world.cancel(of_others, clerk, "/v1/staff/help-requests")).code == "help_request_not_found"
    path = f"/v1/teams/{world.team_id}/help-requests"
    assert (await world.cancel(of_others, leading, path)).code == "help_request_not_found"
    assert await world.state(of_others) == "open"


async def test_time_ends_what_nobody_took(world):
    waiting = await world.request()
    asked = await world.request()
    await help_world.offered(world.conn, asked, world.helpers[0].volunteer_id)
    timeless = await world.request(needs=("accompany",))
    await help_world.taken(world.conn, timeless, world.helpers[1].volunteer_id)
    world.clock.now = local(TOMORROW, "23:59")
    assert await world.expire() == 0
    world.clock.move(minutes=1)
    assert await world.expire() == 3
    for request_id in (waiting, asked, timeless):
        assert await world.state(request_id) == "expired"
        event = await world.last_event(request_id)
        assert (event["because"], event["actor_id"]) == ("time_over", None)
    assert await world.told(world.elder_id) == [("help_expired", None)] * 3
    for helper in world.helpers[:2]:
        assert await world.told(helper.resident.person_id) == [("help_withdrawn", "expired")]
    assert await world.conn.fetchval("select count(*) from audit where action = 'help_requests.expired'") == 3
    assert await world.expire() == 0


async def test_what_has_a_time_is_over_when_it_begins(world):
    request_id = await world.request(needs=("accompany",), span=SPAN)
    world.clock.now = SPAN[0] - timedelta(seconds=1)
    assert await world.expire() == 0
    world.clock.now = SPAN[0]
    assert await world.expire() == 1
    assert await world.state(request_id) == "expired"


@pytest.mark.parametrize("state", ["booked", "under_way", "completed"])
async def test_time_leaves_what_somebody_does(world, state):
    request_id = await world.request(needs=("accompany",), span=SPAN)
    await help_world.taken(world.conn, request_id, world.helpers[0].volunteer_id, state=state)
    world.clock.move(days=30)
    assert await world.expire() == 0
    assert await world.state(request_id) == state


async def test_of_many_a_piece_at_a_time(world, monkeypatch):
    monkeypatch.setattr(help_ends, "EXPIRED_AT_ONCE", 2)
    for _ in range(5):
        await world.request()
    world.clock.move(days=30)
    assert [await world.expire() for _ in range(4)] == [2, 2, 1, 0]


async def test_one_that_is_just_being_changed_is_left_for_later(world, holder):
    held, free = await world.request(), await world.request()
    world.clock.move(days=30)
    async with holder.transaction():
        await holder.execute("select from help_request where id = $1 for no key update", held)
        assert await world.expire() == 1
        assert await world.state(free) == "expired"
    assert await world.expire() == 1
    assert await world.state(held) == "expired"


async def test_cancelled_just_as_it_is_taken_it_is_not_cancelled_behind_the_volunteers_back(world, conn, holder):
    """Whoever comes second sees what the first did: the volunteer who took it meanwhile is told."""
    request_id, helper = await world.request(), world.helpers[0]
    await help_world.offered(conn, request_id, helper.volunteer_id)
    async with holder.transaction():
        await help_world.taken(holder, request_id, helper.volunteer_id)
        cancelling = asyncio.create_task(world.cancel(request_id))
        await until_waiting(conn, unless=cancelling)
    answer = await cancelling
    assert answer.status == 200, answer.body
    assert await world.told(helper.resident.person_id) == [("help_withdrawn", "cancelled")]
    assert (await world.last_event(request_id))["volunteer_id"] == helper.volunteer_id


async def test_taken_and_cancelled_at_once_it_is_cancelled_and_binds_nobody(world, second_client, conn):
    helper = world.helpers[0]
    await conn.execute("insert into volunteer_area values ($1, $2)", helper.volunteer_id, world.area_id)
    outcomes = set()
    for turn in range(6):
        request_id = await world.request(needs=("accompany",), span=SPAN)
        await help_world.offered(conn, request_id, helper.volunteer_id)
        taking = post(second_client, f"/v1/help-requests/{request_id}/accept", helper)
        both = [taking, world.cancel(request_id)]
        answers = await asyncio.gather(*(both if turn % 2 else reversed(both)))
        accepted, cancelled = answers if turn % 2 else reversed(answers)
        assert cancelled.status == 200, cancelled.body
        outcomes.add((accepted.status, accepted.code))
        row = await conn.fetchrow("select state, volunteer_id, start_code from help_request where id = $1", request_id)
        assert tuple(row) == ("cancelled", None, None)
        assert await conn.fetchval("select count(*) from help_work where state = 'held'") == 0
        assert await conn.fetchval("select count(*) from help_offer where status = 'live'") == 0
    assert outcomes <= {(200, None), (409, "help_in_other_state"), (409, "help_request_taken")}
