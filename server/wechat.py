"""WeChat's server API: who signed in, and the phone number that somebody chose to share.

Nothing secret leaves this module in words: logs and exceptions name a path of WeChat's, an errcode and the
kind of a failure, never an address with its query string, and no exception of the HTTP client goes on as
cause or context of ours.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import orjson
import structlog

from domain.errors import Forbidden, Invalid, TooMany, Unavailable
from handlers.ports import WeChatIdentity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from domain.errors import Refusal
    from handlers.request import Clock

    RefusalOf = Mapping[int, Callable[[], Refusal]]

SIGN_IN = "/sns/jscode2session"
TOKEN = "/cgi-bin/stable_token"  # noqa: S105 - the path of a token, not a token
PHONE = "/wxa/business/getuserphonenumber"

CALL_SECONDS = 5.0
PAUSES = (0.1, 0.4)
"""Before the second and the third attempt of a call that is safe to repeat, in seconds."""

REFRESH_EARLY = timedelta(minutes=5)
REFRESH_PAUSE = timedelta(seconds=30)
"""How long a token that still works serves on after an early refresh that brought nothing newer."""

BUSY = -1
TOKEN_REFUSED = frozenset({40001, 40014, 42001})
MAINLAND_NUMBER = re.compile(r"1[3-9][0-9]{9}")
MAX_CODE = 512

_unavailable = partial(Unavailable, "wechat_unavailable", retry_after=5)
_quota_used_up = partial(Unavailable, "wechat_unavailable", retry_after=60)
_misconfigured = partial(Unavailable, "wechat_misconfigured", retry_after=300)
_sign_in_code_invalid = partial(Invalid, "wechat_code_invalid")
_phone_code_invalid = partial(Invalid, "wechat_phone_code_invalid")
_too_often = partial(TooMany, "wechat_too_often", retry_after=60)

OF_ANY_CALL: RefusalOf = {BUSY: _unavailable, 45009: _quota_used_up, 45011: _quota_used_up}
"""What is not listed here or for its call is a mistake in our settings or in our calls."""

OF_SIGN_IN: RefusalOf = {
    40029: _sign_in_code_invalid,
    40163: _sign_in_code_invalid,
    40226: partial(Forbidden, "wechat_high_risk"),
    45011: _too_often,
}
OF_PHONE: RefusalOf = {
    40003: _phone_code_invalid,
    40029: _phone_code_invalid,
    40163: _phone_code_invalid,
    45011: _too_often,
}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    refresh_at: datetime
    expires_at: datetime


class _Lost(aiohttp.ClientError):
    """The connection broke after the request may have reached WeChat."""


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a GET on its own: the code in it may be used up already."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # it never left, and aiohttp does not repeat it
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise _Lost from None


class WeChat:
    """The client of one mini-program. Use as `async with`, inside the running loop.

    A call that carries a code of the user's is sent once, for the code works once and nobody can tell
    whether a lost request used it up; the user is asked to press again. Only a refused access token lets
    the phone call go out a second time, since WeChat looks at the token before the code.
    """

    def __init__(self, base_url: str, appid: str, secret: str, clock: Clock, *, seconds: float = CALL_SECONDS) -> None:
        self._base_url = base_url.rstrip("/")
        self._appid = appid
        self._secret = secret
        self._clock = clock
        self._seconds = seconds
        self._token: _Token | None = None
        self._refreshing: asyncio.Task[str] | None = None
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=seconds / 2),
            cookie_jar=aiohttp.DummyCookieJar(),
            json_serialize_bytes=orjson.dumps,
            middlewares=(_send_once,),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait((self._refreshing,))
        await self._session.close()

    async def sign_in(self, code: str) -> WeChatIdentity:
        _refuse_impossible(code, _sign_in_code_invalid)
        query = {
            "appid": self._appid,
            "secret": self._secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        errcode, answer = await self._ask("GET", SIGN_IN, query)
        if errcode:
            raise _refusal(SIGN_IN, errcode, OF_SIGN_IN)
        unionid = answer.get("unionid")
        return WeChatIdentity(_text(answer, "openid", SIGN_IN), unionid if isinstance(unionid, str) else None)

    async def phone_number(self, code: str, openid: str) -> str:
        _refuse_impossible(code, _phone_code_invalid)
        answer = await self._ask_with_token(PHONE, {"code": code, "openid": openid}, OF_PHONE)
        info = answer.get("phone_info")
        if not isinstance(info, dict):
            raise _garbage(PHONE)
        number = _text(info, "purePhoneNumber", PHONE)
        # WeChat sends the country code as a number or as text.
        if str(info.get("countryCode")) != "86" or not MAINLAND_NUMBER.fullmatch(number):
            raise Invalid("phone_not_mainland")
        return number

    async def access_token(self) -> str:
        """Return a token that is good for minutes to come; all who wait for a new one share one refresh."""
        now = self._clock()
        if self._token is not None and now < self._token.refresh_at:
            return self._token.text
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh(now))
            self._refreshing.add_done_callback(self._refreshed)
        # A caller who goes away does not take the refresh from the others.
        return await asyncio.shield(self._refreshing)

    def _refreshed(self, task: asyncio.Task[str]) -> None:
        self._refreshing = None
        if not task.cancelled():
            task.exception()

    async def _refresh(self, now: datetime) -> str:
        old = self._token
        try:
            self._token = await self._fetch_token(now)
        except Unavailable:
            if old is None or now >= old.expires_at:
                raise
            self._token = _Token(old.text, min(now + REFRESH_PAUSE, old.expires_at), old.expires_at)
        return self._token.text

    async def _fetch_token(self, now: datetime) -> _Token:
        body = {"grant_type": "client_credential", "appid": self._appid, "secret": self._secret}
        errcode, answer = await self._ask("POST", TOKEN, body=body, repeatable=True)
        if errcode:
            raise _refusal(TOKEN, errcode, {})
        text = _text(answer, "access_token", TOKEN)
        seconds = answer.get("expires_in")
        if not isinstance(seconds, int) or seconds <= 0:
            raise _garbage(TOKEN)
        lifetime = timedelta(seconds=seconds)
        return _Token(text, now + max(lifetime - REFRESH_EARLY, min(REFRESH_PAUSE, lifetime / 2)), now + lifetime)

    async def _ask_with_token(self, path: str, body: Mapping[str, str], refusal_of: RefusalOf) -> dict[str, Any]:
        token = await self.access_token()
        errcode, answer = await self._ask("POST", path, {"access_token": token}, body)
        if errcode in TOKEN_REFUSED:
            self._drop(token)
            token = await self.access_token()
            errcode, answer = await self._ask("POST", path, {"access_token": token}, body)
            if errcode in TOKEN_REFUSED:
                self._drop(token)
        if errcode:
            raise _refusal(path, errcode, refusal_of)
        return answer

    def _drop(self, token: str) -> None:
        """Forget a refused token, unless somebody has fetched another since."""
        if self._token is not None and self._token.text == token:
            self._token = None

    async def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
        *,
        repeatable: bool = False,
    ) -> tuple[int, dict[str, Any]]:
        """Return errcode and answer, or raise Unavailable when nothing usable came in time."""
        found = None
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._exchange(method, path, query, body)
                for pause in PAUSES if repeatable else ():
                    if found is not None and found[0] != BUSY:
                        break
                    await asyncio.sleep(pause)
                    found = await self._exchange(method, path, query, body)
        except TimeoutError:
            log.warning("wechat gave no answer", path=path, failure="timeout")
        if found is None:
            raise _unavailable()
        return found

    async def _exchange(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Mapping[str, str] | None
    ) -> tuple[int, dict[str, Any]] | None:
        """Send once. None: no answer, or none that WeChat would give."""
        try:
            async with self._session.request(
                method, self._base_url + path, params=query, json=body, allow_redirects=False
            ) as response:
                status, raw = response.status, await response.read()
        except aiohttp.ClientError as error:
            log.warning("wechat gave no answer", path=path, failure=type(error).__name__)
            return None
        answer = _parse(raw)
        errcode = answer.get("errcode", 0) if answer is not None else None
        if status != 200 or answer is None or not isinstance(errcode, int):  # noqa: PLR2004
            log.warning("wechat gave no answer", path=path, failure="garbage", status=status)
            return None
        return errcode, answer


def _parse(raw: bytes) -> dict[str, Any] | None:
    """Read an answer as JSON whatever its content type says: WeChat calls some of them text/plain."""
    try:
        answer = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None


def _refuse_impossible(code: str, refusal: Callable[[], Refusal]) -> None:
    if not code or len(code) > MAX_CODE or not code.isascii() or not code.isprintable():
        raise refusal()


def _text(answer: Mapping[str, Any], name: str, path: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise _garbage(path)
    return value


def _garbage(path: str) -> Refusal:
    log.warning("wechat gave no answer", path=path, failure="field missing")
    return _unavailable()


def _refusal(path: str, errcode: int, refusal_of: RefusalOf) -> Refusal:
    if errcode in refusal_of:
        return refusal_of[errcode]()
    if errcode in OF_ANY_CALL:
        log.warning("wechat refused", path=path, errcode=errcode)
        return OF_ANY_CALL[errcode]()
    log.error("wechat misconfigured", path=path, errcode=errcode)
    return _misconfigured()
