"""The window of slots around today, made as staff make them, from the opening hours in the data files."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sql
from domain import policies, slots
from domain.identifiers import new_id
from domain.slot_pattern import Session, Span, days, moments
from domain.vocabulary import LOCAL_ZONE, Channel
from server.seed import data

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime

    from asyncpg import Connection

DAYS_BEHIND = 3
DAYS_AHEAD = 13


async def add_slots(conn: Connection, now: datetime) -> int:
    """Add the slots of the window for each service and day that has none; return how many.

    A day that has slots is left alone: staff may have changed them.
    """
    today = now.astimezone(LOCAL_ZONE).date()
    first, last = today - timedelta(days=DAYS_BEHIND), today + timedelta(days=DAYS_AHEAD)
    known = {
        (row["provider"], row["department"], row["name"]): UUID(int=row["id"].int)
        for row in await sql.seed.services(conn)
    }
    taken = {(row["service_id"], row["day"]) for row in await sql.seed.days_with_slots(conn, first=first, last=last)}
    await policies.hold(conn)
    added = 0
    for provider in data.providers():
        for service in provider["service"]:
            service_id = known.get((provider["name"], service["department"], service["name"]))
            if service_id is not None:
                free = [day for day in days(first, last, range(1, 8)) if (service_id, day) not in taken]
                added += await _add_slots(conn, service_id, data.read("hours")[service["hours"]], free)
    return added


async def _add_slots(conn: Connection, service_id: UUID, hours: dict[str, Any], free: Collection[date]) -> int:
    added = 0
    for session in hours["sessions"]:
        spans = Session(Span(session["opens"], session["closes"]), session["minutes"]).cut()
        times = moments([day for day in free if day.isoweekday() in session["weekdays"]], spans)
        if times:
            capacity: dict[str, int] = {channel: session[channel] for channel in Channel}
            added += await slots.insert(conn, service_id, "", capacity, [new_id() for _ in times], times)
    return added
