"""What happens to a booking after it was made: cancelled, checked in, completed, missed. In batches, as booking is.

Locks: where somebody did not come the persons, then the help requests of what is cancelled or missed, the queues of the
services of what is cancelled, then bookings by id, then pools by slot and channel, clinics, then the audit chain, as in
`domain.bookings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, help_unit, mandate_use, places, queues, suspensions
from domain.booking_batch import desk_providers
from domain.bookings import pools_locked
from domain.errors import Conflict, NotFound, Refusal
from domain.notices import Notice, tell_all
from domain.vocabulary import LOCAL_ZONE, BookingStatus, KeptBecause, LateRule, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.vault import Vault

    Row = Mapping[str, Any]
    Outcome = Row | Refusal

COMES_FROM = {
    BookingStatus.CANCELLED: BookingStatus.BOOKED,
    BookingStatus.CHECKED_IN: BookingStatus.BOOKED,
    BookingStatus.COMPLETED: BookingStatus.CHECKED_IN,
    BookingStatus.NO_SHOW: BookingStatus.BOOKED,
}
"""The status that each change starts from."""


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """One wanted change. `desk`: by staff of the provider, who are not bound by the cancelling hour.

    `by_time`: by the worker, without an account.

    Of checking in: `came_at` is when, where that was before now; `admit_late` lets in who is refused as too late.
    """

    account_id: UUID | None
    booking_id: UUID
    to: BookingStatus
    reason: str = ""
    desk: bool = False
    request_id: str | None = None
    came_at: datetime | None = None
    admit_late: bool = False
    by_time: bool = False


async def change(conn: Connection, vault: Vault, requests: Sequence[ChangeRequest], now: datetime) -> list[Outcome]:
    """Return for each request, in order, the booking as it is then, or why not. Needs a transaction.

    A change that has been made already is answered like the first time, and written (see `booking.seen`).
    Of several in a batch to one booking, those to the status of the first come first, and what differs is judged
    after that was written.
    """
    outcomes: dict[int, Outcome] = {}
    entries: list[audit.Entry] = []
    missed = {request.booking_id for request in requests if request.to is BookingStatus.NO_SHOW}
    if missed:
        await suspensions.hold_people(conn, missed)
    acting = {
        (request.account_id, request.booking_id)
        for request in requests
        if request.account_id is not None and not request.desk
    }
    if acting:
        await mandate_use.hold_for_changes(conn, acting)
    cancelling = {request.booking_id for request in requests if request.to is BookingStatus.CANCELLED}
    if cancelling or missed:
        await help_unit.hold(conn, cancelling | missed)
    if cancelling:
        await places.hold_queues_of_bookings(conn, cancelling)
    await sql.bookings.lock_bookings(conn, ids=list({request.booking_id for request in requests}))
    while len(outcomes) < len(requests):
        wave: dict[UUID, BookingStatus] = {}
        turn = {
            index: request
            for index, request in enumerate(requests)
            if index not in outcomes and wave.setdefault(request.booking_id, request.to) == request.to
        }
        await _change_each_once(conn, turn, outcomes, entries, now)
    await audit.record_all(conn, vault, now, entries)
    return [outcomes[index] for index in range(len(requests))]


async def _change_each_once(
    conn: Connection,
    requests: Mapping[int, ChangeRequest],
    outcomes: dict[int, Outcome],
    entries: list[audit.Entry],
    now: datetime,
) -> None:
    """Carry out requests of which those for one booking all want the same."""
    rows = await sql.bookings.changes(
        conn,
        accounts=[request.account_id for request in requests.values()],
        bookings=[request.booking_id for request in requests.values()],
        now=now,
    )
    desks = await desk_providers(
        conn, {request.account_id for request in requests.values() if request.desk and request.account_id}
    )
    facts: dict[int, Row] = {}
    changing: dict[UUID, ChangeRequest] = {}
    repeated: list[UUID] = []
    for (index, request), fact in zip(requests.items(), rows, strict=True):
        at_desk = request.desk and request.account_id in desks and fact["provider_id"] in desks[request.account_id]
        reason = refusal(request, fact, at_desk=at_desk, now=now)
        if reason is not None:
            outcomes[index] = reason
            continue
        facts[index] = fact
        if fact["status"] == request.to:
            repeated.append(request.booking_id)
        elif request.booking_id not in changing:
            changing[request.booking_id] = request
            entries.append(_entry(request, fact))
    await _write(conn, changing, {fact["id"]: fact for fact in facts.values()}, now)
    missed = {
        id: (request.account_id, request.request_id)
        for id, request in changing.items()
        if request.to is BookingStatus.NO_SHOW
    }
    if missed:
        entries += await suspensions.follow(conn, missed, now)
    if repeated:
        await sql.bookings.replay(conn, ids=repeated)
    after = {row["id"]: row for row in await sql.bookings.by_ids(conn, ids=[fact["id"] for fact in facts.values()])}
    outcomes.update({index: after[fact["id"]] for index, fact in facts.items()})


def refusal(request: ChangeRequest, fact: Row, *, at_desk: bool, now: datetime) -> Refusal | None:
    """Return why a booking may not be changed so, or None; repeating what has been done is not refused."""
    if fact["id"] is None or not _may_change(request, fact, at_desk=at_desk):
        return NotFound("booking_not_found")
    if fact["status"] == request.to:
        return None
    if fact["status"] != COMES_FROM[request.to]:
        return Conflict("booking_in_other_status", booking_status=fact["status"], needed=COMES_FROM[request.to])
    match request.to:
        case BookingStatus.CANCELLED:
            return check_cancelling_hour(request, fact, now)
        case BookingStatus.CHECKED_IN:
            return check_arrival(request, fact, request.came_at or now)
        case BookingStatus.NO_SHOW:
            return check_over(fact, now)
    return None


def _may_change(request: ChangeRequest, fact: Row, *, at_desk: bool) -> bool:
    if request.by_time:
        return True
    return at_desk if request.desk else fact["cares"] or fact["has_mandate"]


def check_cancelling_hour(request: ChangeRequest, fact: Row, now: datetime) -> Refusal | None:
    """Residents cancel until the policy's hour, so that somebody else can still come; staff until the slot is over."""
    until = fact["ends_at"] if request.desk else fact["cancel_until"]
    if now < until:
        return None
    return Conflict("cancel_too_late", cancel_until=until, phone=fact["provider_phone"])


def check_arrival(request: ChangeRequest, fact: Row, came_at: datetime) -> Refusal | None:
    """Nobody is checked in on another day than the slot's, nor too late where the policy refuses that."""
    if came_at.astimezone(LOCAL_ZONE).date() != fact["day"]:
        return Conflict("not_the_day", day=fact["day"])
    if fact["late_rule"] == LateRule.REFUSE and queues.is_late(fact, came_at) and not request.admit_late:
        starts_at, minutes = fact["starts_at"], fact["late_minutes"]
        return Conflict("too_late", booking_id=fact["id"], starts_at=starts_at, late_minutes=minutes)
    return None


def check_over(fact: Row, now: datetime) -> Refusal | None:
    """Nobody is missed before the slot is over."""
    return None if now >= fact["ends_at"] else Conflict("slot_not_over", ends_at=fact["ends_at"])


async def _write(
    conn: Connection, changing: Mapping[UUID, ChangeRequest], facts: Mapping[UUID, Row], now: datetime
) -> None:
    if not changing:
        return
    cancelled = [facts[id] for id, request in changing.items() if request.to is BookingStatus.CANCELLED]
    if cancelled:
        await pools_locked(conn, {(fact["slot_id"], fact["channel"]) for fact in cancelled})
    await sql.bookings.set_status(
        conn,
        ids=list(changing),
        statuses=[request.to for request in changing.values()],
        reasons=[request.reason for request in changing.values()],
        actors=[request.account_id for request in changing.values()],
        now=now,
    )
    returned = [places.Returned(fact["slot_id"], fact["channel"], KeptBecause.CANCELLED) for fact in cancelled]
    await places.give_back(conn, returned, now)
    await _keep_queues(conn, changing, facts, now)
    await _follow_help(conn, changing, facts, now)
    told = [
        Notice(fact["person_id"], NoticeKind.MANDATE_USE_CANCELLED, fact["id"], {"mandate_id": fact["mandate_id"]})
        for fact in cancelled
        if fact["mandate_id"] is not None
    ]
    if told:
        await tell_all(conn, now, told)


async def _keep_queues(
    conn: Connection, changing: Mapping[UUID, ChangeRequest], facts: Mapping[UUID, Row], now: datetime
) -> None:
    """Let who was checked in wait to be called, and end the wait of who is through."""
    arrivals = [
        queues.arrival(facts[id], request.came_at or now)
        for id, request in changing.items()
        if request.to is BookingStatus.CHECKED_IN
    ]
    if arrivals:
        await queues.enter(conn, arrivals)
    completed = [id for id, request in changing.items() if request.to is BookingStatus.COMPLETED]
    if completed:
        await queues.finish(conn, completed, now)


async def _follow_help(
    conn: Connection, changing: Mapping[UUID, ChangeRequest], facts: Mapping[UUID, Row], now: datetime
) -> None:
    """Let help requests follow what becomes of their bookings."""
    helped = {id: request for id, request in changing.items() if facts[id]["has_help"]}
    cancels = {
        id: help_unit.Cancelled(request.account_id, by_family=not request.desk and facts[id]["cares"])
        for id, request in helped.items()
        if request.to is BookingStatus.CANCELLED
    }
    if cancels:
        await help_unit.follow_cancels(conn, cancels, now)
    missed = [id for id, request in helped.items() if request.to is BookingStatus.NO_SHOW]
    if missed:
        await help_unit.follow_no_shows(conn, missed, now)


def _entry(request: ChangeRequest, fact: Row) -> audit.Entry:
    facts = {"slot_id": str(fact["slot_id"]), "person_id": str(fact["person_id"]), "from": fact["status"]}
    if request.came_at is not None:
        facts["came_at"] = request.came_at.isoformat()
    if request.admit_late:
        facts["admit_late"] = "yes"
    return audit.Entry(f"bookings.{request.to}", request.booking_id, facts, request.account_id, request.request_id)
