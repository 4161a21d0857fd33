from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain import queues
from handlers.operation import operation
from handlers.request import (
    connection,
    context,
    create_once,
    path_id,
    read_body,
    read_query,
    reply,
    transaction,
    whole_list,
)
from schemas.queues import Clinic, ClinicDay, ClinicDayQuery, Clinics, ClinicsQuery, NextCall, RepeatedCall, Ticket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web


@operation(query=ClinicsQuery, reply=Clinics)
async def clinics(request: web.Request) -> web.Response:
    """List the clinics of a provider to which anybody has come today, with how many wait."""
    query = read_query(request, ClinicsQuery)
    async with connection(request) as conn:
        return whole_list(Clinic, await queues.clinics(conn, context(request), query["provider"]))


@operation(query=ClinicDayQuery, reply=ClinicDay)
async def state(request: web.Request) -> web.Response:
    """Show a clinic's day: who was called, who waits in which order, who was passed over, who is through."""
    query = read_query(request, ClinicDayQuery)
    async with connection(request) as conn:
        return reply(ClinicDay, await queues.state(conn, context(request), path_id(request), **query))


@operation(body=NextCall, reply=Ticket, status=201, creates=True)
async def call_next(request: web.Request) -> web.Response:
    """Call whoever is next. Asked again with the same key, the answer is the one who was called then."""
    body, ctx, service_id = await read_body(request, NextCall), context(request), path_id(request)
    async with transaction(request) as conn:
        called = await create_once(
            request,
            conn,
            body,
            lambda: queues.call_next(conn, ctx, service_id, **body),
            lambda booking_id: queues.ticket(conn, ctx, booking_id),
        )
    return reply(Ticket, called, 201)


@operation(body=RepeatedCall, reply=Ticket)
async def call_again(request: web.Request) -> web.Response:
    """Call somebody once more who was called and has not come."""
    body = await read_body(request, RepeatedCall)
    async with transaction(request) as conn:
        return reply(Ticket, await queues.call_again(conn, context(request), path_id(request), **body))


@operation(reply=Ticket)
async def skip(request: web.Request) -> web.Response:
    """Pass over somebody who was called and does not come."""
    return await _change(request, queues.skip)


@operation(reply=Ticket)
async def take_back(request: web.Request) -> web.Response:
    """Let somebody wait again who was passed over and has come back."""
    return await _change(request, queues.take_back)


@operation(reply=Ticket)
async def undo(request: web.Request) -> web.Response:
    """Take back a passing over, or the end of a visit, that was a mistake; on the same day."""
    return await _change(request, queues.undo)


async def _change(request: web.Request, change: Callable[..., Awaitable[Any]]) -> web.Response:
    async with transaction(request) as conn:
        changed = await change(conn, context(request), path_id(request))
    return reply(Ticket, changed)
