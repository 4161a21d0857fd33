"""Carries out on slots what `domain.schedule_changes` told: makes, opens again, changes and withdraws them.

Locks, in the order of everybody: all policies held still and the schedules' rows (both by the caller), the
service's queue, pools, slots.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import sql
from domain import places, policies
from domain.errors import Conflict
from domain.identifiers import new_id
from domain.places import Added
from domain.schedule_changes import Pool, pools_for
from domain.vocabulary import MOST_SLOTS_NAMED, Channel, KeptBecause, SlotEffect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.schedule_changes import Difference
    from domain.schedule_plan import PlannedSlot


class Counts(NamedTuple):
    """How many slots were made, opened again, changed, withdrawn; and how many planned ones were left out."""

    made: int = 0
    reopened: int = 0
    changed: int = 0
    withdrawn: int = 0
    left_out: int = 0


async def carry_out(
    conn: Connection,
    service_id: UUID,
    resource: str,
    differences: Sequence[Difference],
    reason: str,
    now: datetime,
    *,
    orphaning: bool = False,
) -> Counts:
    """Do to the slots what `planned_difference` told; `reason` is shown to residents of slots that it closes.

    Pools are locked here and what stands on them is looked at anew. Raises `change_needs_preview` where a slot
    to withdraw still has bookings or offers, unless `orphaning` says that these may stay for now (people were
    offered another place), and in any case where more is taken than would be left.
    """
    of = {effect: [each for each in differences if each.effect is effect] for effect in SlotEffect}
    withdrawn = [each.standing.id for each in of[SlotEffect.WITHDRAWN] if each.standing]
    standing = of[SlotEffect.REOPENED] + of[SlotEffect.CHANGED]
    await places.hold_queues(conn, [service_id])
    pools = await lock_pools(conn, withdrawn + [each.standing.id for each in standing if each.standing])
    standing = [_anew(each, pools) for each in standing]
    await refuse_orphans(conn, [] if orphaning else withdrawn, standing)
    if withdrawn:
        await sql.schedules.withdraw(conn, ids=withdrawn, reason=reason)
    if standing:
        await _replan(conn, standing, now)
    planned = [each.planned for each in of[SlotEffect.MADE] if each.planned]
    made = await make(conn, service_id, resource, planned, now)
    return Counts(
        made=made,
        reopened=len(of[SlotEffect.REOPENED]),
        changed=len(of[SlotEffect.CHANGED]),
        withdrawn=len(withdrawn),
        left_out=len(of[SlotEffect.LEFT_OUT]) + len(planned) - made,
    )


async def lock_pools(conn: Connection, slot_ids: list[UUID]) -> Mapping[UUID, Mapping[Channel, Pool]]:
    """Lock the pools of slots, and return them as they are then."""
    pools: dict[UUID, dict[Channel, Pool]] = {slot_id: {} for slot_id in slot_ids}
    if slot_ids:
        for row in await sql.schedules.lock_pools(conn, ids=slot_ids):
            pools[row["slot_id"]][Channel(row["channel"])] = Pool(row["capacity"], row["taken"], row["fallen_back"])
    return pools


def _anew(difference: Difference, locked: Mapping[UUID, Mapping[Channel, Pool]]) -> Difference:
    """Look at a slot's pools as they are under the lock."""
    standing, planned = difference.standing, difference.planned
    if standing is None or planned is None:
        return difference
    pools = locked[standing.id]
    return replace(difference, standing=replace(standing, pools=pools), pools=pools_for(planned.places, pools))


async def refuse_orphans(conn: Connection, withdrawn: Sequence[UUID], standing: Iterable[Difference]) -> None:
    """Raise `change_needs_preview` where bookings or offers would lose their slot or their place in it."""
    too_small = [each.standing.id for each in standing if each.standing and each.too_few]
    row = await sql.schedules.orphaned(conn, ids=list(withdrawn))
    if row["slot_ids"] or too_small:
        raise Conflict(
            "change_needs_preview",
            bookings=row["bookings"],
            offers=row["offers"],
            too_small=len(too_small),
            slots=sorted([*row["slot_ids"], *too_small])[:MOST_SLOTS_NAMED],
        )


async def _replan(conn: Connection, differences: Sequence[Difference], now: datetime) -> None:
    """Give slots that stand their planned end, schedule and places; more places are first for who waits."""
    both = [(each, each.planned, each.standing) for each in differences if each.planned and each.standing]
    await sql.schedules.replan(
        conn,
        ids=[standing.id for _, _, standing in both],
        schedules=[planned.schedule_id for _, planned, _ in both],
        ends=[planned.ends_at for _, planned, _ in both],
        reopened=[each.effect is SlotEffect.REOPENED for each, _, _ in both],
    )
    become = [(standing.id, channel, pool) for each, _, standing in both for channel, pool in each.pools.items()]
    await sql.schedules.set_pools(
        conn,
        slots=[slot_id for slot_id, _, _ in become],
        channels=[channel for _, channel, _ in become],
        capacities=[pool.capacity for _, _, pool in become],
        fallen_back=[pool.fallen_back for _, _, pool in become],
    )
    added = [
        Added(standing.id, channel, pool.capacity - _before(each, channel), KeptBecause.ADDED)
        for each, _, standing in both
        for channel, pool in each.pools.items()
    ]
    await places.add(conn, [each for each in added if each.places > 0], now)


def _before(difference: Difference, channel: Channel) -> int:
    """Return how many places of a pool there were for anybody: of a withdrawn slot only those that are taken."""
    pool = difference.standing and difference.standing.pools.get(channel)
    if not pool:
        return 0
    return pool.taken if difference.effect is SlotEffect.REOPENED else pool.capacity


async def make(conn: Connection, service_id: UUID, resource: str, planned: Sequence[PlannedSlot], now: datetime) -> int:
    """Make slots that are not there yet, and return how many those were.

    For `carry_out` and the worker: policies, schedules and the queue are held by the caller.
    """
    if not planned:
        return 0
    on_days = sorted({each.day for each in planned})
    ruling = await policies.ruling(conn, service_id, on_days)
    resolved = [policies.times(ruling[day], day) for day in on_days]
    made = await sql.schedules.insert_slots(
        conn,
        service_id=service_id,
        resource=resource,
        ids=[new_id() for _ in planned],
        schedules=[each.schedule_id for each in planned],
        starts=[each.starts_at for each in planned],
        ends=[each.ends_at for each in planned],
        publics=[each.places.public for each in planned],
        assisteds=[each.places.assisted for each in planned],
        counters=[each.places.counter for each in planned],
        days=on_days,
        policies=[ruling[day]["id"] for day in on_days],
        releases=[each.release_at for each in resolved],
        order_stops=[each.order_until for each in resolved],
        cancels=[each.cancel_until for each in resolved],
        fall_backs=[each.fall_back_at for each in resolved],
    )
    released = [row["id"] for row in made if row["release_at"] <= now]
    if released and await sql.schedules.anybody_waits(conn, service_id=service_id):
        pools = await sql.schedules.pools_of(conn, ids=released)
        added = [Added(row["slot_id"], row["channel"], row["capacity"], KeptBecause.ADDED) for row in pools]
        await places.add(conn, [each for each in added if each.places > 0], now)
    return len(made)
