"""What is known of a batch of bookings before it is judged: locked, fetched, and counted on as places are given.

The locks are those of `domain.bookings`, as far as persons, volunteers and mandates go.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import mandate_use
from domain.act_limits import acted_today
from domain.booking_limits import LONGEST_WINDOW_DAYS, Acted, Held
from domain.booking_rules import BookingRequest, Facts
from domain.vocabulary import CLERKS, Relation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection

    Row = Mapping[str, Any]

REACH = timedelta(days=LONGEST_WINDOW_DAYS - 1)


class Batch:
    """What was fetched for a batch, and what its earlier requests have used up."""

    def __init__(
        self,
        slots: Mapping[UUID, Row],
        people: Mapping[UUID, Row],
        volunteers: Mapping[UUID, Row],
        mandates: Mapping[UUID, Row],
        desks: Mapping[UUID, frozenset[UUID]],
        volunteer_days: Counter[tuple[UUID, date]],
        acted: Mapping[UUID, Acted],
    ) -> None:
        self.slots = slots
        self.people = people
        self.volunteers = volunteers
        self.mandates = mandates
        self.desks = desks
        self.volunteer_days = volunteer_days
        self.acted = acted
        self.relations: dict[int, str] = {}
        self.account_days: Counter[tuple[UUID, date]] = Counter()
        self.mandate_uses: Counter[UUID] = Counter()
        self.account_bookings: dict[int, int] = {}
        self.suspensions: dict[int, Row] = {}
        self.repeats: dict[int, UUID] = {}
        self.held: defaultdict[UUID, list[Held]] = defaultdict(list)
        self.changed: set[UUID] = set()

    def add(self, requests: Sequence[BookingRequest], rows: Iterable[Row]) -> None:
        """Sort in what `sql.bookings.requests` tells: a request has a row for each booking its person holds."""
        seen: set[UUID] = set()
        for row in rows:
            index = row["n"] - 1
            if row["relation"] is not None:
                self.relations[index] = row["relation"]
                if row["account_bookings"]:
                    self.account_bookings[index] = row["account_bookings"]
            if row["suspension_id"] is not None:
                self.suspensions[index] = row
            if row["made_id"] is not None:
                self.repeats[index] = row["made_id"]
            if row["held_id"] is not None and row["held_id"] not in seen:
                seen.add(row["held_id"])
                held = Held(row["held_id"], row["day"], row["provider_id"], row["department"])
                self.held[requests[index].person_id].append(held)

    def facts(self, index: int, request: BookingRequest) -> Facts:
        slot = self.slots.get(request.slot_id)
        mandate = volunteer = acted = None
        bookings = account_bookings = uses = 0
        relation = self.relations.get(index)
        for_other = _counts_for_account(request) and relation is not None and relation != Relation.SELF
        if for_other and slot is not None:
            account_bookings = self.account_bookings.get(index, 0) + self.account_days[request.account_id, slot["day"]]
        if request.mandate_id is not None:
            mandate = self.mandates.get(request.mandate_id)
            uses = self.mandate_uses[request.mandate_id]
            volunteer = self.volunteers.get(request.account_id)
            if slot is not None and volunteer is not None:
                bookings = self.volunteer_days[volunteer["id"], slot["day"]]
                acted = self.acted[request.account_id]
        return Facts(
            slot=slot,
            person=self.people.get(request.person_id),
            cares=relation is not None,
            at_desk=request.desk and slot is not None and slot["provider_id"] in self.desks[request.account_id],
            mandate=mandate,
            volunteer=volunteer,
            held=self.held.get(request.person_id, ()),
            volunteer_bookings=bookings,
            mandate_uses=uses,
            acted=acted,
            for_other=for_other,
            account_bookings=account_bookings,
            suspension=self.suspensions.get(index),
        )

    def remember(self, index: int, request: BookingRequest, booking_id: UUID, slot: Row) -> None:
        """Count a grant, so that later requests of the batch meet it."""
        self.held[request.person_id].append(Held(booking_id, slot["day"], slot["provider_id"], slot["department"]))
        self.changed.add(request.person_id)
        if request.mandate_id is not None:
            self.volunteer_days[self.volunteers[request.account_id]["id"], slot["day"]] += 1
            self.mandate_uses[request.mandate_id] += 1
            self.acted[request.account_id].add(request.person_id)
            self.changed.add(request.account_id)
        elif _counts_for_account(request) and self.relations.get(index) != Relation.SELF:
            self.account_days[request.account_id, slot["day"]] += 1
            self.changed.add(request.account_id)

    def has_changed_for(self, request: BookingRequest) -> bool:
        """Whether an earlier request of the batch may have used up this one's limits."""
        return request.person_id in self.changed or request.account_id in self.changed


def _counts_for_account(request: BookingRequest) -> bool:
    """Volunteers have a limit of their own, and the desk has none."""
    return request.mandate_id is None and not request.desk


def by_id(rows: Iterable[Row]) -> dict[UUID, Row]:
    return {row["id"]: row for row in rows}


async def fetch(conn: Connection, requests: Sequence[BookingRequest], now: datetime) -> Batch:
    """Take accounts' turns and the locks on persons, volunteers and mandates, and read what the rules ask."""
    slots = by_id(await sql.bookings.slots(conn, ids=list({request.slot_id for request in requests})))
    days = {slot["day"] for slot in slots.values()} or {now.date()}
    counting = [request for request in requests if _counts_for_account(request)]
    people = by_id(
        await sql.bookings.lock_people_to_book(
            conn,
            ids=list({request.person_id for request in requests}),
            accounts=[request.account_id for request in counting],
            people=[request.person_id for request in counting],
        )
    )
    assisted = [request for request in requests if request.mandate_id is not None]
    volunteers: dict[UUID, Row] = {}
    mandates: Mapping[UUID, Row] = {}
    if assisted:
        accounts = list({request.account_id for request in assisted})
        volunteers = {row["account_id"]: row for row in await sql.bookings.lock_volunteers(conn, account_ids=accounts)}
        mandate_ids = {request.mandate_id for request in requests if request.mandate_id is not None}
        mandates = await mandate_use.hold(conn, mandate_ids, accounts)
    batch = Batch(
        slots=slots,
        people=people,
        volunteers=volunteers,
        mandates=mandates,
        desks=await desk_providers(conn, {request.account_id for request in requests if request.desk}),
        volunteer_days=await _volunteer_days(conn, volunteers, days),
        acted=await acted_today(conn, volunteers, now),
    )
    wanted = [slots.get(request.slot_id) for request in requests]
    rows = await sql.bookings.requests(
        conn,
        accounts=[request.account_id for request in requests],
        people=[request.person_id for request in requests],
        keys=[request.key for request in requests],
        providers=[slot and slot["provider_id"] for slot in wanted],
        days=[slot and slot["day"] for slot in wanted],
        now=now,
        first_day=min(days) - REACH,
        last_day=max(days) + REACH,
    )
    batch.add(requests, rows)
    return batch


async def _volunteer_days(
    conn: Connection, volunteers: Mapping[UUID, Row], days: Collection[date]
) -> Counter[tuple[UUID, date]]:
    counted: Counter[tuple[UUID, date]] = Counter()
    if volunteers:
        ids = [volunteer["id"] for volunteer in volunteers.values()]
        for row in await sql.bookings.volunteer_bookings(conn, volunteers=ids, days=list(days)):
            counted[row["volunteer_id"], row["day"]] = row["bookings"]
    return counted


async def desk_providers(conn: Connection, accounts: Iterable[UUID]) -> dict[UUID, frozenset[UUID]]:
    """Return for each staff account the providers at whose desk it may act."""
    return {
        account_id: frozenset(
            row["id"] for row in await sql.bookings.desk_providers(conn, account_id=account_id, roles=list(CLERKS))
        )
        for account_id in accounts
    }
