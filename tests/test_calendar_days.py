"""Holidays and make-up workdays: the library's, what staff know better, and what schedules make of them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from domain.calendar_changes import unconfirmed_years
from domain.schedule_generation import generate
from domain.vocabulary import LOCAL_ZONE, Role
from server.errors import field_sentences
from tests import make

PATH = "/v1/staff/calendar"
NOW = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)
WEEK = {day: [("08:00", "09:00", 30, 5)] for day in range(1, 6)}


@pytest.fixture
async def admin(conn, app):
    return await make.staff(conn, app, Role.ADMIN)


async def send(client, staff, method, path, body=None):
    response = await client.request(method, path, json=body, headers=staff.headers)
    return response.status, await response.json()


async def made(conn, resource="", week=WEEK, service_id=None):
    service_id = service_id or await make.service(conn)
    schedule_id = await make.schedule(conn, service_id, week, resource=resource)
    await generate(conn, NOW)
    return service_id, schedule_id


async def open_days(conn):
    rows = await conn.fetch("select distinct day from slot where state = 'open' order by day")
    return [f"{row['day']:%m%d}" for row in rows]


async def test_a_year_is_shown_as_it_will_be_used(client, admin):
    status, year = await send(client, admin, "GET", f"{PATH}/2026")
    assert (status, year["year"], year["confirmed_at"]) == (200, 2026, None)
    by_day = {each["day"]: each for each in year["days"]}
    assert by_day["2026-10-01"] == {
        "day": "2026-10-01",
        "kind": "holiday",
        "follows_weekday": None,
        "name": "国庆节",
        "source": "library",
        "set_by": None,
        "set_at": None,
    }
    assert by_day["2026-10-10"]["kind"] == "workday"
    await send(client, admin, "PUT", f"{PATH}/days/2026-12-24", {"kind": "holiday", "name": "馆庆"})
    year = (await send(client, admin, "GET", f"{PATH}/2026"))[1]
    of_staff = [each for each in year["days"] if each["source"] == "staff"]
    assert [(each["day"], each["name"], each["set_by"]) for each in of_staff] == [
        ("2026-12-24", "馆庆", str(admin.account_id))
    ]


@pytest.mark.parametrize("path", ["1999", "2200", "abcd", "20261", "２０２６", "2026x"])
async def test_what_is_no_year_is_not_there(client, admin, path):
    assert (await send(client, admin, "GET", f"{PATH}/{path}"))[0] == 404


@pytest.mark.parametrize("path", ["2026-02-30", "20261224", "tomorrow", "2026-12-24T00:00:00+08:00", "1999-12-31"])
async def test_what_is_no_day_is_not_there(client, admin, path):
    body = {"kind": "holiday", "name": "馆庆"}
    assert (await send(client, admin, "PUT", f"{PATH}/days/{path}", body))[0] == 404


@pytest.mark.parametrize(
    ("day", "given", "errors"),
    [
        ("2026-11-22", {}, {"day": ["not_before 2026-11-23"]}),
        ("2031-01-01", {}, {"day": ["too_many_days_ahead 1098"]}),
        ("2026-12-24", {"follows_weekday": 3}, {"follows_weekday": ["only_of_workdays"]}),
        ("2026-12-24", {"kind": "workday", "follows_weekday": 8}, {"follows_weekday": ["not_a_weekday"]}),
        ("2026-12-24", {"kind": "half"}, {"kind": ["not_a_choice"]}),
        ("2026-12-24", {"name": ""}, {"name": ["too_short 1"]}),
    ],
)
async def test_a_day_that_makes_no_sense_is_refused_by_field(client, conn, admin, day, given, errors):
    body = {"kind": "holiday", "name": "馆庆", **given}
    status, answer = await send(client, admin, "PUT", f"{PATH}/days/{day}", body)
    assert (status, answer["errors"]) == (400, field_sentences(errors, "zh"))
    assert await conn.fetchval("select count(*) from calendar_day") == 0


async def test_a_day_off_closes_the_slots_of_every_schedule_until_it_is_taken_back(client, conn, admin):
    await made(conn)
    await made(conn)
    body = {"kind": "holiday", "name": "馆庆"}
    status, day = await send(client, admin, "PUT", f"{PATH}/days/2026-11-26", body)
    assert (status, day["source"], day["slots"]["withdrawn"]) == (200, "staff", 4)
    assert "1126" not in await open_days(conn)
    status, day = await send(client, admin, "DELETE", f"{PATH}/days/2026-11-26")
    assert (status, day["kind"], day["slots"]["reopened"]) == (200, None, 4)
    assert "1126" in await open_days(conn)
    status, answer = await send(client, admin, "DELETE", f"{PATH}/days/2026-11-26")
    assert (status, answer["code"]) == (404, "calendar_day_not_set")
    actions = await conn.fetch("select action from audit where action like 'calendar.%' order by seq")
    assert {row["action"] for row in actions} == {"calendar.day_set", "calendar.day_unset"}


async def test_a_make_up_workday_has_the_sessions_of_the_day_that_it_follows(client, conn, admin):
    await made(conn, week={3: [("08:00", "09:00", 30, 5)]})
    body = {"kind": "workday", "name": "补班", "follows_weekday": 3}
    _, day = await send(client, admin, "PUT", f"{PATH}/days/2026-11-28", body)
    assert day["slots"]["made"] == 2
    assert await open_days(conn) == ["1125", "1128", "1202"]


async def test_a_day_on_which_somebody_is_booked_waits_for_the_schedule_to_deal_with_it(client, conn, app, admin):
    await made(conn)
    await made(conn)
    slot_id = await conn.fetchval("select id from slot where day = '2026-11-26' order by id desc limit 1")
    await make.booking(conn, slot_id, await make.resident(conn, app))
    before = await conn.fetch("select * from slot order by id")
    body = {"kind": "holiday", "name": "馆庆"}
    status, answer = await send(client, admin, "PUT", f"{PATH}/days/2026-11-26", body)
    assert (status, answer["code"], answer["slots"]) == (409, "change_needs_preview", [str(slot_id)])
    assert await conn.fetch("select * from slot order by id") == before
    assert await conn.fetchval("select count(*) from calendar_day") == 0


async def test_slots_that_are_not_made_yet_are_made_by_the_new_calendar(client, conn, admin):
    body = {"kind": "holiday", "name": "馆庆"}
    _, day = await send(client, admin, "PUT", f"{PATH}/days/2026-11-26", body)
    assert sum(day["slots"].values()) == 0
    await made(conn)
    assert "1126" not in await open_days(conn)


async def test_a_year_in_use_is_told_until_somebody_has_confirmed_it(client, conn, admin):
    assert await unconfirmed_years(conn, NOW) == []
    await made(conn)
    assert await unconfirmed_years(conn, NOW) == [2026]
    await generate(conn, datetime(2026, 12, 25, 7, tzinfo=LOCAL_ZONE))
    assert await conn.fetchval("select generated_to from schedule") == date(2027, 1, 9)
    assert await unconfirmed_years(conn, NOW) == [2026, 2027]
    status, year = await send(client, admin, "POST", f"{PATH}/2026/confirm")
    assert (status, year["confirmed_by"], year["confirmed_at"]) == (
        200,
        str(admin.account_id),
        "2026-11-23T06:30:00+08:00",
    )
    assert await unconfirmed_years(conn, NOW) == [2027]


async def test_managers_see_the_calendar_and_only_admins_everywhere_change_it(client, conn, app):
    provider_id = await make.provider(conn)
    manager = await make.staff(conn, app, Role.MANAGER, provider_id=provider_id)
    local_admin = await make.staff(conn, app, Role.ADMIN, provider_id=provider_id)
    assert (await send(client, manager, "GET", f"{PATH}/2026"))[0] == 200
    for staff in (manager, local_admin):
        body = {"kind": "holiday", "name": "馆庆"}
        assert (await send(client, staff, "PUT", f"{PATH}/days/2026-12-24", body))[0] == 403
        assert (await send(client, staff, "POST", f"{PATH}/2026/confirm"))[0] == 403
