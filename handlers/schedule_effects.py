from __future__ import annotations

from typing import TYPE_CHECKING

from domain import schedule_effects
from handlers.operation import operation
from handlers.request import context, create_once, path_id, read_body, reply, transaction
from schemas.schedule_effects import ScheduleApplied, ScheduleDecided, ScheduleEffect, ScheduleWish

if TYPE_CHECKING:
    from aiohttp import web


@operation(body=ScheduleWish, reply=ScheduleEffect)
async def preview(request: web.Request) -> web.Response:
    """Show what a change of a schedule, or an exception, would do to slots and bookings; nothing is changed."""
    body = await read_body(request, ScheduleWish)
    async with transaction(request) as conn:
        seen = await schedule_effects.preview(conn, context(request), path_id(request), body)
    return reply(ScheduleEffect, seen)


@operation(body=ScheduleDecided, reply=ScheduleApplied, status=201, creates=True)
async def apply(request: web.Request) -> web.Response:
    """Change a schedule, and do with the bookings what was decided: exactly what was previewed, or nothing."""
    body, ctx, schedule_id = await read_body(request, ScheduleDecided), context(request), path_id(request)
    async with transaction(request) as conn:
        applied = await create_once(
            request,
            conn,
            body,
            lambda: schedule_effects.apply(conn, ctx, schedule_id, body),
            lambda known: schedule_effects.show_applied(conn, ctx, known),
        )
    return reply(ScheduleApplied, applied, 201)
