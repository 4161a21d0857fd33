from __future__ import annotations

from typing import TYPE_CHECKING

from domain import waitlist_lists, waitlist_offers
from domain.permissions import require_signed_in
from domain.waitlist_rules import JoinRequest
from handlers.groups import JOIN, accepted
from handlers.operation import operation
from handlers.request import (
    connection,
    context,
    create_once,
    idempotency_key,
    no_content,
    page,
    path_id,
    read_body,
    read_query,
    reading,
    reply,
    transaction,
)
from schemas.fields import cursor_at
from schemas.waitlist import (
    QueueQuery,
    WaitlistAccept,
    WaitlistAccepted,
    WaitlistEntry,
    WaitlistJoin,
    WaitlistQuery,
)

if TYPE_CHECKING:
    from uuid import UUID

    from aiohttp import web

    from domain.rows import Row


@operation(body=WaitlistJoin, reply=WaitlistEntry, status=201, creates=True)
async def join(request: web.Request) -> web.Response:
    """Wait for a service on some days, alone or with companions; a returned place is offered in order."""
    body = await read_body(request, WaitlistJoin)
    ctx = context(request)
    wish = JoinRequest(
        account_id=require_signed_in(ctx).account_id,
        service_id=body["service_id"],
        people=(body["person_id"], *body["companions"]),
        first=body["first"],
        last=body["last"],
        mandate_id=body["mandate_id"],
        key=idempotency_key(request),
        request_id=ctx.request_id,
    )
    return reply(WaitlistEntry, accepted(await request.app[JOIN].submit(wish)), 201)


@operation(query=WaitlistQuery, reply=WaitlistEntry)
async def list_own(request: web.Request) -> web.Response:
    """List where persons in one's care wait, or elders under one's mandates, newest first."""
    query = read_query(request, WaitlistQuery)
    async with reading(request) as conn:
        found = await waitlist_lists.list_for_account(
            conn, context(request), live_only=query["live"], before=query["after"], limit=query["limit"]
        )
    return page(WaitlistEntry, found, query["limit"], cursor_at)


@operation(reply=WaitlistEntry)
async def get(request: web.Request) -> web.Response:
    """Show one entry, with its place in the queue and the offer that stands."""
    async with reading(request) as conn:
        return reply(WaitlistEntry, await waitlist_lists.get(conn, context(request), path_id(request)))


@operation(body=WaitlistAccept, reply=WaitlistAccepted, status=201, creates=True)
async def accept(request: web.Request) -> web.Response:
    """Take the offered places: everybody in the entry is booked, or nobody."""
    body = await read_body(request, WaitlistAccept)
    ctx, entry_id = context(request), path_id(request)
    async with transaction(request) as conn:

        async def book() -> Row:
            return await waitlist_offers.accept(conn, ctx, entry_id, body["answers"], body["answers_of"])

        async def find(made_id: UUID) -> Row:
            return await waitlist_offers.accepted(conn, ctx, made_id)

        made = await create_once(request, conn, {"entry": entry_id, **body}, book, find)
    return reply(WaitlistAccepted, made, 201)


@operation(reply=WaitlistEntry)
async def decline(request: web.Request) -> web.Response:
    """Let the offered places go to the next, and keep waiting."""
    ctx, entry_id = context(request), path_id(request)
    async with transaction(request) as conn:
        await waitlist_offers.decline(conn, ctx, entry_id)
        entry = await waitlist_lists.get(conn, ctx, entry_id)
    return reply(WaitlistEntry, entry)


@operation(status=204)
async def leave(request: web.Request) -> web.Response:
    """Wait no longer; an offered place goes to the next."""
    async with transaction(request) as conn:
        await waitlist_offers.leave(conn, context(request), path_id(request))
    return no_content()


@operation(query=QueueQuery, reply=WaitlistEntry)
async def list_of_service(request: web.Request) -> web.Response:
    """Show staff the queue of a service in its order; those who wait or have an offer, unless asked for others."""
    query = read_query(request, QueueQuery)
    statuses = waitlist_lists.LIVE if query["status"] is None else (query["status"],)
    async with connection(request) as conn:
        found = await waitlist_lists.list_of_service(
            conn, context(request), path_id(request), statuses, query["after"], query["limit"]
        )
    return page(WaitlistEntry, found, query["limit"], cursor_at)
