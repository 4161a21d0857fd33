"""Makes the slots of schedules ahead, as far as the policies' windows reach and one day more.

A piece of one schedule at a time, each in a transaction of its own that also remembers how far it came: whoever
kills it or does it twice, no slot is missing, doubled or made of an older version of its schedule. Memory is
bounded by the piece, whatever the number of schedules and days.
"""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg

import sql
from domain import calendar_days, policies, schedule_templates
from domain.schedule_changes import planned_difference
from domain.schedule_slots import Counts, carry_out
from domain.vocabulary import SlotEffect, local_day

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.schedule_changes import Difference

SLOTS_AT_ONCE = 2_000
"""A piece ends with the day that reaches as many: so much memory it takes, and so long it holds its locks."""


async def generate(conn: Connection, now: datetime, enough: Callable[[], bool] = lambda: False) -> Mapping[str, int]:
    """Make what is missing; return how many slots were made, opened again and left out, of how many schedules.

    Opens its own transactions, and begins no further one once `enough` says so; the next turn goes on.
    Left out is what would overlap a slot made by hand, or open again with fewer places than are taken; a
    schedule's plan shows these. A schedule that fails stops no other; its error is raised at the end.
    """
    total: Counter[str] = Counter()
    failed = None
    for row in await sql.schedules.due(conn, today=local_day(now)):
        try:
            total.update(await _whole(conn, row["id"], row["reach"], now, enough))
        except asyncpg.PostgresError as error:
            failed = error
    if failed is not None:
        raise failed
    return total


async def _whole(
    conn: Connection, schedule_id: UUID, reach: date, now: datetime, enough: Callable[[], bool]
) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    reached = None
    while (reached is None or reached < reach) and not enough():
        async with conn.transaction():
            piece = await _piece(conn, schedule_id, reach, now)
        if piece is None:
            break
        total["schedules"] = 1
        reached, counts = piece
        total.update({name: count for name, count in counts._asdict().items() if count})
    return total


async def _piece(conn: Connection, schedule_id: UUID, reach: date, now: datetime) -> tuple[date, Counts] | None:
    """Make the next slots of a schedule, and return the last day of them; None: somebody else is at it."""
    await policies.hold(conn)
    row = await sql.schedules.claim(conn, id=schedule_id)
    if row is None:
        return None
    first = max(local_day(now), row["valid_from"])
    if row["generated_to"] is not None:
        first = max(first, row["generated_to"] + timedelta(days=1))
    if first > reach:
        return reach, Counts()
    templates = await schedule_templates.active(conn, row["service_id"], row["resource"])
    calendar = await calendar_days.calendar(conn, first, reach)
    wanted: list[Difference] = []
    left_out = 0
    reached = reach
    found = planned_difference(conn, row["service_id"], row["resource"], templates, calendar, (first, reach), now)
    async with aclosing(found):
        async for each in found:
            planned = each.planned
            if planned is None:
                continue
            if len(wanted) >= SLOTS_AT_ONCE and wanted[-1].planned and planned.day > wanted[-1].planned.day:
                reached = planned.day - timedelta(days=1)
                break
            if each.effect is SlotEffect.LEFT_OUT or each.orphans:
                left_out += 1
            else:
                wanted.append(each)
    counts = await carry_out(conn, row["service_id"], row["resource"], wanted, "", now)
    await sql.schedules.set_generated(conn, id=schedule_id, day=reached)
    return reached, counts._replace(left_out=counts.left_out + left_out)
