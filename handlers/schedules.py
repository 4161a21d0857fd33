from __future__ import annotations

from typing import TYPE_CHECKING

from domain import schedules
from handlers.operation import operation
from handlers.plain import changing, creating, listing, showing
from handlers.request import (
    context,
    create_once,
    path_id,
    read_body,
    read_query,
    reply,
    transaction,
)
from schemas.schedules import (
    DifferenceQuery,
    Differences,
    ExceptionAdded,
    ExceptionCreate,
    Schedule,
    ScheduleChange,
    ScheduleChanged,
    ScheduleCreate,
    ScheduleEnd,
    ScheduleQuery,
    shown,
)

if TYPE_CHECKING:
    from aiohttp import web


list_of_service = listing(
    schedules.list_of_service, ScheduleQuery, Schedule, "List a service's schedules with their exceptions."
)
show = showing(schedules.show, Schedule, "Show one schedule with its exceptions.")
create = creating(
    schedules.create,
    schedules.show,
    ScheduleCreate,
    Schedule,
    "Make a schedule; its slots are made within a minute, and each day from then on.",
)
change = changing(
    schedules.change,
    ScheduleChange,
    ScheduleChanged,
    "Change a schedule and its slots to come; refused where bookings would lose their place.",
)


@operation(body=ScheduleEnd, reply=ScheduleChanged)
async def end(request: web.Request) -> web.Response:
    """Let a schedule hold until a day, or no longer; refused where bookings would lose their place."""
    body = await read_body(request, ScheduleEnd)
    async with transaction(request) as conn:
        ended = await schedules.end(conn, context(request), path_id(request), **body)
    return reply(ScheduleChanged, ended)


@operation(query=DifferenceQuery, reply=Differences)
async def differences(request: web.Request) -> web.Response:
    """Show where the slots of some days are not as planned: still to be made, or left out and why."""
    query = read_query(request, DifferenceQuery)
    async with transaction(request) as conn:
        found, more = await schedules.differences(conn, context(request), path_id(request), **query)
    return reply(Differences, {"items": shown(found), "more": more})


@operation(body=ExceptionCreate, reply=ExceptionAdded, status=201, creates=True)
async def add_exception(request: web.Request) -> web.Response:
    """Close some days of a schedule, change them or add to them; refused where bookings would lose their place."""
    body, ctx, schedule_id = await read_body(request, ExceptionCreate), context(request), path_id(request)
    async with transaction(request) as conn:
        made = await create_once(
            request,
            conn,
            body,
            lambda: schedules.add_exception(conn, ctx, schedule_id, body),
            lambda known: schedules.show_exception(conn, ctx, known),
        )
    return reply(ExceptionAdded, made, 201)


@operation(reply=ScheduleChanged)
async def withdraw_exception(request: web.Request) -> web.Response:
    """Take an exception back; refused where bookings would lose their place."""
    schedule_id, exception_id = path_id(request), path_id(request, "exception_id")
    async with transaction(request) as conn:
        changed = await schedules.withdraw_exception(conn, context(request), schedule_id, exception_id)
    return reply(ScheduleChanged, changed)
