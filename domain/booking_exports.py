"""A provider's bookings of a range of days, for a spreadsheet of its staff.

Told page by page out of one snapshot, so that memory is bounded and no booking is there twice or halfway. That it was
told is in the audit before anybody gets a byte of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sql
from domain import audit
from domain.availability import midnight, span
from domain.errors import Forbidden, Invalid, NotFound
from domain.identity import mask_name
from domain.permissions import require_staff_at
from domain.vocabulary import CLERKS, MANAGERS, MAX_BOOKINGS_EXPORTED, MAX_DAYS_REPORTED, ShownNames

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import date, datetime

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row
    from domain.vocabulary import ExportFormat

    Write = Callable[[Sequence[Row]], Awaitable[None]]

PAGE = 1_000
NIL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be told. `format` is here for the audit alone."""

    provider_id: UUID
    first: date
    last: date
    names: ShownNames
    format: ExportFormat


async def export(conn: Connection, ctx: Context, wanted: Wanted, write: Write) -> int:
    """Give all bookings to `write`, page by page, and return how many; needs a connection outside any transaction."""
    await _require_may_export(conn, ctx, wanted)
    begins, ends = span(wanted.first, wanted.last, MAX_DAYS_REPORTED)
    rows = 0
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        await _require_few_enough(conn, wanted, begins, ends)
        async for page in _pages(conn, wanted):
            await write([_shown(row, wanted.names) for row in page])
            rows += len(page)
    async with conn.transaction():
        await audit.record(
            conn,
            ctx,
            "bookings.exported",
            wanted.provider_id,
            first=wanted.first,
            last=wanted.last,
            format=wanted.format,
            names=wanted.names,
            rows=rows,
        )
    return rows


async def _require_may_export(conn: Connection, ctx: Context, wanted: Wanted) -> None:
    """Clerks get masks; names of so many at once are for who answers for them."""
    await require_staff_at(conn, ctx, wanted.provider_id, *CLERKS)
    if wanted.names is ShownNames.FULL:
        try:
            await require_staff_at(conn, ctx, wanted.provider_id, *MANAGERS)
        except NotFound:
            raise Forbidden("role_required", roles=list(MANAGERS)) from None


async def _require_few_enough(conn: Connection, wanted: Wanted, begins: datetime, ends: datetime) -> None:
    most = MAX_BOOKINGS_EXPORTED
    if await sql.booking_exports.count(
        conn, provider_id=wanted.provider_id, begins=begins, ends=ends, most=most + 1
    ) > most:  # fmt: skip
        raise Invalid("export_too_large", limit=most)


async def _pages(conn: Connection, wanted: Wanted) -> AsyncIterator[Sequence[Row]]:
    """Go day by day, so that no page has to sort more than a day."""
    for number in range((wanted.last - wanted.first).days + 1):
        day = wanted.first + timedelta(days=number)
        begins, ends = midnight(day), midnight(day + timedelta(days=1))
        after_at, after_id = begins, NIL
        while page := await sql.booking_exports.page(
            conn,
            provider_id=wanted.provider_id,
            begins=begins,
            ends=ends,
            after_at=after_at,
            after_id=after_id,
            most=PAGE,
        ):
            yield page
            if len(page) < PAGE:
                break
            after_at, after_id = page[-1]["starts_at"], page[-1]["id"]


def _shown(row: Row, names: ShownNames) -> Row:
    if names is ShownNames.FULL or row["erased"]:
        return row
    return {**row, "person_name": mask_name(row["person_name"])}
