"""The provider's desk: finds a day's bookings; what it changes goes through `domain.booking_changes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.booking_lists import by_ids
from domain.errors import Conflict, NotFound
from domain.identity import read_id_number
from domain.permissions import require_staff_at
from domain.person_records import document_index
from domain.vocabulary import CLERKS, BookingStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context

    Row = Mapping[str, Any]


async def list_day(
    conn: Connection,
    ctx: Context,
    *,
    provider_id: UUID,
    day: date,
    service_id: UUID | None = None,
    person_id: UUID | None = None,
    code: str | None = None,
    statuses: Sequence[BookingStatus] | None = None,
    after: UUID | None = None,
    most: int,
) -> list[Row]:
    """Return a provider's bookings of a day; a code may fit several, which the desk tells apart by name."""
    await require_staff_at(conn, ctx, provider_id, *CLERKS)
    rows = await sql.bookings.of_day(
        conn,
        provider_id=provider_id,
        day=day,
        service_id=service_id,
        person_id=person_id,
        code=code,
        statuses=statuses,
        after=after,
        most=most,
    )
    return await by_ids(conn, [row["id"] for row in rows])


async def find_by_code(conn: Connection, ctx: Context, *, provider_id: UUID, day: date, code: str) -> UUID:
    """Return the one standing or checked-in booking of a day that has this code."""
    found = await list_day(
        conn,
        ctx,
        provider_id=provider_id,
        day=day,
        code=code,
        statuses=[BookingStatus.BOOKED, BookingStatus.CHECKED_IN],
        most=10,
    )
    if not found:
        raise NotFound("code_not_found")
    if len(found) > 1:
        raise Conflict("code_ambiguous", bookings=[booking["id"] for booking in found])
    booking_id: UUID = found[0]["id"]
    return booking_id


async def find_by_id_number(conn: Connection, ctx: Context, *, provider_id: UUID, day: date, id_number: str) -> UUID:
    """Return the one booking of a day that whoever shows this document has here; among several the desk chooses.

    A search that does not end in checking somebody in is recorded here. Needs a transaction.
    """
    await require_staff_at(conn, ctx, provider_id, *CLERKS)
    identity = read_id_number(id_number, day)
    index = document_index(ctx.vault, identity)
    found = await sql.bookings.of_document(
        conn, provider_id=provider_id, day=day, kind=identity.kind, document_index=index
    )
    if len(found) == 1:
        booking_id: UUID = found[0]["id"]
        return booking_id
    await audit.record(conn, ctx, "bookings.searched", None, by="id_number", provider_id=provider_id, found=len(found))
    if found:
        raise Conflict("bookings_several", bookings=[dict(row) for row in found]).keeping()
    raise NotFound("no_booking_today").keeping()
