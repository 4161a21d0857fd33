"""Places that come back: kept for who waits, free at a time that nobody can foresee, and always counted."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import asyncpg
import pytest

from domain import places
from domain.identifiers import new_id
from domain.vocabulary import Channel, KeptBecause
from handlers.request import VAULT
from server.database import prepare_connection
from tests import make
from tests.booking_world import book, cancel, check_books, elder, loose_slot, until_waiting


@pytest.fixture
async def service_id(conn):
    return await make.service(conn)


@pytest.fixture
async def resident(conn, app):
    return await make.resident(conn, app)


async def kept(conn):
    return await conn.fetch("select * from place_kept_back order by id")


async def taken(conn, slot_id, channel="public"):
    return await conn.fetchval("select taken from slot_pool where (slot_id, channel) = ($1, $2)", slot_id, channel)


async def book_and_cancel(client, who, slot_id, **more):
    made = await book(client, who, slot_id, **more)
    assert made.status == 201, made.body
    cancelled = await cancel(client, who, made.body["id"])
    assert cancelled.status == 200


async def test_a_cancelled_place_is_free_at_once_where_the_policy_says_so_and_nobody_waits(
    client, conn, app, resident, service_id
):
    slot_id = await loose_slot(conn, service_id)
    await book_and_cancel(client, resident, slot_id)
    assert (await kept(conn), await taken(conn, slot_id)) == ([], 0)
    await book_and_cancel(client, await make.resident(conn, app), slot_id)
    await check_books(conn, app)


async def test_a_cancelled_place_is_kept_back_for_a_random_time_of_the_range(
    client, conn, app, clock, resident, service_id
):
    limits = {"return_minutes_min": 60, "return_minutes_max": 120}
    slot_id = await loose_slot(conn, service_id, public=20, limits=limits)
    for _ in range(20):
        await book_and_cancel(client, resident, slot_id)
    rows = await kept(conn)
    delays = {row["free_at"] - clock.now for row in rows}
    assert {row["cause"] for row in rows} == {"cancelled"}
    assert all(timedelta(minutes=60) <= delay <= timedelta(minutes=120) for delay in delays)
    assert len(delays) == 20
    assert max(delays) - min(delays) > timedelta(minutes=10)
    assert await taken(conn, slot_id) == 20
    assert (await book(client, resident, slot_id)).code == "slot_full"
    await check_books(conn, app)


async def test_who_waits_has_a_cancelled_place_kept_even_without_a_delay(
    client, conn, app, clock, resident, service_id
):
    slot_id = await loose_slot(conn, service_id)
    await make.waiting(conn, service_id, await make.resident(conn, app))
    await book_and_cancel(client, resident, slot_id)
    assert [row["free_at"] for row in await kept(conn)] == [clock.now]
    assert (await book(client, resident, slot_id)).code == "slot_full"
    await check_books(conn, app)


@pytest.mark.parametrize(
    "how", ["other_service", "other_days", "ended", "offered", "closed", "order_ended", "not_released"]
)
async def test_a_place_is_not_kept_where_nobody_could_be_offered_it(client, conn, app, clock, resident, how):
    service_id = await make.service(conn)
    slot_id = await loose_slot(conn, service_id)
    made = await book(client, resident, slot_id)
    other = await make.resident(conn, app)
    first = date(2026, 11, 26 if how == "other_days" else 23)
    await make.waiting(conn, await make.service(conn) if how == "other_service" else service_id, other, first=first)
    match how:
        case "ended":
            await conn.execute("update waitlist_entry set status = 'ended', ended_because = 'left', ended_at = now()")
        case "offered":
            await conn.execute("update waitlist_entry set status = 'offered'")
        case "closed":
            await conn.execute("update slot set state = 'closed', closed_reason = '停诊'")
            await conn.execute("update slot_pool set open = false")
        case "order_ended":
            await conn.execute("update slot set order_until = $1", clock.now)
        case "not_released":
            await conn.execute("update slot set release_at = $1", clock.now + timedelta(minutes=1))
    assert (await cancel(client, resident, made.body["id"])).status == 200
    assert (await kept(conn), await taken(conn, slot_id)) == ([], 0)


async def test_an_assisted_place_is_kept_for_an_elder_with_a_mandate_only(client, conn, app, resident, service_id):
    helper = await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, helper.account_id)
    old, another = [await elder(conn, app, volunteer_id) for _ in range(2)]
    slot_id = await loose_slot(conn, service_id, assisted=1, public=0)
    use = {"person_id": old.person_id, "mandate_id": old.mandate_id}
    await make.waiting(conn, service_id, resident)
    await book_and_cancel(client, helper, slot_id, **use)
    assert (await kept(conn), await taken(conn, slot_id, "assisted")) == ([], 0)
    await make.waiting(conn, service_id, helper, people=[another.person_id], mandate_id=another.mandate_id)
    await book_and_cancel(client, helper, slot_id, **use)
    assert [row["channel"] for row in await kept(conn)] == ["assisted"]
    await check_books(conn, app)


async def test_of_added_places_only_those_are_kept_that_somebody_may_want(conn, app, clock, service_id):
    slot_id = await loose_slot(conn, service_id, public=0, assisted=0)
    both = [places.Added(slot_id, channel, 5, KeptBecause.ADDED) for channel in (Channel.PUBLIC, Channel.ASSISTED)]
    unmade = places.Added(new_id(), Channel.PUBLIC, 3, KeptBecause.ADDED)
    await conn.execute("update slot_pool set capacity = 5")
    await places.add(conn, [*both, unmade], clock.now)
    assert await kept(conn) == []
    couple = await make.resident(conn, app)
    people = [couple.person_id, await make.person(conn, app[VAULT])]
    await make.waiting(conn, service_id, couple, people=people)
    await make.waiting(conn, service_id, await make.resident(conn, app))
    await places.add(conn, [*both, unmade], clock.now)
    rows = await kept(conn)
    assert [(row["channel"], row["cause"], row["free_at"]) for row in rows] == [("public", "added", clock.now)] * 3
    assert (await taken(conn, slot_id), await taken(conn, slot_id, "assisted")) == (3, 0)
    await check_books(conn, app)


async def test_cancelling_waits_for_who_is_just_joining_the_queue(client, conn, app, database, resident, service_id):
    """And keeps the place for them: without the lock it would be free, and they would wait beside it."""
    slot_id = await loose_slot(conn, service_id)
    made = await book(client, resident, slot_id)
    joiner = await asyncpg.connect(database)
    await prepare_connection(joiner)
    try:
        async with joiner.transaction():
            await make.waiting(joiner, service_id, await make.resident(conn, app))
            cancelling = asyncio.create_task(cancel(client, resident, made.body["id"]))
            assert await until_waiting(conn, unless=cancelling)
        assert (await cancelling).status == 200
    finally:
        await joiner.close()
    assert len(await kept(conn)) == 1
    await check_books(conn, app)
