"""What hours are counted by: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import asin, cos, radians, sin, sqrt
from typing import TYPE_CHECKING

from domain.availability import midnight
from domain.vocabulary import local_day

if TYPE_CHECKING:
    from datetime import date, datetime

EARTH_METRES = 6_371_008.8
"""The mean radius."""
EARLY_MINUTES = 120
"""So long before the time of the help its start can be confirmed: who comes early has come."""
DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Position:
    """WGS 84 degrees, as `wx.getLocation` gives them unless it is asked for others."""

    latitude: float
    longitude: float


def metres_between(one: Position, other: Position) -> int:
    """Return the distance along the surface; of a town, within a metre."""
    north = sin(radians(other.latitude - one.latitude) / 2)
    east = sin(radians(other.longitude - one.longitude) / 2)
    square = north**2 + cos(radians(one.latitude)) * cos(radians(other.latitude)) * east**2
    return round(2 * EARTH_METRES * asin(sqrt(min(1.0, square))))


def minutes_between(started_at: datetime, ended_at: datetime) -> int:
    """Return whole minutes; one that was begun does not count."""
    return (ended_at - started_at) // timedelta(minutes=1)


def claimed(worked: int, others_of_day: int, limit: int) -> int:
    """Return how many minutes count of those worked: all, up to what the day still leaves."""
    return min(worked, max(0, limit - others_of_day))


def start_span(starts_at: datetime, ends_at: datetime) -> tuple[datetime, datetime]:
    """Return from when to when a start can be confirmed: to the end of the last day of the help."""
    return starts_at - timedelta(minutes=EARLY_MINUTES), midnight(local_day(ends_at) + timedelta(days=1))


def day_span(day: date) -> tuple[datetime, datetime]:
    return midnight(day), midnight(day + timedelta(days=1))


def month_span(month: date) -> tuple[datetime, datetime]:
    """Return where the month of a day begins and ends in Alxa."""
    first = month.replace(day=1)
    following = first.replace(year=first.year + first.month // DECEMBER, month=first.month % DECEMBER + 1)
    return midnight(first), midnight(following)
