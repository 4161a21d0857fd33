"""Who is offered which of the places that are kept back. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    Pool = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Wish:
    """One entry of a queue: how many places it needs in one pool, and which pools would do, the best first."""

    entry_id: UUID
    party: int
    pools: tuple[Pool, ...]


def match(wishes: Iterable[Wish], kept: Mapping[Pool, int]) -> list[tuple[Wish, Pool]]:
    """Give each wish in turn the first of its pools that has enough places left.

    Who needs more than there is anywhere is passed over, and so keeps nobody behind from a place that fits.
    """
    left = Counter(kept)
    matched: list[tuple[Wish, Pool]] = []
    for wish in wishes:
        pool = next((pool for pool in wish.pools if left[pool] >= wish.party), None)
        if pool is not None:
            left[pool] -= wish.party
            matched.append((wish, pool))
    return matched
