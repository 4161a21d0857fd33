"""What the handlers ask of the world outside: WeChat and SMS. `server/` holds what answers them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    CARE_CODE = "care_code"


class SmsPort(Protocol):
    async def send(self, phone: str, template: SmsTemplate, data: Mapping[str, str]) -> None:
        """Hand over one message, or raise Unavailable: then nobody knows whether it was sent."""
        ...


WECHAT: web.AppKey[WeChatPort] = web.AppKey("wechat", object)  # type: ignore[arg-type]
SMS: web.AppKey[SmsPort] = web.AppKey("sms", object)  # type: ignore[arg-type]
