"""The choice for a tenth of a league at once: a megabyte, and nothing left to even out.

`make bench-dispatch` does the same with the whole league and the database, and measures the time.
"""

from __future__ import annotations

import random
import tracemalloc
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from domain.dispatch_choice import Turn, choose
from domain.dispatch_facts import places
from domain.dispatch_masks import Masks
from domain.help_vocabulary import Ability, PartOfDay
from tests.test_dispatch_plan import HELPER, NOW, REQUEST, at

REQUESTS, VOLUNTEERS, TOWNS = 1_000, 200, 40
MEGABYTES = 1
HOURS = ((480, 1080),), ((480, 720),), ((840, 1080),)


def a_league():
    chance = random.Random(5)

    def new():
        return UUID(int=chance.getrandbits(128))

    banners, towns = [new() for _ in range(4)], [new() for _ in range(TOWNS)]
    tree = places(dict.fromkeys(banners) | {town: banners[number % 4] for number, town in enumerate(towns)})
    helpers = [
        replace(
            HELPER,
            id=new(),
            areas=frozenset(chance.sample(towns, chance.randint(1, 2))),
            languages=frozenset(chance.sample(["zh", "mn"], chance.randint(1, 2))),
            abilities=frozenset(chance.sample(list(Ability), chance.randint(1, 3))),
            hours={weekday: chance.choice(HOURS) for weekday in chance.sample(range(1, 8), 5)},
            load=chance.choice((0, 0, 1, 2, 4, 12)),
        )
        for _ in range(VOLUNTEERS)
    ]
    turns = [
        Turn(
            replace(
                REQUEST,
                id=new(),
                place=tree[chance.choice(towns[: chance.choice((5, TOWNS, TOWNS))])],
                language=chance.choice(("zh", "mn")),
                abilities=frozenset(chance.sample(list(Ability), chance.randint(1, 2))),
                wished_days=(date(2026, 11, 24) + timedelta(days=chance.randint(0, 20)),),
                part_of_day=chance.choice(list(PartOfDay)),
                span=chance.choice((None, (at(26, 9), at(26, 11)))),
            ),
            0,
            (3, 5, 8),
        )
        for _ in range(REQUESTS)
    ]
    return turns, helpers


def could_hand_on(turns, choices, helpers):
    """Return the loads from which a chain of swaps leads to somebody with two less, seen from the end of the chain."""
    masks = Masks(helpers, NOW)
    bit = {helper.id: 1 << place for place, helper in enumerate(masks.helpers)}
    by_id = {turn.request.id: turn.request for turn in turns}
    chosen = [
        (sum(bit[one] for one in asked.volunteers), masks.fitting(by_id[asked.request_id], asked.reach))
        for asked in choices
    ]
    loads = {helper.id: helper.load for helper in helpers}
    for asked in choices:
        for one in asked.volunteers:
            loads[one] += 1
    found, reached = [], 0
    for load in sorted(set(loads.values())):
        reached |= sum(bit[one] for one, of_one in loads.items() if of_one == load)
        before = None
        while before != reached:
            before = reached
            for those, fitting in chosen:
                if fitting & ~those & reached:
                    reached |= those
        found += [load for one, of_one in loads.items() if of_one >= load + 2 and bit[one] & reached]
    return found


def test_a_thousand_requests_and_two_hundred_volunteers():
    turns, helpers = a_league()
    tracemalloc.start()
    choices = choose(turns, helpers, NOW)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEGABYTES * 2**20
    assert sum(len(asked.volunteers) for asked in choices) > 2 * REQUESTS
    assert could_hand_on(turns, choices, helpers) == []
