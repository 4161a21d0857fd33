"""What one volunteer did that somebody should look at: many persons, one address, numbers taken again, nights.

Pure, and alike however often it is asked: a pattern belongs to the day whose acts completed it, so that one that
reaches over a week is told of once, and again only when more is added to it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from domain.help_vocabulary import AlarmKind
from domain.vocabulary import LOCAL_ZONE, local_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime, time
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Use:
    """A mandate was used at a moment: for a number of a service on a day, or (no day) to wait for one.

    `let_go_at`: when the same volunteer cancelled that number, where that is so.
    """

    at: datetime
    person_id: UUID
    service_id: UUID
    day: date | None = None
    let_go_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """A help request that was taken at a moment, whose person is met at an address (its blind index)."""

    at: datetime
    person_id: UUID
    address: bytes


@dataclass(frozen=True, slots=True)
class Rules:
    """How much of what is odd, and in how many days back."""

    odd_days: int
    odd_persons: int
    odd_same_address: int
    odd_retaken: int
    night_from: time
    night_until: time


@dataclass(frozen=True, slots=True)
class Oddity:
    """A pattern that acts of the day have completed. `facts` are numbers, never who or where."""

    kind: AlarmKind
    facts: Mapping[str, Any] = field(default_factory=dict)


def find(uses: Sequence[Use], visits: Sequence[Visit], rules: Rules, day: date) -> list[Oddity]:
    """Return what is odd about one volunteer's day, beside what was done in the days before it."""
    first = day - timedelta(days=rules.odd_days - 1)
    return [
        *_many_persons([use for use in uses if first <= local_day(use.at) <= day], rules, day),
        *_same_address([visit for visit in visits if first <= local_day(visit.at) <= day], rules, day),
        *_retaken(uses, rules, first, day),
        *_at_night([use for use in uses if local_day(use.at) == day], rules),
    ]


def _many_persons(uses: Iterable[Use], rules: Rules, day: date) -> Iterator[Oddity]:
    persons = _grown(uses, day)
    if len(persons) >= rules.odd_persons:
        yield Oddity(AlarmKind.MANY_PERSONS, {"persons": len(persons), "days": rules.odd_days})


def _same_address(visits: Iterable[Visit], rules: Rules, day: date) -> Iterator[Oddity]:
    at_address: defaultdict[bytes, list[Visit]] = defaultdict(list)
    for visit in visits:
        at_address[visit.address].append(visit)
    most = max((len(_grown(there, day)) for there in at_address.values()), default=0)
    if most >= rules.odd_same_address:
        yield Oddity(AlarmKind.SAME_ADDRESS, {"persons": most, "days": rules.odd_days})


def _grown(acts: Iterable[Use | Visit], day: date) -> set[UUID]:
    """Return for whom there were acts, or nobody where the day has added nobody to those of the days before."""
    acts = list(acts)
    persons = {act.person_id for act in acts}
    before = {act.person_id for act in acts if local_day(act.at) < day}
    return persons if persons > before else set()


def _retaken(uses: Sequence[Use], rules: Rules, first: date, day: date) -> Iterator[Oddity]:
    """Pair each number that was let go with the next that was taken of the same service and day, for whomever."""
    taken = sorted((use for use in uses if use.day is not None), key=lambda use: use.at)
    again: list[tuple[Use, Use]] = []
    used: set[int] = set()
    for gone in sorted((use for use in taken if use.let_go_at is not None), key=lambda use: use.let_go_at or use.at):
        for index, use in enumerate(taken):
            same = (use.service_id, use.day) == (gone.service_id, gone.day)
            later = gone.let_go_at is not None and use.at >= gone.let_go_at and use is not gone
            if index not in used and same and later:
                used.add(index)
                again.append((gone, use))
                break
    again = [(gone, use) for gone, use in again if first <= local_day(use.at) <= day]
    if len(again) >= rules.odd_retaken and any(local_day(use.at) == day for _, use in again):
        others = sum(gone.person_id != use.person_id for gone, use in again)
        yield Oddity(
            AlarmKind.CANCELLED_AND_RETAKEN, {"times": len(again), "for_others": others, "days": rules.odd_days}
        )


def _at_night(uses: Iterable[Use], rules: Rules) -> Iterator[Oddity]:
    nightly = sum(_is_night(use.at, rules) for use in uses)
    if nightly:
        yield Oddity(AlarmKind.NIGHT_USE, {"uses": nightly})


def _is_night(at: datetime, rules: Rules) -> bool:
    """Whether it is night; one that begins in the evening ends the next morning."""
    hour = at.astimezone(LOCAL_ZONE).time()
    if rules.night_from <= rules.night_until:
        return rules.night_from <= hour < rules.night_until
    return hour >= rules.night_from or hour < rules.night_until
