"""From the wire to the rules and back: every handler is made of these."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import asyncpg
import orjson
from aiohttp import web
from marshmallow import ValidationError

from domain import idempotency
from domain.callers import Caller
from domain.context import Context
from domain.errors import Invalid, NotFound, Refusal, Unavailable
from domain.vault import Vault
from domain.vocabulary import Role
from handlers.loading import quick_loader
from handlers.projection import projection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from marshmallow import Schema

    from domain.idempotency import Made
    from handlers.loading import Loader
    from handlers.projection import Projection

    Clock = Callable[[], datetime]
    Say = Callable[[web.Request, str, Mapping[str, Any]], tuple[str, str]]

POOL: web.AppKey[asyncpg.Pool] = web.AppKey("pool", asyncpg.Pool)
CLOCK: web.AppKey[Clock] = web.AppKey("clock", object)  # type: ignore[arg-type]
VAULT = web.AppKey("vault", Vault)
SAY: web.AppKey[Say] = web.AppKey("say", object)  # type: ignore[arg-type]
"""Gives the title and the sentence of a code with its facts, in the language of the request."""
CALLER = web.RequestKey("caller", Caller)
HANG_UP: web.RequestKey[Callable[[], None]] = web.RequestKey("hang_up", object)  # type: ignore[arg-type]
"""Called when the client hangs up on a request that waits long; the handler that waits sets it."""
REQUEST_ID = web.RequestKey("request_id", str)

ACQUIRE_SECONDS = 5
BODY_SECONDS = 10
MAX_BODY_BYTES = 64 * 1024
MAX_DEPTH = 12
JSON = {"Content-Type": "application/json; charset=utf-8"}
KEY_PATTERN = re.compile(r"[!-~]{8,128}")


def context(request: web.Request) -> Context:
    return Context(request.get(CALLER), request.app[CLOCK](), request.app[VAULT], request.get(REQUEST_ID))


def reading(request: web.Request) -> AbstractAsyncContextManager[asyncpg.Connection]:
    """Lend what reads of persons need: to a volunteer a transaction, as what volunteers see of others is recorded."""
    caller = context(request).caller
    return transaction(request) if caller is not None and Role.VOLUNTEER in caller.roles else connection(request)


@asynccontextmanager
async def connection(request: web.Request) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection for reading: each statement sees the newest committed state."""
    pool = request.app[POOL]
    try:
        conn = await pool.acquire(timeout=ACQUIRE_SECONDS)
    except TimeoutError:
        raise Unavailable("busy", retry_after=2) from None
    try:
        yield cast("asyncpg.Connection", conn)
    finally:
        await asyncio.shield(pool.release(conn))


@asynccontextmanager
async def transaction(request: web.Request) -> AsyncIterator[asyncpg.Connection]:
    """Open the request's only transaction: committed when the block ends, undone when it raises.

    A refusal that says so keeps what was written; see `Refusal.keeping`.
    """
    kept = None
    async with connection(request) as conn:
        async with conn.transaction():
            try:
                yield conn
            except Refusal as refusal:
                if not refusal.keeps:
                    raise
                kept = refusal
        if kept is not None:
            raise kept


async def read_body(request: web.Request, schema: type[Schema]) -> dict[str, Any]:
    """Read and check a JSON body of at most MAX_BODY_BYTES that arrives within BODY_SECONDS."""
    return load(schema, await read_json(request))


async def read_body_if_any(request: web.Request, schema: type[Schema]) -> dict[str, Any]:
    """Read a body that may be left out altogether; then every field has its default."""
    if not request.can_read_body:
        return load(schema, {})
    return await read_body(request, schema)


async def read_json(request: web.Request) -> Any:
    if request.content_type != "application/json":
        raise Invalid("content_type_not_json", content_type=request.content_type)
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise Invalid("body_too_large", limit=MAX_BODY_BYTES)
    try:
        if request.content.is_eof() and not request.content.exception():
            raw = request.content.read_nowait()
            if len(raw) > MAX_BODY_BYTES:
                raise Invalid("body_too_large", limit=MAX_BODY_BYTES)
        else:
            async with asyncio.timeout(BODY_SECONDS):
                raw = await request.read()
    except TimeoutError:
        raise Invalid("body_too_slow", seconds=BODY_SECONDS) from None
    except (web.RequestPayloadError, ConnectionError):
        raise Invalid("body_unreadable") from None
    except web.HTTPRequestEntityTooLarge:
        raise Invalid("body_too_large", limit=MAX_BODY_BYTES) from None
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid("malformed_json", line=error.lineno, column=error.colno) from None
    if b"\\u" in raw or raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:  # else JSON itself has ruled both out
        refuse_unstorable(parsed)
    return parsed


def refuse_unstorable(value: Any, depth: int = 0) -> None:
    """PostgreSQL's text holds neither NUL nor lone surrogates, and nobody nests a form twelve deep."""
    if isinstance(value, str):
        if "\0" in value or (not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value)):
            raise Invalid("text_not_storable")
    elif isinstance(value, dict | list):
        if depth == MAX_DEPTH:
            raise Invalid("nested_too_deep", limit=MAX_DEPTH)
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            refuse_unstorable(key, depth + 1)
            refuse_unstorable(inner, depth + 1)


def read_query(request: web.Request, schema: type[Schema]) -> dict[str, Any]:
    """Check the query string; a parameter given twice is refused rather than half read."""
    query = request.query
    if len(query) != len(set(query)):
        raise Invalid("parameter_repeated")
    given = dict(query)
    refuse_unstorable(given)
    return load(schema, given)


_loaders: dict[type[Schema], Schema] = {}


def shape(schema: type[Schema]) -> Schema:
    """Return the one instance of a schema: making one costs more than using it."""
    try:
        return _loaders[schema]
    except KeyError:
        return _loaders.setdefault(schema, schema())


@cache
def quick(schema: type[Schema]) -> Loader:
    return quick_loader(shape(schema))


def load(schema: type[Schema], given: Any) -> dict[str, Any]:
    quickly = quick(schema)(given)
    if quickly is not None:
        return quickly
    try:
        loaded: dict[str, Any] = shape(schema).load(given)
    except ValidationError as error:
        raise Invalid("invalid_input", errors=error.messages) from None
    return loaded


def path_id(request: web.Request, name: str = "id") -> UUID:
    """Read an id from the path; what is no UUID names nothing."""
    text = request.match_info[name]
    try:
        found = UUID(text)
    except ValueError:
        raise NotFound("not_found") from None
    if str(found) != text.lower():
        raise NotFound("not_found")
    return found


def idempotency_key(request: web.Request) -> str:
    """Read the header that makes a creating request safe to repeat."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        raise Invalid("idempotency_key_required")
    if not KEY_PATTERN.fullmatch(key):
        raise Invalid("idempotency_key_malformed")
    return key


async def create_once(
    request: web.Request,
    conn: asyncpg.Connection,
    body: Mapping[str, Any],
    create: Callable[[], Awaitable[Made]],
    find: Callable[[UUID], Awaitable[Made]],
) -> Made:
    """Create under the request's idempotency key, or find what the same request created before.

    `create` returns what it made with its `id`; `find` is given that id when the request is a repeat.
    """
    key = idempotency.Key(
        operation=f"{request.method} {request.match_info.route.resource.canonical}",  # type: ignore[union-attr]
        text=idempotency_key(request),
        fingerprint=fingerprint(request, body),
    )
    return await idempotency.once(conn, context(request), key, create, find)


def fingerprint(request: web.Request, body: Mapping[str, Any]) -> bytes:
    """Return 32 bytes that are equal for equal requests, whatever the order of their fields."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return request.app[VAULT].fingerprint(orjson.dumps([request.path, body], option=options, default=str))


@cache
def projected(schema: type[Schema]) -> Projection:
    return projection(shape(schema))


def reply(schema: type[Schema], value: Any, status: int = 200) -> web.Response:
    return json_response(projected(schema)(value), status)


def page(schema: type[Schema], items: Sequence[Any], limit: int, cursor: Callable[[Any], str]) -> web.Response:
    """Answer a list; `items` holds one more than `limit` where there is a further page."""
    return json_response(page_value(schema, items, limit, cursor))


def page_value(schema: type[Schema], items: Sequence[Any], limit: int, cursor: Callable[[Any], str]) -> dict[str, Any]:
    shown = items[:limit]
    following = cursor(shown[-1]) if len(items) > limit else None
    project = projected(schema)
    return {"items": [project(item) for item in shown], "next": following}


def whole_list(schema: type[Schema], items: Sequence[Any]) -> web.Response:
    """Answer a list that is never long as its only page."""
    return json_response({"items": shape(schema).dump(items, many=True), "next": None})


def json_response(value: Any, status: int = 200) -> web.Response:
    """Answer JSON; asyncpg's ids are a kind of their own, which only `default` writes."""
    return web.Response(body=orjson.dumps(value, default=str), status=status, headers=JSON)


def no_content() -> web.Response:
    return web.Response(status=204)
