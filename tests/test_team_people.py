"""Who has no phone is registered by a team's leader on a visit, and taken over by the family later."""

from __future__ import annotations

import asyncio
from datetime import date
from types import SimpleNamespace

import pytest

from domain.vocabulary import MAX_VISITED_A_DAY, Role
from handlers import care_requests
from tests import help_world, make
from tests.help_world import leader
from tests.visitors import call, consents

CONTACT = {"name": "测试女儿", "phone": "13812349999"}
BORN = date(1945, 1, 1)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(care_requests, "LEAST_SECONDS", 0.0)


@pytest.fixture
async def team(conn, app, client):
    """A team with its leader, who is signed in."""
    team_id = await make.team(conn)
    head = await leader(conn, app, team_id)

    async def register(who=None, *, key=None, **more):
        form = {"name": "测试乙", "id_number": make.id_number(BORN), "consents": consents(), **more}
        url = f"/v1/teams/{team_id}/people"
        return await call(client, who or head.resident, "POST", url, form, **(key or make.key()))

    return SimpleNamespace(id=team_id, head=head.resident, volunteer_id=head.volunteer_id, register=register)


async def test_a_leader_registers_an_elder_by_the_card_on_the_table(team, conn):
    number = make.id_number(BORN, "male")
    status, person = await team.register(id_number=number, emergency_contact=CONTACT)
    assert (status, person) == (
        201,
        {
            "id": person["id"],
            "name": "测试乙",
            "document_kind": "resident_id",
            "id_number": f"999999********{number[-4:]}",
            "birth_date": "1945-01-01",
            "sex": "male",
            "phone": None,
            "assurance": "declared",
            "created_at": "2026-11-23T06:30:00+08:00",
            "emergency_contact": {
                "name": "测试女儿",
                "phone": "138****9999",
                "set_at": "2026-11-23T06:30:00+08:00",
            },
        },
    )
    row = await conn.fetchrow("select action, facts from audit where subject_id = $1", person["id"])
    assert (row["action"], row["facts"]) == ("people.registered_on_visit", {"team_id": str(team.id)})
    given = await conn.fetch("select kind from consent where account_id = $1", team.head.account_id)
    assert {row["kind"] for row in given} == {"privacy", "sensitive_data"}


async def test_registering_is_safe_to_repeat(team, conn):
    key, number = make.key(), make.id_number(BORN)
    answers = [await team.register(key=key, id_number=number, emergency_contact=CONTACT) for _ in range(2)]
    assert answers[0][0] == 201
    assert answers[0] == answers[1]
    assert await conn.fetchval("select count(*) from person where team_id = $1", team.id) == 1


async def test_a_leader_finds_again_whom_nobody_cares_for(team, visit, conn, client):
    first, second, cared_for = [(await team.register())[1] for _ in range(3)]
    child = await visit("测试甲")
    await make.care(conn, child.account_id, cared_for["id"])
    url = f"/v1/teams/{team.id}/people"
    _, page = await call(client, team.head, "GET", f"{url}?limit=1")
    assert [one["id"] for one in page["items"]] == [second["id"]]
    assert page["items"][0]["id_number"] == second["id_number"]
    _, rest = await call(client, team.head, "GET", f"{url}?after={page['next']}")
    assert ([one["id"] for one in rest["items"]], rest["next"]) == ([first["id"]], None)
    read = await conn.fetch("select subject_id from audit where action = 'people.listed_to_team'")
    assert sorted(str(row["subject_id"]) for row in read) == sorted((first["id"], second["id"]))
    other = await make.resident(conn, client.app)
    assert (await call(client, other, "GET", url))[0] == 404


async def test_who_leads_elsewhere_or_no_more_registers_nobody(team, conn, app, visit):
    other = (await leader(conn, app, await make.team(conn))).resident
    member = await help_world.helper(conn, app, team_id=team.id)
    stranger = await visit()
    clerk_elsewhere = await make.staff(conn, app, Role.CLERK, area_id=await make.area(conn))
    auditor = await make.staff(conn, app, Role.AUDITOR)
    for who in (other, member, stranger, clerk_elsewhere, auditor):
        status, problem = await team.register(who)
        assert (status, problem["code"]) == (404, "team_not_found")
    await conn.execute("update volunteer set status = 'suspended' where id = $1", team.volunteer_id)
    head = await make.signed_in_again(conn, app, team.head)
    assert (await team.register(head))[1]["code"] == "team_not_found"
    assert await conn.fetchval("select count(*) from person where name = '测试乙'") == 0


async def test_of_who_is_registered_already_nothing_is_learnt(team, visit, conn):
    """Neither whether the name is right, nor who it is; how often is counted, so that numbers cannot be tried out."""
    number = make.id_number(BORN)
    carer = await visit("测试甲")
    await carer.add("测试丁", number)
    for name in ("测试丁", "测试丙"):
        status, problem = await team.register(name=name, id_number=number)
        assert (status, problem["code"]) == (409, "person_known")
        assert set(problem) == {"type", "title", "status", "code", "detail", "request_id"}
    assert await conn.fetchval("select count(*) from audit where action = 'people.known_on_visit'") == 2
    assert await conn.fetchval("select team_id from person where name = '测试丁'") is None


async def test_thirty_visits_a_day_known_or_not(team, conn, clock, app):
    number = make.id_number(BORN)
    assert (await team.register(id_number=number))[0] == 201
    for _ in range(MAX_VISITED_A_DAY - 1):
        assert (await team.register(id_number=number))[1]["code"] == "person_known"
    status, problem = await team.register()
    assert (status, problem["code"], problem["retry_after"]) == (429, "visits_limit_day", 24 * 3600)
    clock.move(days=1)
    assert (await team.register(await make.signed_in_again(conn, app, team.head)))[0] == 201


async def test_the_limit_of_a_day_holds_at_once(team, conn, monkeypatch):
    monkeypatch.setattr("domain.team_people.MAX_VISITED_A_DAY", 3)
    answers = await asyncio.gather(*(team.register() for _ in range(8)))
    assert sorted(status for status, _ in answers) == [201] * 3 + [429] * 5
    assert await conn.fetchval("select count(*) from person where team_id = $1", team.id) == 3


async def test_a_volunteers_phone_is_no_elders(team, conn, app):
    """Codes by which the elder agrees to a mandate would go to who gets the mandate."""
    await help_world.helper(conn, app, team_id=team.id, phone="13812340001")
    status, problem = await team.register(phone="138 1234 0001")
    assert (status, problem["code"]) == (409, "phone_of_volunteer")
    assert (await team.register(phone="13812340002"))[0] == 201


async def test_the_family_takes_over_by_a_code_to_the_registered_phone(team, visit, outside, conn):
    number = make.id_number(BORN)
    _, person = await team.register(id_number=number, phone="13812340009", emergency_contact=CONTACT)
    child = await visit("测试甲")
    status, asked = await child.add("测试乙", number)
    assert (status, asked["status"], asked["person_id"]) == (202, "pending", None)
    url = f"/v1/care-requests/{asked['id']}"
    assert (await child.call("POST", f"{url}/code"))[0] == 200
    code = (await outside.messages("13812340009"))[-1]["data"]["code"]
    assert (await child.call("POST", f"{url}/confirm", {"code": code}))[1]["person_id"] == person["id"]
    assert (await child.call("GET", f"/v1/people/{person['id']}"))[1]["relation"] == "parent"
    _, contact = await child.call("GET", f"/v1/people/{person['id']}/emergency-contact")
    assert (contact["name"], contact["phone"]) == ("测试女儿", "13812349999")
    # Whom the family cares for is the family's: the team has no business without a request.
    assert (await child.call("PUT", f"/v1/people/{person['id']}", {"phone": "13812340008"}))[0] == 200
    # And when the family goes, the person stays with the desk.
    assert (await child.call("DELETE", f"/v1/people/{person['id']}"))[1]["fate"] == "kept_by_desk"
    assert await conn.fetchval("select erased_at from person where id = $1", person["id"]) is None


async def test_help_that_a_leader_asked_for_is_seen_by_the_family_that_takes_over(
    team, visit, outside, conn, app, client
):
    number = make.id_number(BORN)
    _, person = await team.register(id_number=number, phone="13812340009")
    wish = {
        "person_id": person["id"],
        "area_id": str(await conn.fetchval("select area_id from team where id = $1", team.id)),
        "matter": "medical",
        "needs_companion": True,
        "need": "去医院复查",
        "wished_days": ["2026-11-25"],
    }
    url = f"/v1/teams/{team.id}/help-requests"
    other_id = await make.team(conn)
    other = (await leader(conn, app, other_id)).resident
    status, _ = await call(client, other, "POST", f"/v1/teams/{other_id}/help-requests", wish, **make.key())
    assert status == 404, "who was registered by another team is named by the card"
    status, asked = await call(client, team.head, "POST", url, wish, **make.key())
    assert (status, asked["asked_way"]) == (201, "visit")
    child = await visit("测试甲")
    assert (await child.call("GET", f"/v1/help-requests/{asked['id']}"))[0] == 404
    _, care_request = await child.add("测试乙", number)
    await child.call("POST", f"/v1/care-requests/{care_request['id']}/code")
    code = (await outside.messages("13812340009"))[-1]["data"]["code"]
    await child.call("POST", f"/v1/care-requests/{care_request['id']}/confirm", {"code": code})
    _, seen = await child.call("GET", f"/v1/help-requests/{asked['id']}")
    assert (seen["state"], seen["need"], seen["person"]["name"]) == ("open", "去医院复查", "测试乙")
    _, told = await child.call("GET", "/v1/notices")
    assert "help_asked" in {one["kind"] for one in told["items"]}


async def test_without_a_phone_the_desk_lets_the_family_take_over(team, visit, conn, app, client):
    number = make.id_number(BORN)
    _, person = await team.register(id_number=number)
    child, clerk = await visit("测试甲"), await make.staff(conn, app, Role.CLERK)
    _, asked = await child.add("测试乙", number)
    _, listed = await call(client, clerk, "GET", f"/v1/staff/care-requests?person={person['id']}")
    assert [one["id"] for one in listed["items"]] == [asked["id"]]
    assert (await call(client, clerk, "POST", f"/v1/staff/care-requests/{asked['id']}/approve"))[0] == 204
    assert (await child.call("GET", f"/v1/people/{person['id']}"))[1]["name"] == "测试乙"


async def test_the_elder_registers_later_with_a_phone_of_the_own(team, visit, outside, conn):
    number = make.id_number(BORN)
    _, person = await team.register(id_number=number, phone="13812340009")
    elder = await visit(registered=False)
    assert (await elder.register("测试乙", number, phone="13812340009"))[0] in (200, 202)
    _, me = await elder.call("GET", "/v1/me")
    if not me["registered"]:
        url = f"/v1/care-requests/{me['care_request']['id']}"
        await elder.call("POST", f"{url}/code")
        code = (await outside.messages("13812340009"))[-1]["data"]["code"]
        assert (await elder.call("POST", f"{url}/confirm", {"code": code}))[0] == 200
        _, me = await elder.call("GET", "/v1/me")
    assert (me["registered"], me["person"]["id"]) == (True, person["id"])


@pytest.mark.parametrize("account", ["the same", "another"])
async def test_who_wrote_the_number_down_does_not_take_over_by_it(team, outside, client, conn, account):
    """A leader with a second telephone in the pocket: nothing is sent there, and all else looks the same."""
    number = make.id_number(BORN)
    _, person = await team.register(id_number=number, phone="13812340009")
    if account == "another":
        before = await make.earlier_account(conn, team.head.person_id)
        await conn.execute("update person set created_by = $1 where id = $2", before, person["id"])
    form = {"name": "测试乙", "id_number": number, "relation": "other", "consents": consents()}
    status, asked = await call(client, team.head, "POST", "/v1/people", form, **make.key())
    assert status == 202
    assert (await call(client, team.head, "POST", f"/v1/care-requests/{asked['id']}/code"))[0] == 200
    assert await outside.messages("13812340009") == []


async def test_taking_back_ones_own_consent_touches_nobody_registered_on_visits(team, conn, client):
    _, person = await team.register()
    status, answer = await call(client, team.head, "DELETE", "/v1/me/consents/privacy")
    assert (status, [one["id"] for one in answer["people"]]) == (200, [])
    standing = await conn.fetchval(
        "select count(*) from consent where person_id = $1 and withdrawn_at is null", person["id"]
    )
    assert standing == 2
    assert await conn.fetchval("select erased_at from person where id = $1", person["id"]) is None
    _, me = await call(client, team.head, "GET", "/v1/me")
    assert me["consents"] == []
