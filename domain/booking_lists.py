"""Bookings to read: one, or those an account may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import looks
from domain.errors import NotFound
from domain.permissions import require_signed_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.vocabulary import BookingStatus

    Row = Mapping[str, Any]


async def require_visible(conn: Connection, ctx: Context, booking_id: UUID) -> None:
    """Only who cares for the booking's person, or holds the mandate that it was made under, gets past."""
    caller = require_signed_in(ctx)
    if not await sql.bookings.visible(conn, account_id=caller.account_id, booking_id=booking_id, now=ctx.now):
        raise NotFound("booking_not_found")


async def get(conn: Connection, ctx: Context, booking_id: UUID) -> Row:
    """Return one booking of a person in the caller's care, or made under a mandate that the caller holds.

    That a volunteer has looked at somebody is recorded, here and in the list.
    """
    await require_visible(conn, ctx, booking_id)
    booking = (await by_ids(conn, [booking_id]))[0]
    await _record(conn, ctx, [booking])
    return booking


async def list_for_account(
    conn: Connection,
    ctx: Context,
    *,
    person_id: UUID | None,
    statuses: Sequence[BookingStatus] | None,
    before: UUID | None,
    most: int,
) -> list[Row]:
    """Return the newest bookings that the caller may see; `most` is one more than a page shows."""
    caller = require_signed_in(ctx)
    rows = await sql.bookings.of_account(
        conn,
        account_id=caller.account_id,
        person_id=person_id,
        statuses=statuses,
        before=before,
        now=ctx.now,
        most=most,
    )
    found = await by_ids(conn, [row["id"] for row in rows])
    await _record(conn, ctx, found[: most - 1])
    return found


async def _record(conn: Connection, ctx: Context, bookings: Sequence[Row]) -> None:
    seen = [(row["id"], row["person_id"]) for row in bookings if row["mandate_id"] is not None]
    await looks.record(conn, ctx, "bookings.read_by_volunteer", seen)


async def by_ids(conn: Connection, ids: Sequence[UUID]) -> list[Row]:
    """Return bookings in the order of their ids; who may see them was checked before."""
    found = {row["id"]: row for row in await sql.bookings.by_ids(conn, ids=ids)}
    return [found[booking_id] for booking_id in ids]
