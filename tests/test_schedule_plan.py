"""From template, exceptions and calendar to slots: true of any of them, over years, month ends and leap days."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendar_days import of_library
from domain.schedule_plan import CalendarDay, ExceptionDays, Places, Session, Template, clashes, plan, plan_all
from domain.vocabulary import LOCAL_ZONE, DayKind, ExceptionKind, OnHolidays

FIRST, LAST = date(2027, 1, 1), date(2028, 12, 31)
"""A plain year and a leap year."""

minutes = st.integers(0, 1439)
any_day = st.dates(FIRST, LAST)
edge_days = st.sampled_from(
    [date(2027, 2, 28), date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1), date(2027, 12, 31), date(2028, 1, 1)]
)
days = st.one_of(any_day, edge_days)


def of_day(minute):
    return time(*divmod(minute, 60))


@st.composite
def sessions_of_day(draw, least=0):
    """Sessions of one day that do not overlap."""
    cuts = sorted(draw(st.lists(minutes, min_size=2 * least, max_size=6, unique=True)))
    made = []
    for starts, ends in zip(cuts[::2], cuts[1::2], strict=False):
        capacity = draw(st.integers(1, 20))
        assisted = draw(st.integers(0, capacity))
        made.append(
            Session(
                of_day(starts),
                of_day(ends),
                draw(st.integers(max(1, (ends - starts) // 20), max(1, ends - starts))),
                capacity,
                assisted,
                draw(st.integers(0, capacity - assisted)),
            )
        )
    return tuple(made)


@st.composite
def ranges(draw):
    first = draw(days)
    return first, min(LAST, first + timedelta(days=draw(st.integers(0, 60))))


@st.composite
def exceptions(draw):
    kind = draw(st.sampled_from(ExceptionKind))
    first, last = draw(ranges())
    return ExceptionDays(kind, first, last, () if kind is ExceptionKind.CLOSED else draw(sessions_of_day(1)))


@st.composite
def templates(draw):
    valid_from, valid_to = sorted((draw(days), draw(days)))
    return Template(
        None,
        valid_from,
        draw(st.sampled_from([valid_to, None])),
        draw(st.sampled_from(OnHolidays)),
        draw(st.dictionaries(st.integers(1, 7), sessions_of_day(), max_size=7)),
        tuple(draw(st.lists(exceptions(), max_size=4))),
    )


calendars = st.dictionaries(
    days,
    st.one_of(
        st.just(CalendarDay(DayKind.HOLIDAY)),
        st.builds(CalendarDay, st.just(DayKind.WORKDAY), st.one_of(st.none(), st.integers(1, 7))),
    ),
    max_size=40,
)


def on(template, day, kind):
    return [each for each in template.exceptions if each.kind is kind and each.first_day <= day <= each.last_day]


def allowed(template, calendar, day):
    """Say again, in other words than the code's, which sessions a day may have slots of."""
    if day < template.valid_from or (template.valid_to and day > template.valid_to):
        return [], []
    if on(template, day, ExceptionKind.CLOSED):
        return [], []
    special = calendar.get(day, CalendarDay(DayKind.WORKDAY))
    own = list(template.sessions.get(special.follows_weekday or day.isoweekday(), ()))
    if special.kind is DayKind.HOLIDAY and template.on_holidays is OnHolidays.CLOSED:
        own = []
    changed = [session for each in on(template, day, ExceptionKind.CHANGED) for session in each.sessions]
    extra = [session for each in on(template, day, ExceptionKind.EXTRA) for session in each.sessions]
    return (changed if own and changed else own), extra


def minute(moment):
    return moment.hour * 60 + moment.minute


@settings(max_examples=60, deadline=None)
@given(templates(), calendars, ranges())
def test_slots_are_in_order_without_overlap_and_each_inside_a_session_of_its_day(template, calendar, asked):
    made = list(plan(template, calendar, *asked))
    assert all(earlier.ends_at <= later.starts_at for earlier, later in pairwise(made))
    for slot in made:
        assert asked[0] <= slot.day <= asked[1]
        assert slot.starts_at.astimezone(LOCAL_ZONE).date() == slot.ends_at.astimezone(LOCAL_ZONE).date() == slot.day
        base, extra = allowed(template, calendar, slot.day)
        assert any(
            session.starts <= slot.starts_at.time()
            and slot.ends_at.time() <= session.ends
            and minute(slot.ends_at) - minute(slot.starts_at) == session.slot_minutes
            and (minute(slot.starts_at) - minute(session.starts)) % session.slot_minutes == 0
            and slot.places == session.places
            for session in base + extra
        )


@settings(max_examples=60, deadline=None)
@given(templates(), calendars, ranges())
def test_no_slot_that_the_sessions_have_is_missing(template, calendar, asked):
    """Each session that nothing overlaps has as many slots as fit; a day that is closed has none."""
    made = Counter(slot.day for slot in plan(template, calendar, *asked))
    for number in range((asked[1] - asked[0]).days + 1):
        day = asked[0] + timedelta(days=number)
        base, extra = allowed(template, calendar, day)
        if not base and not extra:
            assert day not in made
        of_base = sum((minute(each.ends) - minute(each.starts)) // each.slot_minutes for each in base)
        of_extra = sum((minute(each.ends) - minute(each.starts)) // each.slot_minutes for each in extra)
        crossing = any(
            one.starts < other.ends and other.starts < one.ends
            for position, one in enumerate(base + extra)
            for other in (base + extra)[position + 1 :]
        )
        count = made[day]
        assert count <= of_base + of_extra
        if not crossing:
            assert count == of_base + of_extra


@settings(max_examples=30, deadline=None)
@given(templates(), calendars, ranges(), st.data())
def test_the_same_given_makes_the_same_and_a_range_is_its_parts_together(template, calendar, asked, data):
    whole = list(plan(template, calendar, *asked))
    assert list(plan(template, calendar, *asked)) == whole
    middle = data.draw(st.dates(*asked))
    parts = [
        *plan(template, calendar, asked[0], middle),
        *plan(template, calendar, middle + timedelta(days=1), asked[1]),
    ]
    assert parts == whole


@settings(max_examples=30, deadline=None)
@given(templates(), calendars, ranges())
def test_extra_slots_leave_all_others_as_they_were(template, calendar, asked):
    without = Template(
        None,
        template.valid_from,
        template.valid_to,
        template.on_holidays,
        template.sessions,
        tuple(each for each in template.exceptions if each.kind is not ExceptionKind.EXTRA),
    )
    assert set(plan(without, calendar, *asked)) <= set(plan(template, calendar, *asked))


@settings(max_examples=30, deadline=None)
@given(templates(), calendars, ranges())
def test_a_clash_is_told_exactly_where_an_extra_session_crosses_another(template, calendar, asked):
    told = {clash.day for clash in clashes(template, calendar, *asked)}
    for number in range((asked[1] - asked[0]).days + 1):
        day = asked[0] + timedelta(days=number)
        base, extra = allowed(template, calendar, day)
        assert (day in told) == any(
            one.starts < other.ends and other.starts < one.ends for one in extra for other in base
        )


MORNING = Session(time(8), time(10), 30, 5, 1, 1)
WEEK = Template(None, date(2026, 1, 1), None, OnHolidays.CLOSED, dict.fromkeys(range(1, 6), (MORNING,)))


def library(*years):
    return {
        day: CalendarDay(each.kind, each.follows_weekday) for year in years for day, each in of_library(year).items()
    }


def days_of(template, calendar, first, last):
    return sorted({slot.day for slot in plan(template, calendar, first, last)})


def test_places_are_divided_by_channel_and_times_are_local():
    first = next(plan(WEEK, {}, date(2026, 11, 23), date(2026, 11, 23)))
    assert first.places == Places(public=3, assisted=1, counter=1)
    assert first.starts_at == datetime(2026, 11, 23, 8, tzinfo=LOCAL_ZONE)


def test_a_leap_day_has_its_slots_and_a_plain_year_has_none():
    assert days_of(WEEK, {}, date(2028, 2, 28), date(2028, 3, 1)) == [
        date(2028, 2, 28),
        date(2028, 2, 29),
        date(2028, 3, 1),
    ]
    assert days_of(WEEK, {}, date(2027, 2, 26), date(2027, 3, 1)) == [date(2027, 2, 26), date(2027, 3, 1)]


@pytest.mark.parametrize(
    ("year", "runs", "workdays"),
    [
        (2025, "0101-0101 0128-0204 0404-0406 0501-0505 0531-0602 1001-1008", 5),
        (2026, "0101-0103 0215-0223 0404-0406 0501-0505 0619-0621 0925-0927 1001-1007", 6),
    ],
)
def test_holidays_are_the_runs_of_days_that_the_official_notice_names(year, runs, workdays):
    """The notices of 2024-11-12 and 2025-11-04, whose runs include the weekends."""
    expected = set()
    for run in runs.split():
        first, last = (date.fromisoformat(f"{year}{day}") for day in run.split("-"))
        expected |= {first + timedelta(days=number) for number in range((last - first).days + 1)}
    known = of_library(year)
    assert {day for day, each in known.items() if each.kind is DayKind.HOLIDAY} == expected
    assert sum(each.kind is DayKind.WORKDAY for each in known.values()) == workdays


def test_a_year_that_is_not_announced_has_no_make_up_workdays_yet():
    assert all(each.kind is DayKind.HOLIDAY for each in of_library(2027).values())


def test_a_holiday_is_closed_unless_the_schedule_works_then():
    calendar = library(2026)
    assert days_of(WEEK, calendar, date(2026, 10, 1), date(2026, 10, 8)) == [date(2026, 10, 8)]
    always = Template(None, WEEK.valid_from, None, OnHolidays.OPEN, WEEK.sessions)
    assert len(days_of(always, calendar, date(2026, 10, 1), date(2026, 10, 8))) == 6


def test_a_make_up_workday_has_the_sessions_of_the_weekday_that_it_follows():
    saturday = date(2026, 10, 10)
    calendar = library(2026)
    assert days_of(WEEK, calendar, saturday, saturday) == []
    assert days_of(WEEK, calendar | {saturday: CalendarDay(DayKind.WORKDAY, 3)}, saturday, saturday) == [saturday]


def test_a_change_replaces_where_the_template_works_and_an_extra_comes_on_top_anywhere():
    late = Session(time(14), time(15), 30, 2)
    monday, saturday = date(2026, 11, 23), date(2026, 11, 28)
    changed = ExceptionDays(ExceptionKind.CHANGED, monday, saturday, (late,))
    extra = ExceptionDays(ExceptionKind.EXTRA, saturday, saturday, (late,))
    template = Template(None, WEEK.valid_from, None, OnHolidays.CLOSED, WEEK.sessions, (changed,))
    assert {slot.starts_at.hour for slot in plan(template, {}, monday, saturday)} == {14}
    assert saturday not in days_of(template, {}, monday, saturday)
    template = Template(None, WEEK.valid_from, None, OnHolidays.CLOSED, WEEK.sessions, (changed, extra))
    assert saturday in days_of(template, {}, monday, saturday)


def test_templates_that_follow_each_other_give_one_row_of_slots():
    first = Template(None, date(2026, 1, 1), date(2026, 11, 24), OnHolidays.CLOSED, WEEK.sessions)
    second = Template(None, date(2026, 11, 25), None, OnHolidays.CLOSED, WEEK.sessions)
    made = list(plan_all([second, first], {}, date(2026, 11, 23), date(2026, 11, 27)))
    assert [(slot.starts_at, slot.places) for slot in made] == [
        (slot.starts_at, slot.places) for slot in plan(WEEK, {}, date(2026, 11, 23), date(2026, 11, 27))
    ]


def test_a_range_that_ends_before_it_begins_has_nothing():
    assert list(plan(WEEK, {}, date(2026, 11, 24), date(2026, 11, 23))) == []
