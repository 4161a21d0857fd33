from __future__ import annotations

from typing import TYPE_CHECKING

from domain import help_booking, help_tasks, help_views
from handlers.help_codes import send_if_any
from handlers.operation import operation
from handlers.request import (
    context,
    create_once,
    no_content,
    path_id,
    read_body,
    reply,
    transaction,
)
from schemas.help_tasks import Task, TaskAssign, TaskBook, TaskRelease, TaskTime

if TYPE_CHECKING:
    from typing import Any
    from uuid import UUID

    from aiohttp import web


@operation(reply=Task)
async def accept(request: web.Request) -> web.Response:
    """Take a request; the first of those asked gets it."""
    ctx, request_id = context(request), path_id(request)
    async with transaction(request) as conn:
        text = await help_tasks.accept(conn, ctx, request_id)
        task = await help_views.show(conn, ctx, request_id)
    await send_if_any(request, text)
    return reply(Task, task)


@operation(status=204)
async def decline(request: web.Request) -> web.Response:
    """Say no to a request."""
    async with transaction(request) as conn:
        await help_tasks.decline(conn, context(request), path_id(request))
    return no_content()


@operation(body=TaskRelease, reply=Task)
async def release(request: web.Request) -> web.Response:
    """Hand a request back, so that others are asked."""
    body = await read_body(request, TaskRelease)
    ctx, request_id = context(request), path_id(request)
    async with transaction(request) as conn:
        await help_tasks.release(conn, ctx, request_id, body["reason"])
        task = await help_views.show(conn, ctx, request_id)
    return reply(Task, task)


@operation(body=TaskBook, reply=Task, status=201, creates=True)
async def book(request: web.Request) -> web.Response:
    """Book a number for the person, under the mandate that covers it."""
    body = await read_body(request, TaskBook)
    ctx, request_id = context(request), path_id(request)
    async with transaction(request) as conn:

        async def make() -> dict[str, Any]:
            await help_booking.book(conn, ctx, request_id, body["slot_id"], body["answers"])
            return await help_views.show(conn, ctx, request_id)

        async def find(made_id: UUID) -> dict[str, Any]:
            return await help_views.show(conn, ctx, made_id)

        task = await create_once(request, conn, body, make, find)
    return reply(Task, task, 201)


@operation(body=TaskTime, reply=Task)
async def agree(request: web.Request) -> web.Response:
    """Say when one comes, as agreed with the family."""
    body = await read_body(request, TaskTime)
    ctx, request_id = context(request), path_id(request)
    async with transaction(request) as conn:
        await help_booking.agree(conn, ctx, request_id, body["starts_at"], body["ends_at"])
        task = await help_views.show(conn, ctx, request_id)
    return reply(Task, task)


@operation(body=TaskAssign, status=204)
async def assign(request: web.Request) -> web.Response:
    """Give a request to a volunteer of the team."""
    body = await read_body(request, TaskAssign)
    async with transaction(request) as conn:
        text = await help_tasks.assign(
            conn, context(request), path_id(request), path_id(request, "request_id"), body["volunteer_id"]
        )
    await send_if_any(request, text)
    return no_content()


@operation(body=TaskRelease, status=204)
async def release_by_team(request: web.Request) -> web.Response:
    """Take a request from who has it, so that others are asked."""
    body = await read_body(request, TaskRelease)
    async with transaction(request) as conn:
        await help_tasks.release_by_team(
            conn, context(request), path_id(request), path_id(request, "request_id"), body["reason"]
        )
    return no_content()
