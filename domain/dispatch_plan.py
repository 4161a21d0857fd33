"""Whom a help request fits, and why. Pure: the choice can be made again from what is recorded.

`fits` is the one rule of fitness: dispatch asks nobody whom it refuses, and an acceptance is judged by it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from domain.help_vocabulary import MandateFit, Misfit, PartOfDay, Reach
from domain.vocabulary import LOCAL_ZONE, VolunteerStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date
    from uuid import UUID

    from domain.help_vocabulary import Ability

    Span = tuple[datetime, datetime]
    Minutes = tuple[int, int]

DAY = timedelta(days=1)
WHOLE_DAY = 24 * 60
PARTS: Mapping[str, Minutes] = {
    PartOfDay.ANY: (0, WHOLE_DAY),
    PartOfDay.MORNING: (0, 12 * 60),
    PartOfDay.AFTERNOON: (12 * 60, WHOLE_DAY),
}
ENOUGH_MINUTES = 120
"""So long in one piece a volunteer is to be free on a wished day while the hour is not known yet."""


@dataclass(frozen=True, slots=True)
class Place:
    """An area, those above it from the nearest up (itself first), and all that lie under the same parent."""

    area_id: UUID
    upwards: tuple[UUID, ...]
    around: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Mandates:
    """What there is to act under for the person of a request: who has a mandate in its matter, who could get one."""

    needed: bool
    obtainable: bool
    volunteers: frozenset[UUID] = frozenset()
    teams: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Sought:
    """A help request that wants somebody.

    `span` is the time of the help where it is known; until then the wished days and the part of day count.
    `freed`: who had it already. `carers`: volunteers who care for the person themselves.
    """

    id: UUID
    team_id: UUID
    place: Place
    language: str
    abilities: frozenset[Ability]
    wished_days: tuple[date, ...]
    part_of_day: PartOfDay
    span: Span | None
    mandates: Mandates
    limit_tasks: int
    limit_minutes_day: int
    freed: frozenset[UUID] = frozenset()
    carers: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Helper:
    """A volunteer as the dispatch sees one.

    `hours` are spans of minutes by weekday (Monday is 1), `days_off` first and last days, `work` the times at which
    the volunteer is bound. `tasks`: requests that the volunteer has now. `load`: what the volunteer did and was
    asked lately.
    """

    id: UUID
    team_id: UUID
    status: str
    areas: frozenset[UUID]
    languages: frozenset[str]
    abilities: frozenset[Ability]
    hours: Mapping[int, tuple[Minutes, ...]]
    days_off: tuple[tuple[date, date], ...] = ()
    work: tuple[Span, ...] = ()
    tasks: int = 0
    load: int = 0


def fits(request: Sought, helper: Helper, now: datetime, reach: Reach = Reach.AROUND) -> Misfit | None:
    """Return why a volunteer cannot have a request, or None where nothing speaks against it."""
    verdicts = (
        (Misfit.NOT_APPROVED, helper.status != VolunteerStatus.APPROVED),
        (Misfit.HAD_IT_BEFORE, helper.id in request.freed),
        (Misfit.CARES_FOR_PERSON, helper.id in request.carers),
        (Misfit.OTHER_TEAM, reach == Reach.TEAM and helper.team_id != request.team_id),
        (Misfit.OTHER_AREA, area_served(request.place, helper.areas, reach) is None),
        (Misfit.LANGUAGE, request.language not in helper.languages),
        (Misfit.ABILITIES, not request.abilities <= helper.abilities),
        (Misfit.MANDATE, mandate_of(request.mandates, helper.id, helper.team_id) == MandateFit.NONE),
        (Misfit.TOO_MANY_TASKS, helper.tasks >= request.limit_tasks),
    )
    for misfit, stands in verdicts:
        if stands:
            return misfit
    if request.span is None:
        return None if day_with_time(request, helper, now) else Misfit.HOURS
    if not covers(helper, request.span):
        return Misfit.HOURS
    if works_at(helper, request.span):
        return Misfit.OTHER_WORK
    return Misfit.TOO_MUCH_THAT_DAY if too_much(helper.work, request.span, request.limit_minutes_day) else None


def area_served(place: Place, areas: frozenset[UUID], reach: Reach) -> UUID | None:
    """Return the nearest area by which a volunteer serves a place: itself, one above or, reaching far, one around."""
    above = next((area_id for area_id in place.upwards if area_id in areas), None)
    if above is None and reach == Reach.AROUND:
        return min(place.around & areas, default=None)
    return above


def mandate_of(mandates: Mandates, volunteer_id: UUID, team_id: UUID) -> MandateFit:
    if not mandates.needed:
        return MandateFit.NOT_NEEDED
    if volunteer_id in mandates.volunteers or team_id in mandates.teams:
        return MandateFit.IN_PLACE
    return MandateFit.OBTAINABLE if mandates.obtainable else MandateFit.NONE


def covers(helper: Helper, span: Span) -> bool:
    """Say whether a time lies wholly within a volunteer's hours, on no day off."""
    return all(
        not _is_off(helper, day)
        and any(begins <= first and last <= ends for begins, ends in joined(helper.hours.get(day.isoweekday(), ())))
        for day, first, last in by_days(span)
    )


def works_at(helper: Helper, span: Span) -> bool:
    return any(begins < span[1] and span[0] < ends for begins, ends in helper.work)


def too_much(work: Iterable[Span], span: Span, limit: int) -> bool:
    """Say whether a time, with the work that there is, binds a volunteer longer on one day than the rules let one be.

    The one rule of that limit: for whom a request fits, and wherever a volunteer is bound.
    """
    held = tuple(work)
    return any(last - first + minutes_bound(held, day) > limit for day, first, last in by_days(span))


def day_with_time(request: Sought, helper: Helper, now: datetime) -> date | None:
    """Return the first wished day on whose part of day the volunteer still has enough time in one piece."""
    for day in sorted(request.wished_days):
        if not _is_off(helper, day):
            hours = helper.hours.get(day.isoweekday(), ())
            part = left_of(day, request.part_of_day, now)
            if leaves_enough(hours, part, bound_on(helper.work, day), request.limit_minutes_day):
                return day
    return None


def first_moment(request: Sought) -> datetime:
    """Return when the help is needed at the earliest."""
    if request.span is not None:
        return request.span[0]
    begins, _ = PARTS[request.part_of_day]
    return datetime.combine(min(request.wished_days), time(), LOCAL_ZONE) + timedelta(minutes=begins)


def left_of(day: date, part_of_day: PartOfDay, now: datetime) -> Minutes:
    """Return what is left of a part of a day."""
    begins, ends = PARTS[part_of_day]
    local = now.astimezone(LOCAL_ZONE)
    if day > local.date():
        return begins, ends
    return (max(begins, local.hour * 60 + local.minute) if day == local.date() else ends), ends


def leaves_enough(hours: tuple[Minutes, ...], part: Minutes, bound: tuple[Minutes, ...], limit: int) -> bool:
    """Say whether hours leave enough time in one piece, and so does the limit of the day; a low one is enough whole."""
    left = limit - sum(last - first for first, last in bound)
    return left >= min(ENOUGH_MINUTES, limit) and longest_free(hours, part, bound) >= ENOUGH_MINUTES


def longest_free(hours: tuple[Minutes, ...], part: Minutes, bound: tuple[Minutes, ...]) -> int:
    """Return how many minutes in one piece of some hours lie in a part of the day and are not bound."""
    longest = 0
    for begins, ends in joined(hours):
        at, last = max(begins, part[0]), min(ends, part[1])
        for first_bound, last_bound in sorted(bound):
            longest = max(longest, min(first_bound, last) - at)
            at = max(at, last_bound)
        longest = max(longest, last - at)
    return longest


def bound_on(work: tuple[Span, ...], day: date) -> tuple[Minutes, ...]:
    return tuple((first, last) for span in work for on_day, first, last in by_days(span) if on_day == day)


def minutes_bound(work: tuple[Span, ...], day: date) -> int:
    return sum(last - first for first, last in bound_on(work, day))


def joined(hours: tuple[Minutes, ...]) -> list[Minutes]:
    """Join spans that touch."""
    whole: list[Minutes] = []
    for begins, ends in sorted(hours):
        if whole and begins <= whole[-1][1]:
            whole[-1] = whole[-1][0], max(ends, whole[-1][1])
        else:
            whole.append((begins, ends))
    return whole


def by_days(span: Span) -> Iterator[tuple[date, int, int]]:
    """Cut a time into its local days; minutes that are only begun count whole."""
    begins, ends = (moment.astimezone(LOCAL_ZONE) for moment in span)
    day = begins.date()
    while True:
        midnight = datetime.combine(day, time(), LOCAL_ZONE)
        if midnight >= ends:
            return
        first = max(begins - midnight, timedelta(0)) // timedelta(minutes=1)
        last = -((midnight - min(ends, midnight + DAY)) // timedelta(minutes=1))
        yield day, first, last
        day += DAY


def _is_off(helper: Helper, day: date) -> bool:
    return any(first <= day <= last for first, last in helper.days_off)
