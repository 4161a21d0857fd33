"""The choice: it fits everybody it names, it is as even as can be, and it comes out the same again."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.dispatch_choice import Turn, choose, reasons
from domain.dispatch_facts import places
from domain.dispatch_masks import Masks, bits
from domain.dispatch_plan import Helper, Mandates, Sought, fits
from domain.help_vocabulary import Ability, PartOfDay, Reach
from tests.test_dispatch_plan import HELPER, NOW, REQUEST, at, made

AREAS = {made(1): None, made(2): made(1), made(3): made(2), made(4): made(2), made(5): made(4), made(6): made(1)}
PLACES = places(AREAS)
TEAMS = made(10), made(11)
HELPERS = [made(n) for n in range(100, 112)]
DAYS = [date(2026, 11, 23) + timedelta(days) for days in range(4)]
MINUTES = st.sampled_from([0, 480, 600, 660, 720, 840, 1080, 1440])


def some(*values):
    return st.frozensets(st.sampled_from(values))


@st.composite
def a_span(draw):
    begins = datetime(2026, 11, 23, tzinfo=NOW.tzinfo) + timedelta(minutes=30 * draw(st.integers(0, 150)))
    return begins, begins + timedelta(minutes=draw(st.sampled_from([30, 90, 240, 600])))


@st.composite
def helpers(draw):
    each = st.builds(
        Helper,
        id=st.none(),
        team_id=st.sampled_from(TEAMS),
        status=st.sampled_from(["approved", "approved", "approved", "suspended"]),
        areas=some(*AREAS),
        languages=some("zh", "mn").map(lambda words: words | {"zh"}),
        abilities=some(*Ability),
        hours=st.dictionaries(
            st.integers(1, 7),
            st.lists(st.tuples(MINUTES, MINUTES).filter(lambda span: span[0] < span[1]), max_size=3).map(tuple),
        ),
        days_off=st.lists(st.sampled_from(DAYS).map(lambda day: (day, day)), max_size=2).map(tuple),
        work=st.lists(a_span(), max_size=2).map(tuple),
        tasks=st.integers(0, 3),
        load=st.integers(0, 4),
    )
    return [replace(helper, id=id_) for id_, helper in zip(HELPERS, draw(st.lists(each, max_size=12)), strict=False)]


@st.composite
def a_request(draw, number):
    return Sought(
        id=made(1000 + number),
        team_id=draw(st.sampled_from(TEAMS)),
        place=PLACES[draw(st.sampled_from(list(AREAS)))],
        language=draw(st.sampled_from(["zh", "zh", "mn"])),
        abilities=draw(some(*Ability)),
        wished_days=tuple(draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=3))),
        part_of_day=draw(st.sampled_from(PartOfDay)),
        span=draw(st.none() | a_span()),
        mandates=Mandates(draw(st.booleans()), draw(st.booleans()), draw(some(*HELPERS)), draw(some(*TEAMS))),
        limit_tasks=draw(st.integers(1, 4)),
        limit_minutes_day=draw(st.sampled_from([60, 240, 480, 1440])),
        freed=draw(some(*HELPERS[:3])),
        carers=draw(some(*HELPERS[:3])),
    )


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_the_masks_say_what_fits_says(data):
    of_all = data.draw(helpers())
    request = data.draw(a_request(0))
    masks = Masks(of_all, NOW)
    for reach in Reach:
        found = {masks.helpers[place].id for place in bits(masks.fitting(request, reach))}
        assert found == {helper.id for helper in of_all if fits(request, helper, NOW, reach) is None}


@st.composite
def a_world(draw):
    """Make volunteers with a load, and requests that each fit some of them, by who had it before."""
    of_all = [
        replace(HELPER, id=id_, load=draw(st.integers(0, 5))) for id_ in HELPERS[: draw(st.integers(1, len(HELPERS)))]
    ]
    known = [helper.id for helper in of_all]
    turns = [
        Turn(
            replace(REQUEST, id=made(1000 + number), freed=draw(some(*known))),
            round=draw(st.integers(0, 2)),
            sizes=(draw(st.integers(1, 3)), 2),
            declined=draw(some(*known[:2])),
            resting=draw(some(*known[1:3])) if len(known) > 1 else frozenset(),
        )
        for number in range(draw(st.integers(0, 14)))
    ]
    return turns, of_all


def loads_after(choices, of_all):
    given_to = Counter(volunteer for asked in choices for volunteer in asked.volunteers)
    return {helper.id: helper.load + given_to[helper.id] for helper in of_all}


def fitting(turn, of_all):
    return {helper.id for helper in of_all if fits(turn.request, helper, NOW) is None} - turn.declined - turn.resting


def evening_chain(turns, choices, of_all):
    """Look, with nothing but sets, for a chain of swaps that would even the load further."""
    loads = loads_after(choices, of_all)
    handing = {
        giver: {
            taker
            for turn, asked in zip(turns, choices, strict=True)
            if giver in asked.volunteers
            for taker in fitting(turn, of_all) - set(asked.volunteers)
        }
        for giver in loads
    }
    for giver in loads:
        reached, more = {giver}, {giver}
        while more:
            more = set().union(*(handing[one] for one in more)) - reached
            reached |= more
        for taker in reached:
            if loads[taker] <= loads[giver] - 2:
                return giver, taker
    return None


@given(a_world())
@settings(max_examples=50, deadline=None)
def test_no_chain_of_swaps_would_even_the_load_further(world):
    turns, of_all = world
    choices = choose(turns, of_all, NOW)
    assert [asked.request_id for asked in choices] == [turn.request.id for turn in turns]
    for turn, asked in zip(turns, choices, strict=True):
        all_fitting = fitting(turn, of_all)
        size = turn.sizes[min(asked.round, 2) - 1]
        assert set(asked.volunteers) <= all_fitting
        assert len(asked.volunteers) == min(size, len(all_fitting))
        assert asked.fitting == len(all_fitting)
    assert evening_chain(turns, choices, of_all) is None


def a_crowd(seed):
    """Make many requests of which most fit the same few."""
    chance = random.Random(seed)
    of_all = [replace(HELPER, id=made(n), load=chance.randint(0, 2)) for n in range(100, 140)]
    known = [helper.id for helper in of_all]
    turns = []
    for number in range(150):
        middle = chance.randint(0, 39) * chance.randint(0, 39) // 39
        fit = set(known[max(0, middle - 2) : middle + 3])
        turns.append(Turn(replace(REQUEST, id=made(1000 + number), freed=frozenset(known) - fit), 0, (2,)))
    return turns, of_all


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_is_spread_along_chains(seed, monkeypatch):
    turns, of_all = a_crowd(seed)
    assert evening_chain(turns, choose(turns, of_all, NOW), of_all) is None
    monkeypatch.setattr("domain.dispatch_choice._Loads.even_out", lambda _: None)
    assert evening_chain(turns, choose(turns, of_all, NOW), of_all), "to take the least loaded is not enough"


@given(a_world(), st.randoms())
@settings(max_examples=25, deadline=None)
def test_the_choice_comes_out_the_same_in_whatever_order_it_is_asked(world, chance):
    turns, of_all = world
    choices = choose(turns, of_all, NOW)
    chance.shuffle(turns)
    chance.shuffle(of_all)
    assert choose(turns, of_all, NOW) == choices


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_more_even_than_what_is_chosen(seed):
    """All ways to choose, tried one by one."""
    chance = random.Random(seed)
    of_all = [replace(HELPER, id=id_, load=chance.randint(0, 3)) for id_ in HELPERS[:5]]
    turns = [
        Turn(
            replace(REQUEST, id=made(1000 + n), freed=frozenset(chance.sample(HELPERS[:5], chance.randint(0, 4)))),
            round=0,
            sizes=(chance.randint(1, 2),),
        )
        for n in range(6)
    ]
    choices = choose(turns, of_all, NOW)

    def unevenness(loads):
        return sum(load * load for load in loads)

    ways = [
        list(itertools.combinations(sorted(fitting(turn, of_all)), len(asked.volunteers)))
        for turn, asked in zip(turns, choices, strict=True)
    ]
    best = min(
        unevenness((Counter({h.id: h.load for h in of_all}) + Counter(itertools.chain(*way))).values())
        for way in itertools.product(*ways)
    )
    assert unevenness(loads_after(choices, of_all).values()) == best


def test_among_equals_it_is_never_always_the_same():
    of_all = [replace(HELPER, id=id_) for id_ in HELPERS]
    first = Counter(
        choose([Turn(replace(REQUEST, id=made(n)), 0, (1,))], of_all, NOW)[0].volunteers[0] for n in range(1000, 1240)
    )
    assert set(first) == set(HELPERS)
    assert max(first.values()) < 60


def test_rounds_widen_and_pass_over_who_cannot_be_asked():
    near = replace(HELPER, id=HELPERS[0])
    serves = replace(HELPER, id=HELPERS[1], team_id=TEAMS[1])
    around = replace(HELPER, id=HELPERS[2], team_id=TEAMS[1], areas=frozenset({made(5)}))
    of_all = [near, serves, around]

    def ask(asked_before, round_before):
        turn = Turn(REQUEST, round_before, (1, 2, 3), resting=frozenset(asked_before))
        (asked,) = choose([turn], of_all, NOW)
        return asked.round, asked.reach, set(asked.volunteers)

    assert ask([], 0) == (1, Reach.TEAM, {near.id})
    assert ask([near.id], 0) == (2, Reach.AREA, {serves.id})
    assert ask([near.id], 1) == (2, Reach.AREA, {serves.id})
    assert ask([near.id, serves.id], 2) == (3, Reach.AROUND, {around.id})
    assert ask([near.id, serves.id], 7) == (8, Reach.AROUND, {around.id})
    everybody = frozenset({near.id, serves.id, around.id})
    assert ask(everybody, 1) == (3, Reach.AROUND, set())
    for rest, later in ((everybody, True), (frozenset(), False)):
        assert choose([Turn(REQUEST, 1, (1,), everybody - rest, rest)], of_all, NOW)[0].later is later


def test_why_she_was_asked():
    turn = Turn(REQUEST, 0, (3,))
    helper = replace(HELPER, load=4, tasks=1)
    (asked,) = choose([turn], [helper], NOW)
    assert reasons(turn, asked, helper, NOW) == {
        "round": 1,
        "reach": "team",
        "own_team": True,
        "area_id": made(3),
        "language": "zh",
        "abilities": ["book", "drive"],
        "mandate": "obtainable",
        "free_on": "2026-11-24",
        "tasks": 1,
        "load": 4,
        "fitting": 1,
    }
    known = replace(turn, request=replace(REQUEST, span=(at(24, 9), at(24, 10))))
    assert reasons(known, asked, helper, NOW)["free_on"] is None
