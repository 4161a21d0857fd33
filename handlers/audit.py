from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from domain import audit
from domain.audit import Wanted
from handlers.operation import operation
from handlers.request import context, page, read_query, transaction
from schemas.audit import AuditEntry, AuditPage, AuditQuery, audit_cursor_at

if TYPE_CHECKING:
    from aiohttp import web

SPAN = timedelta(days=30)
"""How far back a search goes that names no beginning."""

AHEAD = timedelta(minutes=1)
"""The end of one that names none: clocks of several hosts differ."""


@operation(query=AuditQuery, reply=AuditPage)
async def search(request: web.Request) -> web.Response:
    """List acts, newest first, by subject, actor, action and time; of the last 30 days unless told."""
    query = read_query(request, AuditQuery)
    ctx = context(request)
    ends = query["ends"] or ctx.now + AHEAD
    begins = query["begins"] or ends - SPAN
    wanted = Wanted(query["subject"], query["actor"], query["action"], begins, ends)
    async with transaction(request) as conn:
        found = await audit.search(conn, ctx, wanted, query["after"], query["limit"])
    return page(AuditEntry, found, query["limit"], audit_cursor_at)
