"""Text messages: the sentences, and the gateway that takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import aiohttp
import structlog

from domain.errors import Unavailable
from handlers.ports import SmsTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping

SENTENCES: Mapping[SmsTemplate, str] = {
    SmsTemplate.MANDATE_CODE: (
        "【小驼帮办】志愿者{volunteer}（{team}）想代您办理：{matters}，到{until}为止。同意，就把验证码{code}告诉帮您办理的人，"
        "{minutes}分钟内有效；不同意，请不要告诉任何人。"
    ),
    SmsTemplate.TEAM_MANDATE_CODE: (
        "【小驼帮办】志愿队“{team}”想代您办理：{matters}，到{until}为止，由接了您求助的志愿者来办。同意，就把验证码{code}告诉帮您办理的人，"
        "{minutes}分钟内有效；不同意，请不要告诉任何人。"
    ),
    SmsTemplate.CARE_CODE: (
        "【小驼帮办】有人想替您预约并查看您的预约。同意，就把验证码{code}告诉对方，"
        "{minutes}分钟内有效；不认识对方，请不要告诉任何人。"
    ),
    SmsTemplate.HELP_CODES: (
        "【小驼帮办】您求助的事，志愿者{volunteer}（{team}）接了。人到了，请把{start_code}念给志愿者；事情全办完了，再念{end_code}。"
        "人没到、事没办完，先不要念，也不要告诉别人。"
    ),
}

GATEWAY_SECONDS = 5.0
RETRY_AFTER_SECONDS = 60
SUCCESS = range(200, 300)

log = structlog.get_logger()


def sentence(template: SmsTemplate, data: Mapping[str, str]) -> str:
    """Fill a template; a field that it names and `data` lacks is a mistake of ours and raises KeyError."""
    return SENTENCES[template].format_map(data)


class HttpSms:
    """Posts each message as JSON to one address; anything but a 2xx answer counts as not sent.

    Use as `async with`, inside the running loop. A message is never posted twice: after a lost answer
    the person may have it already, so the caller asks for a new code instead.
    """

    def __init__(self, url: str, *, seconds: float = GATEWAY_SECONDS) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self, phone: str, template: SmsTemplate, data: Mapping[str, str]) -> None:
        message = {"to": phone, "template": template, "text": sentence(template, data), "data": dict(data)}
        try:
            async with self._session.post(self._url, json=message, allow_redirects=False) as response:
                failure = None if response.status in SUCCESS else str(response.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            failure = type(error).__name__
        # Raised out here, where no client error with its address hangs on as context.
        if failure is not None:
            log.warning("sms not sent", template=template.value, failure=failure)
            raise Unavailable("sms_unavailable", retry_after=RETRY_AFTER_SECONDS)


class NoSms:
    """Stands where no gateway is set: whoever needs a text message is told that there is none."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def send(self, phone: str, template: SmsTemplate, data: Mapping[str, str]) -> None:  # noqa: ARG002
        raise Unavailable("sms_unavailable", retry_after=RETRY_AFTER_SECONDS)
