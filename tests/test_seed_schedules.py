"""The demo's schedules go on where its first slots end, and are sound by the rules for staff."""

from __future__ import annotations

from datetime import timedelta

from domain import schedule_rules
from domain.identifiers import new_id
from domain.schedule_generation import generate
from domain.vocabulary import local_day
from server.seed import data, seed
from server.seed.schedules import template


async def test_each_service_gets_one_schedule_that_goes_on_where_its_slots_end(conn, vault, clock):
    await seed(conn, vault, clock.now)
    last_before = await conn.fetchval("select max(day) from slot")
    assert await conn.fetchval("select count(*) from schedule") == await conn.fetchval("select count(*) from service")
    assert not any((await generate(conn, clock.now)).values())
    await generate(conn, clock.now + timedelta(days=7))
    assert await conn.fetchval("select max(day) from slot") > last_before
    overlapping = """select count(*) from slot join slot as other
                         on other.service_id = slot.service_id and other.resource = slot.resource
                        and other.id <> slot.id and other.starts_at < slot.ends_at and slot.starts_at < other.ends_at"""
    assert await conn.fetchval(overlapping) == 0


def test_all_opening_hours_are_schedules_that_staff_could_make(clock):
    for hours in data.read("hours").values():
        schedule_rules.check_template(template(new_id(), hours, clock.now), local_day(clock.now))
