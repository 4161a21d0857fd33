"""What hours are counted by."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.help_hours_rules import Position, claimed, metres_between, minutes_between, month_span, start_span
from domain.vocabulary import LOCAL_ZONE

DEGREES = st.builds(Position, st.floats(-90, 90), st.floats(-180, 180))
HERE = Position(38.8333, 105.6667)


def at(day, hour=9, minute=0, month=11):
    return datetime(2026, month, day, hour, minute, tzinfo=LOCAL_ZONE)


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        (HERE, HERE, 0),
        (Position(0, 0), Position(0, 1), 111_195),
        (Position(0, 179.5), Position(0, -179.5), 111_195),
        (Position(0, 0), Position(0, 180), 20_015_114),
        (Position(90, 0), Position(-90, 77), 20_015_114),
        (HERE, Position(38.8360, 105.6667), 300),
        (HERE, Position(38.8333, 105.6701), 295),
    ],
)
def test_distance(one, other, metres):
    assert metres_between(one, other) == metres


@given(DEGREES, DEGREES)
def test_distance_is_the_same_both_ways_and_never_longer_than_half_round_the_world(one, other):
    assert metres_between(one, other) == metres_between(other, one)
    assert 0 <= metres_between(one, other) <= 20_015_115


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(0, 0), (59, 0), (60, 1), (3_599, 59), (3_600, 60), (26 * 3_600 + 1, 1_560)]
)
def test_a_minute_that_was_begun_does_not_count(seconds, minutes):
    assert minutes_between(at(3), at(3) + timedelta(seconds=seconds)) == minutes


@pytest.mark.parametrize(
    ("worked", "others", "counts"), [(60, 0, 60), (60, 420, 60), (61, 420, 60), (60, 480, 0), (60, 999, 0), (0, 0, 0)]
)
def test_a_day_has_only_so_many_minutes(worked, others, counts):
    assert claimed(worked, others, 480) == counts


@pytest.mark.parametrize(
    ("month", "begins", "ends"),
    [
        (date(2026, 11, 23), at(1, 0), at(1, 0, month=12)),
        (date(2026, 12, 1), at(1, 0, month=12), datetime(2027, 1, 1, tzinfo=LOCAL_ZONE)),
        (date(2028, 2, 29), datetime(2028, 2, 1, tzinfo=LOCAL_ZONE), datetime(2028, 3, 1, tzinfo=LOCAL_ZONE)),
    ],
)
def test_a_month_begins_and_ends_in_alxa(month, begins, ends):
    assert month_span(month) == (begins, ends)


def test_a_start_is_confirmed_two_hours_before_at_the_earliest_and_on_the_last_day_at_the_latest():
    assert start_span(at(3, 8, 30), at(3, 11)) == (at(3, 6, 30), at(4, 0))
    assert start_span(at(3, 22), at(4, 1)) == (at(3, 20), at(5, 0))
