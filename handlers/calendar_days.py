from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from domain import calendar_changes
from domain.errors import NotFound
from handlers.operation import operation
from handlers.request import connection, context, read_body, reply, transaction
from schemas.calendar_days import CalendarDayChanged, CalendarDaySet, CalendarYear
from schemas.fields import FIRST_YEAR, LAST_YEAR

if TYPE_CHECKING:
    from aiohttp import web


@operation(reply=CalendarYear)
async def show_year(request: web.Request) -> web.Response:
    """Show a year's holidays and make-up workdays as they will be used, and where each comes from."""
    year = path_year(request)
    async with connection(request) as conn:
        return reply(CalendarYear, await calendar_changes.show_year(conn, context(request), year))


@operation(reply=CalendarYear)
async def confirm_year(request: web.Request) -> web.Response:
    """Confirm that a year's days are those of the official notice."""
    year = path_year(request)
    async with transaction(request) as conn:
        return reply(CalendarYear, await calendar_changes.confirm_year(conn, context(request), year))


@operation(body=CalendarDaySet, reply=CalendarDayChanged)
async def set_day(request: web.Request) -> web.Response:
    """Make a day a holiday or a workday for every schedule; refused where bookings would lose their place."""
    day, body = path_day(request), await read_body(request, CalendarDaySet)
    async with transaction(request) as conn:
        changed = await calendar_changes.set_day(conn, context(request), day, body)
    return reply(CalendarDayChanged, changed)


@operation(reply=CalendarDayChanged)
async def unset_day(request: web.Request) -> web.Response:
    """Forget what staff said of a day; refused where bookings would lose their place."""
    day = path_day(request)
    async with transaction(request) as conn:
        return reply(CalendarDayChanged, await calendar_changes.unset_day(conn, context(request), day))


def path_year(request: web.Request) -> int:
    text = request.match_info["year"]
    if not (text.isascii() and text.isdecimal() and FIRST_YEAR <= int(text[:5]) <= LAST_YEAR):
        raise NotFound("not_found")
    return int(text)


def path_day(request: web.Request) -> date:
    text = request.match_info["day"]
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise NotFound("not_found") from None
    if str(day) != text or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise NotFound("not_found")
    return day
