"""Photos and scans of papers. The row says that there is one; the content lies sealed in the store.

Locks: files by id, last before the audit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sql
from domain import audit
from domain.errors import Conflict, Invalid, NotFound, Unavailable
from domain.file_types import media_type_of
from domain.nursery_vocabulary import MAX_UNUSED_FILES
from domain.permissions import require_registered, require_signed_in, require_staff_somewhere
from domain.vault import VaultError
from domain.vocabulary import CLERKS, FilePurpose

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context
    from domain.file_store import FileStore

UNUSED_DAYS = 7
"""How long a paper is kept that nothing was made with."""


def require_media_type(content: bytes) -> str:
    """Return what a content is, or raise Invalid where it is nothing that papers come as."""
    media_type = media_type_of(content)
    if media_type is None:
        raise Invalid("file_type_refused")
    return media_type


async def require_may_add(conn: Connection, ctx: Context, purpose: FilePurpose) -> UUID:
    """Let families store their own documents, and staff the papers of others; return the account's id.

    To be asked before a content is stored as well.
    """
    if purpose is FilePurpose.ENROLMENT_DOCUMENT:
        await require_registered(conn, ctx)
    else:
        await require_staff_somewhere(conn, ctx, *CLERKS)
    return require_signed_in(ctx).account_id


async def add(
    conn: Connection, ctx: Context, file_id: UUID, purpose: FilePurpose, media_type: str, size: int
) -> Record:
    """Enter a file whose content has been stored under this id before."""
    account_id = await require_may_add(conn, ctx, purpose)
    if purpose is FilePurpose.ENROLMENT_DOCUMENT:
        await sql.sessions.lock_account(conn, account_id=account_id)
        if await sql.files.unused(conn, account_id=account_id, purpose=purpose) >= MAX_UNUSED_FILES:
            raise Conflict("files_unused", limit=MAX_UNUSED_FILES, days=UNUSED_DAYS)
    added: Record = await sql.files.add(
        conn,
        id=file_id,
        account_id=account_id,
        purpose=purpose,
        media_type=media_type,
        size=size,
        now=ctx.now,
    )
    await audit.record(conn, ctx, "files.added", file_id, purpose=purpose, size=size)
    return added


async def own(conn: Connection, ctx: Context, file_id: UUID) -> Record:
    """Return what the caller has added."""
    account_id = require_signed_in(ctx).account_id
    found: Record | None = await sql.files.added_by(conn, id=file_id, account_id=account_id)
    if found is None:
        raise NotFound("file_not_found")
    return found


async def read(conn: Connection, ctx: Context, file_id: UUID) -> Record:
    """Let whoever added a paper, or staff of its mandate's area or its nursery, read it; each reading is recorded.

    A family's document is read where it was handed in, see `enrolment_documents`.
    """
    account_id = require_signed_in(ctx).account_id
    found: Record | None = await sql.files.readable(conn, id=file_id, account_id=account_id, roles=CLERKS)
    if found is None:
        raise NotFound("file_not_found")
    await audit.record(conn, ctx, "files.read", file_id)
    return found


@dataclass(frozen=True, slots=True)
class Resealed:
    """What a walk over all contents did: how many it brought under the current key, and which do not open."""

    resealed: int
    broken: tuple[UUID, ...]


async def reseal(conn: Connection, store: FileStore, batch: int = 100) -> Resealed:
    """Bring every content under the current key; a walk that was stopped is walked again, and skips what is done."""
    resealed, broken, after = 0, [], None
    while rows := await sql.files.ids(conn, after=after, limit=batch):
        for row in rows:
            after = row["id"]
            try:
                resealed += await store.reseal(row["id"])
            except (VaultError, Unavailable):
                broken.append(row["id"])
    return Resealed(resealed, tuple(broken))


async def prune(conn: Connection, store: FileStore, now: datetime) -> int:
    """Forget papers that nothing was made with, and remove contents that have no row; return how many went.

    A content lies in the store before its row is committed: only what is older than a day has none for good.
    """
    before = now - timedelta(days=UNUSED_DAYS)
    async with conn.transaction():
        unused = await sql.files.lock_unused(conn, before=before)
        await sql.files.forget_unused(conn, ids=[row["id"] for row in unused])
    removed = 0
    async for ids in store.stored_before(now - timedelta(days=1)):
        known = {row["id"] for row in await sql.files.known(conn, ids=ids)}
        for file_id in ids:
            if file_id not in known:
                await store.delete(file_id)
                removed += 1
    return removed
