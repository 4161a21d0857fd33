"""Consent on paper takes two: who enters it and who looks at it, and neither is whom it empowers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

from domain.identifiers import new_id
from domain.vocabulary import Role
from tests import help_world, make
from tests.mandates import PHONE, call
from tests.pictures import png
from tests.town import paper


@pytest.fixture
async def second(world):
    return await make.staff(world.conn, world.app, Role.CLERK, area_id=world.area_id)


@pytest.fixture
async def leader(world):
    made = await help_world.helper(world.conn, world.app, team_id=world.team_id, name="队长")
    await help_world.leads(world.conn, made.volunteer_id, world.team_id)
    return made.resident


async def upload(world, who):
    headers = {**who.headers, **make.key()}
    async with world.client.post("/v1/files", data=paper().form(), headers=headers) as response:
        assert response.status == 201, await response.text()
        return (await response.json())["id"]


async def entered(world, **changes):
    status, made = await world.create(
        world.clerk, world.body("desk", file_id=await upload(world, world.clerk), **changes)
    )
    assert status == 201, made
    return made


async def look(world, who, made, *, in_team=False):
    path = f"/v1/teams/{world.team_id}/mandates/{made['id']}/paper" if in_team else f"/v1/files/{made['file_id']}"
    async with world.client.get(path, headers=who.headers) as response:
        return response.status, await response.read()


async def confirm(world, who, made, *, in_team=False):
    of = f"/v1/teams/{world.team_id}/mandates" if in_team else "/v1/staff/mandates"
    return await call(world.client, "POST", f"{of}/{made['id']}/confirm", who)


async def waiting(world, who, *, in_team=False):
    path = f"/v1/teams/{world.team_id}/mandate-papers" if in_team else "/v1/staff/mandate-papers"
    status, answer = await call(world.client, "GET", path, who)
    assert status == 200, answer
    return [item["id"] for item in answer["items"]]


async def test_a_paper_holds_once_a_colleague_has_looked_at_it(world, second):
    made = await entered(world)
    assert (made["status"], made["consented_at"]) == ("pending", None)
    assert await waiting(world, second) == [made["id"]]
    assert await waiting(world, world.clerk) == []
    assert (await confirm(world, second, made))[1]["code"] == "paper_not_read"
    assert (await look(world, second, made))[0] == 200
    status, held = await confirm(world, second, made)
    assert (status, held["status"], held["consent"]) == (200, "active", "desk")
    row = await world.row(made)
    assert (row["requested_by"], row["consented_by"]) == (world.clerk.account_id, second.account_id)
    assert await world.notices() == ["mandate_requested", "mandate_given"]
    assert await world.actions(made) == ["mandates.registered", "mandates.paper_confirmed"]
    assert await waiting(world, second) == []
    assert (await confirm(world, second, made))[1]["status"] == "active"
    assert await world.notices() == ["mandate_requested", "mandate_given"]
    _, told = await call(world.client, "GET", "/v1/notices", world.family)
    assert "等另一位工作人员核对" in told["items"][1]["text"]


async def test_nobody_confirms_what_they_have_entered(world):
    made = await entered(world)
    await look(world, world.clerk, made)
    manager = replace(
        world.clerk, token=await make.session(world.conn, world.app, world.clerk.account_id, [Role.CLERK])
    )
    for who in (world.clerk, manager):
        status, problem = await confirm(world, who, made)
        assert (status, problem["code"]) == (403, "second_person_needed")
    assert (await world.row(made))["status"] == "pending"


async def test_the_database_itself_asks_for_a_second_person(world):
    made = await entered(world)
    for second in (world.clerk.account_id, None):
        with pytest.raises(asyncpg.CheckViolationError, match="mandate_second_person"):
            await world.conn.execute(
                "update mandate set status = 'active', consented_at = created_at, consented_by = $2 where id = $1",
                UUID(made["id"]),
                second,
            )


async def test_the_leader_of_the_team_is_a_second_person(world, leader):
    made = await entered(world)
    assert await waiting(world, leader, in_team=True) == [made["id"]]
    assert (await confirm(world, leader, made, in_team=True))[1]["code"] == "paper_not_read"
    assert await look(world, leader, made, in_team=True) == (200, png())
    assert await world.conn.fetchval("select count(*) from audit where action = 'files.read'") == 1
    status, held = await confirm(world, leader, made, in_team=True)
    assert (status, held["status"]) == (200, "active")
    assert (await world.row(made))["consented_by"] == leader.account_id


async def test_a_leader_does_not_consent_for_himself_or_his_team(world, leader):
    """A mandate of the team empowers its leader too."""
    own = await world.conn.fetchval("select id from volunteer where account_id = $1", leader.account_id)
    for holder in ({"volunteer_id": str(own)}, {"volunteer_id": None, "team_id": str(world.team_id)}):
        made = await entered(world, **holder)
        assert await waiting(world, leader, in_team=True) == []
        assert (await look(world, leader, made, in_team=True))[0] == 403
        status, problem = await confirm(world, leader, made, in_team=True)
        assert (status, problem["code"]) == (403, "not_about_oneself")
        assert (await world.row(made))["status"] == "pending"


async def test_nobody_else_confirms(world, second, leader):
    made = await entered(world)
    elsewhere = await make.staff(world.conn, world.app, Role.ADMIN, area_id=await make.area(world.conn))
    auditor = await make.staff(world.conn, world.app, Role.AUDITOR)
    for who in (elsewhere, auditor):
        assert (await confirm(world, who, made))[1]["code"] == "mandate_not_found"
        assert (await confirm(world, who, made, in_team=True))[1]["code"] == "team_not_found"
        assert (await look(world, who, made))[0] == 404
    for who in (world.helper, world.family):
        assert (await confirm(world, who, made))[0] == 403
        assert (await confirm(world, who, made, in_team=True))[1]["code"] == "team_not_found"
        assert (await look(world, who, made, in_team=True))[0] == 404
    other_team = await make.team(world.conn, area_id=world.area_id)
    path = f"/v1/teams/{other_team}/mandates/{made['id']}/confirm"
    assert (await call(world.client, "POST", path, second))[1]["code"] == "mandate_not_found"
    assert (await call(world.client, "POST", path, leader))[1]["code"] == "team_not_found"
    given = await world.conn.fetchval("select id from mandate where consent_way = 'desk'")
    assert str(given) == made["id"]


async def test_what_is_no_paper_is_not_confirmed_so(world, second):
    asked = await world.asked()
    assert (await confirm(world, second, asked))[1]["code"] == "mandate_not_found"
    assert (await confirm(world, second, {"id": str(new_id())}))[0] == 404


async def test_a_paper_lapses_after_a_week_and_may_be_entered_anew(world, clock, second):
    made = await entered(world)
    body = world.body("desk", file_id=await upload(world, world.clerk))
    status, problem = await world.create(world.clerk, body)
    assert (status, problem["code"], problem["mandate_id"]) == (409, "paper_pending", made["id"])
    await look(world, second, made)
    await world.later(clock, days=7)
    second = replace(second, token=await make.session(world.conn, world.app, second.account_id, [Role.CLERK]))
    assert (await confirm(world, second, made))[1]["code"] == "paper_lapsed"
    assert await waiting(world, second) == []
    _, shown = await call(world.client, "GET", f"/v1/mandates/{made['id']}", world.family)
    assert shown["status"] == "expired"
    assert (await world.create(world.clerk, body))[0] == 201


async def test_the_family_ends_a_paper_before_it_holds(world, second):
    made = await entered(world)
    await look(world, second, made)
    assert (await world.revoke(made, world.family))[1]["status"] == "revoked"
    status, problem = await confirm(world, second, made)
    assert (status, problem["code"]) == (409, "mandate_not_pending")


async def test_confirming_and_ending_at_once_leave_it_ended(world, second, leader):
    for _ in range(4):
        made = await entered(world)
        await look(world, second, made)
        await look(world, leader, made, in_team=True)
        first, other, (ended, _) = await asyncio.gather(
            confirm(world, second, made),
            confirm(world, leader, made, in_team=True),
            world.revoke(made, world.family),
        )
        assert ended == 200
        for status, body in (first, other):
            assert (status, body.get("code")) in {(200, None), (409, "mandate_not_pending")}
        assert (await world.row(made))["status"] == "revoked"


async def test_two_who_confirm_at_once_tell_once(world, second, leader):
    made = await entered(world)
    await look(world, second, made)
    await look(world, leader, made, in_team=True)
    answers = await asyncio.gather(
        *(confirm(world, second, made) for _ in range(3)),
        *(confirm(world, leader, made, in_team=True) for _ in range(3)),
    )
    assert {(status, body["status"]) for status, body in answers} == {(200, "active")}
    assert await world.notices() == ["mandate_requested", "mandate_given"]


async def test_a_code_to_a_volunteers_own_phone_is_no_consent(world):
    """Who entered the elder, or shares the phone, would read the code that is to prove the elder's consent."""
    account_before = await make.earlier_account(world.conn, world.helper.person_id)
    changes = (
        ("update person set created_by = $1 where id = $2", world.helper.account_id, world.person_id),
        ("update person set created_by = $1 where id = $2", account_before, world.person_id),
        (
            """update person set created_by = null, phone_sealed = 'x',
                   phone_index = (select phone_index from person where id = $1) where id = $2""",
            world.person_id,
            world.helper.person_id,
        ),
    )
    for change in changes:
        await world.conn.execute(*change)
        world.clerk = await make.staff(world.conn, world.app, Role.CLERK, area_id=world.area_id)
        for who in (world.helper, world.family, world.clerk):
            status, problem = await world.create(who, world.body("sms"))
            assert (status, problem["code"]) == (404, "person_not_reachable"), who
        team = world.body("sms", volunteer_id=None, team_id=str(world.team_id))
        assert (await world.create(world.clerk, team))[1]["code"] == "person_not_reachable"
    assert await world.outside.messages(PHONE) == []
