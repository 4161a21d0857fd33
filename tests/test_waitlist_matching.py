"""Who gets which place: in order, only what fits, nobody for whom something fits passed over."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.waitlist_matching import Wish, match

POOLS = [(UUID(int=n), channel) for n in range(3) for channel in ("public", "assisted")]

wishes = st.lists(st.tuples(st.integers(1, 5), st.lists(st.sampled_from(POOLS), unique=True)), max_size=12).map(
    lambda rows: [Wish(UUID(int=100 + n), party, tuple(pools)) for n, (party, pools) in enumerate(rows)]
)
kept = st.dictionaries(st.sampled_from(POOLS), st.integers(0, 6))


def test_a_party_that_does_not_fit_keeps_nobody_from_a_place():
    couple, single = Wish(UUID(int=1), 2, (POOLS[0],)), Wish(UUID(int=2), 1, (POOLS[0],))
    assert match([couple, single], {POOLS[0]: 1}) == [(single, POOLS[0])]
    assert match([couple, single], {POOLS[0]: 2}) == [(couple, POOLS[0])]


def test_places_in_two_slots_are_not_one_party_together():
    couple = Wish(UUID(int=1), 2, tuple(POOLS))
    assert match([couple], dict.fromkeys(POOLS, 1)) == []


@given(wishes, kept)
def test_nothing_is_given_twice_and_nobody_is_passed_over(waiting, there):
    matched = match(waiting, there)
    served = dict(matched)
    assert len(served) == len(matched)
    left = dict(there)
    for wish in waiting:
        fitting = [pool for pool in wish.pools if left.get(pool, 0) >= wish.party]
        if wish in served:
            assert served[wish] == fitting[0]
            left[served[wish]] -= wish.party
        else:
            assert fitting == []
    assert all(places >= 0 for places in left.values())
