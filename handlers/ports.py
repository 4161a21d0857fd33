"""What the handlers ask of what stands above them: WeChat, SMS, access tokens, throttles. `server/` answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class WeChatIdentity:
    """Who signed in: `openid` is theirs in this mini-program, `unionid` across all programs of its owner."""

    openid: str = field(repr=False)
    unionid: str | None = field(repr=False)


class WeChatPort(Protocol):
    async def sign_in(self, code: str) -> WeChatIdentity:
        """Trade the code of `wx.login` for who it is. A code works once, whatever comes of it."""
        ...

    async def phone_number(self, code: str, openid: str) -> str:
        """Trade the code of the phone button, pressed by this openid, for a mainland number of 11 digits."""
        ...


class SmsTemplate(StrEnum):
    """Every text message that we send; its sentence and the fields of it stand in `server/sms.py`."""

    MANDATE_CODE = "mandate_code"
    TEAM_MANDATE_CODE = "team_mandate_code"
    CARE_CODE = "care_code"
    HELP_CODES = "help_codes"


class SmsPort(Protocol):
    async def send(self, phone: str, template: SmsTemplate, data: Mapping[str, str]) -> None:
        """Hand over one message, or raise Unavailable: then nobody knows whether it was sent."""
        ...


class AccessTokens(Protocol):
    def issue(self, account_id: UUID, session_id: UUID, roles: Iterable[str], version: int, seconds: int) -> str:
        """Make an access token that is good for so many seconds, as long as its session and version are."""
        ...


class Revocations(Protocol):
    """To be told after the commit, so that it holds in this process before the answer goes out.

    All other processes hear of it from the database, whoever forgets to tell.
    """

    def session_ended(self, session_id: UUID) -> None: ...

    def version_raised(self, account_id: UUID, version: int) -> None: ...


class Throttling(Protocol):
    async def hit(self, limit: str, *key: str) -> None:
        """Count one attempt; raise TooMany beyond what `server/throttle.py` allows of that name."""
        ...

    async def hit_client(self, way: str, request: web.Request) -> None:
        """Count one attempt of the request's address (`<way>_address`) and device (`<way>_device`)."""
        ...


class Tallying(Protocol):
    """Raise TooMany beyond what `server/tally.py` allows of an account, and of an address."""

    def booking(self, request: web.Request, account_id: UUID) -> None: ...

    def availability(self, request: web.Request) -> None: ...


WECHAT: web.AppKey[WeChatPort] = web.AppKey("wechat", object)  # type: ignore[arg-type]
SMS: web.AppKey[SmsPort] = web.AppKey("sms", object)  # type: ignore[arg-type]
ACCESS_TOKENS: web.AppKey[AccessTokens] = web.AppKey("access_tokens", object)  # type: ignore[arg-type]
REVOCATIONS: web.AppKey[Revocations] = web.AppKey("revocations", object)  # type: ignore[arg-type]
THROTTLE: web.AppKey[Throttling] = web.AppKey("throttle", object)  # type: ignore[arg-type]
TALLY: web.AppKey[Tallying] = web.AppKey("tally", object)  # type: ignore[arg-type]
