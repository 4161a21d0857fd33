"""Slots are made ahead to the window: each once, whoever else is at it, and whenever it is killed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import asyncpg
import pytest

from domain import policies, schedule_generation, schedule_slots, schedule_templates
from domain.context import Context
from domain.schedule_generation import generate
from domain.vocabulary import LOCAL_ZONE
from server.app import build_file_store
from server.chores import CHORES, Work
from server.database import prepare_connection
from tests import make

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=LOCAL_ZONE)
WEEK = {day: [("08:00", "10:00", 30, 5)] for day in range(1, 6)}


def at(day, hour, minute=0, month=11):
    return datetime(2026, month, day, hour, minute, tzinfo=LOCAL_ZONE)


@pytest.fixture
async def clinic(conn):
    """A service whose policy opens a week ahead, with a schedule of four slots each weekday."""
    service_id = await make.service(conn)
    await make.policy(conn, service_id=service_id, window_days=7, fallback_days=1, fallback_time=time(18))
    return service_id, await make.schedule(conn, service_id, WEEK, kept=(1, 1))


@pytest.fixture
async def other_conn(database):
    connection = await asyncpg.connect(database)
    await prepare_connection(connection)
    yield connection
    await connection.close()


async def days_of(conn):
    return [row["day"] for row in await conn.fetch("select distinct day from slot order by day")]


async def test_slots_are_made_to_a_day_beyond_the_window_with_the_times_of_their_policy(conn, clinic):
    _, schedule_id = clinic
    assert await generate(conn, NOW) == {"schedules": 1, "made": 28}
    assert (await days_of(conn))[-1] == date(2026, 12, 1)
    assert await conn.fetchval("select generated_to from schedule") == date(2026, 12, 1)
    slot = await conn.fetchrow("select * from slot where starts_at = $1", at(1, 8, month=12))
    assert slot["schedule_id"] == schedule_id
    assert slot["release_at"] == at(24, 7)
    assert slot["fall_back_at"] == at(30, 18)
    pools = await conn.fetch("select channel, capacity from slot_pool where slot_id = $1 order by channel", slot["id"])
    assert [tuple(row) for row in pools] == [("assisted", 1), ("counter", 1), ("public", 3)]


async def test_a_repeat_makes_nothing_and_each_day_one_more(conn, clinic):
    await generate(conn, NOW)
    assert await generate(conn, NOW) == {}
    assert await generate(conn, NOW + timedelta(days=1)) == {"schedules": 1, "made": 4}
    assert (await days_of(conn))[-1] == date(2026, 12, 2)


async def test_a_holiday_and_what_is_over_are_left_out(conn, clinic):
    new_year = datetime(2026, 12, 30, 8, 45, tzinfo=LOCAL_ZONE)
    await generate(conn, new_year)
    assert await days_of(conn) == [
        date(2026, 12, 30),
        date(2026, 12, 31),
        *(date(2027, 1, day) for day in (4, 5, 6, 7)),
    ]
    assert await conn.fetchval("select min(starts_at) from slot") == datetime(2026, 12, 30, 9, tzinfo=LOCAL_ZONE)


async def test_a_longer_window_to_come_is_reached_before_its_release(conn, clinic):
    service_id, _ = clinic
    await make.policy(conn, service_id=service_id, window_days=30)
    await conn.execute("update policy set effective_from = '2026-12-20' where window_days = 30")
    await generate(conn, NOW)
    assert (await days_of(conn))[-1] == date(2026, 12, 24)


async def test_a_schedule_that_is_over_or_ended_makes_nothing(conn, clinic):
    await conn.execute("update schedule set valid_to = '2026-11-20'")
    assert await generate(conn, NOW) == {}
    await conn.execute("update schedule set valid_to = null, state = 'ended'")
    assert await generate(conn, NOW) == {}
    await conn.execute("update schedule set state = 'active', valid_from = '2026-11-30'")
    await generate(conn, NOW)
    assert (await days_of(conn))[0] == date(2026, 11, 30)


async def test_slots_made_by_hand_stay_and_what_is_in_their_way_is_told(conn, clinic):
    service_id, _ = clinic
    policy_id = await conn.fetchval("select id from policy where service_id = $1", service_id)
    by_hand = await make.slot(conn, service_id, policy_id=policy_id, starts_at=at(25, 8, 15), public=9)
    assert await generate(conn, NOW) == {"schedules": 1, "made": 26, "left_out": 2}
    starts = await conn.fetch("select starts_at from slot where day = '2026-11-25' order by starts_at")
    assert [row["starts_at"] for row in starts] == [at(25, 8, 15), at(25, 9), at(25, 9, 30)]
    row = await conn.fetchrow("select state, schedule_id from slot where id = $1", by_hand)
    assert tuple(row) == ("open", None)


async def test_slots_in_a_closure_are_made_closed(conn, app, clinic):
    service_id, _ = clinic
    staff = await make.staff(conn, app)
    await conn.execute(
        """insert into closure (id, provider_id, service_id, first_day, last_day, reason, treatment, created_by,
                                created_at)
           select gen_random_uuid(), provider_id, id, '2026-11-25', '2026-11-25', '设备检修', 'offer', $2, $3
           from service where id = $1""",
        service_id,
        staff.account_id,
        NOW,
    )
    await generate(conn, NOW)
    closed = await conn.fetch("select distinct day, closed_reason, withdrawn from slot where state = 'closed'")
    assert [tuple(row) for row in closed] == [(date(2026, 11, 25), "设备检修", False)]
    assert await conn.fetchval("select count(*) from slot_pool where not open") == 12


async def test_killed_in_the_middle_it_goes_on_where_it_was(conn, other_conn, clinic, monkeypatch):
    """The server takes the connection away before the third piece is committed."""
    monkeypatch.setattr(schedule_generation, "SLOTS_AT_ONCE", 8)
    real, calls = schedule_slots.make, []

    async def killed_at_the_third(given_conn, *arguments):
        calls.append(await real(given_conn, *arguments))
        if len(calls) == 3:
            await other_conn.execute("select pg_terminate_backend($1)", given_conn.get_server_pid())
        return calls[-1]

    monkeypatch.setattr(schedule_slots, "make", killed_at_the_third)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await generate(conn, NOW)
    assert calls == [8, 8, 8]
    assert await other_conn.fetchval("select count(*) from slot") == 16
    assert await other_conn.fetchval("select generated_to from schedule") == date(2026, 11, 26)
    assert await generate(other_conn, NOW) == {"schedules": 1, "made": 12}
    assert await other_conn.fetchval("select count(*) from slot") == 28


async def test_two_workers_make_each_slot_once(conn, other_conn, clinic, monkeypatch):
    service_id, _ = clinic
    monkeypatch.setattr(schedule_generation, "SLOTS_AT_ONCE", 4)
    for number in range(6):
        await make.schedule(conn, service_id, WEEK, resource=f"{number} 号窗口")
    both = await asyncio.gather(generate(conn, NOW), generate(other_conn, NOW))
    left = await generate(conn, NOW)
    assert sum(each.get("made", 0) for each in (*both, left)) == 7 * 28
    assert await conn.fetchval("select count(*) from slot") == 7 * 28
    assert await conn.fetchval("select count(distinct (resource, starts_at)) from slot") == 7 * 28


async def test_a_schedule_that_is_being_changed_is_left_for_the_next_turn(conn, other_conn, clinic):
    """Nothing is made of the old version once the new one is there; without the row's lock this goes red."""
    service_id, _ = clinic
    async with other_conn.transaction():
        await policies.hold(other_conn)
        await schedule_templates.hold(other_conn, service_id, "")
        await other_conn.execute("update schedule_session set starts = '14:00', ends = '16:00'")
        assert await generate(conn, NOW) == {}
    await generate(conn, NOW)
    assert await conn.fetchval("select min((starts_at at time zone 'Asia/Shanghai')::time) from slot") == time(14)


async def test_one_schedule_that_fails_stops_no_other(conn, clinic):
    service_id, schedule_id = clinic
    await make.schedule(conn, service_id, WEEK, resource="2 号窗口")
    await conn.execute(f"alter table slot add check (schedule_id <> '{schedule_id}')")
    with pytest.raises(asyncpg.CheckViolationError):
        await generate(conn, NOW)
    assert await conn.fetchval("select count(*) from slot where resource = '2 号窗口'") == 28


async def test_a_slot_that_an_ended_schedule_had_is_opened_again_for_the_next(conn, clinic):
    service_id, schedule_id = clinic
    await generate(conn, NOW)
    await conn.execute("update schedule set state = 'ended'")
    await conn.execute("update slot set state = 'closed', closed_reason = '排班调整', withdrawn = true")
    await conn.execute("update slot_pool set open = false")
    following = await make.schedule(conn, service_id, {1: [("08:00", "09:00", 30, 7)]})
    assert await generate(conn, NOW) == {"schedules": 1, "reopened": 4}
    rows = await conn.fetch("select schedule_id, closed_reason, withdrawn from slot where state = 'open'")
    assert {tuple(row) for row in rows} == {(following, None, False)}
    assert await conn.fetchval("select count(*) from slot_pool where open and channel = 'public' and capacity = 7") == 4
    assert schedule_id != following


async def test_slots_made_inside_their_released_window_are_first_for_who_waits(conn, app, clinic):
    service_id, _ = clinic
    resident = await make.resident(conn, app)
    await make.waiting(conn, service_id, resident, first=date(2026, 11, 24), last=date(2026, 11, 24))
    await generate(conn, NOW)
    kept = await conn.fetch("select slot.day, channel, cause from place_kept_back join slot on slot.id = slot_id")
    assert {tuple(row) for row in kept} == {(date(2026, 11, 24), "public", "added")}
    assert await conn.fetchval("select count(*) from slot_pool where taken > 0") == len(kept)


async def test_the_worker_makes_slots_and_stops_when_told(conn, clinic, settings, vault, clock, monkeypatch):
    monkeypatch.setattr(schedule_generation, "SLOTS_AT_ONCE", 4)
    (chore,) = (each for each in CHORES if each.name == "schedules")
    stops = iter([False, False, True, True])
    work = Work(conn, build_file_store(settings, vault), lambda: Context(None, clock(), vault), lambda: next(stops))
    assert await chore.act(work) == {"schedules": 1, "made": 8}
    assert await chore.act(replace(work, stopping=lambda: False)) == {"schedules": 1, "made": 20}
