from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import policies
from domain.policies import contradictions, times
from domain.vocabulary import LOCAL_ZONE, Role
from server.errors import field_sentences
from tests import make

RULES = {
    "window_days": 7,
    "release_time": time(15),
    "order_stop_days": 1,
    "order_stop_time": time(16),
    "cancel_days": 1,
    "cancel_time": time(14),
    "limit_department_day": 1,
    "limit_day": 2,
    "limit_7_days": 3,
    "limit_90_days": 5,
    "limit_volunteer_day": 20,
    "limit_account_day": 6,
    "limit_waitlist": 3,
    "return_minutes_min": 60,
    "return_minutes_max": 120,
    "fallback_days": 2,
    "fallback_time": time(18),
    "offer_minutes": 30,
    "offers_missed": 2,
    "offer_quiet_from": time(22),
    "offer_quiet_until": time(7, 30),
    "no_show_minutes": 120,
    "no_show_count": 3,
    "no_show_window_days": 90,
    "suspension_days": [30, 60, 90],
    "late_minutes": 15,
    "late_rule": "requeue",
    "pass_hours": 24,
}
ADDED_LATER = list(RULES)[11:]
"""What an older client leaves out when it publishes."""
WIRE = {name: f"{value:%H:%M}" if isinstance(value, time) else value for name, value in RULES.items()}
MONDAY = date(2026, 11, 23)
WEDNESDAY = datetime(2026, 11, 25, 8, 30, tzinfo=LOCAL_ZONE)


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=LOCAL_ZONE)


async def publish(client, staff, key=None, **given):
    body = {"effective_from": "2026-11-23", **WIRE, **given}
    response = await client.post("/v1/staff/policies", json=body, headers=staff.headers | (key or make.key()))
    return response.status, await response.json()


async def slot_times(conn, slot_id):
    row = await conn.fetchrow(
        "select policy_id, release_at, order_until, cancel_until, fall_back_at from slot where id = $1", slot_id
    )
    return str(row["policy_id"]), tuple(row)[1:]


# The rules, without a database


def test_times_count_back_from_the_slots_day_in_local_time():
    assert times(RULES, date(2026, 11, 25)) == (at(18, 15), at(24, 16), at(24, 14), at(23, 18))
    assert times(RULES, date(2026, 11, 25)).release_at.astimezone(UTC) == datetime(2026, 11, 18, 7, tzinfo=UTC)


def test_a_time_that_is_not_set_is_the_slots_start():
    until_start = RULES | {"order_stop_days": 0, "order_stop_time": None, "cancel_days": 0, "cancel_time": None}
    assert times(until_start, date(2026, 11, 25)) == (at(18, 15), None, None, at(23, 18))


def test_without_a_time_to_fall_back_a_slot_never_does():
    assert times(RULES | {"fallback_days": None, "fallback_time": None}, date(2026, 11, 25)).fall_back_at is None


def test_midnight_is_a_time():
    rules = RULES | {"order_stop_time": time(0), "release_time": time(0)}
    assert times(rules, date(2026, 11, 25))[:2] == (at(18, 0), at(24, 0))


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({}, {}),
        ({"order_stop_time": None}, {"order_stop_time": ["required"]}),
        ({"cancel_time": None}, {"cancel_time": ["required"]}),
        ({"order_stop_time": None, "order_stop_days": 0}, {}),
        ({"window_days": 0, "order_stop_days": 0, "fallback_days": 0, "fallback_time": time(15, 30)}, {}),
        ({"window_days": 0}, {"order_stop_days": ["stops_before_release"]}),
        ({"window_days": 1, "release_time": time(16)}, {"order_stop_days": ["stops_before_release"]}),
        ({"window_days": 1, "release_time": time(15, 59), "fallback_days": None, "fallback_time": None}, {}),
        ({"limit_day": 4}, {"limit_7_days": ["not_less_than 4"]}),
        ({"limit_department_day": 3}, {"limit_day": ["not_less_than 3"]}),
        ({"limit_90_days": 2}, {"limit_90_days": ["not_less_than 3"]}),
        ({"limit_account_day": 1}, {"limit_account_day": ["not_less_than 2"]}),
        ({"return_minutes_max": 59}, {"return_minutes_max": ["not_less_than 60"]}),
        ({"fallback_days": None}, {"fallback_days": ["required"]}),
        ({"fallback_time": None}, {"fallback_time": ["required"]}),
        ({"fallback_days": None, "fallback_time": None}, {}),
        ({"fallback_days": 7, "fallback_time": time(14, 59)}, {"fallback_days": ["falls_back_before_release"]}),
        ({"fallback_days": 7, "fallback_time": time(15)}, {}),
        ({"fallback_days": 1, "fallback_time": time(16)}, {"fallback_days": ["falls_back_after_order_stop"]}),
        ({"fallback_days": 1, "fallback_time": time(15, 59)}, {}),
        ({"offer_quiet_from": None}, {"offer_quiet_from": ["required"]}),
        ({"offer_quiet_until": None}, {"offer_quiet_until": ["required"]}),
        ({"offer_quiet_from": None, "offer_quiet_until": None}, {}),
        ({"offer_quiet_until": time(22)}, {"offer_quiet_until": ["quiet_all_day"]}),
        ({"suspension_days": []}, {}),
        ({"suspension_days": [30, 30]}, {}),
        ({"suspension_days": [30, 29]}, {"suspension_days": ["ladder_descends"]}),
    ],
)
def test_rules_that_contradict_each_other_are_named(changes, errors):
    assert contradictions(RULES | changes) == errors


clock_times = st.times().map(lambda each: each.replace(second=0, microsecond=0, fold=0))
rules = st.fixed_dictionaries(
    {
        "window_days": st.integers(0, 365),
        "release_time": clock_times,
        "order_stop_days": st.integers(0, 30),
        "order_stop_time": st.none() | clock_times,
        "cancel_days": st.integers(0, 30),
        "cancel_time": st.none() | clock_times,
        "fallback_days": st.none() | st.integers(0, 30),
        "fallback_time": st.none() | clock_times,
        "offer_quiet_from": st.none() | clock_times,
        "offer_quiet_until": st.none() | clock_times,
        "suspension_days": st.lists(st.integers(1, 366), max_size=4),
        **{name: st.integers(0, 1440) for name in ("return_minutes_min", "return_minutes_max")},
        **{name: st.integers(1, 9) for name in (*policies.LIMITS, "limit_account_day")},
    }
)


@given(rules, st.dates(date(2000, 1, 1), date(2199, 12, 31)))
def test_of_rules_that_make_sense_ordering_stops_after_release(policy, day):
    resolved = times(policy, day)
    end_of_day = datetime.combine(day + timedelta(days=1), time(), LOCAL_ZONE)
    assert resolved.release_at < end_of_day
    if "order_stop_days" not in contradictions(policy):
        assert resolved.release_at < (resolved.order_until or end_of_day)
        if resolved.fall_back_at is not None and "fallback_days" not in contradictions(policy):
            assert resolved.release_at <= resolved.fall_back_at < (resolved.order_until or end_of_day)


# Publishing


async def test_a_first_policy_stands_in_the_schema(conn):
    rows = await conn.fetch("select * from policy")
    assert len(rows) == 1
    assert contradictions(rows[0]) == {}
    assert times(rows[0], date(2026, 11, 25)) == (at(11, 7), at(24, 16), at(24, 14), None)
    assert [rows[0][name] for name in policies.LIMITS] == [1, 2, 3, 5]
    assert rows[0]["limit_volunteer_day"] == 20


async def test_publishing_puts_the_slots_to_come_under_the_new_version(client, conn, app):
    provider_id = await make.provider(conn)
    service_id = await make.service(conn, provider_id=provider_id)
    first = await conn.fetchval("select id from policy")
    before = await make.slot(conn, service_id, policy_id=first, starts_at=at(24, 8))
    after = await make.slot(conn, service_id, policy_id=first, starts_at=at(25, 8, 30))
    elsewhere = await make.slot(conn, policy_id=first, starts_at=at(25, 8, 30))
    manager = await make.staff(conn, app, Role.MANAGER, provider_id=provider_id)

    status, made = await publish(client, manager, service_id=str(service_id), effective_from="2026-11-25")
    assert (status, made["version"], made["slots_touched"]) == (201, 1, 1)
    assert made["release_time"] == "15:00"
    assert await slot_times(conn, after) == (made["id"], (at(18, 15), at(24, 16), at(24, 14), at(23, 18)))
    assert (await slot_times(conn, before))[0] == str(first)
    assert (await slot_times(conn, elsewhere))[0] == str(first)

    _, followed = await publish(
        client, manager, service_id=str(service_id), effective_from="2026-11-24", cancel_days=0, cancel_time=None
    )
    assert (followed["version"], followed["slots_touched"]) == (2, 1)
    assert (await slot_times(conn, before))[0] == followed["id"]
    assert (await slot_times(conn, after))[0] == made["id"], "version 1 came into effect later and rules from then"
    assert await conn.fetchval("select cancel_until from slot where id = $1", before) == at(24, 8)
    audits = await conn.fetch(
        "select facts from audit where action = 'policies.published' order by facts ->> 'version'"
    )
    assert [row["facts"]["slots"] for row in audits] == [1, 1]


async def test_a_mistake_is_mended_the_same_day_by_a_newer_version(client, conn, app):
    service_id = await make.service(conn)
    slot_id = await make.slot(conn, service_id)
    admin = await make.staff(conn, app, Role.ADMIN)
    _, wrong = await publish(client, admin, service_id=str(service_id))
    _, mended = await publish(client, admin, service_id=str(service_id), window_days=3)
    assert mended["version"] == wrong["version"] + 1
    assert (await slot_times(conn, slot_id))[0] == mended["id"]


async def test_a_nearer_scope_keeps_ruling_its_slots(client, conn, app):
    provider_id = await make.provider(conn)
    own, other = [await make.service(conn, provider_id=provider_id) for _ in range(2)]
    slots = {each: await make.slot(conn, each) for each in (own, other)}
    far = await make.slot(conn)
    await conn.execute("update slot set policy_id = (select id from policy order by id limit 1)")
    await conn.execute("delete from policy where service_id is not null")
    admin = await make.staff(conn, app, Role.ADMIN)

    _, of_service = await publish(client, admin, service_id=str(own))
    _, of_provider = await publish(client, admin, provider_id=str(provider_id))
    assert (of_service["slots_touched"], of_provider["slots_touched"]) == (1, 1)
    _, everywhere = await publish(client, admin)
    assert (everywhere["version"], everywhere["slots_touched"]) == (2, 1)
    ruling = [(await slot_times(conn, slot_id))[0] for slot_id in (slots[own], slots[other], far)]
    assert ruling == [of_service["id"], of_provider["id"], everywhere["id"]]


async def test_no_time_of_a_slot_comes_after_its_start_and_what_has_begun_stays(client, conn, app, clock):
    service_id = await make.service(conn)
    begun = await make.slot(conn, service_id, starts_at=at(23, 6))
    early = await make.slot(conn, service_id, starts_at=at(23, 7))
    admin = await make.staff(conn, app, Role.ADMIN)
    same_day = {
        "window_days": 0,
        "release_time": "08:00",
        "order_stop_days": 0,
        "order_stop_time": "12:00",
        "cancel_days": 0,
        "cancel_time": "12:00",
        "fallback_days": 0,
        "fallback_time": "11:00",
    }
    _, made = await publish(client, admin, service_id=str(service_id), **same_day)
    assert made["slots_touched"] == 1
    assert (await slot_times(conn, early))[1] == (at(23, 7),) * 4
    assert (await slot_times(conn, begun))[0] != made["id"]


async def test_a_repeat_is_answered_like_the_first_and_publishes_nothing(client, conn, app):
    service_id = await make.service(conn)
    await make.slot(conn, service_id)
    admin = await make.staff(conn, app, Role.ADMIN)
    key = make.key()
    answers = await asyncio.gather(*(publish(client, admin, key, service_id=str(service_id)) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][1]["slots_touched"] == 1
    assert await conn.fetchval("select count(*) from policy where service_id = $1 and version < 2", service_id) == 1
    assert await conn.fetchval("select count(*) from audit where action = 'policies.published'") == 1


async def test_who_may_publish_what(client, conn, app):
    area_id = await make.area(conn)
    provider_id = await make.provider(conn, area_id=area_id)
    service_id = await make.service(conn, provider_id=provider_id)
    other = await make.provider(conn)
    everywhere: dict[str, str] = {}
    of_provider = {"provider_id": str(provider_id)}
    of_service = {"service_id": str(service_id)}
    of_other = {"provider_id": str(other)}
    admin = await make.staff(conn, app, Role.ADMIN)
    area_admin = await make.staff(conn, app, Role.ADMIN, area_id=area_id)
    manager = await make.staff(conn, app, Role.MANAGER, provider_id=provider_id)
    clerk = await make.staff(conn, app, Role.CLERK, provider_id=provider_id)
    for staff, scope, expected in (
        (admin, everywhere, 201),
        (admin, of_other, 201),
        (area_admin, everywhere, 403),
        (area_admin, of_provider, 201),
        (manager, of_provider, 201),
        (manager, of_service, 201),
        (manager, of_other, 404),
        (manager, everywhere, 403),
        (clerk, of_provider, 404),
        (clerk, of_service, 404),
        (admin, of_provider | of_service, 400),
    ):
        assert (await publish(client, staff, **scope))[0] == expected

    async def listed(staff, query=""):
        response = await client.get(f"/v1/staff/policies{query}", headers=staff.headers)
        return {(item["provider_id"], item["service_id"]) for item in (await response.json())["items"]}

    mine = {(None, None), (str(provider_id), None), (None, str(service_id))}
    assert await listed(admin) == mine | {(str(other), None)}
    assert await listed(clerk) == mine
    assert await listed(clerk, f"?service={service_id}") == {(None, str(service_id))}
    assert await listed(clerk, f"?provider={other}") == set()
    foreign = await conn.fetchval("select id from policy where provider_id = $1", other)
    assert (await client.get(f"/v1/staff/policies/{foreign}", headers=clerk.headers)).status == 404
    assert (await client.get(f"/v1/staff/policies/{foreign}", headers=admin.headers)).status == 200


@pytest.mark.parametrize(
    ("wrong", "errors"),
    [
        ({"effective_from": "2026-11-22"}, {"effective_from": ["not_before 2026-11-23"]}),
        ({"window_days": 366}, {"window_days": ["not_between 0 365"]}),
        ({"release_time": "7 am"}, {"release_time": ["not_a_clock_time"]}),
        ({"window_days": 0}, {"order_stop_days": ["stops_before_release"]}),
        ({"limit_day": 0}, {"limit_day": ["not_between 1 1000"]}),
        ({"order_stop_time": None}, {"order_stop_time": ["required"]}),
        ({"suspension_days": [0]}, {"suspension_days": {"0": ["not_between 1 366"]}}),
        ({"suspension_days": [30] * 11}, {"suspension_days": ["too_many 10"]}),
        ({"suspension_days": [90, 30]}, {"suspension_days": ["ladder_descends"]}),
        ({"late_rule": "shame"}, {"late_rule": ["not_a_choice"]}),
        ({"return_minutes_max": 30}, {"return_minutes_max": ["not_less_than 60"]}),
        ({"fallback_days": 0}, {"fallback_days": ["falls_back_after_order_stop"]}),
    ],
)
async def test_a_policy_that_makes_no_sense_is_refused_by_field(client, conn, app, wrong, errors):
    admin = await make.staff(conn, app, Role.ADMIN)
    status, body = await publish(client, admin, **wrong)
    assert (status, body["errors"]) == (400, field_sentences(errors, "zh"))
    assert await conn.fetchval("select count(*) from policy") == 1


async def test_every_rule_that_is_published_is_kept_and_shown(client, conn, app):
    admin = await make.staff(conn, app, Role.ADMIN)
    wanted = WIRE | {
        "late_rule": "refuse",
        "late_minutes": 5,
        "pass_hours": 3,
        "no_show_count": 2,
        "suspension_days": [7],
    }
    _, made = await publish(client, admin, **wanted)
    assert {name: made[name] for name in wanted} == wanted


async def test_what_an_older_client_leaves_out_has_the_schemas_defaults(client, conn, app):
    admin = await make.staff(conn, app, Role.ADMIN)
    older = {name: value for name, value in WIRE.items() if name not in ADDED_LATER}
    response = await client.post(
        "/v1/staff/policies", json={"effective_from": "2026-11-23", **older}, headers=admin.headers | make.key()
    )
    made = await response.json()
    stored = await conn.fetch("select * from policy order by version")
    assert len(ADDED_LATER) == 17
    assert [row[name] for row in stored for name in ADDED_LATER] == 2 * [stored[0][name] for name in ADDED_LATER]
    assert made["suspension_days"] == [30, 60, 90]


def test_what_concerns_residents_is_said_to_them():
    said = dict(policies.words(RULES))
    assert said["policy_returned"] == {"least": 60, "most": 120}
    assert said["policy_fallback"] == {"days": 2, "time": "18:00"}
    assert said["policy_late_requeue"] == {"minutes": 15}
    assert said["policy_no_shows_ladder"] == {"count": 3, "window": 90, "first": 30, "last": 90}
    nothing: dict[str, Any] = {
        "return_minutes_min": 0,
        "return_minutes_max": 0,
        "fallback_time": None,
        "suspension_days": [],
    }
    quiet = dict(policies.words({**RULES, **nothing}))
    assert not {"policy_returned", "policy_fallback", "policy_no_shows_ladder", "policy_no_shows"} & set(quiet)
    assert dict(policies.words(RULES | {"suspension_days": [30, 30]}))["policy_no_shows"]["first"] == 30


async def test_a_version_is_never_changed(client, conn, app):
    admin = await make.staff(conn, app, Role.ADMIN)
    _, made = await publish(client, admin)
    for method in ("PUT", "DELETE"):
        response = await client.request(method, f"/v1/staff/policies/{made['id']}", json={}, headers=admin.headers)
        assert response.status == 405


async def test_publishing_waits_for_slots_that_are_being_made(client, conn, app):
    service_id = await make.service(conn)
    admin = await make.staff(conn, app, Role.ADMIN)
    policy_id = await conn.fetchval("select id from policy")
    async with conn.transaction():
        await policies.hold(conn)
        slot_id = await make.slot(conn, service_id, policy_id=policy_id)
        publishing = asyncio.create_task(publish(client, admin, service_id=str(service_id)))
        await asyncio.sleep(0.3)
        assert not publishing.done()
    _, made = await publishing
    assert made["slots_touched"] == 1
    assert (await slot_times(conn, slot_id))[0] == made["id"]


async def test_making_slots_waits_for_a_policy_that_is_being_published(client, conn, app):
    service_id = await make.service(conn)
    admin = await make.staff(conn, app, Role.ADMIN)
    body = {
        "service_id": str(service_id),
        "starts_at": "2026-11-25T08:30:00+08:00",
        "ends_at": "2026-11-25T09:00:00+08:00",
        "capacity": {"public": 1},
    }
    async with conn.transaction():
        await conn.execute("select pg_advisory_xact_lock($1)", policies.ADVISORY_LOCK)
        making = asyncio.create_task(client.post("/v1/staff/slots", json=body, headers=admin.headers | make.key()))
        await asyncio.sleep(0.3)
        assert not making.done()
        policy_id = await make.policy(conn, service_id=service_id, window_days=2)
    made = await (await making).json()
    assert made["policy_id"] == str(policy_id)
    assert made["release_at"] == "2026-11-23T07:00:00+08:00"


async def test_many_slots_come_under_a_policy_in_one_statement_and_in_time(client, conn, app):
    service_id = await make.service(conn)
    policy_id = await conn.fetchval("select id from policy")
    await conn.execute(
        """insert into slot (id, service_id, policy_id, day, starts_at, ends_at, release_at, order_until, cancel_until)
           select gen_random_uuid(), $1, $2, (at at time zone 'Asia/Shanghai')::date, at, at + interval '15 minutes',
                  at, at, at
           from generate_series($3::timestamptz, $3 + interval '60 days', interval '15 minutes') as at""",
        service_id,
        policy_id,
        WEDNESDAY,
    )
    slots = await conn.fetchval("select count(*) from slot")
    admin = await make.staff(conn, app, Role.ADMIN)
    started = asyncio.get_running_loop().time()
    _, made = await publish(client, admin)
    assert made["slots_touched"] == slots == 5761
    assert asyncio.get_running_loop().time() - started < 5
    assert await conn.fetchval("select count(distinct (day, release_at)) from slot") == 61
