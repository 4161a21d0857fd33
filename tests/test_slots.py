from __future__ import annotations

import asyncio
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.slot_pattern import Session, Span, days, moments, overlapping
from domain.vocabulary import LOCAL_ZONE, MAX_SLOTS_MADE, Role
from server.errors import field_sentences
from tests import make

CAPACITY = {"public": 3, "assisted": 1, "counter": 2}


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=LOCAL_ZONE)


async def send(client, method, path, staff, body=None, **headers):
    response = await client.request(method, path, json=body, headers=staff.headers | headers)
    return response.status, await response.json()


async def create(client, staff, service_id, start, minutes=30, **given):
    body = {
        "service_id": str(service_id),
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(minutes=minutes)).isoformat(),
        "capacity": CAPACITY,
        **given,
    }
    return await send(client, "POST", "/v1/staff/slots", staff, body, **make.key())


async def pattern(client, staff, service_id, **given):
    body = {
        "service_id": str(service_id),
        "from": "2026-11-23",
        "to": "2026-11-29",
        "weekdays": [1, 2, 3, 4, 5],
        "sessions": [{"start": "08:00", "end": "10:00", "minutes": 30}],
        "capacity": CAPACITY,
        **given,
    }
    return await send(client, "POST", "/v1/staff/slots/pattern", staff, body)


async def book(client, resident, slot_id):
    body = {"slot_id": str(slot_id), "person_id": str(resident.person_id), "mandate_id": None}
    return await send(client, "POST", "/v1/bookings", resident, body, **make.key())


@pytest.fixture
async def desk(conn, app):
    """A provider's service with its manager."""
    provider_id = await make.provider(conn)
    service_id = await make.service(conn, provider_id=provider_id)
    return service_id, await make.staff(conn, app, Role.MANAGER, provider_id=provider_id)


# Patterns, without a database

of_day = st.integers(0, 1439).map(lambda minute: time(*divmod(minute, 60)))
spans = st.tuples(of_day, of_day).map(sorted).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: Span(*pair))


@given(spans, st.integers(1, 1439))
def test_a_session_is_cut_into_equal_slots_that_touch_and_leave_less_than_one_over(span, minutes):
    cut = list(Session(span, minutes).cut())
    lengths = [(each.end.hour - each.start.hour) * 60 + each.end.minute - each.start.minute for each in cut]
    whole = (span.end.hour - span.start.hour) * 60 + span.end.minute - span.start.minute
    assert lengths == [minutes] * (whole // minutes)
    assert all(earlier.end == later.start for earlier, later in pairwise(cut))
    assert not cut or cut[0].start == span.start
    assert not overlapping(cut)


@given(st.lists(spans, max_size=5))
def test_spans_overlap_exactly_where_they_share_a_minute(given_spans):
    minutes = [
        minute
        for span in given_spans
        for minute in range(span.start.hour * 60 + span.start.minute, span.end.hour * 60 + span.end.minute)
    ]
    assert overlapping(given_spans) == (len(minutes) > len(set(minutes)))


@given(st.dates(date(2020, 1, 1), date(2100, 1, 1)), st.integers(0, 91), st.sets(st.integers(1, 7)), st.lists(spans))
def test_a_pattern_falls_on_its_weekdays_only_and_in_order(first, length, weekdays, given_spans):
    last = first + timedelta(days=length)
    on_days = days(first, last, weekdays)
    assert all(first <= day <= last and day.isoweekday() in weekdays for day in on_days)
    assert len(on_days) == sum((first + timedelta(days=n)).isoweekday() in weekdays for n in range(length + 1))
    made = moments(on_days, given_spans)
    assert len(made) == len(on_days) * len(given_spans)
    assert [start for start, _ in made] == sorted(start for start, _ in made)


# One slot


async def test_a_slot_is_made_with_its_pools_and_the_times_of_its_policy(client, conn, desk):
    service_id, manager = desk
    status, made = await create(client, manager, service_id, at(25, 8, 30), resource="张医生")
    assert status == 201
    assert made["starts_at"] == "2026-11-25T08:30:00+08:00"
    assert made["release_at"] == "2026-11-11T07:00:00+08:00"
    assert made["order_until"] == "2026-11-24T16:00:00+08:00"
    assert made["cancel_until"] == "2026-11-24T14:00:00+08:00"
    assert made["pools"] == {name: {"capacity": n, "taken": 0} for name, n in CAPACITY.items()}
    assert (made["state"], made["version"], made["resource"]) == ("open", 1, "张医生")
    path = f"/v1/staff/slots/{made['id']}"
    assert await send(client, "GET", path, manager) == (200, made)
    assert await conn.fetchval("select action from audit where subject_id = $1", UUID(made["id"])) == "slots.created"


async def test_a_slot_made_inside_its_window_is_booked_at_once(client, conn, app, desk):
    service_id, manager = desk
    _, made = await create(client, manager, service_id, at(25, 8))
    resident = await make.resident(conn, app)
    assert (await book(client, resident, made["id"]))[0] == 201


async def test_a_slot_in_the_evening_is_of_the_local_day(client, conn, desk):
    service_id, manager = desk
    _, made = await create(client, manager, service_id, at(25, 0, 30))
    assert await conn.fetchval("select day from slot where id = $1", UUID(made["id"])) == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("start", "minutes", "changes", "errors"),
    [
        (at(23, 6, 30), 30, {}, {"starts_at": ["in_the_past"]}),
        (at(23, 7) + timedelta(days=367), 30, {}, {"starts_at": ["too_many_days_ahead 366"]}),
        (at(25, 8), 0, {}, {"ends_at": ["ends_before_start"]}),
        (at(25, 8), 24 * 60 + 1, {}, {"ends_at": ["too_many_hours 24"]}),
        (at(25, 8), 30, {"capacity": {"public": 0}}, {"capacity": ["no_places"]}),
        (at(25, 8), 30, {"capacity": {"public": -1}}, {"capacity": {"public": ["not_between 0 10000"]}}),
        (at(25, 8), 30, {"capacity": {"public": 1, "vip": 1}}, {"capacity": {"vip": ["unknown_field"]}}),
        (
            at(25, 8),
            30,
            {"starts_at": "2026-11-25T08:00:00"},
            {"starts_at": ["time_without_offset"]},
        ),
    ],
)
async def test_a_slot_that_makes_no_sense_is_refused_by_field(client, conn, desk, start, minutes, changes, errors):
    service_id, manager = desk
    status, body = await create(client, manager, service_id, start, minutes, **changes)
    assert (status, body["errors"]) == (400, field_sentences(errors, "zh"))
    assert await conn.fetchval("select count(*) from slot") == 0


async def test_one_resource_has_one_slot_at_a_time(client, desk):
    service_id, manager = desk
    assert (await create(client, manager, service_id, at(25, 8)))[0] == 201
    assert (await create(client, manager, service_id, at(25, 8), resource="2 号窗口"))[0] == 201
    status, body = await create(client, manager, service_id, at(25, 8))
    assert (status, body["code"]) == (409, "slot_exists")


async def test_only_staff_of_the_provider_touch_its_slots(client, conn, app, desk):
    service_id, manager = desk
    _, slot = await create(client, manager, service_id, at(25, 8))
    provider_id = await conn.fetchval("select provider_id from service where id = $1", service_id)
    stranger = await make.staff(conn, app, Role.MANAGER, provider_id=await make.provider(conn))
    clerk = await make.staff(conn, app, Role.CLERK, provider_id=provider_id)
    span = {"service_id": str(service_id), "from": "2026-11-23", "to": "2026-11-29"}
    listing = f"/v1/staff/slots?service={service_id}&from=2026-11-23&to=2026-11-29"
    path = f"/v1/staff/slots/{slot['id']}"
    reason = {"reason": "停诊"}
    for staff, reads in ((stranger, 404), (clerk, 200)):
        assert (await send(client, "GET", listing, staff))[0] == reads
        assert (await send(client, "GET", path, staff))[0] == reads
        for answer in (
            await create(client, staff, service_id, at(25, 9)),
            await pattern(client, staff, service_id),
            await send(client, "POST", "/v1/staff/slots/close", staff, span | reason),
            await send(client, "POST", "/v1/staff/slots/reopen", staff, span),
        ):
            assert (answer[0], answer[1]["code"]) == (404, "service_not_found")
        for answer in (
            await send(client, "PUT", path, staff, {"version": 1, "capacity": {"public": 5}}),
            await send(client, "POST", f"{path}/close", staff, reason),
            await send(client, "POST", f"{path}/reopen", staff),
        ):
            assert (answer[0], answer[1]["code"]) == (404, "slot_not_found")
    assert await conn.fetchval("select count(*) from slot where version = 1") == 1
    unknown = f"/v1/staff/slots/{uuid4()}"
    assert (await send(client, "GET", unknown, manager))[1]["code"] == "slot_not_found"


async def test_slots_are_listed_in_order_and_by_pages(client, conn, desk):
    service_id, manager = desk
    await pattern(client, manager, service_id)
    await pattern(client, manager, service_id, resource="2 号窗口")
    seen, path = [], f"/v1/staff/slots?service={service_id}&from=2026-11-23&to=2026-11-29&limit=7"
    cursor = ""
    while cursor is not None:
        _, body = await send(client, "GET", f"{path}{cursor}", manager)
        seen += [(item["starts_at"], item["resource"]) for item in body["items"]]
        cursor = body["next"] and f"&after={body['next']}"
    assert len(seen) == 40
    assert seen == sorted(seen)
    for wrong in ("from=2026-11-24&to=2026-11-23", "from=2026-11-01&to=2027-01-02"):
        status, body = await send(client, "GET", f"/v1/staff/slots?service={service_id}&{wrong}", manager)
        assert (status, body["errors"].keys()) == (400, {"to"})


# Patterns


async def test_a_pattern_makes_what_is_missing_and_keeps_what_is_there(client, conn, desk):
    service_id, manager = desk
    given = await create(client, manager, service_id, at(25, 8, 30), capacity={"public": 9})
    status, made = await pattern(client, manager, service_id)
    assert (status, made) == (200, {"made": 19, "kept": 1, "past": 0})
    assert await pattern(client, manager, service_id) == (200, {"made": 0, "kept": 20, "past": 0})
    assert await conn.fetchval("select count(*) from slot") == 20
    assert await conn.fetchval("select count(*) from slot_pool") == 60
    kept = await conn.fetchval(
        "select capacity from slot_pool where slot_id = $1 and channel = 'public'", UUID(given[1]["id"])
    )
    assert kept == 9
    _, more = await pattern(client, manager, service_id, times=[{"start": "14:00", "end": "17:00"}])
    assert more == {"made": 5, "kept": 20, "past": 0}
    rows = await conn.fetch("select distinct release_at, day from slot order by day")
    assert [row["release_at"] for row in rows] == [at(day - 14, 7) for day in range(23, 28)]


async def test_a_pattern_leaves_out_what_would_begin_in_the_past(client, conn, app, desk, clock):
    service_id, _ = desk
    clock.now = at(24, 9)
    manager = await make.staff(conn, app, Role.MANAGER)
    assert (await pattern(client, manager, service_id))[1] == {"made": 13, "kept": 0, "past": 7}


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"sessions": []}, "times"),
        ({"sessions": [{"start": "08:00", "end": "08:20", "minutes": 30}]}, "times"),
        ({"times": [{"start": "09:00", "end": "09:10"}]}, "times"),
        ({"sessions": [], "times": [{"start": "09:00", "end": "09:00"}]}, "times"),
        ({"sessions": [], "times": [{"start": "10:00", "end": "09:00"}]}, "times"),
        ({"sessions": [{"start": "10:00", "end": "09:00", "minutes": 5}], "times": []}, "times"),
        ({"weekdays": []}, "weekdays"),
        ({"weekdays": [0]}, "weekdays"),
        ({"weekdays": [True]}, "weekdays"),
        ({"to": "2026-11-22"}, "to"),
        ({"to": "2027-02-23"}, "to"),
        ({"from": "2027-11-24", "to": "2027-11-30"}, "starts_at"),
        ({"capacity": {"public": 0, "assisted": 0}}, "capacity"),
        ({"times": [{"start": "09:00", "end": "10:00", "doctor": "x"}]}, "times"),
    ],
)
async def test_a_pattern_that_makes_no_sense_is_refused_by_field(client, conn, desk, changes, where):
    service_id, manager = desk
    status, body = await pattern(client, manager, service_id, **changes)
    assert (status, body["errors"].keys()) == (400, {where})
    assert await conn.fetchval("select count(*) from slot") == 0


async def test_a_large_pattern_is_made_whole_and_a_larger_one_not_at_all(client, conn, desk):
    service_id, manager = desk
    every_day = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "to": "2027-02-22"}
    session = [{"start": "07:00", "end": "23:59", "minutes": 5}]
    status, made = await pattern(client, manager, service_id, **every_day, sessions=session)
    assert (status, made["made"]) == (200, 203 * 92)
    assert await conn.fetchval("select count(*) from slot_pool") == 203 * 92 * 3
    session[0]["minutes"] = 4
    status, body = await pattern(client, manager, service_id, **every_day, sessions=session)
    assert (status, body["code"], body["limit"]) == (400, "too_many_slots", MAX_SLOTS_MADE)


async def test_patterns_that_race_make_each_slot_once(client, conn, desk):
    service_id, manager = desk
    answers = await asyncio.gather(*(pattern(client, manager, service_id) for _ in range(4)))
    assert {status for status, _ in answers} == {200}
    assert sum(body["made"] for _, body in answers) == 20
    assert sum(body["kept"] for _, body in answers) == 60


# Changing


async def test_places_are_added_and_taken_away(client, conn, desk):
    service_id, manager = desk
    _, made = await create(client, manager, service_id, at(25, 8))
    path = f"/v1/staff/slots/{made['id']}"
    status, changed = await send(client, "PUT", path, manager, {"version": 1, "capacity": {"public": 8, "counter": 0}})
    assert (status, changed["version"]) == (200, 2)
    assert {name: pool["capacity"] for name, pool in changed["pools"].items()} == {
        "public": 8,
        "assisted": 1,
        "counter": 0,
    }
    status, body = await send(client, "PUT", path, manager, {"version": 1, "capacity": {"public": 9}})
    assert (status, body["code"]) == (409, "changed_meanwhile")


async def test_places_are_not_taken_away_from_under_bookings(client, conn, app, desk):
    service_id, manager = desk
    _, made = await create(client, manager, service_id, at(25, 8))
    for _ in range(2):
        assert (await book(client, await make.resident(conn, app), made["id"]))[0] == 201
    path = f"/v1/staff/slots/{made['id']}"
    status, body = await send(client, "PUT", path, manager, {"version": 1, "capacity": {"public": 1, "counter": 5}})
    assert (status, body["code"]) == (409, "capacity_below_taken")
    assert body["pools"] == [{"channel": "public", "taken": 2, "capacity": 1}]
    assert await send(client, "GET", path, manager) == (
        200,
        made | {"pools": made["pools"] | {"public": {"capacity": 3, "taken": 2}}},
    )
    status, changed = await send(client, "PUT", path, manager, {"version": 1, "capacity": {"public": 2}})
    assert (status, changed["pools"]["public"]) == (200, {"capacity": 2, "taken": 2})


async def test_a_shrinking_slot_waits_for_a_booking_that_is_being_made(client, conn, desk):
    service_id, manager = desk
    slot_id = await make.slot(conn, service_id, public=2)
    async with conn.transaction():
        await conn.execute("select from slot_pool where slot_id = $1 for no key update", slot_id)
        shrinking = asyncio.create_task(
            send(client, "PUT", f"/v1/staff/slots/{slot_id}", manager, {"version": 1, "capacity": {"public": 1}})
        )
        await asyncio.sleep(0.2)
        assert not shrinking.done()
        await conn.execute("update slot_pool set taken = 2, issued = 2 where slot_id = $1", slot_id)
    status, body = await shrinking
    assert (status, body["code"]) == (409, "capacity_below_taken")
    assert body["pools"] == [{"channel": "public", "taken": 2, "capacity": 1}]


async def test_shrinking_and_booking_at_once_never_leave_more_taken_than_there_are(client, conn, app, desk):
    service_id, manager = desk
    slot_id = await make.slot(conn, service_id, public=6)
    residents = [await make.resident(conn, app) for _ in range(6)]

    async def shrink():
        for capacity in (5, 4, 3, 2, 1):
            version = await conn.fetchval("select version from slot where id = $1", slot_id)
            body = {"version": version, "capacity": {"public": capacity}}
            status, answer = await send(client, "PUT", f"/v1/staff/slots/{slot_id}", manager, body)
            assert status == 200 or answer["code"] == "capacity_below_taken"

    answers = await asyncio.gather(shrink(), *(book(client, each, slot_id) for each in residents))
    booked = sum(answer[0] == 201 for answer in answers if answer is not None)
    pool = await conn.fetchrow("select capacity, taken from slot_pool where slot_id = $1", slot_id)
    assert pool["taken"] == booked <= pool["capacity"]


async def test_times_change_while_nobody_booked(client, conn, desk):
    service_id, manager = desk
    _, made = await create(client, manager, service_id, at(25, 8))
    await create(client, manager, service_id, at(26, 8))
    path = f"/v1/staff/slots/{made['id']}"
    body = {"version": 1, "starts_at": at(27, 9).isoformat(), "ends_at": at(27, 9, 40).isoformat()}
    status, moved = await send(client, "PUT", path, manager, body | {"capacity": {"public": 7}})
    assert (status, moved["starts_at"], moved["release_at"]) == (
        200,
        "2026-11-27T09:00:00+08:00",
        "2026-11-13T07:00:00+08:00",
    )
    assert moved["pools"]["public"] == {"capacity": 7, "taken": 0}
    assert moved["pools"]["assisted"] == made["pools"]["assisted"]
    taken = {"version": 2, "starts_at": at(26, 8).isoformat(), "ends_at": at(26, 9).isoformat()}
    assert (await send(client, "PUT", path, manager, taken))[1]["code"] == "slot_exists"
    wrong = {"version": 2, "starts_at": at(23, 6).isoformat()}
    assert (await send(client, "PUT", path, manager, wrong))[1]["errors"].keys() == {"starts_at", "ends_at"}


async def test_times_stay_once_a_number_was_given_out(client, conn, app, desk):
    service_id, manager = desk
    _, made = await create(client, manager, service_id, at(25, 8))
    resident = await make.resident(conn, app)
    _, booking = await book(client, resident, made["id"])
    assert (await send(client, "POST", f"/v1/bookings/{booking['id']}/cancel", resident, {"reason": ""}))[0] == 200
    body = {"version": 1, "starts_at": at(25, 9).isoformat(), "ends_at": at(25, 10).isoformat()}
    status, answer = await send(client, "PUT", f"/v1/staff/slots/{made['id']}", manager, body)
    assert (status, answer["code"]) == (409, "slot_has_bookings")
    same = {"version": 1, "starts_at": made["starts_at"], "ends_at": made["ends_at"]}
    assert (await send(client, "PUT", f"/v1/staff/slots/{made['id']}", manager, same))[0] == 200


@pytest.mark.parametrize("waits_for", ["its person", "its pool"])
async def test_a_booking_that_read_the_former_times_of_a_slot_is_not_made(client, conn, app, desk, waits_for):
    service_id, manager = desk
    _, slot = await create(client, manager, service_id, at(25, 8))
    resident = await make.resident(conn, app)
    path, slot_id = f"/v1/staff/slots/{slot['id']}", UUID(slot["id"])
    change = {"version": 1, "starts_at": at(27, 9).isoformat(), "ends_at": at(27, 10).isoformat()}
    async with conn.transaction():
        if waits_for == "its person":
            await conn.execute("select from person where id = $1 for update", resident.person_id)
            booking = asyncio.create_task(book(client, resident, slot_id))
            await asyncio.sleep(0.2)
            moving = asyncio.create_task(send(client, "PUT", path, manager, change))
            await asyncio.wait({moving})
        else:
            await conn.execute("select from slot_pool where slot_id = $1 for key share", slot_id)
            moving = asyncio.create_task(send(client, "PUT", path, manager, change))
            await asyncio.sleep(0.2)
            booking = asyncio.create_task(book(client, resident, slot_id))
            await asyncio.sleep(0.2)
        assert not booking.done()
    assert (await moving)[0] == 200
    status, body = await booking
    assert (status, body["code"]) == (409, "slot_changed" if waits_for == "its person" else "slot_full")
    assert await conn.fetchval("select count(*) from booking") == 0
    status, body = await book(client, resident, slot_id)
    assert (status, body["starts_at"]) == (201, "2026-11-27T09:00:00+08:00")


async def test_what_is_over_stays_as_it_was(client, conn, app, desk, clock):
    service_id, _ = desk
    slot_id = await make.slot(conn, service_id)
    closed_id = await make.slot(conn, service_id, starts_at=at(25, 9), state="closed")
    clock.now = at(25, 9, 30)
    manager = await make.staff(conn, app, Role.MANAGER)
    path = f"/v1/staff/slots/{slot_id}"
    body = {"version": 1, "capacity": {"public": 5}}
    assert (await send(client, "PUT", path, manager, body))[1]["code"] == "slot_over"
    assert (await send(client, "POST", f"{path}/close", manager, {"reason": "停诊"}))[1]["code"] == "slot_over"
    assert (await send(client, "POST", f"/v1/staff/slots/{closed_id}/reopen", manager))[1]["code"] == "slot_over"


# Closing and opening again


async def test_a_closed_slot_refuses_new_bookings_and_names_those_that_stand(client, conn, app, desk):
    service_id, manager = desk
    _, made = await create(client, manager, service_id, at(25, 8))
    standing, gone, late = [await make.resident(conn, app) for _ in range(3)]
    _, booking = await book(client, standing, made["id"])
    _, cancelled = await book(client, gone, made["id"])
    await send(client, "POST", f"/v1/bookings/{cancelled['id']}/cancel", gone, {"reason": ""})
    path = f"/v1/staff/slots/{made['id']}"
    status, body = await send(client, "POST", f"{path}/close", manager, {"reason": "医生外出"})
    assert status == 200
    assert (body["standing_bookings"], body["booking_ids"]) == (1, [booking["id"]])
    assert (body["slot"]["state"], body["slot"]["closed_reason"], body["slot"]["version"]) == ("closed", "医生外出", 2)
    assert (await book(client, late, made["id"]))[1]["code"] == "slot_closed"
    assert (await send(client, "GET", f"/v1/bookings/{booking['id']}", standing))[1]["status"] == "booked"
    again = await send(client, "POST", f"{path}/close", manager, {"reason": "停诊"})
    assert (again[0], again[1]["code"]) == (409, "slot_closed_already")

    status, reopened = await send(client, "POST", f"{path}/reopen", manager)
    assert (status, reopened["state"], reopened["closed_reason"]) == (200, "open", None)
    assert (await book(client, late, made["id"]))[0] == 201
    assert (await send(client, "POST", f"{path}/reopen", manager))[1]["code"] == "slot_open_already"
    audits = await conn.fetch("select action, facts from audit where subject_id = $1", UUID(made["id"]))
    assert {row["action"] for row in audits} >= {"slots.created", "slots.closed", "slots.reopened"}
    assert "医生外出" not in str([row["facts"] for row in audits])


async def test_a_range_is_closed_and_opened_again(client, conn, app, desk):
    service_id, manager = desk
    await pattern(client, manager, service_id)
    other = await make.slot(conn, starts_at=at(25, 8))
    slots = await conn.fetch("select id, day from slot where service_id = $1 order by starts_at", service_id)
    on_wednesday = [row["id"] for row in slots if row["day"] == date(2026, 11, 25)]
    _, booking = await book(client, await make.resident(conn, app), on_wednesday[0])
    await send(client, "POST", f"/v1/staff/slots/{on_wednesday[1]}/close", manager, {"reason": "停诊"})
    span = {"service_id": str(service_id), "from": "2026-11-25", "to": "2026-11-26"}
    status, body = await send(client, "POST", "/v1/staff/slots/close", manager, span | {"reason": "设备检修"})
    assert status == 200
    assert body == {"changed": 7, "unchanged": 1, "standing_bookings": 1, "booking_ids": [booking["id"]]}
    closed = await conn.fetch("select distinct day from slot where state = 'closed' order by day")
    assert [row["day"].day for row in closed] == [25, 26]
    assert await conn.fetchval("select state from slot where id = $1", other) == "open"
    assert await conn.fetchval("select count(*) from slot_pool where not open") == 8 * 3
    status, body = await send(client, "POST", "/v1/staff/slots/reopen", manager, span)
    assert (status, body) == (200, {"changed": 8, "unchanged": 0})
    assert await conn.fetchval("select count(*) from slot where state = 'closed'") == 0
    assert await conn.fetchval("select count(*) from slot_pool where not open") == 0
    too_long = span | {"to": "2027-03-01", "reason": "停诊"}
    assert (await send(client, "POST", "/v1/staff/slots/close", manager, too_long))[0] == 400


async def test_closing_names_the_booking_that_it_had_to_wait_for(client, conn, app, desk):
    service_id, manager = desk
    slot_id = await make.slot(conn, service_id)
    resident = await make.resident(conn, app)
    async with conn.transaction():
        await conn.execute("select from slot_pool where slot_id = $1 for no key update", slot_id)
        closing = asyncio.create_task(
            send(client, "POST", f"/v1/staff/slots/{slot_id}/close", manager, {"reason": "停诊"})
        )
        await asyncio.sleep(0.2)
        assert not closing.done()
        booking_id = await make.booking(conn, slot_id, resident)
    status, body = await closing
    assert (status, body["booking_ids"]) == (200, [str(booking_id)])


async def test_closing_against_booking_leaves_no_booking_unnamed(client, conn, app, desk):
    service_id, manager = desk
    residents = [await make.resident(conn, app) for _ in range(12)]
    for round_ in range(4):
        slot_id = await make.slot(conn, service_id, starts_at=at(25, 8 + round_), public=12)
        await conn.execute("update policy set limit_department_day = 9, limit_day = 9, limit_7_days = 9")
        close = send(client, "POST", f"/v1/staff/slots/{slot_id}/close", manager, {"reason": "停诊"})
        booking = [book(client, each, slot_id) for each in residents]
        answers = await asyncio.gather(*booking[:6], close, *booking[6:])
        closed = answers.pop(6)[1]
        made = {body["id"] for status, body in answers if status == 201}
        assert {body["code"] for status, body in answers if status != 201} <= {"slot_closed"}
        assert set(closed["booking_ids"]) == made
        assert closed["standing_bookings"] == len(made)


async def test_changing_and_closing_a_slot_that_is_being_booked_take_their_locks_in_one_order(client, conn, desk):
    service_id, manager = desk
    slot_id = await make.slot(conn, service_id)
    path = f"/v1/staff/slots/{slot_id}"
    async with conn.transaction():
        await conn.execute("select from slot_pool where slot_id = $1 for no key update", slot_id)
        change = {"version": 1, "capacity": {"public": 4}}
        changing = asyncio.create_task(send(client, "PUT", path, manager, change))
        await asyncio.sleep(0.2)
        closing = asyncio.create_task(send(client, "POST", f"{path}/close", manager, {"reason": "停诊"}))
        await asyncio.sleep(0.2)
    assert [(await changing)[0], (await closing)[0]] == [200, 200]


async def test_ranges_patterns_and_changes_at_once_do_not_deadlock(client, conn, app, desk):
    service_id, manager = desk
    await pattern(client, manager, service_id)
    span = {"service_id": str(service_id), "from": "2026-11-23", "to": "2026-11-29"}
    slot_id = await conn.fetchval("select id from slot order by starts_at desc limit 1")
    for _ in range(4):
        answers = await asyncio.gather(
            send(client, "POST", "/v1/staff/slots/close", manager, span | {"reason": "停诊"}),
            send(client, "POST", "/v1/staff/slots/reopen", manager, span),
            send(client, "POST", f"/v1/staff/slots/{slot_id}/close", manager, {"reason": "停诊"}),
            send(client, "PUT", f"/v1/staff/slots/{slot_id}", manager, {"version": 1, "capacity": {"public": 4}}),
            pattern(client, manager, service_id, resource="2"),
        )
        assert {status for status, _ in answers} <= {200, 409}
