from __future__ import annotations

from typing import TYPE_CHECKING

from domain import enrolment_documents
from handlers.files import download
from handlers.operation import operation
from handlers.request import connection, context, path_id, transaction

if TYPE_CHECKING:
    from aiohttp import web


@operation(media_type="application/octet-stream")
async def own(request: web.Request) -> web.Response:
    """Fetch a document that the family has handed in."""
    async with connection(request) as conn:
        found = await enrolment_documents.own(conn, context(request), path_id(request), path_id(request, "file_id"))
    return await download(request, found)


@operation(media_type="application/octet-stream")
async def read(request: web.Request) -> web.Response:
    """Fetch a document of an application for its review; each reading is recorded."""
    async with transaction(request) as conn:
        found = await enrolment_documents.read(conn, context(request), path_id(request), path_id(request, "file_id"))
    return await download(request, found)
