"""What a change does to standing bookings: foreseen, compared with what was shown, and carried out.

A closure, a schedule and an exception all take slots away from people who have numbers there. Whoever decides is
shown first what would happen (`foresee`), with a digest of all of it. To carry it out, the same is worked out again
after everything that it touches has been locked (`settle`): where anything differs nothing is done and the new
digest is answered, else exactly what was shown is done (`domain.rehousing`).

Locks, in the order of everybody: persons, help requests, waitlists, offers, bookings, pools.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

import sql
from domain import help_unit
from domain.booking_limits import LONGEST_WINDOW_DAYS, Held
from domain.errors import Conflict, Invalid
from domain.identity import mask_name
from domain.nearest import assign
from domain.places import hold_queues_of_slots
from domain.rehousing import lock_pools
from domain.vocabulary import (
    MAX_BOOKINGS_TREATED,
    MAX_SLOTS_CHANGED,
    REHOUSING_DAYS,
    BookingStatus,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.rows import Row

REACH = timedelta(days=LONGEST_WINDOW_DAYS - 1)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be changed. `facts` say it, in the digest; `closing`: the slots that would be no more.

    `touching`: other slots that are locked with it, and whose free places are those of `places` (rows as of
    `sql.effects.free_places`; one that the change itself would make has no `slot_id` yet). `too_few`: how many more
    are taken of pools than there would be places.
    """

    facts: Mapping[str, Any]
    closing: Sequence[UUID]
    touching: Sequence[UUID] = ()
    places: Sequence[Row] = ()
    too_few: Mapping[tuple[UUID, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change would do: the bookings that it meets, and the place that each would get (by booking id).

    Who is at the desk already (`checked_in`) is named and left to the desk.
    """

    change: Change
    bookings: Sequence[Row]
    places: Mapping[UUID, Row]
    digest: str

    @property
    def met(self) -> list[Row]:
        return [booking for booking in self.bookings if booking["status"] == BookingStatus.BOOKED]

    @property
    def counts(self) -> dict[str, int]:
        met = len(self.met)
        return {
            "slots": len(self.change.closing),
            "bookings": met,
            "with_place": len(self.places),
            "without_place": met - len(self.places),
            "present": len(self.bookings) - met,
        }

    def shown(self) -> dict[str, Any]:
        """Return what staff see before they decide."""
        bookings = [
            {
                **booking,
                "person_name": mask_name(booking["person_name"]),
                "place": self.places.get(booking["id"]),
            }
            for booking in self.bookings
        ]
        return {"digest": self.digest, "counts": self.counts, "bookings": bookings}


async def foresee(conn: Connection, change: Change, now: datetime) -> Effect:
    """Work out what a change does as things are; refuses what is too much for one transaction."""
    slots: Sequence[UUID] = change.closing
    bookings: Sequence[Row] = ()
    if len(slots) <= MAX_SLOTS_CHANGED:
        bookings = await sql.effects.standing(
            conn,
            slots=slots,
            shrinking=[slot_id for slot_id, _ in change.too_few],
            channels=[channel for _, channel in change.too_few],
            excess=list(change.too_few.values()),
        )
    if len(slots) > MAX_SLOTS_CHANGED or len(bookings) > MAX_BOOKINGS_TREATED:
        raise Invalid(
            "change_too_large",
            slots=len(slots),
            most_slots=MAX_SLOTS_CHANGED,
            bookings=len(bookings),
            most_bookings=MAX_BOOKINGS_TREATED,
        )
    places = await _places(conn, change, bookings, now)
    return Effect(change, bookings, places, _digest(change, bookings, places))


async def _places(conn: Connection, change: Change, bookings: Sequence[Row], now: datetime) -> dict[UUID, Row]:
    wanting = [booking for booking in bookings if booking["status"] == BookingStatus.BOOKED]
    if not wanting:
        return {}
    begins = min(booking["starts_at"] for booking in wanting) - timedelta(days=REHOUSING_DAYS)
    ends = max(booking["starts_at"] for booking in wanting) + timedelta(days=REHOUSING_DAYS)
    free = await sql.effects.free_places(
        conn,
        services=list({booking["service_id"] for booking in wanting}),
        channels=list({booking["channel"] for booking in wanting}),
        begins=begins,
        ends=ends,
        now=now,
    )
    elsewhere = {*change.closing, *change.touching}
    places = [place for place in free if place["slot_id"] not in elsewhere] + list(change.places)
    if not places:
        return {}
    rows = await sql.effects.held(
        conn,
        people=list({booking["person_id"] for booking in wanting}),
        first_day=min(place["day"] for place in places) - REACH,
        last_day=max(place["day"] for place in places) + REACH,
    )
    held: defaultdict[UUID, list[Held]] = defaultdict(list)
    for row in rows:
        held[row["person_id"]].append(Held(row["id"], row["day"], row["provider_id"], row["department"]))
    return assign(wanting, places, held)


def _digest(change: Change, bookings: Iterable[Row], places: Mapping[UUID, Row]) -> str:
    """Fold what is shown and what would be done into one word; the order is that of the queries."""
    seen = [
        change.facts,
        sorted(str(slot_id) for slot_id in change.closing),
        [
            (str(each["id"]), each["status"], str(each["offer_id"]), _moment(places.get(each["id"])))
            for each in bookings
        ],
    ]
    return hashlib.sha256(orjson.dumps(seen, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _moment(place: Row | None) -> list[Any] | None:
    return None if place is None else [place["starts_at"], place["resource"], place["channel"]]


async def settle(conn: Connection, now: datetime, digest: str, change: Callable[[], Awaitable[Change]]) -> Effect:
    """Lock all that an effect touches and return it, if it is still what `digest` is of.

    `change` is asked again under the locks. Which rows these are is known only from a first look without locks;
    where the second sees others, something has changed, and the answer is no.
    """
    before = await foresee(conn, await change(), now)
    _require_same(before, digest)
    await _lock(conn, before)
    effect = await foresee(conn, await change(), now)
    _require_same(effect, digest)
    return effect


def _require_same(effect: Effect, digest: str) -> None:
    if effect.digest != digest:
        raise Conflict("world_changed", digest=effect.digest, counts=effect.counts)


async def _lock(conn: Connection, effect: Effect) -> None:
    await sql.people.lock(conn, ids=list({booking["person_id"] for booking in effect.bookings}))
    await help_unit.hold(conn, [booking["id"] for booking in effect.bookings])
    await hold_queues_of_slots(conn, [*effect.change.closing, *effect.change.touching])  # met bookings stand on these
    offers = [booking for booking in effect.bookings if booking["offer_id"] is not None]
    await sql.effects.lock_offers(conn, ids=[booking["offer_id"] for booking in offers])
    await sql.bookings.lock_bookings(conn, ids=[booking["id"] for booking in effect.bookings])
    pools = {(place["slot_id"], place["channel"]) for place in effect.places.values() if place["slot_id"]}
    pools |= {(booking["slot_id"], booking["channel"]) for booking in effect.bookings}
    pools |= {(booking["offer_slot_id"], booking["offer_channel"]) for booking in offers}
    await lock_pools(conn, pools, [*effect.change.closing, *effect.change.touching])
