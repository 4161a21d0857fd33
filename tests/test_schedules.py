"""What staff do with schedules: made, changed, ended; and nothing that would take somebody's place."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from domain.schedule_generation import generate
from domain.vocabulary import LOCAL_ZONE, Role
from server.errors import field_sentences
from tests import make

PATH = "/v1/staff/schedules"
NOW = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)


def session(weekday=1, starts="08:00", ends="09:00", minutes=30, capacity=5, **more):
    return {
        "weekday": weekday,
        "starts": starts,
        "ends": ends,
        "slot_minutes": minutes,
        "capacity": capacity,
        "assisted": 1,
        "counter": 1,
        **more,
    }


WEEK = [session(day) for day in range(1, 6)]


def of_day(**more):
    given = session(**more)
    del given["weekday"]
    return given


def at(day, hour, minute=0, month=12):
    return datetime(2026, month, day, hour, minute, tzinfo=LOCAL_ZONE)


class Desk:
    """A manager of a provider with one service, whose numbers open two weeks ahead."""

    def __init__(self, client, conn, app, manager, service_id):
        self.client, self.conn, self.app, self.manager, self.service_id = client, conn, app, manager, service_id

    async def send(self, method, path, body=None, staff=None):
        headers = (staff or self.manager).headers | make.key()
        response = await self.client.request(method, path, json=body, headers=headers)
        return response.status, await response.json()

    async def create(self, **given):
        body = {"service_id": str(self.service_id), "valid_from": "2026-11-23", "sessions": WEEK, **given}
        return await self.send("POST", PATH, body)

    async def made(self, **given):
        """Make a schedule with its slots."""
        status, made = await self.create(**given)
        assert status == 201, made
        await generate(self.conn, NOW)
        return made

    async def change(self, made, **given):
        body = {name: made[name] for name in ("version", "valid_from", "valid_to", "on_holidays", "sessions")} | given
        return await self.send("PUT", f"{PATH}/{made['id']}", body)

    async def exception(self, made, **given):
        body = {"kind": "closed", "from": "2026-11-25", "to": "2026-11-25", "reason": "医生外出", **given}
        return await self.send("POST", f"{PATH}/{made['id']}/exceptions", body)

    async def book(self, starts_at, **given):
        slot_id = await self.slot_at(starts_at)
        return await make.booking(self.conn, slot_id, await make.resident(self.conn, self.app), **given)

    async def rows(self):
        """Return all that a refusal must leave as it was."""
        schedules = ("schedule", "schedule_session", "schedule_exception", "schedule_exception_session")
        tables = (*schedules, "slot", "slot_pool")
        return {table: await self.conn.fetch(f"select * from {table} order by 1, 2, 3") for table in tables}

    async def slot_at(self, starts_at):
        return await self.conn.fetchval("select id from slot where starts_at = $1", starts_at)

    async def open_slots(self):
        rows = await self.conn.fetch("select starts_at from slot where state = 'open' order by starts_at")
        return [row["starts_at"].astimezone(LOCAL_ZONE).strftime("%m%d %H:%M") for row in rows]


@pytest.fixture
async def desk(client, conn, app):
    provider_id = await make.provider(conn)
    service_id = await make.service(conn, provider_id=provider_id)
    manager = await make.staff(conn, app, Role.MANAGER, provider_id=provider_id)
    return Desk(client, conn, app, manager, service_id)


# Made


async def test_a_schedule_is_made_shown_and_listed_and_its_slots_follow(desk, conn):
    status, made = await desk.create(resource="张医生", valid_to="2027-01-31")
    assert (status, made["state"], made["version"], made["generated_to"]) == (201, "active", 1, None)
    assert made["sessions"] == WEEK
    assert await desk.send("GET", f"{PATH}/{made['id']}") == (200, made)
    _, listed = await desk.send("GET", f"{PATH}?service={desk.service_id}")
    assert listed == {"items": [made], "next": None}
    await generate(conn, NOW)
    slot = await conn.fetchrow("select * from slot order by starts_at limit 1")
    assert (slot["resource"], slot["schedule_id"]) == ("张医生", UUID(made["id"]))
    assert slot["starts_at"] == at(23, 8, month=11)
    assert (await desk.send("GET", f"{PATH}/{made['id']}"))[1]["generated_to"] == "2026-12-08"
    assert (
        await conn.fetchval("select action from audit where subject_id = $1", UUID(made["id"])) == "schedules.created"
    )


WRONG = [
    ({"sessions": [session(starts="09:00", ends="08:00")]}, {"sessions": {"0": {"ends": ["ends_before_start"]}}}),
    ({"sessions": [session(starts="09:00", ends="09:00")]}, {"sessions": {"0": {"ends": ["ends_before_start"]}}}),
    ({"sessions": [session(minutes=61)]}, {"sessions": {"0": {"slot_minutes": ["not_more_than 60"]}}}),
    ({"sessions": [session(assisted=6)]}, {"sessions": {"0": {"assisted": ["not_more_than 5"]}}}),
    ({"sessions": [session(assisted=3, counter=3)]}, {"sessions": {"0": {"counter": ["not_more_than 2"]}}}),
    (
        {"sessions": [session(), session(2), session(starts="08:30", ends="10:00")]},
        {"sessions": {"2": {"starts": ["overlaps_session 08:00–09:00"]}}},
    ),
    ({"sessions": []}, {"sessions": ["too_few 1"]}),
    ({"sessions": [session(8)]}, {"sessions": {"0": {"weekday": ["not_a_weekday"]}}}),
    ({"sessions": [session(capacity=0)]}, {"sessions": {"0": {"capacity": ["not_between 1 10000"]}}}),
    ({"sessions": [session(starts="08:00+08:00")]}, {"sessions": {"0": {"starts": ["not_a_clock_time"]}}}),
    ({"sessions": [session(starts="08:00Z")]}, {"sessions": {"0": {"starts": ["not_a_clock_time"]}}}),
    ({"sessions": [session(starts="25:00")]}, {"sessions": {"0": {"starts": ["not_a_clock_time"]}}}),
    ({"sessions": [session(time_zone="Mars/Olympus")]}, {"sessions": {"0": {"time_zone": ["unknown_field"]}}}),
    ({"time_zone": "Asia/Shanghai"}, {"time_zone": ["unknown_field"]}),
    ({"valid_from": "2026-11-22"}, {"valid_from": ["not_before 2026-11-23"]}),
    ({"valid_from": "2030-01-01"}, {"valid_from": ["too_many_days_ahead 1098"]}),
    ({"valid_from": "2026-11-23T00:00:00+08:00"}, {"valid_from": ["not_a_date"]}),
    ({"valid_from": "2027-02-29"}, {"valid_from": ["not_a_date"]}),
    ({"valid_from": "2026-12-01", "valid_to": "2026-11-30"}, {"valid_to": ["not_before 2026-12-01"]}),
    ({"valid_to": "2199-12-31"}, {"valid_to": ["too_many_days_ahead 1098"]}),
    ({"on_holidays": "sometimes"}, {"on_holidays": ["not_a_choice"]}),
]


@pytest.mark.parametrize(("given", "errors"), WRONG, ids=[str(errors) for _, errors in WRONG])
async def test_a_schedule_that_makes_no_sense_is_refused_by_field_made_or_changed(desk, given, errors):
    made = await desk.made(resource="另一个")
    before = await desk.rows()
    status, answer = await desk.create(**given)
    assert (status, answer["errors"]) == (400, field_sentences(errors, "zh"))
    if given.get("valid_from") != "2026-11-23":
        status, answer = await desk.change(made, **given)
        assert (status, answer["errors"]) == (400, field_sentences(errors, "zh"))
    assert await desk.rows() == before


async def test_schedules_of_one_doctor_that_overlap_are_refused_and_named(desk):
    _, first = await desk.create(valid_to="2026-12-31")
    _, second = await desk.create(valid_from="2027-01-01")
    before = await desk.rows()
    status, answer = await desk.create(valid_from="2026-12-31")
    assert (status, answer["code"], answer["field"]) == (409, "schedule_overlaps", "valid_from")
    assert [row["id"] for row in answer["schedules"]] == [first["id"], second["id"]]
    assert answer["schedules"][0] == {"id": first["id"], "valid_from": "2026-11-23", "valid_to": "2026-12-31"}
    status, answer = await desk.change(first, valid_to=None)
    assert (status, answer["code"], answer["schedules"][0]["id"]) == (409, "schedule_overlaps", second["id"])
    assert await desk.rows() == before
    assert (await desk.create(resource="张医生"))[0] == 201


async def test_two_that_are_made_at_once_do_not_overlap(desk):
    answers = await asyncio.gather(*(desk.create() for _ in range(4)))
    assert sorted(status for status, _ in answers) == [201, 409, 409, 409]
    assert {answer["code"] for status, answer in answers if status == 409} == {"schedule_overlaps"}


async def test_slots_made_by_hand_in_its_way_are_named_and_those_of_the_same_start_stay(desk, conn):
    same = await make.slot(conn, desk.service_id, starts_at=at(24, 8, month=11), public=9)
    crossing = await make.slot(conn, desk.service_id, starts_at=at(25, 8, 10, month=11))
    before = await desk.rows()
    status, answer = await desk.create()
    assert (status, answer["code"], answer["field"], answer["count"]) == (409, "schedule_overlaps_slots", "sessions", 1)
    assert answer["slots"] == [{"id": str(crossing), "starts_at": "2026-11-25T08:10:00+08:00"}]
    assert await desk.rows() == before
    await conn.execute("update slot set state = 'closed', closed_reason = '改排班' where id = $1", crossing)
    made = await desk.made()
    assert await conn.fetchval("select schedule_id from slot where id = $1", same) is None
    _, told = await desk.send("GET", f"{PATH}/{made['id']}/differences?from=2026-11-23&to=2026-11-30")
    assert told == {
        "items": [
            {
                "effect": "left_out",
                "starts_at": "2026-11-24T08:00:00+08:00",
                "ends_at": "2026-11-24T08:30:00+08:00",
                "slot_id": str(same),
                "bookings": 0,
            }
        ],
        "more": False,
    }


async def test_a_repeat_of_making_makes_nothing_more(desk, conn):
    body = {"service_id": str(desk.service_id), "valid_from": "2026-11-23", "sessions": WEEK}
    headers = desk.manager.headers | make.key()
    answers = [await (await desk.client.post(PATH, json=body, headers=headers)).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert await conn.fetchval("select count(*) from schedule") == 1


async def test_only_staff_of_the_provider_see_and_touch_it(desk, conn, app):
    made = await desk.made()
    other = await make.staff(conn, app, Role.MANAGER, provider_id=await make.provider(conn))
    for method, path, body in (
        ("GET", f"{PATH}/{made['id']}", None),
        ("POST", f"{PATH}/{made['id']}/end", {"version": 1}),
        ("GET", f"{PATH}/{made['id']}/differences?from=2026-11-23&to=2026-11-24", None),
    ):
        status, answer = await desk.send(method, path, body, staff=other)
        assert (status, answer["code"]) == (404, "schedule_not_found")


# Changed


async def test_a_change_goes_through_to_the_slots_that_nobody_has_booked(desk, conn):
    made = await desk.made()
    monday = session(1, starts="08:00", ends="10:00", capacity=8)
    status, changed = await desk.change(made, sessions=[monday, *WEEK[2:]])
    assert status == 200, changed
    assert changed["version"] == 2
    assert changed["slots"] == {"made": 6, "reopened": 0, "changed": 6, "withdrawn": 6, "left_out": 0}
    assert "1130 09:30" in await desk.open_slots()
    assert not any(start.startswith(("1124", "1201")) for start in await desk.open_slots())
    pools = await conn.fetch(
        "select channel, capacity from slot_pool join slot on id = slot_id where starts_at = $1 order by 1",
        at(30, 8, month=11),
    )
    assert [tuple(row) for row in pools] == [("assisted", 1), ("counter", 1), ("public", 6)]
    closed = await conn.fetch("select distinct closed_reason, withdrawn from slot where state = 'closed'")
    assert [tuple(row) for row in closed] == [("排班调整", True)]
    assert await conn.fetchval("select count(*) from slot_pool where not open") == 18
    status, back = await desk.change(changed, sessions=WEEK)
    assert back["slots"] == {"made": 0, "reopened": 6, "changed": 6, "withdrawn": 6, "left_out": 0}
    assert (
        await conn.fetchval(
            "select count(*) from slot_pool where open <> (select state = 'open' from slot where id = slot_id)"
        )
        == 0
    )
    assert (await desk.change(changed, sessions=WEEK))[1]["code"] == "changed_meanwhile"


async def test_a_change_that_would_take_somebodys_place_is_refused_whole(desk, conn):
    made = await desk.made()
    await desk.book(at(24, 8, month=11))
    for _ in range(3):
        await desk.book(at(30, 8, month=11))
    before = await desk.rows()
    status, answer = await desk.change(made, sessions=[WEEK[0], *WEEK[2:]])
    assert (status, answer["code"], answer["bookings"], answer["too_small"]) == (409, "change_needs_preview", 1, 0)
    assert answer["slots"] == [
        str(await conn.fetchval("select id from slot where starts_at = $1", at(24, 8, month=11)))
    ]
    status, answer = await desk.change(made, sessions=[session(1, capacity=4), *WEEK[1:]])
    assert (status, answer["code"], answer["bookings"], answer["too_small"]) == (409, "change_needs_preview", 0, 1)
    assert await desk.rows() == before
    assert (await desk.change(made, sessions=[*WEEK[:4], session(5, capacity=4)]))[0] == 200


async def test_a_booking_that_is_being_made_is_waited_for(desk, conn):
    """The pools' locks decide: without them this change would not see the booking."""
    made = await desk.made()
    async with conn.transaction():
        await desk.book(at(24, 8, month=11))
        changing = asyncio.create_task(desk.change(made, sessions=[WEEK[0], *WEEK[2:]]))
        await asyncio.sleep(0.3)
        assert not changing.done()
    status, answer = await changing
    assert (status, answer["code"], answer["bookings"]) == (409, "change_needs_preview", 1)


async def test_changing_generating_and_booking_at_once_leave_what_is_planned(desk, conn, clock):
    made = await desk.made()
    answers = await asyncio.gather(
        desk.change(made, sessions=WEEK[:3]),
        desk.change(made, sessions=WEEK[2:]),
        desk.exception(made),
        generate(conn, NOW),
    )
    assert {answer[0] for answer in answers[:3]} <= {200, 201, 409}
    _, told = await desk.send("GET", f"{PATH}/{made['id']}/differences?from=2026-11-23&to=2026-12-08")
    assert told["items"] == []


async def test_what_staff_closed_by_hand_stays_closed_whatever_the_schedule_does(desk, conn):
    made = await desk.made()
    slot_id = await desk.slot_at(at(25, 8, month=11))
    await desk.send("POST", f"/v1/staff/slots/{slot_id}/close", {"reason": "开会"})
    _, changed = await desk.change(made, sessions=WEEK[:2])
    status, _ = await desk.change(changed, sessions=WEEK)
    row = await conn.fetchrow("select state, closed_reason, schedule_id from slot where id = $1", slot_id)
    assert (status, *row) == (200, "closed", "开会", None)


async def test_what_is_opened_by_hand_again_is_of_whoever_opened_it(desk, conn):
    made = await desk.made()
    _, changed = await desk.change(made, sessions=WEEK[:2])
    slot_id = await desk.slot_at(at(25, 8, month=11))
    assert (await desk.send("POST", f"/v1/staff/slots/{slot_id}/reopen"))[0] == 200
    assert (await desk.change(changed, sessions=WEEK[:1]))[0] == 200
    row = await conn.fetchrow("select state, withdrawn, schedule_id from slot where id = $1", slot_id)
    assert tuple(row) == ("open", False, None)


async def test_a_slot_that_staff_moved_stays_where_they_put_it(desk, conn):
    made = await desk.made()
    slot_id = await desk.slot_at(at(25, 8, month=11))
    moved = {"version": 1, "starts_at": "2026-11-25T07:50:00+08:00", "ends_at": "2026-11-25T08:20:00+08:00"}
    assert (await desk.send("PUT", f"/v1/staff/slots/{slot_id}", moved))[0] == 200
    status, changed = await desk.change(made, sessions=WEEK)
    assert (status, changed["slots"]["left_out"], changed["slots"]["withdrawn"]) == (200, 1, 0)
    assert await conn.fetchval("select state from slot where id = $1", slot_id) == "open"


# Ended


async def test_an_end_on_a_day_withdraws_what_is_later_and_lets_another_follow(desk):
    made = await desk.made()
    status, ended = await desk.send("POST", f"{PATH}/{made['id']}/end", {"version": 1, "last_day": "2026-12-01"})
    assert (status, ended["state"], ended["valid_to"], ended["slots"]["withdrawn"]) == (200, "active", "2026-12-01", 10)
    assert (await desk.open_slots())[-1] == "1201 08:30"
    await desk.made(valid_from="2026-12-02", sessions=[session(3, capacity=9)])
    assert (await desk.open_slots())[-1] == "1202 08:30"


async def test_an_end_at_once_withdraws_everything_to_come(desk):
    made = await desk.made()
    status, ended = await desk.send("POST", f"{PATH}/{made['id']}/end", {"version": 1})
    assert (status, ended["state"]) == (200, "ended")
    assert await desk.open_slots() == []
    assert (await desk.change(made, version=2))[1]["code"] == "schedule_ended"
    assert (await desk.create())[0] == 201


async def test_an_end_waits_for_a_preview_where_somebody_is_booked(desk):
    made = await desk.made()
    await desk.book(at(2, 8))
    before = await desk.rows()
    for body in ({"version": 1}, {"version": 1, "last_day": "2026-12-01"}):
        status, answer = await desk.send("POST", f"{PATH}/{made['id']}/end", body)
        assert (status, answer["code"]) == (409, "change_needs_preview")
    assert await desk.rows() == before
    body = {"version": 1, "last_day": "2026-12-02"}
    assert (await desk.send("POST", f"{PATH}/{made['id']}/end", body))[0] == 200
    body = {"version": 2, "last_day": "2026-11-22"}
    assert (await desk.send("POST", f"{PATH}/{made['id']}/end", body))[1]["errors"].keys() == {"last_day"}


# Exceptions


async def test_a_closed_day_is_closed_for_its_reason_and_opens_when_withdrawn(desk, conn):
    made = await desk.made()
    status, closed = await desk.exception(made)
    assert (status, closed["slots"]["withdrawn"]) == (201, 2)
    row = await conn.fetchrow("select distinct state, closed_reason, withdrawn from slot where day = '2026-11-25'")
    assert tuple(row) == ("closed", "医生外出", True)
    assert (await desk.send("GET", f"{PATH}/{made['id']}"))[1]["exceptions"][0]["id"] == closed["id"]
    path = f"{PATH}/{made['id']}/exceptions/{closed['id']}"
    status, shown = await desk.send("DELETE", path)
    assert (status, shown["slots"]["reopened"], shown["exceptions"]) == (200, 2, [])
    assert await conn.fetchval("select count(*) from slot where state = 'closed'") == 0
    assert (await desk.send("DELETE", path))[1]["code"] == "exception_not_found"


async def test_a_day_to_come_is_otherwise_as_soon_as_its_slots_are_made(desk, conn):
    made = await desk.made()
    sessions = [of_day(starts="14:00", ends="15:00")]
    for kind, day in (("closed", "2026-12-14"), ("changed", "2026-12-15"), ("extra", "2026-12-19")):
        given = {"sessions": [] if kind == "closed" else sessions}
        status, added = await desk.exception(made, kind=kind, to=day, **given, **{"from": day})
        assert (status, added["slots"]["made"]) == (201, 0)
    await generate(conn, at(6, 7))
    later = [start for start in await desk.open_slots() if start > "1213"]
    assert later == [
        *("1215 14:00", "1215 14:30"),
        *(f"12{day} 08:{minute}" for day in (16, 17, 18) for minute in ("00", "30")),
        *("1219 14:00", "1219 14:30"),
        *("1221 08:00", "1221 08:30"),
    ]


async def test_an_exception_that_would_take_somebodys_place_is_refused_whole(desk):
    made = await desk.made()
    await desk.book(at(25, 8, month=11))
    before = await desk.rows()
    status, answer = await desk.exception(made)
    assert (status, answer["code"], answer["bookings"]) == (409, "change_needs_preview", 1)
    assert await desk.rows() == before
    _, extra = await desk.exception(made, kind="extra", sessions=[of_day(starts="14:00", ends="15:00")])
    await desk.book(at(25, 14, month=11))
    status, answer = await desk.send("DELETE", f"{PATH}/{made['id']}/exceptions/{extra['id']}")
    assert (status, answer["code"]) == (409, "change_needs_preview")


WRONG_EXCEPTIONS = [
    ({"from": "2026-11-22"}, {"from": ["not_before 2026-11-23"]}),
    ({"from": "2026-11-26"}, {"to": ["not_before 2026-11-26"]}),
    ({"to": "2027-12-31"}, {"to": ["too_many_days 366"]}),
    ({"to": "2027-02-01"}, {"to": ["not_after 2027-01-31"]}),
    ({"sessions": [of_day()]}, {"sessions": ["closed_has_no_sessions"]}),
    ({"kind": "changed"}, {"sessions": ["required"]}),
    ({"kind": "extra", "sessions": [of_day(assisted=9)]}, {"sessions": {"0": {"assisted": ["not_more_than 5"]}}}),
    ({"kind": "extra", "sessions": [session()]}, {"sessions": {"0": {"weekday": ["unknown_field"]}}}),
    (
        {"kind": "extra", "sessions": [of_day(starts="14:00", ends="15:00"), of_day(starts="14:30", ends="16:00")]},
        {"sessions": {"1": {"starts": ["overlaps_session 14:00–15:00"]}}},
    ),
    ({"kind": "half"}, {"kind": ["not_a_choice"]}),
    ({"reason": ""}, {"reason": ["too_short 1"]}),
]


@pytest.mark.parametrize(("given", "errors"), WRONG_EXCEPTIONS, ids=[str(errors) for _, errors in WRONG_EXCEPTIONS])
async def test_an_exception_that_makes_no_sense_is_refused_by_field(desk, given, errors):
    made = await desk.made(valid_to="2027-01-31")
    before = await desk.rows()
    status, answer = await desk.exception(made, **given)
    assert (status, answer["errors"]) == (400, field_sentences(errors, "zh"))
    assert await desk.rows() == before


async def test_exceptions_of_a_kind_do_not_overlap_and_extras_overlap_nothing(desk):
    made = await desk.made()
    _, first = await desk.exception(made)
    before = await desk.rows()
    status, answer = await desk.exception(made, to="2026-11-27")
    assert (status, answer["code"], answer["field"]) == (409, "exception_overlaps", "from")
    assert answer["exceptions"] == [{"id": first["id"], "from": "2026-11-25", "to": "2026-11-25"}]
    days = {"from": "2026-11-24", "to": "2026-11-28"}
    sessions = [of_day(starts="08:30", ends="10:00")]
    status, answer = await desk.exception(made, kind="extra", sessions=sessions, **days)
    assert (status, answer["code"], answer["field"], answer["days"]) == (409, "extra_overlaps", "sessions", 3)
    assert answer["clashes"][0] | {"exception_id": None} == {
        "day": "2026-11-24",
        "exception_id": None,
        "extra": "08:30–10:00",
        "session": "08:00–09:00",
    }
    assert await desk.rows() == before


async def test_a_template_may_not_grow_into_an_extra_session(desk):
    made = await desk.made()
    await desk.exception(made, kind="extra", sessions=[of_day(starts="09:00", ends="10:00")])
    before = await desk.rows()
    status, answer = await desk.change(made, sessions=[session(day, ends="09:30") for day in range(1, 6)])
    assert (status, answer["code"]) == (409, "extra_overlaps")
    assert await desk.rows() == before


async def test_slots_that_are_opened_again_are_first_for_who_waits(desk, conn, app):
    made = await desk.made()
    _, closed = await desk.exception(made)
    resident = await make.resident(conn, app)
    await make.waiting(conn, desk.service_id, resident, first=date(2026, 11, 25), last=date(2026, 11, 25))
    await desk.send("DELETE", f"{PATH}/{made['id']}/exceptions/{closed['id']}")
    kept = await conn.fetch("select day, channel, cause from place_kept_back join slot on slot.id = slot_id")
    assert {tuple(row) for row in kept} == {(date(2026, 11, 25), "public", "added")}
    assert await conn.fetchval("select sum(taken) from slot_pool") == len(kept)
