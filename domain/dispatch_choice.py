"""Whom to ask for each of many requests, so that the load is as even as the rules allow. Pure.

First each request takes the least loaded of those it fits; who stands first among equals is as good as drawn, by the
request's id and round. Then the load is evened out: as long as somebody could hand a request to somebody less loaded,
perhaps through others who each take one and hand one on, they do. Where no such chain is left, no other choice is more
even (Harvey, Ladner, Lovász, Tamir: Semi-matchings for bipartite graphs and load balancing).
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.dispatch_masks import Masks, bits, scattered
from domain.dispatch_plan import area_served, day_with_time, mandate_of
from domain.help_vocabulary import Reach

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from domain.dispatch_plan import Helper, Sought

REACHES = (Reach.TEAM, Reach.AREA, Reach.AROUND)
"""How far the first round goes, the second, and every later one."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A request whose next round is due: how many rounds it has had, how many each asks, and whom it does not ask.

    `declined`: who has said no. `resting`: who has let it lapse a short time ago, and can be asked again later.
    """

    request: Sought
    round: int
    sizes: tuple[int, ...]
    declined: frozenset[UUID] = frozenset()
    resting: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask in which round, and among how many who would do; nobody where there is nobody even far away.

    `later`: there is nobody to ask now, but somebody who rests.
    """

    request_id: UUID
    round: int
    reach: Reach
    volunteers: tuple[UUID, ...]
    fitting: int
    later: bool


def choose(turns: Iterable[Turn], helpers: Iterable[Helper], now: datetime) -> list[Asked]:
    """Return one choice for each turn, by request id."""
    masks = Masks(helpers, now)
    choices = [_Choice(turn, masks) for turn in sorted(turns, key=lambda turn: turn.request.id)]
    loads = _Loads(masks)
    for choice in sorted(
        choices, key=lambda choice: (choice.fitting.bit_count(), choice.start, choice.turn.request.id)
    ):
        loads.take_least_loaded(choice)
    loads.even_out()
    return [choice.asked(masks) for choice in choices]


def reasons(turn: Turn, asked: Asked, helper: Helper, now: datetime) -> dict[str, Any]:
    """Say why a volunteer was asked: what a person needs to follow the choice, and nothing of the elder."""
    request = turn.request
    day = None if request.span else day_with_time(request, helper, now)
    return {
        "round": asked.round,
        "reach": asked.reach,
        "own_team": helper.team_id == request.team_id,
        "area_id": area_served(request.place, helper.areas, asked.reach),
        "language": request.language,
        "abilities": sorted(request.abilities),
        "mandate": mandate_of(request.mandates, helper.id, helper.team_id),
        "free_on": day and day.isoformat(),
        "tasks": helper.tasks,
        "load": helper.load,
        "fitting": asked.fitting,
    }


class _Choice:
    """What is chosen for one turn: of the bits in `fitting`, those that are not in `others`."""

    __slots__ = ("fitting", "later", "others", "reach", "round", "start", "turn")

    def __init__(self, turn: Turn, masks: Masks) -> None:
        self.turn = turn
        declined, resting = masks.of(turn.declined), masks.of(turn.resting)
        for number in range(turn.round + 1, max(turn.round + 1, len(REACHES)) + 1):
            self.round, self.reach = number, REACHES[min(number, len(REACHES)) - 1]
            fitting = masks.fitting(turn.request, self.reach) & ~declined
            self.fitting = fitting & ~resting
            if self.fitting:
                break
        self.others = self.fitting
        self.later = bool(fitting) and not self.fitting
        self.start = scattered(turn.request.id, self.round) % max(1, len(masks.helpers))

    @property
    def size(self) -> int:
        return self.turn.sizes[min(self.round, len(self.turn.sizes)) - 1]

    def first(self, candidates: int) -> int:
        """Return the first of some candidates from this request's own place in the round of all."""
        behind = candidates >> self.start << self.start
        return next(iter(bits(behind or candidates)))

    def asked(self, masks: Masks) -> Asked:
        chosen = tuple(sorted(masks.helpers[place].id for place in bits(self.fitting ^ self.others)))
        return Asked(self.turn.request.id, self.round, self.reach, chosen, self.fitting.bit_count(), self.later)


class _Loads:
    """Who has how much, as one mask for each load."""

    def __init__(self, masks: Masks) -> None:
        self._everybody = masks.everybody
        self._of = [helper.load for helper in masks.helpers]
        self._at: defaultdict[int, int] = defaultdict(int)
        self._chosen_for: list[dict[_Choice, None]] = [{} for _ in self._of]
        for place, load in enumerate(self._of):
            self._at[load] |= 1 << place

    def take_least_loaded(self, choice: _Choice) -> None:
        wanted = choice.size
        for load in sorted(self._at):
            candidates = choice.others & self._at[load]
            while candidates and wanted:
                place = choice.first(candidates)
                candidates ^= 1 << place
                wanted -= 1
                self._give(choice, place)
            if not wanted:
                return

    def even_out(self) -> None:
        """Hand requests on, from the most loaded down, until no chain is left that would make the load more even.

        Who could be reached in vain from one load can be left alone from then on: nobody of them has two tasks less
        than who sought, so nobody less loaded finds a way out through them either.
        """
        closed = 0
        load = max(self._at, default=0)
        lowest = min(self._of, default=0)
        while load > lowest + 1:
            sources = self._at.get(load, 0) & ~closed
            handed_on, reached = self._hand_on(sources, load, closed)
            if not handed_on:
                closed |= reached
                load -= 1

    def _hand_on(self, sources: int, load: int, closed: int) -> tuple[int, int]:
        """Move requests off those with this load, each by a chain; return how many, and who was looked at.

        All chains are sought at once and breadth first, and none crosses another: each begins with another source, and
        what one has looked at is no other's.
        """
        targets = 0
        for lower, mask in self._at.items():
            if lower <= load - 2:
                targets |= mask
        unseen, handed_on = self._everybody & ~sources & ~closed, 0
        source_of = {place: place for place in bits(sources)}
        came_from: dict[int, tuple[int, _Choice]] = {}
        looked_at: set[_Choice] = set()
        rid: set[int] = set()
        waiting = deque(source_of)
        while waiting and targets & unseen:
            place = waiting.popleft()
            source = source_of[place]
            for choice in self._chosen_for[place]:
                if source in rid:
                    break
                if choice in looked_at:
                    continue
                looked_at.add(choice)
                others = choice.others & unseen
                if not others:
                    continue
                if others & targets:
                    to = self._least_loaded(choice, others & targets)
                    self._follow(to, place, choice, came_from)
                    rid.add(source)
                    handed_on += 1
                    unseen ^= 1 << to
                    break
                unseen ^= others
                for other in bits(others):
                    came_from[other] = place, choice
                    source_of[other] = source
                    waiting.append(other)
        return handed_on, self._everybody ^ unseen

    def _least_loaded(self, choice: _Choice, candidates: int) -> int:
        least = min(load for load, mask in self._at.items() if mask & candidates)
        return choice.first(candidates & self._at[least])

    def _follow(self, to: int, place: int, choice: _Choice, came_from: dict[int, tuple[int, _Choice]]) -> None:
        while True:
            choice.others |= 1 << place
            del self._chosen_for[place][choice]
            self._move(place, -1)
            self._give(choice, to)
            if place not in came_from:
                return
            to, (place, choice) = place, came_from[place]

    def _give(self, choice: _Choice, place: int) -> None:
        choice.others ^= 1 << place
        self._chosen_for[place][choice] = None
        self._move(place, 1)

    def _move(self, place: int, by: int) -> None:
        before = self._of[place]
        self._at[before] ^= 1 << place
        if not self._at[before]:
            del self._at[before]
        self._of[place] = before + by
        self._at[before + by] |= 1 << place
