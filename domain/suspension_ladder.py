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


class Missed(NamedTuple):
    """A no-show that no suspension stands on yet."""

    booking_id: UUID
    day: date


class Measure(NamedTuple):
    """The suspension that a ladder asks for. `step` counts from 1."""

    step: int
    days: int
    booking_ids: list[UUID]


def measure(policy: Mapping[str, Any], missed: Sequence[Missed], newest: date, before: int) -> Measure | None:
    """Return what a no-show of the day `newest` leads to, or None.

    `missed` are the person's no-shows at the provider that count, the new one among them; `before`: how many times
    the person was suspended there already. Each further time is longer, until the ladder ends.
    """
    ladder: Sequence[int] = policy["suspension_days"]
    begins = newest - timedelta(days=policy["no_show_window_days"] - 1)
    counting = [each for each in missed if begins <= each.day <= newest]
    if not ladder or len(counting) < policy["no_show_count"]:
        return None
    return Measure(before + 1, ladder[min(before, len(ladder) - 1)], [each.booking_id for each in counting])


def suspended(suspension: Row) -> Conflict:
    """Return why a person books nothing at a provider now, until when, and what became of an appeal."""
    appeal = {
        "suspension_id": suspension["suspension_id"],
        "status": suspension["appeal_status"] or CAN_APPEAL,
    }
    return Conflict("suspended", until=suspension["suspended_until"], appeal=appeal)
