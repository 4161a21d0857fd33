from __future__ import annotations

from typing import TYPE_CHECKING

from domain import figures
from handlers.operation import operation
from handlers.request import connection, context, read_query, reply
from schemas.figures import Figures, FiguresQuery

if TYPE_CHECKING:
    from aiohttp import web


@operation(query=FiguresQuery, reply=Figures)
async def show(request: web.Request) -> web.Response:
    """Count what became of a provider's places in a range of days, by service and channel."""
    query = read_query(request, FiguresQuery)
    async with connection(request) as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        return reply(Figures, await figures.figures(conn, context(request), **query))
