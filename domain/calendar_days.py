"""Holidays and make-up workdays: what the library of holidays knows, and over it what staff know better.

The library has the make-up workdays of a year only from its first release after the State Council's notice,
and says nothing before: so a year counts as known once staff have confirmed it.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from holidays.countries.china import China

import sql
from domain.schedule_plan import CalendarDay
from domain.vocabulary import DayKind, DaySource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

SATURDAY, SUNDAY = 6, 7
MAKE_UP = "补班"
BETWEEN = "连休"


class Known(NamedTuple):
    """A day as it will be used, and who says so."""

    day: date
    kind: DayKind
    follows_weekday: int | None
    name: str
    source: DaySource
    set_by: UUID | None
    set_at: datetime | None


async def calendar(conn: Connection, first: date, last: date) -> Mapping[date, CalendarDay]:
    """Return the days of a range that are not what their weekday says."""
    return {each.day: CalendarDay(each.kind, each.follows_weekday) for each in await known(conn, first, last)}


async def known(conn: Connection, first: date, last: date) -> list[Known]:
    """Return the special days of a range in order, staff's word before the library's."""
    found = {
        day: each
        for year in range(first.year, last.year + 1)
        for day, each in of_library(year).items()
        if first <= day <= last
    }
    for row in await sql.calendar_days.overrides(conn, first=first, last=last):
        found[row["day"]] = Known(**(dict(row) | {"kind": DayKind(row["kind"]), "source": DaySource.STAFF}))
    return [found[day] for day in sorted(found)]


@lru_cache(maxsize=64)
def of_library(year: int) -> Mapping[date, Known]:
    """Return the holidays and make-up workdays of a year.

    The official notice counts the weekend that touches a holiday as part of it; the library names only the
    days that would else be workdays. A notice may make up for a holiday on a day of the year before.
    """
    china = China(years=(year - 1, year, year + 1), language="zh_CN")  # type: ignore[no-untyped-call]  # the library has no types
    workdays = china.weekend_workdays
    names = {day: name for day, name in china.items() if day not in workdays}
    for day in sorted(names):
        for step in (timedelta(days=-1), timedelta(days=1)):
            beside = day + step
            while beside.isoweekday() in {SATURDAY, SUNDAY} and beside not in workdays and beside not in names:
                names[beside] = BETWEEN
                beside += step
    found = {day: (DayKind.HOLIDAY, name) for day, name in names.items()}
    found |= dict.fromkeys(workdays, (DayKind.WORKDAY, MAKE_UP))
    return {
        day: Known(day, kind, None, name, DaySource.LIBRARY, None, None)
        for day, (kind, name) in found.items()
        if day.year == year
    }
