from __future__ import annotations

from typing import TYPE_CHECKING

from domain import services
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
from schemas.services import ServiceChange, ServiceCreate, StaffService, StaffServiceQuery

if TYPE_CHECKING:
    from aiohttp import web


@operation(query=StaffServiceQuery, reply=StaffService)
async def list_of_staff(request: web.Request) -> web.Response:
    """List services of the providers that the caller works for."""
    query = read_query(request, StaffServiceQuery)
    async with connection(request) as conn:
        found = await services.list_of_staff(conn, context(request), **query)
    return page(StaffService, found, query["limit"], cursor_at)


@operation(reply=StaffService)
async def show(request: web.Request) -> web.Response:
    """Show one service."""
    async with connection(request) as conn:
        return reply(StaffService, await services.show(conn, context(request), path_id(request)))


@operation(body=ServiceCreate, reply=StaffService, status=201, creates=True)
async def create(request: web.Request) -> web.Response:
    """Make a service."""
    body, ctx = await read_body(request, ServiceCreate), context(request)
    async with transaction(request) as conn:
        made = await create_once(
            request,
            conn,
            body,
            lambda: services.create(conn, ctx, body),
            lambda known: services.show(conn, ctx, known),
        )
    return reply(StaffService, made, 201)


@operation(body=ServiceChange, reply=StaffService)
async def change(request: web.Request) -> web.Response:
    """Change, hide or show a service."""
    body = await read_body(request, ServiceChange)
    async with transaction(request) as conn:
        changed = await services.change(conn, context(request), path_id(request), body)
    return reply(StaffService, changed)
