from __future__ import annotations

from typing import TYPE_CHECKING

from domain import suspensions
from domain.vocabulary import AppealStatus
from handlers.operation import operation
from handlers.request import connection, context, create_once, page, path_id, read_body, read_query, reply, transaction
from schemas.fields import cursor_at
from schemas.suspensions import Appeal, AppealCreate, AppealDecide, AppealQuery, Suspension, SuspensionQuery

if TYPE_CHECKING:
    from aiohttp import web


@operation(query=SuspensionQuery, reply=Suspension)
async def list_for_family(request: web.Request) -> web.Response:
    """List suspensions of the persons in one's care, newest first, also those that are over."""
    query = read_query(request, SuspensionQuery)
    async with connection(request) as conn:
        found = await suspensions.list_for_family(conn, context(request), query["after"], query["limit"])
    return page(Suspension, found, query["limit"], cursor_at)


@operation(body=AppealCreate, reply=Suspension, status=201, creates=True)
async def appeal(request: web.Request) -> web.Response:
    """Ask staff to look at a suspension again."""
    body, ctx, suspension_id = await read_body(request, AppealCreate), context(request), path_id(request)
    async with transaction(request) as conn:
        made = await create_once(
            request,
            conn,
            body,
            lambda: suspensions.appeal(conn, ctx, suspension_id, body["statement"]),
            lambda known: suspensions.show(conn, ctx, known),
        )
    return reply(Suspension, made, 201)


@operation(query=AppealQuery, reply=Appeal)
async def list_appeals(request: web.Request) -> web.Response:
    """List appeals at the caller's providers, oldest first."""
    query = read_query(request, AppealQuery)
    async with connection(request) as conn:
        found = await suspensions.list_appeals(conn, context(request), **query)
    return page(Appeal, found, query["limit"], cursor_at)


@operation(body=AppealDecide, reply=Appeal)
async def decide(request: web.Request) -> web.Response:
    """Grant an appeal, which lifts the suspension, or reject it; the family is told why."""
    body = await read_body(request, AppealDecide)
    async with transaction(request) as conn:
        decided = await suspensions.decide(
            conn, context(request), path_id(request), AppealStatus(body["decision"]), body["reason"]
        )
    return reply(Appeal, decided)
