"""What the choice is made from, as it is read from the rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from domain.dispatch_facts import misfit, places, read_helpers
from domain.help_vocabulary import Misfit, Reach
from handlers.request import VAULT
from tests import make
from tests.help_world import TOMORROW, help_request, helper, local, offered, taken

FAR = datetime.fromisoformat("2027-03-01T00:00:00+08:00")
LEAGUE, BANNER, TOWN, NEXT_TOWN, VILLAGE, FAR_BANNER = (UUID(int=number) for number in range(1, 7))


def test_places_know_what_is_above_and_around():
    tree = places(
        {LEAGUE: None, BANNER: LEAGUE, TOWN: BANNER, NEXT_TOWN: BANNER, VILLAGE: NEXT_TOWN, FAR_BANNER: LEAGUE}
    )
    assert tree[TOWN].upwards == (TOWN, BANNER, LEAGUE)
    assert tree[TOWN].around == {TOWN, NEXT_TOWN, VILLAGE}
    assert tree[VILLAGE].around == {VILLAGE}
    assert tree[BANNER].around == {BANNER, FAR_BANNER, TOWN, NEXT_TOWN, VILLAGE}
    assert tree[LEAGUE].around == {LEAGUE}


@pytest.fixture
async def town(conn):
    return await make.area(conn, parent_id=await make.area(conn, level="banner"), level="town")


@pytest.fixture
async def team(conn, town):
    return await make.team(conn, area_id=town)


@pytest.fixture
async def she(conn, app, town, team):
    return await helper(conn, app, team_id=team, areas=[town])


@pytest.fixture
async def elder(conn, app):
    return await make.person(conn, app[VAULT], phone="13900000009")


@pytest.fixture
async def asked(conn, app, elder, town, team):
    return await help_request(conn, app[VAULT], elder, team_id=team, area_id=town, needs=("book", "drive"))


async def test_nothing_hinders_who_serves_the_town(conn, clock, she, asked):
    assert await misfit(conn, asked, she.volunteer_id, clock.now, Reach.TEAM) is None


async def test_a_mandate_must_be_there_or_to_be_had(conn, clock, app, she, asked, elder, team):
    await conn.execute("update person set phone_sealed = null, phone_index = null where id = $1", elder)

    async def verdict():
        return await misfit(conn, asked, she.volunteer_id, clock.now)

    assert await verdict() == Misfit.MANDATE
    await make.mandate(conn, elder, she.volunteer_id, she.resident.account_id, matters=("housing",))
    assert await verdict() == Misfit.MANDATE
    await conn.execute("update mandate set matters = '{medical}', expires_at = $1", clock.now)
    assert await verdict() == Misfit.MANDATE
    await conn.execute("update mandate set expires_at = $1", FAR)
    assert await verdict() is None
    await conn.execute("update mandate set volunteer_id = null, team_id = $1", team)
    assert await verdict() is None
    await conn.execute("update mandate set status = 'revoked', revoked_at = $1, revoked_by = requested_by", clock.now)
    assert await verdict() == Misfit.MANDATE
    await make.care(conn, await make.account(conn), elder)
    assert await verdict() is None
    await make.care(conn, she.resident.account_id, elder)
    assert await verdict() == Misfit.CARES_FOR_PERSON


async def test_who_had_it_does_not_get_it_again(conn, clock, app, she, asked):
    await taken(conn, asked, she.volunteer_id)
    await conn.execute("update help_request set state = 'open', volunteer_id = null")
    assert await misfit(conn, asked, she.volunteer_id, clock.now) == Misfit.HAD_IT_BEFORE


async def test_what_binds_a_volunteer(conn, clock, app, she, asked, elder, town, team):
    await conn.execute("update help_policy set limit_tasks = 2, limit_minutes_day = 540")
    other = await help_request(conn, app[VAULT], elder, team_id=team, area_id=town, needs=("drive",))
    morning = local(TOMORROW, "08:00"), local(TOMORROW, "17:00")
    await taken(conn, other, she.volunteer_id, state="booked", span=morning)
    assert await misfit(conn, asked, she.volunteer_id, clock.now) == Misfit.HOURS
    await conn.execute("update help_request set starts_at = $2, ends_at = $3 where id = $1", asked, *morning)
    assert await misfit(conn, asked, she.volunteer_id, clock.now) == Misfit.OTHER_WORK
    await conn.execute("update help_work set state = 'released'")
    assert await misfit(conn, asked, she.volunteer_id, clock.now) is None
    await conn.execute("update help_policy set limit_minutes_day = 539")
    assert await misfit(conn, asked, she.volunteer_id, clock.now) == Misfit.TOO_MUCH_THAT_DAY
    await conn.execute("insert into volunteer_day_off values ($1, $2, $2)", she.volunteer_id, TOMORROW)
    assert await misfit(conn, asked, she.volunteer_id, clock.now) == Misfit.HOURS
    await conn.execute("delete from volunteer_day_off")
    third = await help_request(conn, app[VAULT], elder, team_id=team, area_id=town)
    await taken(conn, third, she.volunteer_id)
    assert await misfit(conn, asked, she.volunteer_id, clock.now) == Misfit.TOO_MANY_TASKS


async def test_load_is_what_was_done_and_asked_lately(conn, clock, app, she, elder, town, team):
    async def one():
        return await help_request(conn, app[VAULT], elder, team_id=team, area_id=town, needs=("book",))

    long_ago = clock.now - timedelta(days=29)
    span = local(TOMORROW, "08:00"), local(TOMORROW, "09:00")
    await taken(conn, await one(), she.volunteer_id)
    done, old = await one(), await one()
    await taken(conn, done, she.volunteer_id, state="completed", span=span)
    await taken(conn, old, she.volunteer_id, state="completed", span=span)
    await conn.execute("update help_request set changed_at = $2 where id = $1", done, clock.now - timedelta(days=27))
    await conn.execute("update help_request set changed_at = $2 where id = $1", old, long_ago)
    for status, at in (
        ("live", clock.now),
        ("lapsed", clock.now),
        ("lapsed", long_ago),
        ("declined", clock.now),
        ("withdrawn", clock.now),
    ):
        await offered(conn, await one(), she.volunteer_id, status=status, at=at)
    (read,) = await read_helpers(conn, [she.volunteer_id], clock.now)
    assert (read.tasks, read.load) == (1, 4)
    assert read.areas == {town}
    assert read.hours[1] == ((480, 1080),)
