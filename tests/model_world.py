"""The small town in which the model test plays, its books as plain values, and what must hold of them.

What may be booked, who fits a place and who was passed over is judged here anew, from the rows and in plain Python:
nothing of `domain` is asked for it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from domain.errors import Refusal
from domain.vocabulary import LOCAL_ZONE, Role
from tests import make
from tests.booking_world import act_freely

if TYPE_CHECKING:
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Connection, Record

COUNTED = ("booked", "checked_in", "completed", "no_show")
TODAY = date(2026, 11, 23)
TOMORROW, DAY_AFTER = TODAY + timedelta(days=1), TODAY + timedelta(days=2)

POLICY: dict[str, Any] = {
    "limit_department_day": 2,
    "limit_day": 3,
    "limit_7_days": 4,
    "limit_90_days": 5,
    "limit_account_day": 5,
    "limit_volunteer_day": 1,
    "return_minutes_min": 10,
    "return_minutes_max": 10,
    "offer_minutes": 30,
    "offers_missed": 2,
    "no_show_count": 1,
    "suspension_days": [30],
    "no_show_minutes": 60,
}


@dataclass(frozen=True, slots=True)
class Town:
    """Whom and what the rules of the machine pick from, by number."""

    provider_id: UUID
    services: list[UUID]
    slots: list[UUID]
    schedule_id: UUID
    residents: list[make.Resident]
    volunteer: make.Resident
    volunteer_id: UUID
    mandates: dict[UUID, UUID]
    manager: make.Staff


async def build(conn: Connection, app: web.Application) -> Town:
    """Make three clinics, nearly sold out: with one place or two, some kept for elders, one not released yet."""
    await act_freely(conn)
    provider_id = await make.provider(conn)
    services = [await make.service(conn, provider_id=provider_id, department=name) for name in ("内科", "内科", "外科")]
    delayed = await make.policy(conn, provider_id=provider_id, **POLICY)
    at_once = await make.policy(
        conn, service_id=services[2], **(POLICY | {"return_minutes_min": 0, "return_minutes_max": 0})
    )

    def local(day: date, hour: int) -> datetime:
        return datetime.combine(day, time(hour), LOCAL_ZONE)

    soon, later = local(TODAY, 7), local(TODAY, 8)
    slots = [
        await make.slot(conn, services[0], policy_id=delayed, starts_at=local(TOMORROW, 8), public=1, assisted=1,
                        counter=1, fall_back_at=soon),
        await make.slot(conn, services[0], policy_id=delayed, starts_at=local(TOMORROW, 9), public=2),
        await make.slot(conn, services[0], policy_id=delayed, starts_at=local(DAY_AFTER, 9), public=1,
                        release_at=soon),
        await make.slot(conn, services[1], policy_id=delayed, starts_at=local(TOMORROW, 10), public=1, assisted=1,
                        fall_back_at=later),
        await make.slot(conn, services[2], policy_id=at_once, starts_at=local(TOMORROW, 11), public=1),
        await make.slot(conn, services[2], policy_id=at_once, starts_at=local(DAY_AFTER, 11), public=2),
    ]  # fmt: skip
    session = ("11:00", "11:30", 30)
    schedule_id = await make.schedule(
        conn,
        services[2],
        {TOMORROW.isoweekday(): [(*session, 1)], DAY_AFTER.isoweekday(): [(*session, 2)]},
        valid_from=TODAY,
        valid_to=DAY_AFTER,
        generated_to=DAY_AFTER,
    )
    await conn.execute("update slot set schedule_id = $1 where service_id = $2", schedule_id, services[2])
    residents = [await make.resident(conn, app) for _ in range(6)]
    for child in residents[1:3]:
        await make.care(conn, residents[0].account_id, child.person_id)
    volunteer = await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, volunteer.account_id)
    mandates = {
        old.person_id: await make.mandate(conn, old.person_id, volunteer_id, old.account_id) for old in residents[3:]
    }
    manager = await make.staff(conn, app, Role.MANAGER)
    for slot, who in ((0, 5), (1, 3), (3, 4), (4, 5)):
        await make.booking(conn, slots[slot], residents[who])
    return Town(provider_id, services, slots, schedule_id, residents, volunteer, volunteer_id, mandates, manager)


@dataclass(slots=True)
class Books:
    """All rows that the rules are about, as of one moment."""

    slots: dict[UUID, Record] = field(default_factory=dict)
    pools: dict[tuple[UUID, str], Record] = field(default_factory=dict)
    bookings: dict[UUID, Record] = field(default_factory=dict)
    kept: Counter[tuple[UUID, str]] = field(default_factory=Counter)
    offers: dict[UUID, Record] = field(default_factory=dict)
    entries: dict[UUID, Record] = field(default_factory=dict)
    suspensions: list[Record] = field(default_factory=list)

    def free(self, pool: tuple[UUID, str]) -> int:
        row = self.pools.get(pool)
        return row["capacity"] - row["taken"] if row else 0

    def counted(self, **of: Any) -> list[Record]:
        """Return the bookings that count towards limits and are of all that is named."""
        return [
            row
            for row in self.bookings.values()
            if row["status"] in COUNTED and all(row[name] == value for name, value in of.items())
        ]

    def is_bookable(self, slot_id: UUID, now: datetime, *, desk: bool = False) -> bool:
        slot = self.slots[slot_id]
        until = slot["starts_at"] if desk else slot["order_until"]
        return bool(slot["state"] == "open" and slot["release_at"] <= now < until)

    def person_may_have(self, person_id: UUID, slot_id: UUID, now: datetime, *, instead_of: UUID | None = None) -> bool:
        """Whether a place of a slot would break none of a person's limits."""
        slot = self.slots[slot_id]
        held = [row for row in self.counted(person_id=person_id) if row["id"] != instead_of]
        same_day = [row for row in held if row["day"] == slot["day"]]
        in_department = [
            row
            for row in same_day
            if (row["provider_id"], row["department"]) == (slot["provider_id"], slot["department"])
        ]
        suspended = [
            row
            for row in self.suspensions
            if (row["person_id"], row["provider_id"]) == (person_id, slot["provider_id"])
            and row["lifted_at"] is None
            and row["starts_at"] <= now < row["ends_at"]
        ]
        return bool(
            not suspended
            and len(in_department) < slot["limit_department_day"]
            and len(same_day) < slot["limit_day"]
            and len(held) < min(slot["limit_7_days"], slot["limit_90_days"])
        )  # all that the town has lies within seven days

    def wants(self, entry: Record, slot_id: UUID, channel: str, now: datetime) -> bool:
        """Whether a place in a pool is for who waits in an entry, however many there are of it."""
        slot = self.slots[slot_id]
        let_go = any(
            (row["entry_id"], row["slot_id"]) == (entry["id"], slot_id) and row["status"] in ("declined", "lapsed")
            for row in self.offers.values()
        )
        return (
            entry["status"] == "waiting"
            and entry["service_id"] == slot["service_id"]
            and entry["first_day"] <= slot["day"] <= entry["last_day"]
            and (channel == "public" or (channel == "assisted" and entry["mandate_id"] is not None))
            and not let_go
            and self.is_bookable(slot_id, now)
            and all(self.person_may_have(person_id, slot_id, now) for person_id in entry["people"])
            and self._helpers_may_have(entry, slot_id)
        )

    def _helpers_may_have(self, entry: Record, slot_id: UUID) -> bool:
        slot = self.slots[slot_id]
        by_account = self.counted(booked_by=entry["booked_by"], day=slot["day"])
        if entry["mandate_id"] is not None:
            by_mandates = [row for row in by_account if row["mandate_id"] is not None]
            return bool(len(by_mandates) < slot["limit_volunteer_day"])
        of_account = [row for row in by_account if row["mandate_id"] is None]
        return bool(len(of_account) + entry["party"] <= slot["limit_account_day"])


async def read(conn: Connection) -> Books:
    slots = await conn.fetch("""
        select slot.*, service.provider_id, service.department, policy.limit_department_day, policy.limit_day,
               policy.limit_7_days, policy.limit_90_days, policy.limit_account_day, policy.limit_volunteer_day
        from slot join service on service.id = service_id join policy on policy.id = policy_id
    """)
    bookings = await conn.fetch("""
        select booking.*, service.provider_id, service.department
        from booking join slot on slot.id = slot_id join service on service.id = slot.service_id
        order by booking.id
    """)
    entries = await conn.fetch("""
        select entry.*, array(select person_id from waitlist_member where entry_id = entry.id) as people
        from waitlist_entry as entry order by id
    """)
    return Books(
        slots={row["id"]: row for row in slots},
        pools={(row["slot_id"], row["channel"]): row for row in await conn.fetch("select * from slot_pool")},
        bookings={row["id"]: row for row in bookings},
        kept=Counter((row["slot_id"], row["channel"]) for row in await conn.fetch("select * from place_kept_back")),
        offers={row["id"]: row for row in await conn.fetch("select * from place_offer order by id")},
        entries={row["id"]: row for row in entries},
        suspensions=await conn.fetch("select * from suspension order by id"),
    )


def happened(before: Books, after: Books) -> Counter[str]:
    """Name what a step has brought about, to see that the stories come by everything."""
    found: Counter[str] = Counter()
    for kind in ("bookings", "offers", "entries"):
        was = getattr(before, kind)
        for id, row in getattr(after, kind).items():
            if id not in was or was[id]["status"] != row["status"]:
                found[f"{kind} {row['status']}"] += 1
            if kind == "bookings" and id not in was and row["mandate_id"] is not None:
                found[f"a mandate's booking, {row['channel']}"] += 1
    found["kept back"] += (after.kept - before.kept).total()
    found["free again"] += (before.kept - after.kept).total()
    found["suspended"] += len(after.suspensions) - len(before.suspensions)
    found["fallen back"] += sum(
        row["fallen_back"] > before.pools[pool]["fallen_back"]
        for pool, row in after.pools.items()
        if pool in before.pools
    )
    return found


def check_limits(books: Books) -> None:
    """Assert that nobody holds more than the limits allow."""
    people: Counter[Any] = Counter()
    limits: dict[Any, int] = {}
    for row in books.counted():
        slot = books.slots[row["slot_id"]]
        person, day = row["person_id"], row["day"]
        keys = [
            ("limit_department_day", (person, day, row["provider_id"], row["department"])),
            ("limit_day", (person, day)),
            ("limit_7_days", (person,)),
            ("limit_90_days", (person,)),
        ]
        if row["mandate_id"] is not None:
            keys.append(("limit_volunteer_day", (row["booked_by"], day)))
        for name, key in keys:
            people[name, key] += 1
            limits[name, key] = max(slot[name], limits.get((name, key), 0))
    over = {key: (count, limits[key]) for key, count in people.items() if count > limits[key]}
    assert over == {}, over


def check_bookings(before: Books, after: Books, now: datetime) -> None:
    """Assert that every booking made in a step was for an open slot to come, and keeps its person for good."""
    for id, row in after.bookings.items():
        if id in before.bookings:
            assert row["person_id"] == before.bookings[id]["person_id"]
            assert row["number"] == before.bookings[id]["number"]
        else:
            assert after.slots[row["slot_id"]]["state"] == "open", dict(row)
            assert now < after.slots[row["slot_id"]]["starts_at"], dict(row)


def check_suspensions(books: Books) -> None:
    """Assert that who has missed a number was suspended for it, and nobody is for what was no such thing."""
    missed = {id for id, row in books.bookings.items() if row["status"] == "no_show"}
    suspended = {row["person_id"] for row in books.suspensions}
    assert {books.bookings[id]["person_id"] for id in missed} <= suspended
    for row in books.suspensions:
        if row["lifted_at"] is None:
            assert missed & set(row["booking_ids"]), dict(row)


def passed_over(before: Books, after: Books, now: datetime, *, dispatched: bool) -> list[str]:
    """Name who waits though places for them went elsewhere in a step, or lie idle after a dispatch.

    Places go elsewhere by being free for everybody, or offered to somebody who came later. Until the next dispatch a
    place may be kept back for its rightful owner.
    """
    found = []
    new_offers = [row for id, row in after.offers.items() if id not in before.offers and row["entry_id"] is not None]
    for entry in after.entries.values():
        was = before.entries.get(entry["id"])
        if was is None or was["status"] != "waiting" or entry["status"] != "waiting":
            continue
        for pool in after.pools:
            if not (after.wants(entry, *pool, now) and before.wants(entry, *pool, now)):
                continue
            to_later = sum(
                row["places"]
                for row in new_offers
                if (row["slot_id"], row["channel"]) == pool and after.entries[row["entry_id"]]["place"] > entry["place"]
            )
            freed = max(0, after.free(pool) - before.free(pool))
            kept = after.kept[pool]
            if not dispatched and kept >= _wanted_up_to(entry, after, pool, now):
                continue
            idle = kept if dispatched else 0
            if to_later + freed + idle >= entry["party"]:
                found.append(f"place {entry['place']} in {pool}: {to_later} to later ones, {freed} freed, {idle} idle")
    return found


def check_outcome(before: Books, request: Any, outcome: Any, now: datetime) -> None:
    """Assert that a booking was granted where it may be, and refused for a reason that is true."""
    slot = before.slots[request.slot_id]
    free = any(before.free((request.slot_id, channel)) > 0 for channel in request.channels)
    within_limits = before.person_may_have(request.person_id, request.slot_id, now)
    by_account = before.counted(booked_by=request.account_id, day=slot["day"])
    if request.mandate_id is not None:
        mine = [row for row in by_account if row["mandate_id"] is not None]
        within_limits = within_limits and len(mine) < slot["limit_volunteer_day"]
    elif not request.desk:
        mine = [row for row in by_account if row["mandate_id"] is None]
        within_limits = within_limits and len(mine) < slot["limit_account_day"]
    if not isinstance(outcome, Refusal):
        assert before.is_bookable(request.slot_id, now, desk=request.desk)
        assert free
        assert within_limits
        return
    true = {
        "slot_full": not free,
        "slot_closed": slot["state"] == "closed",
        "not_released": now < slot["release_at"],
        "ordering_ended": now >= slot["order_until"],
        "slot_begun": now >= slot["starts_at"],
    }
    assert true.get(outcome.code, outcome.code.startswith(("limit_", "suspended")) and not within_limits), outcome.code


def _wanted_up_to(entry: Record, books: Books, pool: tuple[UUID, str], now: datetime) -> int:
    """How many places of a pool it takes for all who wait there up to an entry to get one."""
    return sum(
        other["party"]
        for other in books.entries.values()
        if other["place"] <= entry["place"] and books.wants(other, *pool, now)
    )


def check_joining(before: Books, request: Any, outcome: Any, now: datetime) -> None:
    """Assert that who joins a queue could book nothing instead, and that who is sent away could."""
    channels = ("public", "assisted") if request.mandate_id is not None else ("public",)
    bookable = [
        slot_id
        for slot_id, slot in before.slots.items()
        if slot["service_id"] == request.service_id
        and request.first <= slot["day"] <= request.last
        and before.is_bookable(slot_id, now)
        and any(before.free((slot_id, channel)) >= len(request.people) for channel in channels)
    ]
    waiting = [
        entry
        for entry in before.entries.values()
        if entry["status"] in ("waiting", "offered")
        and entry["service_id"] == request.service_id
        and set(entry["people"]) & set(request.people)
    ]
    if not isinstance(outcome, Refusal):
        assert (bookable, waiting) == ([], [])
    elif outcome.code == "places_free":
        assert bookable
    elif outcome.code == "waiting_already":
        assert waiting
