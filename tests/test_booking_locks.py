"""Who waits for whom: one side is held in the middle of its transaction, so that the guard alone decides."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import asyncpg
import pytest

import sql
from domain import bookings, slots
from domain.booking_rules import BookingRequest
from domain.callers import Caller
from domain.context import Context
from domain.errors import Refusal
from domain.vocabulary import LOCAL_ZONE, Role
from handlers.request import CLOCK, VAULT
from server.database import prepare_connection
from tests import make
from tests.booking_world import book, cancel, check_books, check_in, elder, loose_slot, post, until_waiting


@pytest.fixture
async def holder(database):
    """A session that takes a lock and keeps it."""
    connection = await asyncpg.connect(database)
    await prepare_connection(connection)
    yield connection
    await connection.close()


@pytest.fixture
async def helper(conn, app):
    return await make.resident(conn, app, name="苏和")


@pytest.fixture
async def volunteer_id(conn, helper):
    return await make.volunteer(conn, helper.account_id)


def task(coroutine):
    return asyncio.create_task(coroutine)


async def keep_unfinished(holder, resident):
    """Let a booking of this account do everything and wait at the end: for the check of its foreign key."""
    await holder.execute("select from account where id = $1 for update", resident.account_id)


async def end_mandate(conn, old, how):
    """End it in an open transaction by the statement that the service itself runs."""
    if how == "revoked":
        await sql.mandates.revoke(conn, id=old.mandate_id, revoked_by=old.family.account_id, reason="", now=make.EPOCH)
    else:
        await conn.execute("update volunteer set status = 'suspended'")


@pytest.mark.parametrize(("how", "code"), [("revoked", "mandate_revoked"), ("suspended", "volunteer_not_approved")])
async def test_a_booking_waits_for_a_mandate_that_is_just_being_ended(
    client, conn, app, holder, helper, volunteer_id, how, code
):
    old = await elder(conn, app, volunteer_id)
    slot_id = await make.slot(conn, assisted=5)
    async with holder.transaction():
        await end_mandate(holder, old, how)
        booking = task(book(client, helper, slot_id, old.person_id, mandate_id=old.mandate_id))
        assert await until_waiting(conn, unless=booking)
    assert (await booking).code == code
    assert await conn.fetchval("select count(*) from booking") == 0


@pytest.mark.parametrize("how", ["revoked", "suspended"])
async def test_the_end_of_a_mandate_waits_for_bookings_that_use_it(
    client, second_client, conn, app, holder, helper, volunteer_id, how
):
    """The batch has seen the mandate in force and now waits for a place: nothing may end the mandate meanwhile."""
    old = await elder(conn, app, volunteer_id)
    slot_id = await make.slot(conn, assisted=5)
    manager = await make.staff(conn, app, Role.MANAGER)
    async with holder.transaction():
        await holder.execute("select from slot_pool for update")
        booking = task(book(client, helper, slot_id, old.person_id, mandate_id=old.mandate_id))
        await until_waiting(conn)
        if how == "revoked":
            ending = task(
                post(second_client, f"/v1/mandates/{old.mandate_id}/revoke", old.family, {"reason": "不用了"})
            )
        else:
            ending = task(post(second_client, f"/v1/staff/volunteers/{volunteer_id}/suspend", manager))
        assert await until_waiting(conn, 2, unless=ending), "it was ended under a booking that is being made"
    assert (await booking).status == 201
    assert (await ending).status == 200
    row = await conn.fetchrow("select * from booking")
    assert row["mandate_id"] == old.mandate_id


async def test_a_booking_waits_for_a_slot_that_is_just_being_closed(client, conn, app, holder):
    slot_id = await make.slot(conn, public=5)
    resident = await make.resident(conn, app)
    async with holder.transaction():
        await sql.slots.lock_pools(holder, id=slot_id)
        await sql.slots.close(holder, ids=[slot_id], reason="停诊", now=make.EPOCH)
        booking = task(book(client, resident, slot_id))
        assert await until_waiting(conn, unless=booking)
    assert (await booking).code == "slot_closed"
    assert await conn.fetchval("select count(*) from booking") == 0


async def test_closing_waits_for_bookings_that_have_their_place(client, second_client, conn, app, holder):
    """And names them among those that stand: what is not named was refused."""
    slot_id = await make.slot(conn, public=5)
    resident = await make.resident(conn, app)
    manager = await make.staff(conn, app, Role.MANAGER)
    async with holder.transaction():
        await keep_unfinished(holder, resident)
        booking = task(book(client, resident, slot_id))
        await until_waiting(conn)
        closing = task(post(second_client, f"/v1/staff/slots/{slot_id}/close", manager, {"reason": "停诊"}))
        assert await until_waiting(conn, 2, unless=closing)
    made, closed = await booking, await closing
    assert (made.status, closed.status) == (201, 200)
    assert closed.body["booking_ids"] == [made.body["id"]]


async def test_a_slot_that_moved_after_it_was_read_is_not_booked_on_its_old_times(
    client, second_client, conn, app, holder
):
    slot_id = await make.slot(conn, public=5)
    resident = await make.resident(conn, app)
    manager = await make.staff(conn, app, Role.MANAGER)
    starts_at = datetime(2026, 11, 27, 15, tzinfo=LOCAL_ZONE)
    times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + timedelta(minutes=15)).isoformat()}
    async with holder.transaction():
        await holder.execute("select from person for update")  # a batch has read the slots before it locks persons
        booking = task(book(client, resident, slot_id))
        await until_waiting(conn)
        url = f"/v1/staff/slots/{slot_id}"
        async with second_client.put(url, json={"version": 1} | times, headers=manager.headers) as response:
            assert response.status == 200, await response.text()
    assert (await booking).code == "slot_changed"
    assert await conn.fetchval("select count(*) from booking") == 0
    again = await book(client, resident, slot_id)
    assert (again.status, again.body["starts_at"]) == (201, "2026-11-27T15:00:00+08:00")
    await check_books(conn, app)


async def test_a_slot_that_moves_under_a_waiting_booking_is_not_booked_on_its_old_times(client, conn, app, holder):
    slot_id = await make.slot(conn, public=5)
    resident = await make.resident(conn, app)
    manager = await make.staff(conn, app, Role.MANAGER)
    ctx = Context(Caller(manager.account_id, manager.account_id, frozenset({Role.MANAGER}), 1), make.EPOCH, app[VAULT])
    starts_at = datetime(2026, 11, 27, 15, tzinfo=LOCAL_ZONE)
    given = {"version": 1, "capacity": {}, "starts_at": starts_at, "ends_at": starts_at + timedelta(minutes=15)}
    async with holder.transaction():
        await slots.change(holder, ctx, slot_id, given)
        booking = task(book(client, resident, slot_id))
        assert await until_waiting(conn, unless=booking)
    assert (await booking).status == 409
    assert await conn.fetchval("select count(*) from booking") == 0


async def test_a_persons_limit_holds_while_another_booking_of_the_person_is_stuck(
    client, second_client, conn, app, holder
):
    """Both would be within the limit if they did not wait for each other."""
    services = [await make.service(conn) for _ in range(2)]
    slot_ids = [await make.slot(conn, service_id) for service_id in services]
    await conn.execute("update policy set limit_day = 1")
    resident = await make.resident(conn, app)
    async with holder.transaction():
        await holder.execute("select from slot_pool where slot_id = $1 for update", slot_ids[0])
        first = task(book(client, resident, slot_ids[0]))
        await until_waiting(conn)
        second = task(book(second_client, resident, slot_ids[1]))
        await until_waiting(conn, 2, unless=second)
    answers = [await first, await second]
    assert [answer.status for answer in answers] == [201, 409]
    assert answers[1].code == "limit_day"
    await check_books(conn, app)


async def test_a_volunteers_limit_holds_while_another_booking_of_the_volunteer_is_stuck(
    client, second_client, conn, app, holder, helper, volunteer_id
):
    elders = [await elder(conn, app, volunteer_id) for _ in range(2)]
    slot_ids = [await loose_slot(conn, assisted=1, limits={"limit_volunteer_day": 1}) for _ in range(2)]
    async with holder.transaction():
        await holder.execute("select from slot_pool where slot_id = $1 for update", slot_ids[0])
        first = task(book(client, helper, slot_ids[0], elders[0].person_id, mandate_id=elders[0].mandate_id))
        await until_waiting(conn)
        second = task(book(second_client, helper, slot_ids[1], elders[1].person_id, mandate_id=elders[1].mandate_id))
        await until_waiting(conn, 2, unless=second)
    answers = [await first, await second]
    assert [answer.status for answer in answers] == [201, 409]
    assert answers[1].code == "limit_volunteer_day"
    await check_books(conn, app)


async def test_the_last_place_is_given_once_while_its_booking_is_stuck(client, second_client, conn, app, holder):
    slot_id = await make.slot(conn, public=1)
    residents = [await make.resident(conn, app) for _ in range(2)]
    async with holder.transaction():
        await keep_unfinished(holder, residents[0])
        first = task(book(client, residents[0], slot_id))
        await until_waiting(conn)
        second = task(book(second_client, residents[1], slot_id))
        assert await until_waiting(conn, 2, unless=second)
    answers = [await first, await second]
    assert [answer.status for answer in answers] == [201, 409]
    assert answers[1].code == "slot_full"
    await check_books(conn, app)


async def test_one_key_for_two_persons_waits_for_the_first_and_is_refused(client, second_client, conn, app, holder):
    slot_id = await make.slot(conn, public=5)
    other_slot = await make.slot(conn, public=5)
    resident = await make.resident(conn, app)
    child = await make.person(conn, app[VAULT])
    await make.care(conn, resident.account_id, child, "child")
    key = make.key()
    async with holder.transaction():
        await keep_unfinished(holder, resident)
        first = task(book(client, resident, slot_id, key=key))
        await until_waiting(conn)
        second = task(book(second_client, resident, other_slot, child, key=key))
        assert await until_waiting(conn, 2, unless=second)
    answers = [await first, await second]
    assert [answer.status for answer in answers] == [201, 422]
    assert await conn.fetchval("select count(*) from booking") == 1
    await check_books(conn, app)


async def test_a_second_change_waits_for_the_first(client, second_client, conn, app, holder, clock):
    """Cancelled and checked in at once: the one that came second is told what the first has done."""
    starts_at = clock.now.astimezone(LOCAL_ZONE) + timedelta(hours=2)
    slot_id = await make.slot(conn, starts_at=starts_at)
    resident, clerk = await make.resident(conn, app), await make.staff(conn, app, Role.CLERK)
    booking = (await book(client, resident, slot_id)).body
    async with holder.transaction():
        await holder.execute("select from slot_pool for update")
        cancelling = task(cancel(client, resident, booking["id"]))
        await until_waiting(conn)
        checking_in = task(check_in(second_client, clerk, booking["id"]))
        assert await until_waiting(conn, 2, unless=checking_in)
    assert (await cancelling).body["status"] == "cancelled"
    refused = await checking_in
    assert (refused.code, refused.body["booking_status"]) == ("booking_in_other_status", "cancelled")
    await check_books(conn, app)


async def test_a_place_that_is_just_being_given_back_is_waited_for(client, second_client, conn, app, holder):
    slot_id = await make.slot(conn, public=1)
    first, second = [await make.resident(conn, app) for _ in range(2)]
    booking = (await book(client, first, slot_id)).body
    async with holder.transaction():
        await holder.execute("select from audit_chain for update")
        cancelling = task(cancel(client, first, booking["id"]))
        await until_waiting(conn)
        waiting = task(book(second_client, second, slot_id))
        assert await until_waiting(conn, 2, unless=waiting)
    assert (await cancelling).status == 200
    assert (await waiting).body["number"] == 2
    await check_books(conn, app)


async def test_crossed_keys_of_two_batches_do_not_deadlock(conn, app, database, holder):
    """Same keys, other persons and slots, opposite order, both held in the middle of writing."""
    resident = await make.resident(conn, app)
    keys = [f"crossed-{n}" for n in range(9)]
    wanted = []
    for _ in range(2):
        slot_id = await loose_slot(conn, public=9)
        people = [await make.person(conn, app[VAULT]) for _ in keys]
        for person_id in people:
            await make.care(conn, resident.account_id, person_id, "other")
        wanted.append((slot_id, people))

    async def run(slot_id, people, keys):
        connection = await asyncpg.connect(database, server_settings={"deadlock_timeout": "50ms"})
        await prepare_connection(connection)
        requests = [
            BookingRequest(resident.account_id, slot_id, person_id, None, {}, key, request_id="crossed")
            for person_id, key in zip(people, keys, strict=True)
        ]
        try:
            async with connection.transaction():
                return await bookings.book(connection, app[VAULT], requests, app[CLOCK]())
        finally:
            await connection.close()

    begun = holder.transaction()
    await begun.start()
    await conn.execute("insert into slot_pool (slot_id, channel, capacity) values ($1, 'counter', 9)", wanted[0][0])
    await holder.execute(
        """insert into booking (id, slot_id, channel, number, code, person_id, booked_by, day, answers,
                                idempotency_key, created_at, changed_at, changed_by)
           select gen_random_uuid(), id, 'counter', 1, '000000', $2, $3, day, '{}', $4, now(), now(), $3
           from slot where id = $1""",
        wanted[0][0],
        resident.person_id,
        resident.account_id,
        keys[4],
    )
    running = asyncio.gather(run(*wanted[0], keys), run(*wanted[1], keys[::-1]))
    await until_waiting(conn, 2)
    await begun.rollback()
    outcomes = await running
    assert sum(not isinstance(outcome, Refusal) for half in outcomes for outcome in half) == len(keys)
    await check_books(conn, app)
