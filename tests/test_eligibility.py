from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.eligibility import refusal
from domain.identity import age_on

BORN = date(1960, 5, 17)


def service(**rules):
    return {"min_age": None, "max_age": None, "sex": None, "assurance": "declared"} | rules


@pytest.mark.parametrize(
    ("day", "years"),
    [
        (date(2026, 5, 16), 65),
        (date(2026, 5, 17), 66),
        (date(2026, 12, 31), 66),
        (date(1960, 5, 17), 0),
    ],
)
def test_age_is_in_full_years_on_the_day(day, years):
    assert age_on(BORN, day) == years


@pytest.mark.parametrize(
    ("rules", "day", "expected"),
    [
        ({}, date(2026, 5, 17), None),
        ({"min_age": 66}, date(2026, 5, 17), None),
        ({"min_age": 66}, date(2026, 5, 16), ("too_young", {"min_age": 66})),
        ({"max_age": 65}, date(2026, 5, 16), None),
        ({"max_age": 65}, date(2026, 5, 17), ("too_old", {"max_age": 65})),
        ({"max_age": 0}, date(2026, 5, 17), ("too_old", {"max_age": 0})),
        ({"sex": "female"}, date(2026, 5, 17), None),
        ({"sex": "male"}, date(2026, 5, 17), ("other_sex_only", {"sex": "male"})),
        ({"assurance": "desk_verified"}, date(2026, 5, 17), None),
        ({"assurance": "checked"}, date(2026, 5, 17), ("assurance_too_low", {"assurance": "checked"})),
    ],
)
def test_refusals_name_the_rule(rules, day, expected):
    assert refusal(service(**rules), BORN, "female", "desk_verified", day) == expected


days = st.dates(date(1910, 1, 1), date(2100, 1, 1))


@given(days, st.integers(0, 40_000))
def test_age_never_falls_and_grows_by_one_a_year(born, later):
    day = born + timedelta(days=later)
    years = age_on(born, day)
    assert 0 <= age_on(born, day + timedelta(days=1)) - years <= 1
    assert abs(years - later / 365.2425) < 1.01


@given(days, days, st.integers(0, 150), st.integers(0, 150))
def test_ages_are_refused_exactly_outside_their_range(born, day, low, high):
    rules = service(min_age=min(low, high), max_age=max(low, high))
    refused = refusal(rules, born, "male", "declared", day)
    assert (refused is None) == (rules["min_age"] <= age_on(born, day) <= rules["max_age"])
