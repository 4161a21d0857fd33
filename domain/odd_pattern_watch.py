"""Looks for odd patterns in what volunteers did yesterday and today, and raises alarms of what it finds.

Yesterday too, since a look shortly before midnight misses what comes after it. Needs no lock: an alarm of one cause
and day is there once, whoever looks.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sql
from domain.availability import midnight
from domain.help_alarms import Alarm, raise_all
from domain.odd_patterns import Rules, Use, Visit, find
from domain.vocabulary import local_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

AT_ONCE = 200
"""Volunteers in one transaction."""
BEGINNING = UUID(int=0)


async def look(conn: Connection, ctx: Context, after: UUID) -> tuple[UUID | None, int]:
    """Look at the next volunteers behind one; return the last looked at (None: there are no more) and new alarms."""
    today = local_day(ctx.now)
    yesterday = today - timedelta(days=1)
    rows = await sql.odd_patterns.acting(conn, after=after, begins=midnight(yesterday), most=AT_ONCE)
    if not rows:
        return None, 0
    uses, visits = await _uses(conn, rows, yesterday), await _visits(conn, rows, yesterday)
    alarms = [
        Alarm(oddity.kind, row["team_id"], day, volunteer_id=row["id"], facts=oddity.facts)
        for row in rows
        for day in (yesterday, today)
        for oddity in find(uses[row["id"]], visits[row["id"]], _rules(row), day)
    ]
    return rows[-1]["id"], await raise_all(conn, ctx.now, alarms) if alarms else 0


def _rules(row: Row) -> Rules:
    return Rules(**{name: row[name] for name in Rules.__dataclass_fields__})


async def _uses(conn: Connection, rows: Sequence[Row], day: date) -> defaultdict[UUID, list[Use]]:
    found: defaultdict[UUID, list[Use]] = defaultdict(list)
    for use in await sql.odd_patterns.uses(
        conn,
        volunteers=[row["id"] for row in rows],
        accounts=[row["account_id"] for row in rows],
        firsts=_firsts(rows, day),
    ):
        of_one = Use(use["at"], use["person_id"], use["service_id"], use["day"], use["let_go_at"])
        found[use["volunteer_id"]].append(of_one)
    return found


async def _visits(conn: Connection, rows: Sequence[Row], day: date) -> defaultdict[UUID, list[Visit]]:
    found: defaultdict[UUID, list[Visit]] = defaultdict(list)
    for visit in await sql.odd_patterns.visits(
        conn, volunteers=[row["id"] for row in rows], firsts=_firsts(rows, day)
    ):  # fmt: skip
        found[visit["volunteer_id"]].append(Visit(visit["at"], visit["person_id"], visit["address"]))
    return found


def _firsts(rows: Sequence[Row], day: date) -> list[date]:
    """Return for each volunteer how far back what is odd about a day reaches."""
    return [day - timedelta(days=row["odd_days"] - 1) for row in rows]
