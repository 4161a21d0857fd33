from __future__ import annotations

import asyncio
import re
import time
from datetime import date
from types import SimpleNamespace

import pytest

from domain.vocabulary import CODE_ATTEMPTS, CODES_SENT, MAX_CARE_REQUESTS_A_DAY, MAX_CODES_A_PERSON_A_DAY, Role
from handlers import care_requests as handlers
from handlers.ports import SMS
from tests import make
from tests.visitors import call, consents

NUMBER_BORN = date(1950, 1, 1)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(handlers, "LEAST_SECONDS", 0.0)


@pytest.fixture
async def family(visit):
    """One carer with a parent who has a phone, and a second account that asks to care as well."""
    number = make.id_number(NUMBER_BORN)
    carer = await visit("测试甲")
    _, parent = await carer.add("测试乙", number, phone="13812340009")
    return SimpleNamespace(number=number, phone="13812340009", carer=carer, parent=parent, asker=await visit("测试丙"))


async def ask(family, name="测试乙", asker=None, **more):
    status, request = await (asker or family.asker).add(name, family.number, relation="other", **more)
    assert status == 202, request
    return request


async def code_of(outside, phone):
    messages = await outside.messages(phone)
    return messages[-1]["data"]["code"]


async def test_who_asks_learns_nothing_and_gets_nothing(family):
    request = await ask(family)
    assert request == {
        "id": request["id"],
        "status": "pending",
        "relation": "other",
        "id_number": f"999999********{family.number[-4:]}",
        "person_id": None,
        "created_at": "2026-11-23T06:30:00+08:00",
        "expires_at": "2026-11-30T06:30:00+08:00",
    }
    assert [one["id"] for one in (await family.asker.call("GET", "/v1/people"))[1]["items"]] == [family.asker.person_id]
    assert (await family.asker.call("GET", f"/v1/people/{family.parent['id']}"))[0] == 404
    assert (await family.asker.call("GET", "/v1/care-requests"))[1] == {"items": [request], "next": None}


def shape(answer):
    """Return an answer without what differs from one request to the next anyway."""
    status, body = answer
    return status, {
        name: re.sub(r"[0-9a-f-]{36}", "id", str(value)) for name, value in (body or {}).items() if name != "request_id"
    }


async def everything_that_can_be_asked(asker, name, number, clock, meanwhile):
    """Return all that an account gets to see from asking to the last attempt at a code."""
    seen = [await asker.add(name, number)]
    url = f"/v1/care-requests/{seen[0][1]['id']}"
    await meanwhile(url)
    seen.append(await asker.call("POST", f"{url}/confirm", {"code": "000000"}))
    for _ in range(CODES_SENT + 1):
        seen.append(await asker.call("POST", f"{url}/code"))
        clock.move(seconds=30)
        seen.append(await asker.call("POST", f"{url}/code"))
        clock.move(seconds=30)
    for _ in range(CODE_ATTEMPTS + 1):
        seen.append(await asker.call("POST", f"{url}/confirm", {"code": "wrong!"}))
        seen.append(await asker.call("POST", f"{url}/confirm", {"code": "000000"}))
    seen.append(await asker.call("GET", "/v1/care-requests"))
    seen.append(await asker.add(name, number))
    seen.append(await asker.call("GET", "/v1/care-requests"))
    status, listed = await asker.call("GET", "/v1/people")
    seen.append((status, {"people": len(listed["items"])}))
    seen.append(await asker.call("DELETE", url))
    seen.append(await asker.call("POST", f"{url}/code"))
    return [shape(answer) for answer in seen]


async def test_wrong_names_refusals_and_lacking_phones_look_like_the_rest(visit, clock, monkeypatch, outside):
    """Four accounts ask about persons who differ in what no answer may tell."""
    monkeypatch.setattr("domain.care_codes.new_code", lambda: "123456")
    carer = await visit("测试甲")
    with_phone, without_phone = make.id_number(NUMBER_BORN), make.id_number(NUMBER_BORN)
    await carer.add("测试乙", with_phone, phone="13812340009")
    await carer.add("测试乙", without_phone)

    async def nothing(_url):
        pass

    async def refusal(url):
        assert (await carer.call("POST", f"{url}/refuse"))[0] == 204

    begun, seen = clock.now, {}
    for case, name, number, meanwhile in (
        ("as it should be", "测试乙", with_phone, nothing),
        ("wrong name", "测试丁", with_phone, nothing),
        ("no phone", "测试乙", without_phone, nothing),
        ("refused", "测试乙", with_phone, refusal),
    ):
        clock.now = begun
        answers = await everything_that_can_be_asked(await visit("测试丙"), name, number, clock, meanwhile)
        seen[case] = str(answers).replace(number[-4:], "NNNN")
    assert len(await outside.messages("13812340009")) == CODES_SENT
    for case, told in seen.items():
        assert told == seen["as it should be"], case


async def test_a_wrong_name_tells_nobody_and_sends_nothing(family, conn, outside):
    request = await ask(family, "测试丁")
    assert (await family.asker.call("POST", f"/v1/care-requests/{request['id']}/code"))[0] == 200
    assert await outside.messages(family.phone) == []
    assert (await family.carer.call("GET", "/v1/care-requests/received"))[1]["items"] == []
    assert await conn.fetchval("select count(*) from notice") == 0
    for action in ("approve", "refuse"):
        assert (await family.carer.call("POST", f"/v1/care-requests/{request['id']}/{action}"))[0] == 404


async def test_the_answer_takes_as_long_whether_a_code_is_sent_or_not(family, outside, monkeypatch):
    monkeypatch.setattr(handlers, "LEAST_SECONDS", 0.4)
    for name in ("测试乙", "测试丁"):
        request = await ask(family, name)
        begun = time.monotonic()
        await family.asker.call("POST", f"/v1/care-requests/{request['id']}/code")
        assert 0.4 <= time.monotonic() - begun < 0.8


async def test_the_first_carer_sees_who_asks_and_approves(family, conn):
    request = await ask(family)
    _, received = await family.carer.call("GET", "/v1/care-requests/received")
    assert received["items"] == [
        {
            "id": request["id"],
            "relation": "other",
            "person_id": family.parent["id"],
            "person_name": "测试乙",
            "account_name": "测试丙",
            "account_phone": None,
            "created_at": request["created_at"],
            "expires_at": request["expires_at"],
        }
    ]
    for _ in range(2):  # the answer may be lost, and asked for again
        assert await family.carer.call("POST", f"/v1/care-requests/{request['id']}/approve") == (204, None)
    _, person = await family.asker.call("GET", f"/v1/people/{family.parent['id']}")
    assert (person["name"], person["relation"], person["phone"]) == ("测试乙", "other", "138****0009")
    _, made = await family.asker.call("GET", "/v1/care-requests")
    assert [(one["status"], one["person_id"]) for one in made["items"]] == [("approved", family.parent["id"])]
    assert (await family.carer.call("GET", "/v1/care-requests/received"))[1]["items"] == []
    kinds = await conn.fetch("select kind from notice order by id")
    assert [row["kind"] for row in kinds] == ["care_requested", "care_joined"]
    consented = await conn.fetch("select kind from consent where account_id = $1", family.asker.account_id)
    assert len(consented) == 4
    assert (await family.carer.call("POST", f"/v1/care-requests/{request['id']}/refuse"))[1]["code"] == (
        "care_request_closed"
    )


async def test_the_name_may_be_typed_in_another_way(visit):
    carer, asker = await visit(), await visit()
    number = make.id_number()
    await carer.add("阿不都·热西提", number)
    await asker.add("阿不都．热西提", number)
    assert len((await carer.call("GET", "/v1/care-requests/received"))[1]["items"]) == 1


async def test_refused_looks_open_then_expired_and_asking_again_tells_nobody(family, conn, clock):
    request = await ask(family)
    assert (await family.carer.call("POST", f"/v1/care-requests/{request['id']}/refuse"))[0] == 204
    assert (await family.asker.call("GET", "/v1/care-requests"))[1]["items"] == [request]
    again = await ask(family)
    _, made = await family.asker.call("GET", "/v1/care-requests")
    assert [(one["id"], one["status"]) for one in made["items"]] == [
        (again["id"], "pending"),
        (request["id"], "withdrawn"),
    ]
    assert (await family.carer.call("GET", "/v1/care-requests/received"))[1]["items"] == []
    await family.asker.wait(conn, clock, days=7)
    _, made = await family.asker.call("GET", "/v1/care-requests")
    assert [one["status"] for one in made["items"]] == ["expired", "withdrawn"]
    # A week later the family may be asked anew.
    await ask(family)
    assert await conn.fetchval("select count(*) from notice where kind = 'care_requested'") == 2


async def test_only_who_decides_decides(family, visit, conn):
    request = await ask(family)
    stranger = await visit()
    for caller in (stranger, family.asker):
        for action in ("approve", "refuse"):
            status, problem = await caller.call("POST", f"/v1/care-requests/{request['id']}/{action}")
            assert (status, problem["code"]) == (404, "care_request_not_found")
    second = await visit()
    await make.care(conn, second.account_id, family.parent["id"], "other")
    await conn.execute("update care set since = now() + interval '1 day' where account_id = $1", second.account_id)
    assert (await second.call("GET", "/v1/care-requests/received"))[1]["items"] == []
    assert (await second.call("POST", f"/v1/care-requests/{request['id']}/approve"))[0] == 404
    assert await conn.fetchval("select status from care_request") == "pending"


async def test_others_requests_do_not_exist(family, visit):
    request = await ask(family)
    stranger = await visit()
    url = f"/v1/care-requests/{request['id']}"
    assert (await stranger.call("POST", f"{url}/code"))[0] == 404
    assert (await stranger.call("POST", f"{url}/confirm", {"code": "123456"}))[0] == 404
    assert (await stranger.call("DELETE", url))[0] == 404


async def test_what_is_withdrawn_cannot_be_approved(family):
    request = await ask(family)
    url = f"/v1/care-requests/{request['id']}"
    for _ in range(2):
        assert (await family.asker.call("DELETE", url))[0] == 204
    assert (await family.carer.call("POST", f"{url}/approve"))[1]["code"] == "care_request_closed"
    assert (await family.asker.call("POST", f"{url}/code"))[1]["code"] == "care_request_closed"


async def test_a_joined_request_cannot_be_withdrawn(family):
    request = await ask(family)
    await family.carer.call("POST", f"/v1/care-requests/{request['id']}/approve")
    assert (await family.asker.call("DELETE", f"/v1/care-requests/{request['id']}"))[1]["code"] == "care_request_closed"


async def test_five_requests_a_day(family, conn):
    for _ in range(MAX_CARE_REQUESTS_A_DAY):
        await ask(family)
    status, problem = await family.asker.add("测试乙", family.number)
    assert (status, problem["code"], problem["retry_after"]) == (429, "care_requests_limit_day", 24 * 3600)
    await conn.execute("update care_request set created_at = created_at - interval '1 day'")
    await ask(family)


async def test_five_requests_a_day_hold_at_once(visit, conn):
    carer, asker = await visit(), await visit()
    numbers = [make.id_number() for _ in range(9)]
    for number in numbers:
        await carer.add("测试乙", number)
    answers = await asyncio.gather(*(asker.add("测试乙", number) for number in numbers))
    assert sorted({status for status, _ in answers}) == [202, 429]
    assert await conn.fetchval("select count(*) from care_request") == MAX_CARE_REQUESTS_A_DAY


async def test_joining_by_the_code_on_the_persons_phone(family, outside, conn):
    request = await ask(family)
    url = f"/v1/care-requests/{request['id']}"
    assert await family.asker.call("POST", f"{url}/code") == (
        200,
        {"expires_at": "2026-11-23T06:40:00+08:00", "again_at": "2026-11-23T06:31:00+08:00"},
    )
    code = await code_of(outside, family.phone)
    text = (await outside.messages(family.phone))[-1]["text"]
    assert code in text
    for _ in range(2):  # the answer may be lost, and asked for again
        status, joined = await family.asker.call("POST", f"{url}/confirm", {"code": code})
        assert (status, joined["status"], joined["person_id"]) == (200, "approved", family.parent["id"])
    assert (await family.asker.call("GET", f"/v1/people/{family.parent['id']}"))[0] == 200
    row = await conn.fetchrow("select decided_way, decided_by, code_hash from care_request")
    assert (row["decided_way"], row["decided_by"], row["code_hash"]) == ("phone", family.asker.account_id, None)
    assert await conn.fetchval("select count(*) from audit where facts::text like '%' || $1 || '%'", code) == 0


async def test_a_code_is_good_for_ten_minutes_and_the_newest_alone(family, conn, clock, monkeypatch):
    codes = iter(("111111", "drawn and not sent", "222222"))
    monkeypatch.setattr("domain.care_codes.new_code", lambda: next(codes))
    request = await ask(family)
    url = f"/v1/care-requests/{request['id']}"
    await family.asker.call("POST", f"{url}/code")
    status, problem = await family.asker.call("POST", f"{url}/code")
    assert (status, problem["code"], problem["retry_after"]) == (429, "code_too_soon", 60)
    clock.move(seconds=60)
    await family.asker.call("POST", f"{url}/code")
    assert (await family.asker.call("POST", f"{url}/confirm", {"code": "111111"}))[1]["code"] == "code_wrong"
    clock.move(seconds=8 * 60)
    assert (await family.asker.call("POST", f"{url}/confirm", {"code": "111111"}))[1]["code"] == "code_wrong"
    await family.asker.wait(conn, clock, seconds=2 * 60)
    assert (await family.asker.call("POST", f"{url}/confirm", {"code": "222222"}))[1]["code"] == "code_expired"


@pytest.mark.parametrize("refused", [False, True])
async def test_the_code_of_a_request_that_nobody_was_told_of_opens_nothing(family, monkeypatch, conn, refused):
    monkeypatch.setattr("domain.care_codes.new_code", lambda: "123456")
    request = await ask(family, "测试乙" if refused else "测试丁")
    url = f"/v1/care-requests/{request['id']}"
    if refused:
        await family.carer.call("POST", f"{url}/refuse")
    await family.asker.call("POST", f"{url}/code")
    assert (await family.asker.call("POST", f"{url}/confirm", {"code": "123456"}))[1]["code"] == "code_wrong"
    assert await conn.fetchval("select count(*) from care where account_id = $1", family.asker.account_id) == 1


async def test_five_attempts_and_no_more(family, outside, conn):
    request = await ask(family)
    url = f"/v1/care-requests/{request['id']}"
    await family.asker.call("POST", f"{url}/code")
    code = await code_of(outside, family.phone)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for left in range(CODE_ATTEMPTS - 1, -1, -1):
        status, problem = await family.asker.call("POST", f"{url}/confirm", {"code": wrong})
        assert (status, problem["code"], problem["attempts_left"]) == (409, "code_wrong", left)
    assert (await family.asker.call("POST", f"{url}/confirm", {"code": code}))[1]["code"] == "code_spent"
    assert await conn.fetchval("select count(*) from audit where action = 'care_requests.code_wrong'") == CODE_ATTEMPTS


async def test_parallel_guesses_get_no_further_attempt(family, outside, conn, second_client):
    request = await ask(family)
    url = f"/v1/care-requests/{request['id']}"
    await family.asker.call("POST", f"{url}/code")
    code = int(await code_of(outside, family.phone))
    guesses = [f"{(code + shift) % 10**6:06}" for shift in range(1, 41)]
    answers = await asyncio.gather(
        *(
            call((family.asker.client, second_client)[n % 2], family.asker, "POST", f"{url}/confirm", {"code": guess})
            for n, guess in enumerate(guesses)
        )
    )
    assert sorted(problem["code"] for _, problem in answers) == ["code_spent"] * 35 + ["code_wrong"] * 5
    assert await conn.fetchval("select attempts_left from care_request") == 0


async def test_two_confirmations_at_once_join_once(family, outside, conn, second_client):
    request = await ask(family)
    url = f"/v1/care-requests/{request['id']}"
    await family.asker.call("POST", f"{url}/code")
    body = {"code": await code_of(outside, family.phone)}
    answers = await asyncio.gather(
        *(
            call((family.asker.client, second_client)[n % 2], family.asker, "POST", f"{url}/confirm", body)
            for n in range(10)
        )
    )
    assert {status for status, _ in answers} == {200}
    assert await conn.fetchval("select count(*) from care where account_id = $1", family.asker.account_id) == 2
    assert await conn.fetchval("select count(*) from notice where kind = 'care_joined'") == 1


async def test_approval_and_code_and_refusal_at_once_decide_once(family, outside, conn):
    request = await ask(family)
    url = f"/v1/care-requests/{request['id']}"
    await family.asker.call("POST", f"{url}/code")
    body = {"code": await code_of(outside, family.phone)}
    await asyncio.gather(
        family.asker.call("POST", f"{url}/confirm", body),
        family.carer.call("POST", f"{url}/approve"),
        family.carer.call("POST", f"{url}/refuse"),
        family.asker.call("DELETE", url),
        family.asker.add("测试乙", family.number),
    )
    joined = await conn.fetchval("select count(*) from care where person_id = $1", family.parent["id"]) == 2
    approved = await conn.fetchval("select status from care_request where id = $1", request["id"]) == "approved"
    assert joined == approved


async def test_codes_to_one_phone_are_limited_whoever_asks(family, visit, conn):
    askers = [family.asker, *[await visit() for _ in range(4)]]
    answers = []
    for asker in askers:
        request = await ask(family, asker=asker)
        for _ in range(CODES_SENT):
            answers.append(await asker.call("POST", f"/v1/care-requests/{request['id']}/code"))
            await conn.execute("update care_request set code_sent_at = code_sent_at - interval '1 minute'")
    assert [status for status, _ in answers] == [200] * MAX_CODES_A_PERSON_A_DAY + [429] * 5
    assert answers[-1][1]["code"] == "codes_limit_day"


async def test_a_message_that_cannot_be_sent_is_told_and_may_be_asked_for_again(family, app, outside, monkeypatch):
    request = await ask(family)
    url = f"/v1/care-requests/{request['id']}/code"
    monkeypatch.setattr(app[SMS], "_url", f"{outside.url}/nowhere")
    for _ in range(2 * CODES_SENT):
        status, problem = await family.asker.call("POST", url)
        assert (status, problem["code"]) == (503, "sms_unavailable")
    monkeypatch.setattr(app[SMS], "_url", f"{outside.url}/sms")
    assert (await family.asker.call("POST", url))[0] == 200
    assert len(await outside.messages(family.phone)) == 1


async def test_a_code_never_stands_in_the_database(family, outside, conn):
    request = await ask(family)
    await family.asker.call("POST", f"/v1/care-requests/{request['id']}/code")
    code = await code_of(outside, family.phone)
    row = await conn.fetchrow("select * from care_request")
    assert code not in str(dict(row))
    assert len(row["code_hash"]) == 32


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "12345\n", 123456, None])
async def test_what_is_no_code_costs_no_attempt(family, outside, conn, code):
    request = await ask(family)
    await family.asker.call("POST", f"/v1/care-requests/{request['id']}/code")
    status, _ = await family.asker.call("POST", f"/v1/care-requests/{request['id']}/confirm", {"code": code})
    assert status == 400
    assert await conn.fetchval("select attempts_left from care_request") == CODE_ATTEMPTS


async def test_a_full_account_cannot_join_by_approval(family, conn):
    request = await ask(family)
    for _ in range(10):
        assert (await family.asker.add())[0] == 201
    status, problem = await family.carer.call("POST", f"/v1/care-requests/{request['id']}/approve")
    assert (status, problem["code"]) == (409, "people_limit")
    assert await conn.fetchval("select status from care_request") == "pending"


async def test_the_desk_sees_wrong_names_too_and_decides(family, client, conn, app):
    wrong = await ask(family, "测试丁")
    clerk, auditor = await make.staff(conn, app), await make.staff(conn, app, Role.AUDITOR)
    url = f"/v1/staff/care-requests?person={family.parent['id']}"
    _, listed = await call(client, clerk, "GET", url)
    assert [(one["id"], one["name_matches"], one["account_name"]) for one in listed["items"]] == [
        (wrong["id"], False, "测试丙")
    ]
    assert (await call(client, auditor, "GET", url))[0] == 403
    assert (await call(client, clerk, "GET", "/v1/staff/care-requests"))[0] == 400
    approve = f"/v1/staff/care-requests/{wrong['id']}/approve"
    assert (await call(client, auditor, "POST", approve))[0] == 403
    assert (await call(client, family.carer, "POST", approve))[0] == 403
    assert (await call(client, clerk, "POST", approve))[0] == 204
    assert (await family.asker.call("GET", f"/v1/people/{family.parent['id']}"))[0] == 200
    assert await conn.fetchval("select decided_way from care_request") == "desk"
    listings = await conn.fetchval("select count(*) from audit where action = 'care_requests.listed'")
    assert listings == 1


async def test_the_desk_refuses(family, client, conn, app):
    request = await ask(family)
    clerk = await make.staff(conn, app)
    assert (await call(client, clerk, "POST", f"/v1/staff/care-requests/{request['id']}/refuse"))[0] == 204
    assert (await family.carer.call("POST", f"/v1/care-requests/{request['id']}/approve"))[1]["code"] == (
        "care_request_closed"
    )


async def test_lists_go_on_behind_a_cursor(visit, conn):
    carer, asker = await visit(), await visit()
    for _ in range(3):
        number = make.id_number()
        await carer.add("测试乙", number)
        await asker.add("测试乙", number)
    for caller, path in ((asker, "/v1/care-requests"), (carer, "/v1/care-requests/received")):
        _, first = await caller.call("GET", f"{path}?limit=2")
        _, second = await caller.call("GET", f"{path}?limit=2&after={first['next']}")
        ids = [one["id"] for one in first["items"] + second["items"]]
        assert (len(first["items"]), second["next"]) == (2, None)
        assert ids == sorted(set(ids), reverse=True)
        assert len(ids) == 3


async def test_a_child_needs_consent_also_when_it_exists(visit):
    carer, asker = await visit(), await visit()
    number = make.id_number(date(2020, 1, 1))
    await carer.add("测试乙", number, relation="child", consents=consents(child=True))
    assert (await asker.add("测试乙", number, relation="child"))[1]["code"] == "consent_required"
    assert (await asker.add("测试乙", number, relation="child", consents=consents(child=True)))[0] == 202
