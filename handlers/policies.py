from __future__ import annotations

from typing import TYPE_CHECKING

from domain import policies
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
from schemas.policies import Policy, PolicyCreate, PolicyQuery

if TYPE_CHECKING:
    from aiohttp import web


@operation(query=PolicyQuery, reply=Policy)
async def list_of_staff(request: web.Request) -> web.Response:
    """List the policies that bear on the caller's work."""
    query = read_query(request, PolicyQuery)
    async with connection(request) as conn:
        found = await policies.list_of_staff(conn, context(request), **query)
    return page(Policy, found, query["limit"], cursor_at)


@operation(reply=Policy)
async def show(request: web.Request) -> web.Response:
    """Show one version of a policy."""
    async with connection(request) as conn:
        return reply(Policy, await policies.show(conn, context(request), path_id(request)))


@operation(body=PolicyCreate, reply=Policy, status=201, creates=True)
async def publish(request: web.Request) -> web.Response:
    """Follow a scope's policy by a new version."""
    body, ctx = await read_body(request, PolicyCreate), context(request)
    async with transaction(request) as conn:
        made = await create_once(
            request,
            conn,
            body,
            lambda: policies.publish(conn, ctx, body),
            lambda known: policies.show(conn, ctx, known),
        )
    return reply(Policy, made, 201)
