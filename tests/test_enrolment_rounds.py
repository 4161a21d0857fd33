"""A round's way from the draft to its end: what is checked, what stands once it is announced, who is told."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import asyncpg
import pytest

from domain.enrolment_round_rules import contradictions, tiers
from domain.vocabulary import Role
from handlers.request import shape
from schemas.enrolment_rounds import RoundCreate
from tests import make
from tests.calls_enrolment_rounds import round_form
from tests.nursery_world import NOW, Offered, enrolment_round, nursery_class, place, seat_offer

ROUNDS = "/v1/staff/enrolment-rounds"


def loaded(**more):
    area_id, class_id = "0192f0c0-0000-7000-8000-000000000001", "0192f0c0-0000-7000-8000-000000000002"
    return shape(RoundCreate).load(round_form(area_id, class_id, **more))


def programme(seats, *reserves):
    class_id = "0192f0c0-0000-7000-8000-000000000002"
    return {"class_id": class_id, "seats": seats, "reserves": list(reserves)}


def kept(group, seats, *falls_to):
    return {"group": group, "seats": seats, "falls_to": list(falls_to)}


def test_a_good_draft_contradicts_nothing():
    assert contradictions(loaded()) == {}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"closes_at": "2026-12-01T08:00:00+08:00"}, "closes_at"),
        ({"review_until": "2026-12-20T17:59:59+08:00"}, "review_until"),
        ({"value_due_at": "2026-12-28T17:59:59+08:00"}, "value_due_at"),
        ({"starts_on": "2027-01-04"}, "starts_on"),
        ({"groups": [{"code": "sibling", "name": "弟妹", "proof": "户口簿"}] * 2, "programmes": []}, "groups"),
        ({"programmes": [programme(2), programme(3)]}, "programmes"),
        ({"programmes": [programme(2, kept("sibling", 2), kept("resettled", 1))]}, "programmes.0"),
        ({"programmes": [programme(2, kept("low_income", 1))]}, "programmes.0"),
        ({"programmes": [programme(2, kept("sibling", 1, "low_income"))]}, "programmes.0"),
        ({"programmes": [programme(2, kept("sibling", 1), kept("sibling", 1))]}, "programmes.0"),
        ({"programmes": [programme(2, kept("sibling", 1, "sibling"))]}, "programmes.0"),
        ({"programmes": [programme(2, kept("sibling", 1, "", "resettled"))]}, "programmes.0"),
    ],
)
def test_what_no_round_can_mean_is_named_by_its_field(more, field):
    assert list(contradictions(loaded(**more))) == [field]


def test_each_seat_says_whom_it_takes():
    whole = programme(5, kept("resettled", 2, "sibling", ""), kept("sibling", 1))
    assert tiers(whole) == [["resettled", "sibling", ""], ["resettled", "sibling", ""], ["sibling"], [""], [""]]


async def drafted(zone, **more):
    status, made = await zone.post(ROUNDS, zone.manager, round_form(zone.area_id, zone.star_class, **more))
    assert status == 201, made
    return made


async def test_a_draft_is_seen_by_the_zone_alone_until_it_is_announced(zone, conn):
    made = await drafted(zone)
    assert (made["state"], made["version"], [group["code"] for group in made["groups"]]) == (
        "draft",
        1,
        ["resettled", "sibling"],
    )
    path = f"{ROUNDS}/{made['id']}"
    for who in (zone.head, zone.other_head):
        assert (await zone.get(path, who))[0] == 404
    assert (await zone.get(f"/v1/enrolment-rounds/{made['id']}"))[0] == 404
    assert (await zone.get("/v1/enrolment-rounds"))[1]["items"] == []
    assert (await zone.post(f"{path}/announce", zone.head, {"version": 1}))[0] == 404
    assert (await zone.post(f"{path}/announce", zone.clerk, {"version": 1}))[0] == 404
    status, told = await zone.post(f"{path}/announce", zone.manager, {"version": 1})
    assert (status, told["state"]) == (200, "announced")
    status, shown = await zone.get(f"/v1/enrolment-rounds/{made['id']}")
    assert (status, shown["programmes"][0]["nursery_name"], shown["programmes"][0]["from_months"]) == (
        200,
        "星星托育园",
        24,
    )
    assert "version" not in shown
    assert (await zone.get(path, zone.head))[0] == 200
    assert (await zone.get(path, zone.other_head))[0] == 404
    seats = await conn.fetch("select number, tiers from programme_seat order by number")
    assert [tuple(seat) for seat in seats] == [
        (1, ["resettled", "sibling", ""]),
        (2, ["resettled", "sibling", ""]),
        (3, ["sibling", ""]),
        *[(number, [""]) for number in (4, 5, 6)],
    ]


async def test_time_opens_and_closes_a_round(zone, clock):
    made = await drafted(zone)
    await zone.post(f"{ROUNDS}/{made['id']}/announce", zone.manager, {"version": 1})
    seen = []
    for days in (0, 8, 12, 8):
        clock.move(days=days)
        seen.append((await zone.get(f"/v1/enrolment-rounds/{made['id']}"))[1]["state"])
    assert seen == ["announced", "announced", "open", "closed"]


async def test_a_draft_is_changed_as_a_whole_and_thrown_away(zone, conn):
    made = await drafted(zone)
    path = f"{ROUNDS}/{made['id']}"
    form = round_form(zone.area_id, zone.moon_class, version=1, groups=[])
    form["programmes"][0]["reserves"] = []
    status, changed = await zone.put(path, zone.manager, form)
    assert (status, changed["version"], changed["groups"]) == (200, 2, [])
    assert [each["class_id"] for each in changed["programmes"]] == [str(zone.moon_class)]
    status, refused = await zone.put(path, zone.manager, form)
    assert (status, refused["code"]) == (409, "changed_meanwhile")
    status, refused = await zone.post(f"{path}/announce", zone.manager, {"version": 1})
    assert (status, refused["code"]) == (409, "changed_meanwhile")
    assert (await zone.call("DELETE", path, zone.manager))[0] == 204
    for table in ("enrolment_round", "priority_group", "programme", "programme_reserve"):
        assert await conn.fetchval(f"select count(*) from {table}") == 0


async def test_a_class_of_another_area_is_not_offered(zone, conn):
    elsewhere = await nursery_class(conn, await make.provider(conn, kind="nursery"))
    closed = await nursery_class(conn, zone.star, name="旧班", state="closed")
    for class_id in (elsewhere, closed):
        status, refused = await zone.post(ROUNDS, zone.manager, round_form(zone.area_id, class_id))
        assert (status, refused["code"], refused["class_ids"]) == (409, "nursery_classes_elsewhere", [str(class_id)])
    assert await conn.fetchval("select count(*) from enrolment_round") == 0


async def announcing(zone, made):
    return await zone.post(f"{ROUNDS}/{made['id']}/announce", zone.manager, {"version": made["version"]})


async def test_no_more_is_announced_than_a_class_can_keep(zone, conn):
    made = await drafted(zone)
    for _ in range(14):
        who = await zone.family()
        await place(conn, who.child_id, zone.star_class)
    leaving = await zone.family()
    leaves = await place(conn, leaving.child_id, zone.star_class)
    status, refused = await announcing(zone, made)
    assert (status, refused["code"]) == (409, "enrolment_round_not_feasible")
    assert refused["problems"] == [
        {"class_id": str(zone.star_class), "class_name": "托大班", "problem": "too_few_seats", "free": 5}
    ]
    await conn.execute("update nursery_place set ends_on = date '2027-02-28' where id = $1", leaves)
    other = await enrolment_round(conn, zone.area_id, [Offered(zone.star_class, 1)])
    status, refused = await announcing(zone, made)
    assert refused["problems"][0]["free"] == 5
    who, enrolment_id = await zone.application(other, state="accepted")
    await seat_offer(conn, enrolment_id, other.programmes[0].seats[0], status="accepted")
    await place(conn, who.child_id, zone.star_class, enrolment_id=enrolment_id, ends_on=None)
    assert (await announcing(zone, made))[1]["problems"][0]["free"] == 5
    await conn.execute("update enrolment_round set stage = 'ended' where id = $1", other.round_id)
    assert (await announcing(zone, made))[1]["problems"][0]["free"] == 5
    await conn.execute("update nursery_class set seats = 21, override_reason = '批准' where id = $1", zone.star_class)
    status, told = await announcing(zone, made)
    assert (status, told["state"]) == (200, "announced")


async def test_what_is_closed_beyond_the_norm_or_of_other_ages_is_not_announced(zone, conn):
    made = await drafted(
        zone, groups=[], programmes=[{"class_id": str(zone.star_class), "seats": 5, "from_months": 20}]
    )
    await conn.execute("update nursery_class set carers = 1, state = 'closed' where id = $1", zone.star_class)
    _, refused = await announcing(zone, made)
    assert [each["problem"] for each in refused["problems"]] == ["closed", "other_ages", "beyond_norm"]
    empty = await drafted(zone, programmes=[])
    _, refused = await announcing(zone, empty)
    assert refused["code"] == "enrolment_round_empty"


async def test_a_round_whose_deadline_is_over_is_not_announced(zone, clock):
    made = await drafted(zone)
    clock.move(days=28)
    zone.manager = await make.staff(zone.conn, zone.app, Role.MANAGER, area_id=zone.area_id)
    status, refused = await announcing(zone, made)
    assert (status, refused["code"]) == (409, "enrolment_round_over_already")


async def test_what_was_announced_stands(zone, conn):
    made = await zone.round("open")
    path = f"{ROUNDS}/{made.round_id}"
    status, refused = await zone.put(path, zone.manager, round_form(zone.area_id, zone.star_class, version=1))
    assert (status, refused["code"], refused["round_state"]) == (409, "enrolment_round_in_other_state", "open")
    assert (await zone.call("DELETE", path, zone.manager))[1]["code"] == "enrolment_round_in_other_state"
    for statement in (
        "update enrolment_round set starts_on = starts_on + 1",
        "update enrolment_round set value_source = '别的'",
        "update enrolment_round set closes_at = closes_at - interval '1 second'",
        "update enrolment_round set stage = 'draft'",
        "update programme set seats = seats + 1",
        "update priority_group set name = '别的'",
        "update programme_reserve set seats = 2",
        "update programme_seat set tiers = '{sibling}'",
        "delete from programme_seat",
        "delete from programme_reserve",
        "delete from enrolment_round",
    ):
        with pytest.raises((asyncpg.CheckViolationError, asyncpg.InsufficientPrivilegeError)):
            await conn.execute(statement)


async def test_times_move_only_later_and_all_who_applied_are_told_why(zone, conn):
    made = await zone.round("open")
    who, _ = await zone.application(made)
    gone, _ = await zone.application(made, state="withdrawn")
    path = f"{ROUNDS}/{made.round_id}/postpone"
    later = {"closes_at": (NOW + timedelta(days=9)).isoformat(), "reason": "大雪封路"}
    status, refused = await zone.post(path, zone.manager, later | {"closes_at": NOW.isoformat()})
    assert (status, list(refused["errors"])) == (400, ["closes_at"])
    status, refused = await zone.post(path, zone.manager, {"reason": "大雪封路"})
    assert (status, list(refused["errors"])) == (400, ["closes_at"])
    status, refused = await zone.post(path, zone.manager, later | {"closes_at": (NOW + timedelta(days=15)).isoformat()})
    assert (status, list(refused["errors"])) == (400, ["review_until"])
    status, shown = await zone.post(path, zone.manager, later)
    assert (status, shown["stage_reason"]) == (200, "大雪封路")
    assert shown["closes_at"] == "2026-12-02T06:30:00+08:00"
    _, told = await zone.get("/v1/notices", who.resident)
    assert [each["text"] for each in told["items"]] == ["测试入托报名有变动：大雪封路。请打开报名页面看新的时间。"]
    assert (await zone.get("/v1/notices", gone.resident))[1]["items"] == []


async def test_a_deadline_that_is_over_is_not_opened_again(zone):
    made = await zone.round("closed")
    path = f"{ROUNDS}/{made.round_id}/postpone"
    days = {name: (NOW + timedelta(days=day)).isoformat() for name, day in (("closes_at", 1), ("value_due_at", 12))}
    status, refused = await zone.post(path, zone.manager, {"closes_at": days["closes_at"], "reason": "再开一次"})
    assert (status, refused["code"]) == (409, "enrolment_round_in_other_state")
    status, shown = await zone.post(path, zone.manager, {"value_due_at": days["value_due_at"], "reason": "审核未完"})
    assert (status, shown["value_due_at"]) == (200, "2026-12-05T06:30:00+08:00")


async def test_a_round_is_cancelled_before_the_freeze_only(zone):
    made = await zone.round("closed")
    who, _ = await zone.application(made)
    status, shown = await zone.post(f"{ROUNDS}/{made.round_id}/cancel", zone.manager, {"reason": "园舍检修"})
    assert (status, shown["state"], shown["stage_reason"]) == (200, "cancelled", "园舍检修")
    _, told = await zone.get("/v1/notices", who.resident)
    assert [each["text"] for each in told["items"]] == ["测试入托报名取消了：园舍检修。"]
    for stage in ("reviewed", "drawn", "offers"):
        late = await zone.round(stage)
        status, refused = await zone.post(f"{ROUNDS}/{late.round_id}/cancel", zone.manager, {"reason": "园舍检修"})
        assert (status, refused["code"]) == (409, "enrolment_round_in_other_state")


async def test_a_round_ends_when_nobody_waits_for_a_decision(zone, conn):
    made = await zone.round("offers")
    _, enrolment_id = await zone.application(made, state="accepted")
    _, late_id = await zone.application(made, late=True)
    await seat_offer(conn, enrolment_id, made.programmes[0].seats[0])
    path = f"{ROUNDS}/{made.round_id}/end"
    status, refused = await zone.post(path, zone.manager)
    assert (status, refused["code"], refused["undecided"]) == (409, "enrolment_round_not_over", 1)
    await conn.execute("update enrolment set state = 'refused' where id = $1", late_id)
    status, shown = await zone.post(path, zone.manager)
    assert (status, shown["state"], shown["ended_at"] is not None) == (200, "ended", True)
    assert (await zone.post(path, zone.manager))[1]["code"] == "enrolment_round_in_other_state"


async def test_rounds_are_listed_newest_first_to_whom_they_bear_on(zone, conn):
    made = [await zone.round(stage) for stage in ("ended", "open", "draft")]
    town = await make.area(conn, parent_id=zone.area_id, level="town")
    elsewhere = await make.area(conn)
    newest_first = [str(each.round_id) for each in reversed(made)]
    assert all(first > second for first, second in pairwise(newest_first))
    _, found = await zone.get(f"/v1/enrolment-rounds?area={town}")
    assert [each["id"] for each in found["items"]] == newest_first[1:]
    assert (await zone.get(f"/v1/enrolment-rounds?area={elsewhere}"))[1]["items"] == []
    _, first = await zone.get(f"{ROUNDS}?limit=1", zone.clerk)
    _, rest = await zone.get(f"{ROUNDS}?after={first['next']}", zone.clerk)
    assert [each["id"] for each in first["items"] + rest["items"]] == newest_first
    _, of_nursery = await zone.get(ROUNDS, zone.carer)
    assert [each["id"] for each in of_nursery["items"]] == newest_first[1:]
