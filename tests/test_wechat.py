"""Our wechat of WeChat and of the SMS gateway, over HTTP against the sandbox."""

from __future__ import annotations

import asyncio
import socket
import traceback
from contextlib import asynccontextmanager

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from domain.errors import Forbidden, Invalid, Refusal, TooMany, Unavailable
from handlers.ports import WECHAT, WeChatIdentity
from server import errors
from server.wechat import WeChat
from tests.outside import APPID, SECRET

SIGN_IN = "/sns/jscode2session"
TOKEN = "/cgi-bin/stable_token"
PHONE = "/wxa/business/getuserphonenumber"
NUMBER = "13900000001"
IMPATIENT = 0.3


@pytest.fixture
async def wechat(outside):
    async with WeChat(outside.wechat_url, APPID, SECRET, outside.clock) as running:
        yield running


@pytest.fixture
def counted(monkeypatch):
    """Count what leaves the wechat, by path."""
    calls: dict[str, int] = {}
    exchange = WeChat._exchange

    async def counting(self, method, path, *rest):
        calls[path] = calls.get(path, 0) + 1
        return await exchange(self, method, path, *rest)

    monkeypatch.setattr(WeChat, "_exchange", counting)
    return calls


@asynccontextmanager
async def stand_in(path, answer, method="POST"):
    """Answer one path with whatever a test wants to see read."""

    async def handle(_request):
        return answer if isinstance(answer, web.Response) else web.json_response(answer)

    app = web.Application()
    app.router.add_route(method, path, handle)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def refusal_of(call) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await call
    return caught.value


async def test_sign_in_says_who_it_is(outside, wechat):
    first = await wechat.sign_in(await outside.code("乌云"))
    again = await wechat.sign_in(await outside.code("乌云", unionid="u-1"))
    assert first == WeChatIdentity(again.openid, None)
    assert again.unionid == "u-1"


async def test_sign_in_keeps_no_session_key(outside, wechat):
    identity = await wechat.sign_in(await outside.code("乌云"))
    assert {*WeChatIdentity.__slots__} == {"openid", "unionid"}
    assert identity.openid not in repr(identity)


async def test_a_phone_code_gives_the_number(outside, wechat):
    openid = (await wechat.sign_in(await outside.code("乌云"))).openid
    for country_code in ("86", 86):
        code = await outside.phone_code("乌云", NUMBER, country_code=country_code)
        assert await wechat.phone_number(code, openid) == NUMBER


@pytest.mark.parametrize(
    ("phone", "country_code"), [("91234567", "852"), ("91234567", 852), ("13900000001", "1"), ("12345", "86")]
)
async def test_only_mainland_numbers_are_taken(outside, wechat, phone, country_code):
    openid = (await wechat.sign_in(await outside.code("乌云"))).openid
    code = await outside.phone_code("乌云", phone, country_code=country_code)
    refusal = await refusal_of(wechat.phone_number(code, openid))
    assert (type(refusal), refusal.code, refusal.facts) == (Invalid, "phone_not_mainland", {})


async def test_used_expired_and_foreign_codes_are_refused(outside, wechat):
    used, late = await outside.code("乌云"), await outside.code("乌云")
    mine = (await wechat.sign_in(used)).openid
    phone_used, foreign = await outside.phone_code("乌云", NUMBER), await outside.phone_code("苏和", NUMBER)
    await wechat.phone_number(phone_used, mine)
    assert (await refusal_of(wechat.phone_number(foreign, mine))).code == "wechat_phone_code_invalid"
    assert (await refusal_of(wechat.phone_number(phone_used, mine))).code == "wechat_phone_code_invalid"
    assert (await refusal_of(wechat.sign_in(used))).code == "wechat_code_invalid"
    outside.clock.move(minutes=5)
    assert (await refusal_of(wechat.sign_in(late))).code == "wechat_code_invalid"


SIGN_IN_ANSWERS = [
    (-1, Unavailable, "wechat_unavailable", 5),
    (40029, Invalid, "wechat_code_invalid", None),
    (40163, Invalid, "wechat_code_invalid", None),
    (40226, Forbidden, "wechat_high_risk", None),
    (45011, TooMany, "wechat_too_often", 60),
    (45009, Unavailable, "wechat_unavailable", 60),
    *((errcode, Unavailable, "wechat_misconfigured", 300) for errcode in (40013, 40125, 40164, 41004, 99999)),
]
PHONE_ANSWERS = [
    (-1, Unavailable, "wechat_unavailable", 5),
    (40029, Invalid, "wechat_phone_code_invalid", None),
    (40003, Invalid, "wechat_phone_code_invalid", None),
    (45011, TooMany, "wechat_too_often", 60),
    *((errcode, Unavailable, "wechat_misconfigured", 300) for errcode in (40013, 40033, 48001)),
    *((errcode, Unavailable, "wechat_misconfigured", 300) for errcode in (40001, 40014, 42001)),
]
TOKEN_ANSWERS = [
    (-1, Unavailable, "wechat_unavailable", 5),
    (45009, Unavailable, "wechat_unavailable", 60),
    (45011, Unavailable, "wechat_unavailable", 60),
    *((code, Unavailable, "wechat_misconfigured", 300) for code in (40001, 40013, 40125, 40164, 40243)),
]
ANSWERS = [
    *((SIGN_IN, *row) for row in SIGN_IN_ANSWERS),
    *((PHONE, *row) for row in PHONE_ANSWERS),
    *((TOKEN, *row) for row in TOKEN_ANSWERS),
]


@pytest.mark.parametrize(("path", "errcode", "kind", "code", "retry_after"), ANSWERS)
async def test_every_error_code_has_its_refusal(outside, wechat, path, errcode, kind, code, retry_after):
    await outside.fault(path, errcode=errcode, times=9)
    call = wechat.sign_in("a-code") if path == SIGN_IN else wechat.phone_number("a-code", "an-openid")
    with structlog.testing.capture_logs() as logs:
        refusal = await refusal_of(call)
    assert (type(refusal), refusal.code) == (kind, code)
    assert refusal.facts == ({} if retry_after is None else {"retry_after": retry_after})
    loud = [line for line in logs if line["log_level"] == "error"]
    expected = {"event": "wechat misconfigured", "path": path, "errcode": errcode, "log_level": "error"}
    assert loud == ([expected] if code == "wechat_misconfigured" else [])


@pytest.mark.parametrize("code", sorted({row[3] for row in ANSWERS} | {"phone_not_mainland", "sms_unavailable"}))
def test_every_refusal_has_its_sentences(code):
    for language in ("zh", "en"):
        title, detail = errors.sentences(code, {"retry_after": 5}, language)
        assert title
        assert detail


@pytest.mark.parametrize("path", [SIGN_IN, PHONE, TOKEN])
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 502}, {"status": 200}, {"status": 444}, {"errcode": 0}])
async def test_no_usable_answer_is_unavailable(outside, wechat, path, fault):
    await outside.fault(path, times=9, **fault)
    call = wechat.sign_in("a-code") if path == SIGN_IN else wechat.phone_number("a-code", "an-openid")
    refusal = await refusal_of(call)
    assert (type(refusal), refusal.code, refusal.facts) == (
        Unavailable,
        "wechat_unavailable",
        {"retry_after": 5},
    )


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(text='"text"'),
        web.Response(text='{"errcode": "none"}'),
        web.Response(text='{"openid": 5}'),
        web.Response(text='{"openid": "o-1"}', status=500),
        web.Response(text='{"openid": ""}'),
        web.Response(status=302, headers={"Location": "/elsewhere"}),
    ],
)
async def test_a_garbled_sign_in_is_unavailable(clock, answer):
    async with stand_in(SIGN_IN, answer, "GET") as url, WeChat(url, APPID, SECRET, clock) as wechat:
        assert (await refusal_of(wechat.sign_in("a-code"))).code == "wechat_unavailable"


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "t"},
        {"access_token": "t", "expires_in": "7200"},
        {"access_token": "t", "expires_in": 0},
    ],
)
async def test_a_garbled_token_is_unavailable(clock, answer):
    async with stand_in(TOKEN, answer) as url, WeChat(url, APPID, SECRET, clock) as wechat:
        assert (await refusal_of(wechat.access_token())).code == "wechat_unavailable"


async def test_nobody_listening_is_unavailable(clock):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with WeChat(url, APPID, SECRET, clock) as wechat:
            assert (await refusal_of(wechat.sign_in("a-code"))).code == "wechat_unavailable"
            assert (await refusal_of(wechat.access_token())).code == "wechat_unavailable"


@pytest.mark.parametrize("path", [SIGN_IN, PHONE, TOKEN])
async def test_a_late_answer_is_not_waited_for(outside, path):
    await outside.fault(path, delay=1)
    loop = asyncio.get_running_loop()
    async with WeChat(outside.wechat_url, APPID, SECRET, outside.clock, seconds=IMPATIENT) as wechat:
        began = loop.time()
        call = wechat.sign_in("a-code") if path == SIGN_IN else wechat.phone_number("a-code", "an-openid")
        assert (await refusal_of(call)).code == "wechat_unavailable"
        assert loop.time() - began < 2 * IMPATIENT


@pytest.mark.parametrize("fault", [{"errcode": -1}, {"status": 444}, {"status": 503}])
async def test_a_sign_in_code_is_never_sent_twice(outside, wechat, fault):
    await wechat.sign_in(await outside.code("乌云"))  # so that a connection stands ready to be used again
    await outside.fault(SIGN_IN, **fault)
    code = await outside.code("乌云")
    assert (await refusal_of(wechat.sign_in(code))).code == "wechat_unavailable"
    # The one fault met the one request. Had it been sent again, the code would be used up.
    assert await wechat.sign_in(code)


async def test_a_phone_code_is_not_sent_again_when_the_answer_is_lost(outside, wechat):
    openid = (await wechat.sign_in(await outside.code("乌云"))).openid
    for fault in ({"errcode": -1}, {"status": 444}):
        code = await outside.phone_code("乌云", NUMBER)
        await outside.fault(PHONE, **fault)
        assert (await refusal_of(wechat.phone_number(code, openid))).code == "wechat_unavailable"
        assert await wechat.phone_number(code, openid) == NUMBER


@pytest.mark.parametrize("fault", [{"errcode": -1}, {"status": 444}, {"status": 503}])
async def test_a_token_is_asked_for_again(outside, wechat, counted, fault):
    await outside.fault(TOKEN, times=2, **fault)
    assert await wechat.access_token()
    assert counted[TOKEN] == 3


async def test_wrong_settings_are_not_asked_with_again(outside, counted):
    async with WeChat(outside.wechat_url, APPID, "wrong", outside.clock) as wechat:
        assert (await refusal_of(wechat.access_token())).code == "wechat_misconfigured"
    assert counted[TOKEN] == 1


async def test_a_token_is_kept_until_five_minutes_before_its_end(outside, wechat, counted):
    first = await wechat.access_token()
    outside.clock.move(minutes=114, seconds=59)
    assert await wechat.access_token() == first
    assert counted[TOKEN] == 1
    outside.clock.move(seconds=1)
    assert await wechat.access_token() != first
    assert counted[TOKEN] == 2


async def test_a_token_that_still_works_serves_while_a_new_one_cannot_be_had(outside, wechat, counted):
    first = await wechat.access_token()
    outside.clock.move(minutes=116)
    await outside.fault(TOKEN, errcode=45009, times=9)
    assert [await wechat.access_token() for _ in range(5)] == [first] * 5
    assert counted[TOKEN] == 2
    outside.clock.move(minutes=5)
    assert (await refusal_of(wechat.access_token())).code == "wechat_unavailable"


async def test_a_short_lived_token_is_not_fetched_for_every_call(clock, counted):
    async with (
        stand_in(TOKEN, {"access_token": "t", "expires_in": 60}) as url,
        WeChat(url, APPID, SECRET, clock) as wechat,
    ):
        for _ in range(3):
            await wechat.access_token()
        assert counted[TOKEN] == 1
        clock.move(seconds=30)
        await wechat.access_token()
        assert counted[TOKEN] == 2


async def test_all_who_wait_share_one_refresh(outside, wechat, counted):
    await outside.fault(TOKEN, delay=0.1)
    tokens = await asyncio.gather(*(wechat.access_token() for _ in range(50)))
    assert len(set(tokens)) == 1
    assert counted[TOKEN] == 1


async def test_who_goes_away_does_not_take_the_refresh_along(outside, wechat, counted):
    await outside.fault(TOKEN, delay=0.1)
    first, second = (asyncio.create_task(wechat.access_token()) for _ in range(2))
    await asyncio.sleep(0.02)
    first.cancel()
    assert await second
    assert first.cancelled()
    assert counted[TOKEN] == 1


async def test_one_failed_refresh_fails_all_who_wait_and_no_later_one(outside, wechat):
    await outside.fault(TOKEN, status=503, delay=0.05, times=3)
    outcomes = await asyncio.gather(*(wechat.access_token() for _ in range(20)), return_exceptions=True)
    assert {getattr(outcome, "code", None) for outcome in outcomes} == {"wechat_unavailable"}
    assert await wechat.access_token()


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
async def test_a_refused_token_is_fetched_anew_once_and_the_call_repeated(outside, wechat, counted, errcode):
    openid = (await wechat.sign_in(await outside.code("乌云"))).openid
    await wechat.access_token()
    await outside.fault(PHONE, errcode=errcode)
    assert await wechat.phone_number(await outside.phone_code("乌云", NUMBER), openid) == NUMBER
    assert counted == {SIGN_IN: 1, TOKEN: 2, PHONE: 2}


async def test_a_token_refused_twice_is_given_up_and_forgotten(outside, wechat, counted):
    await outside.fault(PHONE, errcode=40001, times=2)
    assert (await refusal_of(wechat.phone_number("a-code", "an-openid"))).code == "wechat_misconfigured"
    assert counted == {TOKEN: 2, PHONE: 2}
    await wechat.access_token()
    assert counted[TOKEN] == 3


async def test_a_late_refusal_of_an_old_token_leaves_the_new_one(outside, wechat, counted):
    openid = (await wechat.sign_in(await outside.code("乌云"))).openid
    await wechat.access_token()
    outside.clock.move(minutes=114)
    code = await outside.phone_code("乌云", NUMBER)
    await outside.fault(PHONE, errcode=40001, delay=0.2)
    with_old_token = asyncio.create_task(wechat.phone_number(code, openid))
    await asyncio.sleep(0.1)
    outside.clock.move(minutes=2)
    await wechat.access_token()
    assert await with_old_token == NUMBER
    assert counted[TOKEN] == 2


async def test_many_refused_calls_fetch_one_new_token(outside, wechat, counted):
    openid = (await wechat.sign_in(await outside.code("乌云"))).openid
    await wechat.access_token()
    body = {"appid": APPID, "secret": SECRET, "grant_type": "client_credential", "force_refresh": True}
    await outside.call("POST", f"/wechat{TOKEN}", json=body)
    codes = [await outside.phone_code("乌云", NUMBER) for _ in range(10)]
    assert await asyncio.gather(*(wechat.phone_number(code, openid) for code in codes)) == [NUMBER] * 10
    assert counted[TOKEN] == 2


async def test_text_leaves_unescaped(outside, wechat):
    """The sandbox, as WeChat, refuses escaped text with 40033, which would be wechat_misconfigured."""
    refusal = await refusal_of(wechat.phone_number("a-code", "openid-驼"))
    assert refusal.code == "wechat_phone_code_invalid"


@pytest.mark.parametrize("code", ["", "驼", "\ud800", "a\nb", "x" * 513])
async def test_what_no_phone_gives_is_not_sent(wechat, counted, code):
    assert (await refusal_of(wechat.sign_in(code))).code == "wechat_code_invalid"
    assert (await refusal_of(wechat.phone_number(code, "an-openid"))).code == "wechat_phone_code_invalid"
    assert counted == {}


FAILURES = [
    {"errcode": -1},
    {"errcode": 40013},
    {"errcode": 40029},
    {"status": 500},
    {"status": 444},
    {"delay": 0.5},
]


@pytest.mark.parametrize("fault", [*FAILURES, None])
async def test_nothing_secret_stands_in_logs_or_exceptions(outside, fault, caplog, capsys):
    caplog.set_level("DEBUG")
    url, secrets = outside.wechat_url, [SECRET, "the-code-1", "the-openid-1"]
    if fault is None:  # nobody listens any more
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with WeChat(url, APPID, SECRET, outside.clock, seconds=IMPATIENT) as wechat:
        if fault is not None:
            secrets.append(await wechat.access_token())
            for path in (SIGN_IN, PHONE):
                await outside.fault(path, **fault)
        with structlog.testing.capture_logs() as logs:
            refusals = [
                await refusal_of(wechat.sign_in("the-code-1")),
                await refusal_of(wechat.phone_number("the-code-1", "the-openid-1")),
            ]
        shown = [repr(logs), caplog.text, *capsys.readouterr(), repr(wechat._token)]
    for refusal in refusals:
        # Context is walked by error collectors even where `from None` keeps it out of a traceback.
        assert refusal.__cause__ is None
        assert refusal.__context__ is None
        shown += [*traceback.format_exception(refusal), repr(refusal.facts)]
    for secret in secrets:
        assert all(secret not in text for text in shown)


async def test_the_service_reaches_wechat(app, client, outside):
    openid = (await app[WECHAT].sign_in(await outside.code("乌云"))).openid
    assert await app[WECHAT].phone_number(await outside.phone_code("乌云", NUMBER), openid) == NUMBER
