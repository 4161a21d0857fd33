from __future__ import annotations

from typing import TYPE_CHECKING

from domain import providers
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
from schemas.providers import ProviderChange, ProviderCreate, StaffProvider, StaffProviderQuery

if TYPE_CHECKING:
    from aiohttp import web


@operation(query=StaffProviderQuery, reply=StaffProvider)
async def list_of_staff(request: web.Request) -> web.Response:
    """List the providers that the caller works for."""
    query = read_query(request, StaffProviderQuery)
    async with connection(request) as conn:
        found = await providers.list_of_staff(conn, context(request), **query)
    return page(StaffProvider, found, query["limit"], cursor_at)


@operation(reply=StaffProvider)
async def show(request: web.Request) -> web.Response:
    """Show one provider."""
    async with connection(request) as conn:
        return reply(StaffProvider, await providers.show(conn, context(request), path_id(request)))


@operation(body=ProviderCreate, reply=StaffProvider, status=201, creates=True)
async def create(request: web.Request) -> web.Response:
    """Make a provider."""
    body, ctx = await read_body(request, ProviderCreate), context(request)
    async with transaction(request) as conn:
        made = await create_once(
            request,
            conn,
            body,
            lambda: providers.create(conn, ctx, body),
            lambda known: providers.show(conn, ctx, known),
        )
    return reply(StaffProvider, made, 201)


@operation(body=ProviderChange, reply=StaffProvider)
async def change(request: web.Request) -> web.Response:
    """Change, hide or show a provider."""
    body = await read_body(request, ProviderChange)
    async with transaction(request) as conn:
        changed = await providers.change(conn, context(request), path_id(request), body)
    return reply(StaffProvider, changed)
