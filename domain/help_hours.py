"""Hours of volunteers by month: one's own, a team's, and as a spreadsheet. They name nobody who was helped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sql
from domain import audit
from domain.errors import NotFound
from domain.help_hours_rules import month_span
from domain.help_vocabulary import HoursRows
from domain.permissions import require_signed_in, require_team
from domain.vocabulary import CLERKS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import date

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row
    from domain.vocabulary import ExportFormat

    Write = Callable[[Sequence[Row]], Awaitable[None]]

PAGE = 1_000
NIL = UUID(int=0)


async def own(conn: Connection, ctx: Context, month: date) -> dict[str, Any]:
    """Return the caller's work of a month with the thanks for it; also to whom serves no more."""
    account_id = require_signed_in(ctx).account_id
    if await sql.volunteers.by_account(conn, account_id=account_id) is None:
        raise NotFound("volunteer_not_found")
    begins, ends = month_span(month)
    return _summed(await sql.help_hours.of_volunteer(conn, account_id=account_id, begins=begins, ends=ends))


async def of_member(conn: Connection, ctx: Context, team_id: UUID, volunteer_id: UUID, month: date) -> dict[str, Any]:
    """Return the work of a month that one volunteer did in the team, also of one who has left it since."""
    await require_team(conn, ctx, team_id, *CLERKS)
    begins, ends = month_span(month)
    found = await sql.help_hours.of_member(conn, team_id=team_id, volunteer_id=volunteer_id, begins=begins, ends=ends)
    if not found and await sql.volunteers.status(conn, id=volunteer_id, team_id=team_id) is None:
        raise NotFound("volunteer_not_found")
    return _summed(found)


async def of_team(conn: Connection, ctx: Context, team_id: UUID, month: date) -> dict[str, Any]:
    """Return what each volunteer of the team did in a month, and the sum."""
    await require_team(conn, ctx, team_id, *CLERKS)
    begins, ends = month_span(month)
    found: Sequence[Row] = await sql.help_hours.of_team(
        conn, team_id=team_id, begins=begins, ends=ends, after=None, limit=None
    )
    whole = {name: sum(each[name] for each in found) for name in ("tasks", "minutes")}
    return {**whole, "items": found}


async def export(
    conn: Connection, ctx: Context, team_id: UUID, month: date, rows: HoursRows, kind: ExportFormat, write: Write
) -> None:
    """Give a team's hours of a month to `write`, page by page; needs a connection outside any transaction.

    That it was told is in the audit before anybody gets a byte of it. `kind` is here for the audit alone.
    """
    await require_team(conn, ctx, team_id, *CLERKS)
    count = 0
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        async for page in PAGES[rows](conn, team_id, month):
            await write(page)
            count += len(page)
    async with conn.transaction():
        await audit.record(
            conn, ctx, "help_hours.exported", team_id, month=f"{month:%Y-%m}", rows=rows, format=kind, count=count
        )


async def _volunteers(conn: Connection, team_id: UUID, month: date) -> AsyncIterator[Sequence[Row]]:
    begins, ends = month_span(month)
    after = None
    while page := await sql.help_hours.of_team(
        conn, team_id=team_id, begins=begins, ends=ends, after=after, limit=PAGE
    ):  # fmt: skip
        yield page
        after = page[-1]["id"]


async def _tasks(conn: Connection, team_id: UUID, month: date) -> AsyncIterator[Sequence[Row]]:
    begins, ends = month_span(month)
    after_at, after_id = begins, NIL
    while page := await sql.help_hours.tasks_of_team(
        conn, team_id=team_id, begins=begins, ends=ends, after_at=after_at, after_id=after_id, limit=PAGE
    ):  # fmt: skip
        yield page
        after_at, after_id = page[-1]["started_at"], page[-1]["id"]


def _summed(items: Sequence[Row]) -> dict[str, Any]:
    return {"tasks": len(items), "minutes": sum(item["minutes"] for item in items), "items": items}


PAGES: dict[HoursRows, Callable[[Connection, UUID, date], AsyncIterator[Sequence[Row]]]] = {
    HoursRows.VOLUNTEER: _volunteers,
    HoursRows.TASK: _tasks,
}
