"""Booking over HTTP: what is given out, what is refused and why, and what races leave behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest

from domain.vocabulary import LOCAL_ZONE, Role
from handlers.request import VAULT
from tests import make


async def book(client, resident, slot_id, person_id=None, **more):
    headers = resident.headers | make.key() | more.pop("headers", {})
    body = {"slot_id": str(slot_id), "person_id": str(person_id or resident.person_id)} | more
    async with client.post("/v1/bookings", json=body, headers=headers) as response:
        return response.status, await response.json()


async def drift(conn):
    """Pools whose counter is not the number of their bookings."""
    return await conn.fetch("""
        select slot_id, channel, taken from slot_pool
        where taken <> (select count(*) from booking
                        where booking.slot_id = slot_pool.slot_id and booking.channel = slot_pool.channel
                          and status not in ('cancelled', 'moved'))
    """)


async def test_a_booking_is_answered_stored_and_counted(client, conn, app):
    slot_id = await make.slot(conn, public=2)
    resident = await make.resident(conn, app, name="测试乙")
    status, booking = await book(client, resident, slot_id)
    assert status == 201
    assert (booking["status"], booking["number"], booking["channel"]) == ("booked", 1, "public")
    assert len(booking["code"]) == 6
    assert booking["person_name"] == "测试乙"
    assert booking["starts_at"] == "2026-11-25T08:30:00+08:00"
    row = await conn.fetchrow("select * from booking")
    assert (str(row["id"]), row["number"], row["code"]) == (booking["id"], 1, booking["code"])
    assert await drift(conn) == []
    async with client.get(f"/v1/bookings/{booking['id']}", headers=resident.headers) as response:
        assert await response.json() == booking | {"offer": None}
    async with client.get("/v1/bookings", headers=resident.headers) as response:
        assert await response.json() == {"items": [booking], "next": None}


@pytest.mark.parametrize("processes", [1, 2])
async def test_200_clients_race_for_20_places(client, second_client, conn, app, processes):
    slot_id = await make.slot(conn, public=20)
    residents = [await make.resident(conn, app) for _ in range(200)]
    clients = [client, second_client][:processes]
    answers = await asyncio.gather(
        *(book(clients[n % processes], resident, slot_id) for n, resident in enumerate(residents))
    )
    assert Counter(status for status, _ in answers) == {201: 20, 409: 180}
    assert {body["code"] for status, body in answers if status == 409} == {"slot_full"}
    assert await conn.fetchval("select count(*) from booking") == 20
    assert await conn.fetchval("select taken from slot_pool") == 20
    numbers = sorted(body["number"] for status, body in answers if status == 201)
    assert numbers == list(range(1, 21))


@pytest.mark.parametrize("processes", [1, 2])
async def test_the_same_key_50_times_at_once_is_one_booking(client, second_client, conn, app, processes):
    slot_id = await make.slot(conn, public=50)
    resident = await make.resident(conn, app)
    key = make.key()
    clients = [client, second_client][:processes]
    answers = await asyncio.gather(*(book(clients[n % processes], resident, slot_id, headers=key) for n in range(50)))
    assert [status for status, _ in answers] == [201] * 50
    first = answers[0][1]
    assert all(body == first for _, body in answers)
    assert await conn.fetchval("select count(*) from booking") == 1
    assert await drift(conn) == []


async def test_a_replay_writes_so_that_it_waits_for_the_standby(client, conn, app):
    slot_id = await make.slot(conn)
    resident = await make.resident(conn, app)
    key = make.key()
    for _ in range(3):
        await book(client, resident, slot_id, headers=key)
    assert await conn.fetchval("select seen from booking") == 3


async def test_another_body_under_a_key_is_422(client, conn, app):
    service_id = await make.service(conn)
    slot_id = await make.slot(conn, service_id)
    other_slot = await make.slot(conn, service_id, starts_at=datetime(2026, 11, 26, 9, tzinfo=LOCAL_ZONE))
    resident = await make.resident(conn, app)
    key = make.key()
    assert (await book(client, resident, slot_id, headers=key))[0] == 201
    status, body = await book(client, resident, other_slot, headers=key)
    assert (status, body["code"]) == (422, "idempotency_key_reused")
    assert await conn.fetchval("select count(*) from booking") == 1


@pytest.mark.parametrize("processes", [1, 2])
async def test_other_persons_racing_under_one_key_get_one_booking(client, second_client, conn, app, processes):
    """Requests for different persons wait for no common lock: the unique key decides."""
    slot_id = await make.slot(conn, public=50)
    resident = await make.resident(conn, app)
    children = [await make.person(conn, app[VAULT]) for _ in range(10)]
    for child in children:
        await make.care(conn, resident.account_id, child, "child")
    key = make.key()
    clients = [client, second_client][:processes]
    answers = await asyncio.gather(
        *(book(clients[n % processes], resident, slot_id, child, headers=key) for n, child in enumerate(children))
    )
    assert Counter(status for status, _ in answers) == {201: 1, 422: 9}
    assert await conn.fetchval("select count(*) from booking") == 1
    assert await drift(conn) == []


async def test_a_key_is_required_and_checked(client, conn, app):
    resident = await make.resident(conn, app)
    slot_id = await make.slot(conn)
    body = {"slot_id": str(slot_id), "person_id": str(resident.person_id)}
    for headers, code in (
        ({}, "idempotency_key_required"),
        ({"Idempotency-Key": "短"}, None),
        ({"Idempotency-Key": "short"}, None),
    ):
        async with client.post("/v1/bookings", json=body, headers=resident.headers | headers) as response:
            assert response.status == 400
            assert (await response.json())["code"] == (code or "idempotency_key_malformed")


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("code", "days", "departments", "granted"),
    [
        ("limit_department_day", 1, 1, 1),
        ("limit_day", 1, 8, 2),
        ("limit_7_days", 7, 8, 3),
    ],
)
async def test_a_persons_limit_holds_when_its_requests_race(
    client, second_client, conn, app, processes, code, days, departments, granted
):
    provider_id = await make.provider(conn)
    policy_id = await make.policy(conn, provider_id=provider_id)
    slots = []
    for n in range(8):
        service_id = await make.service(conn, provider_id=provider_id, department=f"科室{n % departments}")
        starts_at = datetime(2026, 11, 25, 9, tzinfo=LOCAL_ZONE) + timedelta(days=n % days, minutes=n)
        slots.append(await make.slot(conn, service_id, policy_id=policy_id, starts_at=starts_at))
    resident = await make.resident(conn, app)
    clients = [client, second_client][:processes]
    answers = await asyncio.gather(
        *(book(clients[n % processes], resident, slot_id) for n, slot_id in enumerate(slots))
    )
    assert Counter(status for status, _ in answers) == {201: granted, 409: 8 - granted}
    refusals = [body for status, body in answers if status == 409]
    assert code in {body["code"] for body in refusals}
    told = next(body for body in refusals if body["code"] == code)
    made = {body["id"] for status, body in answers if status == 201}
    assert set(told["bookings"]) <= made
    assert told["limit"] == len(told["bookings"])
    assert await conn.fetchval("select count(*) from booking") == granted


async def test_cancelling_gives_the_place_back_once(client, second_client, conn, app):
    slot_id = await make.slot(conn, public=1)
    first, second = await make.resident(conn, app), await make.resident(conn, app)
    _, booking = await book(client, first, slot_id)

    async def cancel(through):
        url = f"/v1/bookings/{booking['id']}/cancel"
        async with through.post(url, json={"reason": "有事"}, headers=first.headers) as response:
            return response.status, await response.json()

    answers = await asyncio.gather(*(cancel([client, second_client][n % 2]) for n in range(20)))
    assert {status for status, _ in answers} == {200}
    assert {body["status"] for _, body in answers} == {"cancelled"}
    assert await conn.fetchval("select taken from slot_pool") == 0
    assert await conn.fetchval("select count(*) from audit where action = 'bookings.cancelled'") == 1
    status, again = await book(client, second, slot_id)
    assert (status, again["number"]) == (201, 2)
    assert await drift(conn) == []


async def test_cancelling_ends_at_the_policys_hour(client, conn, app, clock):
    until = clock.now + timedelta(hours=1)
    slot_id = await make.slot(conn, cancel_until=until)
    resident = await make.resident(conn, app)
    _, booking = await book(client, resident, slot_id)
    clock.move(hours=1)
    token = await make.session(conn, app, resident.account_id, ["resident"])
    url, headers = f"/v1/bookings/{booking['id']}/cancel", {"Authorization": f"Bearer {token}"}
    async with client.post(url, json={}, headers=headers) as response:
        assert response.status == 409
        refusal = await response.json()
    assert refusal["code"] == "cancel_too_late"
    assert datetime.fromisoformat(refusal["cancel_until"]) == until
    assert await conn.fetchval("select taken from slot_pool") == 1


async def test_booking_opens_and_ends_by_the_policys_hours(client, conn, app, clock):
    resident = await make.resident(conn, app)
    service_id = await make.service(conn)
    early = await make.slot(conn, service_id, release_at=clock.now + timedelta(seconds=1))
    late = await make.slot(
        conn, service_id, order_until=clock.now, starts_at=datetime(2026, 11, 24, 9, tzinfo=LOCAL_ZONE)
    )
    begun = await make.slot(conn, service_id, starts_at=clock.now)
    for slot_id, code in ((early, "not_released"), (late, "ordering_ended"), (begun, "slot_begun")):
        status, body = await book(client, resident, slot_id)
        assert (status, body["code"]) == (409, code)
    clock.move(seconds=1)
    assert (await book(client, resident, early))[0] == 201


async def test_strangers_are_not_found_and_nothing_is_written(client, conn, app):
    slot_id = await make.slot(conn)
    resident, stranger = await make.resident(conn, app), await make.resident(conn, app)
    for person_id in (stranger.person_id, "01920000-0000-7000-8000-000000000000"):
        status, body = await book(client, resident, slot_id, person_id)
        assert (status, body["code"]) == (404, "person_not_found")
    _, booking = await book(client, stranger, slot_id)
    for method, url in (("get", ""), ("post", "/cancel")):
        async with client.request(
            method, f"/v1/bookings/{booking['id']}{url}", json={}, headers=resident.headers
        ) as response:
            assert response.status == 404
            assert (await response.json())["code"] == "booking_not_found"
    assert await conn.fetchval("select status from booking") == "booked"


async def test_a_closed_slot_refuses(client, conn, app):
    slot_id = await make.slot(conn, state="closed")
    resident = await make.resident(conn, app)
    status, body = await book(client, resident, slot_id)
    assert (status, body["code"]) == (409, "slot_closed")


async def test_the_desk_books_on_the_counter_pool_and_checks_in_by_code(client, conn, app, clock):
    provider_id = await make.provider(conn)
    service_id = await make.service(conn, provider_id=provider_id)
    starts_at = datetime(2026, 11, 23, 9, tzinfo=LOCAL_ZONE)
    slot_id = await make.slot(conn, service_id, public=0, counter=1, starts_at=starts_at, order_until=clock.now)
    clerk = await make.staff(conn, app, Role.CLERK, provider_id=provider_id)
    elsewhere = await make.staff(conn, app, Role.CLERK, provider_id=await make.provider(conn))
    elder = await make.person(conn, app[VAULT], name="测试老人")
    body = {"slot_id": str(slot_id), "person_id": str(elder)}
    async with client.post("/v1/staff/bookings", json=body, headers=elsewhere.headers | make.key()) as response:
        assert response.status == 404
    async with client.post("/v1/staff/bookings", json=body, headers=clerk.headers | make.key()) as response:
        assert response.status == 201
        booking = await response.json()
    assert booking["channel"] == "counter"
    wanted = {"provider_id": str(provider_id), "code": booking["code"]}
    async with client.post("/v1/staff/check-ins", json=wanted, headers=elsewhere.headers) as response:
        assert response.status == 404
    async with client.post("/v1/staff/check-ins", json=wanted, headers=clerk.headers) as response:
        assert response.status == 200
        assert (await response.json())["status"] == "checked_in"
    async with client.post(f"/v1/staff/bookings/{booking['id']}/complete", headers=clerk.headers) as response:
        assert (await response.json())["status"] == "completed"
    async with client.post(f"/v1/staff/bookings/{booking['id']}/cancel", json={}, headers=clerk.headers) as response:
        assert (response.status, (await response.json())["code"]) == (409, "booking_in_other_status")


async def test_check_in_only_on_the_day_and_no_show_only_after(client, conn, app, clock):
    provider_id = await make.provider(conn)
    slot_id = await make.slot(conn, await make.service(conn, provider_id=provider_id))
    clerk = await make.staff(conn, app, Role.CLERK, provider_id=provider_id)
    resident = await make.resident(conn, app)
    _, booking = await book(client, resident, slot_id)
    for act, code in (("check-in", "not_the_day"), ("no-show", "slot_not_over")):
        async with client.post(f"/v1/staff/bookings/{booking['id']}/{act}", headers=clerk.headers) as response:
            assert (response.status, (await response.json())["code"]) == (409, code)


async def test_every_booking_leaves_an_audit_row(client, conn, app):
    slot_id = await make.slot(conn)
    resident = await make.resident(conn, app)
    _, booking = await book(client, resident, slot_id)
    row = await conn.fetchrow("select * from audit where action = 'bookings.booked'")
    assert (str(row["subject_id"]), row["actor_id"]) == (booking["id"], resident.account_id)
