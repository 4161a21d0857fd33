"""Entries of queues to read: one's own, and for staff a service's whole queue."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sql
from domain import looks
from domain.errors import NotFound
from domain.permissions import require_signed_in, require_staff_at_service
from domain.vocabulary import CLERKS, WaitlistStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

LIVE = (WaitlistStatus.WAITING, WaitlistStatus.OFFERED)


async def by_ids(conn: Connection, ids: Iterable[UUID]) -> list[Row]:
    """Return entries in the order of their ids; who may see them was checked before."""
    wanted = list(ids)
    found = {row["id"]: _shown(row) for row in await sql.waitlist.shown(conn, ids=wanted)} if wanted else {}
    return [found[entry_id] for entry_id in wanted]


def _shown(row: Row) -> Row:
    """Return an entry with the offer that stands in a thing of its own."""
    offer = None
    if row["offer_id"] is not None:
        offer = {name: row[name] for name in ("slot_id", "starts_at", "ends_at", "resource", "channel", "expires_at")}
        offer["id"] = row["offer_id"]
    return {**row, "offer": offer}


async def list_for_account(
    conn: Connection, ctx: Context, *, live_only: bool, before: UUID | None, limit: int
) -> list[Row]:
    """Return the newest entries that the caller may see; one more than `limit` where there are more."""
    caller = require_signed_in(ctx)
    rows = await sql.waitlist.of_account(
        conn, account_id=caller.account_id, live_only=live_only, before=before, now=ctx.now, most=limit + 1
    )
    found = await by_ids(conn, [row["id"] for row in rows])
    await _record(conn, ctx, found[:limit])
    return found


async def get(conn: Connection, ctx: Context, entry_id: UUID) -> Row:
    """Return one entry that the caller may see; what a volunteer sees is recorded, as in the list."""
    await require_visible(conn, ctx, entry_id)
    entry = (await by_ids(conn, [entry_id]))[0]
    await _record(conn, ctx, [entry])
    return entry


async def _record(conn: Connection, ctx: Context, entries: Sequence[Row]) -> None:
    seen = [(entry["id"], one["person_id"]) for entry in entries if entry["mandate_id"] for one in entry["people"]]
    await looks.record(conn, ctx, "waitlist.read_by_volunteer", [(id, UUID(str(person_id))) for id, person_id in seen])


async def require_visible(conn: Connection, ctx: Context, entry_id: UUID) -> Row:
    """Only who cares for everybody in the entry, or holds the live mandate that it waits by, gets past."""
    caller = require_signed_in(ctx)
    entry: Row | None = await sql.waitlist.visible(conn, account_id=caller.account_id, entry_id=entry_id, now=ctx.now)
    if entry is None:
        raise NotFound("entry_not_found")
    return entry


async def list_of_service(
    conn: Connection, ctx: Context, service_id: UUID, statuses: Sequence[WaitlistStatus], after: UUID | None, limit: int
) -> list[Row]:
    """Return a service's entries in the order of the queue; one more than `limit` where there are more."""
    await require_staff_at_service(conn, ctx, service_id, *CLERKS)
    rows = await sql.waitlist.of_service(
        conn, service_id=service_id, statuses=list(statuses), after=after, most=limit + 1
    )
    return await by_ids(conn, [row["id"] for row in rows])
