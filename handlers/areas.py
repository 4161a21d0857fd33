from __future__ import annotations

from typing import TYPE_CHECKING

from domain import areas
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
from schemas.areas import AreaChange, AreaCreate, AreaQuery, StaffArea
from schemas.fields import cursor_at

if TYPE_CHECKING:
    from aiohttp import web


@operation(query=AreaQuery, reply=StaffArea)
async def list_of_staff(request: web.Request) -> web.Response:
    """List the areas that the caller administers."""
    query = read_query(request, AreaQuery)
    async with connection(request) as conn:
        found = await areas.list_of_staff(conn, context(request), **query)
    return page(StaffArea, found, query["limit"], cursor_at)


@operation(reply=StaffArea)
async def show(request: web.Request) -> web.Response:
    """Show one area."""
    async with connection(request) as conn:
        return reply(StaffArea, await areas.show(conn, context(request), path_id(request)))


@operation(body=AreaCreate, reply=StaffArea, status=201, creates=True)
async def create(request: web.Request) -> web.Response:
    """Make an area below another."""
    body, ctx = await read_body(request, AreaCreate), context(request)
    async with transaction(request) as conn:
        made = await create_once(
            request,
            conn,
            body,
            lambda: areas.create(conn, ctx, body),
            lambda known: areas.show(conn, ctx, known),
        )
    return reply(StaffArea, made, 201)


@operation(body=AreaChange, reply=StaffArea)
async def change(request: web.Request) -> web.Response:
    """Change an area's name or level."""
    body = await read_body(request, AreaChange)
    async with transaction(request) as conn:
        changed = await areas.change(conn, context(request), path_id(request), body)
    return reply(StaffArea, changed)
