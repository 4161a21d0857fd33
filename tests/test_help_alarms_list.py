"""What a team's leader and staff see of alarms, and how they close them."""

from __future__ import annotations

import pytest

from domain.help_alarms import Alarm, raise_all
from domain.help_vocabulary import AlarmKind
from domain.vocabulary import Role, local_day
from handlers.request import VAULT
from tests import make
from tests.help_world import help_request, helper, leads


@pytest.fixture
async def team(conn):
    return await make.team(conn)


@pytest.fixture
async def leader(conn, app, team):
    leader = await helper(conn, app, team_id=team, name="队长")
    await leads(conn, leader.volunteer_id, team)
    return leader


@pytest.fixture
def url(team):
    return f"/v1/teams/{team}/alarms"


@pytest.fixture
async def alarms(conn, app, clock, team, leader):
    """Raise one alarm that nobody took a request, and one about the leader."""
    elder = await make.person(conn, app[VAULT])
    request_id = await help_request(conn, app[VAULT], elder, team_id=team)
    day = local_day(clock.now)
    await raise_all(
        conn, clock.now, [Alarm(AlarmKind.NOBODY_TOOK, team, day, request_id, facts={"cause": "time", "round": 2})]
    )
    about_leader = Alarm(AlarmKind.NIGHT_USE, team, day, volunteer_id=leader.volunteer_id, facts={"uses": 1})
    await raise_all(conn, clock.now, [about_leader])
    rows = await conn.fetch("select id, kind from help_alarm")
    return {row["kind"]: row["id"] for row in rows}, request_id


async def items(client, url, who, **query):
    answer = await client.get(url, headers=who.headers, params=query)
    assert answer.status == 200
    return (await answer.json())["items"]


async def test_the_leader_sees_what_nobody_took(client, url, leader, alarms):
    (ids, request_id), (shown,) = alarms, await items(client, url, leader, state="open")
    assert shown == {
        "id": str(ids["nobody_took"]),
        "kind": "nobody_took",
        "request_id": str(request_id),
        "matter": "medical",
        "volunteer": None,
        "day": "2026-11-23",
        "facts": {"cause": "time", "round": 2},
        "raised_at": "2026-11-23T06:30:00+08:00",
        "closed_at": None,
        "outcome": "",
    }


async def test_nobody_sees_or_closes_an_alarm_about_oneself(client, conn, app, url, team, leader, alarms):
    ids, _ = alarms
    about = f"{url}/{ids['night_use']}/close"
    assert (await client.post(about, headers=leader.headers, json={"outcome": "没事"})).status == 404
    area = await conn.fetchval("select area_id from team where id = $1", team)
    clerk = await make.staff(conn, app, Role.CLERK, area_id=area)
    seen = await items(client, url, clerk)
    assert [each["kind"] for each in seen] == ["night_use", "nobody_took"]
    assert seen[0]["volunteer"] == {"id": str(leader.volunteer_id), "name": "队长"}
    assert (await client.post(about, headers=clerk.headers, json={"outcome": "问过了"})).status == 204


async def test_what_is_closed_stays_as_it_was_closed(client, conn, clock, url, leader, alarms):
    ids, _ = alarms
    close = f"{url}/{ids['nobody_took']}/close"
    assert (await client.post(close, headers=leader.headers, json={"outcome": "我去"})).status == 204
    clock.move(minutes=5)
    assert (await client.post(close, headers=leader.headers, json={"outcome": "别的"})).status == 204
    assert await items(client, url, leader, state="open") == []
    (closed,) = await items(client, url, leader, state="closed")
    assert (closed["outcome"], closed["closed_at"]) == ("我去", "2026-11-23T06:30:00+08:00")
    assert await conn.fetchval("select count(*) from audit where action = 'help_alarms.closed'") == 1


async def test_an_outcome_is_words(client, url, leader, alarms):
    ids, _ = alarms
    for body in ({}, {"outcome": " "}):
        close = f"{url}/{ids['nobody_took']}/close"
        assert (await client.post(close, headers=leader.headers, json=body)).status == 400


async def test_an_alarm_of_another_team_is_not_there(client, conn, app, leader, alarms):
    ids, _ = alarms
    other = await make.team(conn)
    another = await helper(conn, app, team_id=other)
    await leads(conn, another.volunteer_id, other)
    for team, who in ((other, another), (other, leader)):
        close = f"/v1/teams/{team}/alarms/{ids['nobody_took']}/close"
        assert (await client.post(close, headers=who.headers, json={"outcome": "我去"})).status == 404
