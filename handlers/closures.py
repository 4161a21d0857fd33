from __future__ import annotations

from typing import TYPE_CHECKING

from domain import closures
from handlers.operation import operation
from handlers.plain import creating, listing, showing
from handlers.request import (
    connection,
    context,
    path_id,
    read_body,
    reply,
    transaction,
)
from schemas.closures import Closure, ClosureApply, ClosureOfList, ClosureQuery, ClosureScope
from schemas.effects import Effect

if TYPE_CHECKING:
    from aiohttp import web


@operation(body=ClosureScope, reply=Effect)
async def preview(request: web.Request) -> web.Response:
    """Show which standing bookings a closure would meet, and where each could go; nothing is changed."""
    body = await read_body(request, ClosureScope)
    async with connection(request) as conn:
        return reply(Effect, await closures.preview(conn, context(request), body))


apply = creating(
    closures.apply,
    closures.show,
    ClosureApply,
    Closure,
    "Close, and do with the bookings what was decided: exactly what was previewed, or nothing.",
)
list_of_provider = listing(
    closures.list_of_provider, ClosureQuery, ClosureOfList, "List a provider's closures, newest first."
)
show = showing(closures.show, Closure, "Show a closure with what has become of the bookings that it met.")


@operation(reply=Closure)
async def lift(request: web.Request) -> web.Response:
    """Open again what a closure closed; bookings that still stand there stay."""
    async with transaction(request) as conn:
        return reply(Closure, await closures.lift(conn, context(request), path_id(request)))
