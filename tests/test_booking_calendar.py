"""A booking in the telephone's calendar: read back by a parser, newer after each change, nothing of the person."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from icalendar import Calendar

from domain.vocabulary import LOCAL_ZONE
from tests import make


async def fetch(client, who, booking_id):
    async with client.get(f"/v1/bookings/{booking_id}/calendar", headers=who.headers) as response:
        raw = await response.read()
        assert response.status == 200, raw
        assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"
        return raw


def parsed(raw):
    calendar = Calendar.from_ical(raw)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


@pytest.fixture
async def place(conn):
    """A clinic whose name is long enough for its lines to be folded, with what a calendar must escape in it."""
    name = "阿拉善左旗乌斯太镇蒙医综合医院；门诊部, 东区\\二楼"
    provider_id = await make.provider(conn, name=name)
    service_id = await make.service(conn, provider_id=provider_id, name="蒙医门诊")
    await conn.execute("update service set requirements = '{身份证,医保卡}' where id = $1", service_id)
    return provider_id, service_id, name


@pytest.fixture
async def booked(conn, app, place):
    family = await make.resident(conn, app, name="乌兰其其格")
    slot_id = await make.slot(conn, place[1], resource="巴图医生")
    return family, await make.booking(conn, slot_id, family, answers={"why": "复诊"}), slot_id


async def test_it_says_where_and_when_to_be_with_what(client, place, booked):
    family, booking_id, _ = booked
    calendar, event = parsed(await fetch(client, family, booking_id))
    assert (calendar["method"], event["status"], event["uid"]) == (
        "PUBLISH",
        "CONFIRMED",
        f"{booking_id}@xiaotuo.invalid",
    )
    begins = datetime(2026, 11, 25, 8, 30, tzinfo=LOCAL_ZONE)
    assert (event.start, event.end) == (begins, begins + timedelta(minutes=30))
    assert event["dtstart"].params["TZID"] == "Asia/Shanghai"
    assert event["summary"] == f"{place[2]} 内科 蒙医门诊"
    assert event["location"] == f"{place[2]}，测试路 1 号"
    assert event["description"].splitlines() == [
        "1号，巴图医生",
        "请带：身份证、医保卡",
        "去不了，请在2026年11月25日08:30前取消。",
        "电话：0483-0000000",
    ]
    alarms = [alarm["trigger"].dt for alarm in event.walk("VALARM")]
    assert alarms == [timedelta(days=-1), timedelta(hours=-2)]


async def test_the_zone_is_in_it_and_is_that_of_beijing(client, booked):
    calendar, event = parsed(await fetch(client, booked[0], booked[1]))
    (zone,) = calendar.walk("VTIMEZONE")
    assert zone["tzid"] == "Asia/Shanghai"
    assert zone.to_tz().utcoffset(datetime.combine(date(2026, 7, 1), datetime.min.time())) == timedelta(hours=8)
    assert event.start.utcoffset() == timedelta(hours=8)


async def test_lines_are_as_long_as_the_standard_lets_them_be(client, booked):
    raw = await fetch(client, booked[0], booked[1])
    assert raw.endswith(b"\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 75


async def test_nothing_of_the_person_is_in_it(client, conn, booked):
    family, booking_id, _ = booked
    await conn.execute("update booking set code = '918273' where id = $1", booking_id)
    text = (await fetch(client, family, booking_id)).decode().replace("\r\n ", "")
    for private in ("乌兰其其格", str(family.person_id), str(family.account_id), "918273", "复诊", "999999"):
        assert private not in text


async def test_a_cancelled_booking_is_taken_out_again_by_a_newer_event_of_the_same_id(client, clock, booked):
    family, booking_id, _ = booked
    _, before = parsed(await fetch(client, family, booking_id))
    async with client.post(f"/v1/bookings/{booking_id}/cancel", json={}, headers=family.headers) as response:
        assert response.status == 200
    calendar, after = parsed(await fetch(client, family, booking_id))
    assert (calendar["method"], after["status"], after["uid"]) == ("CANCEL", "CANCELLED", before["uid"])
    assert after["sequence"] > before["sequence"]
    assert after["last-modified"].dt == clock.now
    assert after.walk("VALARM") == []


@pytest.mark.parametrize("table", ["slot", "service", "provider"])
async def test_each_change_of_what_it_says_makes_it_newer(client, conn, place, booked, table):
    family, booking_id, slot_id = booked
    _, before = parsed(await fetch(client, family, booking_id))
    changed = {"slot": slot_id, "service": place[1], "provider": place[0]}[table]
    await conn.execute(f"update {table} set version = version + 1 where id = $1", changed)
    _, after = parsed(await fetch(client, family, booking_id))
    assert after["sequence"] == before["sequence"] + 1


async def test_a_change_within_the_second_of_the_booking_makes_it_newer(client, conn, booked):
    family, booking_id, _ = booked
    await conn.execute("update booking set changed_at = created_at + interval '1 ms' where id = $1", booking_id)
    _, after = parsed(await fetch(client, family, booking_id))
    assert after["sequence"] == 1


async def test_another_family_is_told_of_nothing(client, conn, app, booked):
    stranger = await make.resident(conn, app, number=make.id_number(date(1970, 1, 1)))
    async with client.get(f"/v1/bookings/{booked[1]}/calendar", headers=stranger.headers) as response:
        assert (response.status, (await response.json())["code"]) == (404, "booking_not_found")
