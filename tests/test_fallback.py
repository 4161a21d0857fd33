"""What nobody took of the kept places becomes public in time, counted, and first for who waits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain import fallback
from domain.context import Context
from domain.vocabulary import LOCAL_ZONE, Role
from handlers.request import VAULT
from tests import make
from tests.booking_world import book, cancel, check_books, elder, loose_slot
from tests.books import assert_balanced
from tests.waiting import join, turn

STARTS = datetime(2026, 11, 25, 8, 30, tzinfo=LOCAL_ZONE)


@pytest.fixture
async def service_id(conn):
    return await make.service(conn)


async def slot(conn, service_id, clock, *, minutes=0, **pools):
    """Make a slot whose places fall back in so many minutes."""
    slot_id = await loose_slot(conn, service_id, starts_at=STARTS, **pools)
    await conn.execute(
        "update slot set fall_back_at = $2 where id = $1", slot_id, clock.now + timedelta(minutes=minutes)
    )
    return slot_id


async def fall_back(conn, app, clock, step=fallback.fall_back_now):
    async with conn.transaction():
        return await step(conn, Context(None, clock.now, app[VAULT]))


async def pools(conn, slot_id):
    rows = await conn.fetch("select * from slot_pool where slot_id = $1", slot_id)
    return {row["channel"]: (row["capacity"], row["taken"], row["fallen_back"]) for row in rows}


async def test_free_places_become_public_at_their_time_and_not_before(client, conn, app, clock, service_id):
    helper = await make.resident(conn, app)
    old = await elder(conn, app, await make.volunteer(conn, helper.account_id))
    slot_id = await slot(conn, service_id, clock, minutes=1, public=1, assisted=3, counter=2)
    await book(client, helper, slot_id, old.person_id, mandate_id=old.mandate_id)
    assert await fall_back(conn, app, clock) == 0
    clock.move(minutes=1)
    assert await fall_back(conn, app, clock) == 2
    assert await pools(conn, slot_id) == {"public": (5, 0, 0), "assisted": (1, 1, 2), "counter": (0, 0, 2)}
    assert await fall_back(conn, app, clock) == 0
    residents = [await make.resident(conn, app) for _ in range(6)]
    answers = [await book(client, who, slot_id) for who in residents]
    assert [answer.code for answer in answers] == [None] * 5 + ["slot_full"]
    assert await conn.fetchval("select count(*) from audit where action = 'slots.fallen_back'") == 2
    await check_books(conn, app)


async def test_a_slot_without_a_public_pool_gets_one(client, conn, app, clock, service_id):
    slot_id = await slot(conn, service_id, clock, public=None, assisted=2)
    assert await fall_back(conn, app, clock) == 1
    assert await pools(conn, slot_id) == {"public": (2, 0, 0), "assisted": (0, 0, 2)}
    assert (await book(client, await make.resident(conn, app), slot_id)).status == 201


async def test_what_comes_back_after_the_time_becomes_public_too(client, conn, app, clock, service_id):
    helper = await make.resident(conn, app)
    old = await elder(conn, app, await make.volunteer(conn, helper.account_id))
    slot_id = await slot(conn, service_id, clock, public=0, assisted=1)
    made = await book(client, helper, slot_id, old.person_id, mandate_id=old.mandate_id)
    assert await fall_back(conn, app, clock) == 0
    clock.move(minutes=9)
    assert (await cancel(client, helper, made.body["id"])).status == 200
    assert await fall_back(conn, app, clock) == 0
    assert await fall_back(conn, app, clock, fallback.fall_back_later) == 1
    assert await pools(conn, slot_id) == {"public": (1, 0, 0), "assisted": (0, 0, 1)}
    await check_books(conn, app)


async def test_who_waits_is_offered_what_falls_back(client, conn, app, clock, service_id):
    slot_id = await slot(conn, service_id, clock, public=0, assisted=2)
    one = await make.resident(conn, app)
    assert (await join(client, one, service_id)).status == 201
    assert await fall_back(conn, app, clock) == 1
    assert await pools(conn, slot_id) == {"public": (2, 1, 0), "assisted": (0, 0, 2)}
    assert await turn(conn, app) == {"offered": 1}
    await assert_balanced(conn)


@pytest.mark.parametrize("how", ["closed", "begun", "never"])
async def test_what_nobody_could_book_stays_where_it_is(conn, app, clock, service_id, how):
    slot_id = await slot(conn, service_id, clock, assisted=2)
    if how == "closed":
        await conn.execute("update slot set state = 'closed', closed_reason = '停诊'")
    elif how == "begun":
        clock.now = STARTS
    else:
        await conn.execute("update slot set fall_back_at = null")
    for step in (fallback.fall_back_now, fallback.fall_back_later):
        assert await fall_back(conn, app, clock, step) == 0
    assert (await pools(conn, slot_id))["assisted"] == (2, 0, 0)


async def change(client, manager, slot_id, **given):
    async with client.put(f"/v1/staff/slots/{slot_id}", json=given, headers=manager.headers) as response:
        return response.status, await response.json()


async def test_a_raised_capacity_is_first_for_who_waits(client, conn, app, service_id):
    manager = await make.staff(conn, app, Role.MANAGER)
    slot_id = await loose_slot(conn, service_id, starts_at=STARTS, public=0)
    await join(client, await make.resident(conn, app), service_id)
    status, _ = await change(client, manager, slot_id, version=1, capacity={"public": 3})
    assert status == 200
    assert await pools(conn, slot_id) == {"public": (3, 1, 0)}
    assert await turn(conn, app) == {"offered": 1}
    status, refused = await change(client, manager, slot_id, version=2, capacity={"public": 0})
    assert (status, refused["code"]) == (409, "capacity_below_taken")
    times = {"starts_at": "2026-11-26T08:00:00+08:00", "ends_at": "2026-11-26T08:30:00+08:00"}
    status, refused = await change(client, manager, slot_id, version=2, **times)
    assert (status, refused["code"]) == (409, "slot_has_offers")
    await check_books(conn, app)


async def test_an_extra_slot_is_first_for_who_waits(client, conn, app, service_id):
    manager = await make.staff(conn, app, Role.MANAGER)
    await make.policy(conn, service_id=service_id)
    await join(client, await make.resident(conn, app), service_id)
    for day, kept in (("2026-11-25", 1), ("2027-01-25", 0)):
        given = {"service_id": str(service_id), "capacity": {"public": 2}}
        times = {"starts_at": f"{day}T08:30:00+08:00", "ends_at": f"{day}T09:00:00+08:00"}
        path, headers = "/v1/staff/slots", manager.headers | make.key()
        async with client.post(path, json=given | times, headers=headers) as response:
            assert response.status == 201, await response.text()
            made = await response.json()
        assert made["pools"]["public"] == {"capacity": 2, "taken": kept}
    assert await turn(conn, app) == {"offered": 1}
    await assert_balanced(conn)


async def test_a_slot_that_moves_after_its_places_fell_back_is_as_planned_again(client, conn, app, clock, service_id):
    manager = await make.staff(conn, app, Role.MANAGER)
    slot_id = await slot(conn, service_id, clock, public=1, assisted=2)
    assert await fall_back(conn, app, clock) == 1
    times = {"starts_at": "2026-11-26T08:00:00+08:00", "ends_at": "2026-11-26T08:30:00+08:00"}
    status, _ = await change(client, manager, slot_id, version=1, **times)
    assert status == 200
    assert await pools(conn, slot_id) == {"public": (1, 0, 0), "assisted": (2, 0, 0)}
