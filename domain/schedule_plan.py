"""From a weekly template, its exceptions and the calendar to slots. Pure: the same given makes the same slots.

A day's sessions: none outside the schedule's validity or where an exception closes the day. Else the
template's sessions of its weekday, or of the weekday that a make-up workday follows; none on a holiday that
the schedule does not work. Where there are such sessions, a change puts its own in their place. Extra sessions
come on top of all that, on holidays too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from domain.slot_pattern import Session as Stretch
from domain.slot_pattern import Span
from domain.vocabulary import LOCAL_ZONE, DayKind, ExceptionKind, OnHolidays

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from uuid import UUID

    Calendar = Mapping[date, "CalendarDay"]
    """The days that are holidays or make-up workdays; all others are as their weekday."""


class Places(NamedTuple):
    """A slot's places by channel; the fields are the channels."""

    public: int
    assisted: int
    counter: int


@dataclass(frozen=True, slots=True)
class Session:
    """A stretch of a day, cut into slots of equal length; `assisted` and `counter` are kept from `capacity`."""

    starts: time
    ends: time
    slot_minutes: int
    capacity: int
    assisted: int = 0
    counter: int = 0

    @property
    def places(self) -> Places:
        return Places(self.capacity - self.assisted - self.counter, self.assisted, self.counter)


@dataclass(frozen=True, slots=True)
class ExceptionDays:
    """What is otherwise on some days of a schedule; `id` is None while it is only thought of."""

    kind: ExceptionKind
    first_day: date
    last_day: date
    sessions: tuple[Session, ...] = ()
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A schedule as a whole; `sessions` by weekday, Monday being 1. `schedule_id` is None while only thought of."""

    schedule_id: UUID | None
    valid_from: date
    valid_to: date | None
    on_holidays: OnHolidays
    sessions: Mapping[int, tuple[Session, ...]]
    exceptions: tuple[ExceptionDays, ...] = ()


class CalendarDay(NamedTuple):
    """A day that is not what its weekday says; `follows_weekday` is only of workdays, None being its own."""

    kind: DayKind
    follows_weekday: int | None = None


class PlannedSlot(NamedTuple):
    schedule_id: UUID | None
    day: date
    starts_at: datetime
    ends_at: datetime
    places: Places


class Clash(NamedTuple):
    """Two sessions that an exception brings onto one day though they overlap."""

    day: date
    exception_id: UUID | None
    extra: Session
    other: Session


def plan(template: Template, calendar: Calendar, first: date, last: date) -> Iterator[PlannedSlot]:
    """Yield the slots of a range of days in order of their start; no two overlap."""
    first = max(first, template.valid_from)
    last = last if template.valid_to is None else min(last, template.valid_to)
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        for span, places in _cut(_sessions(template, calendar, day)):
            yield PlannedSlot(
                template.schedule_id,
                day,
                datetime.combine(day, span.start, LOCAL_ZONE),
                datetime.combine(day, span.end, LOCAL_ZONE),
                places,
            )


def plan_all(templates: Iterable[Template], calendar: Calendar, first: date, last: date) -> Iterator[PlannedSlot]:
    """Yield the slots of templates whose validities do not overlap, in order of their start."""
    in_order = sorted(templates, key=attrgetter("valid_from"))
    return chain.from_iterable(plan(template, calendar, first, last) for template in in_order)


def clashes(template: Template, calendar: Calendar, first: date, last: date) -> Iterator[Clash]:
    """Yield where an extra session overlaps another of its day. `plan` leaves out the extra's slots in the way."""
    for exception in template.exceptions:
        if exception.kind is not ExceptionKind.EXTRA:
            continue
        begins = max(first, exception.first_day, template.valid_from)
        ends = min(last, exception.last_day, template.valid_to or last)
        for number in range((ends - begins).days + 1):
            day = begins + timedelta(days=number)
            if _is_closed(template, day):
                continue
            for extra in exception.sessions:
                for other in _without_extras(template, calendar, day):
                    if extra.starts < other.ends and other.starts < extra.ends:
                        yield Clash(day, exception.id, extra, other)


def _sessions(template: Template, calendar: Calendar, day: date) -> tuple[Session, ...]:
    """Return a day's sessions, those that count first where two are in each other's way."""
    if _is_closed(template, day):
        return ()
    return _without_extras(template, calendar, day) + _sessions_of(template, day, ExceptionKind.EXTRA)


def _is_closed(template: Template, day: date) -> bool:
    return any(each.kind is ExceptionKind.CLOSED for each in _exceptions_on(template, day))


def _without_extras(template: Template, calendar: Calendar, day: date) -> tuple[Session, ...]:
    special = calendar.get(day)
    if special is not None and special.kind is DayKind.HOLIDAY and template.on_holidays is OnHolidays.CLOSED:
        return ()
    weekday = (special and special.follows_weekday) or day.isoweekday()
    usual = template.sessions.get(weekday, ())
    return (_sessions_of(template, day, ExceptionKind.CHANGED) or usual) if usual else ()


def _sessions_of(template: Template, day: date, kind: ExceptionKind) -> tuple[Session, ...]:
    return tuple(chain.from_iterable(each.sessions for each in _exceptions_on(template, day) if each.kind is kind))


def _exceptions_on(template: Template, day: date) -> Sequence[ExceptionDays]:
    return [each for each in template.exceptions if each.first_day <= day <= each.last_day]


@lru_cache(maxsize=4096)
def _cut(sessions: tuple[Session, ...]) -> tuple[tuple[Span, Places], ...]:
    """Cut sessions into slots in order; a slot in the way of an earlier session's is left out."""
    kept: list[tuple[Span, Places]] = []
    for session in sessions:
        standing = tuple(kept)
        kept += [
            (span, session.places)
            for span in Stretch(Span(session.starts, session.ends), session.slot_minutes).cut()
            if not any(span.start < other.end and other.start < span.end for other, _ in standing)
        ]
    return tuple(sorted(kept))
