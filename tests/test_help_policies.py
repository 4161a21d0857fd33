"""The rules of help: published as versions, refused where they contradict themselves, ruling from the nearest area."""

from __future__ import annotations

import asyncio

import pytest

from domain.help_policies import contradictions
from domain.vocabulary import Role
from handlers.request import shape
from schemas.help_policies import HelpPolicy, HelpPolicyCreate
from tests import make
from tests.mandates import call

POLICIES = "/v1/staff/help-policies"


@pytest.fixture
async def banner(conn):
    return await make.area(conn, level="banner", name="旗")


@pytest.fixture
async def town_id(conn, banner):
    return await make.area(conn, level="town", parent_id=banner, name="镇")


async def ruling(client, staff, area_id):
    status, shown = await call(client, "GET", f"/v1/staff/areas/{area_id}/help-policy", staff)
    assert status == 200, shown
    return shown


async def test_the_nearest_area_upwards_rules_at_once(client, conn, app, banner, town_id):
    admin = await make.staff(conn, app, Role.ADMIN)
    manager = await make.staff(conn, app, Role.MANAGER, area_id=banner)
    assert (await ruling(client, manager, town_id))["area_id"] is None
    status, of_banner = await call(client, "POST", POLICIES, manager, {"area_id": str(banner), "limit_tasks": 4})
    assert (status, of_banner["version"], of_banner["limit_tasks"]) == (201, 1, 4)
    assert await ruling(client, manager, town_id) == of_banner
    status, of_town = await call(client, "POST", POLICIES, manager, {"area_id": str(town_id), "round_sizes": [2, 9]})
    assert (status, of_town["round_sizes"], of_town["limit_tasks"]) == (201, [2, 9], 5)
    assert await ruling(client, manager, town_id) == of_town
    _, second = await call(client, "POST", POLICIES, manager, {"area_id": str(town_id), "quiet_from": "20:30"})
    assert (second["version"], second["quiet_from"], second["quiet_until"]) == (2, "20:30", "07:00")
    assert await ruling(client, manager, town_id) == second
    assert await ruling(client, manager, banner) == of_banner
    status, everywhere = await call(client, "POST", POLICIES, admin, {"quiet_from": None, "quiet_until": None})
    assert (status, everywhere["version"], everywhere["quiet_from"]) == (201, 2, None)
    assert await ruling(client, manager, town_id) == second
    assert await ruling(client, admin, await make.area(conn)) == everywhere
    audited = await conn.fetch("select facts from audit where action = 'help_policies.published' order by at, seq")
    assert len(audited) == 4


def test_what_is_left_out_is_as_the_schema_has_it():
    given = shape(HelpPolicyCreate).load({})
    assert contradictions(given) == {}


async def test_the_wire_and_the_schema_have_the_same_defaults(conn):
    row = await conn.fetchrow("select * from help_policy")
    given = shape(HelpPolicyCreate).load({})
    assert {name: row[name] for name in given} == given
    assert set(shape(HelpPolicy).fields) == set(row.keys()) - {"created_by"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"quiet_from": None}, "quiet_from"),
        ({"quiet_until": None}, "quiet_until"),
        ({"quiet_from": "07:00"}, "quiet_until"),
        ({"night_from": "06:00"}, "night_until"),
        ({"limit_persons_day": 11}, "limit_uses_day"),
        ({"before_minutes": 300, "after_minutes": 180}, "limit_minutes_day"),
        ({"limit_persons_day": 1, "odd_persons": 8}, "odd_persons"),
        ({"limit_persons_day": 1, "odd_days": 2, "odd_persons": 2}, "odd_same_address"),
        ({"round_sizes": []}, "round_sizes"),
        ({"round_sizes": [0]}, "round_sizes"),
        ({"round_sizes": [1] * 11}, "round_sizes"),
        ({"round_minutes": 0}, "round_minutes"),
        ({"limit_tasks": 0}, "limit_tasks"),
        ({"unconfirmed_hours": 168}, "unconfirmed_hours"),
        ({"position_metres": 5}, "position_metres"),
        ({"night_from": None}, "night_from"),
        ({"night_from": "24:00"}, "night_from"),
        ({"alarm_hours": True}, "alarm_hours"),
        ({"version": 7}, "version"),
    ],
)
async def test_contradictions_are_refused(client, conn, app, town_id, wrong, field):
    manager = await make.staff(conn, app, Role.MANAGER, area_id=town_id)
    status, problem = await call(client, "POST", POLICIES, manager, {"area_id": str(town_id), **wrong})
    assert (status, problem["code"], list(problem["errors"])) == (400, "invalid_input", [field])
    assert await conn.fetchval("select count(*) from help_policy") == 1


async def test_who_publishes_what(client, conn, app, banner, town_id):
    manager = await make.staff(conn, app, Role.MANAGER, area_id=town_id)
    clerk = await make.staff(conn, app, Role.CLERK, area_id=town_id)
    assert (await call(client, "POST", POLICIES, manager, {}))[1]["code"] == "role_required"
    assert (await call(client, "POST", POLICIES, manager, {"area_id": str(banner)}))[1]["code"] == "area_not_found"
    assert (await call(client, "POST", POLICIES, clerk, {"area_id": str(town_id)}))[1]["code"] == "area_not_found"
    assert (await call(client, "POST", POLICIES, manager, {"area_id": str(town_id)}))[0] == 201


async def test_lists_hold_what_bears_on_the_callers_work(client, conn, app, banner, town_id):
    admin = await make.staff(conn, app, Role.ADMIN)
    ids = {}
    for area_id in (banner, town_id, await make.area(conn)):
        _, made = await call(client, "POST", POLICIES, admin, {"area_id": str(area_id)})
        ids[area_id] = made["id"]
        await asyncio.sleep(0.002)  # ids of one millisecond have no order
    everywhere = str(await conn.fetchval("select id from help_policy where area_id is null"))
    clerk = await make.staff(conn, app, Role.CLERK, area_id=town_id)

    async def listed(staff, query=""):
        _, found = await call(client, "GET", f"{POLICIES}{query}", staff)
        return [item["id"] for item in found["items"]]

    assert await listed(clerk) == [everywhere, ids[banner], ids[town_id]]
    assert await listed(clerk, f"?area={town_id}") == [ids[town_id]]
    assert len(await listed(admin)) == 4
    assert (await call(client, "GET", f"{POLICIES}/{ids[banner]}", clerk))[0] == 200
    elsewhere = await make.staff(conn, app, Role.ADMIN, area_id=await make.area(conn))
    assert (await call(client, "GET", f"{POLICIES}/{ids[banner]}", elsewhere))[1]["code"] == "help_policy_not_found"


async def test_publishing_at_once_counts_one_after_the_other(client, conn, app, town_id):
    manager = await make.staff(conn, app, Role.MANAGER, area_id=town_id)
    answers = await asyncio.gather(
        *(call(client, "POST", POLICIES, manager, {"area_id": str(town_id)}) for _ in range(6))
    )
    assert {status for status, _ in answers} == {201}
    assert sorted(made["version"] for _, made in answers) == [1, 2, 3, 4, 5, 6]
