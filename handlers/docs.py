"""What the service says of itself: the OpenAPI document and pages made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from handlers.conditional import HEADERS, conditional
from handlers.operation import operation

if TYPE_CHECKING:
    from handlers.conditional import Answer

PAGE_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


class Docs(NamedTuple):
    """Made once, when the process starts."""

    document: Answer
    page: Answer
    problems: Answer


DOCS = web.AppKey("docs", Docs)


@operation(etag=True)
async def document(request: web.Request) -> web.Response:
    """Describe every operation: the document that you read, as OpenAPI 3.1."""
    return conditional(request, request.app[DOCS].document)


@operation(media_type="text/html", etag=True)
async def page(request: web.Request) -> web.Response:
    """Show the document to people."""
    return conditional(request, request.app[DOCS].page, PAGE_HEADERS, "text/html")


@operation(media_type="text/html", etag=True)
async def problems(request: web.Request) -> web.Response:
    """List every code that a refusal may have, with its sentences."""
    return conditional(request, request.app[DOCS].problems, PAGE_HEADERS, "text/html")
