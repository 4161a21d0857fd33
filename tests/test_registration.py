from __future__ import annotations

import asyncio
from datetime import date

import pytest

import sql
from domain import registration
from domain.consents import TEXTS
from domain.identity import read_id_number
from domain.vocabulary import ConsentKind
from tests import make
from tests.visitors import call, consents, phone_number


async def audited(conn, action):
    return await conn.fetchval("select count(*) from audit where action = $1", action)


async def test_a_resident_registers_and_sees_masks_only(visit, conn):
    visitor = await visit(registered=False)
    assert await visitor.call("GET", "/v1/me") == (
        200,
        {"id": str(visitor.account_id), "registered": False, "person": None, "care_request": None, "consents": []},
    )
    number = make.id_number(date(1950, 1, 1), "male")
    status, me = await visitor.register("巴特尔", number, "13812340000")
    assert status == 200
    assert me["registered"] is True
    person = me["person"]
    assert person.pop("id")
    assert person == {
        "name": "巴特尔",
        "document_kind": "resident_id",
        "id_number": f"999999********{number[-4:]}",
        "birth_date": "1950-01-01",
        "sex": "male",
        "phone": "138****0000",
        "assurance": "declared",
        "relation": "self",
        "since": "2026-11-23T06:30:00+08:00",
    }
    assert [(one["kind"], one["version"]) for one in me["consents"]] == [
        (kind, TEXTS[kind].version) for kind in (ConsentKind.PRIVACY, ConsentKind.SENSITIVE_DATA)
    ]
    assert (await visitor.call("GET", "/v1/me"))[1]["person"]["name"] == "巴特尔"
    assert await audited(conn, "registration.completed") == 1


async def test_the_own_number_is_shown_in_full_and_each_reading_recorded(visit, conn):
    number = make.id_number()
    visitor = await visit(number=number, phone="13812340001")
    for _ in range(2):
        assert await visitor.call("GET", "/v1/me/id-number") == (200, {"id_number": number, "phone": "13812340001"})
    assert await audited(conn, "people.id_number_shown") == 2


async def test_who_is_not_registered_has_no_number_to_show(visit):
    visitor = await visit(registered=False)
    assert (await visitor.call("GET", "/v1/me/id-number"))[1]["code"] == "registration_required"


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"id_number": "110101199003070000"}, 400, "id_number_check_digit"),
        ({"id_number": "1101011990030"}, 400, "id_number_malformed"),
        ({"id_number": make.id_number(date(2026, 11, 24))}, 400, "id_number_birth_date"),
        ({"name": "张3"}, 400, "name_invalid"),
        ({"consents": []}, 400, "consent_required"),
        ({"consents": consents()[:1]}, 400, "consent_required"),
        ({"consents": consents(privacy="2020-01")}, 409, "consent_outdated"),
        ({"consents": [{"kind": "marketing", "version": "1"}]}, 400, "invalid_input"),
        ({"id_number": make.id_number(date(2015, 1, 1))}, 400, "consent_required"),
        ({"phone": "13812340000"}, 400, "invalid_input"),
        ({"name": None}, 400, "invalid_input"),
        ({"phone_code": "never-given"}, 400, "wechat_phone_code_invalid"),
    ],
)
async def test_what_is_wrong_is_refused_and_leaves_the_phone_code_good(visit, conn, wrong, status, code):
    visitor = await visit(registered=False)
    form = await visitor.form()
    refused, problem = await visitor.call("PUT", "/v1/me/registration", form | wrong)
    assert (refused, problem["code"]) == (status, code)
    assert await conn.fetchval("select count(*) from person") == 0
    assert (await visitor.call("PUT", "/v1/me/registration", form))[0] == 200


async def test_born_today_by_local_time_is_nobody_of_the_future(visit):
    visitor = await visit(registered=False)  # 22:30 UTC on the 22nd is the 23rd in Alxa
    number = make.id_number(date(2026, 11, 23))
    status, me = await visitor.register(number=number, consents=consents(child=True))
    assert (status, me["person"]["birth_date"]) == (200, "2026-11-23")


async def test_a_child_under_14_needs_the_guardian(visit):
    visitor = await visit(registered=False)
    number = make.id_number(date(2012, 11, 24))
    assert (await visitor.register(number=number))[1]["kinds"] == ["child_guardian"]
    assert (await visitor.register(number=number, consents=consents(child=True)))[0] == 200
    older = await visit(registered=False)
    assert (await older.register(number=make.id_number(date(2012, 11, 23))))[0] == 200


async def test_a_repeated_registration_does_not_ask_wechat_again(visit, conn):
    visitor = await visit(registered=False)
    form = await visitor.form()
    first = await visitor.call("PUT", "/v1/me/registration", form)
    again = await visitor.call("PUT", "/v1/me/registration", form)
    assert first[0] == 200
    assert again == first
    assert await conn.fetchval("select count(*) from consent") == 2


async def test_registrations_at_once_make_one_person(visit, conn):
    visitor = await visit(registered=False)
    number, phone = make.id_number(), phone_number()
    forms = [await visitor.form(number=number, phone=phone) for _ in range(6)]
    answers = await asyncio.gather(*(visitor.call("PUT", "/v1/me/registration", form) for form in forms))
    assert {status for status, _ in answers} == {200}
    assert await conn.fetchval("select count(*) from person") == 1
    assert await conn.fetchval("select count(*) from care") == 1


async def test_an_account_cannot_become_somebody_else(visit):
    visitor = await visit()
    status, problem = await visitor.register()
    assert (status, problem["code"]) == (409, "already_registered")


async def test_two_identities_at_once_for_one_account_leave_one(visit, conn):
    visitor = await visit(registered=False)
    forms = [await visitor.form() for _ in range(4)]
    answers = await asyncio.gather(*(visitor.call("PUT", "/v1/me/registration", form) for form in forms))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    assert await conn.fetchval("select count(*) from person") == 1


async def test_two_accounts_that_register_one_number_at_once_become_one_and_one_request(visit, conn):
    number = make.id_number()
    visitors = [await visit(registered=False) for _ in range(6)]
    forms = [await visitor.form("测试甲", number) for visitor in visitors]
    answers = await asyncio.gather(
        *(visitor.call("PUT", "/v1/me/registration", form) for visitor, form in zip(visitors, forms, strict=True))
    )
    assert sorted(status for status, _ in answers) == [200, 202, 202, 202, 202, 202]
    assert await conn.fetchval("select count(*) from person") == 1
    assert await conn.fetchval("select count(*) from care where relation = 'self'") == 1
    assert await conn.fetchval("select count(*) from care_request") == 5


async def test_registering_and_leaving_in_turn_is_no_way_to_try_numbers_out(visit, conn, clock):
    """The count is of the WeChat user: neither taking consent back nor a new account begins it anew."""
    visitor = await visit()
    for _ in range(5):
        assert (await visitor.call("DELETE", "/v1/me/consents/privacy"))[0] == 200
        await visitor.renew(conn)
        assert (await visitor.register())[0] == 200
    assert (await visitor.call("DELETE", "/v1/me"))[0] == 200
    again = await visit(user=visitor.user, registered=False)
    status, problem = await again.register()
    assert (status, problem["code"]) == (429, "too_many_requests")
    await again.wait(conn, clock, days=1)
    assert (await again.register())[0] == 200


async def test_a_document_forgotten_at_this_moment_is_added_anew(visit, monkeypatch):
    add = sql.people.add
    refused: list[object] = []

    async def add_after_one_miss(conn, **values):
        if not refused:
            refused.append(values["id"])  # another row has the document still, and is forgotten right after
            return None
        return await add(conn, **values)

    monkeypatch.setattr(sql.people, "add", add_after_one_miss)
    assert (await visit()).person_id is not None
    assert refused


async def test_name_phone_and_consents_can_be_renewed(visit, conn):
    number = make.id_number()
    visitor = await visit("测试甲", number=number, phone="13812340001")
    status, me = await visitor.register("测试乙", number, "13812340002")
    assert (status, me["person"]["name"], me["person"]["phone"]) == (200, "测试乙", "138****0002")
    assert (await visitor.call("GET", "/v1/me/id-number"))[1]["phone"] == "13812340002"
    assert await audited(conn, "registration.renewed") == 1


async def test_a_verified_name_is_not_changed_from_the_phone(visit, conn):
    number = make.id_number()
    visitor = await visit("测试甲", number=number)
    await conn.execute("update person set assurance = 'desk_verified'")
    form = await visitor.form("测试乙", number)
    status, problem = await visitor.call("PUT", "/v1/me/registration", form)
    assert (status, problem["code"]) == (409, "name_needs_desk")
    assert (await visitor.call("PUT", "/v1/me/registration", form | {"name": "测试甲"}))[0] == 200
    assert await conn.fetchval("select assurance from person") == "desk_verified"


async def test_who_was_added_by_the_family_joins_at_once_by_name_and_verified_phone(visit, conn):
    number = make.id_number(date(1950, 1, 1))
    child = await visit("测试甲")
    status, added = await child.add("测试乙", number, phone="13812340009")
    assert status == 201
    parent = await visit(registered=False)
    status, me = await parent.register("测试乙", number, "13812340009")
    assert (status, me["person"]["id"]) == (200, added["id"])
    assert await conn.fetchval("select count(*) from person") == 2
    assert await conn.fetchval("select count(*) from notice where kind = 'care_joined'") == 1
    assert await audited(conn, "registration.joined") == 1


@pytest.mark.parametrize(
    ("name", "phone"), [("测试乙", "13812340008"), ("测试丙", "13812340009"), ("测试丙", "13812340008")]
)
async def test_else_the_first_carer_decides(visit, conn, name, phone):
    number = make.id_number(date(1950, 1, 1))
    child = await visit("测试甲")
    await child.add("测试乙", number, phone="13812340009")
    parent = await visit(registered=False)
    status, me = await parent.register(name, number, phone)
    assert (status, me["registered"], me["person"]) == (202, False, None)
    request = me["care_request"]
    assert (request["status"], request["relation"], request["person_id"]) == ("pending", "self", None)
    assert request["id_number"] == f"999999********{number[-4:]}"
    assert (await parent.call("GET", "/v1/me"))[1] == me
    assert (await parent.call("GET", "/v1/people"))[1]["items"] == []
    told = (await child.call("GET", "/v1/care-requests/received"))[1]["items"]
    assert len(told) == (name == "测试乙")
    if told:
        assert (told[0]["account_name"], told[0]["account_phone"]) == (None, "138****0008")


async def test_a_repeated_request_to_be_oneself_stays_one(visit, conn):
    number = make.id_number(date(1950, 1, 1))
    child = await visit("测试甲")
    await child.add("测试乙", number)
    parent = await visit(registered=False)
    form = await parent.form("测试乙", number)
    first = await parent.call("PUT", "/v1/me/registration", form)
    assert first[0] == 202
    assert await parent.call("PUT", "/v1/me/registration", form) == first
    other = form | {"id_number": make.id_number()}
    assert (await parent.call("PUT", "/v1/me/registration", other))[1]["code"] == "wechat_phone_code_invalid"
    assert await conn.fetchval("select count(*) from care_request") == 1


async def test_approved_the_parent_is_registered_with_the_verified_phone(visit, conn):
    number = make.id_number(date(1950, 1, 1))
    child = await visit("测试甲")
    _, added = await child.add("测试乙", number, phone="13812340009")
    parent = await visit(registered=False)
    _, me = await parent.register("测试乙", number, "13812340008")
    url = f"/v1/care-requests/{me['care_request']['id']}/approve"
    assert await child.call("POST", url) == (204, None)
    _, me = await parent.call("GET", "/v1/me")
    assert (me["registered"], me["person"]["id"], me["person"]["phone"]) == (True, added["id"], "138****0008")
    assert me["care_request"] is None
    assert [one["kind"] for one in me["consents"]] == ["privacy", "sensitive_data"]
    # From now on the parent decides, and no more the child.
    assert (await child.call("PUT", f"/v1/people/{added['id']}", {"phone": "13812340007"}))[1]["code"] == (
        "first_carer_decides"
    )


async def test_a_person_has_one_own_account(visit, conn):
    number = make.id_number()
    first = await visit("测试甲", number=number, phone="13812340001")
    second = await visit(registered=False)
    status, me = await second.register("测试甲", number, "13812340001")
    assert (status, me["registered"]) == (202, False)
    url = f"/v1/care-requests/{me['care_request']['id']}/approve"
    status, problem = await first.call("POST", url)
    assert (status, problem["code"]) == (409, "person_has_account")
    assert await conn.fetchval("select count(*) from care") == 1


async def test_a_phone_of_elsewhere_is_refused(visit, outside):
    visitor = await visit(registered=False)
    form = await visitor.form()
    form["phone_code"] = await outside.phone_code(visitor.user, "61234567", country_code="852")
    assert (await visitor.call("PUT", "/v1/me/registration", form))[1]["code"] == "phone_not_mainland"


async def test_the_phone_of_somebody_else_is_refused(visit):
    visitor, other = await visit(registered=False), await visit(registered=False)
    form = await other.form()
    assert (await visitor.call("PUT", "/v1/me/registration", form))[1]["code"] == "wechat_phone_code_invalid"


async def test_while_wechat_hesitates_no_transaction_is_open(visit, conn):
    visitor = await visit(registered=False)
    form = await visitor.form()
    await visitor.outside.fault("/wxa/business/getuserphonenumber", errcode=-1, times=1, delay=0.5)
    task = asyncio.create_task(visitor.call("PUT", "/v1/me/registration", form))
    await asyncio.sleep(0.25)
    assert not task.done()
    idle = await conn.fetchval(
        """select count(*) from pg_stat_activity
           where datname = current_database() and state like 'idle in transaction%'"""
    )
    assert idle == 0
    assert (await task)[1]["code"] == "wechat_unavailable"


async def test_staff_and_strangers_do_not_register(client, conn, app):
    clerk = await make.staff(conn, app)
    for path in ("/v1/me", "/v1/people", "/v1/me/id-number"):
        assert (await call(client, clerk, "GET", path))[1]["code"] == "residents_only"
        async with client.get(path) as response:
            assert response.status == 401


async def test_a_deleted_account_registers_nobody(visit, conn):
    visitor = await visit(registered=False)
    await conn.execute("update account set status = 'deleted' where id = $1", visitor.account_id)
    assert (await visitor.register())[0] == 401
    assert await conn.fetchval("select count(*) from person") == 0


async def test_answers_with_personal_data_are_not_kept_by_anybody(visit, client):
    visitor = await visit()
    async with client.get("/v1/me", headers=visitor.headers) as response:
        assert response.headers["Cache-Control"] == "no-store"


def test_a_registration_shows_nobody():
    identity = read_id_number(make.id_number(), date(2026, 11, 23))
    shown = repr(registration.Registration(identity, "测试甲", {}, "phone-code", "openid-of", repeated=False))
    assert not any(text in shown for text in ("测试甲", identity.number, "phone-code", "openid-of"))
