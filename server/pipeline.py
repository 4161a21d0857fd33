"""What every request goes through, in one function, since each further middleware costs every booking."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from domain.errors import Forbidden, Refusal, Unavailable
from domain.vocabulary import STAFF_ROLES, Role
from handlers.request import CALLER, REQUEST_ID
from server.access import ACCESS, Access
from server.access_log import ACCESS_LOG
from server.auth import AUTHENTICATION
from server.database import DATABASE_BUSY, DATABASE_GONE
from server.errors import CODE_OF_STATUS, OTHER_STATUS, problem, status_of
from server.logs import where
from server.metrics import METRICS
from server.session_guard import SESSION_GUARD

if TYPE_CHECKING:
    from handlers.operation import Handler

log = structlog.get_logger()

RETRY_SECONDS = 2
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
BODY_LEFT = frozenset({408, 413})
"""Answers while the body still comes: nothing behind it on the connection can be told from it."""
STAFF = frozenset(STAFF_ROLES)


async def authorise(request: web.Request, access: Access) -> None:
    """Coarse and by the route alone; what exactly the caller may do, the rules decide."""
    if access is Access.PUBLIC:
        return
    caller = request.app[AUTHENTICATION].caller(request)
    await request.app[SESSION_GUARD].require_live(request, caller)
    request[CALLER] = caller
    if access is Access.RESIDENT and Role.RESIDENT not in caller.roles:
        raise Forbidden("residents_only")
    if access is Access.STAFF and caller.roles.isdisjoint(STAFF):
        raise Forbidden("staff_only")


@web.middleware
async def pipeline(request: web.Request, handler: Handler) -> web.StreamResponse:
    started = time.perf_counter()
    request_id = request[REQUEST_ID] = os.urandom(8).hex()
    resource = request.match_info.route.resource
    path = resource.canonical if resource is not None else "unknown"
    response = await answer(request, handler, request_id)
    response.headers["X-Request-Id"] = request_id
    if response.status in BODY_LEFT:
        response.force_close()
    if "ETag" not in response.headers:
        response.headers.setdefault("Cache-Control", "no-store")
    seconds = time.perf_counter() - started
    # Anybody can think up methods: as labels they would fill the memory, and in the log they could say anything.
    method = request.method if request.method in METHODS else "other"
    request.app[METRICS].observe(method, path, response.status, seconds)
    request.app[ACCESS_LOG].write(method, path, response.status, seconds, request_id)
    return response


async def answer(request: web.Request, handler: Handler, request_id: str) -> web.StreamResponse:
    try:
        if request.match_info.http_exception is None:
            await authorise(request, ACCESS[request.match_info.handler])
        return await handler(request)
    except Refusal as refusal:
        return problem(request, request_id, status_of(refusal), refusal.code, refusal.facts)
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004
            raise
        code, facts = CODE_OF_STATUS.get(error.status, OTHER_STATUS)
        response = problem(request, request_id, error.status, code, facts)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except DATABASE_BUSY as error:
        return later(request, request_id, error, Unavailable("busy", retry_after=RETRY_SECONDS))
    except DATABASE_GONE as error:
        return later(request, request_id, error, Unavailable("database_unavailable", retry_after=RETRY_SECONDS))
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001  # the last net under every request
        log.error("unexpected error", request_id=request_id, **where(error))  # noqa: TRY400  # no text, see where
        return problem(request, request_id, 500, "internal_error", {"request_id": request_id})


def later(request: web.Request, request_id: str, error: Exception, refusal: Unavailable) -> web.Response:
    log.warning(refusal.code, request_id=request_id, error=type(error).__name__)
    return problem(request, request_id, status_of(refusal), refusal.code, refusal.facts)
