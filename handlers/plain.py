"""Handlers that do nothing but translate, for entries that are listed, shown, made and changed as wholes.

Rules are given the ids of the path, in its order, behind the context. `summary` is the operation's line in the OpenAPI
document, as the docstring of another handler is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.operation import operation
from handlers.request import connection, context, create_once, page, path_id, read_body, read_query, reply, transaction
from schemas.fields import cursor_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from uuid import UUID

    from aiohttp import web
    from marshmallow import Schema

    from handlers.operation import Handler


def listing(
    find: Callable[..., Awaitable[Sequence[Any]]], query: type[Schema], item: type[Schema], summary: str
) -> Handler:
    """`find(conn, ctx, *ids, **query)` returns one more than the limit where there is a further page."""

    async def handler(request: web.Request) -> web.Response:
        wanted = read_query(request, query)
        async with connection(request) as conn:
            found = await find(conn, context(request), *_ids(request), **wanted)
        return page(item, found, wanted["limit"], cursor_at)

    return operation(query=query, reply=item)(_described(handler, find, summary))


def showing(find: Callable[..., Awaitable[Any]], entry: type[Schema], summary: str) -> Handler:
    """`find(conn, ctx, *ids)` only reads."""

    async def handler(request: web.Request) -> web.Response:
        async with connection(request) as conn:
            return reply(entry, await find(conn, context(request), *_ids(request)))

    return operation(reply=entry)(_described(handler, find, summary))


def acting(act: Callable[..., Awaitable[Any]], entry: type[Schema], summary: str) -> Handler:
    """`act(conn, ctx, *ids)` needs no body and writes: it changes something, or records that somebody looked."""

    async def handler(request: web.Request) -> web.Response:
        async with transaction(request) as conn:
            done = await act(conn, context(request), *_ids(request))
        return reply(entry, done)

    return operation(reply=entry)(_described(handler, act, summary))


def creating(
    make: Callable[..., Awaitable[Any]],
    find: Callable[..., Awaitable[Any]],
    body: type[Schema],
    entry: type[Schema],
    summary: str,
) -> Handler:
    """`make(conn, ctx, *ids, body)` returns what it made, `find(conn, ctx, *ids, id)` what the request made before."""

    async def handler(request: web.Request) -> web.Response:
        given, ctx, ids = await read_body(request, body), context(request), _ids(request)
        async with transaction(request) as conn:
            made = await create_once(
                request, conn, given, lambda: make(conn, ctx, *ids, given), lambda known: find(conn, ctx, *ids, known)
            )
        return reply(entry, made, 201)

    return operation(body=body, reply=entry, status=201, creates=True)(_described(handler, make, summary))


def changing(change: Callable[..., Awaitable[Any]], body: type[Schema], entry: type[Schema], summary: str) -> Handler:
    """`change(conn, ctx, *ids, body)` returns the entry as it is then."""

    async def handler(request: web.Request) -> web.Response:
        given = await read_body(request, body)
        async with transaction(request) as conn:
            changed = await change(conn, context(request), *_ids(request), given)
        return reply(entry, changed)

    return operation(body=body, reply=entry)(_described(handler, change, summary))


def answering(
    answer: Callable[..., Awaitable[None]],
    find: Callable[..., Awaitable[Any]],
    entry: type[Schema],
    summary: str,
    body: type[Schema] | None = None,
) -> Handler:
    """`answer(conn, ctx, *ids, body)` writes; `find(conn, ctx, *ids)` reads what to reply once that is committed.

    For replies that cost much to find while others wait for what the answer has locked.
    """

    async def handler(request: web.Request) -> web.Response:
        given = [] if body is None else [await read_body(request, body)]
        async with transaction(request) as conn:
            await answer(conn, context(request), *_ids(request), *given)
        async with connection(request) as conn:
            return reply(entry, await find(conn, context(request), *_ids(request)))

    return operation(body=body, reply=entry)(_described(handler, answer, summary))


def _ids(request: web.Request) -> list[UUID]:
    return [path_id(request, name) for name in request.match_info]


def _described(handler: Handler, rule: Callable[..., Any], summary: str) -> Handler:
    """Name the handler after its rule: the OpenAPI document names operations so."""
    handler.__module__, handler.__name__ = rule.__module__, rule.__name__
    handler.__doc__ = summary
    return handler
