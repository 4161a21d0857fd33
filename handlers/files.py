from __future__ import annotations

import asyncio
import contextlib
import hashlib
from typing import TYPE_CHECKING

from aiohttp import web

from domain import files
from domain.errors import Refusal, Unavailable
from domain.file_store import FileStore
from domain.identifiers import new_id
from domain.vocabulary import MAX_FILE_BYTES, FilePurpose
from handlers.operation import operation
from handlers.request import connection, context, create_once, idempotency_key, load, path_id, reply, transaction
from handlers.uploads import read_parts
from schemas.files import File, Upload

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg import Record

    from domain.rows import Row

FILE_STORE = web.AppKey("file_store", FileStore)
UPLOADS = web.AppKey("uploads", asyncio.Semaphore)
MOST_UPLOADS = 4
"""At once in one process: each is held in memory whole, since it is sealed whole."""

LIMITS = {"purpose": 100, "file": MAX_FILE_BYTES}


@operation(body=Upload, reply=File, status=201, creates=True, body_media_type="multipart/form-data")
async def add(request: web.Request) -> web.Response:
    """Store the photo or scan of a paper: a family's document, or what staff have been handed."""
    idempotency_key(request)
    uploads = request.app[UPLOADS]
    if uploads.locked():
        raise Unavailable("busy", retry_after=5)
    async with uploads:
        parts = await read_parts(request, LIMITS)
        form = load(Upload, {"purpose": parts["purpose"].decode("utf-8", "replace"), "file": parts["file"]})
        return await _store(request, FilePurpose(form["purpose"]), form["file"])


async def _store(request: web.Request, purpose: FilePurpose, content: bytes) -> web.Response:
    """Store the content, then the row: a row without its content is never seen, the other way is cleaned up."""
    ctx, store, file_id = context(request), request.app[FILE_STORE], new_id()
    async with connection(request) as conn:
        await files.require_may_add(conn, ctx, purpose)
    media_type = await asyncio.to_thread(files.require_media_type, content)
    form = {"purpose": purpose, "sha256": hashlib.sha256(content).hexdigest()}
    await store.put(file_id, content)
    try:
        async with transaction(request) as conn:
            made = await create_once(
                request,
                conn,
                form,
                lambda: files.add(conn, ctx, file_id, purpose, media_type, len(content)),
                lambda known_id: files.own(conn, ctx, known_id),
            )
    except Refusal:
        await _drop(store, file_id)
        raise
    if made["id"] != file_id:
        await _drop(store, file_id)
    return reply(File, made, 201)


async def _drop(store: FileStore, file_id: UUID) -> None:
    """Remove a content that certainly has no row; where that fails, `files.prune` finds it."""
    with contextlib.suppress(Unavailable):
        await store.delete(file_id)


@operation(media_type="application/octet-stream")
async def read(request: web.Request) -> web.Response:
    """Fetch a file; each reading is recorded."""
    async with transaction(request) as conn:
        found = await files.read(conn, context(request), path_id(request))
    return await download(request, found)


async def download(request: web.Request, found: Record | Row) -> web.Response:
    """Answer with the content of a file that the caller may read."""
    content = await request.app[FILE_STORE].get(found["id"])
    headers = {
        "Content-Disposition": "attachment",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return web.Response(body=content, content_type=found["media_type"], headers=headers)
