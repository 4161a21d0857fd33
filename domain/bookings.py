"""Booking: a batch of requests in one transaction, each with its own outcome.

Locks are taken in one order by everybody: accounts' turns, persons, volunteers, mandates, bookings, pools, audit chain;
within a kind by id. Nothing here raises for one bad request.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.booking_batch import Batch, by_id, fetch
from domain.booking_rules import BookingRequest, Facts, check_limits, check_permission, hindrance, refusal
from domain.errors import Conflict, NotFound, Refusal
from domain.idempotency import KeyReused
from domain.identifiers import new_id
from domain.notices import Notice, tell_all
from domain.vocabulary import BookingStatus, Channel, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.vault import Vault

    Row = Mapping[str, Any]
    Outcome = Row | Refusal

CODE_RANGE = 10**6


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
    batch = await fetch(conn, requests, now)
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
    batch = await fetch(conn, [request for party in parties for request in party], now)
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


async def _answer_repeats(
    conn: Connection, requests: Sequence[BookingRequest], batch: Batch, now: datetime
) -> dict[int, Outcome]:
    """Answer requests whose key made a booking before, to whoever may still see it."""
    if not batch.repeats:
        return {}
    ids = list(set(batch.repeats.values()))
    await sql.bookings.replay(conn, ids=ids)
    made = by_id(await sql.bookings.by_ids(conn, ids=ids))
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
    batch: Batch,
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


def _use(grant: Granted, batch: Batch) -> Notice:
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


def _booking(grant: Granted, batch: Batch, now: datetime) -> Row:
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
