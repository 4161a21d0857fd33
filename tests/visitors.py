"""Somebody with WeChat in hand, who registers, adds and asks over HTTP as the mini-program would."""

from __future__ import annotations

import itertools

import orjson
import pytest

from domain.consents import TEXTS
from domain.vocabulary import ConsentKind, Role
from server.sandbox_wechat import openid_of
from tests import make

_phones = itertools.count(1)


def consents(*, child=False, **versions):
    kinds = ["privacy", "sensitive_data", *(["child_guardian"] if child else [])]
    return [{"kind": kind, "version": versions.get(kind, TEXTS[ConsentKind(kind)].version)} for kind in kinds]


def phone_number():
    """Return a mobile number that no other test person has."""
    return f"138{next(_phones):08}"


async def call(client, caller, method, path, body=None, **headers):
    """Return the status and the parsed answer."""
    kwargs = {} if body is None else {"json": body}
    async with client.request(method, path, headers=caller.headers | headers, **kwargs) as response:
        raw = await response.read()
    return response.status, orjson.loads(raw) if raw else None


class Visitor:
    """An account that may not be registered yet."""

    def __init__(self, client, outside, account_id, token, user):
        self.client = client
        self.outside = outside
        self.account_id = account_id
        self.headers = {"Authorization": f"Bearer {token}"}
        self.user = user
        self.person_id = None

    async def call(self, method, path, body=None, **headers):
        return await call(self.client, self, method, path, body, **headers)

    async def wait(self, conn, clock, **delta):
        """Let time pass and sign in again: tokens last ten minutes."""
        clock.move(**delta)
        await self.renew(conn)

    async def renew(self, conn):
        """Sign in again, where a change of roles has made the token too old."""
        token = await make.session(conn, self.client.app, self.account_id, [Role.RESIDENT])
        self.headers = {"Authorization": f"Bearer {token}"}

    async def form(self, name="测试甲", number=None, phone=None, **more):
        """Press the phone button and fill in the form."""
        return {
            "name": name,
            "id_number": number or make.id_number(),
            "phone_code": await self.outside.phone_code(self.user, phone or phone_number()),
            "consents": consents(),
            **more,
        }

    async def register(self, *args, **kwargs):
        return await self.call("PUT", "/v1/me/registration", await self.form(*args, **kwargs))

    async def add(self, name="测试乙", number=None, *, key=None, **more):
        body = {
            "name": name,
            "id_number": number or make.id_number(),
            "relation": "parent",
            "consents": consents(),
            **more,
        }
        return await self.call("POST", "/v1/people", body, **(key or make.key()))


@pytest.fixture
def visit(conn, app, client, outside):
    """Return what lets somebody new sign in."""
    users = itertools.count(1)

    async def sign_in(name=None, *, registered=True, user=None, **form):
        user = user or f"微信用户{next(users)}"
        account_id = await make.account(conn)
        await conn.execute(
            "insert into wechat_identity (account_id, openid) values ($1, $2)",
            account_id,
            openid_of(outside.appid, user),
        )
        token = await make.session(conn, app, account_id, [Role.RESIDENT])
        visitor = Visitor(client, outside, account_id, token, user)
        if registered:
            status, answer = await visitor.register(**({"name": name} if name else {}), **form)
            assert status == 200, answer
            visitor.person_id = answer["person"]["id"]
        return visitor

    return sign_in
