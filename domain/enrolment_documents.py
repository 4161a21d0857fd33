"""What a family hands in with an application: who they are, where they are registered, what shows a priority.

Locks: files by id, after the enrolment; whoever prunes or destroys files takes them as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import sql
from domain.errors import Conflict, Invalid, NotFound
from domain.nursery_vocabulary import MAX_DOCUMENTS
from domain.permissions import require_care_of_enrolment
from domain.vocabulary import FilePurpose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.nursery_vocabulary import DocumentKind
    from domain.rows import Row


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
