"""Changes of schedules that take places from people: shown first, then carried out exactly as shown.

What `domain.schedules` refuses with `change_needs_preview` is done here. It writes the change and compares what is
planned then with the slots that stand; for a preview all of it is undone again. Of a slot that loses places those
with the last numbers go. Like a closure it holds all makers of slots off until it is done.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, effects, policies, rehousing, schedules
from domain.effects import Change
from domain.errors import Conflict
from domain.permissions import require_staff_at_schedule
from domain.schedule_slots import Counts, carry_out
from domain.vocabulary import MANAGERS, MOST_SLOTS_NAMED, SlotEffect, SlotState, Treatment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.effects import Effect
    from domain.rows import Row
    from domain.schedule_changes import Difference
    from domain.schedules import Find, How

WAYS = ("change", "end", "exception", "withdraw")
CHANGING = {SlotEffect.CHANGED, SlotEffect.REOPENED}


async def preview(conn: Connection, ctx: Context, schedule_id: UUID, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Show what a change of a schedule would do to its slots and to standing bookings; leaves everything as it was."""
    seen: list[tuple[Effect, list[Difference]]] = []

    async def look(conn: Connection, service_id: UUID, resource: str, find: Find, reason: str, now: datetime) -> Counts:
        del reason
        differences = await find()
        change = await _change(conn, given, service_id, resource, differences, now)
        seen.append((await effects.foresee(conn, change, now), differences))
        return Counts()

    trial = conn.transaction()
    await trial.start()
    try:
        await _do(conn, ctx, schedule_id, given, look)
    finally:
        await trial.rollback()
    if not seen:
        seen = [(await effects.foresee(conn, _nothing(given), ctx.now), [])]
    (effect, differences), *_ = seen
    planned = Counter(each.effect for each in differences)
    return {**effect.shown(), "slots": {each.value: planned[each] for each in SlotEffect}}


async def apply(conn: Connection, ctx: Context, schedule_id: UUID, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Change a schedule with its slots, and do with the bookings what was decided: exactly what was shown."""
    await require_staff_at_schedule(conn, ctx, schedule_id, *MANAGERS)
    await policies.take(conn)
    decision = rehousing.decided(given, {"schedule_id": schedule_id})
    done: dict[str, int] = {}

    async def nothing() -> Change:
        return _nothing(given)

    async def carry_it_out(
        conn: Connection, service_id: UUID, resource: str, find: Find, reason: str, now: datetime
    ) -> Counts:
        differences: list[Difference] = []

        async def change() -> Change:
            differences[:] = await find()
            return await _change(conn, given, service_id, resource, differences, now)

        effect = await effects.settle(conn, now, given["digest"], change)
        if effect.change.too_few and decision.treatment is Treatment.OFFER:
            slot_ids = sorted({slot_id for slot_id, _ in effect.change.too_few})
            raise Conflict("offers_need_places", slots=slot_ids[:MOST_SLOTS_NAMED])
        shrinking = [each for each in differences if each.too_few]
        growing = [each for each in differences if not each.too_few]
        counts = await carry_out(conn, service_id, resource, growing, reason, now, orphaning=True)
        effect = await _with_slots(conn, effect, service_id, resource)
        await _make_room(conn, effect)
        treated, entries = await rehousing.treat(conn, ctx, effect, decision)
        done.update(treated)
        shrunk = await carry_out(conn, service_id, resource, shrinking, reason, now, orphaning=True)
        await audit.record_all(conn, ctx.vault, now, entries)
        return Counts(*(one + other for one, other in zip(counts, shrunk, strict=True)))

    changed = await _do(conn, ctx, schedule_id, given, carry_it_out)
    if not done:
        await effects.settle(conn, ctx.now, given["digest"], nothing)
    nobody = {"offered": 0, "moved": 0, "cancelled": 0, "left_to_phone": 0}
    schedule = await schedules.show(conn, ctx, schedule_id)
    return {**schedule, "slots": changed["slots"], "bookings": nobody | done}


async def show_applied(conn: Connection, ctx: Context, schedule_id: UUID) -> Mapping[str, Any]:
    """Answer a repeat: the schedule as it is now."""
    return {**await schedules.show(conn, ctx, schedule_id), "slots": None, "bookings": None}


async def _do(
    conn: Connection, ctx: Context, schedule_id: UUID, given: Mapping[str, Any], how: How
) -> Mapping[str, Any]:
    """Change, end, or add or withdraw an exception: whichever of the four is given."""
    if given["change"] is not None:
        return await schedules.change(conn, ctx, schedule_id, given["change"], how=how)
    if given["end"] is not None:
        return await schedules.end(conn, ctx, schedule_id, **given["end"], how=how)
    if given["exception"] is not None:
        return await schedules.add_exception(conn, ctx, schedule_id, given["exception"], how=how)
    return await schedules.withdraw_exception(conn, ctx, schedule_id, given["withdraw"], how=how)


def _nothing(given: Mapping[str, Any]) -> Change:
    """Say what a change is of whose days no slot was made yet."""
    return Change({"what": {way: given[way] for way in WAYS}}, [])


async def _change(
    conn: Connection,
    given: Mapping[str, Any],
    service_id: UUID,
    resource: str,
    differences: Sequence[Difference],
    now: datetime,
) -> Change:
    """Say of differences what they mean for bookings. Those on slots that are closed already were treated then."""
    closing, touching = [], []
    too_few: dict[tuple[UUID, str], int] = {}
    for each in differences:
        if each.standing is None:
            continue
        if each.effect is SlotEffect.WITHDRAWN and each.standing.state is SlotState.OPEN:
            closing.append(each.standing.id)
        elif each.effect in CHANGING:
            touching.append(each.standing.id)
            for channel, pool in each.too_few.items():
                too_few[each.standing.id, str(channel)] = pool.taken - pool.capacity
    return Change(
        {**_nothing(given).facts, "slots": _told(differences)},
        closing,
        touching,
        await _places(conn, service_id, resource, differences, now),
        too_few,
    )


def _told(differences: Sequence[Difference]) -> list[Any]:
    return [
        [
            each.effect,
            each.standing and each.standing.starts_at,
            each.planned and (each.planned.starts_at, each.planned.ends_at),
            sorted((channel, pool.capacity) for channel, pool in each.pools.items()),
        ]
        for each in differences
    ]


async def _places(
    conn: Connection, service_id: UUID, resource: str, differences: Sequence[Difference], now: datetime
) -> list[Row]:
    """Return the free places that there will be in slots that are made, opened again or changed."""
    coming = [
        (each, each.planned)
        for each in differences
        if each.planned
        and (
            each.effect in {SlotEffect.MADE, SlotEffect.REOPENED}
            or (each.effect is SlotEffect.CHANGED and each.standing and each.standing.state is SlotState.OPEN)
        )
    ]
    days = sorted({planned.day for _, planned in coming})
    ruling = await policies.ruling(conn, service_id, days)
    rows = await sql.effects.shut_days(conn, service_id=service_id, resource=resource, days=days)
    shut = {row["day"] for row in rows}
    return [
        {
            **ruling[planned.day],
            "slot_id": each.standing and each.standing.id,
            "service_id": service_id,
            "channel": str(channel),
            "resource": resource,
            "starts_at": planned.starts_at,
            "ends_at": planned.ends_at,
            "day": planned.day,
            "free": pool.capacity - pool.taken,
        }
        for each, planned in coming
        for channel, pool in each.pools.items()
        if pool.capacity > pool.taken
        and planned.day not in shut
        and planned.starts_at >= now + timedelta(minutes=ruling[planned.day]["offer_minutes"])
    ]


async def _with_slots(conn: Connection, effect: Effect, service_id: UUID, resource: str) -> Effect:
    """Name the slots of places that were not there when the effect was foreseen."""
    starts = [place["starts_at"] for place in effect.places.values() if place["slot_id"] is None]
    if not starts:
        return effect
    rows = await sql.effects.slots_at(conn, service_id=service_id, resource=resource, starts=starts)
    made = {row["starts_at"]: row["id"] for row in rows}
    places = {
        booking_id: {**place, "slot_id": place["slot_id"] or made[place["starts_at"]]}
        for booking_id, place in effect.places.items()
    }
    return replace(effect, places=places)


async def _make_room(conn: Connection, effect: Effect) -> None:
    """Let bookings that lose their place go before who waits, and places that go before those that are kept back."""
    wanted = Counter((place["slot_id"], place["channel"]) for place in effect.places.values())
    rows = await sql.places.free(conn, slots=[slot_id for slot_id, _ in wanted])
    free = {(row["slot_id"], row["channel"]): row["free"] for row in rows}
    lacking = {pool: places - free.get(pool, 0) for pool, places in wanted.items()} | dict(effect.change.too_few)
    lacking = {pool: places for pool, places in lacking.items() if places > 0}
    await sql.effects.drop_kept(
        conn,
        slots=[slot_id for slot_id, _ in lacking],
        channels=[channel for _, channel in lacking],
        places=list(lacking.values()),
    )
