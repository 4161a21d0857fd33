"""Whom each of many requests fits, all volunteers at once. Pure.

Each volunteer is a bit of Python's whole numbers, each rule of `dispatch_plan.fits` a few masks: of thousands of
volunteers a request's fitting ones are found by as many operations as there are rules. `tests/test_dispatch_choice.py`
holds the two together.
"""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from hashlib import blake2b
from itertools import pairwise
from operator import and_
from typing import TYPE_CHECKING

from domain.dispatch_plan import (
    ENOUGH_MINUTES,
    bound_on,
    by_days,
    joined,
    leaves_enough,
    left_of,
    longest_free,
    minutes_bound,
)
from domain.help_vocabulary import Reach
from domain.vocabulary import VolunteerStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from domain.dispatch_plan import Helper, Mandates, Minutes, Place, Sought, Span
    from domain.help_vocabulary import PartOfDay


def scattered(*words: UUID | int) -> int:
    """Return a number that says nothing of what it is made from, and always the same."""
    digest = blake2b(digest_size=8)
    for word in words:
        digest.update(word.to_bytes(8, "big") if isinstance(word, int) else word.bytes)
    return int.from_bytes(digest.digest(), "big")


def bits(mask: int) -> Iterable[int]:
    """Yield the places of the bits that are set, from the lowest."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class Masks:
    """Volunteers in an order that has nothing to do with where they live or when they joined, as bits."""

    def __init__(self, helpers: Iterable[Helper], now: datetime) -> None:
        self.now = now
        self.helpers = sorted(helpers, key=lambda helper: (scattered(helper.id), helper.id))
        self.everybody = (1 << len(self.helpers)) - 1
        self._bit: dict[UUID, int] = {}
        self._by: defaultdict[object, int] = defaultdict(int)
        self._hours = _WeeklyHours(self.helpers)
        self._off: defaultdict[date, int] = defaultdict(int)
        self._work: defaultdict[date, list[tuple[datetime, datetime, int]]] = defaultdict(list)
        self._reached: dict[tuple[UUID, Reach], int] = {}
        self._below_limit: dict[int, int] = {}
        self._with_time: dict[tuple[date, PartOfDay, int], int] = {}
        self._minutes: dict[tuple[int, date], int] = {}
        for place, helper in enumerate(self.helpers):
            bit = 1 << place
            self._bit[helper.id] = bit
            self._by[helper.status] |= bit
            for group in (("team", helper.team_id), *(("area", area_id) for area_id in helper.areas)):
                self._by[group] |= bit
            for word in (*helper.languages, *helper.abilities):
                self._by[word] |= bit
            for span in helper.work:
                for day, _, _ in by_days(span):
                    self._work[day].append((*span, place))

    def fitting(self, request: Sought, reach: Reach) -> int:
        """Return whom a request fits, as `fits` says it of each."""
        mask = self._by[VolunteerStatus.APPROVED] & self._reaches(request.place, reach) & self._by[request.language]
        if reach == Reach.TEAM:
            mask &= self._by["team", request.team_id]
        for ability in request.abilities:
            mask &= self._by[ability]
        mask &= self._mandated(request.mandates) & self._with_room(request.limit_tasks)
        mask &= ~self.of(request.freed) & ~self.of(request.carers)
        if not mask:
            return 0
        return mask & (
            self._free_some_day(request)
            if request.span is None
            else self._free_at(request.span, request.limit_minutes_day)
        )

    def of(self, volunteers: Iterable[UUID]) -> int:
        mask = 0
        for volunteer_id in volunteers:
            mask |= self._bit.get(volunteer_id, 0)
        return mask

    def _reaches(self, place: Place, reach: Reach) -> int:
        key = place.area_id, Reach.AROUND if reach == Reach.AROUND else Reach.AREA
        if key not in self._reached:
            areas = place.around.union(place.upwards) if reach == Reach.AROUND else place.upwards
            mask = 0
            for area_id in areas:
                mask |= self._by["area", area_id]
            self._reached[key] = mask
        return self._reached[key]

    def _mandated(self, mandates: Mandates) -> int:
        if mandates.obtainable or not mandates.needed:
            return self.everybody
        mask = self.of(mandates.volunteers)
        for team_id in mandates.teams:
            mask |= self._by["team", team_id]
        return mask

    def _with_room(self, limit: int) -> int:
        if limit not in self._below_limit:
            self._below_limit[limit] = self._where(helper.tasks < limit for helper in self.helpers)
        return self._below_limit[limit]

    def _free_at(self, span: Span, limit: int) -> int:
        mask = self.everybody
        for day, first, last in by_days(span):
            if last - first > limit:
                return 0
            mask &= self._hours.cover(day.isoweekday(), (first, last)) & ~self._day_off(day)
            for begins, ends, place in self._work.get(day, ()):
                if (begins < span[1] and span[0] < ends) or last - first + self._bound(place, day) > limit:
                    mask &= ~(1 << place)
        return mask

    def _free_some_day(self, request: Sought) -> int:
        mask = 0
        for day in request.wished_days:
            mask |= self._free_on(day, request.part_of_day, request.limit_minutes_day)
        return mask

    def _bound(self, place: int, day: date) -> int:
        key = place, day
        if key not in self._minutes:
            self._minutes[key] = minutes_bound(self.helpers[place].work, day)
        return self._minutes[key]

    def _free_on(self, day: date, part_of_day: PartOfDay, limit: int) -> int:
        key = day, part_of_day, limit
        if key not in self._with_time:
            part, weekday = left_of(day, part_of_day, self.now), day.isoweekday()
            mask = self._hours.leave_enough(weekday, part)
            for place in {place for _, _, place in self._work.get(day, ())}:
                helper = self.helpers[place]
                if not leaves_enough(helper.hours.get(weekday, ()), part, bound_on(helper.work, day), limit):
                    mask &= ~(1 << place)
            self._with_time[key] = mask & ~self._day_off(day)
        return self._with_time[key]

    def _day_off(self, day: date) -> int:
        if day not in self._off:
            self._off[day] = self._where(
                any(first <= day <= last for first, last in helper.days_off) for helper in self.helpers
            )
        return self._off[day]

    @staticmethod
    def _where(verdicts: Iterable[bool]) -> int:
        return sum(1 << place for place, verdict in enumerate(verdicts) if verdict)


class _WeeklyHours:
    """Who can be asked when in a week: each weekday cut where anybody's hours begin or end."""

    def __init__(self, helpers: Sequence[Helper]) -> None:
        self._helpers = helpers
        self._pieces: dict[int, list[tuple[int, int, int]]] = {}
        self._covering: dict[tuple[int, Minutes], int] = {}
        self._leaving: dict[tuple[int, Minutes], int] = {}
        for weekday in range(1, 8):
            edges = sorted({edge for helper in helpers for hours in helper.hours.get(weekday, ()) for edge in hours})
            masks = dict.fromkeys(edges[:-1], 0)
            for place, helper in enumerate(helpers):
                for begins, ends in joined(helper.hours.get(weekday, ())):
                    for edge in edges[edges.index(begins) : edges.index(ends)]:
                        masks[edge] |= 1 << place
            self._pieces[weekday] = [(first, last, masks[first]) for first, last in pairwise(edges)]

    def cover(self, weekday: int, span: Minutes) -> int:
        """Return whose hours of a weekday hold a span wholly."""
        key = weekday, span
        if key not in self._covering:
            touched = [piece for piece in self._pieces[weekday] if piece[0] < span[1] and span[0] < piece[1]]
            whole = touched and touched[0][0] <= span[0] and span[1] <= touched[-1][1]
            self._covering[key] = reduce(and_, (mask for _, _, mask in touched)) if whole else 0
        return self._covering[key]

    def leave_enough(self, weekday: int, part: Minutes) -> int:
        """Return whose hours leave enough time in one piece of a part of a weekday."""
        key = weekday, part
        if key not in self._leaving:
            self._leaving[key] = sum(
                1 << place
                for place, helper in enumerate(self._helpers)
                if longest_free(helper.hours.get(weekday, ()), part, ()) >= ENOUGH_MINUTES
            )
        return self._leaving[key]
