"""Which place a booking gets instead of its own: the nearest equal one, each once, and within the limits."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.booking_limits import Held
from domain.nearest import assign
from domain.vocabulary import LOCAL_ZONE

NOON = datetime(2026, 11, 25, 12, tzinfo=LOCAL_ZONE)
SERVICE, OTHER_SERVICE, PROVIDER = UUID(int=1), UUID(int=2), UUID(int=3)
GENEROUS = {"limit_department_day": 99, "limit_day": 99, "limit_7_days": 99, "limit_90_days": 99}


def place(hours, free=1, *, resource="", service_id=SERVICE, channel="public", **limits):
    starts_at = NOON + timedelta(hours=hours)
    return {
        "slot_id": UUID(int=1000 + hours),
        "service_id": service_id,
        "channel": channel,
        "resource": resource,
        "starts_at": starts_at,
        "day": starts_at.date(),
        "free": free,
        **GENEROUS,
        **limits,
    }


def booking(number=1, hours=0, *, person=1, resource="", channel="public"):
    return {
        "id": UUID(int=number),
        "person_id": UUID(int=person),
        "service_id": SERVICE,
        "channel": channel,
        "resource": resource,
        "starts_at": NOON + timedelta(hours=hours),
        "provider_id": PROVIDER,
        "department": "内科",
    }


def held(number, days, *, provider_id=PROVIDER):
    return Held(UUID(int=number), (NOON + timedelta(days=days)).date(), provider_id, "内科")


def given_hours(bookings, places, holds=None):
    given_places = assign(bookings, places, holds or {})
    return {each.int: (row["starts_at"] - NOON) // timedelta(hours=1) for each, row in given_places.items()}


def test_the_nearest_in_time_comes_first():
    assert given_hours([booking()], [place(-5), place(3), place(9)]) == {1: 3}
    assert given_hours([booking()], [place(-2), place(3)]) == {1: -2}


def test_at_equal_distance_the_later_one():
    assert given_hours([booking()], [place(-2), place(2)]) == {1: 2}


def test_at_equal_times_the_same_doctor():
    given_places = assign([booking(resource="乙")], [place(1, resource="甲"), place(1, resource="乙")], {})
    assert given_places[UUID(int=1)]["resource"] == "乙"
    nearer = assign([booking(resource="乙")], [place(1, resource="甲"), place(2, resource="乙")], {})
    assert nearer[UUID(int=1)]["resource"] == "甲"


def test_only_the_same_service_and_channel():
    places = [place(1, service_id=OTHER_SERVICE), place(2, channel="counter"), place(3)]
    assert given_hours([booking()], places) == {1: 3}
    assert given_hours([booking(channel="assisted")], places) == {}


def test_one_place_is_given_once_and_in_order():
    assert given_hours([booking(1), booking(2), booking(3)], [place(1), place(2)]) == {1: 1, 2: 2}
    assert given_hours([booking(1), booking(2), booking(3)], [place(1, 2), place(-9)]) == {1: 1, 2: 1, 3: -9}


def test_a_place_that_the_persons_limits_forbid_is_passed_over():
    places = [place(24, limit_department_day=1), place(48, limit_department_day=1)]
    assert given_hours([booking()], places, {UUID(int=1): [held(1, 0), held(7, 1)]}) == {1: 48}


def test_the_booking_itself_does_not_count_against_its_person():
    places = [place(1, limit_department_day=1, limit_day=1, limit_7_days=1, limit_90_days=1)]
    assert given_hours([booking()], places, {UUID(int=1): [held(1, 0)]}) == {1: 1}


def test_two_bookings_of_one_person_count_against_each_other():
    both = [booking(1), booking(2, 1)]
    places = [place(24, 5, limit_department_day=1), place(48, 5, limit_department_day=1)]
    assert given_hours(both, places, {UUID(int=1): [held(1, 0), held(2, 5)]}) == {1: 24, 2: 48}


moments = st.integers(-60, 60)


@given(st.lists(moments, max_size=12), st.lists(st.tuples(moments, st.integers(1, 3)), max_size=12))
def test_no_place_is_given_twice_and_none_is_left_while_somebody_lacks_one(wanted, offered):
    bookings = [booking(number, hours, person=number) for number, hours in enumerate(sorted(wanted), 1)]
    places = [{**place(hours, free), "slot_id": UUID(int=n)} for n, (hours, free) in enumerate(offered)]
    assigned = assign(bookings, places, {})
    taken = [row["slot_id"] for row in assigned.values()]
    assert all(taken.count(row["slot_id"]) <= row["free"] for row in places)
    assert len(assigned) == min(len(bookings), sum(row["free"] for row in places))
    left = {row["slot_id"]: row["free"] - taken.count(row["slot_id"]) for row in places}
    for each in bookings:
        for row in places:
            if left[row["slot_id"]] and each["id"] in assigned:
                distance = abs(assigned[each["id"]]["starts_at"] - each["starts_at"])
                assert distance <= abs(row["starts_at"] - each["starts_at"])
