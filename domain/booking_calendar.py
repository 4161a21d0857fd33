"""A booking as an event of the calendar on somebody's telephone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain.booking_lists import require_visible

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context

SECOND = timedelta(seconds=1)


async def event(conn: Connection, ctx: Context, booking_id: UUID) -> Mapping[str, Any]:
    """Return what a calendar needs of a booking that the caller may see."""
    await require_visible(conn, ctx, booking_id)
    row = await sql.booking_calendar.event(conn, booking_id=booking_id)
    return {**row, "sequence": _sequence(row)}


def _sequence(row: Mapping[str, Any]) -> int:
    """Return a number that is higher after each change, by which a calendar tells the newer of two.

    Slots, services and providers count their changes; of a booking, the seconds of its life until the last one
    do the same, begun ones counted whole.
    """
    until_changed = -((row["created_at"] - row["changed_at"]) // SECOND)
    sequence: int = until_changed + row["slot_version"] + row["service_version"] + row["provider_version"] - 3
    return sequence
