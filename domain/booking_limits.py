"""How many bookings one person may hold, and one volunteer or account make for others. Pure: counts what it is given.

Cancelled and moved bookings do not count; used, missed and standing ones do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from domain.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

LONGEST_WINDOW_DAYS = 90


class Limits(Protocol):
    """The limits of the policy that rules the wanted slot."""

    def __getitem__(self, name: str, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Held:
    """A booking that counts: one that stands, was used or was missed."""

    id: UUID
    day: date
    provider_id: UUID
    department: str


def check_person_limits(held: Sequence[Held], wanted: Held, limits: Limits) -> Conflict | None:
    """Return why a person may not hold `wanted` beside `held`, or None.

    The 7 and 90 days are any such span that holds the wanted day, not the calendar's.
    """
    if not held:
        return None
    same_day = [booking for booking in held if booking.day == wanted.day]
    same_department = [
        booking
        for booking in same_day
        if booking.provider_id == wanted.provider_id and booking.department == wanted.department
    ]
    for code, counted, limit in (
        ("limit_department_day", same_department, limits["limit_department_day"]),
        ("limit_day", same_day, limits["limit_day"]),
        ("limit_7_days", fullest_span(held, wanted.day, 7), limits["limit_7_days"]),
        ("limit_90_days", fullest_span(held, wanted.day, LONGEST_WINDOW_DAYS), limits["limit_90_days"]),
    ):
        if len(counted) >= limit:
            return Conflict(code, limit=limit, bookings=[booking.id for booking in counted])
    return None


def check_volunteer_limit(bookings_that_day: int, limits: Limits) -> Conflict | None:
    """Return why a volunteer may not make one more booking for that day, or None."""
    limit = limits["limit_volunteer_day"]
    return Conflict("limit_volunteer_day", limit=limit) if bookings_that_day >= limit else None


@dataclass(slots=True)
class Acted:
    """What a volunteer has done under mandates today, by the day of the act, and how far it may go."""

    uses: int
    persons: set[UUID]
    limit_uses: int
    limit_persons: int

    def add(self, person_id: UUID) -> None:
        self.uses += 1
        self.persons.add(person_id)


def check_acts(acted: Acted | None, person_id: UUID) -> Conflict | None:
    """Return why a volunteer may not act once more today for this person, or None; `acted` None: no volunteer acts."""
    if acted is None:
        return None
    if person_id not in acted.persons and len(acted.persons) >= acted.limit_persons:
        return Conflict("limit_persons_today", limit=acted.limit_persons)
    if acted.uses >= acted.limit_uses:
        return Conflict("limit_uses_today", limit=acted.limit_uses)
    return None


def check_account_limit(bookings_that_day: int, limits: Limits) -> Conflict | None:
    """Return why an account may not make one more booking for that day for others in its care, or None."""
    limit = limits["limit_account_day"]
    return Conflict("limit_account_day", limit=limit) if bookings_that_day >= limit else None


def fullest_span(held: Sequence[Held], day: date, days: int) -> list[Held]:
    """Return the bookings of the fullest run of `days` days that holds `day`."""
    reach = timedelta(days=days - 1)
    near = sorted((booking for booking in held if abs(booking.day - day) <= reach), key=lambda booking: booking.day)
    fullest: list[Held] = []
    for first in (day, *(booking.day for booking in near if booking.day < day)):
        span = [booking for booking in near if first <= booking.day <= first + reach]
        if len(span) > len(fullest):
            fullest = span
    return fullest
