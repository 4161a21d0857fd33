"""What nobody took of the places kept for elders and for the desk becomes public at the policy's time.

And again what comes back to those pools later: a place that is free in them after that time is for everybody.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import sql
from domain import audit, places
from domain.bookings import pools_locked
from domain.vocabulary import Channel, KeptBecause

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context

JUST_NOW = timedelta(minutes=5)
"""How far back the frequent look goes: it meets each slot as its time comes."""

LONG_AGO = timedelta(days=32)
"""And the rarer one, for places that came back later: no slot still to come fell back earlier than a policy allows."""

AT_A_TIME = 500
"""Pools in one transaction."""


async def fall_back_now(conn: Connection, ctx: Context) -> int:
    """Move places of slots whose time has just come; return of how many pools. Needs a transaction, one a turn."""
    return await _fall_back(conn, ctx, JUST_NOW)


async def fall_back_later(conn: Connection, ctx: Context) -> int:
    """Move what came back to the pools of slots whose time came before."""
    return await _fall_back(conn, ctx, LONG_AGO)


async def _fall_back(conn: Connection, ctx: Context, reach: timedelta) -> int:
    """Locks as everywhere: the queues, since somebody may wait for what becomes public, then the pools."""
    due = await sql.fallback.due(conn, since=ctx.now - reach, now=ctx.now, most=AT_A_TIME)
    if not due:
        return 0
    sources = {(row["slot_id"], row["channel"]) for row in due}
    slots = {slot_id for slot_id, _ in sources}
    await places.hold_queues(conn, {row["service_id"] for row in due})
    await sql.fallback.add_public(conn, slots=list(slots))
    locked = await pools_locked(conn, sources | {(slot_id, str(Channel.PUBLIC)) for slot_id in slots})
    given = {
        (row["slot_id"], row["channel"]): row["free"]
        for row in locked
        if row["channel"] != Channel.PUBLIC and row["free"] > 0 and row["open"]
    }
    if not given:
        return 0
    public: Counter[UUID] = Counter()
    for (slot_id, _), free in given.items():
        public[slot_id] += free
    await sql.fallback.fall_back(
        conn,
        slots=[slot_id for slot_id, _ in given],
        channels=[channel for _, channel in given],
        places=list(given.values()),
    )
    await sql.fallback.give_public(conn, slots=list(public), places=list(public.values()))
    added = [places.Added(slot_id, Channel.PUBLIC, free, KeptBecause.FALLEN_BACK) for slot_id, free in public.items()]
    await places.add(conn, added, ctx.now)
    acts = [
        audit.entry(ctx, "slots.fallen_back", slot_id, channel=channel, places=free)
        for (slot_id, channel), free in given.items()
    ]
    await audit.record_all(conn, ctx.vault, ctx.now, acts)
    return len(given)
