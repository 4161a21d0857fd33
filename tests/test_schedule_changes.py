"""What a change does to the slots that stand is told exactly: each slot once, nothing that stays as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from domain import schedule_templates
from domain.schedule_changes import Pool, planned_difference
from domain.schedule_plan import CalendarDay, ExceptionDays, Session
from domain.vocabulary import LOCAL_ZONE, Channel, DayKind, ExceptionKind, SlotEffect
from tests import make

MONDAY, FRIDAY = date(2026, 11, 30), date(2026, 12, 4)
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=LOCAL_ZONE)
MORNINGS = {day: [("08:00", "09:00", 30, 5)] for day in range(1, 6)}


def at(day, hour, minute=0):
    return datetime(2026, 11, 30, hour, minute, tzinfo=LOCAL_ZONE).replace(month=11 if day == 30 else 12, day=day)


@pytest.fixture
async def clinic(conn):
    """A service with a schedule of two slots each weekday, of five places; no slots yet."""
    service_id = await make.service(conn)
    schedule_id = await make.schedule(conn, service_id, MORNINGS, kept=(1, 1))
    return Clinic(conn, service_id, schedule_id)


class Clinic:
    def __init__(self, conn, service_id, schedule_id):
        self.conn, self.service_id, self.schedule_id = conn, service_id, schedule_id

    async def slot(self, starts_at, *, by_hand=False, withdrawn=False, **more):
        given = {"public": 3, "assisted": 1, "counter": 1, "starts_at": starts_at} | more
        if withdrawn:
            given["state"] = "closed"
        slot_id = await make.slot(self.conn, self.service_id, **given)
        await self.conn.execute(
            "update slot set schedule_id = $2, withdrawn = $3 where id = $1",
            slot_id,
            None if by_hand else self.schedule_id,
            withdrawn,
        )
        return slot_id

    async def all_slots(self):
        return [await self.slot(at(day, 8, minute)) for day in (30, 1, 2, 3, 4) for minute in (0, 30)]

    async def template(self):
        (template,) = await schedule_templates.active(self.conn, self.service_id, "")
        return template

    async def difference(self, *templates, calendar=None, days=(MONDAY, FRIDAY), now=NOW):
        async with self.conn.transaction(readonly=True):
            given = templates or [await self.template()]
            found = planned_difference(self.conn, self.service_id, "", given, calendar or {}, days, now)
            return [each async for each in found]


def told(differences):
    return [
        (each.effect.value, (each.planned or each.standing).starts_at.astimezone(LOCAL_ZONE).strftime("%d %H:%M"))
        for each in differences
    ]


async def test_where_nothing_stands_everything_planned_is_made(clinic):
    found = await clinic.difference()
    assert told(found)[:3] == [("made", "30 08:00"), ("made", "30 08:30"), ("made", "01 08:00")]
    assert len(found) == 10
    assert found[0].pools == {"public": Pool(3, 0, 0), "assisted": Pool(1, 0, 0), "counter": Pool(1, 0, 0)}
    assert {each.orphans for each in found} == {False}


async def test_where_everything_stands_nothing_differs(clinic):
    await clinic.all_slots()
    assert await clinic.difference() == []


async def test_a_closed_day_withdraws_its_slots_and_only_those(clinic):
    await clinic.all_slots()
    closed = ExceptionDays(ExceptionKind.CLOSED, date(2026, 12, 2), date(2026, 12, 2))
    template = await clinic.template()
    found = await clinic.difference(replace(template, exceptions=(closed,)))
    assert told(found) == [("withdrawn", "02 08:00"), ("withdrawn", "02 08:30")]
    assert [each.orphans for each in found] == [False, False]


async def test_bookings_and_offers_on_a_withdrawn_slot_are_told(clinic, conn, app):
    slots = await clinic.all_slots()
    resident = await make.resident(conn, app)
    await make.booking(conn, slots[4], resident)
    await make.booking(conn, slots[5], await make.resident(conn, app), status="cancelled")
    holiday = {date(2026, 12, 2): CalendarDay(DayKind.HOLIDAY)}
    found = await clinic.difference(calendar=holiday)
    assert [(each.standing.id, each.standing.bookings, each.orphans) for each in found] == [
        (slots[4], 1, True),
        (slots[5], 0, False),
    ]
    entry_of = await make.booking(conn, slots[0], resident)
    await conn.execute("update slot_pool set taken = taken + 1, issued = issued + 1 where slot_id = $1", slots[5])
    await conn.execute(
        """insert into place_offer (id, slot_id, channel, places, booking_id, created_at, expires_at)
           values (gen_random_uuid(), $1, 'public', 1, $2, $3, $3)""",
        slots[5],
        entry_of,
        NOW,
    )
    found = await clinic.difference(calendar=holiday)
    assert (found[1].standing.offers, found[1].orphans) == (1, True)


async def test_an_ended_schedule_withdraws_all_that_is_to_come(clinic):
    await clinic.all_slots()
    await clinic.conn.execute("update schedule set state = 'ended'")
    async with clinic.conn.transaction():
        found = [
            each
            async for each in planned_difference(
                clinic.conn, clinic.service_id, "", [], {}, (MONDAY, FRIDAY), at(2, 8, 10)
            )
        ]
    assert told(found) == [
        ("withdrawn", "02 08:30"),
        ("withdrawn", "03 08:00"),
        ("withdrawn", "03 08:30"),
        ("withdrawn", "04 08:00"),
        ("withdrawn", "04 08:30"),
    ]


async def test_what_was_withdrawn_and_is_planned_again_is_opened_again(clinic):
    await clinic.slot(at(30, 8), withdrawn=True)
    found = await clinic.difference(days=(MONDAY, MONDAY))
    assert told(found) == [("reopened", "30 08:00"), ("made", "30 08:30")]


async def test_other_places_change_the_pools_and_too_few_are_told(clinic, conn, app):
    slots = await clinic.all_slots()
    for _ in range(3):
        await make.booking(conn, slots[0], await make.resident(conn, app))
    template = await clinic.template()
    monday = tuple(replace(session, capacity=3, assisted=0) for session in template.sessions[1])
    found = await clinic.difference(replace(template, sessions={**template.sessions, 1: monday}))
    assert told(found) == [("changed", "30 08:00"), ("changed", "30 08:30")]
    first, second = found
    assert first.pools == {"public": Pool(2, 3, 0), "assisted": Pool(0, 0, 0), "counter": Pool(1, 0, 0)}
    assert (first.too_few, first.orphans) == ({Channel.PUBLIC: Pool(2, 3, 0)}, True)
    assert (second.too_few, second.orphans) == ({}, False)


async def test_places_that_fell_back_to_public_are_counted_where_they_were_planned(clinic, conn):
    slots = await clinic.all_slots()
    await conn.execute(
        "update slot_pool set capacity = 0, fallen_back = 1 where slot_id = $1 and channel = 'assisted'", slots[0]
    )
    await conn.execute("update slot_pool set capacity = 4 where slot_id = $1 and channel = 'public'", slots[0])
    assert await clinic.difference() == []
    template = await clinic.template()
    more = tuple(replace(session, capacity=7, assisted=2) for session in template.sessions[1])
    (first, _) = await clinic.difference(replace(template, sessions={**template.sessions, 1: more}))
    assert first.pools == {"public": Pool(5, 0, 0), "assisted": Pool(1, 0, 1), "counter": Pool(1, 0, 0)}


async def test_other_lengths_keep_the_slots_of_the_same_start_and_withdraw_the_others(clinic):
    await clinic.all_slots()
    template = await clinic.template()
    monday = (replace(template.sessions[1][0], slot_minutes=20),)
    found = await clinic.difference(replace(template, sessions={**template.sessions, 1: monday}))
    assert sorted(told(found)) == [
        ("changed", "30 08:00"),
        ("made", "30 08:20"),
        ("made", "30 08:40"),
        ("withdrawn", "30 08:30"),
    ]
    changed = next(each for each in found if each.effect is SlotEffect.CHANGED)
    assert changed.planned.ends_at == at(30, 8, 20)


async def test_slots_made_by_hand_stay_and_nothing_is_made_over_them(clinic):
    same = await clinic.slot(at(30, 8), by_hand=True, public=9)
    crossing = await clinic.slot(at(1, 8, 20), by_hand=True)
    await clinic.slot(at(2, 8, 20), by_hand=True, state="closed")
    apart = await clinic.slot(at(3, 10), by_hand=True)
    found = await clinic.difference()
    left_out = [(each.standing.id, each.planned.starts_at) for each in found if each.effect is SlotEffect.LEFT_OUT]
    assert left_out == [(same, at(30, 8)), (crossing, at(1, 8)), (crossing, at(1, 8, 30))]
    assert apart not in {each.standing.id for each in found if each.standing}
    assert sum(each.effect is SlotEffect.MADE for each in found) == 7


async def test_a_slot_by_hand_from_the_day_before_is_seen(clinic):
    await clinic.slot(at(30, 20), by_hand=True, minutes=12 * 60 + 15)
    found = await clinic.difference(days=(date(2026, 12, 1), date(2026, 12, 1)))
    assert told(found) == [("left_out", "01 08:00"), ("made", "01 08:30")]


async def test_what_has_begun_is_left_alone_and_nothing_is_made_over_it(clinic):
    await clinic.all_slots()
    template = await clinic.template()
    monday = (replace(template.sessions[1][0], slot_minutes=20),)
    changed = replace(template, sessions={**template.sessions, 1: monday})
    found = await clinic.difference(changed, days=(MONDAY, MONDAY), now=at(30, 8, 10))
    assert told(found) == [("left_out", "30 08:20"), ("withdrawn", "30 08:30"), ("made", "30 08:40")]


async def test_slots_of_other_doctors_are_none_of_its_business(clinic):
    await clinic.all_slots()
    await clinic.slot(at(30, 9), resource="2 号窗口")
    assert await clinic.difference() == []


async def test_another_schedule_takes_over_the_slots_that_it_plans_too(clinic, conn):
    slots = await clinic.all_slots()
    await conn.execute("update schedule set valid_to = '2026-12-02'")
    following = await make.schedule(conn, clinic.service_id, MORNINGS, valid_from=date(2026, 12, 3), kept=(1, 1))
    templates = await schedule_templates.active(conn, clinic.service_id, "")
    found = await clinic.difference(*templates)
    assert [(each.effect, each.standing.id, each.planned.schedule_id) for each in found] == [
        ("changed", slot_id, following) for slot_id in slots[6:]
    ]


async def test_sessions_and_exceptions_are_read_as_they_were_written(clinic, conn, app):
    staff = await make.staff(conn, app)
    for kind, withdrawn_at in (("extra", None), ("changed", NOW)):
        await conn.execute(
            """with made as (
                   insert into schedule_exception
                   values (gen_random_uuid(), $1, $2, '2026-12-05', '2026-12-06', '加号', $3, $4, $5) returning id)
               insert into schedule_exception_session select id, '09:30', '10:00', 10, 4, 1, 0 from made""",
            clinic.schedule_id,
            kind,
            staff.account_id,
            NOW,
            withdrawn_at,
        )
    template = await clinic.template()
    assert template.sessions[1] == (Session(at(30, 8).time(), at(30, 9).time(), 30, 5, 1, 1),)
    (extra,) = template.exceptions
    assert (extra.kind, extra.first_day, extra.last_day) == (ExceptionKind.EXTRA, date(2026, 12, 5), date(2026, 12, 6))
    assert extra.sessions == (Session(at(30, 9, 30).time(), at(30, 10).time(), 10, 4, 1, 0),)
    found = await clinic.difference(days=(date(2026, 12, 5), date(2026, 12, 6)))
    assert len(found) == 6
