from __future__ import annotations

from typing import TYPE_CHECKING

from domain import health
from domain.errors import Unavailable
from handlers.operation import operation
from handlers.request import connection, json_response
from schemas.health import Health

if TYPE_CHECKING:
    from aiohttp import web


@operation(reply=Health)
async def alive(_request: web.Request) -> web.Response:
    """Say that the process answers."""
    return json_response({"status": "ok"})


@operation(reply=Health)
async def ready(request: web.Request) -> web.Response:
    """Say whether the process can do its work: the database answers and has every migration."""
    async with connection(request) as conn:
        if await health.pending_migrations(conn):
            raise Unavailable("not_migrated", retry_after=5)
    return json_response({"status": "ready"})
