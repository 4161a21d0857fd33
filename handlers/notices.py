from __future__ import annotations

from typing import TYPE_CHECKING

from domain import notices
from handlers.operation import operation
from handlers.request import connection, context, page, read_query
from schemas.fields import cursor_at
from schemas.notices import Notice, NoticePage, NoticeQuery

if TYPE_CHECKING:
    from aiohttp import web


@operation(query=NoticeQuery, reply=NoticePage)
async def list_for_family(request: web.Request) -> web.Response:
    """List what was told of everybody in the caller's care, newest first."""
    query = read_query(request, NoticeQuery)
    async with connection(request) as conn:
        found = await notices.list_for_family(conn, context(request), query["after"], query["limit"])
    return page(Notice, found, query["limit"], cursor_at)
