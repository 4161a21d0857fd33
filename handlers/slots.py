from __future__ import annotations

from typing import TYPE_CHECKING

from domain import slots
from handlers.operation import operation
from handlers.request import (
    connection,
    context,
    create_once,
    page,
    path_id,
    read_body,
    read_query,
    reply,
    transaction,
)
from schemas.fields import cursor_at
from schemas.slots import (
    CloseSlot,
    CloseSpan,
    Pattern,
    PatternCreate,
    SlotChange,
    SlotClosed,
    SlotCreate,
    SlotQuery,
    SlotSpan,
    SpanClosed,
    SpanReopened,
    StaffSlot,
)

if TYPE_CHECKING:
    from aiohttp import web


@operation(query=SlotQuery, reply=StaffSlot)
async def list_of_service(request: web.Request) -> web.Response:
    """List a service's slots of a range of days, with what is taken."""
    query = read_query(request, SlotQuery)
    async with connection(request) as conn:
        found = await slots.list_of_service(conn, context(request), **query)
    return page(StaffSlot, found, query["limit"], cursor_at)


@operation(reply=StaffSlot)
async def show(request: web.Request) -> web.Response:
    """Show one slot, with what is taken."""
    async with connection(request) as conn:
        return reply(StaffSlot, await slots.show(conn, context(request), path_id(request)))


@operation(body=SlotCreate, reply=StaffSlot, status=201, creates=True)
async def create(request: web.Request) -> web.Response:
    """Make one slot."""
    body, ctx = await read_body(request, SlotCreate), context(request)
    async with transaction(request) as conn:
        made = await create_once(
            request,
            conn,
            body,
            lambda: slots.create(conn, ctx, body),
            lambda known: slots.show(conn, ctx, known),
        )
    return reply(StaffSlot, made, 201)


@operation(body=PatternCreate, reply=Pattern)
async def create_pattern(request: web.Request) -> web.Response:
    """Make the slots of a weekly pattern; repeated, it makes only what is missing."""
    body = await read_body(request, PatternCreate)
    async with transaction(request) as conn:
        counts = await slots.create_pattern(conn, context(request), body)
    return reply(Pattern, counts)


@operation(body=SlotChange, reply=StaffSlot)
async def change(request: web.Request) -> web.Response:
    """Change a slot's places, and its times while nobody ever booked it."""
    body = await read_body(request, SlotChange)
    async with transaction(request) as conn:
        changed = await slots.change(conn, context(request), path_id(request), body)
    return reply(StaffSlot, changed)


@operation(body=CloseSlot, reply=SlotClosed)
async def close(request: web.Request) -> web.Response:
    """Close a slot for new bookings, and name those that stand on it."""
    body = await read_body(request, CloseSlot)
    async with transaction(request) as conn:
        slot, closed = await slots.close(conn, context(request), path_id(request), **body)
    return reply(SlotClosed, {**closed._asdict(), "slot": slot})


@operation(reply=StaffSlot)
async def reopen(request: web.Request) -> web.Response:
    """Let a closed slot be booked again."""
    async with transaction(request) as conn:
        reopened = await slots.reopen(conn, context(request), path_id(request))
    return reply(StaffSlot, reopened)


@operation(body=CloseSpan, reply=SpanClosed)
async def close_span(request: web.Request) -> web.Response:
    """Close a service's slots of a range of days, and name the bookings that stand on them."""
    body = await read_body(request, CloseSpan)
    async with transaction(request) as conn:
        closed = await slots.close_span(conn, context(request), **body)
    return reply(SpanClosed, closed)


@operation(body=SlotSpan, reply=SpanReopened)
async def reopen_span(request: web.Request) -> web.Response:
    """Let a service's closed slots of a range of days be booked again."""
    body = await read_body(request, SlotSpan)
    async with transaction(request) as conn:
        counts = await slots.reopen_span(conn, context(request), **body)
    return reply(SpanReopened, counts)
