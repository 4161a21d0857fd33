"""What a screen on the wall and those who wait are told of a clinic's queue: numbers, and no names.

One look at the database tells it all for everybody who waits there; each one's own place is counted from that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import sql
from domain.errors import NotFound
from domain.permissions import require_signed_in
from domain.vocabulary import BookingStatus, TicketStatus, WaitStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context

    Row = Mapping[str, Any]

MOST_NEXT = 10
"""Numbers that a screen announces ahead."""

OVER = (BookingStatus.CANCELLED, BookingStatus.MOVED, BookingStatus.NO_SHOW)


class Clinic(NamedTuple):
    """One queue: a service's doctor or counter, on one day."""

    service_id: UUID
    resource: str
    day: date


@dataclass(frozen=True)
class Board:
    """A clinic's queue at one version; `tickets` in the order in which they are called."""

    clinic: Clinic
    service_name: str
    provider_name: str
    version: int
    tickets: Sequence[Row]

    def _of(self, status: TicketStatus) -> list[Row]:
        return [ticket for ticket in self.tickets if ticket["status"] == status]

    @cached_property
    def shown(self) -> Row:
        """What everybody may see."""
        waiting = self._of(TicketStatus.WAITING)
        called = sorted(self._of(TicketStatus.CALLED), key=lambda ticket: ticket["called_at"], reverse=True)
        return {
            **self.clinic._asdict(),
            "service_name": self.service_name,
            "provider_name": self.provider_name,
            "version": self.version,
            "called": called,
            "coming": [ticket["number"] for ticket in waiting[:MOST_NEXT]],
            "waiting": len(waiting),
            "missed": [ticket["number"] for ticket in self._of(TicketStatus.SKIPPED)],
        }

    @cached_property
    def _by_booking(self) -> Mapping[UUID, Row]:
        return {ticket["booking_id"]: ticket for ticket in self.tickets}

    @cached_property
    def _before(self) -> Mapping[UUID, int]:
        return {ticket["booking_id"]: before for before, ticket in enumerate(self._of(TicketStatus.WAITING))}

    def place(self, booking: Row) -> Row:
        """Return where the person of a booking stands, with the sentence's code and facts that say what to do."""
        ticket = self._by_booking.get(booking["id"])
        before = self._before.get(booking["id"])
        status = _status(booking, ticket)
        return {
            **self.clinic._asdict(),
            "booking_id": booking["id"],
            "booking_status": booking["booking_status"],
            "starts_at": booking["starts_at"],
            "provider_name": self.provider_name,
            "version": self.version,
            "status": status,
            "number": None if ticket is None else ticket["number"],
            "before": before,
            "position": None if before is None else before + 1,
            "calls": 0 if ticket is None else ticket["calls"],
            "where": (ticket and ticket["counter"]) or self.clinic.resource or self.service_name,
        }


def _status(booking: Row, ticket: Row | None) -> WaitStatus:
    if ticket is not None:
        return WaitStatus(ticket["status"])
    if booking["booking_status"] == BookingStatus.BOOKED:
        return WaitStatus.EXPECTED
    return WaitStatus.OVER if booking["booking_status"] in OVER else WaitStatus.DONE


def words(place: Row) -> str:
    """Return the code of the sentence that tells somebody what to do now, and where."""
    if place["status"] == WaitStatus.WAITING:
        return "queue_wait" if place["before"] else "queue_next"
    return {
        WaitStatus.EXPECTED: "queue_come",
        WaitStatus.CALLED: "queue_called",
        WaitStatus.SKIPPED: "queue_missed",
        WaitStatus.DONE: "queue_done",
        WaitStatus.OVER: "queue_over",
    }[place["status"]]


async def board(conn: Connection, clinic: Clinic) -> Board:
    """Read a clinic's queue; everybody may see it, as on the screen in the hall."""
    rows = await sql.queues.board(conn, **clinic._asdict())
    if not rows:
        raise NotFound("service_not_found")
    tickets = [row for row in rows if row["booking_id"] is not None]
    return Board(clinic, rows[0]["service_name"], rows[0]["provider_name"], rows[0]["version"], tickets)


async def own_booking(conn: Connection, ctx: Context, booking_id: UUID) -> Row:
    """Return in which queue somebody who may see the booking waits."""
    account_id = require_signed_in(ctx).account_id
    booking: Row | None = await sql.queues.place_of(conn, account_id=account_id, booking_id=booking_id, now=ctx.now)
    if booking is None:
        raise NotFound("booking_not_found")
    return booking


def clinic_of(booking: Row) -> Clinic:
    return Clinic(booking["service_id"], booking["resource"], booking["day"])
