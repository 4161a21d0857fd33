from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.eligibility import full_years, refusal

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
    assert full_years(BORN, day) == years


def test_who_was_born_on_a_leap_day_grows_older_on_1_march():
    born = date(2020, 2, 29)
    assert full_years(born, date(2026, 2, 28)) == 5
    assert full_years(born, date(2026, 3, 1)) == 6
    assert full_years(born, date(2028, 2, 29)) == 8


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
    years = full_years(born, day)
    assert 0 <= full_years(born, day + timedelta(days=1)) - years <= 1
    assert abs(years - later / 365.2425) < 1.01


@given(days, days, st.integers(0, 150), st.integers(0, 150))
def test_ages_are_refused_exactly_outside_their_range(born, day, low, high):
    rules = service(min_age=min(low, high), max_age=max(low, high))
    refused = refusal(rules, born, "male", "declared", day)
    assert (refused is None) == (rules["min_age"] <= full_years(born, day) <= rules["max_age"])
