"""Rounds of asking: who is asked and when, what lapses, and when the leader is alarmed."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, cast

import asyncpg
import pytest

from domain.context import Context
from domain.dispatch import dispatch
from domain.dispatch_choice import choose
from handlers.request import VAULT
from server.chores import CHORES, Work
from server.database import prepare_connection
from tests import make
from tests.booking_world import until_waiting
from tests.help_world import Helper, help_request, helper, leads, local, offered, taken

if TYPE_CHECKING:
    from uuid import UUID

LATER = date(2026, 12, 1)
"""Long after the hours at which a leader is alarmed."""


@asynccontextmanager
async def connected(database):
    connection = await asyncpg.connect(database)
    await prepare_connection(connection)
    try:
        yield connection
    finally:
        await connection.close()


@dataclass
class World:
    """A town with a team, a neighbouring town with another, and an elder who can be reached by phone."""

    town: UUID
    next_town: UUID
    team: UUID
    elder: UUID
    near: list[Helper]
    around: Helper


@pytest.fixture
async def world(conn, app):
    banner = await make.area(conn, level="banner")
    town, next_town = [await make.area(conn, parent_id=banner, level="town") for _ in range(2)]
    team = await make.team(conn, area_id=town)
    near = [await helper(conn, app, team_id=team, areas=[town]) for _ in range(4)]
    around = await helper(conn, app, areas=[next_town])
    elder = await make.person(conn, app[VAULT], phone="13900000009")
    await conn.execute("update help_policy set round_sizes = '{2,5}', round_minutes = 30")
    return World(town, next_town, team, elder, near, around)


@pytest.fixture
def ask(conn, app, world, clock):
    async def ask(**how):
        how = {"wished_days": [LATER], "created_at": clock.now, "next_round_at": clock.now} | how
        return await help_request(conn, app[VAULT], world.elder, team_id=world.team, area_id=world.town, **how)

    return ask


async def the(conn, request_id):
    return await conn.fetchrow("select * from help_request where id = $1", request_id)


async def offers(conn, request_id, status="live"):
    rows = await conn.fetch(
        "select * from help_offer where request_id = $1 and status = $2 order by volunteer_id", request_id, status
    )
    return {row["volunteer_id"]: row for row in rows}


async def story(conn, request_id):
    rows = await conn.fetch("select * from help_event where request_id = $1 order by id", request_id)
    return [(row["was"], row["state"], row["because"]) for row in rows]


async def alarms(conn):
    return await conn.fetch("select * from help_alarm order by id")


async def test_a_round_asks_a_few_and_says_why(conn, clock, world, ask):
    request_id = await ask(needs=("book", "drive"))
    assert await dispatch(conn, clock.now) == Counter(asked=1, offers=2)
    row, asked = await the(conn, request_id), await offers(conn, request_id)
    assert (row["state"], row["round"]) == ("offered", 1)
    assert row["next_round_at"] == local(date(2026, 11, 23), "07:30"), "thirty minutes, and none of the night"
    assert {each["answer_by"] for each in asked.values()} == {row["next_round_at"]}
    assert set(asked) < {each.volunteer_id for each in world.near}
    (reasons, *_) = [each["reasons"] for each in asked.values()]
    assert reasons == {
        "round": 1,
        "reach": "team",
        "own_team": True,
        "area_id": str(world.town),
        "language": "zh",
        "abilities": ["book", "drive"],
        "mandate": "obtainable",
        "free_on": "2026-12-01",
        "tasks": 0,
        "load": 0,
        "fitting": 4,
    }
    assert await story(conn, request_id) == [(None, "open", "asked"), ("open", "offered", "round")]
    told = await conn.fetch("select * from notice where kind = 'help_offered'")
    people = {each.volunteer_id: each.resident.person_id for each in world.near}
    assert {row["person_id"] for row in told} == {people[volunteer_id] for volunteer_id in asked}
    assert {row["subject_id"] for row in told} == {request_id}


async def test_nothing_happens_before_the_round_is_over(conn, clock, world, ask):
    request_id = await ask()
    await dispatch(conn, clock.now)
    before = await offers(conn, request_id)
    clock.move(minutes=59)
    assert not any((await dispatch(conn, clock.now)).values())
    assert await offers(conn, request_id) == before


async def test_an_unanswered_round_widens(conn, clock, world, ask):
    request_id = await ask()
    await dispatch(conn, clock.now)
    first = set(await offers(conn, request_id))
    clock.move(minutes=60)
    assert (await dispatch(conn, clock.now))["lapsed"] == 1
    assert set(await offers(conn, request_id, "lapsed")) == first
    second = set(await offers(conn, request_id))
    assert second == {each.volunteer_id for each in world.near} - first
    assert (await the(conn, request_id))["round"] == 2
    clock.move(minutes=30)
    await dispatch(conn, clock.now)
    assert set(await offers(conn, request_id)) == {world.around.volunteer_id}
    assert await story(conn, request_id) == [
        (None, "open", "asked"),
        ("open", "offered", "round"),
        ("offered", "open", "round_unanswered"),
        ("open", "offered", "round"),
        ("offered", "open", "round_unanswered"),
        ("open", "offered", "round"),
    ]
    clock.move(minutes=30)
    await dispatch(conn, clock.now)
    assert ((await the(conn, request_id))["state"], await alarms(conn)) == ("open", []), "all of them rest for a day"
    clock.move(days=1)
    assert (await dispatch(conn, clock.now))["asked"] == 1
    assert len(await offers(conn, request_id)) == 5


async def test_who_declined_is_asked_no_more(conn, clock, world, ask):
    request_id = await ask()
    for each in world.near[:3]:
        await offered(conn, request_id, each.volunteer_id, status="declined")
    await conn.execute("update help_request set state = 'offered', next_round_at = $1", clock.now)
    await dispatch(conn, clock.now)
    assert set(await offers(conn, request_id)) == {world.near[3].volunteer_id}
    assert (await the(conn, request_id))["round"] == 2, "the first was what they declined"


async def test_who_had_it_is_not_asked_again_and_rounds_begin_anew(conn, clock, world, ask):
    request_id = await ask()
    await conn.execute("update help_policy set round_sizes = '{4}'")
    await dispatch(conn, clock.now)
    had = world.near[0].volunteer_id
    await taken(conn, request_id, had)
    await conn.execute(
        "update help_request set state = 'open', volunteer_id = null, round = 0, next_round_at = $1", clock.now
    )
    await dispatch(conn, clock.now)
    assert set(await offers(conn, request_id)) == {each.volunteer_id for each in world.near} - {had}
    assert (await the(conn, request_id))["round"] == 1


async def test_from_being_asked_to_accepting_and_handing_back(conn, client, clock, world, ask):
    request_id = await ask()
    await dispatch(conn, clock.now)
    asked = [each for each in world.near if each.volunteer_id in await offers(conn, request_id)]

    async def act(who, verb, **body):
        url = f"/v1/help-requests/{request_id}/{verb}"
        return (await client.post(url, headers=who.headers, **body)).status

    answers = [await act(each, "accept") for each in asked]
    assert sorted(answers) == [200, 409]
    assert not any((await dispatch(conn, clock.now)).values())
    had = asked[answers.index(200)]
    assert await act(had, "release", json={"reason": "ill"}) == 200
    assert (await dispatch(conn, clock.now))["asked"] == 1
    again = set(await offers(conn, request_id))
    assert len(again) == 2
    assert had.volunteer_id not in again
    for each in world.near:
        if each.volunteer_id in again:
            assert await act(each, "decline") == 204
    assert (await dispatch(conn, clock.now))["asked"] == 1, "nobody is waited for who has said no"
    assert set(await offers(conn, request_id)).isdisjoint({*again, had.volunteer_id})


async def test_load_is_spread_over_days(conn, clock, world, ask):
    """Whoever was asked, whatever became of it but a no, is asked less until the others have caught up."""
    await conn.execute("update help_policy set round_sizes = '{1}'")
    for _ in range(12):
        await ask(next_round_at=clock.now)
        await dispatch(conn, clock.now)
        clock.move(minutes=5)
    counts = await conn.fetch("select count(*) from help_offer group by volunteer_id")
    assert [row["count"] for row in counts] == [3, 3, 3, 3]


async def test_many_at_once_are_spread_evenly(conn, clock, world, ask):
    requests = [await ask() for _ in range(10)]
    assert (await dispatch(conn, clock.now))["offers"] == 20
    counts = await conn.fetch("select count(*) from help_offer group by volunteer_id")
    assert [row["count"] for row in counts] == [5, 5, 5, 5]
    assert all([len(await offers(conn, request_id)) == 2 for request_id in requests])


async def test_what_is_too_much_for_one_turn_waits_for_the_next(conn, clock, world, ask, monkeypatch):
    monkeypatch.setattr("domain.dispatch.MOST", 2)
    requests = [await ask(next_round_at=clock.now - timedelta(minutes=number)) for number in range(3)]
    assert (await dispatch(conn, clock.now))["asked"] == 2
    assert await offers(conn, requests[0]) == {}, "the longest due come first"
    assert (await dispatch(conn, clock.now))["asked"] == 1


@pytest.mark.parametrize("parts", range(7))
async def test_a_worker_that_stops_begins_no_further_part(conn, app, clock, world, ask, monkeypatch, parts):
    monkeypatch.setattr("domain.dispatch.AT_A_TIME", 1)
    for _ in range(3):
        await ask()
    looked, store = iter(range(parts)), cast("Any", None)
    chore = next(chore for chore in CHORES if chore.name == "help_rounds")
    work = Work(conn, store, lambda: Context(None, clock.now, app[VAULT]), lambda: next(looked, None) is None)
    done = await chore.act(work)
    assert done["asked"] == max(0, parts - 4), "three are read and chosen for, then each is written"
    assert (await dispatch(conn, clock.now))["asked"] == 3 - done["asked"], "the rest is the next worker's"


async def test_while_many_are_chosen_for_the_loop_goes_on(conn, clock, world, ask, monkeypatch):
    chosen_in = []

    def noted(*given):
        chosen_in.append(threading.current_thread())
        return choose(*given)

    monkeypatch.setattr("domain.dispatch.choose", noted)
    await ask()
    await dispatch(conn, clock.now)
    assert threading.main_thread() not in chosen_in
    assert len(chosen_in) == 1


async def test_the_leader_is_alarmed_in_time(conn, clock, world, ask):
    await leads(conn, world.near[0].volunteer_id, world.team)
    request_id = await ask(wished_days=[date(2026, 11, 25)], part_of_day="afternoon")
    await dispatch(conn, clock.now)
    clock.now = local(date(2026, 11, 24), "11:59")
    await dispatch(conn, clock.now)
    assert await alarms(conn) == []
    assert (await the(conn, request_id))["next_round_at"] == local(date(2026, 11, 24), "12:00"), "looked at in time"
    clock.move(minutes=1)
    assert (await dispatch(conn, clock.now))["alarms"] == 1
    (alarm,) = await alarms(conn)
    assert (alarm["kind"], alarm["request_id"], alarm["team_id"]) == ("nobody_took", request_id, world.team)
    assert alarm["facts"] == {"cause": "time", "round": 2}
    row = await the(conn, request_id)
    assert (row["state"], row["alarmed_at"], row["next_round_at"]) == (
        "offered",
        clock.now,
        local(date(2026, 11, 24), "12:29"),
    ), "asking goes on"
    told = await conn.fetch("select person_id, subject_id from notice where kind = 'help_alarmed'")
    assert [tuple(row) for row in told] == [(world.near[0].resident.person_id, request_id)]
    clock.move(hours=30)
    assert (await dispatch(conn, clock.now))["alarms"] == 0, "once is enough"


async def test_what_is_wished_for_soon_alarms_once_somebody_could_have_answered(conn, clock, world, ask):
    clock.now = local(date(2026, 11, 23), "22:00")
    await ask(wished_days=[date(2026, 11, 24)])
    assert (await dispatch(conn, clock.now))["alarms"] == 0
    clock.move(minutes=30)
    assert (await dispatch(conn, clock.now))["alarms"] == 1, "the night does not count for answers, but for the leader"
    assert (await offers(conn, (await alarms(conn))[0]["request_id"])) != {}


async def test_where_nobody_fits_the_leader_knows_at_once(conn, clock, world, ask):
    request_id = await ask(language="mn")
    assert await dispatch(conn, clock.now) == Counter(alarms=1)
    (alarm,) = await alarms(conn)
    assert alarm["facts"] == {"cause": "nobody_fits", "round": 0}
    row = await the(conn, request_id)
    assert (row["state"], row["round"], row["next_round_at"]) == ("open", 0, local(date(2026, 11, 23), "07:30"))
    await conn.execute("update volunteer set languages = '{mn}' where id = $1", world.around.volunteer_id)
    clock.now = row["next_round_at"]
    assert (await dispatch(conn, clock.now))["asked"] == 1, "somebody who comes later is asked"


async def test_nobody_is_asked_for_what_has_begun(conn, clock, world, ask):
    begun = clock.now - timedelta(hours=1), clock.now + timedelta(hours=3)
    request_id = await ask(span=begun, created_at=clock.now - timedelta(days=1))
    assert await dispatch(conn, clock.now) == Counter(alarms=1)
    assert await offers(conn, request_id) == {}


async def test_an_answer_is_never_waited_for_beyond_the_beginning(conn, clock, world, ask):
    clock.now = local(date(2026, 11, 23), "09:00")
    begins = clock.now + timedelta(minutes=10)
    request_id = await ask(span=(begins, begins + timedelta(hours=1)))
    await dispatch(conn, clock.now)
    assert {row["answer_by"] for row in (await offers(conn, request_id)).values()} == {begins}


@pytest.mark.parametrize("state", ["accepted", "booked", "under_way", "completed", "cancelled", "expired"])
async def test_only_what_nobody_has_is_looked_at(conn, clock, world, ask, state):
    span = local(LATER, "09:00"), local(LATER, "10:00")
    request_id = await ask(span=span)
    if state in ("cancelled", "expired"):
        await conn.execute("update help_request set state = $1", state)
    else:
        await taken(conn, request_id, world.near[0].volunteer_id, state=state)
    await conn.execute("update help_request set next_round_at = $1", clock.now)
    assert not any((await dispatch(conn, clock.now)).values())


async def meanwhile(database, connections, now, statement, *arguments):
    """Dispatch on some connections while a transaction is under way that changes something; return what each did."""
    async with connected(database) as watch, connected(database) as blocking:
        async with blocking.transaction():
            await blocking.execute(statement, *arguments)
            asking = [asyncio.create_task(dispatch(each, now)) for each in connections]
            await until_waiting(watch, len(asking), unless=asking[0])
        return await asyncio.gather(*asking)


async def test_two_dispatchers_at_once_ask_once(conn, clock, world, ask, database):
    requests = [await ask() for _ in range(5)]
    async with connected(database) as other:
        done = await meanwhile(database, [conn, other], clock.now, "select from help_request for update")
    assert sum(each["offers"] for each in done) == 10
    for request_id in requests:
        assert len(await offers(conn, request_id)) == 2
        assert len(await story(conn, request_id)) == 2


async def test_nobody_is_asked_for_what_is_just_being_cancelled(conn, clock, world, ask, database):
    request_id, cancel = await ask(), "update help_request set state = 'cancelled', next_round_at = null"
    (done,) = await meanwhile(database, [conn], clock.now, cancel)
    assert (done["offers"], await offers(conn, request_id)) == (0, {})


async def test_a_volunteer_who_is_just_being_suspended_is_not_asked(conn, clock, world, ask, database):
    await conn.execute("update help_policy set round_sizes = '{4}'")
    request_id, gone = await ask(), world.near[0].volunteer_id
    suspend = "update volunteer set status = 'suspended' where id = $1"
    (done,) = await meanwhile(database, [conn], clock.now, suspend, gone)
    assert done["offers"] == 3
    assert set(await offers(conn, request_id)) == {each.volunteer_id for each in world.near[1:]}


async def test_what_fails_keeps_nothing_else_from_being_asked(conn, clock, world, ask, monkeypatch, database):
    monkeypatch.setattr("domain.dispatch.AT_A_TIME", 1)
    stuck, other = await ask(), await ask()
    await conn.execute("set lock_timeout = '50ms'")
    async with connected(database) as blocking, blocking.transaction():
        await blocking.execute("select from help_request where id = $1 for update", stuck)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await dispatch(conn, clock.now)
    assert (await offers(conn, stuck), len(await offers(conn, other))) == ({}, 2)
    assert (await dispatch(conn, clock.now))["asked"] == 1
