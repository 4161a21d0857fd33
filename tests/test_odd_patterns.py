"""Odd patterns in what a volunteer does: found by a pure function, and told to who leads the team."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.context import Context
from domain.help_vocabulary import AlarmKind
from domain.odd_pattern_watch import AT_ONCE, BEGINNING, look
from domain.odd_patterns import Rules, Use, Visit, find
from domain.vocabulary import LOCAL_ZONE, local_day
from handlers.request import CLOCK, VAULT
from server.chores import CHORES, Work
from tests import make
from tests.booking_world import GENEROUS, book, cancel, elder
from tests.help_world import help_request, helper, leads, taken
from tests.waiting import join

MONDAY, NEXT_WEEK = date(2026, 11, 23), date(2026, 12, 1)
RULES = Rules(
    odd_days=7, odd_persons=4, odd_same_address=3, odd_retaken=2, night_from=time(22), night_until=time(6)
)  # fmt: skip
WEDNESDAY = MONDAY + timedelta(days=2)


def visit(person: Any, day=MONDAY, address=b"here"):
    return Visit(at(day), person, address)


def at(day, clock="12:00"):
    return datetime.combine(day, time.fromisoformat(clock), LOCAL_ZONE)


def use(
    person: Any, day=MONDAY, clock="12:00", *, service: Any = "s", of: date | None = date(2026, 12, 1), let_go=None
):
    return Use(at(day, clock), person, service, of, let_go and at(day, let_go))


def kinds(uses=(), visits=(), rules=RULES, day=MONDAY):
    return {oddity.kind: dict(oddity.facts) for oddity in find(uses, visits, rules, day)}


def test_an_ordinary_week_is_not_odd():
    uses = [use(person, MONDAY - timedelta(days=n)) for n, person in enumerate("abcabca")]
    assert kinds(uses, [visit(person, address=person.encode()) for person in "abcdefgh"]) == {}
    assert kinds() == {}


@pytest.mark.parametrize(
    ("days_ago", "odd"), [((0, 0, 0, 0), True), ((6, 3, 1, 0), True), ((7, 3, 1, 0), False), ((3, 2, 1, 1), False)]
)
def test_many_persons_within_the_days_and_one_of_them_new_today(days_ago, odd):
    uses = [use(person, MONDAY - timedelta(days=ago)) for person, ago in zip("abcd", days_ago, strict=True)]
    uses.append(use("b", MONDAY - timedelta(days=2)))
    assert kinds(uses) == ({AlarmKind.MANY_PERSONS: {"persons": 4, "days": 7}} if odd else {})


def test_many_persons_are_told_again_only_when_there_is_one_more():
    uses = [use(person) for person in "abcd"]
    tuesday = MONDAY + timedelta(days=1)
    assert kinds([*uses, use("a", tuesday)], day=tuesday) == {}
    assert kinds([*uses, use("e", tuesday)], day=tuesday)[AlarmKind.MANY_PERSONS]["persons"] == 5
    assert kinds([*uses, use("e", tuesday)])[AlarmKind.MANY_PERSONS]["persons"] == 4, "what came later is not in it"


def test_waiting_for_many_is_acting_for_many():
    assert AlarmKind.MANY_PERSONS in kinds([use(person, of=None) for person in "abcd"])


def test_many_persons_at_one_address():
    visits = [visit(person, MONDAY - timedelta(days=n)) for n, person in enumerate("abc")]
    elsewhere = [visit(person, address=person.encode()) for person in "defgh"]
    assert kinds(visits=visits + elsewhere) == {AlarmKind.SAME_ADDRESS: {"persons": 3, "days": 7}}
    assert kinds(visits=visits[:2] + elsewhere) == {}
    assert kinds(visits=[*visits[:2], visit("a")]) == {}
    assert kinds(visits=visits, day=MONDAY + timedelta(days=1)) == {}


def test_numbers_let_go_and_taken_again():
    handed_on = [use("a", clock="09:00", let_go="10:00"), use("b", clock="10:00")]
    again = [use("c", clock="11:00", let_go="11:30"), use("c", clock="12:00")]
    assert kinds(handed_on) == {}
    assert kinds(handed_on + again) == {
        AlarmKind.CANCELLED_AND_RETAKEN: {"times": 2, "for_others": 1, "days": 7}
    }  # fmt: skip


@pytest.mark.parametrize(
    "second",
    [
        {"service": "other"},
        {"of": date(2026, 12, 2)},
        {"clock": "10:59"},
        {"of": None},
        {"day": MONDAY + timedelta(days=1)},
    ],
)
def test_a_number_of_another_kind_or_time_is_not_taken_again(second):
    uses = [
        use("a", clock="09:00", let_go="10:00"),
        use("b", clock="10:00"),
        use("c", clock="08:00", let_go="11:00"),
        use("d", **{"clock": "11:00"} | second),
    ]
    assert AlarmKind.CANCELLED_AND_RETAKEN not in kinds(uses, rules=replace(RULES, odd_persons=9))


def test_one_number_is_taken_again_for_one_that_was_let_go():
    uses = [use("a", clock="09:00", let_go="10:00"), use("b", clock="09:00", let_go="10:00"), use("c", clock="11:00")]
    assert kinds(uses) == {}
    assert AlarmKind.CANCELLED_AND_RETAKEN in kinds([*uses, use("c", clock="11:30")])


@pytest.mark.parametrize(
    ("clock", "rules", "night"),
    [
        ("21:59", {}, False),
        ("22:00", {}, True),
        ("05:59", {}, True),
        ("06:00", {}, False),
        ("01:30", {"night_from": time(1), "night_until": time(2)}, True),
        ("02:00", {"night_from": time(1), "night_until": time(2)}, False),
        ("23:30", {"night_from": time(0), "night_until": time(0)}, False),
    ],
)
def test_use_at_night(clock, rules, night):
    found = kinds([use("a", clock=clock), use("a", MONDAY - timedelta(days=1), clock)], rules=replace(RULES, **rules))
    assert found == ({AlarmKind.NIGHT_USE: {"uses": 1}} if night else {})


MOMENTS = st.integers(0, 13 * 24 * 60).map(lambda minutes: at(date(2026, 11, 16)) + timedelta(minutes=minutes))
USES = st.lists(
    st.builds(
        Use,
        MOMENTS,
        st.sampled_from("abcdefg"),
        st.sampled_from("st"),
        st.sampled_from([None, NEXT_WEEK]),
        st.none() | MOMENTS,
    ).filter(lambda use: use.let_go_at is None or (use.day is not None and use.let_go_at >= use.at)),
    max_size=20,
)
VISITS = st.lists(st.builds(Visit, MOMENTS, st.sampled_from("abcdefg"), st.sampled_from([b"x", b"y"])), max_size=12)


@given(USES, VISITS, st.randoms())
def test_the_order_of_what_was_read_and_what_comes_later_change_nothing(uses, visits, random):
    found = find(uses, visits, RULES, WEDNESDAY)
    mixed_uses, mixed_visits = uses[:], visits[:]
    random.shuffle(mixed_uses)
    random.shuffle(mixed_visits)
    assert [oddity.kind for oddity in find(mixed_uses, mixed_visits, RULES, WEDNESDAY)] == [one.kind for one in found]
    by_then = [
        replace(use, let_go_at=use.let_go_at if use.let_go_at and local_day(use.let_go_at) <= WEDNESDAY else None)
        for use in uses
        if local_day(use.at) <= WEDNESDAY
    ]
    assert find(by_then, [visit for visit in visits if local_day(visit.at) <= WEDNESDAY], RULES, WEDNESDAY) == found


@given(USES, VISITS)
def test_a_day_without_acts_is_never_odd(uses, visits):
    quiet = [use for use in uses if local_day(use.at) != WEDNESDAY]
    assert find(quiet, [visit for visit in visits if local_day(visit.at) != WEDNESDAY], RULES, WEDNESDAY) == []


@pytest.fixture
async def team(conn, app):
    """A leader, whose volunteer is looked at, and a service with numbers for everybody."""
    team_id = await make.team(conn)
    leader = await helper(conn, app, team_id=team_id, name="队长甲")
    await leads(conn, leader.volunteer_id, team_id)
    return team_id, leader


@pytest.fixture
def watch(conn, app):
    """Let the worker look through all volunteers; return the alarms as kind and facts."""

    async def watch():
        store: Any = None
        chore = next(chore for chore in CHORES if chore.name == "odd_patterns")
        now, vault = app[CLOCK], app[VAULT]
        await chore.act(Work(conn, store, lambda: Context(None, now(), vault), lambda: False))
        rows = await conn.fetch("select kind, facts from help_alarm order by kind, day, id")
        return [(row["kind"], row["facts"]) for row in rows]

    return watch


async def slot(conn, places=9):
    service_id = await make.service(conn)
    policy_id = await make.policy(conn, service_id=service_id, **GENEROUS)
    return await make.slot(conn, service_id, policy_id=policy_id, assisted=places, public=0)


async def use_mandate(client, who, old, slot_id):
    answer = await book(client, who.resident, slot_id, old.person_id, mandate_id=old.mandate_id)
    assert answer.status == 201, answer.body
    return answer.body["id"]


async def test_what_is_odd_is_told_to_the_leader_once(client, conn, app, clock, team, watch):
    team_id, leader = team
    busy = await helper(conn, app, team_id=team_id)
    await conn.execute("update help_policy set odd_persons = 3, odd_retaken = 2")
    elders, slot_id = [await elder(conn, app, busy.volunteer_id) for _ in range(3)], await slot(conn)
    for old in (elders[0], elders[0]):
        assert await watch() == []
        await cancel(client, busy.resident, await use_mandate(client, busy, old, slot_id))
        clock.move(minutes=1)
    await use_mandate(client, busy, elders[1], slot_id)
    assert await watch() == [("cancelled_and_retaken", {"times": 2, "for_others": 1, "days": 7})]
    await use_mandate(client, busy, elders[2], slot_id)
    found = await watch()
    assert found[1:] == [("many_persons", {"persons": 3, "days": 7})]
    clock.move(hours=24)
    assert await watch() == found, "yesterday is looked at again, and told once"
    told = await conn.fetch("select person_id, facts from notice where kind = 'help_alarmed' order by id")
    assert [row["person_id"] for row in told] == [leader.resident.person_id] * 2
    assert {row["facts"]["volunteer_id"] for row in told} == {str(busy.volunteer_id)}
    volunteers = await conn.fetch("select distinct volunteer_id, team_id from help_alarm")
    assert [tuple(row) for row in volunteers] == [(busy.volunteer_id, team_id)]


async def test_a_number_that_the_family_let_go_was_not_let_go_by_the_volunteer(client, conn, app, team, watch):
    busy = await helper(conn, app, team_id=team[0])
    await conn.execute("update help_policy set odd_retaken = 2")
    old, slot_id = await elder(conn, app, busy.volunteer_id), await slot(conn)
    for _ in range(4):
        await cancel(client, old.family, await use_mandate(client, busy, old, slot_id))
    assert await watch() == []


async def test_night_and_waiting_and_addresses_are_seen_with_the_rules_of_the_teams_area(
    client, conn, app, clock, team, watch
):
    busy = await helper(conn, app, team_id=team[0])
    area_id = await conn.fetchval("select area_id from team where id = $1", team[0])
    await conn.execute(
        """insert into help_policy (id, area_id, version, odd_persons, odd_same_address, night_from, night_until,
               created_at) values ($1, $2, 1, 2, 2, '06:00', '07:00', now())""",
        await make.account(conn),
        area_id,
    )
    elders, slot_id = [await elder(conn, app, busy.volunteer_id) for _ in range(2)], await slot(conn, 1)
    await use_mandate(client, busy, elders[0], slot_id)
    service_id = await conn.fetchval("select service_id from slot")
    waits = await join(
        client, busy.resident, service_id, person_id=elders[1].person_id, mandate_id=elders[1].mandate_id
    )
    assert waits.status == 201, waits.body
    for old in elders:
        request_id = await help_request(conn, app[VAULT], old.person_id, team_id=team[0], pickup="测试镇九号院")
        await taken(conn, request_id, busy.volunteer_id, at=clock.now)
    assert await watch() == [
        ("many_persons", {"persons": 2, "days": 7}),
        ("night_use", {"uses": 2}),
        ("same_address", {"persons": 2, "days": 7}),
    ]


async def test_a_leader_is_not_told_of_an_alarm_about_the_leader(client, conn, app, team, watch):
    team_id, leader = team
    deputy = await helper(conn, app, team_id=team_id, name="副队长")
    await leads(conn, deputy.volunteer_id, team_id)
    await conn.execute("update help_policy set odd_persons = 2")
    slot_id = await slot(conn)
    for _ in range(2):
        await use_mandate(client, leader, await elder(conn, app, leader.volunteer_id), slot_id)
    assert [kind for kind, _ in await watch()] == ["many_persons"]
    told = await conn.fetchval("select array_agg(person_id) from notice where kind = 'help_alarmed'")
    assert told == [deputy.resident.person_id]


async def test_many_volunteers_are_looked_at_a_part_at_a_time(client, conn, app, team, watch, monkeypatch):
    assert AT_ONCE > 1
    monkeypatch.setattr("domain.odd_pattern_watch.AT_ONCE", 2)
    await conn.execute("update help_policy set night_from = '06:00', night_until = '07:00'")
    slot_id = await slot(conn)
    for _ in range(5):
        busy = await helper(conn, app, team_id=team[0])
        await use_mandate(client, busy, await elder(conn, app, busy.volunteer_id), slot_id)
    ctx = Context(None, app[CLOCK](), app[VAULT])
    assert (await look(conn, ctx, BEGINNING))[1] == 2
    assert len(await watch()) == 5
