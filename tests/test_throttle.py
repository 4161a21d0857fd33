"""How often anybody may try to sign in, and what becomes of it when the shared store is down."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AsyncExitStack
from dataclasses import replace
from unittest.mock import Mock

import pytest
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from domain.errors import TooMany
from server import throttle
from server.app import build_app
from server.config import SettingError
from server.metrics import Metrics
from server.throttle import LIMITS, STORE_REST_SECONDS, ProcessMemory, Throttle, client_network, open_store
from tests import make

GENEROUS = (1000, 60)


@pytest.fixture
async def start(settings, clock, monkeypatch):
    """Start the service with some limits at three a minute and the others out of the way."""
    async with AsyncExitStack() as stack:

        async def go(*three, **changes):
            limits = {name: (3, 60) if name in three else GENEROUS for name in LIMITS}
            monkeypatch.setattr(throttle, "LIMITS", limits)
            app = build_app(replace(settings, **changes), clock)
            return await stack.enter_async_context(TestClient(TestServer(app)))

        yield go


async def post(client, path, body, **headers):
    response = await client.post(path, json=body, headers=headers)
    return response.status


PATHS = {
    "wechat": ("/v1/sessions/wechat", {"code": "no-such-code"}, 400),
    "staff": ("/v1/sessions/staff", {"login": "nobody", "password": "x", "otp": "000000"}, 401),
    "refresh": ("/v1/sessions/refresh", {"refresh_token": "A" * 43}, 401),
}


@pytest.mark.parametrize("way", PATHS)
async def test_every_way_is_limited_per_address(start, clock, way):
    client = await start(f"{way}_address")
    path, body, refused = PATHS[way]
    assert [await post(client, path, body) for _ in range(3)] == [refused] * 3
    clock.move(seconds=10)
    response = await client.post(path, json=body)
    problem = await response.json()
    assert (response.status, problem["code"], problem["retry_after"]) == (429, "too_many_requests", 50)
    assert response.headers["Retry-After"] == "50"
    clock.move(seconds=49)
    assert await post(client, path, body) == 429
    clock.move(seconds=1)
    assert await post(client, path, body) == refused


@pytest.mark.parametrize("way", PATHS)
async def test_every_way_is_limited_per_device_whatever_its_address(start, way):
    client = await start(f"{way}_device", trusted_proxies=1)
    path, body, refused = PATHS[way]
    logins = map("nobody{}".format, itertools.count())

    async def attempt(**headers):
        return await post(client, path, body | ({"login": next(logins)} if way == "staff" else {}), **headers)

    seen = []
    for n in range(4):
        headers = {"X-Device-Id": "device-1", "X-Forwarded-For": f"192.0.2.{n}"}
        seen.append(await attempt(**headers))
    assert seen == [refused] * 3 + [429]
    for device in ("device-2", "", "x" * 65, "with space"):
        assert await attempt(**{"X-Device-Id": device}) == refused


async def test_a_wechat_account_is_limited_whatever_its_address(start, outside):
    client = await start("wechat_account")

    async def sign_in(user):
        return await post(client, "/v1/sessions/wechat", {"code": await outside.code(user)})

    assert [await sign_in("甲") for _ in range(4)] == [200, 200, 200, 429]
    assert await sign_in("乙") == 200


async def test_a_staff_login_is_limited_however_it_is_written(start):
    client = await start("staff_account")
    path, body, _ = PATHS["staff"]
    seen = [await post(client, path, body | {"login": login}) for login in ("nobody", "NOBODY", " nobody", "Nobody")]
    assert seen == [401, 401, 401, 429]


async def test_the_account_of_a_refresh_token_is_limited(start, outside):
    client = await start("refresh_account")
    answer = await (await client.post("/v1/sessions/wechat", json={"code": await outside.code("甲")})).json()
    body = {"refresh_token": answer["refresh_token"]}
    assert [await post(client, "/v1/sessions/refresh", body) for _ in range(4)] == [200, 200, 200, 429]


async def test_a_refused_attempt_is_no_attempt_at_the_password(start, conn):
    client = await start("staff_address")
    path, body, _ = PATHS["staff"]
    for _ in range(10):
        await post(client, path, body)
    assert await conn.fetchval("select attempts from staff_sign_in") == 3


def test_numbers_are_sensible():
    for name, (most, seconds) in LIMITS.items():
        assert most >= 5, name
        assert most / seconds * 60 <= 6000, name
    assert LIMITS["refresh_account"][0] >= 50, "fifty parallel refreshes are no attack"
    assert LIMITS["refresh_device"][0] >= 50


# Whose address it is


def request_from(remote, *forwarded):
    transport = Mock()
    transport.get_extra_info.side_effect = lambda name, default=None: (
        (remote, 4000) if name == "peername" and remote else default
    )
    headers = [("X-Forwarded-For", value) for value in forwarded]
    return make_mocked_request("GET", "/", headers=dict(headers), transport=transport)


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "expected"),
    [
        (0, "192.0.2.1", [], "192.0.2.1"),
        (0, "192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        (1, "10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        (1, "10.0.0.1", ["198.51.100.7, 203.0.113.9"], "203.0.113.9"),
        (2, "10.0.0.1", ["198.51.100.7, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (2, "10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        (1, "10.0.0.1", [], "10.0.0.1"),
        (1, "10.0.0.1", [" , ,"], "10.0.0.1"),
        (1, "10.0.0.1", ["not an address"], "unknown"),
        (0, "2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        (0, "::ffff:192.0.2.1", [], "192.0.2.1"),
        (0, None, [], "unknown"),
    ],
)
def test_the_address_is_taken_from_proxies_only_as_far_as_they_are_ours(proxies, remote, forwarded, expected):
    assert client_network(request_from(remote, *forwarded), proxies) == expected


# The store


async def test_memory_counts_by_window_and_forgets(clock):
    memory = ProcessMemory(clock)
    assert [await memory.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    clock.move(seconds=30)
    assert await memory.incr("b", 60) == 1
    assert await memory.get_expiry("a") == clock.now.timestamp() + 30
    clock.move(seconds=30)
    assert await memory.get("a") == 0
    assert await memory.incr("a", 60) == 1
    clock.move(seconds=60)
    await memory.incr("c", 60)
    assert list(memory._counts) == ["c"]


async def test_memory_is_bounded(clock):
    memory = ProcessMemory(clock, most=100)
    await memory.incr("long", 3600)
    for n in range(1000):
        await memory.incr(f"short {n}", 60)
    assert len(memory._counts) == len(memory._order) == 100
    assert await memory.incr("long", 3600) == 2
    await memory.clear("long")
    assert await memory.reset() == 99


class Broken(ProcessMemory):
    """A shared store that can be made to fail or to hang."""

    trouble: str | None = None
    asked = 0

    async def incr(self, key, expiry, amount=1):
        type(self).asked += 1
        if self.trouble == "fails":
            raise ConnectionError("secret address of the store")
        if self.trouble == "hangs":
            await asyncio.sleep(60)
        return await super().incr(key, expiry, amount)


@pytest.fixture
def broken(clock, vault, monkeypatch):
    monkeypatch.setattr(throttle, "LIMITS", {"test": (3, 60)})
    monkeypatch.setattr(throttle, "STORE_SECONDS", 0.01)
    monkeypatch.setattr(Broken, "asked", 0)
    store, metrics = Broken(clock), Metrics()
    now = [1000.0]
    return store, Throttle(store, clock, vault, metrics, 0, seconds=lambda: now[0]), metrics, now


@pytest.mark.parametrize("trouble", ["fails", "hangs"])
async def test_without_its_store_a_process_counts_alone(broken, trouble, capsys):
    store, limiter, metrics, now = broken
    store.trouble = trouble
    for _ in range(3):
        await limiter.hit("test", "somebody")
    with pytest.raises(TooMany) as refusal:
        await limiter.hit("test", "somebody")
    assert refusal.value.facts == {"retry_after": 60}
    assert Broken.asked == 1, "a store that failed is left in peace for a while"
    assert metrics.registry.get_sample_value("xiaotuo_throttle_store_failures_total") == 1
    assert "secret address" not in capsys.readouterr().out
    store.trouble = None
    now[0] += STORE_REST_SECONDS
    await limiter.hit("test", "somebody")
    assert Broken.asked == 2


async def test_processes_share_what_a_shared_store_counts(clock, vault, monkeypatch):
    monkeypatch.setattr(throttle, "LIMITS", {"test": (3, 60)})
    store = ProcessMemory(clock)
    first, second = (Throttle(store, clock, vault, Metrics(), 0) for _ in range(2))
    for each in (first, second, first):
        await each.hit("test", "somebody")
    for each in (first, second):
        with pytest.raises(TooMany):
            await each.hit("test", "somebody")
        await each.hit("test", "somebody", "else")


async def test_keys_are_not_kept_in_clear(clock, vault, monkeypatch):
    monkeypatch.setattr(throttle, "LIMITS", {"test": (3, 60)})
    store = ProcessMemory(clock)
    await Throttle(store, clock, vault, Metrics(), 0).hit("test", "13800000000")
    assert "13800000000" not in next(iter(store._counts))


@pytest.mark.parametrize("url", ["nonsense", "async+nonsense://host", "redis-without-scheme"])
def test_a_store_that_does_not_exist_stops_the_start_and_keeps_its_password(clock, url):
    with pytest.raises(SettingError, match="THROTTLE_URL") as error:
        open_store(f"{url}?password=secret", clock)
    assert "secret" not in str(error.value)


async def test_a_resident_at_work_is_not_limited(client, app, conn):
    resident = await make.resident(conn, app)
    for _ in range(50):
        response = await client.get("/v1/sessions", headers=resident.headers)
        assert response.status == 200
