"""What a family hands in with an application: who they are, where they are registered, what shows a priority.

Locks: files by id, after the enrolment; whoever prunes or destroys files takes them as well.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypedDict

import sql
from domain import audit
from domain.errors import Conflict, Invalid, NotFound, Unavailable
from domain.nursery_vocabulary import MAX_DOCUMENTS
from domain.permissions import require_care_of_enrolment, require_staff_of_enrolment
from domain.vocabulary import CLERKS, FilePurpose, local_day

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.file_store import FileStore
    from domain.nursery_vocabulary import DocumentKind
    from domain.rows import Row

AT_ONCE = 50
"""So many applications lose their documents in one transaction."""


class Wanted(TypedDict):
    """A stored file as what it is handed in; a claim's document names the priority group that it shows."""

    file_id: UUID
    kind: DocumentKind
    group_id: UUID | None


async def attach(conn: Connection, ctx: Context, enrolment: Row, wanted: Sequence[Wanted]) -> list[Row]:
    """Let an application have these documents and no others; return them. What it had beside them is destroyed.

    The caller holds the enrolment, has seen that its documents may change now, and has written its claims. A file
    is one that the caller has uploaded for this, or that stands with the application already.
    """
    caller = await require_care_of_enrolment(conn, ctx, enrolment["id"])
    await _require_sense(conn, enrolment["id"], wanted)
    file_ids = [one["file_id"] for one in wanted]
    await sql.enrolment_documents.lock_files(conn, enrolment_id=enrolment["id"], file_ids=file_ids)
    usable = await sql.enrolment_documents.usable(
        conn,
        enrolment_id=enrolment["id"],
        account_id=caller.account_id,
        purpose=FilePurpose.ENROLMENT_DOCUMENT,
        file_ids=file_ids,
    )
    if missing := set(file_ids) - {row["id"] for row in usable}:
        raise NotFound("document_file_not_found", file_ids=sorted(missing))
    await sql.enrolment_documents.destroy_others(conn, enrolment_id=enrolment["id"], file_ids=file_ids, now=ctx.now)
    await sql.enrolment_documents.put(
        conn,
        enrolment_id=enrolment["id"],
        file_ids=file_ids,
        kinds=[one["kind"] for one in wanted],
        group_ids=[one["group_id"] for one in wanted],
        now=ctx.now,
    )
    return await standing(conn, enrolment["id"])


async def _require_sense(conn: Connection, enrolment_id: UUID, wanted: Sequence[Wanted]) -> None:
    if len(wanted) > MAX_DOCUMENTS:
        raise Invalid("documents_too_many", limit=MAX_DOCUMENTS)
    if len({one["file_id"] for one in wanted}) < len(wanted):
        raise Invalid("document_repeated")
    claimed = {row["group_id"] for row in await sql.enrolment_documents.claimed(conn, enrolment_id=enrolment_id)}
    shown = {one["group_id"] for one in wanted if one["group_id"] is not None}
    if unclaimed := shown - claimed:
        raise Invalid("document_without_claim", group_ids=sorted(unclaimed))


async def require_whole(conn: Connection, enrolment: Row) -> None:
    """Let no application be handed in that claims a priority without a document that shows it.

    The caller holds the enrolment and has checked the permission.
    """
    bare = await sql.enrolment_documents.claims_without(conn, enrolment_id=enrolment["id"])
    if bare:
        raise Conflict("document_missing", groups=[row["name"] for row in bare], group_ids=[row["id"] for row in bare])


async def standing(conn: Connection, enrolment_id: UUID) -> list[Row]:
    """Return the documents of an application whose contents are there, for who has checked the permission."""
    found: list[Row] = await sql.enrolment_documents.standing(conn, enrolment_id=enrolment_id)
    return found


async def own(conn: Connection, ctx: Context, enrolment_id: UUID, file_id: UUID) -> Row:
    """Let the family read what it has handed in."""
    await require_care_of_enrolment(conn, ctx, enrolment_id)
    return await _one(conn, enrolment_id, file_id)


async def read(conn: Connection, ctx: Context, enrolment_id: UUID, file_id: UUID) -> Row:
    """Let reviewers read what was handed in; each reading is recorded. What was withdrawn is the family's alone."""
    await require_staff_of_enrolment(conn, ctx, enrolment_id, *CLERKS)
    found = await _one(conn, enrolment_id, file_id)
    if not found["open_to_staff"]:
        raise NotFound("document_not_found")
    await audit.record(conn, ctx, "enrolment_documents.read", file_id, enrolment_id=str(enrolment_id))
    return found


async def _one(conn: Connection, enrolment_id: UUID, file_id: UUID) -> Row:
    found: Row | None = await sql.enrolment_documents.one(conn, enrolment_id=enrolment_id, file_id=file_id)
    if found is None:
        raise NotFound("document_not_found")
    return found


async def destroy(conn: Connection, ctx: Context, enrolment_ids: Collection[UUID]) -> list[Row]:
    """Destroy the documents of applications whose rows the caller holds; return the files with their applications.

    The contents have no row then: `files.prune` removes them. The caller writes the audit.
    """
    gone: list[Row] = await sql.enrolment_documents.destroy(conn, enrolment_ids=list(enrolment_ids), now=ctx.now)
    return gone


async def destroy_due(
    conn: Connection, store: FileStore, context: Callable[[], Context], is_stopping: Callable[[], bool]
) -> int:
    """Destroy, when a round has been over for its days, what was handed in by who has no place; return how many files.

    Each transaction is its own and writes an audit row an application; contents go after it.
    """
    destroyed = 0
    while not is_stopping():
        async with conn.transaction():
            ctx = context()
            due = await sql.enrolment_documents.due(conn, now=ctx.now, today=local_day(ctx.now), limit=AT_ONCE)
            gone = await destroy(conn, ctx, [row["id"] for row in due])
            entries = [
                audit.entry(ctx, "enrolment_documents.destroyed", row["id"], files=files)
                for row in due
                if (files := [str(file["file_id"]) for file in gone if file["enrolment_id"] == row["id"]])
            ]
            await audit.record_all(conn, ctx.vault, ctx.now, entries)
        for row in gone:
            with contextlib.suppress(Unavailable):
                await store.delete(row["file_id"])
        destroyed += len(gone)
        if not due:
            break
    return destroyed
