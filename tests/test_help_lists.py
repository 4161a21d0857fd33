"""What family, team and staff see of help requests, and what they do not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.help_states import Step, take
from domain.help_vocabulary import Because, HelpState
from domain.vocabulary import Role
from tests import help_world, make
from tests.help_world import END_CODE, START_CODE, TOMORROW, leader, local
from tests.mandates import call

SPAN = local(TOMORROW, "08:00"), local(TOMORROW, "10:00")
SECRETS = ("复诊拿药", "测试镇一号院", "走路慢", "13900000001", START_CODE, END_CODE)


class World:
    """A daughter and her mother, a team of the zone with a volunteer, its leader and a clerk there."""

    def __init__(self, client, conn, app, vault):
        self.client, self.conn, self.app, self.vault = client, conn, app, vault

    async def build(self):
        conn, app = self.conn, self.app
        self.zone_id = await make.area(conn)
        self.town_id = await make.area(conn, parent_id=self.zone_id, level="town")
        self.team_id = await make.team(conn, area_id=self.zone_id)
        self.family = await make.resident(conn, app, name="女儿")
        self.elder_id = await make.person(conn, self.vault, name="巴特尔", phone="13900001111")
        await make.care(conn, self.family.account_id, self.elder_id)
        self.helper = await help_world.helper(conn, app, team_id=self.team_id, name="苏和", phone="13900002222")
        self.leader = (await leader(conn, app, self.team_id)).resident
        self.clerk = await make.staff(conn, app, Role.CLERK, area_id=self.zone_id)
        return self

    async def request(self, person_id=None, **options):
        options = {"team_id": self.team_id, "area_id": self.town_id, **options}
        return await help_world.help_request(self.conn, self.vault, person_id or self.elder_id, **options)

    async def taken(self, state, **options):
        request_id = await self.request(needs=("accompany",), span=SPAN, **options)
        await help_world.taken(self.conn, request_id, self.helper.volunteer_id, state=state)
        return request_id

    async def get(self, who, path):
        status, body = await call(self.client, "GET", path, who, headers={})
        assert status == 200, body
        return body

    async def ids(self, who, path):
        return [item["id"] for item in (await self.get(who, path))["items"]]

    async def audited(self, action="help_requests.read"):
        rows = await self.conn.fetch("select actor_id, subject_id from audit where action = $1 order by at", action)
        return [(row["actor_id"], row["subject_id"]) for row in rows]


@pytest.fixture
async def world(client, conn, app, vault):
    return await World(client, conn, app, vault).build()


async def test_the_family_sees_who_comes_and_the_codes(world):
    request_id = await world.taken("booked")
    shown = await world.get(world.family, f"/v1/help-requests/{request_id}")
    assert (shown["state"], shown["start_code"], shown["end_code"]) == ("booked", START_CODE, END_CODE)
    assert shown["volunteer"]["name"] == "苏和"
    assert shown["volunteer"]["phone"] == "13900002222"
    assert shown["volunteer"]["team"]["id"] == str(world.team_id)
    assert (shown["starts_at"], shown["ends_at"]) == ("2026-11-24T08:00:00+08:00", "2026-11-24T10:00:00+08:00")
    assert [shown[name] for name in ("need", "pickup", "mobility", "contact_phone")] == list(SECRETS[:4])


async def test_when_it_is_over_the_volunteers_telephone_is_gone(world):
    request_id = await world.taken("completed")
    shown = await world.get(world.family, f"/v1/help-requests/{request_id}")
    assert (shown["volunteer"]["name"], shown["volunteer"]["phone"]) == ("苏和", None)


async def test_all_of_a_persons_help_is_one_look(world, clock):
    old = await world.taken("completed")
    conn = world.conn
    await conn.execute(
        """insert into help_hours (request_id, volunteer_id, team_id, started_at, started_way, ended_at, ended_way,
                                   minutes) values ($1, $2, $3, $4, 'code', $5, 'position', 110)""",
        old,
        world.helper.volunteer_id,
        world.team_id,
        SPAN[0],
        SPAN[1] - timedelta(minutes=10),
    )
    await conn.execute(
        """insert into help_rating (request_id, volunteer_id, rated_by, rated_at, stars, thanks)
           values ($1, $2, $3, $4, 5, '谢谢苏和')""",
        old,
        world.helper.volunteer_id,
        world.family.account_id,
        clock.now,
    )
    booking_id = await make.booking(conn, await make.slot(conn), world.family, person_id=world.elder_id)
    new = await world.request(needs=("drive",), booking_id=booking_id, span=SPAN)
    await world.request(world.family.person_id)
    found = await world.get(world.family, f"/v1/people/{world.elder_id}/help")
    assert {item["id"] for item in found["items"]} == {str(old), str(new)}
    shown = {item["id"]: item for item in found["items"]}
    assert shown[str(old)]["hours"] == {
        "started_at": "2026-11-24T08:00:00+08:00",
        "started_way": "code",
        "ended_at": "2026-11-24T09:50:00+08:00",
        "ended_way": "position",
        "minutes": 110,
    }
    assert shown[str(old)]["rating"] == {"stars": 5, "thanks": "谢谢苏和"}
    assert [event["state"] for event in shown[str(old)]["events"]] == ["open", "completed"]
    assert (shown[str(new)]["booking"]["id"], shown[str(new)]["hours"]) == (str(booking_id), None)


async def test_the_elders_own_account_sees_it_too(world, conn, app):
    request_id = await world.request()
    account_id = await make.account(conn)
    await make.care(conn, account_id, world.elder_id, "self")
    own = make.Resident(account_id, world.elder_id, await make.session(conn, app, account_id, [Role.RESIDENT]))
    assert await world.ids(own, "/v1/help-requests") == [str(request_id)]


async def test_the_events_are_told_in_order_with_who_did_it(world, clock):
    request_id = await world.request(asked_by=world.family.account_id)
    volunteer_id, account_id = world.helper.volunteer_id, world.helper.resident.account_id
    steps = [
        ("open", HelpState.OFFERED, Because.ROUND, None, None, "time"),
        ("offered", HelpState.ACCEPTED, Because.ACCEPTED, volunteer_id, account_id, "volunteer"),
        ("accepted", HelpState.OPEN, Because.RELEASED_BY_LEADER, None, world.leader.account_id, "leader"),
        ("open", HelpState.CANCELLED, Because.CANCELLED_BY_DESK, None, world.clerk.account_id, "staff"),
    ]
    for was, after, because, has, actor_id, _ in steps:
        about = volunteer_id if because is Because.RELEASED_BY_LEADER else None
        step = Step(request_id, (HelpState(was),), after, because, has, about, actor_id)
        async with world.conn.transaction():
            assert await take(world.conn, step, clock.now) is not None
    shown = await world.get(world.family, f"/v1/help-requests/{request_id}")
    told = [(event["was"], event["state"], event["because"], event["by"]) for event in shown["events"][1:]]
    assert told == [(was, after, because, by) for was, after, because, _, _, by in steps]
    assert [event["volunteer_name"] for event in shown["events"]] == [None, None, "苏和", "苏和", None]


async def test_others_see_nothing(world, conn, app):
    request_id = await world.taken("booked")
    stranger = await make.resident(conn, app)
    for who in (stranger, world.helper):
        for path in (f"/v1/help-requests/{request_id}", f"/v1/people/{world.elder_id}/help"):
            status, body = await call(world.client, "GET", path, who, headers={})
            assert (status, body["code"]) == (
                404,
                "help_request_not_found" if "requests" in path else "person_not_found",
            )
        assert await world.ids(who, "/v1/help-requests") == []
        status, body = await call(world.client, "GET", f"/v1/teams/{world.team_id}/help-requests", who, headers={})
        assert (status, body["code"]) == (404, "team_not_found")
    await conn.execute("update care set ended_at = now() where account_id = $1", world.family.account_id)
    assert await world.ids(world.family, "/v1/help-requests") == []
    status, _ = await call(world.client, "GET", f"/v1/help-requests/{request_id}", world.family, headers={})
    assert status == 404


async def test_the_team_and_staff_see_all_but_the_codes_and_that_is_recorded(world):
    request_id = await world.taken("booked")
    readers = (
        (world.leader, f"/v1/teams/{world.team_id}/help-requests/{request_id}"),
        (world.clerk, f"/v1/teams/{world.team_id}/help-requests/{request_id}"),
        (world.clerk, f"/v1/staff/help-requests/{request_id}"),
    )
    for who, path in readers:
        shown = await world.get(who, path)
        assert shown["person"] == {"id": str(world.elder_id), "name": "巴特尔", "phone": "13900001111"}
        assert (shown["need"], shown["pickup"]) == ("复诊拿药", "测试镇一号院")
        assert (shown["start_code"], shown["end_code"]) == (None, None)
    assert await world.audited() == [(who.account_id, request_id) for who, _ in readers]


async def test_lists_of_team_and_staff_show_nothing_that_is_sealed(world):
    request_id = await world.taken("booked")
    for who, path in (
        (world.leader, f"/v1/teams/{world.team_id}/help-requests"),
        (world.clerk, "/v1/staff/help-requests"),
    ):
        found = await world.get(who, path)
        assert [item["id"] for item in found["items"]] == [str(request_id)]
        text = str(found)
        assert not [secret for secret in (*SECRETS, "巴特尔", "13900002222", "13900001111") if secret in text]
        assert found["items"][0]["person"]["name"] == "巴**"
        assert found["items"][0]["volunteer"]["name"] == "苏和"
    assert await world.audited() == []


async def test_a_request_of_another_team_is_not_there(world, conn):
    of_others = await help_world.help_request(conn, world.vault, world.elder_id)
    for who, path in (
        (world.leader, f"/v1/teams/{world.team_id}/help-requests/{of_others}"),
        (world.clerk, f"/v1/staff/help-requests/{of_others}"),
    ):
        status, body = await call(world.client, "GET", path, who, headers={})
        assert (status, body["code"]) == (404, "help_request_not_found")
    for who, path in (
        (world.leader, f"/v1/teams/{world.team_id}/help-requests"),
        (world.clerk, "/v1/staff/help-requests"),
    ):
        assert await world.ids(who, path) == []
    assert await world.audited() == []


async def test_staff_of_the_township_see_who_is_met_there(world, conn, app):
    request_id = await world.request()
    of_town = await make.staff(conn, app, Role.CLERK, area_id=world.town_id)
    everywhere = await make.staff(conn, app, Role.ADMIN)
    for who in (of_town, everywhere, world.clerk):
        assert await world.ids(who, "/v1/staff/help-requests") == [str(request_id)]
        await world.get(who, f"/v1/staff/help-requests/{request_id}")


async def test_lists_are_sifted(world, conn):
    waiting, done = await world.request(), await world.taken("completed")
    own = await world.request(world.family.person_id)
    near_team = await make.team(conn, area_id=world.town_id)
    near = await world.request(team_id=near_team)
    cases: tuple[tuple[Any, str, str, set[Any]], ...] = (
        (world.family, "/v1/help-requests", "", {waiting, done, own, near}),
        (world.family, "/v1/help-requests", f"?person={world.elder_id}", {waiting, done, near}),
        (world.family, "/v1/help-requests", "?live=true", {waiting, own, near}),
        (world.family, "/v1/help-requests", "?state=completed", {done}),
        (world.clerk, "/v1/staff/help-requests", f"?team={near_team}", {near}),
        (world.clerk, "/v1/staff/help-requests", f"?area={world.town_id}", {waiting, done, own, near}),
        (world.clerk, "/v1/staff/help-requests", f"?area={world.zone_id}", set()),
        (world.clerk, "/v1/staff/help-requests", f"?person={world.family.person_id}", {own}),
        (world.clerk, "/v1/staff/help-requests", "?state=open", {waiting, own, near}),
        (world.leader, f"/v1/teams/{world.team_id}/help-requests", "", {waiting, done, own}),
        (world.leader, f"/v1/teams/{world.team_id}/help-requests", "?live=true", {waiting, own}),
    )
    for who, path, query, wanted in cases:
        assert set(await world.ids(who, path + query)) == {str(each) for each in wanted}, path + query


async def test_staff_sift_in_one_way(world):
    path = f"/v1/staff/help-requests?team={world.team_id}&person={world.elder_id}"
    status, body = await call(world.client, "GET", path, world.clerk, headers={})
    assert (status, body["code"]) == (400, "invalid_input")


@pytest.mark.parametrize("of", ["family", "person", "team", "staff"])
async def test_lists_have_pages(world, of):
    for _ in range(5):
        await world.request()
    who, path = {
        "family": (world.family, "/v1/help-requests"),
        "person": (world.family, f"/v1/people/{world.elder_id}/help"),
        "team": (world.leader, f"/v1/teams/{world.team_id}/help-requests"),
        "staff": (world.clerk, "/v1/staff/help-requests"),
    }[of]
    first = await world.get(who, f"{path}?limit=3")
    second = await world.get(who, f"{path}?limit=3&after={first['next']}")
    found = [item["id"] for item in first["items"] + second["items"]]
    assert (len(found), second["next"]) == (5, None)
    assert found == sorted(found, reverse=True)


async def test_an_erased_volunteer_has_no_name_any_more(world, conn):
    request_id = await world.taken("completed")
    await conn.execute("update care set ended_at = now() where account_id = $1", world.helper.resident.account_id)
    shown = await world.get(world.family, f"/v1/help-requests/{request_id}")
    assert (shown["volunteer"]["name"], shown["events"][-1]["volunteer_name"]) == (None, None)
