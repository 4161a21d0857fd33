from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from domain.vocabulary import Role
from handlers.request import VAULT
from tests import help_world, make
from tests.help_world import leader
from tests.visitors import call, consents

CONTACT = {"name": "测试女儿", "phone": "13812349999"}


@pytest.fixture
async def place(conn, app, visit):
    """A family with a parent, a clerk, and a leader whose team helps the parent."""
    carer = await visit("测试甲")
    _, parent = await carer.add("测试乙")
    team_id = await make.team(conn)
    head = await leader(conn, app, team_id)
    request_id = await help_world.help_request(conn, app[VAULT], parent["id"], team_id=team_id)
    return SimpleNamespace(
        carer=carer,
        person_id=parent["id"],
        clerk=await make.staff(conn, app, Role.CLERK),
        head=head.resident,
        volunteer_id=head.volunteer_id,
        team_id=team_id,
        request_id=request_id,
        of_family=f"/v1/people/{parent['id']}/emergency-contact",
        of_desk=f"/v1/staff/people/{parent['id']}/emergency-contact",
        of_team=f"/v1/teams/{team_id}/people/{parent['id']}/emergency-contact",
    )


async def test_the_family_says_whom_to_call_and_forgets_it(place, conn):
    carer, url = place.carer, place.of_family
    assert (await carer.call("GET", url))[1]["code"] == "no_emergency_contact"
    status, changed = await carer.call("PUT", url, {"name": " 测试 女儿 ", "phone": "+86 138-1234-9999"})
    assert (status, changed) == (200, CONTACT | {"set_at": "2026-11-23T06:30:00+08:00"})
    assert await carer.call("GET", url) == (200, changed)
    assert (await carer.call("PUT", url, CONTACT | {"phone": "0483-8123456"}))[1]["phone"] == "04838123456"
    await carer.call("PUT", url, CONTACT)
    row = await conn.fetchrow("select * from emergency_contact")
    for word in CONTACT.values():
        assert word.encode() not in row["name_sealed"] + row["phone_sealed"]
    for _ in range(2):
        assert (await carer.call("DELETE", url))[0] == 204
    assert await conn.fetchval("select count(*) from emergency_contact") == 0
    actions = await conn.fetch("select action from audit where action like 'people.emergency%' order by at, chain, seq")
    assert [row["action"] for row in actions] == [
        *["people.emergency_contact_changed"] * 3,
        "people.emergency_contact_removed",
    ]


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"phone": "110"}, "contact_phone_invalid", "emergency_contact.phone"),
        ({"name": "1"}, "name_invalid", "emergency_contact.name"),
    ],
)
async def test_what_is_wrong_is_named_as_the_contacts(place, client, wrong, code, field):
    status, problem = await place.carer.call("PUT", place.of_family, CONTACT | wrong)
    assert (status, problem["code"], problem["field"]) == (400, code, field)
    form = {
        "name": "测试丁",
        "id_number": make.id_number(),
        "consents": consents(),
        "emergency_contact": CONTACT | wrong,
    }
    status, problem = await call(client, place.clerk, "POST", "/v1/staff/people", form, **make.key())
    assert (status, problem["code"], problem["field"]) == (400, code, field)


async def test_the_desk_writes_it_down_at_registration_and_shows_a_mask(place, client, conn):
    form = {"name": "测试丁", "id_number": make.id_number(), "consents": consents(), "emergency_contact": CONTACT}
    status, made = await call(client, place.clerk, "POST", "/v1/staff/people", form, **make.key())
    assert status == 201
    assert made["emergency_contact"] == {
        "name": "测试女儿",
        "phone": "138****9999",
        "set_at": "2026-11-23T06:30:00+08:00",
    }
    _, shown = await call(client, place.clerk, "GET", f"/v1/staff/people/{made['id']}")
    assert shown["emergency_contact"] == made["emergency_contact"]
    url = f"/v1/staff/people/{made['id']}/emergency-contact"
    assert (await call(client, place.clerk, "GET", url))[1]["phone"] == "13812349999"
    assert await conn.fetchval("select count(*) from audit where action = 'people.emergency_contact_shown'") == 1


async def test_the_leader_of_a_live_request_sees_and_changes_it_and_is_recorded(place, client, conn):
    status, _ = await call(client, place.head, "PUT", place.of_team, CONTACT)
    assert status == 200
    _, shown = await call(client, place.head, "GET", place.of_team)
    assert shown["phone"] == "13812349999"
    assert (await place.carer.call("GET", place.of_family))[1]["name"] == "测试女儿"
    rows = await conn.fetch("select action from audit where actor_id = $1 order by seq", place.head.account_id)
    assert [row["action"] for row in rows] == ["people.emergency_contact_changed", "people.emergency_contact_shown"]


async def test_the_family_is_told_what_others_change_and_not_of_itself(place, client, conn):
    async def told():
        _, found = await place.carer.call("GET", "/v1/notices")
        return [item["text"] for item in found["items"] if item["kind"] == "emergency_contact_changed"]

    await place.carer.call("PUT", place.of_family, CONTACT)
    await call(client, place.clerk, "PUT", place.of_desk, CONTACT)
    assert await told() == [], "nothing has changed"
    await call(client, place.head, "PUT", place.of_team, CONTACT | {"phone": "13812348888"})
    team = await conn.fetchval("select name from team where id = $1", place.team_id)
    (text,) = await told()
    assert text.startswith(f"{team}改了测试乙的紧急联系人")
    await call(client, place.clerk, "PUT", place.of_desk, CONTACT)
    assert (await told())[0].startswith("窗口改了测试乙的紧急联系人")
    for _ in range(2):
        await call(client, place.clerk, "DELETE", place.of_desk)
    assert len(await told()) == 3
    assert (await told())[0].startswith("窗口删去了测试乙的紧急联系人")
    facts = await conn.fetch("select facts::text as facts from notice where kind = 'emergency_contact_changed'")
    assert not any("8888" in row["facts"] or "女儿" in row["facts"] for row in facts)
    assert (await place.carer.call("DELETE", place.of_family))[0] == 204
    assert len(await told()) == 3


async def test_a_team_that_does_not_help_now_has_no_business_with_it(place, client, conn, app):
    await place.carer.call("PUT", place.of_family, CONTACT)
    elsewhere = await make.team(conn)
    other = (await leader(conn, app, elsewhere)).resident
    member = await help_world.helper(conn, app, team_id=place.team_id)

    async def codes(who, url):
        return [(await call(client, who, method, url, body))[1].get("code") for method, body in CALLS]

    assert await codes(other, place.of_team) == ["team_not_found"] * 2
    assert await codes(member, place.of_team) == ["team_not_found"] * 2
    assert await codes(other, place.of_team.replace(str(place.team_id), str(elsewhere))) == ["person_not_with_team"] * 2
    for state in ("cancelled", "expired"):
        await conn.execute("update help_request set state = $1, next_round_at = null", state)
        assert await codes(place.head, place.of_team) == ["person_not_with_team"] * 2
    await conn.execute("update help_request set state = 'completed', volunteer_id = $1", place.volunteer_id)
    assert await codes(place.head, place.of_team) == ["person_not_with_team"] * 2


CALLS = (("GET", None), ("PUT", CONTACT))


async def test_nothing_is_written_behind_an_erasure(place, client):
    assert (await place.carer.call("DELETE", f"/v1/people/{place.person_id}"))[1]["fate"] == "erased"
    for method, body in CALLS:
        assert (await place.carer.call(method, place.of_family, body))[0] == 404
    assert (await call(client, place.clerk, "PUT", place.of_desk, CONTACT))[1]["code"] == "person_unknown"
    assert (await call(client, place.clerk, "DELETE", place.of_desk))[1]["code"] == "person_unknown"


async def test_what_is_written_waits_for_an_erasure_that_is_under_way(place, client, conn):
    async with conn.transaction():
        await conn.execute(
            """update person set document_sealed = null, birth_date = null, sex = null, erased_at = now()
               where id = $1""",
            place.person_id,
        )
        writing = asyncio.create_task(call(client, place.clerk, "PUT", place.of_desk, CONTACT))
        await asyncio.sleep(0.3)
        assert not writing.done()
    assert (await writing)[1]["code"] == "person_unknown"
    assert await conn.fetchval("select count(*) from emergency_contact") == 0
