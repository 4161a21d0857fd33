"""Slots of a simple weekly pattern: which moments a range of days, weekdays and times of day gives. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from domain.vocabulary import LOCAL_ZONE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import date


class Span(NamedTuple):
    """A stretch of a day; it ends on the day it starts."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Session:
    """A stretch of a day that is cut into slots of equal length; a remainder at its end is left out."""

    span: Span
    minutes: int

    def cut(self) -> Iterator[Span]:
        end = _minute(self.span.end)
        for start in range(_minute(self.span.start), end - self.minutes + 1, self.minutes):
            yield Span(_time(start), _time(start + self.minutes))


def _minute(of_day: time) -> int:
    return of_day.hour * 60 + of_day.minute


def _time(minute: int) -> time:
    return time(*divmod(minute, 60))


def overlapping(spans: Iterable[Span]) -> bool:
    """Say whether any two spans have a moment in common; touching ones have none."""
    return any(later.start < earlier.end for earlier, later in pairwise(sorted(spans)))


def days(first: date, last: date, weekdays: Collection[int]) -> list[date]:
    """Return the days of a range that fall on the weekdays, Monday being 1."""
    count = (last - first).days + 1
    return [day for day in (first + timedelta(n) for n in range(count)) if day.isoweekday() in weekdays]


def moments(on_days: Iterable[date], spans: Iterable[Span]) -> list[tuple[datetime, datetime]]:
    """Return start and end of every span on every day, in order."""
    ordered = sorted(spans)
    return [
        (datetime.combine(day, span.start, LOCAL_ZONE), datetime.combine(day, span.end, LOCAL_ZONE))
        for day in on_days
        for span in ordered
    ]
