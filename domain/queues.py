"""The queue of a clinic's day: who has come is called one after the other, and nobody twice at once.

A clinic is a service with one doctor or counter of it (or none named). Whoever changes its queue locks the clinic's
row first, after bookings and pools and before the audit chain; the same row's version wakes who waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.errors import Conflict, NotFound
from domain.permissions import (
    require_signed_in,
    require_staff_at,
    require_staff_at_service,
    require_staff_at_ticket,
)
from domain.vocabulary import CLERKS, TicketStatus, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context

    Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who has come, and since when the turn counts."""

    booking_id: UUID
    service_id: UUID
    resource: str
    day: date
    order_at: datetime
    late: bool
    came_at: datetime


def is_late(fact: Row, came_at: datetime) -> bool:
    """Say whether somebody comes later than the policy calls in time."""
    late: bool = came_at > fact["starts_at"] + timedelta(minutes=fact["late_minutes"])
    return late


def arrival(fact: Row, came_at: datetime) -> Arrival:
    """Return the arrival for a booking: by the slot's start if in time, else by the coming, behind those in time."""
    late = is_late(fact, came_at)
    order_at = came_at if late else fact["starts_at"]
    return Arrival(fact["id"], fact["service_id"], fact["resource"], fact["day"], order_at, late, came_at)


async def enter(conn: Connection, arrivals: Sequence[Arrival]) -> None:
    """Give tickets to who was checked in, numbered in the order given; the caller has locked the bookings."""
    await sql.queues.enter(
        conn,
        bookings=[one.booking_id for one in arrivals],
        services=[one.service_id for one in arrivals],
        resources=[one.resource for one in arrivals],
        days=[one.day for one in arrivals],
        orders=[one.order_at for one in arrivals],
        lates=[one.late for one in arrivals],
        arrivals=[one.came_at for one in arrivals],
    )


async def enter_today(conn: Connection, booking_id: UUID, now: datetime) -> None:
    """Let somebody wait who was taken for missing, if the day is not over; the caller has locked the booking."""
    fact = await sql.queues.to_come(conn, booking_id=booking_id)
    if fact["day"] == local_day(now):
        await enter(conn, [arrival(fact, now)])


async def finish(conn: Connection, booking_ids: Sequence[UUID], now: datetime) -> None:
    """End the tickets of visits that are over; the caller has locked the bookings."""
    await sql.queues.finish(conn, bookings=booking_ids, now=now)


async def call_next(conn: Connection, ctx: Context, service_id: UUID, *, resource: str, counter: str) -> Row:
    """Call whoever is first today. Two counters that call at once call two people."""
    await require_staff_at_service(conn, ctx, service_id, *CLERKS)
    clinic = {"service_id": service_id, "resource": resource, "day": local_day(ctx.now)}
    # The clinic's lock, and not the ticket's: who waits for it looks for the first again, and finds the next.
    await sql.queues.raise_version(conn, **clinic)
    called = await sql.queues.call_next(conn, **clinic, counter=counter, now=ctx.now)
    if called is None:
        raise Conflict("queue_empty")
    ticket = await _ticket(conn, called["booking_id"])
    await audit.record(conn, ctx, "queues.called", ticket["booking_id"], number=ticket["number"])
    return ticket


async def ticket(conn: Connection, ctx: Context, booking_id: UUID) -> Row:
    """Return one ticket to the desk, as it is now."""
    await require_staff_at_ticket(conn, ctx, booking_id, *CLERKS)
    return await _ticket(conn, booking_id)


async def call_again(conn: Connection, ctx: Context, booking_id: UUID, *, counter: str | None) -> Row:
    """Call somebody once more who has been called, to another counter if one is named."""
    await require_staff_at_ticket(conn, ctx, booking_id, *CLERKS)
    before = await _locked(conn, ctx, booking_id)
    _expect(before, await sql.queues.call_again(conn, booking_id=booking_id, counter=counter, now=ctx.now))
    return await _recorded(conn, ctx, booking_id, "queues.called_again")


async def skip(conn: Connection, ctx: Context, booking_id: UUID) -> Row:
    """Pass over somebody who was called and does not come."""
    await require_staff_at_ticket(conn, ctx, booking_id, *CLERKS)
    before = await _locked(conn, ctx, booking_id)
    if before["status"] == TicketStatus.SKIPPED:
        return before
    _expect(before, await sql.queues.skip(conn, booking_id=booking_id))
    return await _recorded(conn, ctx, booking_id, "queues.skipped")


async def take_back(conn: Connection, ctx: Context, booking_id: UUID) -> Row:
    """Let somebody wait again who was passed over and has come back."""
    await require_staff_at_ticket(conn, ctx, booking_id, *CLERKS)
    before = await _locked(conn, ctx, booking_id)
    if before["status"] == TicketStatus.WAITING:
        return before
    _expect(before, await sql.queues.take_back(conn, booking_id=booking_id, now=ctx.now))
    return await _recorded(conn, ctx, booking_id, "queues.taken_back")


async def undo(conn: Connection, ctx: Context, booking_id: UUID) -> Row:
    """Take back, on the same day, that somebody was passed over or that the visit was ended."""
    await require_staff_at_ticket(conn, ctx, booking_id, *CLERKS)
    await sql.bookings.lock_bookings(conn, ids=[booking_id])
    before = await _locked(conn, ctx, booking_id)
    _expect(before, await sql.queues.undo(conn, booking_id=booking_id))
    if before["status"] == TicketStatus.DONE:
        actor = require_signed_in(ctx).account_id
        await sql.queues.visit_again(conn, booking_id=booking_id, actor=actor, now=ctx.now)
    return await _recorded(conn, ctx, booking_id, "queues.undone", was=before["status"])


async def state(conn: Connection, ctx: Context, service_id: UUID, *, resource: str, day: date | None) -> Row:
    """Show the desk a clinic's day: everybody who has come, and how many are still expected."""
    await require_staff_at_service(conn, ctx, service_id, *CLERKS)
    clinic = {"service_id": service_id, "resource": resource, "day": day or local_day(ctx.now)}
    return {
        **clinic,
        "tickets": await sql.queues.of_clinic(conn, **clinic),
        "expected": await sql.queues.expected(conn, **clinic),
    }


async def clinics(conn: Connection, ctx: Context, provider_id: UUID) -> Sequence[Record]:
    """List the clinics of a provider to which anybody has come today."""
    await require_staff_at(conn, ctx, provider_id, *CLERKS)
    found: Sequence[Record] = await sql.queues.clinics(conn, provider_id=provider_id, day=local_day(ctx.now))
    return found


async def _ticket(conn: Connection, booking_id: UUID) -> Row:
    row: Row | None = await sql.queues.ticket(conn, booking_id=booking_id)
    if row is None:
        raise NotFound("ticket_not_found")
    return row


async def _locked(conn: Connection, ctx: Context, booking_id: UUID) -> Row:
    """Lock the clinic of a ticket of today, and return the ticket as it is from then on."""
    standing = await _ticket(conn, booking_id)
    if standing["day"] != local_day(ctx.now):
        raise Conflict("queue_day_over", day=standing["day"])
    clinic = {name: standing[name] for name in ("service_id", "resource", "day")}
    await sql.queues.raise_version(conn, **clinic)
    return await _ticket(conn, booking_id)


def _expect(before: Row, changed: Row | None) -> None:
    """Refuse a change that the ticket's status does not allow."""
    if changed is None:
        raise Conflict("ticket_in_other_status", ticket_status=before["status"])


async def _recorded(conn: Connection, ctx: Context, booking_id: UUID, action: str, **facts: str) -> Row:
    await audit.record(conn, ctx, action, booking_id, **facts)
    return await _ticket(conn, booking_id)
