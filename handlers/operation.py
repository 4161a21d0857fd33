"""What the OpenAPI document and the pipeline know of a handler, written on the handler itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp import web
    from marshmallow import Schema

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPERATIONS: dict[Handler, Operation] = {}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation's wire shapes.

    `body_optional`: a client may send no body at all.
    `creates`: an `Idempotency-Key` header is required. `etag`: who has the answer already is sent 304.
    `also`: other answers that are no refusals, by status.
    An operation whose query or body takes a `Cursor` answers a page of `reply`.
    """

    body: type[Schema] | None
    query: type[Schema] | None
    reply: type[Schema] | None
    status: int
    creates: bool
    etag: bool
    media_type: str
    body_media_type: str
    also: Mapping[int, type[Schema]]
    body_optional: bool


def operation(
    *,
    body: type[Schema] | None = None,
    query: type[Schema] | None = None,
    reply: type[Schema] | None = None,
    status: int = 200,
    creates: bool = False,
    etag: bool = False,
    media_type: str = "application/json",
    body_media_type: str = "application/json",
    also: Mapping[int, type[Schema]] | None = None,
    body_optional: bool = False,
) -> Callable[[Handler], Handler]:
    """Name the shapes that a handler reads and writes; its docstring says what the operation does."""

    def mark(handler: Handler) -> Handler:
        OPERATIONS[handler] = Operation(
            body, query, reply, status, creates, etag, media_type, body_media_type, also or {}, body_optional
        )
        return handler

    return mark
