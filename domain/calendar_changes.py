"""What staff set of the calendar: a day off, a make-up workday, a year compared with the official notice.

A day changes at once for every schedule that has slots on it already; where bookings would lose their place it is
refused until the schedules concerned have dealt with that day (an exception, with a preview).
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, calendar_days, places, policies, schedule_templates
from domain.calendar_days import Known, known
from domain.errors import Invalid, NotFound
from domain.permissions import require_signed_in, require_staff_everywhere, require_staff_somewhere
from domain.schedule_changes import planned_difference
from domain.schedule_slots import carry_out, lock_pools, refuse_orphans
from domain.schedules import WITHDRAWN_REASON
from domain.vocabulary import ADMINS, CLERKS, MAX_SCHEDULE_DAYS_AHEAD, DayKind, SlotEffect, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.schedule_changes import Difference


async def show_year(conn: Connection, ctx: Context, year: int) -> Mapping[str, Any]:
    """Return a year's special days as they will be used, and whether staff have confirmed them."""
    await require_staff_somewhere(conn, ctx, *CLERKS)
    return await _year(conn, year)


async def _year(conn: Connection, year: int) -> Mapping[str, Any]:
    confirmed = await sql.calendar_days.confirmed(conn, year=year)
    days = await known(conn, date(year, 1, 1), date(year, 12, 31))
    return {
        "year": year,
        "confirmed_at": confirmed and confirmed["confirmed_at"],
        "confirmed_by": confirmed and confirmed["confirmed_by"],
        "days": [each._asdict() for each in days],
    }


async def set_day(conn: Connection, ctx: Context, day: date, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Say what a day is, whatever the library says; schedules follow at once."""
    await require_staff_everywhere(conn, ctx, *ADMINS)
    _check_day(ctx, day)
    if given["follows_weekday"] is not None and given["kind"] != DayKind.WORKDAY:
        raise Invalid("invalid_input", errors={"follows_weekday": ["only_of_workdays"]})
    await policies.take(conn)  # a day of the calendar is everybody's: nobody makes or changes slots meanwhile
    await sql.calendar_days.set_day(conn, day=day, account_id=require_signed_in(ctx).account_id, now=ctx.now, **given)
    slots = await _follow(conn, day, ctx.now)
    facts = {"kind": given["kind"], "follows_weekday": given["follows_weekday"]}
    await audit.record(conn, ctx, "calendar.day_set", None, day=day, **facts, **slots)
    return {**await _shown(conn, day), "slots": slots}


async def unset_day(conn: Connection, ctx: Context, day: date) -> Mapping[str, Any]:
    """Forget what staff said of a day: the library counts again."""
    await require_staff_everywhere(conn, ctx, *ADMINS)
    _check_day(ctx, day)
    await policies.take(conn)  # a day of the calendar is everybody's: nobody makes or changes slots meanwhile
    if await sql.calendar_days.unset_day(conn, day=day) is None:
        raise NotFound("calendar_day_not_set")
    slots = await _follow(conn, day, ctx.now)
    await audit.record(conn, ctx, "calendar.day_unset", None, day=day, **slots)
    return {**await _shown(conn, day), "slots": slots}


async def confirm_year(conn: Connection, ctx: Context, year: int) -> Mapping[str, Any]:
    """Note that somebody has compared a year's days with the official notice."""
    await require_staff_everywhere(conn, ctx, *ADMINS)
    await sql.calendar_days.confirm_year(conn, year=year, account_id=require_signed_in(ctx).account_id, now=ctx.now)
    await audit.record(conn, ctx, "calendar.year_confirmed", None, year=year)
    return await _year(conn, year)


async def unconfirmed_years(conn: Connection, now: datetime) -> list[int]:
    """Return the years in which schedules have slots to come though nobody has confirmed their holidays.

    Asks no permission: for the staff's figures.
    """
    rows = await sql.calendar_days.unconfirmed_years(conn, today=local_day(now))
    return [row["year"] for row in rows]


def _check_day(ctx: Context, day: date) -> None:
    today = local_day(ctx.now)
    if day < today:
        raise Invalid("invalid_input", errors={"day": [f"not_before {today}"]})
    if (day - today).days > MAX_SCHEDULE_DAYS_AHEAD:
        raise Invalid("invalid_input", errors={"day": [f"too_many_days_ahead {MAX_SCHEDULE_DAYS_AHEAD}"]})


async def _shown(conn: Connection, day: date) -> Mapping[str, Any]:
    """Show a day as it is used from now on; an ordinary one is neither holiday nor make-up workday."""
    found: list[Known] = await known(conn, day, day)
    ordinary = {**dict.fromkeys(Known._fields), "day": day, "name": ""}
    return found[0]._asdict() if found else ordinary


async def _follow(conn: Connection, day: date, now: datetime) -> Mapping[str, int]:
    """Bring the slots of a day to what all schedules plan under the calendar as it is now."""
    calendar = await calendar_days.calendar(conn, day, day)
    found: dict[tuple[UUID, str], list[Difference]] = {}
    for scope in await sql.schedules.scopes_on(conn, day=day):
        service_id, resource = scope["service_id"], scope["resource"]
        templates = await schedule_templates.active(conn, service_id, resource)
        each = planned_difference(conn, service_id, resource, templates, calendar, (day, day), now)
        found[service_id, resource] = [difference async for difference in each]
    await _lock_and_refuse_orphans(conn, found)
    totals = {"made": 0, "reopened": 0, "changed": 0, "withdrawn": 0, "left_out": 0}
    for (service_id, resource), differences in found.items():
        counts = await carry_out(conn, service_id, resource, differences, WITHDRAWN_REASON, now)
        totals = {name: totals[name] + count for name, count in counts._asdict().items()}
    return totals


async def _lock_and_refuse_orphans(conn: Connection, found: Mapping[tuple[UUID, str], list[Difference]]) -> None:
    """Take the queues and pools of all schedules in the order of everybody, before the first slot is touched."""
    differences = [each for of_scope in found.values() for each in of_scope]
    await places.hold_queues(conn, sorted({service_id for service_id, _ in found}))
    await lock_pools(conn, [each.standing.id for each in differences if each.standing])
    withdrawn = [each for each in differences if each.effect is SlotEffect.WITHDRAWN]
    rest = [each for each in differences if each.effect in {SlotEffect.REOPENED, SlotEffect.CHANGED}]
    await refuse_orphans(conn, [each.standing.id for each in withdrawn if each.standing], rest)
