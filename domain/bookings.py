"""Booking: a batch of requests in one transaction, each with its own outcome.

Locks are taken in one order by everybody: accounts' turns, persons, volunteers, mandates, bookings, pools, audit chain;
within a kind by id. Nothing here raises for one bad request.
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, mandate_use
from domain.act_limits import acted_today
from domain.booking_limits import LONGEST_WINDOW_DAYS, Acted, Held
from domain.booking_rules import BookingRequest, Facts, check_limits, check_permission, hindrance, refusal
from domain.errors import Conflict, NotFound, Refusal
from domain.idempotency import KeyReused
from domain.identifiers import new_id
from domain.notices import Notice, tell_all
from domain.vocabulary import CLERKS, BookingStatus, Channel, NoticeKind, Relation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.vault import Vault

    Row = Mapping[str, Any]
    Outcome = Row | Refusal

CODE_RANGE = 10**6
REACH = timedelta(days=LONGEST_WINDOW_DAYS - 1)


@dataclass(slots=True)
class Granted:
    """A request that has its place; written with the others of its batch.

    `indexes`: where it stands in the batch, and where requests with the same key do.
    """

    indexes: list[int]
    request: BookingRequest
    slot: Row
    id: UUID
    channel: Channel
    number: int
    code: str


async def book(conn: Connection, vault: Vault, requests: Sequence[BookingRequest], now: datetime) -> list[Outcome]:
    """Return for each request, in order, the booking or why not. Needs a transaction; see the module for its locks.

    A request whose key was used before by the same account is answered with that booking as it is now
    (while the account may still act for the person), or refused as `idempotency_key_reused` where it asks for
    something else.
    """
    batch = await _fetch(conn, requests, now)
    outcomes: dict[int, Outcome] = await _answer_repeats(conn, requests, batch, now)
    granted = await _grant(conn, requests, batch, outcomes, now)
    rows = await _write(conn, granted, now)
    written = {row["id"] for row in rows}
    for grant in granted:
        made = _booking(grant, batch, now) if grant.id in written else None
        for index in grant.indexes:
            same = made is not None and _same(requests[index], made)
            outcomes[index] = made if made is not None and same else KeyReused("idempotency_key_reused")
    uses = [_use(grant, batch) for grant in granted if grant.id in written and grant.request.mandate_id is not None]
    if uses:
        await tell_all(conn, now, uses)
    if rows:
        await audit.record_all(conn, vault, now, [_entry(grant) for grant in granted if grant.id in written], rows[0])
    return [outcomes[index] for index in range(len(requests))]


async def hindrances(
    conn: Connection, parties: Sequence[Sequence[BookingRequest]], now: datetime
) -> list[Refusal | None]:
    """Return for each party, by itself, why it could not be booked together now, but for places and answers.

    Takes the locks of booking on persons and what else its rules ask, so that it stays so. Needs a transaction.
    """
    batch = await _fetch(conn, [request for party in parties for request in party], now)
    index = count()
    return [_hindrance(party, [batch.facts(next(index), request) for request in party], now) for party in parties]


def _hindrance(party: Sequence[BookingRequest], facts: Sequence[Facts], now: datetime) -> Refusal | None:
    for_others = 0
    for request, fact in zip(party, facts, strict=True):
        reason = hindrance(request, replace(fact, account_bookings=fact.account_bookings + for_others), now)
        if reason is not None:
            return reason
        for_others += fact.for_other
    return None


class _Batch:
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


def _by_id(rows: Iterable[Row]) -> dict[UUID, Row]:
    return {row["id"]: row for row in rows}


async def _fetch(conn: Connection, requests: Sequence[BookingRequest], now: datetime) -> _Batch:
    """Take accounts' turns and the locks on persons, volunteers and mandates, and read what the rules ask."""
    slots = _by_id(await sql.bookings.slots(conn, ids=list({request.slot_id for request in requests})))
    days = {slot["day"] for slot in slots.values()} or {now.date()}
    counting = [request for request in requests if _counts_for_account(request)]
    people = _by_id(
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
    batch = _Batch(
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


async def _answer_repeats(
    conn: Connection, requests: Sequence[BookingRequest], batch: _Batch, now: datetime
) -> dict[int, Outcome]:
    """Answer requests whose key made a booking before, to whoever may still see it."""
    if not batch.repeats:
        return {}
    ids = list(set(batch.repeats.values()))
    await sql.bookings.replay(conn, ids=ids)
    made = _by_id(await sql.bookings.by_ids(conn, ids=ids))
    outcomes: dict[int, Outcome] = {}
    for index, booking_id in batch.repeats.items():
        request, facts = requests[index], batch.facts(index, requests[index])
        if not _same(request, made[booking_id]):
            outcomes[index] = KeyReused("idempotency_key_reused")
        elif facts.slot is None:  # its service is hidden by now
            outcomes[index] = made[booking_id] if facts.cares else NotFound("slot_not_found")
        else:
            outcomes[index] = check_permission(request, facts, facts.slot, now) or made[booking_id]
    return outcomes


def _same(request: BookingRequest, booking: Row) -> bool:
    wanted = (request.slot_id, request.person_id, request.mandate_id, request.answers)
    return wanted == (booking["slot_id"], booking["person_id"], booking["mandate_id"], booking["answers"])


async def _grant(
    conn: Connection,
    requests: Sequence[BookingRequest],
    batch: _Batch,
    outcomes: dict[int, Outcome],
    now: datetime,
) -> list[Granted]:
    """Judge each open request, lock the pools that those without fault want, and give out places in order."""
    wanting: list[tuple[int, BookingRequest]] = []
    for index, request in enumerate(requests):
        if index in outcomes:
            continue
        reason = refusal(request, batch.facts(index, request), now)
        if reason is None:
            wanting.append((index, request))
        else:
            outcomes[index] = reason
    wanted = {(request.slot_id, channel) for _, request in wanting for channel in request.channels}
    locked = await pools_locked(conn, wanted)
    pools, moved = _Pools(locked), _moved(locked, batch.slots)
    granted: dict[tuple[UUID, str], Granted] = {}
    for index, request in wanting:
        earlier = granted.get((request.account_id, request.key))
        if earlier is not None:
            earlier.indexes.append(index)
            continue
        if request.slot_id in moved:
            outcomes[index] = Conflict("slot_changed")
            continue
        slot = batch.slots[request.slot_id]
        if batch.has_changed_for(request):
            reason = check_limits(batch.facts(index, request), slot)
            if reason is not None:
                outcomes[index] = reason
                continue
        place = pools.take(request)
        if isinstance(place, Refusal):
            outcomes[index] = place
            continue
        channel, number = place
        grant = Granted([index], request, slot, new_id(), channel, number, f"{secrets.randbelow(CODE_RANGE):06}")
        batch.remember(index, request, grant.id, slot)
        granted[request.account_id, request.key] = grant
    return list(granted.values())


def _moved(locked: Iterable[Row], slots: Mapping[UUID, Row]) -> set[UUID]:
    """Return the slots that were given other times after they were read; from the lock on they keep them."""
    times = {slot_id: (slot["starts_at"], slot["ends_at"]) for slot_id, slot in slots.items()}
    return {row["slot_id"] for row in locked if (row["starts_at"], row["ends_at"]) != times[row["slot_id"]]}


class _Pools:
    """The locked pools of a batch, counted down as places are given."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._pools = {(row["slot_id"], row["channel"]): [row["free"], row["issued"], row["open"]] for row in rows}

    def take(self, request: BookingRequest) -> tuple[Channel, int] | Refusal:
        for channel in request.channels:
            pool = self._pools.get((request.slot_id, channel))
            if pool is None:
                continue
            if not pool[2]:
                return Conflict("slot_closed")
            if pool[0] > 0:
                pool[0] -= 1
                pool[1] += 1
                return channel, pool[1]
        return Conflict("slot_full")


async def pools_locked(conn: Connection, pools: Collection[tuple[UUID, str]]) -> Sequence[Row]:
    """Lock pools, given as slot and channel, in the order in which everybody locks them."""
    if not pools:
        return ()
    rows: Sequence[Row] = await sql.bookings.lock_pools(
        conn, slots=[slot_id for slot_id, _ in pools], channels=[channel for _, channel in pools]
    )
    return rows


async def desk_providers(conn: Connection, accounts: Iterable[UUID]) -> dict[UUID, frozenset[UUID]]:
    """Return for each staff account the providers at whose desk it may act."""
    return {
        account_id: frozenset(
            row["id"] for row in await sql.bookings.desk_providers(conn, account_id=account_id, roles=list(CLERKS))
        )
        for account_id in accounts
    }


async def _write(conn: Connection, granted: Sequence[Granted], now: datetime) -> Sequence[Record]:
    """Write the granted and return the ids written, each with the head of the audit chain, which is locked then.

    One that is missing lost its key to a transaction that asked for another person: requests for the
    same person wait for each other, and the later one is answered as a repeat.
    """
    if not granted:
        return ()
    # Who loses a key waits for who has it: in one order, so that two batches do not wait for each other.
    granted = sorted(granted, key=lambda grant: (grant.request.account_id, grant.request.key))
    rows: Sequence[Record] = await sql.bookings.insert_bookings(
        conn,
        ids=[grant.id for grant in granted],
        slots=[grant.request.slot_id for grant in granted],
        channels=[grant.channel for grant in granted],
        numbers=[grant.number for grant in granted],
        codes=[grant.code for grant in granted],
        people=[grant.request.person_id for grant in granted],
        accounts=[grant.request.account_id for grant in granted],
        mandates=[grant.request.mandate_id for grant in granted],
        days=[grant.slot["day"] for grant in granted],
        answers=[grant.request.answers for grant in granted],
        keys=[grant.request.key for grant in granted],
        chain=audit.chain_of(conn),
        now=now,
    )
    return rows


def _use(grant: Granted, batch: _Batch) -> Notice:
    """Return the notice of a use: the elder or the family is told of every one."""
    request = grant.request
    facts = {"mandate_id": request.mandate_id, "volunteer_id": batch.volunteers[request.account_id]["id"]}
    return Notice(request.person_id, NoticeKind.MANDATE_USED, grant.id, facts)


def _entry(grant: Granted) -> audit.Entry:
    facts: dict[str, audit.Fact] = {
        "slot_id": str(grant.request.slot_id),
        "person_id": str(grant.request.person_id),
        "channel": grant.channel,
        "number": grant.number,
    }
    if grant.request.mandate_id is not None:
        facts["mandate_id"] = str(grant.request.mandate_id)
    if grant.request.despite_suspension:
        facts["despite_suspension"] = grant.request.despite_suspension
    return audit.Entry("bookings.booked", grant.id, facts, grant.request.account_id, grant.request.request_id)


def _booking(grant: Granted, batch: _Batch, now: datetime) -> Row:
    """Return what `sql.bookings.by_ids` would: the answer of a first request equals that of its repeats."""
    slot, request = grant.slot, grant.request
    return {
        "id": grant.id,
        "status": BookingStatus.BOOKED,
        "number": grant.number,
        "code": grant.code,
        "channel": grant.channel,
        "slot_id": request.slot_id,
        "person_id": request.person_id,
        "person_name": batch.people[request.person_id]["name"],
        "mandate_id": request.mandate_id,
        "moved_from": None,
        "booked_by": request.account_id,
        "answers": request.answers,
        "reason": "",
        "created_at": now,
        "changed_at": now,
        "day": slot["day"],
        "queue_number": None,
        "starts_at": slot["starts_at"],
        "ends_at": slot["ends_at"],
        "cancel_until": slot["cancel_until"],
        "resource": slot["resource"],
        "service_id": slot["service_id"],
        "service_name": slot["service_name"],
        "department": slot["department"],
        "provider_id": slot["provider_id"],
        "provider_name": slot["provider_name"],
    }
