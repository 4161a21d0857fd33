"""Closures against bookings, answers and each other: whatever the order was, nobody is forgotten on a closed slot."""

from __future__ import annotations

import asyncio
from collections import Counter

import asyncpg
import pytest
import structlog

from server.database import prepare_connection
from tests import make
from tests.booking_world import book, post, until_waiting
from tests.books import assert_balanced
from tests.test_closures import Clinic


@pytest.fixture(autouse=True)
def no_complaints():
    """A deadlock or an unexpected error is logged, and none is part of any race here."""
    with structlog.testing.capture_logs() as logs:
        yield
    assert [entry for entry in logs if entry["log_level"] in ("warning", "error")] == []


@pytest.fixture
async def clinic(client, conn, app):
    yield await Clinic(client, conn, app).build()
    await assert_balanced(conn)


@pytest.fixture
async def holder(database):
    connection = await asyncpg.connect(database)
    await prepare_connection(connection)
    yield connection
    await connection.close()


async def test_of_two_at_once_one_is_carried_out(clinic, second_client):
    for turn in range(4):
        day = {"from": f"2026-11-{25 + turn}", "to": f"2026-11-{25 + turn}"}
        slot_id = await clinic.slot(days=turn, public=3)
        for _ in range(3):
            await clinic.booking(slot_id)
        digest = (await clinic.preview(**day))["digest"]
        answers = await asyncio.gather(
            *(clinic.apply("cancel", digest=digest, client=each, **day) for each in (clinic.client, second_client))
        )
        assert Counter(answer.code for answer in answers) == {None: 1, "world_changed": 1}
        (refused,) = [answer for answer in answers if answer.status == 409]
        assert refused.body["counts"]["slots"] == 0
    assert await clinic.conn.fetchval("select count(*) from closure") == 4
    assert await clinic.conn.fetchval("select count(*) from notice") == 12


async def test_a_closure_waits_for_a_booking_that_has_its_place_and_sees_it(clinic, second_client, holder):
    slot_id = await clinic.slot(public=5)
    resident = await make.resident(clinic.conn, clinic.app)
    digest = (await clinic.preview())["digest"]
    async with holder.transaction():
        await holder.execute("select from account where id = $1 for update", resident.account_id)
        booking = asyncio.create_task(book(clinic.client, resident, slot_id))
        await until_waiting(clinic.conn)
        closing = asyncio.create_task(clinic.apply("cancel", digest=digest, client=second_client))
        assert await until_waiting(clinic.conn, 2, unless=closing)
    made, closed = await booking, await closing
    assert (made.status, closed.code) == (201, "world_changed")
    assert closed.body["counts"]["bookings"] == 1


async def test_nobody_is_forgotten_when_bookings_race_a_closure(clinic, second_client):
    both = [clinic.client, second_client]
    residents = [await make.resident(clinic.conn, clinic.app) for _ in range(16)]
    treatments = ["cancel", "move", "offer"]
    for turn in range(6):
        day = {"from": f"2026-11-{25 + turn}", "to": f"2026-11-{25 + turn}"}
        slot_ids = [await clinic.slot(hour, days=turn, public=4) for hour in (8, 9, 10)]
        await clinic.slot(8, days=30 + turn, public=7)
        seen = (await clinic.preview(**day))["digest"]
        wishes = [book(both[n % 2], residents[n % 16], slot_ids[n % 3]) for n in range(16)]

        async def close(digest=seen, turn=turn, day=day):
            for _ in range(20):
                answer = await clinic.apply(
                    treatments[turn % 3], otherwise="cancel", digest=digest, client=both[turn % 2], **day
                )
                if answer.status == 201:
                    return
                assert answer.code == "world_changed"
                digest = answer.body["digest"]
            pytest.fail("the closure never came through")

        *answers, _ = await asyncio.gather(*wishes, close())
        assert {answer.code for answer in answers} <= {None, "slot_closed", "slot_full"}
        forgotten = await clinic.conn.fetch(
            """select booking.id from booking
               where slot_id = any($1) and status = 'booked'
                 and not exists (select from place_offer where booking_id = booking.id and status = 'live')""",
            slot_ids,
        )
        assert forgotten == []
        await assert_balanced(clinic.conn)
    told = await clinic.conn.fetchval("select count(*) from notice")
    assert told == await clinic.conn.fetchval("select count(*) from booking where moved_from is null")
    assert told > 0


async def test_one_offered_place_is_answered_once(clinic, second_client):
    both = [clinic.client, second_client]
    for turn in range(4):
        day = {"from": f"2026-11-{25 + turn}", "to": f"2026-11-{25 + turn}"}
        resident, booking_id = await clinic.booking(await clinic.slot(days=turn))
        await clinic.slot(9, days=20 + turn)
        await clinic.apply("offer", **day)
        target = await clinic.conn.fetchval("select slot_id from place_offer where status = 'live'")
        url = f"/v1/bookings/{booking_id}/offer/"
        acts = [("accept", 0), ("decline", 1), ("accept", 1)]
        if turn % 2:
            acts.reverse()
        answers = await asyncio.gather(*(post(both[n], url + act, resident) for act, n in acts))
        outcome = await clinic.status(booking_id)
        won = "accept" if outcome == "moved" else "decline"
        for (act, _), answer in zip(acts, answers, strict=True):
            assert answer.code == (None if act == won else "rebooking_offer_not_found")
        taken = await clinic.conn.fetchval("select taken from slot_pool where slot_id = $1", target)
        assert taken == (outcome == "moved")


async def test_a_place_that_was_promised_is_not_booked_meanwhile(clinic, second_client, holder):
    """The place that the preview showed is locked before it is counted on."""
    _, booking_id = await clinic.booking(await clinic.slot())
    target = await clinic.slot(9, days=1)
    resident = await make.resident(clinic.conn, clinic.app)
    digest = (await clinic.preview())["digest"]
    async with holder.transaction():
        await holder.execute("select from account where id = $1 for update", resident.account_id)
        booking = asyncio.create_task(book(clinic.client, resident, target))
        await until_waiting(clinic.conn)
        closing = asyncio.create_task(clinic.apply("move", digest=digest, client=second_client))
        assert await until_waiting(clinic.conn, 2, unless=closing)
    assert (await booking).status == 201
    assert (await closing).code == "world_changed"
    assert await clinic.status(booking_id) == "booked"
