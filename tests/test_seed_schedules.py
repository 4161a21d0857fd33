"""The demo's schedules go on where its first slots end, and are sound by the rules for staff."""

from __future__ import annotations

from datetime import timedelta

from domain import schedule_rules
from domain.identifiers import new_id
from domain.schedule_generation import generate
from domain.vocabulary import local_day
from server.seed import data, seed
from server.seed.schedules import _template, add_schedules


async def test_each_service_gets_one_schedule_that_goes_on_where_its_slots_end(conn, vault, clock):
    await seed(conn, vault, clock.now)
    async with conn.transaction():
        added = await add_schedules(conn, clock.now)
        assert added == await conn.fetchval("select count(*) from service")
        assert await add_schedules(conn, clock.now) == 0
    last_before = await conn.fetchval("select max(day) from slot")
    to_come = "select count(*) from slot where day > $1 and schedule_id is null"
    before = await conn.fetchval(to_come, local_day(clock.now))
    done = await generate(conn, clock.now)
    assert done["schedules"] == added
    assert await conn.fetchval(to_come, local_day(clock.now)) == before
    await generate(conn, clock.now + timedelta(days=7))
    assert await conn.fetchval("select max(day) from slot") > last_before
    overlapping = """select count(*) from slot join slot as other
                         on other.service_id = slot.service_id and other.resource = slot.resource
                        and other.id <> slot.id and other.starts_at < slot.ends_at and slot.starts_at < other.ends_at"""
    assert await conn.fetchval(overlapping) == 0


def test_all_opening_hours_are_schedules_that_staff_could_make(clock):
    for hours in data.read("hours"):
        schedule_rules.check_template(_template(new_id(), hours, clock.now), local_day(clock.now))
