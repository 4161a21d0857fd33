"""Slots: what staff make, change, close and open again.

The order of locks, the same in every function and in booking: all policies held still (here only), then the
service's queue where places are added, pools by slot and channel, then slots, then the audit. A booking locks its
pools `for no key update` and reads from them what is free and whether the slot is open. So closing takes the pools
first: a booking that had them before is among the standing ones that the answer names, one that comes after finds
them closed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import sql
from domain import audit, places, policies
from domain.availability import span
from domain.constraints import refusing
from domain.errors import Conflict, Invalid
from domain.identifiers import new_id
from domain.permissions import require_staff_at_service, require_staff_at_slot
from domain.slot_pattern import Session, Span, days, moments, overlapping
from domain.vocabulary import (
    CLERKS,
    LOCAL_ZONE,
    MANAGERS,
    MAX_DAYS_AHEAD,
    MAX_DAYS_CHANGED,
    MAX_DAYS_SHOWN,
    MAX_SLOT_HOURS,
    MAX_SLOTS_MADE,
    MOST_BOOKINGS_NAMED,
    KeptBecause,
    SlotState,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

ONE_START = "slot_service_id_starts_at_resource_key"
NOT_OVERSOLD = "slot_pool_not_oversold"


async def show(conn: Connection, ctx: Context, slot_id: UUID) -> Row:
    await require_staff_at_slot(conn, ctx, slot_id, *CLERKS)
    return await _show(conn, slot_id)


async def _show(conn: Connection, slot_id: UUID) -> Row:
    row: Row = await sql.slots.show(conn, id=slot_id)
    return row


async def list_of_service(
    conn: Connection, ctx: Context, service_id: UUID, first: date, last: date, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Return a service's slots of a range of days in order; one more than `limit` where there are more."""
    await require_staff_at_service(conn, ctx, service_id, *CLERKS)
    begins, ends = span(first, last, MAX_DAYS_SHOWN)
    rows: Sequence[Row] = await sql.slots.list_of_service(
        conn, service_id=service_id, begins=begins, ends=ends, after=after, limit=limit + 1
    )
    return rows


async def create(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Row:
    """Make one slot; inside its release window it can be booked at once."""
    service_id, slot_id = given["service_id"], new_id()
    await require_staff_at_service(conn, ctx, service_id, *MANAGERS)
    _check_places(given["capacity"])
    _check_times(ctx, given["starts_at"], given["ends_at"])
    await policies.hold(conn)
    await places.hold_queues(conn, [service_id])
    times = [(given["starts_at"], given["ends_at"])]
    if not await insert(conn, service_id, given["resource"], given["capacity"], [slot_id], times):
        raise Conflict("slot_exists")
    await _add_places(conn, ctx, [slot_id], given["capacity"])
    await audit.record(conn, ctx, "slots.created", slot_id, service_id=service_id, capacity=given["capacity"])
    return await _show(conn, slot_id)


async def create_pattern(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Mapping[str, int]:
    """Make a weekly pattern's slots for a range of days; a repeat keeps what is there and makes the rest."""
    service_id = given["service_id"]
    await require_staff_at_service(conn, ctx, service_id, *MANAGERS)
    _check_places(given["capacity"])
    first, last = given["first"], given["last"]
    span(first, last, MAX_DAYS_CHANGED)
    wanted = moments(days(first, last, given["weekdays"]), _spans(given))
    if len(wanted) > MAX_SLOTS_MADE:
        raise Invalid("too_many_slots", slots=len(wanted), limit=MAX_SLOTS_MADE)
    to_come = [each for each in wanted if each[0] > ctx.now]
    if to_come:
        _check_times(ctx, *to_come[-1])
    await policies.hold(conn)
    await places.hold_queues(conn, [service_id])
    ids = [new_id() for _ in to_come]
    made = await insert(conn, service_id, given["resource"], given["capacity"], ids, to_come)
    await _add_places(conn, ctx, ids, given["capacity"])
    counts = {"made": made, "kept": len(to_come) - made, "past": len(wanted) - len(to_come)}
    facts = {"first": first, "last": last, "capacity": given["capacity"]}
    await audit.record(conn, ctx, "slots.pattern_created", service_id, **facts, **counts)
    return counts


async def _add_places(conn: Connection, ctx: Context, slot_ids: Sequence[UUID], capacity: Mapping[str, int]) -> None:
    """Let who waits have the first choice of places that are new, where they are released."""
    added = [
        places.Added(slot_id, channel, many, KeptBecause.ADDED)
        for slot_id in slot_ids
        for channel, many in capacity.items()
        if many > 0
    ]
    await places.add(conn, added, ctx.now)


def _spans(given: Mapping[str, Any]) -> list[Span]:
    spans = [Span(each["start"], each["end"]) for each in given["times"]]
    for each in given["sessions"]:
        spans.extend(Session(Span(each["start"], each["end"]), each["minutes"]).cut())
    if not spans:
        raise Invalid("invalid_input", errors={"times": ["required"]})
    if any(each.end <= each.start for each in spans):
        raise Invalid("invalid_input", errors={"times": ["ends_before_start"]})
    if overlapping(spans):
        raise Invalid("invalid_input", errors={"times": ["overlapping"]})
    return spans


def _check_places(capacity: Mapping[str, int]) -> None:
    if not any(capacity.values()):
        raise Invalid("invalid_input", errors={"capacity": ["no_places"]})


def _check_times(ctx: Context, starts_at: datetime, ends_at: datetime) -> None:
    errors = {}
    if starts_at <= ctx.now:
        errors["starts_at"] = ["in_the_past"]
    elif starts_at > ctx.now + timedelta(days=MAX_DAYS_AHEAD):
        errors["starts_at"] = [f"too_many_days_ahead {MAX_DAYS_AHEAD}"]
    if ends_at <= starts_at:
        errors["ends_at"] = ["ends_before_start"]
    elif ends_at > starts_at + timedelta(hours=MAX_SLOT_HOURS):
        errors["ends_at"] = [f"too_many_hours {MAX_SLOT_HOURS}"]
    if errors:
        raise Invalid("invalid_input", errors=errors)


async def insert(
    conn: Connection,
    service_id: UUID,
    resource: str,
    capacity: Mapping[str, int],
    ids: Sequence[UUID],
    times: Sequence[tuple[datetime, datetime]],
) -> int:
    """Make the slots that are not there yet, and return how many those were.

    Asks no permission: for the functions here and for the demo data, within `policies.hold`.
    """
    on_days = sorted({starts_at.astimezone(LOCAL_ZONE).date() for starts_at, _ in times})
    ruling = await policies.ruling(conn, service_id, on_days)
    resolved = [policies.times(ruling[day], day) for day in on_days]
    made: int = await sql.slots.insert(
        conn,
        service_id=service_id,
        resource=resource,
        ids=ids,
        starts=[starts_at for starts_at, _ in times],
        ends=[ends_at for _, ends_at in times],
        days=on_days,
        policies=[ruling[day]["id"] for day in on_days],
        releases=[each.release_at for each in resolved],
        order_stops=[each.order_until for each in resolved],
        cancels=[each.cancel_until for each in resolved],
        fall_backs=[each.fall_back_at for each in resolved],
        channels=list(capacity),
        capacities=list(capacity.values()),
    )
    return made


async def change(conn: Connection, ctx: Context, slot_id: UUID, given: Mapping[str, Any]) -> Row:
    """Change how many places a slot has, and when it is while no number of it was ever given out."""
    await require_staff_at_slot(conn, ctx, slot_id, *MANAGERS)
    await policies.hold(conn)
    await places.hold_queues_of_slots(conn, [slot_id])
    pools = await sql.slots.lock_pools(conn, id=slot_id)
    slot = await sql.slots.touch(conn, id=slot_id, version=given["version"])
    if slot is None:
        raise Conflict("changed_meanwhile")
    if slot["ends_at"] <= ctx.now:
        raise Conflict("slot_over")
    starts_at, ends_at = given["starts_at"] or slot["starts_at"], given["ends_at"] or slot["ends_at"]
    if (starts_at, ends_at) != (slot["starts_at"], slot["ends_at"]):
        _check_times(ctx, starts_at, ends_at)
        if any(pool["issued"] for pool in pools):
            raise Conflict("slot_has_bookings")
        if any(pool["taken"] for pool in pools):
            raise Conflict("slot_has_offers")
        await _move(conn, slot, starts_at, ends_at)
    await _set_capacity(conn, slot_id, pools, given["capacity"])
    had = {pool["channel"]: pool["capacity"] for pool in pools}
    raised = {channel: many - had.get(channel, 0) for channel, many in given["capacity"].items()}
    await _add_places(conn, ctx, [slot_id], raised)
    await audit.record(conn, ctx, "slots.changed", slot_id, version=given["version"] + 1, capacity=given["capacity"])
    return await _show(conn, slot_id)


async def _move(conn: Connection, slot: Row, starts_at: datetime, ends_at: datetime) -> None:
    """Give a slot other times and new pools: a booking that read the old times finds no pool to book in."""
    day = starts_at.astimezone(LOCAL_ZONE).date()
    policy = (await policies.ruling(conn, slot["service_id"], [day]))[day]
    with refusing(**{ONE_START: Conflict("slot_exists")}):
        await sql.slots.move(
            conn,
            id=slot["id"],
            policy_id=policy["id"],
            day=day,
            starts_at=starts_at,
            ends_at=ends_at,
            **policies.times(policy, day)._asdict(),
        )
    await sql.slots.renew_pools(conn, id=slot["id"])


async def _set_capacity(conn: Connection, slot_id: UUID, pools: Sequence[Row], capacity: Mapping[str, int]) -> None:
    if not capacity:
        return
    below = [
        {"channel": pool["channel"], "taken": pool["taken"], "capacity": capacity[pool["channel"]]}
        for pool in pools
        if pool["taken"] > capacity.get(pool["channel"], pool["taken"])
    ]
    with refusing(**{NOT_OVERSOLD: Conflict("capacity_below_taken", pools=below)}):
        await sql.slots.set_capacity(conn, id=slot_id, channels=list(capacity), capacities=list(capacity.values()))


class Closed(NamedTuple):
    """What closing did, and which bookings stand on the slots now closed."""

    changed: int
    unchanged: int
    standing_bookings: int
    booking_ids: list[UUID]


async def close(conn: Connection, ctx: Context, slot_id: UUID, reason: str) -> tuple[Row, Closed]:
    """Close a slot for new bookings. Those that stand stay as they are and are named."""
    await require_staff_at_slot(conn, ctx, slot_id, *MANAGERS)
    await policies.hold(conn)
    await sql.slots.lock_pools(conn, id=slot_id)
    closed = await _close(conn, ctx, [slot_id], reason)
    slot = await _show(conn, slot_id)
    if not closed.changed:
        raise Conflict("slot_closed_already" if slot["state"] == SlotState.CLOSED else "slot_over")
    await audit.record(conn, ctx, "slots.closed", slot_id, standing_bookings=closed.standing_bookings)
    return slot, closed


async def close_span(conn: Connection, ctx: Context, service_id: UUID, first: date, last: date, reason: str) -> Closed:
    """Close a service's slots of a range of days that are open and not over."""
    await require_staff_at_service(conn, ctx, service_id, *MANAGERS)
    begins, ends = span(first, last, MAX_DAYS_CHANGED)
    await policies.hold(conn)
    closed = await _close(conn, ctx, await _lock_span(conn, service_id, begins, ends), reason)
    counts = {"slots": closed.changed, "standing_bookings": closed.standing_bookings}
    await audit.record(conn, ctx, "slots.span_closed", service_id, first=first, last=last, **counts)
    return closed


async def _lock_span(conn: Connection, service_id: UUID, begins: datetime, ends: datetime) -> list[UUID]:
    pools = await sql.slots.lock_pools_of_span(conn, service_id=service_id, begins=begins, ends=ends)
    return sorted({pool["slot_id"] for pool in pools})


async def _close(conn: Connection, ctx: Context, slot_ids: list[UUID], reason: str) -> Closed:
    changed = await sql.slots.close(conn, ids=slot_ids, reason=reason, now=ctx.now)
    closed_ids = [row["id"] for row in changed]
    standing = await sql.slots.standing_bookings(conn, ids=closed_ids, most=MOST_BOOKINGS_NAMED)
    return Closed(
        changed=len(changed),
        unchanged=len(slot_ids) - len(changed),
        standing_bookings=standing[0]["bookings"] if standing else 0,
        booking_ids=[row["id"] for row in standing],
    )


async def reopen(conn: Connection, ctx: Context, slot_id: UUID) -> Row:
    """Let a closed slot be booked again, first by who waits."""
    await require_staff_at_slot(conn, ctx, slot_id, *MANAGERS)
    await policies.hold(conn)
    await places.hold_queues_of_slots(conn, [slot_id])
    await sql.slots.lock_pools(conn, id=slot_id)
    changed = await sql.slots.reopen(conn, ids=[slot_id], now=ctx.now)
    await places.add_opened(conn, [row["id"] for row in changed], ctx.now)
    slot = await _show(conn, slot_id)
    if not changed:
        raise Conflict("slot_open_already" if slot["state"] == SlotState.OPEN else "slot_over")
    await audit.record(conn, ctx, "slots.reopened", slot_id)
    return slot


async def reopen_span(conn: Connection, ctx: Context, service_id: UUID, first: date, last: date) -> Mapping[str, int]:
    """Let a service's closed slots of a range of days be booked again, first by who waits."""
    await require_staff_at_service(conn, ctx, service_id, *MANAGERS)
    begins, ends = span(first, last, MAX_DAYS_CHANGED)
    await policies.hold(conn)
    await places.hold_queues(conn, [service_id])
    slot_ids = await _lock_span(conn, service_id, begins, ends)
    changed = await sql.slots.reopen(conn, ids=slot_ids, now=ctx.now)
    await places.add_opened(conn, [row["id"] for row in changed], ctx.now)
    counts = {"changed": len(changed), "unchanged": len(slot_ids) - len(changed)}
    await audit.record(conn, ctx, "slots.span_reopened", service_id, first=first, last=last, slots=len(changed))
    return counts
