"""The ladder of suspensions: when missed numbers suspend, for how long, and what is said then. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from domain.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from domain.rows import Row

CAN_APPEAL = "possible"
"""No appeal was made yet."""

LONGEST_WINDOW = timedelta(days=365)
"""How far before a no-show others count with it, at the most."""


class Missed(NamedTuple):
    """A no-show that no suspension stands on yet."""

    booking_id: UUID
    day: date


class Measure(NamedTuple):
    """The suspension that a ladder asks for. `step` counts from 1."""

    step: int
    days: int
    booking_ids: list[UUID]


def measure(policy: Mapping[str, Any], counting: Sequence[Missed], day: date, before: int) -> Measure | None:
    """Return what a no-show of a day leads to, or None.

    `counting` are the person's no-shows at the provider that count, this one among them: so many in any run of the
    policy's days that holds its day fill the measure. `before`: how many times the person was suspended there
    already. Each further time is a step up the ladder, and the last step is for ever.
    """
    ladder: Sequence[int] = policy["suspension_days"]
    together = _fullest(counting, day, timedelta(days=policy["no_show_window_days"] - 1))
    if not ladder or len(together) < policy["no_show_count"]:
        return None
    return Measure(before + 1, ladder[min(before, len(ladder) - 1)], [each.booking_id for each in together])


def _fullest(counting: Sequence[Missed], day: date, reach: timedelta) -> list[Missed]:
    """Return the most no-shows of any run of days that holds the day: they may be marked in any order."""
    fullest: list[Missed] = []
    for last in {each.day for each in counting if day <= each.day <= day + reach}:
        run = [each for each in counting if last - reach <= each.day <= last]
        if len(run) > len(fullest):
            fullest = run
    return fullest


def suspended(suspension: Row) -> Conflict:
    """Return why a person books nothing at a provider now, until when, and what became of an appeal."""
    appeal = {
        "suspension_id": suspension["suspension_id"],
        "status": suspension["appeal_status"] or CAN_APPEAL,
    }
    return Conflict("suspended", until=suspension["suspended_until"], appeal=appeal)
