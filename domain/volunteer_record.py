"""Everything that one volunteer did as a volunteer in a span of days, for who answers for the team.

What the volunteer does in private, for itself or for its own family, is not in it. Each reading is in the audit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sql
from domain import audit
from domain.availability import span
from domain.errors import Invalid, NotFound
from domain.identity import mask_name
from domain.permissions import require_team
from domain.vocabulary import MANAGERS, MAX_DAYS_REPORTED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row
    from domain.vocabulary import ExportFormat

    Write = Callable[[Sequence[Row]], Awaitable[None]]
    After = tuple[datetime, str]

PAGE = 1_000
MOST_EXPORTED = 20_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose record is wanted, and of which days."""

    team_id: UUID
    volunteer_id: UUID
    first: date
    last: date


async def read(conn: Connection, ctx: Context, wanted: Wanted, after: After | None, limit: int) -> list[Row]:
    """Return the next acts in order of time; one more than the limit where there are further ones."""
    account_id = await _require_may_read(conn, ctx, wanted)
    rows = await _page(conn, wanted, account_id, after, limit + 1)
    await _record(conn, ctx, wanted, min(len(rows), limit))
    return rows


async def export(conn: Connection, ctx: Context, wanted: Wanted, kind: ExportFormat, write: Write) -> int:
    """Give all acts to `write`, page by page, and return how many; needs a connection outside any transaction."""
    account_id = await _require_may_read(conn, ctx, wanted)
    told, after = 0, None
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        while page := await _page(conn, wanted, account_id, after, PAGE):
            told += len(page)
            if told > MOST_EXPORTED:
                raise Invalid("export_too_large", limit=MOST_EXPORTED)
            await write(page)
            after = page[-1]["at"], page[-1]["key"]
    async with conn.transaction():
        await _record(conn, ctx, wanted, told, kind)
    return told


async def _require_may_read(conn: Connection, ctx: Context, wanted: Wanted) -> UUID:
    """Let the team's leader and managers past, for a volunteer who is in the team; return that one's account."""
    await require_team(conn, ctx, wanted.team_id, *MANAGERS)
    account_id: UUID | None = await sql.volunteer_record.volunteer(
        conn, team_id=wanted.team_id, id=wanted.volunteer_id
    )  # fmt: skip
    if account_id is None:
        raise NotFound("volunteer_not_found")
    return account_id


async def _page(conn: Connection, wanted: Wanted, account_id: UUID, after: After | None, most: int) -> list[Row]:
    begins, ends = span(wanted.first, wanted.last, MAX_DAYS_REPORTED)
    after_at, after_key = after or (None, None)
    rows: Sequence[Row] = await sql.volunteer_record.page(
        conn,
        volunteer_id=wanted.volunteer_id,
        account_id=account_id,
        begins=begins,
        ends=ends,
        after_at=after_at,
        after_key=after_key,
        most=most,
    )
    return [{**row, "person_name": _masked(row)} for row in rows]


def _masked(row: Row) -> str | None:
    if row["person_id"] is None:
        return None
    return str(row["person_name"]) if row["erased"] else mask_name(row["person_name"])


async def _record(conn: Connection, ctx: Context, wanted: Wanted, rows: int, kind: ExportFormat | None = None) -> None:
    await audit.record(
        conn,
        ctx,
        "volunteers.record_read",
        wanted.volunteer_id,
        first=wanted.first,
        last=wanted.last,
        format=kind,
        rows=rows,
    )
