"""What volunteers can do and when they can be asked: what is kept, and what cannot be."""

from __future__ import annotations

from datetime import date, timedelta

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.help_vocabulary import MAX_HOURS_A_WEEKDAY
from domain.volunteer_times import check
from tests import make
from tests.mandates import call

TODAY = date(2026, 11, 23)
WEEK = [{"weekday": weekday, "from": "08:00", "until": "18:00"} for weekday in range(1, 8)]


@pytest.fixture
async def entry(conn):
    area_id = await make.area(conn)
    team_id = await make.team(conn, area_id=area_id)
    return {"team_id": str(team_id), "areas": [str(area_id)], "languages": ["zh"]}


def hours(*spans):
    return [{"weekday": weekday, "from": starts, "until": ends} for weekday, starts, ends in spans]


async def test_who_names_nothing_books_by_day_all_week(client, conn, app, entry):
    resident = await make.resident(conn, app)
    status, made = await call(client, "POST", "/v1/volunteers", resident, entry)
    assert status == 201, made
    assert (made["abilities"], made["hours"], made["days_off"], made["leads"]) == (["book"], WEEK, [], False)


async def test_what_is_named_is_kept_until_it_is_named_anew(client, conn, app, entry):
    resident = await make.resident(conn, app)
    spans = hours((1, "00:00", "12:00"), (1, "12:00", "24:00"), (6, "09:30", "11:00"))
    off = [{"from": "2026-11-23", "to": "2026-11-23"}, {"from": "2026-12-24", "to": "2027-01-03"}]
    named = {"abilities": ["drive", "book", "drive"], "hours": spans, "days_off": off, "languages": ["csl", "zh"]}
    status, made = await call(client, "POST", "/v1/volunteers", resident, {**entry, **named})
    assert status == 201, made
    shown = (["book", "drive"], spans, off, ["csl", "zh"])
    assert (made["abilities"], made["hours"], made["days_off"], made["languages"]) == shown
    status, kept = await call(client, "PUT", "/v1/volunteers/me", resident, {**entry, "languages": ["csl", "zh"]})
    assert (status, kept) == (200, made)
    none = {"hours": [], "days_off": [], "abilities": ["accompany"]}
    status, changed = await call(client, "PUT", "/v1/volunteers/me", resident, {**entry, **none})
    assert (status, changed["hours"], changed["days_off"], changed["abilities"]) == (200, [], [], ["accompany"])


async def test_days_off_that_are_over_are_not_shown(client, conn, app, entry, clock):
    resident = await make.resident(conn, app)
    off = [{"from": "2026-11-20", "to": "2026-11-23"}, {"from": "2026-11-24", "to": "2026-11-24"}]
    _, made = await call(client, "POST", "/v1/volunteers", resident, {**entry, "days_off": off})
    assert made["days_off"] == off
    clock.move(days=1)
    resident = await make.signed_in_again(conn, app, resident)
    _, shown = await call(client, "GET", "/v1/volunteers/me", resident)
    assert shown["days_off"] == off[1:]


async def test_who_comes_back_begins_with_the_usual_hours(client, conn, app, entry):
    resident = await make.resident(conn, app)
    named = {"hours": [], "days_off": [{"from": "2026-12-01", "to": "2026-12-02"}], "abilities": ["drive"]}
    await call(client, "POST", "/v1/volunteers", resident, {**entry, **named})
    assert (await call(client, "DELETE", "/v1/volunteers/me", resident))[0] == 204
    resident = await make.signed_in_again(conn, app, resident)
    _, again = await call(client, "POST", "/v1/volunteers", resident, entry)
    assert (again["hours"], again["days_off"], again["abilities"]) == (WEEK, [], ["book"])


MANY = [(1, f"{n:02}:00", f"{n:02}:30") for n in range(MAX_HOURS_A_WEEKDAY + 1)]


@pytest.mark.parametrize(
    ("wrong", "where", "says"),
    [
        ({"hours": hours((1, "08:00", "12:00"), (1, "11:59", "14:00"))}, ("hours", "1", "from"), "08:00–12:00"),
        ({"hours": hours((1, "11:59", "14:00"), (1, "08:00", "12:00"))}, ("hours", "1", "from"), "11:59–14:00"),
        ({"hours": hours((2, "08:00", "09:00"), (2, "08:00", "09:00"))}, ("hours", "1", "from"), "重叠"),
        ({"hours": hours((1, "20:00", "26:00"))}, ("hours", "0", "until"), "24:00"),
        ({"hours": hours((1, "20:00", "24:01"))}, ("hours", "0", "until"), "24:00"),
        ({"hours": hours((1, "22:00", "06:00"))}, ("hours", "0", "until"), "分成两天"),
        ({"hours": hours((1, "08:00", "08:00"))}, ("hours", "0", "until"), "晚于"),
        ({"hours": hours((1, "24:00", "24:00"))}, ("hours", "0", "until"), "晚于"),
        ({"hours": hours(*MANY)}, ("hours", "6", "weekday"), "最多 6 段"),
        ({"hours": hours((0, "08:00", "09:00"))}, ("hours", "0", "weekday"), "星期"),
        ({"hours": hours((8, "08:00", "09:00"))}, ("hours", "0", "weekday"), "星期"),
        ({"hours": hours((1, "8:00", "09:00"))}, ("hours", "0", "from"), "24 小时制"),
        ({"hours": hours((1, 480, "09:00"))}, ("hours", "0", "from"), "24 小时制"),
        ({"days_off": [{"from": "2026-11-01", "to": "2026-11-22"}]}, ("days_off", "0", "to"), "2026-11-23"),
        ({"days_off": [{"from": "2026-12-05", "to": "2026-12-04"}]}, ("days_off", "0", "to"), "2026-12-05"),
        ({"days_off": [{"from": "2026-12-01", "to": "2027-12-02"}]}, ("days_off", "0", "to"), "366"),
        (
            {"days_off": [{"from": "2026-12-01", "to": "2026-12-05"}, {"from": "2026-12-05", "to": "2026-12-06"}]},
            ("days_off", "1", "from"),
            "重叠",
        ),
        ({"abilities": []}, ("abilities",), "至少"),
        ({"abilities": ["cook"]}, ("abilities", "0"), "选择"),
        ({"abilities": None}, ("abilities",), "空"),
        ({"hours": None}, ("hours",), "空"),
        ({"hours": hours(*[(1, "08:00", "09:00")] * 43)}, ("hours",), "最多"),
    ],
)
async def test_what_cannot_be_is_refused_at_its_place(client, conn, app, entry, wrong, where, says):
    resident = await make.resident(conn, app)
    for method, path in (("POST", "/v1/volunteers"), ("PUT", "/v1/volunteers/me")):
        status, problem = await call(client, method, path, resident, {**entry, **wrong})
        assert (status, problem["code"]) == (400, "invalid_input")
        found = problem["errors"]
        for name in where:
            found = found[name]
        assert says in found[0]
    assert await conn.fetchval("select count(*) from volunteer") == 0


minutes = st.integers(0, 1440)
spans = st.lists(
    st.fixed_dictionaries({"weekday": st.integers(1, 3), "from_minute": minutes, "until_minute": minutes}), max_size=9
)
days = st.integers(-5, 400).map(lambda n: TODAY + timedelta(days=n))
off = st.lists(st.fixed_dictionaries({"first_day": days, "last_day": days}), max_size=4)


@given(spans, off)
def test_whatever_passes_lies_within_its_day_and_apart(weekly, days_off):
    try:
        check(weekly, days_off, TODAY)
    except Invalid:
        return
    taken: set[tuple[int, int]] = set()
    for each in weekly:
        assert 0 <= each["from_minute"] < each["until_minute"] <= 1440
        of_it = {(each["weekday"], minute) for minute in range(each["from_minute"], each["until_minute"])}
        assert not taken & of_it
        taken |= of_it
    free: set[date] = set()
    for each in days_off:
        assert each["last_day"] >= TODAY
        days_of_it = {
            each["first_day"] + timedelta(days=n) for n in range((each["last_day"] - each["first_day"]).days + 1)
        }
        assert days_of_it
        assert not free & days_of_it
        free |= days_of_it


@pytest.mark.parametrize(
    "statement",
    [
        "insert into volunteer_hours values ($1, 1, 480, 600), ($1, 1, 599, 700)",
        "insert into volunteer_hours values ($1, 1, 1400, 1441)",
        "insert into volunteer_day_off values ($1, '2026-12-01', '2026-12-05'), ($1, '2026-12-05', '2026-12-06')",
    ],
)
async def test_the_schema_itself_refuses_them_too(conn, statement):
    volunteer_id = await make.volunteer(conn, await make.account(conn))
    with pytest.raises((asyncpg.ExclusionViolationError, asyncpg.CheckViolationError)):
        await conn.execute(statement.replace("$1", f"'{volunteer_id}'"))
