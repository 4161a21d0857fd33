"""The SMS port, over HTTP against the sandbox and against gateways that fail."""

from __future__ import annotations

import asyncio

import orjson
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from domain.errors import Refusal, Unavailable
from handlers.ports import SMS, SmsTemplate
from server import sms
from server.sms import HttpSms, NoSms

NUMBER = "13900000001"
IMPATIENT = 0.3

MANDATE = {
    "volunteer": "苏和",
    "team": "测试志愿队",
    "matters": "看病就医",
    "until": "2027年3月1日",
    "code": "482913",
    "minutes": "10",
}


async def test_a_text_message_reaches_the_gateway(outside):
    async with HttpSms(f"{outside.url}/sms") as gateway:
        await gateway.send(NUMBER, SmsTemplate.MANDATE_CODE, MANDATE)
    (message,) = await outside.messages(NUMBER)
    assert message["channel"] == "sms"
    assert message["template"] == "mandate_code"
    assert message["data"] == MANDATE
    assert all(value in message["text"] for value in MANDATE.values())


@pytest.mark.parametrize("template", SmsTemplate)
def test_every_template_has_a_sentence_that_names_its_code(template):
    text = sms.sentence(template, MANDATE | {"start_code": MANDATE["code"], "end_code": MANDATE["code"]})
    assert "482913" in text
    assert "{" not in text
    with pytest.raises(KeyError):
        sms.sentence(template, {})


@pytest.mark.parametrize("answer", [500, 404, 302, "late", "nobody"])
async def test_a_gateway_that_fails_is_unavailable_and_names_nobody(answer):
    posted = []

    async def handle(request):
        posted.append(orjson.loads(await request.read()))
        if answer == "late":
            await asyncio.sleep(2 * IMPATIENT)
        return web.Response(status=answer if isinstance(answer, int) else 204)

    app = web.Application()
    app.router.add_post("/sms", handle)
    async with TestServer(app) as server:
        path = "http://127.0.0.1:1/sms" if answer == "nobody" else server.make_url("/sms")
        async with HttpSms(str(path), seconds=IMPATIENT) as gateway:
            with structlog.testing.capture_logs() as logs, pytest.raises(Refusal) as caught:
                await gateway.send(NUMBER, SmsTemplate.MANDATE_CODE, MANDATE)
    refusal = caught.value
    assert (type(refusal), refusal.code, refusal.facts) == (
        Unavailable,
        "sms_unavailable",
        {"retry_after": 60},
    )
    assert refusal.__context__ is None
    assert len(posted) == (answer != "nobody")
    assert NUMBER not in repr(logs)
    assert MANDATE["code"] not in repr(logs)


async def test_without_a_gateway_there_are_no_text_messages():
    with pytest.raises(Unavailable, match="sms_unavailable"):
        await NoSms().send(NUMBER, SmsTemplate.CARE_CODE, MANDATE)


async def test_the_service_reaches_the_gateway(app, client, outside):
    await app[SMS].send(NUMBER, SmsTemplate.MANDATE_CODE, MANDATE)
    assert len(await outside.messages(NUMBER)) == 1
