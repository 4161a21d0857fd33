"""What a change of schedules or of the calendar does to the slots that stand: told first, then carried out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import sql
from domain.availability import midnight
from domain.schedule_plan import plan_all
from domain.vocabulary import Channel, SlotEffect, SlotState

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.rows import Row
    from domain.schedule_plan import Calendar, Places, PlannedSlot, Template


class Pool(NamedTuple):
    """One channel's places of a slot that stands; see the table `slot_pool`."""

    capacity: int
    taken: int
    fallen_back: int


@dataclass(frozen=True, slots=True)
class StandingSlot:
    """A slot that is there. `schedule_id` None: made by hand, and left to whoever made it.

    `bookings`: booked or checked in. `offers`: live ones, to who waits or for another booking.
    """

    id: UUID
    schedule_id: UUID | None
    day: date
    starts_at: datetime
    ends_at: datetime
    state: SlotState
    withdrawn: bool
    closure_id: UUID | None
    pools: Mapping[Channel, Pool]
    bookings: int
    offers: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What happens to one slot, or why one cannot be made.

    made: `planned` is not there yet. `standing` is None.
    reopened: `standing` was withdrawn by a schedule and is planned again, perhaps with other places or end.
    changed: `standing` stays, with other places, another end or as another schedule's slot.
    withdrawn: `standing` is of a schedule and planned no more. `planned` is None.
    left_out: `planned` is not made, as `standing` is in the way, made by hand or begun; that one stays as it is.
    """

    effect: SlotEffect
    planned: PlannedSlot | None
    standing: StandingSlot | None
    pools: Mapping[Channel, Pool] = field(default_factory=dict)
    """What the pools of `standing` become, or are to be of `planned`."""

    @property
    def too_few(self) -> Mapping[Channel, Pool]:
        """The pools that would have fewer places than are taken: as they become, with what is taken."""
        return {channel: pool for channel, pool in self.pools.items() if pool.taken > pool.capacity}

    @property
    def orphans(self) -> bool:
        """Whether bookings or offers lose their place, so that it needs a preview and a choice for each."""
        if self.effect is SlotEffect.WITHDRAWN:
            return self.standing is not None and self.standing.bookings + self.standing.offers > 0
        return bool(self.too_few)


async def planned_difference(
    conn: Connection,
    service_id: UUID,
    resource: str,
    templates: Iterable[Template],
    calendar: Calendar,
    days: tuple[date, date],
    now: datetime,
) -> AsyncGenerator[Difference, None]:
    """Tell how the slots of one doctor or counter of a service differ from what its schedules plan.

    Yields a Difference for each slot of the first to the last of `days` that starts after `now` and is not
    as planned, in order of start; no bookings are touched and nothing is written.

    `templates` are all schedules of this service and resource as they would be after the change: take
    `schedule_templates.active(conn, service_id, resource)` and put the changed one in its place, leave the
    ended one out, add the new one. `calendar` is `calendar_days.calendar(conn, *days)`, or what it would be.
    `days` bounds what is compared: a new exception's own days, or `(today, last_day(…))` for a template.
    On days that the worker has not reached yet (`schedule.generated_to`) everything planned is `made`, which
    the worker does too: leave those out of what is carried out, or carry them out and nothing is doubled.

    Reads by a cursor, so it needs a transaction and little memory. For a preview call it in one that reads
    only. To apply, take `policies.hold` and the schedule rows (`schedule_templates.hold`) first, then compare what it
    yields with the preview, deal with the bookings of those that are `orphans`, and give them all to
    `schedule_slots.carry_out`.

    Slots made by hand are neither changed nor withdrawn. One that starts with a planned slot, or is open and
    overlaps it, keeps it from being made: `left_out`. So are no slots that would overlap ever made.
    A slot that staff have closed and that is planned stays closed and is no difference.
    """
    first, last = days
    begins, ends = max(midnight(first), now), midnight(last + timedelta(days=1))
    in_the_way: list[StandingSlot] = []
    async with sql.schedules.standing_cursor(
        conn, service_id=service_id, resource=resource, begins=begins, ends=ends
    ) as cursor:
        ahead = _Ahead(aiter(cursor))
        for planned in plan_all(templates, calendar, first, last):
            if planned.starts_at <= now:
                continue
            while (standing := await ahead.next_before(planned.starts_at)) is not None:
                if standing.schedule_id is None or standing.starts_at <= now:
                    in_the_way.append(standing)
                elif not standing.withdrawn:
                    yield Difference(SlotEffect.WITHDRAWN, None, standing)
            within = await ahead.show_before(planned.ends_at)
            in_the_way = [each for each in in_the_way if each.ends_at > planned.starts_at]
            found = _compare(planned, [*in_the_way, *within])
            if found is not None:
                yield found
            if within and within[0].starts_at == planned.starts_at:
                await ahead.next_before(planned.ends_at)
                in_the_way += [within[0]] if _by_hand(within[0]) else []
        while (standing := await ahead.next_before(ends)) is not None:
            if not _by_hand(standing) and standing.starts_at > now and not standing.withdrawn:
                yield Difference(SlotEffect.WITHDRAWN, None, standing)


def _by_hand(standing: StandingSlot) -> bool:
    return standing.schedule_id is None


def _compare(planned: PlannedSlot, near: list[StandingSlot]) -> Difference | None:
    """Say what becomes of a planned slot beside the slots that stand in its time."""
    ours = None
    for standing in near:
        if standing.starts_at == planned.starts_at:
            if _by_hand(standing):
                return Difference(SlotEffect.LEFT_OUT, planned, standing)
            ours = standing
    if ours is None:
        for standing in near:
            begun = standing.starts_at < planned.starts_at
            if standing.state is SlotState.OPEN and (begun or _by_hand(standing)):
                return Difference(SlotEffect.LEFT_OUT, planned, standing)
        return Difference(SlotEffect.MADE, planned, None, pools_for(planned.places, {}))
    pools = pools_for(planned.places, ours.pools)
    if ours.withdrawn:
        return Difference(SlotEffect.REOPENED, planned, ours, pools)
    same = (ours.schedule_id, ours.ends_at, ours.pools) == (planned.schedule_id, planned.ends_at, pools)
    return None if same else Difference(SlotEffect.CHANGED, planned, ours, pools)


def pools_for(places: Places, pools: Mapping[Channel, Pool]) -> Mapping[Channel, Pool]:
    """Return what a slot's pools become where so many places are planned; what fell back to public stays there."""
    become: dict[Channel, Pool] = {}
    fallen_back = 0
    for channel, planned in ((Channel.ASSISTED, places.assisted), (Channel.COUNTER, places.counter)):
        pool = pools.get(channel)
        if pool is not None or planned:
            fell = min(planned, pool.fallen_back) if pool else 0
            become[channel] = Pool(planned - fell, pool.taken if pool else 0, fell)
            fallen_back += fell
    public = pools.get(Channel.PUBLIC)
    become[Channel.PUBLIC] = Pool(places.public + fallen_back, public.taken if public else 0, 0)
    return become


class _Ahead:
    """Reads standing slots from a cursor, no further than asked."""

    def __init__(self, cursor: AsyncIterator[Row]) -> None:
        self._cursor = cursor
        self._read: deque[StandingSlot] = deque()

    async def show_before(self, moment: datetime) -> list[StandingSlot]:
        """Return those not taken yet that start before a moment, and leave them there."""
        while not self._read or self._read[-1].starts_at < moment:
            if not await self._read_one():
                break
        return [each for each in self._read if each.starts_at < moment]

    async def next_before(self, moment: datetime) -> StandingSlot | None:
        """Take the next one if it starts before a moment."""
        if (self._read or await self._read_one()) and self._read[0].starts_at < moment:
            return self._read.popleft()
        return None

    async def _read_one(self) -> bool:
        row = await anext(self._cursor, None)
        if row is not None:
            self._read.append(_standing(row))
        return row is not None


def _standing(row: Row) -> StandingSlot:
    pools = {Channel(channel): Pool(**of_channel) for channel, of_channel in row["pools"].items()}
    return StandingSlot(**(dict(row) | {"state": SlotState(row["state"]), "pools": pools}))
