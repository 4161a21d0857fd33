"""The world outside as tests see it: the sandbox on a real port."""

from __future__ import annotations

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from server.sandbox import build_sandbox

APPID = "wx0000000000000000"
SECRET = "a-secret-that-must-stay-one"


class Outside:
    """The sandbox and the hand of whoever holds the phone."""

    appid = APPID
    secret = SECRET

    def __init__(self, clock, url, session):
        self.clock = clock
        self.url = url
        self.wechat_url = f"{url}/wechat"
        self.session = session

    async def call(self, method, path, **options):
        """Return status and answer; JSON is read whatever its content type says."""
        async with self.session.request(method, self.url + path, **options) as response:
            raw = await response.read()
        return response.status, orjson.loads(raw) if raw.startswith(b"{") else raw

    async def code(self, user, **more):
        status, answer = await self.call("POST", "/wechat/codes", json={"user": user, **more})
        assert status == 200, answer
        return answer["code"]

    async def phone_code(self, user, phone, **more):
        body = {"user": user, "phone": phone, **more}
        status, answer = await self.call("POST", "/wechat/phone-codes", json=body)
        assert status == 200, answer
        return answer["code"]

    async def fault(self, path, **fault):
        status, answer = await self.call("PUT", "/wechat/faults", json={"path": path, **fault})
        assert status == 200, answer

    async def messages(self, to=None):
        status, answer = await self.call("GET", "/messages", params={} if to is None else {"to": to})
        assert status == 200, answer
        return answer["items"]


@pytest.fixture
async def outside(clock):
    """Mount the sandbox below /sandbox, as the service does, and listen on a free port."""
    app = web.Application()
    app.add_subapp("/sandbox", build_sandbox(clock, APPID, SECRET))
    server = TestServer(app)
    # The service logs routes only; aiohttp's own access log would name secrets in queries.
    await server.start_server(access_log=None)
    try:
        async with aiohttp.ClientSession() as session:
            yield Outside(clock, str(server.make_url("/sandbox")), session)
    finally:
        await server.close()
