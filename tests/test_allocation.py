"""Who gets which programme: against an oracle that tries everything, and by what must hold for every market."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.allocation import EVERYBODY, Child, Programme, Reserve, Seat, allocate

GROUPS = ("a", "b", "c")


@st.composite
def reserves(draw, seats):
    left, made = seats, []
    for group in draw(st.permutations(GROUPS))[: draw(st.integers(0, 2))]:
        many = draw(st.integers(0, left))
        left -= many
        then = tuple(draw(st.permutations([one for one in (*GROUPS, EVERYBODY) if one != group])))
        made.append(Reserve(group, many, then[: draw(st.integers(0, len(then)))]))
    return tuple(made)


@st.composite
def markets(draw, most_children=6, most_programmes=3):
    programmes = []
    for index in range(draw(st.integers(1, most_programmes))):
        seats = draw(st.integers(0, 3))
        programmes.append(Programme(f"programme {index}", seats, draw(reserves(seats))))
    names = [programme.id for programme in programmes]
    many = draw(st.integers(0, most_children))
    numbers = draw(st.permutations(range(many)))
    children = [
        Child(
            f"child {index}",
            numbers[index],
            draw(st.permutations(names))[: draw(st.integers(0, len(names)))],
            draw(st.frozensets(st.sampled_from(GROUPS))),
        )
        for index in range(many)
    ]
    return programmes, children


def chosen(programme, asking):
    """Choose seat by seat, as the rule is written: each seat takes the first it prefers among those still there."""
    left, seats = sorted(asking, key=lambda child: child.number), {}
    for kind in programme.kinds:
        for _ in range(kind.seats):
            for group in (kind.group, *kind.then):
                best = next((child for child in left if group == EVERYBODY or group in child.groups), None)
                if best is not None:
                    left.remove(best)
                    seats[best.id] = Seat(programme.id, kind.group)
                    break
    return seats


def stable(programmes, children, places):
    """Whether everybody keeps a seat that the programme would choose again, and nobody is missed elsewhere."""
    for programme in programmes:
        holders = [child for child in children if places[child.id] == programme.id]
        if len(chosen(programme, holders)) != len(holders):
            return False
        for child in children:
            wanted = list(child.ranks)
            place = places[child.id]
            prefers = wanted[: wanted.index(place)] if place is not None else wanted
            if programme.id in prefers and child.id in chosen(programme, [*holders, child]):
                return False
    return True


def oracle(programmes, children):
    """Try every way to place every child; of the stable ones return the one that all children like best."""
    best = None
    for combination in itertools.product(*[(*child.ranks, None) for child in children]):
        places = {child.id: place for child, place in zip(children, combination, strict=True)}
        if not stable(programmes, children, places):
            continue
        worth = [position(child, places[child.id]) for child in children]
        if best is None or all(new <= old for new, old in zip(worth, best[0], strict=True)):
            best = worth, places
    assert best is not None
    return {id: place for id, place in best[1].items() if place is not None}


def position(child, place):
    return len(child.ranks) if place is None else list(child.ranks).index(place)


def places_of(programmes, children):
    return {id: seat.programme for id, seat in allocate(programmes, children).items()}


@settings(max_examples=300, deadline=None)
@given(markets(most_children=5))
def test_it_is_the_stable_allocation_that_all_children_like_best(market):
    programmes, children = market
    assert places_of(programmes, children) == oracle(programmes, children)


def test_thousands_of_small_markets_equal_the_oracle():
    dice = random.Random(20261123)
    for _ in range(2_000):
        programmes = []
        for index in range(dice.randint(1, 3)):
            seats = dice.randint(0, 2)
            kept = dice.randint(0, seats)
            then = tuple(dice.sample((*GROUPS[1:], EVERYBODY), dice.randint(0, 3)))
            programmes.append(Programme(f"programme {index}", seats, (Reserve("a", kept, then),) if kept else ()))
        names = [programme.id for programme in programmes]
        many = dice.randint(0, 5)
        children = [
            Child(
                f"child {index}",
                number,
                dice.sample(names, dice.randint(0, len(names))),
                frozenset(group for group in GROUPS if dice.random() < 0.4),
            )
            for index, number in enumerate(dice.sample(range(100), many))
        ]
        assert places_of(programmes, children) == oracle(programmes, children)


@settings(max_examples=150, deadline=None)
@given(markets(most_children=30, most_programmes=3))
def test_no_child_and_programme_would_rather_have_each_other(market):
    programmes, children = market
    places = places_of(programmes, children)
    assert stable(programmes, children, {child.id: places.get(child.id) for child in children})


@settings(max_examples=150, deadline=None)
@given(markets(most_children=20))
def test_each_programme_fills_its_seats_as_the_rule_says(market):
    programmes, children = market
    seats = allocate(programmes, children)
    by_id = {child.id: child for child in children}
    for programme in programmes:
        here = {id: seat for id, seat in seats.items() if seat.programme == programme.id}
        assert here == chosen(programme, [by_id[id] for id in here])


@settings(max_examples=150, deadline=None)
@given(markets(most_children=20), st.data())
def test_a_reserved_seat_goes_to_another_only_while_its_group_wants_none(market, data):
    programmes, children = market
    seats = allocate(programmes, children)
    by_id = {child.id: child for child in children}
    for id, seat in seats.items():
        programme = next(one for one in programmes if one.id == seat.programme)
        if seat.kind == EVERYBODY or seat.kind in by_id[id].groups:
            continue
        reserve = next(one for one in programme.reserves if one.group == seat.kind)
        assert any(group == EVERYBODY or group in by_id[id].groups for group in reserve.then)
        for child in children:
            wanted = position(child, programme.id) if programme.id in child.ranks else None
            got = seats.get(child.id)
            worse_off = wanted is not None and wanted < position(child, got.programme if got else None)
            assert not (worse_off and seat.kind in child.groups)


@settings(max_examples=120, deadline=None)
@given(markets(most_children=5), st.data())
def test_lying_about_ones_ranks_never_helps(market, data):
    programmes, children = market
    if not children:
        return
    liar = data.draw(st.sampled_from(children))
    truth = position(liar, places_of(programmes, children).get(liar.id))
    names = [programme.id for programme in programmes]
    for length in range(len(names) + 1):
        for ranks in itertools.permutations(names, length):
            lie = [Child(one.id, one.number, ranks, one.groups) if one is liar else one for one in children]
            got = places_of(programmes, lie).get(liar.id)
            assert got is None or got not in liar.ranks or position(liar, got) >= truth


@settings(max_examples=150, deadline=None)
@given(markets(most_children=12), st.data())
def test_hiding_a_group_never_helps(market, data):
    programmes, children = market
    if not children:
        return
    child = data.draw(st.sampled_from(children))
    fewer = frozenset(data.draw(st.permutations(sorted(child.groups)))[:-1])
    hidden = [Child(one.id, one.number, one.ranks, fewer) if one is child else one for one in children]
    before, after = (position(child, places_of(programmes, market).get(child.id)) for market in (children, hidden))
    assert before <= after


@settings(max_examples=150, deadline=None)
@given(markets(most_children=12), st.data())
def test_the_order_of_what_is_given_plays_no_part(market, data):
    programmes, children = market
    shuffled = data.draw(st.permutations(programmes)), data.draw(st.permutations(children))
    assert allocate(*shuffled) == allocate(programmes, children)


@pytest.mark.parametrize(
    ("programmes", "children"),
    [
        ([Programme("p", 1), Programme("p", 1)], []),
        ([Programme("p", 1, (Reserve("a", 2),))], []),
        ([Programme("p", 1)], [Child("one", 7, ["p"]), Child("two", 7, [])]),
        ([Programme("p", 1)], [Child("one", 7, ["p", "p"])]),
        ([Programme("p", 1)], [Child("one", 7, ["q"])]),
    ],
)
def test_what_makes_no_sense_is_refused(programmes, children):
    with pytest.raises(ValueError, match=r"."):
        allocate(programmes, children)
