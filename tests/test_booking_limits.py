"""The limits against a count over every window there is, and against what must never come to be."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.booking_limits import LONGEST_WINDOW_DAYS, Held, check_person_limits, check_volunteer_limit, fullest_span

HOSPITALS = [UUID(int=1), UUID(int=2)]
DEPARTMENTS = ["内科", "外科"]
GENEROUS = {"limit_department_day": 99, "limit_day": 99, "limit_7_days": 99, "limit_90_days": 99}

# Over the end of a year and over 29 February 2028; and where windows of 90 days hold a year's end and a leap day.
days = st.dates(date(2027, 12, 25), date(2028, 3, 10)) | st.dates(date(2027, 10, 1), date(2028, 6, 30))
bookings = st.builds(
    lambda day, provider_id, department: Held(uuid4(), day, provider_id, department),
    days,
    st.sampled_from(HOSPITALS),
    st.sampled_from(DEPARTMENTS),
)
limits = st.fixed_dictionaries(
    {
        "limit_department_day": st.integers(1, 3),
        "limit_day": st.integers(1, 4),
        "limit_7_days": st.integers(1, 6),
        "limit_90_days": st.integers(1, 8),
    }
)


def windows(day, length):
    """Every run of so many days that holds the day."""
    return [
        (day - timedelta(days=before), day - timedelta(days=before) + timedelta(days=length - 1))
        for before in range(length)
    ]


def inside(held, window):
    return [booking for booking in held if window[0] <= booking.day <= window[1]]


def most_in_a_window(held, day, length):
    return max(len(inside(held, window)) for window in windows(day, length))


def expected_code(held, wanted, rules):
    same_day = [booking for booking in held if booking.day == wanted.day]
    place = (wanted.provider_id, wanted.department)
    if len([1 for each in same_day if (each.provider_id, each.department) == place]) >= rules["limit_department_day"]:
        return "limit_department_day"
    if len(same_day) >= rules["limit_day"]:
        return "limit_day"
    if most_in_a_window(held, wanted.day, 7) >= rules["limit_7_days"]:
        return "limit_7_days"
    if most_in_a_window(held, wanted.day, 90) >= rules["limit_90_days"]:
        return "limit_90_days"
    return None


@given(st.lists(bookings, max_size=12), bookings, limits)
def test_the_refusal_is_that_of_a_count_over_every_window(held, wanted, rules):
    refusal = check_person_limits(held, wanted, rules)
    code = expected_code(held, wanted, rules)
    assert (refusal and refusal.code) == code
    if refusal is None:
        return
    assert refusal.facts["limit"] == rules[code]
    named = refusal.facts["bookings"]
    assert len(named) >= rules[code]
    assert len(set(named)) == len(named)
    assert set(named) <= {booking.id for booking in held}


@given(st.lists(bookings, max_size=12), days, st.sampled_from([1, 2, 7, 90]))
def test_the_fullest_span_is_a_window_that_none_exceeds(held, day, length):
    span = fullest_span(held, day, length)
    assert len(span) == most_in_a_window(held, day, length)
    assert any(set(span) == set(inside(held, window)) for window in windows(day, length)) or span == []


@given(st.lists(bookings, max_size=25), limits)
def test_whoever_books_one_after_the_other_never_exceeds_a_limit(wishes, rules):
    held: list[Held] = []
    for wanted in wishes:
        if check_person_limits(held, wanted, rules) is None:
            held.append(wanted)
    for day in {booking.day for booking in held}:
        same_day = inside(held, (day, day))
        assert len(same_day) <= rules["limit_day"]
        for place in {(booking.provider_id, booking.department) for booking in same_day}:
            there = [booking for booking in same_day if (booking.provider_id, booking.department) == place]
            assert len(there) <= rules["limit_department_day"]
        assert most_in_a_window(held, day, 7) <= rules["limit_7_days"]
        assert most_in_a_window(held, day, 90) <= rules["limit_90_days"]


@given(st.lists(bookings, max_size=12), bookings)
def test_bookings_that_no_window_reaches_do_not_matter(held, wanted):
    """So it is enough to fetch those within LONGEST_WINDOW_DAYS - 1 of the wanted day."""
    reach = timedelta(days=LONGEST_WINDOW_DAYS - 1)
    near = [booking for booking in held if abs(booking.day - wanted.day) <= reach]
    rules = {"limit_department_day": 2, "limit_day": 2, "limit_7_days": 3, "limit_90_days": 4}
    far, close = check_person_limits(held, wanted, rules), check_person_limits(near, wanted, rules)
    assert (far and (far.code, far.facts)) == (close and (close.code, close.facts))


@pytest.mark.parametrize(
    ("held_on", "wanted_on", "name", "counted"),
    [
        (date(2027, 12, 31), date(2028, 1, 1), "limit_7_days", True),  # the year ends inside
        (date(2027, 12, 25), date(2027, 12, 31), "limit_7_days", True),  # first and seventh day
        (date(2027, 12, 25), date(2028, 1, 1), "limit_7_days", False),  # the eighth
        (date(2028, 2, 24), date(2028, 3, 1), "limit_7_days", True),  # 24, 25, 26, 27, 28, 29 February, 1 March
        (date(2028, 2, 23), date(2028, 3, 1), "limit_7_days", False),
        (date(2027, 2, 23), date(2027, 3, 1), "limit_7_days", True),  # no 29 February in that year
        (date(2028, 2, 29), date(2028, 5, 28), "limit_90_days", True),  # first and ninetieth day
        (date(2028, 2, 29), date(2028, 5, 29), "limit_90_days", False),
        (date(2027, 12, 2), date(2028, 2, 29), "limit_90_days", True),
        (date(2027, 12, 1), date(2028, 2, 29), "limit_90_days", False),
    ],
)
@pytest.mark.parametrize("booked_later_first", [False, True])
def test_windows_at_their_edges(held_on, wanted_on, name, counted, booked_later_first):
    if booked_later_first:
        held_on, wanted_on = wanted_on, held_on
    held = Held(uuid4(), held_on, HOSPITALS[0], "内科")
    wanted = Held(uuid4(), wanted_on, HOSPITALS[0], "内科")
    refusal = check_person_limits([held], wanted, GENEROUS | {name: 1})
    assert (refusal is not None) == counted
    if refusal is not None:
        assert (refusal.code, refusal.facts) == (name, {"limit": 1, "bookings": [held.id]})


def test_two_bookings_on_either_side_do_not_add_up_beyond_one_window():
    """Four days before and four days after: no seven days hold both with the day between."""
    day = date(2028, 3, 1)
    held = [Held(uuid4(), day + timedelta(days=shift), HOSPITALS[0], "内科") for shift in (-4, 4)]
    wanted = Held(uuid4(), day, HOSPITALS[0], "内科")
    assert check_person_limits(held, wanted, GENEROUS | {"limit_7_days": 2}) is None
    held.append(Held(uuid4(), day + timedelta(days=2), HOSPITALS[0], "内科"))
    assert check_person_limits(held, wanted, GENEROUS | {"limit_7_days": 2}) is not None


@given(st.integers(0, 30), st.integers(1, 25))
@example(20, 20)
@example(19, 20)
def test_a_volunteers_day(booked, limit):
    refusal = check_volunteer_limit(booked, {"limit_volunteer_day": limit})
    assert (refusal is not None) == (booked >= limit)
    if refusal is not None:
        assert (refusal.code, refusal.facts) == ("limit_volunteer_day", {"limit": limit})
