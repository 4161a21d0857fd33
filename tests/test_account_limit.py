"""How many bookings of a day an account makes for others in its care, whoever those are and however they race."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from domain import bookings
from domain.booking_rules import BookingRequest
from domain.errors import Refusal
from domain.vocabulary import Role
from handlers.request import CLOCK, VAULT
from tests import make
from tests.booking_world import book, cancel, elder, loose_slot, move
from tests.test_moving import MONDAY


@pytest.fixture
async def service_id(conn):
    return await make.service(conn)


@pytest.fixture
async def slot_id(conn, service_id):
    return await loose_slot(conn, service_id, public=50, counter=50, limits={"limit_account_day": 2})


async def in_care(conn, app, who, count):
    people = [await make.person(conn, app[VAULT]) for _ in range(count)]
    for person_id in people:
        await make.care(conn, who.account_id, person_id, "child")
    return people


async def test_an_account_books_for_so_many_others_and_for_itself(client, conn, app, slot_id):
    who = await make.resident(conn, app)
    people = await in_care(conn, app, who, 4)
    answers = [await book(client, who, slot_id, person_id) for person_id in people]
    assert [answer.status for answer in answers] == [201, 201, 409, 409]
    assert (answers[2].code, answers[2].body["limit"]) == ("limit_account_day", 2)
    assert (await book(client, who, slot_id)).status == 201, "its own numbers have limits of their own"
    await cancel(client, who, answers[0].body["id"])
    assert (await book(client, who, slot_id, people[2])).status == 201


async def test_another_day_another_account_and_the_desk_count_apart(client, conn, app, service_id, slot_id):
    who, other = await make.resident(conn, app), await make.resident(conn, app)
    people = await in_care(conn, app, who, 4)
    await make.care(conn, other.account_id, people[2], "parent")
    tomorrow = await loose_slot(
        conn,
        service_id,
        public=9,
        starts_at=MONDAY,
        release_at=MONDAY - timedelta(days=30),
        limits={"limit_account_day": 2},
    )
    for person_id in people[:2]:
        assert (await book(client, who, slot_id, person_id)).status == 201
    assert (await book(client, who, tomorrow, people[0])).status == 201
    assert (await book(client, other, slot_id, people[2])).status == 201
    provider_id = await conn.fetchval("select provider_id from service where id = $1", service_id)
    clerk = await make.staff(conn, app, Role.CLERK, provider_id=provider_id)
    for person_id in await in_care(conn, app, other, 3):
        assert (await book(client, clerk, slot_id, person_id)).status == 201


async def test_what_a_volunteer_books_under_mandates_counts_as_the_volunteers(client, conn, app, slot_id):
    who = await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, who.account_id)
    people = await in_care(conn, app, who, 2)
    for person_id in people:
        assert (await book(client, who, slot_id, person_id)).status == 201
    old = await elder(conn, app, volunteer_id)
    assert (await book(client, who, slot_id, old.person_id, mandate_id=old.mandate_id)).status == 201


@pytest.mark.parametrize("processes", [1, 2])
async def test_ten_at_once_for_ten_children_are_two(client, second_client, conn, app, slot_id, processes):
    who = await make.resident(conn, app)
    people = await in_care(conn, app, who, 10)
    clients = [client, second_client][:processes]
    answers = await asyncio.gather(
        *(book(clients[n % processes], who, slot_id, person_id) for n, person_id in enumerate(people))
    )
    assert Counter(answer.status for answer in answers) == {201: 2, 409: 8}
    assert await conn.fetchval("select count(*) from booking") == 2


async def test_requests_of_one_batch_count_against_each_other(conn, app, slot_id):
    who = await make.resident(conn, app)
    people = await in_care(conn, app, who, 4)
    wanted = [
        BookingRequest(who.account_id, slot_id, person_id, None, {}, f"key number {n}")
        for n, person_id in enumerate([*people, who.person_id])
    ]
    async with conn.transaction():
        outcomes = await bookings.book(conn, app[VAULT], wanted, app[CLOCK]())
    assert [isinstance(outcome, Refusal) for outcome in outcomes] == [False, False, True, True, False]


async def test_moving_does_not_count_the_old_booking_and_counts_the_others(client, conn, app, service_id, slot_id):
    who = await make.resident(conn, app)
    people = await in_care(conn, app, who, 3)
    later = await loose_slot(
        conn,
        service_id,
        public=9,
        starts_at=MONDAY,
        release_at=MONDAY - timedelta(days=30),
        limits={"limit_account_day": 2},
    )
    same_day = await loose_slot(conn, service_id, public=9, resource="二诊室", limits={"limit_account_day": 2})
    made = [(await book(client, who, slot_id, person_id)).body["id"] for person_id in people[:2]]
    assert (await move(client, who, made[0], same_day)).status == 201
    third = await book(client, who, later, people[2])
    answer = await move(client, who, third.body["id"], slot_id)
    assert (answer.status, answer.code) == (409, "limit_account_day")
