from __future__ import annotations

from typing import TYPE_CHECKING

from domain import slots
from handlers.operation import operation
from handlers.plain import changing, creating, listing, showing
from handlers.request import (
    context,
    path_id,
    read_body,
    reply,
    transaction,
)
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


list_of_service = listing(
    slots.list_of_service, SlotQuery, StaffSlot, "List a service's slots of a range of days, with what is taken."
)
show = showing(slots.show, StaffSlot, "Show one slot, with what is taken.")
create = creating(slots.create, slots.show, SlotCreate, StaffSlot, "Make one slot.")
change = changing(
    slots.change, SlotChange, StaffSlot, "Change a slot's places, and its times while nobody ever booked it."
)


@operation(body=PatternCreate, reply=Pattern)
async def create_pattern(request: web.Request) -> web.Response:
    """Make the slots of a weekly pattern; repeated, it makes only what is missing."""
    body = await read_body(request, PatternCreate)
    async with transaction(request) as conn:
        counts = await slots.create_pattern(conn, context(request), body)
    return reply(Pattern, counts)


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
