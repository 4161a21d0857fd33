"""Whom a help request fits: each rule of it, and the times."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

import pytest

from domain.dispatch_plan import (
    Helper,
    Mandates,
    Place,
    Sought,
    area_served,
    by_days,
    day_with_time,
    fits,
    mandate_of,
    too_much,
)
from domain.help_vocabulary import Ability, MandateFit, Misfit, PartOfDay, Reach
from domain.vocabulary import LOCAL_ZONE


def made(number: int) -> UUID:
    return UUID(int=number)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=LOCAL_ZONE)


LEAGUE, BANNER, TOWN, NEXT_TOWN, VILLAGE = map(made, range(1, 6))
TEAM, OTHER_TEAM = made(10), made(11)
SHE = made(20)
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
NOW = at(23, 6, 30)
DAYTIME = dict.fromkeys(range(1, 8), ((8 * 60, 18 * 60),))

REQUEST = Sought(
    id=made(30),
    team_id=TEAM,
    place=Place(TOWN, (TOWN, BANNER, LEAGUE), frozenset({TOWN, NEXT_TOWN, VILLAGE})),
    language="zh",
    abilities=frozenset({Ability.BOOK, Ability.DRIVE}),
    wished_days=(TUESDAY,),
    part_of_day=PartOfDay.ANY,
    span=None,
    mandates=Mandates(needed=True, obtainable=True),
    limit_tasks=5,
    limit_minutes_day=480,
)
HELPER = Helper(
    id=SHE,
    team_id=TEAM,
    status="approved",
    areas=frozenset({TOWN}),
    languages=frozenset({"zh", "mn"}),
    abilities=frozenset(Ability),
    hours=DAYTIME,
)
NO_MANDATE = Mandates(needed=True, obtainable=False)


def test_whom_nothing_hinders_fits():
    for reach in Reach:
        assert fits(REQUEST, HELPER, NOW, reach) is None


@pytest.mark.parametrize(
    ("of_request", "of_helper", "misfit"),
    [
        ({}, {"status": "suspended"}, Misfit.NOT_APPROVED),
        ({"freed": frozenset({SHE})}, {}, Misfit.HAD_IT_BEFORE),
        ({"carers": frozenset({SHE})}, {}, Misfit.CARES_FOR_PERSON),
        ({}, {"areas": frozenset({made(99)})}, Misfit.OTHER_AREA),
        ({"language": "csl"}, {}, Misfit.LANGUAGE),
        ({}, {"abilities": frozenset({Ability.BOOK})}, Misfit.ABILITIES),
        ({"mandates": NO_MANDATE}, {}, Misfit.MANDATE),
        ({}, {"tasks": 5}, Misfit.TOO_MANY_TASKS),
        ({}, {"hours": {}}, Misfit.HOURS),
        ({}, {"days_off": ((TUESDAY, TUESDAY),)}, Misfit.HOURS),
        ({"span": (at(24, 7, 59), at(24, 10))}, {}, Misfit.HOURS),
        ({"span": (at(24, 17), at(24, 18, 1))}, {}, Misfit.HOURS),
        ({"span": (at(24, 8), at(24, 10))}, {"days_off": ((MONDAY, TUESDAY),)}, Misfit.HOURS),
        ({"span": (at(24, 8), at(24, 10))}, {"work": ((at(24, 9, 59), at(24, 11)),)}, Misfit.OTHER_WORK),
    ],
)
def test_each_rule_keeps_somebody_out(of_request, of_helper, misfit):
    assert fits(replace(REQUEST, **of_request), replace(HELPER, **of_helper), NOW) == misfit


@pytest.mark.parametrize(
    ("work", "misfit"),
    [
        ((), None),
        (((at(24, 8), at(24, 14)),), None),
        (((at(24, 8), at(24, 14, 1)),), Misfit.TOO_MUCH_THAT_DAY),
        (((at(24, 8), at(24, 11)), (at(24, 11), at(24, 14, 1))), Misfit.TOO_MUCH_THAT_DAY),
        (((at(23, 20), at(24, 6)), (at(25, 0), at(25, 9))), None),  # of the night only the six hours of the day count
        (((at(23, 20), at(24, 6, 1)),), Misfit.TOO_MUCH_THAT_DAY),
    ],
)
def test_nobody_is_bound_beyond_the_minutes_of_a_day(work, misfit):
    span = at(24, 15), at(24, 17)
    assert fits(replace(REQUEST, span=span), replace(HELPER, work=work), NOW) == misfit
    assert too_much(work, span, 480) is (misfit is not None)


def test_what_is_longer_than_the_day_lets_fits_nobody():
    assert fits(replace(REQUEST, span=(at(24, 8), at(24, 16, 1))), HELPER, NOW) == Misfit.TOO_MUCH_THAT_DAY
    assert too_much((), (at(24, 23), at(25, 1)), 60) is False, "each day has its own minutes"


def test_on_a_day_that_is_full_nobody_is_asked_to_come():
    full = replace(HELPER, hours=dict.fromkeys(range(1, 8), ((0, 1440),)), work=((at(24, 0), at(24, 6, 1)),))
    assert fits(REQUEST, full, NOW) == Misfit.HOURS
    assert fits(replace(REQUEST, limit_minutes_day=481), full, NOW) is None


def test_a_mandate_that_is_in_place_needs_nobody_to_consent():
    for mandates in (replace(NO_MANDATE, volunteers=frozenset({SHE})), replace(NO_MANDATE, teams=frozenset({TEAM}))):
        assert mandate_of(mandates, SHE, TEAM) == MandateFit.IN_PLACE
        assert fits(replace(REQUEST, mandates=mandates), HELPER, NOW) is None
    assert mandate_of(replace(NO_MANDATE, needed=False), SHE, TEAM) == MandateFit.NOT_NEEDED


def test_how_far_a_round_reaches():
    other = replace(HELPER, team_id=OTHER_TEAM)
    assert fits(REQUEST, other, NOW, Reach.TEAM) == Misfit.OTHER_TEAM
    assert fits(REQUEST, other, NOW, Reach.AREA) is None
    above = replace(other, areas=frozenset({BANNER}))
    assert fits(REQUEST, above, NOW, Reach.AREA) is None
    for area in (NEXT_TOWN, VILLAGE):
        neighbour = replace(other, areas=frozenset({area}))
        assert fits(REQUEST, neighbour, NOW, Reach.AREA) == Misfit.OTHER_AREA
        assert fits(REQUEST, neighbour, NOW, Reach.AROUND) is None
    assert area_served(REQUEST.place, frozenset({LEAGUE, TOWN}), Reach.AROUND) == TOWN


@pytest.mark.parametrize(
    ("span", "fit"),
    [
        ((at(24, 8), at(24, 18)), True),
        ((at(24, 11, 30), at(24, 12, 30)), True),  # hours that touch are one
        ((at(24, 17), at(25, 1)), False),
    ],
)
def test_a_known_time_lies_in_the_hours(span, fit):
    hours = dict.fromkeys(range(1, 8), ((12 * 60, 18 * 60), (8 * 60, 12 * 60)))
    assert (fits(replace(REQUEST, span=span, limit_minutes_day=600), replace(HELPER, hours=hours), NOW) is None) is fit


def test_a_time_over_midnight_needs_the_hours_of_both_days():
    span = at(24, 23), at(25, 1)
    nights = {2: ((22 * 60, 24 * 60),), 3: ((0, 60),)}
    assert fits(replace(REQUEST, span=span), replace(HELPER, hours=nights), NOW) is None
    assert fits(replace(REQUEST, span=span), replace(HELPER, hours={2: nights[2]}), NOW) == Misfit.HOURS
    assert list(by_days(span)) == [(TUESDAY, 23 * 60, 24 * 60), (date(2026, 11, 25), 0, 60)]
    assert list(by_days((at(24, 8), at(25, 0)))) == [(TUESDAY, 8 * 60, 24 * 60)]


def test_work_that_ends_when_the_next_begins_is_no_clash():
    work = ((at(24, 8), at(24, 9)), (at(24, 11), at(24, 12)))
    assert fits(replace(REQUEST, span=(at(24, 9), at(24, 11))), replace(HELPER, work=work), NOW) is None


@pytest.mark.parametrize(
    ("wished", "part", "now", "work", "day"),
    [
        ((TUESDAY, MONDAY), "any", NOW, (), MONDAY),
        ((MONDAY,), "morning", at(23, 10), (), MONDAY),
        ((MONDAY,), "morning", at(23, 10, 1), (), None),
        ((MONDAY, TUESDAY), "morning", at(23, 10, 1), (), TUESDAY),
        ((MONDAY,), "any", at(24, 0), (), None),
        ((TUESDAY,), "afternoon", NOW, ((at(24, 13), at(24, 16, 1)),), None),
        ((TUESDAY,), "afternoon", NOW, ((at(24, 14), at(24, 16)),), TUESDAY),
        ((TUESDAY,), "afternoon", NOW, ((at(23, 23), at(24, 16, 1)),), None),
        ((TUESDAY,), "any", NOW, ((at(24, 9, 59), at(24, 16, 1)),), None),
    ],
)
def test_a_wished_day_leaves_two_hours(wished, part, now, work, day):
    request = replace(REQUEST, wished_days=wished, part_of_day=PartOfDay(part))
    assert day_with_time(request, replace(HELPER, work=work), now) == day
