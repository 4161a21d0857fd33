"""Volunteers: who may apply, who decides, and what it changes."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from domain import volunteers
from domain.callers import Caller
from domain.context import Context
from domain.identifiers import new_id
from domain.vocabulary import Role
from handlers.request import CLOCK, VAULT
from tests import make


async def call(client, method, path, who=None, body=None, headers=None):
    response = await client.request(
        method,
        path,
        json=body,
        headers={**(who.headers if who else {}), **(headers if headers is not None else make.key())},
    )
    return response.status, await response.json() if response.status != 204 else None


@pytest.fixture
async def place(conn):
    """Two areas with a team each, and a community below the first."""
    here, elsewhere = await make.area(conn, name="此地"), await make.area(conn, name="别处")
    below = await make.area(conn, parent_id=here, level="community", name="社区")
    return {
        "here": here,
        "elsewhere": elsewhere,
        "below": below,
        "team": await make.team(conn, area_id=below),
        "other_team": await make.team(conn, area_id=elsewhere),
    }


def entry(place, **changes):
    return {"team_id": str(place["team"]), "areas": [str(place["below"])], "languages": ["zh", "mn"], **changes}


async def version(conn, who):
    return await conn.fetchval("select version from account where id = $1", who.account_id)


async def test_a_resident_applies_and_sees_the_entry(client, conn, app, place):
    resident = await make.resident(conn, app, name="苏和")
    assert (await call(client, "GET", "/v1/volunteers/me", resident))[0] == 404
    status, made = await call(client, "POST", "/v1/volunteers", resident, entry(place))
    assert status == 201, made
    assert made["status"] == "applied"
    assert made["name"] == "苏和"
    assert made["team"]["id"] == str(place["team"])
    assert made["areas"] == [{"id": str(place["below"]), "name": "社区"}]
    assert made["languages"] == ["mn", "zh"]
    assert made["applied_at"] == "2026-11-23T06:30:00+08:00"
    assert made["decided_at"] is None
    assert await call(client, "GET", "/v1/volunteers/me", resident) == (200, made)
    assert (
        await conn.fetchval("select action from audit where subject_id = $1", UUID(made["id"])) == "volunteers.applied"
    )


async def test_one_entry_an_account_also_when_requests_race(client, conn, app, place):
    resident = await make.resident(conn, app)
    answers = await asyncio.gather(*(call(client, "POST", "/v1/volunteers", resident, entry(place)) for _ in range(10)))
    assert sorted(status for status, _ in answers) == [201] + [409] * 9
    assert {body["code"] for status, body in answers if status == 409} == {"volunteer_already"}
    assert await conn.fetchval("select count(*) from volunteer") == 1


async def test_a_repeat_under_the_same_key_answers_alike(client, conn, app, place):
    resident, key = await make.resident(conn, app), make.key()
    first = await call(client, "POST", "/v1/volunteers", resident, entry(place), key)
    assert await call(client, "POST", "/v1/volunteers", resident, entry(place), key) == first
    assert (await call(client, "POST", "/v1/volunteers", resident, entry(place, languages=["zh"]), key))[0] == 422


async def test_only_registered_residents_apply(client, conn, app, place):
    account_id = await make.account(conn)
    visitor = make.Resident(account_id, account_id, await make.session(conn, app, account_id, [Role.RESIDENT]))
    status, problem = await call(client, "POST", "/v1/volunteers", visitor, entry(place))
    assert (status, problem["code"]) == (403, "registration_required")
    clerk = await make.staff(conn, app)
    assert (await call(client, "POST", "/v1/volunteers", clerk, entry(place)))[1]["code"] == "residents_only"
    assert (await call(client, "POST", "/v1/volunteers", None, entry(place)))[0] == 401


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"team_id": str(new_id())}, 404, "team_not_found"),
        ({"areas": [str(new_id())]}, 404, "area_not_found"),
        ({"areas": []}, 400, "invalid_input"),
        ({"areas": [str(new_id())] * 21}, 400, "invalid_input"),
        ({"areas": "all"}, 400, "invalid_input"),
        ({"languages": []}, 400, "invalid_input"),
        ({"languages": ["en"]}, 400, "invalid_input"),
        ({"languages": None}, 400, "invalid_input"),
        ({"team_id": "mine"}, 400, "invalid_input"),
        ({"status": "approved"}, 400, "invalid_input"),
    ],
)
async def test_bad_entries_are_refused_and_leave_nothing(client, conn, app, place, changes, status, code):
    resident = await make.resident(conn, app)
    answered, problem = await call(client, "POST", "/v1/volunteers", resident, entry(place, **changes))
    assert (answered, problem["code"]) == (status, code)
    assert await conn.fetchval("select count(*) from volunteer") == 0


async def test_staff_of_the_area_decide_and_each_decision_changes_the_role(client, conn, app, place):
    resident = await make.resident(conn, app)
    manager = await make.staff(conn, app, Role.MANAGER, area_id=place["here"])
    _, made = await call(client, "POST", "/v1/volunteers", resident, entry(place))
    path = f"/v1/staff/volunteers/{made['id']}"
    first = await version(conn, resident)
    for raised, (act, status) in enumerate(
        [("approve", "approved"), ("suspend", "suspended"), ("reinstate", "approved")], start=1
    ):
        answered, shown = await call(client, "POST", f"{path}/{act}", manager)
        assert (answered, shown["status"]) == (200, status)
        assert shown["person_id"] == str(resident.person_id)
        assert shown["decided_at"] == "2026-11-23T06:30:00+08:00"
        assert await version(conn, resident) == first + raised
        assert (await call(client, "GET", "/v1/volunteers/me", resident))[0] == 401
        resident = await make.signed_in_again(conn, app, resident)
        _, own = await call(client, "GET", "/v1/volunteers/me", resident)
        assert own["status"] == status
    assert (await call(client, "POST", f"{path}/approve", manager))[0] == 200
    assert await version(conn, resident) == first + 3
    rows = await conn.fetch("select action from audit where actor_id = $1 order by at, seq", manager.account_id)
    assert sorted(row["action"] for row in rows) == [
        "volunteers.approved",
        "volunteers.reinstated",
        "volunteers.suspended",
    ]


async def test_what_the_state_does_not_allow_is_a_conflict(client, conn, app, place):
    resident = await make.resident(conn, app)
    manager = await make.staff(conn, app, Role.ADMIN)
    _, made = await call(client, "POST", "/v1/volunteers", resident, entry(place))
    path = f"/v1/staff/volunteers/{made['id']}"
    status, problem = await call(client, "POST", f"{path}/reinstate", manager)
    assert (status, problem["code"], problem["state"]) == (409, "volunteer_in_other_state", "applied")
    await call(client, "POST", f"{path}/suspend", manager)
    assert (await call(client, "POST", f"{path}/approve", manager))[0] == 409
    resident = await make.signed_in_again(conn, app, resident)
    for method, body in (("PUT", entry(place)), ("DELETE", None)):
        status, problem = await call(client, method, "/v1/volunteers/me", resident, body)
        assert (status, problem["code"], problem["state"]) == (409, "volunteer_in_other_state", "suspended")


async def test_deciding_at_once_happens_once(client, conn, app, place):
    resident = await make.resident(conn, app)
    manager = await make.staff(conn, app, Role.ADMIN)
    _, made = await call(client, "POST", "/v1/volunteers", resident, entry(place))
    before = await version(conn, resident)
    answers = await asyncio.gather(
        *(call(client, "POST", f"/v1/staff/volunteers/{made['id']}/approve", manager) for _ in range(8))
    )
    assert {status for status, _ in answers} == {200}
    assert await version(conn, resident) == before + 1


async def test_staff_elsewhere_and_lesser_roles_decide_nothing(client, conn, app, place):
    resident = await make.resident(conn, app)
    _, made = await call(client, "POST", "/v1/volunteers", resident, entry(place))
    provider_id = await make.provider(conn, area_id=place["here"])
    for staff in (
        await make.staff(conn, app, Role.ADMIN, area_id=place["elsewhere"]),
        await make.staff(conn, app, Role.ADMIN, provider_id=provider_id),
        await make.staff(conn, app, Role.CLERK),
        await make.staff(conn, app, Role.AUDITOR),
    ):
        for act in ("approve", "suspend", "reinstate"):
            status, problem = await call(client, "POST", f"/v1/staff/volunteers/{made['id']}/{act}", staff)
            assert (status, problem["code"]) == (404, "volunteer_not_found")
    assert (await call(client, "POST", f"/v1/staff/volunteers/{made['id']}/approve", resident))[1][
        "code"
    ] == "staff_only"
    admin = await make.staff(conn, app, Role.ADMIN)
    assert (await call(client, "POST", f"/v1/staff/volunteers/{new_id()}/approve", admin))[0] == 404


async def test_lists_of_staff_hold_their_area_only(client, conn, app, place):
    admin = await make.staff(conn, app, Role.ADMIN)
    here = await make.staff(conn, app, Role.CLERK, area_id=place["here"])
    ids = []
    for team in (place["team"], place["other_team"], place["team"]):
        resident = await make.resident(conn, app)
        _, made = await call(client, "POST", "/v1/volunteers", resident, entry(place, team_id=str(team)))
        ids.append(made["id"])
        await asyncio.sleep(0.002)  # ids of one millisecond have no order
    await call(client, "POST", f"/v1/staff/volunteers/{ids[2]}/approve", admin)

    async def listed(staff, query=""):
        status, found = await call(client, "GET", f"/v1/staff/volunteers{query}", staff)
        assert status == 200
        return [item["id"] for item in found["items"]], found["next"]

    assert await listed(admin) == (ids, None)
    assert await listed(here) == ([ids[0], ids[2]], None)
    assert await listed(here, "?status=approved") == ([ids[2]], None)
    first, following = await listed(here, "?limit=1")
    assert (first, await listed(here, f"?limit=1&after={following}")) == ([ids[0]], ([ids[2]], None))
    assert (await call(client, "GET", "/v1/staff/volunteers?status=angry", here))[0] == 400
    auditor = await make.staff(conn, app, Role.AUDITOR)
    assert (await call(client, "GET", "/v1/staff/volunteers", auditor))[1]["code"] == "role_required"


async def test_changing_the_team_needs_a_new_approval(client, conn, app, place):
    resident = await make.resident(conn, app)
    admin = await make.staff(conn, app, Role.ADMIN)
    _, made = await call(client, "POST", "/v1/volunteers", resident, entry(place))
    await call(client, "POST", f"/v1/staff/volunteers/{made['id']}/approve", admin)
    resident = await make.signed_in_again(conn, app, resident)
    before = await version(conn, resident)
    body = entry(place, areas=[str(place["here"]), str(place["elsewhere"])], languages=["zh"])
    status, shown = await call(client, "PUT", "/v1/volunteers/me", resident, body)
    assert (status, shown["status"], shown["languages"]) == (200, "approved", ["zh"])
    assert {area["name"] for area in shown["areas"]} == {"此地", "别处"}
    assert await version(conn, resident) == before
    _, shown = await call(client, "PUT", "/v1/volunteers/me", resident, {**body, "team_id": str(place["other_team"])})
    assert (shown["status"], shown["decided_at"]) == ("applied", None)
    assert await version(conn, resident) == before + 1
    resident = await make.signed_in_again(conn, app, resident)
    assert (await call(client, "PUT", "/v1/volunteers/me", resident, {**body, "team_id": str(new_id())}))[0] == 404
    other = await make.resident(conn, app)
    assert (await call(client, "PUT", "/v1/volunteers/me", other, body))[0] == 404


async def test_leaving_revokes_what_was_held_and_one_may_come_back(client, conn, app, place):
    resident, elder = await make.resident(conn, app), await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, resident.account_id, team_id=place["team"])
    mandate_id = await make.mandate(conn, elder.person_id, volunteer_id, elder.account_id)
    before = await version(conn, resident)
    assert (await call(client, "DELETE", "/v1/volunteers/me", resident))[0] == 204
    assert await version(conn, resident) == before + 1
    row = await conn.fetchrow("select status, revoked_by from mandate where id = $1", mandate_id)
    assert tuple(row) == ("revoked", resident.account_id)
    assert await conn.fetchval("select facts from notice where person_id = $1", elder.person_id) == {"by": "volunteer"}
    resident = await make.signed_in_again(conn, app, resident)
    assert (await call(client, "DELETE", "/v1/volunteers/me", resident))[0] == 404
    assert (await call(client, "PUT", "/v1/volunteers/me", resident, entry(place)))[0] == 404
    status, again = await call(client, "POST", "/v1/volunteers", resident, entry(place))
    assert (status, again["status"], again["id"]) == (201, "applied", str(volunteer_id))
    assert await conn.fetchval("select status from mandate where id = $1", mandate_id) == "revoked"


async def test_whoever_deletes_the_account_ends_as_a_volunteer_even_suspended(conn, app, client, place):
    resident, elder = await make.resident(conn, app), await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, resident.account_id, team_id=place["team"], status="suspended")
    mandate_id = await make.mandate(conn, elder.person_id, volunteer_id, elder.account_id)
    caller = Caller(resident.account_id, new_id(), frozenset({Role.RESIDENT}), 1)
    ctx = Context(caller, app[CLOCK](), app[VAULT])
    assert await volunteers.end(conn, ctx) == volunteer_id
    assert await volunteers.end(conn, ctx) is None
    assert await conn.fetchval("select status from mandate where id = $1", mandate_id) == "revoked"
    assert await conn.fetchval("select status from volunteer") == "left"


async def test_a_family_sees_who_an_approved_volunteer_is_and_no_more(client, conn, app, place):
    resident, family = await make.resident(conn, app, name="苏和"), await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, resident.account_id, team_id=place["team"])
    status, card = await call(client, "GET", f"/v1/volunteers/{volunteer_id}", family)
    assert (status, set(card)) == (200, {"id", "name", "team", "languages"})
    assert card["name"] == "苏和"
    await conn.execute("update volunteer set status = 'suspended'")
    assert (await call(client, "GET", f"/v1/volunteers/{volunteer_id}", family))[0] == 404
    account_id = await make.account(conn)
    visitor = make.Resident(account_id, account_id, await make.session(conn, app, account_id, [Role.RESIDENT]))
    assert (await call(client, "GET", f"/v1/volunteers/{volunteer_id}", visitor))[0] == 403


async def test_teams_are_listed_by_area_with_all_below(client, conn, app, place):
    resident = await make.resident(conn, app)

    async def listed(query=""):
        status, found = await call(client, "GET", f"/v1/teams{query}", resident)
        assert status == 200, found
        return [item["id"] for item in found["items"]]

    team, other = str(place["team"]), str(place["other_team"])
    assert await listed() == sorted([team, other])
    assert await listed(f"?area={place['here']}") == [team]
    assert await listed(f"?area={place['elsewhere']}") == [other]
    assert await listed(f"?area={new_id()}") == []
    assert await listed("?limit=1") == [min(team, other)]


async def test_staff_make_teams_in_their_area(client, conn, app, place):
    manager = await make.staff(conn, app, Role.MANAGER, area_id=place["here"])
    clerk = await make.staff(conn, app, Role.CLERK, area_id=place["here"])
    body = {"area_id": str(place["below"]), "name": "党建联盟志愿服务队", "organisation": "党建联盟"}
    key = make.key()
    status, made = await call(client, "POST", "/v1/staff/teams", manager, body, key)
    assert status == 201, made
    assert (made["area"]["name"], made["applied"], made["approved"]) == ("社区", 0, 0)
    assert await call(client, "POST", "/v1/staff/teams", manager, body, key) == (201, made)
    assert (await call(client, "POST", "/v1/staff/teams", manager, body))[1]["code"] == "team_name_taken"
    assert (await call(client, "POST", "/v1/staff/teams", clerk, {**body, "name": "别的队"}))[0] == 404
    foreign = {**body, "name": "别的队", "area_id": str(place["elsewhere"])}
    assert (await call(client, "POST", "/v1/staff/teams", manager, foreign))[1]["code"] == "area_not_found"
    _, found = await call(client, "GET", "/v1/staff/teams", clerk)
    assert {item["id"] for item in found["items"]} == {str(place["team"]), made["id"]}
