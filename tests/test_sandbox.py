"""The sandbox, met over HTTP as WeChat and an SMS gateway would be."""

from __future__ import annotations

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from server.sandbox import build_sandbox
from tests.outside import APPID, SECRET

SIGN_IN = "/wechat/sns/jscode2session"
TOKEN = "/wechat/cgi-bin/stable_token"
PHONE = "/wechat/wxa/business/getuserphonenumber"
ACCOUNT = {"appid": APPID, "secret": SECRET}
SMS = {"to": "13900000001", "template": "mandate_code", "text": "验证码123456", "data": {"code": "123456"}}


async def sign_in(outside, code, **changed):
    query = {**ACCOUNT, "js_code": code, "grant_type": "authorization_code", **changed}
    status, answer = await outside.call("GET", SIGN_IN, params=query)
    assert status == 200
    return answer


async def token(outside, **changed):
    body = {**ACCOUNT, "grant_type": "client_credential", **changed}
    status, answer = await outside.call("POST", TOKEN, json=body)
    assert status == 200
    return answer


async def phone(outside, access_token, **body):
    status, answer = await outside.call("POST", PHONE, params={"access_token": access_token}, json=body)
    assert status == 200
    return answer


async def test_one_name_is_one_openid(outside):
    first = await sign_in(outside, await outside.code("乌云"))
    again = await sign_in(outside, await outside.code("乌云"))
    other = await sign_in(outside, await outside.code("苏和"))
    assert first["openid"] == again["openid"] != other["openid"]
    assert len(first["openid"]) == 28
    assert first["session_key"]
    assert "errcode" not in first
    assert "unionid" not in first


async def test_a_code_works_once(outside):
    code = await outside.code("乌云")
    assert "openid" in await sign_in(outside, code)
    assert (await sign_in(outside, code))["errcode"] == 40029


async def test_a_code_works_for_five_minutes(outside):
    in_time, late = await outside.code("乌云"), await outside.code("乌云")
    outside.clock.move(minutes=4, seconds=59)
    assert "openid" in await sign_in(outside, in_time)
    outside.clock.move(seconds=1)
    assert (await sign_in(outside, late))["errcode"] == 40029


async def test_a_phone_code_is_no_sign_in_code(outside):
    assert (await sign_in(outside, await outside.phone_code("乌云", "13900000001")))["errcode"] == 40029


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"appid": ""}, 41002),
        ({"appid": "wx1"}, 40013),
        ({"secret": ""}, 41004),
        ({"secret": "wrong"}, 40125),
        ({"js_code": ""}, 41008),
        ({"js_code": "never-given"}, 40029),
        ({"grant_type": "client_credential"}, 40002),
    ],
)
async def test_sign_in_refuses_as_wechat_does(outside, changed, errcode):
    answer = await sign_in(outside, await outside.code("乌云"), **changed)
    assert answer["errcode"] == errcode
    assert "rid: " in answer["errmsg"]


async def test_methods_are_checked_as_wechat_does(outside):
    assert (await outside.call("POST", SIGN_IN))[1]["errcode"] == 43001
    assert (await outside.call("GET", TOKEN))[1]["errcode"] == 43002


async def test_repeated_token_calls_give_the_same_token_until_five_minutes_before_its_end(outside):
    first = await token(outside)
    assert first["expires_in"] == 7200
    outside.clock.move(minutes=114)
    assert await token(outside) == {"access_token": first["access_token"], "expires_in": 360}
    outside.clock.move(minutes=1)
    renewed = await token(outside)
    assert renewed["access_token"] != first["access_token"]
    assert renewed["expires_in"] == 7200
    assert (await phone(outside, first["access_token"], code="x"))["errcode"] == 40029
    outside.clock.move(minutes=5)
    assert (await phone(outside, first["access_token"], code="x"))["errcode"] == 42001


async def test_a_forced_token_ends_the_one_before(outside):
    first = await token(outside)
    assert (await token(outside, force_refresh=True))["access_token"] != first["access_token"]
    assert (await phone(outside, first["access_token"], code="x"))["errcode"] == 40001


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"grant_type": "x"}, 40002),
        ({"appid": "wx1"}, 40013),
        ({"appid": None}, 41002),
        ({"secret": "wrong"}, 40125),
        ({"secret": ""}, 41004),
    ],
)
async def test_token_refuses_as_wechat_does(outside, changed, errcode):
    assert (await token(outside, **changed))["errcode"] == errcode


@pytest.mark.parametrize(
    ("raw", "errcode"),
    [
        (b"", 44002),
        (b"{", 47001),
        (b"[]", 47001),
        (rb'{"code":"\u9a7c"}', 40033),
        (rb'{"code":"a\\\u9a7c"}', 40033),
        ('{"code":"驼"}'.encode(), 40029),
        (rb'{"code":"a\\u9a7c"}', 40029),
    ],
)
async def test_bodies_are_read_as_wechat_reads_them(outside, raw, errcode):
    access_token = (await token(outside))["access_token"]
    _, answer = await outside.call("POST", PHONE, params={"access_token": access_token}, data=raw)
    assert answer["errcode"] == errcode


async def test_a_phone_code_gives_the_number_once_and_to_its_own_openid_only(outside):
    access_token = (await token(outside))["access_token"]
    openid = (await sign_in(outside, await outside.code("乌云")))["openid"]
    code, stolen = [await outside.phone_code("乌云", "13900000001") for _ in range(2)]
    answer = await phone(outside, access_token, code=code, openid=openid)
    assert answer["errcode"] == 0
    assert answer["phone_info"] == {
        "phoneNumber": "13900000001",
        "purePhoneNumber": "13900000001",
        "countryCode": "86",
        "watermark": {"timestamp": int(outside.clock().timestamp()), "appid": APPID},
    }
    assert (await phone(outside, access_token, code=code, openid=openid))["errcode"] == 40029
    assert (await phone(outside, access_token, code=stolen, openid="o-somebody-else"))["errcode"] == 40029


@pytest.mark.parametrize(("access_token", "errcode"), [("", 41001), ("made-up", 40001)])
async def test_the_phone_call_needs_a_token(outside, access_token, errcode):
    assert (await phone(outside, access_token, code="x"))["errcode"] == errcode


async def test_a_fault_lasts_as_often_as_told_and_leaves_the_code_alone(outside):
    await outside.fault("/sns/jscode2session", errcode=-1, times=2)
    code = await outside.code("乌云")
    assert [(await sign_in(outside, code)).get("errcode") for _ in range(3)] == [-1, -1, None]


async def test_a_fault_with_a_status_answers_as_a_gateway_would(outside):
    await outside.fault("/cgi-bin/stable_token", status=502)
    status, answer = await outside.call("POST", TOKEN, json={})
    assert status == 502
    assert answer.startswith(b"<html>")


async def test_a_fault_is_taken_back(outside):
    await outside.fault("/cgi-bin/stable_token", errcode=-1, times=9)
    await outside.fault("/cgi-bin/stable_token", times=0)
    assert "access_token" in await token(outside)


async def test_messages_are_kept_newest_first_and_found_by_number(outside):
    for number, to in enumerate(["13900000001", "13900000002", "13900000001"]):
        body = {**SMS, "to": to, "text": f"第{number}条"}
        assert (await outside.call("POST", "/sms", json=body))[0] == 204
        outside.clock.move(minutes=1)
    assert [message["text"] for message in await outside.messages()] == ["第2条", "第1条", "第0条"]
    mine = await outside.messages("13900000002")
    assert mine == [
        {
            **SMS,
            "channel": "sms",
            "to": "13900000002",
            "text": "第1条",
            "sent_at": "2026-11-23T06:31:00+08:00",
        }
    ]


async def test_the_oldest_messages_are_forgotten(outside):
    for number in range(1003):
        await outside.call("POST", "/sms", json={**SMS, "text": str(number)})
    texts = [message["text"] for message in await outside.messages()]
    assert len(texts) == 1000
    assert texts[0] == "1002"
    assert texts[-1] == "3"


async def test_the_page_shows_messages_and_no_markup_of_theirs(outside):
    await outside.call("POST", "/sms", json={**SMS, "text": "<script>alert(1)</script>验证码"})
    accept = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    status, page = await outside.call("GET", "/messages", params={"to": SMS["to"]}, headers=accept)
    text = page.decode()
    assert status == 200
    assert "验证码" in text
    assert "13900000001" in text
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert 'http-equiv="refresh"' in text
    _, empty = await outside.call("GET", "/messages", params={"to": "<b>"}, headers=accept)
    assert "还没有消息" in empty.decode()
    assert "<b>" not in empty.decode()


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/wechat/codes", {}, "user"),
        ("POST", "/wechat/codes", {"user": 5}, "user"),
        ("POST", "/wechat/codes", {"user": "x", "age": 5}, "age"),
        ("POST", "/wechat/phone-codes", {"user": "x", "phone": "one"}, "phone"),
        (
            "POST",
            "/wechat/phone-codes",
            {"user": "x", "phone": "13900000001", "country_code": []},
            "country_code",
        ),
        ("PUT", "/wechat/faults", {"path": "/sns/nothing", "errcode": -1}, "path"),
        ("PUT", "/wechat/faults", {"path": "/sns/jscode2session"}, "errcode"),
        ("PUT", "/wechat/faults", {"path": "/sns/jscode2session", "delay": 61}, "delay"),
        ("PUT", "/wechat/faults", {"path": "/sns/jscode2session", "errcode": -1, "times": -1}, "times"),
        ("POST", "/sms", {**SMS, "data": {"code": 5}}, "data"),
        ("POST", "/sms", [], "_schema"),
    ],
)
async def test_a_developers_mistake_is_named(outside, method, path, body, field):
    status, answer = await outside.call(method, path, json=body)
    assert status == 400
    assert answer["code"] == "invalid_input"
    assert field in answer["errors"]


async def test_what_is_no_json_is_called_so(outside):
    headers = {"Content-Type": "application/json"}
    status, answer = await outside.call("POST", "/wechat/codes", data=b'{"user": ', headers=headers)
    assert (status, answer["code"]) == (400, "malformed_json")
    status, answer = await outside.call("POST", "/wechat/codes", data=b"user=x")
    assert (status, answer["code"]) == (415, "content_type_not_json")


async def test_the_sandbox_runs_alone(clock):
    async with TestClient(TestServer(build_sandbox(clock, APPID, SECRET))) as client:
        response = await client.post("/wechat/codes", json={"user": "乌云"})
        assert response.status == 200
        query = {**ACCOUNT, "js_code": (await response.json())["code"], "grant_type": "authorization_code"}
        answer = orjson.loads(await (await client.get(SIGN_IN, params=query)).read())
        assert "openid" in answer
