"""What a team's leader and staff decide about volunteers, what it takes from them at once, and who may not."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from domain.vocabulary import Role
from handlers.request import VAULT
from tests import help_world, make
from tests.help_world import help_request, helper, leads, offered, taken
from tests.mandates import call

REASON = {"reason": "约好的事没有来"}


@pytest.fixture
async def team(client, conn, app):
    """A team with a leader and a volunteer who has the request of one elder and was asked for another's."""
    area_id = await make.area(conn, level="town")
    team_id = await make.team(conn, area_id=area_id)
    leader = await helper(conn, app, team_id=team_id, areas=[area_id], name="队长甲")
    await leads(conn, leader.volunteer_id, team_id)
    volunteer = await helper(conn, app, team_id=team_id, areas=[area_id], name="苏和")
    family = await make.resident(conn, app, name="女儿")
    of_team: dict[str, Any] = {"team_id": team_id, "area_id": area_id, "needs": ["accompany"]}
    held = await help_request(conn, app[VAULT], family.person_id, **of_team)
    asked = await help_request(conn, app[VAULT], family.person_id, **of_team)
    span = help_world.local(help_world.TOMORROW, "09:00"), help_world.local(help_world.TOMORROW, "11:00")
    await taken(conn, held, volunteer.volunteer_id, state="booked", span=span)
    await offered(conn, asked, volunteer.volunteer_id)
    return SimpleNamespace(
        client=client,
        conn=conn,
        app=app,
        id=team_id,
        area_id=area_id,
        leader=leader,
        volunteer=volunteer,
        family=family,
        held=held,
        asked=asked,
        manager=await make.staff(conn, app, Role.MANAGER, area_id=area_id),
    )


async def decide(team, who, act, volunteer_id=None, body=REASON):
    path = f"/v1/teams/{team.id}/volunteers/{volunteer_id or team.volunteer.volunteer_id}"
    return await call(team.client, "POST", f"{path}/{act}", who, body)


async def standing(team):
    """Return who has the held request and its state, the work of it, and the offer of the other."""
    request = await team.conn.fetchrow("select state, volunteer_id from help_request where id = $1", team.held)
    work = await team.conn.fetchval("select state from help_work where request_id = $1", team.held)
    offer = await team.conn.fetchval("select status from help_offer where request_id = $1", team.asked)
    return *request, work, offer


async def told(team, who):
    return [
        (row["kind"], row["facts"])
        for row in await team.conn.fetch(
            "select kind, facts from notice where person_id = $1 and kind like 'volunteer%' order by id", who.person_id
        )
    ]


@pytest.mark.parametrize("by", ["leader", "manager"])
async def test_a_leader_or_staff_freeze_a_volunteer_with_one_call(team, by):
    assert await standing(team) == ("booked", team.volunteer.volunteer_id, "held", "live")
    who = getattr(team, by)
    status, shown = await decide(team, who, "suspend")
    assert (status, shown["status"], shown["tasks"], shown["decision_reason"]) == (
        200,
        "suspended",
        0,
        "约好的事没有来",
    )
    assert "person_id" not in shown
    assert await standing(team) == ("open", None, "released", "withdrawn")
    assert await team.conn.fetchval("select start_code from help_request where id = $1", team.held) is None
    assert (await call(team.client, "GET", "/v1/volunteers/me", team.volunteer))[0] == 401
    assert await told(team, team.volunteer.resident) == [("volunteer_suspended", {"reason": "约好的事没有来"})]
    why = await team.conn.fetchval(
        "select because from help_event where request_id = $1 order by id desc limit 1", team.held
    )
    assert why == "volunteer_suspended"
    again, shown = await decide(team, who, "suspend")
    assert (again, shown["status"]) == (200, "suspended")
    assert len(await told(team, team.volunteer.resident)) == 1
    actions = await team.conn.fetch("select action from audit where subject_id = $1", team.volunteer.volunteer_id)
    assert [row["action"] for row in actions] == ["volunteers.suspended"]


async def test_reinstated_a_volunteer_is_back_but_not_with_the_old_tasks(team):
    await decide(team, team.leader, "suspend")
    status, shown = await decide(team, team.leader, "reinstate", body=None)
    assert (status, shown["status"], shown["decision_reason"]) == (200, "approved", "")
    assert await standing(team) == ("open", None, "released", "withdrawn")
    assert [kind for kind, _ in await told(team, team.volunteer.resident)] == [
        "volunteer_suspended",
        "volunteer_reinstated",
    ]


async def test_dismissal_takes_everything_for_good(team):
    elder = await make.resident(team.conn, team.app)
    mandate_id = await make.mandate(team.conn, elder.person_id, team.volunteer.volunteer_id, elder.account_id)
    await leads(team.conn, team.volunteer.volunteer_id, team.id)
    status, shown = await decide(team, team.leader, "dismiss")
    assert (status, shown["status"], shown["leads"]) == (200, "left", False)
    assert await standing(team) == ("open", None, "released", "withdrawn")
    assert await team.conn.fetchval("select status from mandate where id = $1", mandate_id) == "revoked"
    _, notices = await call(team.client, "GET", "/v1/notices", elder)
    assert [item["kind"] for item in notices["items"]] == ["mandate_revoked"]
    assert "不在志愿者队伍里" in notices["items"][0]["text"]
    resident = await make.signed_in_again(team.conn, team.app, team.volunteer.resident)
    _, own = await call(team.client, "GET", "/v1/notices", resident)
    assert "约好的事没有来" in own["items"][0]["text"]
    entry = {"team_id": str(team.id), "areas": [str(team.area_id)], "languages": ["zh"]}
    assert (await call(team.client, "POST", "/v1/volunteers", resident, entry))[0] == 201
    _, waiting = await call(team.client, "GET", f"/v1/teams/{team.id}/volunteers?status=applied", team.leader)
    assert [item["decision_reason"] for item in waiting["items"]] == ["约好的事没有来"]
    _, shown = await decide(team, team.leader, "approve", body=None)
    assert (shown["status"], shown["leads"]) == ("approved", False)


async def test_an_application_is_approved_or_refused_by_the_leader(team):
    ids = []
    for act, status in (("approve", "approved"), ("suspend", "suspended"), ("dismiss", "left")):
        applicant = await helper(team.conn, team.app, team_id=team.id, status="applied")
        ids.append(applicant.volunteer_id)
        answered, shown = await decide(team, team.leader, act, applicant.volunteer_id)
        assert (answered, shown["status"]) == (200, status)
        _, facts = (await told(team, applicant.resident))[0]
        assert facts.get("way") == (None if act == "approve" else "refused")
        resident = await make.signed_in_again(team.conn, team.app, applicant.resident)
        _, own = await call(team.client, "GET", "/v1/notices", resident)
        assert ("没有通过" in own["items"][0]["text"]) == (act != "approve")


async def applies(team, who, team_id=None):
    entry = {"team_id": str(team_id or team.id), "areas": [str(team.area_id)], "languages": ["zh"]}
    return await call(team.client, "POST", "/v1/volunteers", who, entry)


async def test_who_was_suspended_is_known_again_under_another_account(team, visit):
    number = make.id_number()
    first = await visit("测试丙", number=number)
    await applies(team, first)
    volunteer_id = await team.conn.fetchval("select id from volunteer where account_id = $1", first.account_id)
    _, shown = await decide(team, team.leader, "approve", volunteer_id, body=None)
    assert shown["suspended_at"] is None
    _, shown = await decide(team, team.leader, "suspend", volunteer_id)
    assert shown["suspended_at"] == "2026-11-23T06:30:00+08:00"
    await first.renew(team.conn)
    assert (await first.call("DELETE", "/v1/me"))[0] == 200
    again = await visit("测试丙", number=number)
    assert (again.account_id, again.person_id) != (first.account_id, first.person_id)
    other_team = await make.team(team.conn, area_id=team.area_id)
    _, own = await applies(team, again, other_team)
    assert "suspended_at" not in own
    waiting = f"/v1/teams/{other_team}/volunteers?status=applied"
    _, listed = await call(team.client, "GET", waiting, team.manager)
    assert [(item["suspended_at"], item["decision_reason"]) for item in listed["items"]] == [
        ("2026-11-23T06:30:00+08:00", "")
    ]
    _, shown = await decide(SimpleNamespace(**vars(team) | {"id": other_team}), team.manager, "approve", own["id"])
    assert shown["suspended_at"] == "2026-11-23T06:30:00+08:00"


async def test_the_leaders_are_told_who_applies_also_from_another_team(team):
    lately = await make.team(team.conn, area_id=team.area_id)
    head = await helper(team.conn, team.app, team_id=lately)
    await leads(team.conn, head.volunteer_id, lately)
    applicant = await make.resident(team.conn, team.app, name="测试丁")
    assert (await applies(team, applicant))[0] == 201
    entry = {"team_id": str(lately), "areas": [str(team.area_id)], "languages": ["zh"]}
    for _ in range(2):
        assert (await call(team.client, "PUT", "/v1/volunteers/me", applicant, entry))[0] == 200
    for back in (team.id, lately, team.id):
        await call(team.client, "PUT", "/v1/volunteers/me", applicant, entry | {"team_id": str(back)})
    for who, team_id in ((team.leader, team.id), (head, lately)):
        _, found = await call(team.client, "GET", "/v1/notices", who)
        name = await team.conn.fetchval("select name from team where id = $1", team_id)
        (told_once,) = [item["text"] for item in found["items"] if item["kind"] == "volunteer_applied"]
        assert told_once.startswith(f"测试丁报名加入{name}，")


async def test_changing_the_team_leaves_tasks_and_leadership_behind(team):
    await leads(team.conn, team.volunteer.volunteer_id, team.id)
    other_team = await make.team(team.conn)
    entry = {"team_id": str(other_team), "areas": [str(team.area_id)], "languages": ["zh"]}
    status, shown = await call(team.client, "PUT", "/v1/volunteers/me", team.volunteer, entry)
    assert (status, shown["status"]) == (200, "applied")
    assert await standing(team) == ("open", None, "released", "withdrawn")
    await team.conn.execute(
        "update volunteer set team_id = $2, status = 'approved' where id = $1", team.volunteer.volunteer_id, team.id
    )
    assert not await team.conn.fetchval("select leads_team($1, $2)", team.volunteer.resident.account_id, team.id)


async def test_leaving_hands_the_tasks_back(team):
    assert (await call(team.client, "DELETE", "/v1/volunteers/me", team.volunteer))[0] == 204
    assert await standing(team) == ("open", None, "released", "withdrawn")


async def test_who_is_out_with_somebody_neither_leaves_nor_changes_the_team(team):
    await team.conn.execute("update help_request set state = 'under_way' where id = $1", team.held)
    entry = {"team_id": str(await make.team(team.conn)), "areas": [str(team.area_id)], "languages": ["zh"]}
    for method, body in (("DELETE", None), ("PUT", entry)):
        status, problem = await call(team.client, method, "/v1/volunteers/me", team.volunteer, body)
        assert (status, problem["code"], problem["help_requests"]) == (409, "live_help", [str(team.held)])
    assert await standing(team) == ("under_way", team.volunteer.volunteer_id, "held", "live")
    same_team = {**entry, "team_id": str(team.id), "languages": ["mn"]}
    status, shown = await call(team.client, "PUT", "/v1/volunteers/me", team.volunteer, same_team)
    assert (status, shown["status"], shown["languages"]) == (200, "approved", ["mn"])
    assert (await decide(team, team.leader, "suspend"))[0] == 200
    assert await standing(team) == ("open", None, "released", "withdrawn")


async def test_nobody_decides_about_oneself_but_another_leader_does(team):
    await leads(team.conn, team.volunteer.volunteer_id, team.id)
    for act in ("approve", "suspend", "reinstate", "dismiss"):
        status, problem = await decide(team, team.leader, act, team.leader.volunteer_id)
        assert (status, problem["code"]) == (403, "not_about_oneself")
    status, _ = await decide(team, team.volunteer, "suspend", team.leader.volunteer_id)
    assert status == 200
    leader = await make.signed_in_again(team.conn, team.app, team.leader.resident)
    for act in ("suspend", "reinstate"):
        status, problem = await decide(team, leader, act, team.volunteer.volunteer_id)
        assert (status, problem["code"]) == (404, "team_not_found")


async def test_a_leader_reaches_nobody_outside_the_team(team):
    other_team = await make.team(team.conn, area_id=team.area_id)
    stranger = await helper(team.conn, team.app, team_id=other_team)
    for act in ("approve", "suspend", "reinstate", "dismiss"):
        status, problem = await decide(team, team.leader, act, stranger.volunteer_id)
        assert (status, problem["code"]) == (404, "volunteer_not_found")
    path = f"/v1/teams/{team.id}/volunteers/{stranger.volunteer_id}"
    assert (await call(team.client, "GET", path, team.leader))[0] == 404
    _, listed = await call(team.client, "GET", f"/v1/teams/{team.id}/volunteers", team.leader)
    assert {item["id"] for item in listed["items"]} == {
        str(team.leader.volunteer_id),
        str(team.volunteer.volunteer_id),
    }
    assert (await call(team.client, "GET", f"/v1/teams/{other_team}/volunteers", team.leader))[0] == 404
    assert (await call(team.client, "GET", f"/v1/teams/{team.id}/volunteers", team.volunteer))[0] == 404


async def test_freezing_wants_a_reason(team):
    for act in ("suspend", "dismiss"):
        for body in ({}, {"reason": ""}, {"reason": " "}, {"reason": "x" * 201}):
            status, problem = await decide(team, team.leader, act, body=body)
            assert (status, problem["code"]) == (400, "invalid_input")
    assert await standing(team) == ("booked", team.volunteer.volunteer_id, "held", "live")


async def test_leaders_are_appointed_by_staff_from_those_who_serve(team):
    path = f"/v1/staff/teams/{team.id}/leaders/{team.volunteer.volunteer_id}"
    for _ in range(2):
        status, shown = await call(team.client, "PUT", path, team.manager)
        assert (status, [each["name"] for each in shown["leaders"]]) == (200, ["队长甲", "苏和"])
    assert await team.conn.fetchval("select count(*) from team_leader where ended_at is null") == 2
    _, own = await call(team.client, "GET", "/v1/volunteers/me", team.volunteer)
    assert own["leads"] is True
    _, shown = await call(team.client, "GET", f"/v1/teams/{team.id}", team.volunteer)
    assert shown["approved"] == 2
    assert (await call(team.client, "DELETE", path, team.manager))[0] == 204
    assert (await call(team.client, "GET", f"/v1/teams/{team.id}", team.volunteer))[0] == 404
    assert (await call(team.client, "DELETE", path, team.manager))[1]["code"] == "leader_not_found"
    await decide(team, team.leader, "suspend")
    status, problem = await call(team.client, "PUT", path, team.manager)
    assert (status, problem["code"], problem["state"]) == (409, "volunteer_in_other_state", "suspended")
    stranger = await helper(team.conn, team.app)
    path = f"/v1/staff/teams/{team.id}/leaders/{stranger.volunteer_id}"
    assert (await call(team.client, "PUT", path, team.manager))[1]["code"] == "volunteer_not_found"


async def test_freezing_at_once_happens_once(team):
    answers = await asyncio.gather(*(decide(team, team.leader, "suspend") for _ in range(6)))
    assert {status for status, _ in answers} == {200}
    assert len(await told(team, team.volunteer.resident)) == 1


async def test_an_appointment_waits_for_who_is_just_leaving(team, database):
    """Else the volunteer would lead again, unasked, once back and approved."""
    leaving = await asyncpg.connect(database)
    path = f"/v1/staff/teams/{team.id}/leaders/{team.volunteer.volunteer_id}"
    try:
        async with leaving.transaction():
            await leaving.execute("update volunteer set status = 'left' where id = $1", team.volunteer.volunteer_id)
            appointing = asyncio.create_task(call(team.client, "PUT", path, team.manager))
            await asyncio.wait([appointing], timeout=0.5)
        status, problem = await appointing
    finally:
        await leaving.close()
    assert (status, problem["code"], problem["state"]) == (409, "volunteer_in_other_state", "left")
    assert await team.conn.fetchval("select count(*) from team_leader where ended_at is null") == 1
