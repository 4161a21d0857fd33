from __future__ import annotations

from datetime import date

import pytest

from domain.vocabulary import Role
from tests import make
from tests.visitors import call, consents


@pytest.fixture
async def clerk(conn, app):
    return await make.staff(conn, app, Role.CLERK)


@pytest.fixture
async def manager(conn, app):
    return await make.staff(conn, app, Role.MANAGER)


def form(**more):
    return {"name": "测试乙", "id_number": make.id_number(date(1945, 1, 1)), "consents": consents(), **more}


async def register(client, staff, **more):
    status, person = await call(client, staff, "POST", "/v1/staff/people", form(**more), **make.key())
    assert status == 201, person
    return person


async def actions(conn, person_id):
    rows = await conn.fetch("select action from audit where subject_id = $1 order by at, chain, seq", person_id)
    return [row["action"] for row in rows]


async def test_an_elder_without_a_phone_is_registered_at_the_desk(client, clerk, conn):
    number = make.id_number(date(1945, 1, 1), "male")
    person = await register(client, clerk, id_number=number)
    assert person == {
        "id": person["id"],
        "name": "测试乙",
        "document_kind": "resident_id",
        "id_number": f"999999********{number[-4:]}",
        "birth_date": "1945-01-01",
        "sex": "male",
        "phone": None,
        "assurance": "desk_verified",
        "created_at": "2026-11-23T06:30:00+08:00",
        "carers": [],
        "emergency_contact": None,
    }
    assert await actions(conn, person["id"]) == ["people.registered_at_desk"]
    given = await conn.fetch("select kind from consent where account_id = $1", clerk.account_id)
    assert {row["kind"] for row in given} == {"privacy", "sensitive_data"}


async def test_registering_at_the_desk_is_safe_to_repeat_and_once_a_person(client, clerk, conn):
    body, key = form(), make.key()
    answers = [await call(client, clerk, "POST", "/v1/staff/people", body, **key) for _ in range(2)]
    assert answers[0][0] == 201
    assert answers[0] == answers[1]
    status, problem = await call(client, clerk, "POST", "/v1/staff/people", body, **make.key())
    assert (status, problem["code"], problem["person_id"]) == (409, "person_exists", answers[0][1]["id"])
    assert await conn.fetchval("select count(*) from person") == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"id_number": "1"}, "id_number_malformed"),
        ({"name": "1"}, "name_invalid"),
        ({"phone": "1"}, "phone_invalid"),
        ({"consents": []}, "consent_required"),
    ],
)
async def test_what_is_wrong_is_refused_at_the_desk_too(client, clerk, wrong, code):
    status, problem = await call(client, clerk, "POST", "/v1/staff/people", form(**wrong), **make.key())
    assert (status, problem["code"]) == (400, code)


async def test_staff_find_by_one_exact_mark_and_each_search_is_recorded(client, clerk, conn):
    number = make.id_number(date(1945, 1, 1))
    person = await register(client, clerk, id_number=number, phone="13812340009")
    await register(client, clerk, name="测试乙丙")
    for mark in (
        {"id_number": number},
        {"id_number": f" {number.lower()} "},
        {"phone": "+86 138-1234-0009"},
        {"name": " 测试乙 ", "birth_date": "1945-01-01"},
    ):
        status, found = await call(client, clerk, "POST", "/v1/staff/people/search", mark)
        assert status == 200
        assert [one["id"] for one in found["items"]] == [person["id"]]
        assert found["items"][0]["id_number"] == f"999999********{number[-4:]}"
        assert "carers" not in found["items"][0]
    assert (await actions(conn, person["id"])).count("people.found") == 4
    for mark in (
        {"name": "测试", "birth_date": "1945-01-01"},
        {"name": "测试乙", "birth_date": "1945-01-02"},
        {"name": "%", "birth_date": "1945-01-01"},
        {"phone": "13812340008"},
        {"id_number": make.id_number()},
    ):
        status, found = await call(client, clerk, "POST", "/v1/staff/people/search", mark)
        assert (status, found) in ((200, {"items": [], "next": None}), (400, found))
    rows = await conn.fetch("select facts from audit where action = 'people.searched'")
    assert [row["facts"] for row in rows] == [{"by": "name"}, {"by": "name"}, {"by": "phone"}, {"by": "id_number"}]


@pytest.mark.parametrize(
    "mark",
    [
        {},
        {"name": "测试乙"},
        {"birth_date": "1945-01-01"},
        {"phone": "13812340009", "name": "测试乙"},
        {"id_number": None},
        {"id_number": "1", "phone": "1"},
    ],
)
async def test_there_is_no_browsing(client, clerk, mark):
    status, problem = await call(client, clerk, "POST", "/v1/staff/people/search", mark)
    assert (status, problem["code"]) == (400, "invalid_input")
    assert (await call(client, clerk, "GET", "/v1/staff/people"))[0] == 405


async def test_the_desk_shows_who_cares_and_records_each_look(client, clerk, conn, visit):
    carer = await visit("测试甲")
    _, added = await carer.add("测试乙")
    _, shown = await call(client, clerk, "GET", f"/v1/staff/people/{added['id']}")
    assert [(one["account_name"], one["relation"]) for one in shown["carers"]] == [("测试甲", "parent")]
    assert await actions(conn, added["id"]) == ["people.added", "people.shown"]
    unknown = "01900000-0000-7000-8000-000000000000"
    assert (await call(client, clerk, "GET", f"/v1/staff/people/{unknown}"))[1]["code"] == "person_unknown"


async def test_the_full_number_is_for_managers_and_each_reading_recorded(client, clerk, manager, conn):
    number = make.id_number(date(1945, 1, 1))
    person = await register(client, clerk, id_number=number, phone="13812340009")
    url = f"/v1/staff/people/{person['id']}/id-number"
    assert (await call(client, clerk, "GET", url))[0] == 403
    assert await call(client, manager, "GET", url) == (200, {"id_number": number, "phone": "13812340009"})
    row = await conn.fetchrow("select actor_id, facts from audit where action = 'people.id_number_shown'")
    assert (row["actor_id"], row["facts"]) == (manager.account_id, {})


async def test_nobody_else_gets_in(client, conn, app, visit):
    resident = await visit()
    auditor = await make.staff(conn, app, Role.AUDITOR)
    _, person = await resident.add()
    base = f"/v1/staff/people/{person['id']}"
    care_id = await conn.fetchval("select id from care where person_id = $1", person["id"])
    for method, path, body in (
        ("POST", "/v1/staff/people", form()),
        ("POST", "/v1/staff/people/search", {"phone": "13812340009"}),
        ("GET", base, None),
        ("GET", f"{base}/id-number", None),
        ("POST", f"{base}/verify", {"name": "测试乙", "id_number": "1"}),
        ("POST", f"{base}/erase", None),
        ("DELETE", f"{base}/care/{care_id}", None),
    ):
        for caller, code in ((resident, "staff_only"), (auditor, "role_required")):
            status, problem = await call(client, caller, method, path, body, **make.key())
            assert (status, problem["code"]) == (403, code), (method, path)


async def test_verifying_takes_over_what_the_document_says(client, clerk, conn, visit):
    number = make.id_number(date(1945, 1, 1))
    carer = await visit("测试甲")
    _, added = await carer.add("测试丁", number, phone="13812340009")
    url = f"/v1/staff/people/{added['id']}/verify"
    wrong = {"name": "测试乙", "id_number": make.id_number()}
    assert (await call(client, clerk, "POST", url, wrong))[1]["code"] == "document_differs"
    status, verified = await call(client, clerk, "POST", url, {"name": "测试乙", "id_number": number})
    assert (status, verified["name"], verified["assurance"]) == (200, "测试乙", "desk_verified")
    assert verified["phone"] == "138****0009"
    body = {"name": "测试乙", "id_number": number, "phone": "13812340007"}
    assert (await call(client, clerk, "POST", url, body))[1]["phone"] == "138****0007"
    assert (await carer.call("PUT", f"/v1/people/{added['id']}", {"name": "测试丁"}))[1]["code"] == "name_needs_desk"
    await conn.execute("update person set assurance = 'checked' where id = $1", added["id"])
    assert (await call(client, clerk, "POST", url, body))[1]["assurance"] == "checked"


async def test_who_took_a_strangers_number_into_care_is_put_out_at_the_desk(client, clerk, manager, visit, conn):
    number = make.id_number(date(1945, 1, 1))
    squatter, owner = await visit("测试甲"), await visit(registered=False)
    _, taken = await squatter.add("测试乙", number, phone="13812340666")
    form_ = await owner.form("测试乙", number, "13812340009")
    assert (await owner.call("PUT", "/v1/me/registration", form_))[0] == 202
    _, shown = await call(client, clerk, "GET", f"/v1/staff/people/{taken['id']}")
    url = f"/v1/staff/people/{taken['id']}/care/{shown['carers'][0]['id']}"
    assert (await call(client, clerk, "DELETE", url))[0] == 403
    assert (await call(client, manager, "DELETE", url))[0] == 204
    assert (await call(client, manager, "DELETE", url))[1]["code"] == "care_not_found"
    assert (await squatter.call("GET", f"/v1/people/{taken['id']}"))[0] == 404
    _, listed = await call(client, clerk, "GET", f"/v1/staff/care-requests?person={taken['id']}")
    approve = f"/v1/staff/care-requests/{listed['items'][0]['id']}/approve"
    assert (await call(client, clerk, "POST", approve))[0] == 204
    _, me = await owner.call("GET", "/v1/me")
    assert (me["registered"], me["person"]["phone"]) == (True, "138****0009")
    assert await conn.fetchval("select count(*) from consent where withdrawn_at is not null") == 2


async def test_the_desk_erases_whom_nobody_cares_for(client, clerk, manager, visit, conn):
    number = make.id_number(date(1945, 1, 1))
    person = await register(client, clerk, id_number=number)
    url = f"/v1/staff/people/{person['id']}/erase"
    carer = await visit()
    care_id = await make.care(conn, carer.account_id, person["id"])
    assert (await call(client, clerk, "POST", url))[0] == 403
    assert (await call(client, manager, "POST", url))[1]["code"] == "person_in_care"
    await conn.execute("update care set ended_at = now() where id = $1", care_id)
    slot_id = await make.slot(conn)
    await make.booking(conn, slot_id, clerk, person_id=person["id"])
    assert (await call(client, manager, "POST", url))[1]["code"] == "live_bookings"
    await conn.execute("update booking set status = 'completed'")
    assert (await call(client, manager, "POST", url))[0] == 204
    assert (await call(client, manager, "POST", url))[1]["code"] == "person_unknown"
    for mark in ({"id_number": number}, {"name": "已注销", "birth_date": "1945-01-01"}):
        assert (await call(client, clerk, "POST", "/v1/staff/people/search", mark))[1]["items"] == []
    assert (await call(client, clerk, "GET", f"/v1/staff/people/{person['id']}"))[0] == 404
    again = await register(client, clerk, id_number=number)
    assert again["id"] == person["id"]
