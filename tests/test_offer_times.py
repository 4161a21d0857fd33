"""Until when an offer stands: the quiet hours do not count, and it never outlives the time for ordering."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.offer_times import offer_until
from domain.vocabulary import LOCAL_ZONE

NIGHT = time(22), time(7)
NOON = time(12), time(14)
FAR = datetime(2027, 1, 1, tzinfo=LOCAL_ZONE)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=LOCAL_ZONE)


@pytest.mark.parametrize(
    ("now", "minutes", "quiet", "until"),
    [
        (at(23, 9), 30, None, at(23, 9, 30)),
        (at(23, 9), 30, NIGHT, at(23, 9, 30)),
        (at(23, 21, 30), 30, NIGHT, at(23, 22)),
        (at(23, 21, 45), 30, NIGHT, at(24, 7, 15)),
        (at(23, 22), 30, NIGHT, at(24, 7, 30)),
        (at(23, 2), 30, NIGHT, at(23, 7, 30)),
        (at(23, 7), 30, NIGHT, at(23, 7, 30)),
        (at(23, 21), 15 * 60 + 60, NIGHT, at(24, 22)),
        (at(23, 21), 15 * 60 + 61, NIGHT, at(25, 7, 1)),
        (at(23, 13), 30, NOON, at(23, 14, 30)),
        (at(23, 11, 50), 30, NOON, at(23, 14, 20)),
    ],
)
def test_quiet_hours_do_not_count(now, minutes, quiet, until):
    assert offer_until(now, minutes, quiet, FAR) == until


def test_an_offer_ends_with_the_time_for_ordering():
    assert offer_until(at(23, 9), 30, NIGHT, at(23, 9, 10)) == at(23, 9, 10)
    assert offer_until(at(23, 23), 30, NIGHT, at(24, 1)) == at(24, 1)


clock = st.times(time(0), time(23, 59)).map(lambda each: each.replace(second=0, microsecond=0))


@given(
    st.integers(0, 366 * 1440).map(lambda minutes: at(1, 0) + timedelta(minutes=minutes)),
    st.integers(1, 1440),
    st.tuples(clock, clock).filter(lambda quiet: quiet[0] != quiet[1]),
)
def test_so_many_minutes_that_are_not_quiet_lie_between(now, minutes, quiet):
    begins, ends = quiet

    def is_quiet(moment):
        of_day = moment.time()
        return begins <= of_day < ends if begins < ends else of_day >= begins or of_day < ends

    until = offer_until(now, minutes, quiet, datetime(2037, 1, 1, tzinfo=LOCAL_ZONE))
    steps = int((until - now) / timedelta(minutes=1))
    awake = sum(not is_quiet(now + timedelta(minutes=n)) for n in range(steps)) if steps < 5000 else minutes
    assert awake == minutes
    assert not is_quiet(until - timedelta(minutes=1))
