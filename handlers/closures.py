from __future__ import annotations

from typing import TYPE_CHECKING

from domain import closures
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
from schemas.closures import Closure, ClosureApply, ClosureOfList, ClosureQuery, ClosureScope
from schemas.effects import Effect
from schemas.fields import cursor_at

if TYPE_CHECKING:
    from aiohttp import web


@operation(body=ClosureScope, reply=Effect)
async def preview(request: web.Request) -> web.Response:
    """Show which standing bookings a closure would meet, and where each could go; nothing is changed."""
    body = await read_body(request, ClosureScope)
    async with connection(request) as conn:
        return reply(Effect, await closures.preview(conn, context(request), body))


@operation(body=ClosureApply, reply=Closure, status=201, creates=True)
async def apply(request: web.Request) -> web.Response:
    """Close, and do with the bookings what was decided: exactly what was previewed, or nothing."""
    body, ctx = await read_body(request, ClosureApply), context(request)
    async with transaction(request) as conn:
        made = await create_once(
            request,
            conn,
            body,
            lambda: closures.apply(conn, ctx, body),
            lambda known: closures.show(conn, ctx, known),
        )
    return reply(Closure, made, 201)


@operation(query=ClosureQuery, reply=ClosureOfList)
async def list_of_provider(request: web.Request) -> web.Response:
    """List a provider's closures, newest first."""
    query = read_query(request, ClosureQuery)
    async with connection(request) as conn:
        found = await closures.list_of_provider(conn, context(request), **query)
    return page(ClosureOfList, found, query["limit"], cursor_at)


@operation(reply=Closure)
async def show(request: web.Request) -> web.Response:
    """Show a closure with what has become of the bookings that it met."""
    async with connection(request) as conn:
        return reply(Closure, await closures.show(conn, context(request), path_id(request)))


@operation(reply=Closure)
async def lift(request: web.Request) -> web.Response:
    """Open again what a closure closed; bookings that still stand there stay."""
    async with transaction(request) as conn:
        return reply(Closure, await closures.lift(conn, context(request), path_id(request)))
