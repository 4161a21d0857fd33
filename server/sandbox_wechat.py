"""A stand-in for what we call of WeChat's server API: its paths, fields, error codes and expiries."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from handlers.request import Clock

    Call = Callable[[web.Request], Awaitable[dict[str, Any]]]

SIGN_IN = "/sns/jscode2session"
TOKEN = "/cgi-bin/stable_token"  # noqa: S105 - the path of a token, not a token
PHONE = "/wxa/business/getuserphonenumber"
PATHS = (SIGN_IN, TOKEN, PHONE)

CODE_LIFETIME = timedelta(minutes=5)
TOKEN_LIFETIME = timedelta(hours=2)
RENEWED_EARLY = timedelta(minutes=5)
CODES_KEPT = 10_000
TOKENS_KEPT = 100
HANG_UP = 444
"""A status nobody sends: nginx, too, uses it to close a connection without an answer."""

ERRMSG = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40013: "invalid appid",
    40029: "invalid code",
    40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
    40125: "invalid appsecret",
    40164: "invalid ip, not in whitelist",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit mustslower retry next minute",
    47001: "data format error",
}

ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")


class WeChatError(Exception):
    def __init__(self, errcode: int) -> None:
        super().__init__(errcode)
        self.errcode = errcode


@dataclass(slots=True)
class Fault:
    """What the next `times` calls meet; see `FaultBody` in `server/sandbox.py`."""

    errcode: int | None
    status: int | None
    times: int
    delay: float


class Codes:
    """Codes that work once and for five minutes. Bounded: the oldest go first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._given: dict[str, tuple[Any, datetime]] = {}

    def give(self, meaning: Any) -> str:
        if len(self._given) == CODES_KEPT:
            del self._given[next(iter(self._given))]
        code = secrets.token_urlsafe(24)
        self._given[code] = (meaning, self._clock() + CODE_LIFETIME)
        return code

    def use(self, code: object) -> Any:
        if not isinstance(code, str) or code not in self._given:
            raise WeChatError(40029)
        meaning, expires_at = self._given.pop(code)
        if self._clock() >= expires_at:
            raise WeChatError(40029)
        return meaning


def openid_of(appid: str, user: str) -> str:
    """Return the same openid for the same name, also after a restart, as a real person keeps theirs."""
    digest = hashlib.sha256(f"{appid}\n{user}".encode()).digest()
    return "o" + base64.urlsafe_b64encode(digest).decode()[:27]


class WeChatStandIn:
    def __init__(self, clock: Clock, appid: str, secret: str) -> None:
        self.faults: dict[str, Fault] = {}
        self._clock = clock
        self._appid = appid
        self._secret = secret
        self._sign_in_codes = Codes(clock)
        self._phone_codes = Codes(clock)
        self._tokens: dict[str, datetime] = {}

    def give_code(self, user: str, unionid: str | None) -> str:
        return self._sign_in_codes.give((openid_of(self._appid, user), unionid))

    def give_phone_code(self, user: str, phone: str, country_code: str | int) -> str:
        return self._phone_codes.give((openid_of(self._appid, user), phone, country_code))

    def handler(self, path: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Make the handler of one of PATHS: the call itself, its errors as WeChat words them, and faults."""
        call = {SIGN_IN: self._sign_in, TOKEN: self._stable_token, PHONE: self._phone_number}[path]

        async def handle(request: web.Request) -> web.Response:
            fault = self._next_fault(path)
            response = await _answer(request, call, fault)
            if fault is not None:
                await asyncio.sleep(fault.delay)
                if fault.status == HANG_UP and request.transport is not None:
                    request.transport.close()
            return response

        return handle

    def _next_fault(self, path: str) -> Fault | None:
        fault = self.faults.get(path)
        if fault is None or fault.times == 0:
            return None
        fault.times -= 1
        return fault

    async def _sign_in(self, request: web.Request) -> dict[str, Any]:
        if request.method != "GET":
            raise WeChatError(43001)
        query = request.query
        self._check_account(query.get("appid"), query.get("secret"))
        if not query.get("js_code"):
            raise WeChatError(41008)
        if query.get("grant_type") != "authorization_code":
            raise WeChatError(40002)
        openid, unionid = self._sign_in_codes.use(query["js_code"])
        answer = {"session_key": base64.b64encode(secrets.token_bytes(16)).decode(), "openid": openid}
        return answer if unionid is None else {**answer, "unionid": unionid}

    async def _stable_token(self, request: web.Request) -> dict[str, Any]:
        body = await _read_post(request)
        if body.get("grant_type") != "client_credential":
            raise WeChatError(40002)
        self._check_account(body.get("appid"), body.get("secret"))
        now = self._clock()
        if body.get("force_refresh") is True:
            self._tokens.clear()
        newest = next(reversed(self._tokens), "")
        if not newest or self._tokens[newest] - now <= RENEWED_EARLY:
            newest = f"{secrets.randbelow(100)}_{secrets.token_urlsafe(100)}"
            self._tokens[newest] = now + TOKEN_LIFETIME
            if len(self._tokens) > TOKENS_KEPT:
                del self._tokens[next(iter(self._tokens))]
        return {"access_token": newest, "expires_in": int((self._tokens[newest] - now).total_seconds())}

    async def _phone_number(self, request: web.Request) -> dict[str, Any]:
        self._check_token(request.query.get("access_token"))
        body = await _read_post(request)
        if not body.get("code"):
            raise WeChatError(41008)
        openid, phone, country_code = self._phone_codes.use(body["code"])
        if body.get("openid") not in {None, openid}:
            raise WeChatError(40029)
        home = str(country_code) == "86"
        return {
            "errcode": 0,
            "errmsg": "ok",
            "phone_info": {
                "phoneNumber": phone if home else f"+{country_code}{phone}",
                "purePhoneNumber": phone,
                "countryCode": country_code,
                "watermark": {"timestamp": int(self._clock().timestamp()), "appid": self._appid},
            },
        }

    def _check_account(self, appid: object, secret: object) -> None:
        if not appid:
            raise WeChatError(41002)
        if appid != self._appid:
            raise WeChatError(40013)
        if not secret:
            raise WeChatError(41004)
        if secret != self._secret:
            raise WeChatError(40125)

    def _check_token(self, token: str | None) -> None:
        if not token:
            raise WeChatError(41001)
        if token not in self._tokens:
            raise WeChatError(40001)
        if self._clock() >= self._tokens[token]:
            raise WeChatError(42001)


async def _answer(request: web.Request, call: Call, fault: Fault | None) -> web.Response:
    if fault is not None and fault.status is not None:
        page = "<html><body>sandbox fault</body></html>"
        return web.Response(text=page, status=fault.status, content_type="text/html")
    if fault is not None and fault.errcode is not None:
        answer = _failure(fault.errcode)
    else:
        try:
            answer = await call(request)
        except WeChatError as error:
            answer = _failure(error.errcode)
    # WeChat calls the answer of a sign-in text/plain, although it is JSON as all others.
    content_type = "text/plain" if request.path.endswith(SIGN_IN) else "application/json"
    return web.Response(body=orjson.dumps(answer), content_type=content_type)


def _failure(errcode: int) -> dict[str, Any]:
    rid = "-".join(secrets.token_hex(4) for _ in range(3))
    return {"errcode": errcode, "errmsg": f"{ERRMSG.get(errcode, 'error')}, rid: {rid}"}


async def _read_post(request: web.Request) -> dict[str, Any]:
    if request.method != "POST":
        raise WeChatError(43002)
    raw = await request.read()
    if not raw:
        raise WeChatError(44002)
    if ESCAPED.search(raw):
        raise WeChatError(40033)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise WeChatError(47001) from None
    if not isinstance(body, dict):
        raise WeChatError(47001)
    return body
