from __future__ import annotations

from aiohttp import web

from domain import booking_calendar
from handlers.operation import operation
from handlers.request import connection, context, path_id
from schemas.booking_calendar import calendar

HEADERS = {"Content-Disposition": 'inline; filename="booking.ics"', "X-Content-Type-Options": "nosniff"}


@operation(media_type="text/calendar")
async def show(request: web.Request) -> web.Response:
    """Show a booking as an event for the telephone's calendar (iCalendar); a cancelled one takes it out again."""
    ctx = context(request)
    async with connection(request) as conn:
        event = await booking_calendar.event(conn, ctx, path_id(request))
    return web.Response(body=calendar(event, ctx.now), content_type="text/calendar", charset="utf-8", headers=HEADERS)
