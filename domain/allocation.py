"""Who gets which nursery programme: child-proposing deferred acceptance with reserved seats. Pure.

Gale and Shapley, "College Admissions and the Stability of Marriage" (1962), with seats that have priorities of their
own: Kominers and Sönmez, "Matching with slot-specific priorities" (2016). Every seat of a programme takes first the
group that it is reserved for, then the groups to which it falls open, in their order; within a group the lower number
of the draw comes first. Seats choose in order: the reserves as they are listed, then the open seats. So chosen, no
child and programme would both rather have each other, and no family gains by ranking otherwise than it wishes.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappush, heappushpop
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

EVERYBODY = ""
"""The group to which every child belongs; open seats are reserved for it."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Seats that are for one group first.

    `then`: the groups to which an unused one falls open, in order. Where `EVERYBODY` is not among them, it stays
    empty rather than go to a child of no such group.
    """

    group: str
    seats: int
    then: tuple[str, ...] = (EVERYBODY,)


@dataclass(frozen=True, slots=True)
class Programme:
    """What children are allocated to: `seats` in all, of which the reserves take theirs; the rest is open."""

    id: str
    seats: int
    reserves: tuple[Reserve, ...] = ()

    @property
    def kinds(self) -> tuple[Reserve, ...]:
        """Return the seats in the order in which they choose.

        Raises ValueError where more is reserved than there is.
        """
        left = self.seats - sum(reserve.seats for reserve in self.reserves)
        if left < 0:
            raise ValueError("more seats are reserved than there are")
        return (*self.reserves, Reserve(EVERYBODY, left, ()))


@dataclass(frozen=True, slots=True)
class Child:
    """A child with its number of the draw (the lower, the earlier; no two alike), and the programmes it wants."""

    id: str
    number: int
    ranks: Sequence[str]
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Seat:
    """What a child gets: the programme, and as whose seat: the group of a reserve, or `EVERYBODY`."""

    programme: str
    kind: str


class _Seats(NamedTuple):
    """Seats of one kind in one programme, and who holds them: the last of them on top, as a negative heap.

    A child stands in it as `-(tier * n + place)`: the tier says how early the seats take its groups, `tiers` has it
    times n by the child's set of groups (None: never); the place is that in the order of numbers, n how many children
    there are.
    """

    kind: str
    seats: int
    tiers: list[int | None]
    held: list[int]


def allocate(programmes: Iterable[Programme], children: Sequence[Child]) -> dict[str, Seat]:
    """Return the seat of every child that gets one; the order of what is given plays no part.

    Raises ValueError for numbers that are not unique, programmes named twice, and ranks of an unknown programme or of
    one programme twice.
    """
    order = sorted(children, key=attrgetter("number"))
    many = len(order)
    sets = {groups: index for index, groups in enumerate({child.groups for child in order})}
    seats = _seats(programmes, list(sets), many)
    _check(order, seats)
    groups = [sets[child.groups] for child in order]
    choices = [iter([seats[programme] for programme in child.ranks]) for child in order]
    for first in range(many):
        _settle(first, choices, groups, many)
    return {
        order[-key % many].id: Seat(programme, kind.kind)
        for programme, kinds in seats.items()
        for kind in kinds
        for key in kind.held
    }


def _settle(place: int, choices: Sequence[Iterator[Sequence[_Seats]]], groups: Sequence[int], many: int) -> None:
    """Let a child ask for what it wants, and whoever it displaces in turn, until nobody has anything to ask for.

    Whoever one kind of seats does not keep goes on to the next kind: so each keeps what it would have chosen out of
    all who ever asked.
    """
    for_next = choices[place]
    while (kinds := next(for_next, None)) is not None:
        for _, seats, tiers, held in kinds:
            tier = tiers[groups[place]]
            if tier is None:
                continue
            if len(held) < seats:
                heappush(held, -tier - place)
                return
            place = -heappushpop(held, -tier - place) % many
        for_next = choices[place]


def _seats(programmes: Iterable[Programme], sets: Sequence[frozenset[str]], many: int) -> dict[str, tuple[_Seats, ...]]:
    seats: dict[str, tuple[_Seats, ...]] = {}
    for programme in programmes:
        if programme.id in seats:
            raise ValueError("a programme is named twice")
        seats[programme.id] = tuple(
            _Seats(kind.group, kind.seats, [_tier(kind, groups, many) for groups in sets], [])
            for kind in programme.kinds
            if kind.seats > 0
        )
    return seats


def _tier(kind: Reserve, groups: frozenset[str], many: int) -> int | None:
    for tier, group in enumerate((kind.group, *kind.then)):
        if group == EVERYBODY or group in groups:
            return tier * many
    return None


def _check(order: Sequence[Child], seats: Mapping[str, object]) -> None:
    if any(earlier.number == later.number for earlier, later in pairwise(order)):
        raise ValueError("two children have one number")
    known = seats.keys()
    for child in order:
        ranks = set(child.ranks)
        if len(ranks) != len(child.ranks) or not ranks <= known:
            raise ValueError("a child ranks a programme twice, or one that is not there")
