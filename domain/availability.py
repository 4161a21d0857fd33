"""What can be booked when, as a resident sees it: public, and a hint. Only a booking's own transaction decides."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain.errors import Invalid, NotFound
from domain.vocabulary import LOCAL_ZONE, MAX_DAYS_SHOWN, ClosedBecause, ShownState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


def span(first: date, last: date, most_days: int) -> tuple[datetime, datetime]:
    """Return where a range of days begins and ends; raise Invalid for one that is empty or too long."""
    if last < first:
        raise Invalid("invalid_input", errors={"to": [f"not_before {first}"]})
    if (last - first).days >= most_days:
        raise Invalid("invalid_input", errors={"to": [f"too_many_days {most_days}"]})
    return midnight(first), midnight(last + timedelta(days=1))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LOCAL_ZONE)


async def days(conn: Connection, ctx: Context, service_id: UUID, first: date, last: date) -> list[dict[str, Any]]:
    """Return every day of the range with what it offers."""
    begins, ends = span(first, last, MAX_DAYS_SHOWN)
    rows: Sequence[Row] = await sql.availability.days(
        conn, service_id=service_id, first=first, last=last, begins=begins, ends=ends, now=ctx.now
    )
    if not rows:
        raise NotFound("service_not_found")
    return [
        {
            "date": row["day"],
            "state": row["state"],
            "open_slots": row["open_slots"],
            "remaining": {"public": row["free_public"], "assisted": row["free_assisted"]},
            "release_at": row["release_at"] if row["state"] == ShownState.NOT_RELEASED else None,
        }
        for row in rows
    ]


async def slots(conn: Connection, ctx: Context, service_id: UUID, day: date) -> list[dict[str, Any]]:
    """Return the slots of a day in order."""
    begins, ends = span(day, day, 1)
    rows: Sequence[Row] = await sql.availability.slots(
        conn, service_id=service_id, begins=begins, ends=ends, now=ctx.now
    )
    if not rows:
        raise NotFound("service_not_found")
    return [_offer(row) for row in rows if row["id"] is not None]


def _offer(row: Row) -> dict[str, Any]:
    """Show a closed slot without places: nobody can have them."""
    closed = row["state"] == ShownState.CLOSED
    by_provider = row["closed_reason"] is not None
    return {
        **row,
        "closed_because": (ClosedBecause.PROVIDER if by_provider else ClosedBecause.ORDER_STOPPED) if closed else None,
        "remaining": {
            "public": 0 if closed else row["free_public"],
            "assisted": 0 if closed else row["free_assisted"],
        },
    }
