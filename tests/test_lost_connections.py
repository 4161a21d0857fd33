"""The database goes away, gets stuck or says no in the middle of a batch: nothing is lost, doubled or unanswered."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
import structlog
from aiohttp.test_utils import TestClient, TestServer

from domain.booking_rules import BookingRequest
from domain.vocabulary import LOCAL_ZONE, Role
from handlers import request
from handlers.groups import BOOK
from server import database as server_database
from server import group_commit
from server import groups as server_groups
from server.app import build_app
from tests import make
from tests.booking_world import book, cancel, check_books, check_in, until_waiting
from tests.wire import FAULTS, Wire


@pytest.fixture
async def wire(database):
    async with Wire(database) as wire:
        yield wire


@pytest.fixture
def impatient(monkeypatch):
    """Wait for a tenth of what the service waits."""
    monkeypatch.setattr(server_groups, "BATCH_SECONDS", 0.5)
    monkeypatch.setattr(server_groups, "ACQUIRE_SECONDS", 0.5)
    monkeypatch.setattr(request, "ACQUIRE_SECONDS", 0.5)
    monkeypatch.setattr(group_commit, "RETRY_SECONDS", (0.05, 0.05, 0.1))
    for name, value in (("lock_timeout", "200ms"), ("idle_in_transaction_session_timeout", "300ms")):
        if name in server_database.GROUP_SETTINGS:
            monkeypatch.setitem(server_database.GROUP_SETTINGS, name, value)


@pytest.fixture
async def app(settings, clock, wire, impatient):
    return build_app(replace(settings, database_url=wire.dsn), clock)


@pytest.fixture
async def holder(database):
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_booking_survives_a_connection_that_is_lost_at_its_commit(client, conn, app, wire, fault):
    slot_id = await make.slot(conn, public=5)
    residents = [await make.resident(conn, app) for _ in range(5)]
    keys = [make.key() for _ in residents]
    wire.fault = fault
    answers = await asyncio.gather(
        *(book(client, who, slot_id, key=key) for who, key in zip(residents, keys, strict=True))
    )
    assert wire.happened.is_set()
    assert [answer.status for answer in answers] == [201] * 5
    assert sorted(answer.body["number"] for answer in answers) == [1, 2, 3, 4, 5]
    assert await conn.fetchval("select count(*) from booking") == 5
    assert await conn.fetchval("select max(seen) from booking") == (2 if fault.endswith("after") else 1)
    await check_books(conn, app)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("act", ["cancel", "check_in"])
async def test_a_change_survives_a_connection_that_is_lost_at_its_commit(client, conn, app, wire, clock, fault, act):
    slot_id = await make.slot(conn, starts_at=clock.now.astimezone(LOCAL_ZONE) + timedelta(hours=2))
    resident, clerk = await make.resident(conn, app), await make.staff(conn, app, Role.CLERK)
    booking_id = (await book(client, resident, slot_id)).body["id"]
    wire.fault = fault
    answer = await (cancel(client, resident, booking_id) if act == "cancel" else check_in(client, clerk, booking_id))
    assert wire.happened.is_set()
    assert (answer.status, answer.body["status"]) == (200, "cancelled" if act == "cancel" else "checked_in")
    await check_books(conn, app)


async def test_a_connection_that_has_had_its_last_word_is_not_believed(client, conn, app, wire):
    """The server has said that it goes, and the connection stands open for a moment more."""
    slot_id = await make.slot(conn, public=9)
    residents = [await make.resident(conn, app) for _ in range(9)]
    assert (await book(client, residents[0], slot_id)).status == 201
    wire.say_farewell()
    answers = await asyncio.gather(*(book(client, resident, slot_id) for resident in residents[1:]))
    assert {answer.status for answer in answers} == {201}
    await check_books(conn, app)


@pytest.mark.parametrize("way", ["down", "silent"])
async def test_a_database_that_stays_away_is_told_and_a_repeat_books_once_it_is_back(client, conn, app, wire, way):
    """Refused at once, or not answering at all: in both cases the caller hears of it."""
    slot_id = await make.slot(conn)
    resident = await make.resident(conn, app)
    wanted = BookingRequest(resident.account_id, slot_id, resident.person_id, None, {}, "a-key-of-its-own")
    setattr(wire, way, True)
    wire.cut_all()
    with pytest.raises(server_database.DATABASE_GONE):
        await app[BOOK].submit(wanted)
    assert (await book(client, resident, slot_id)).status == 503
    setattr(wire, way, False)
    answer = await book(client, resident, slot_id, key={"Idempotency-Key": wanted.key})
    assert answer.status == 201
    await check_books(conn, app)


async def test_a_database_that_is_away_answers_503_with_retry_after(client, conn, app, wire):
    slot_id = await make.slot(conn)
    resident = await make.resident(conn, app)
    wire.down = True
    wire.cut_all()
    answer = await book(client, resident, slot_id)
    assert (answer.status, answer.code, answer.retry_after) == (503, "database_unavailable", "2")


@pytest.fixture
def one_timeout(timeouts, impatient, monkeypatch):
    short, none = timeouts
    monkeypatch.setitem(server_database.GROUP_SETTINGS, short, "200ms")
    monkeypatch.setitem(server_database.GROUP_SETTINGS, none, "0")


@pytest.mark.parametrize(
    "timeouts",
    [("lock_timeout", "statement_timeout"), ("statement_timeout", "lock_timeout")],
)
async def test_a_lock_that_nobody_lets_go_stops_only_who_needs_it(one_timeout, client, conn, app, holder):
    stuck, free = await make.slot(conn, public=20), await make.slot(conn, public=20)
    residents = [await make.resident(conn, app) for _ in range(10)]
    async with holder.transaction():
        await holder.execute("select from slot_pool where slot_id = $1 for update", stuck)
        answers = await asyncio.gather(
            *(book(client, resident, stuck if n == 3 else free) for n, resident in enumerate(residents))
        )
        assert Counter(answer.status for answer in answers) == {201: 9, 503: 1}
        assert (answers[3].code, answers[3].retry_after) == ("busy", "2")
    assert (await book(client, residents[3], stuck)).status == 201
    await check_books(conn, app)


async def test_many_who_need_a_lock_that_nobody_lets_go_do_not_wait_for_each_other_for_ever(
    client, conn, app, holder, monkeypatch
):
    monkeypatch.setattr(group_commit, "PATIENCE_SECONDS", 1.0)
    stuck = await make.slot(conn, public=50)
    residents = [await make.resident(conn, app) for _ in range(40)]
    async with holder.transaction():
        await holder.execute("select from slot_pool for update")
        async with asyncio.timeout(5):  # one after the other they would wait for eight seconds
            answers = await asyncio.gather(*(book(client, resident, stuck) for resident in residents))
    assert {(answer.status, answer.code, answer.retry_after) for answer in answers} == {(503, "busy", "2")}
    assert await conn.fetchval("select count(*) from booking") == 0
    assert (await book(client, residents[0], stuck)).status == 201
    await check_books(conn, app)


async def test_a_deadlock_is_resolved_without_anybody_noticing(
    quick_to_see_deadlocks, client, conn, app, database, holder
):
    """Somebody takes locks in another order than ours, and ours is the transaction that is sacrificed."""
    slot_id = await make.slot(conn)
    resident = await make.resident(conn, app)
    other = await asyncpg.connect(database)
    pool_held = other.transaction()
    await pool_held.start()
    await other.execute("select from slot_pool for update")
    with structlog.testing.capture_logs() as logs:
        async with holder.transaction():
            await holder.execute("select from account where id = $1 for update", resident.account_id)
            booking = asyncio.create_task(book(client, resident, slot_id))
            await until_waiting(conn)
            crossing = asyncio.create_task(holder.execute("select from person for update"))
            await until_waiting(conn, 2)
            await pool_held.rollback()  # the booking goes on to the check of its foreign key, and the circle closes
            await crossing
        answer = await booking
    await other.close()
    assert answer.status == 201
    assert {entry.get("error") for entry in logs} == {"DeadlockDetectedError"}
    await check_books(conn, app)


@pytest.fixture
def quick_to_see_deadlocks(impatient, monkeypatch):
    monkeypatch.setitem(server_database.GROUP_SETTINGS, "deadlock_timeout", "50ms")
    monkeypatch.setitem(server_database.GROUP_SETTINGS, "lock_timeout", "5s")


async def test_shutting_down_waits_for_bookings_under_way(conn, app, clock, holder):
    slot_id = await make.slot(conn)
    resident = await make.resident(conn, app)
    wanted = BookingRequest(resident.account_id, slot_id, resident.person_id, None, {}, "a-key", request_id="test")
    client = TestClient(TestServer(app))
    await client.start_server()
    held = holder.transaction()
    await held.start()
    await holder.execute("select from slot_pool for update")
    booking = asyncio.create_task(app[BOOK].submit(wanted))
    await until_waiting(conn)
    stopping = asyncio.create_task(client.close())
    await asyncio.sleep(0)
    await held.rollback()
    await stopping
    assert booking.done()
    assert (await booking)["number"] == 1
    await check_books(conn, app)
