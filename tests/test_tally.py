"""A town behind one address books at 07:00 undisturbed; a script is stopped, by its account and by its address."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import TooMany
from domain.vocabulary import Role
from server import tally
from server.app import build_app
from server.tally import LIMITS, Window, tells_clients_apart
from tests import make
from tests.booking_world import book, loose_slot, move

TOWN = {"X-Forwarded-For": "1.2.3.4"}
OTHER_TOWN = {"X-Forwarded-For": "2408:8400:1:2::9"}


class From:
    """Somebody behind a certain address."""

    def __init__(self, who, address):
        self.person_id, self.account_id = who.person_id, who.account_id
        self.headers = who.headers | address


@pytest.fixture
async def start(settings, clock, monkeypatch):
    """Start the service with limits of its own, behind a proxy that says who calls."""
    async with AsyncExitStack() as stack:

        async def go(**limits):
            monkeypatch.setattr(tally, "LIMITS", {**LIMITS, **limits})
            app = build_app(replace(settings, trusted_proxies=1), clock)
            return await stack.enter_async_context(TestClient(TestServer(app)))

        yield go


async def test_a_town_behind_one_address_is_not_locked_out_at_seven(start, conn, app):
    client = await start()
    service_id = await make.service(conn)
    slot_id = await loose_slot(conn, service_id, public=300)
    town = [From(await make.resident(conn, app), TOWN) for _ in range(300)]
    answers = await asyncio.gather(*(book(client, who, slot_id) for who in town))
    assert Counter(answer.status for answer in answers) == {201: 300}
    for who in town[:100]:
        async with client.get(f"/v1/services/{service_id}/days", headers=who.headers) as response:
            assert response.status == 200


async def test_a_script_is_stopped_by_its_account_wherever_it_calls_from(start, conn, app):
    client = await start()
    who = await make.resident(conn, app)
    slot_id = await loose_slot(conn, public=0)
    most = LIMITS["booking_account"][0]
    scattered = [From(who, {"X-Forwarded-For": f"1.2.{n % 250}.4"}) for n in range(most + 30)]
    answers = [await book(client, each, slot_id) for each in scattered]
    assert Counter(answer.code for answer in answers) == {"slot_full": most, "too_many_requests": 30}
    assert 1 <= int(answers[-1].retry_after or 0) <= 60
    neighbour = From(await make.resident(conn, app), TOWN)
    assert (await book(client, neighbour, slot_id)).code == "slot_full"


async def test_a_script_with_many_accounts_is_stopped_by_its_address(start, conn, app):
    client = await start(booking_address=(20, 60))
    slot_id = await loose_slot(conn, public=99)
    people = [await make.resident(conn, app) for _ in range(25)]
    answers = [await book(client, From(who, TOWN), slot_id) for who in people]
    assert [answer.status for answer in answers] == [201] * 20 + [429] * 5
    assert (await book(client, From(people[-1], OTHER_TOWN), slot_id)).status == 201


async def test_moving_counts_as_booking_and_the_desk_does_not_count(start, conn, app):
    client = await start(booking_account=(2, 60))
    service_id = await make.service(conn)
    first, second = (
        await loose_slot(conn, service_id, public=5),
        await loose_slot(conn, service_id, public=9, resource="二"),
    )
    who = await make.resident(conn, app)
    made = await book(client, who, first)
    assert (await move(client, who, made.body["id"], second)).status == 201
    assert (await move(client, who, made.body["id"], second)).status == 429
    provider_id = await conn.fetchval("select provider_id from service where id = $1", service_id)
    clerk = await make.staff(conn, app, Role.CLERK, provider_id=provider_id)
    for _ in range(4):
        guest = await make.resident(conn, app)
        assert (await book(client, clerk, second, guest.person_id)).status == 201


async def test_looking_is_limited_too(start, conn, app):
    client = await start(availability_address=(5, 60), availability_account=(3, 60))
    service_id = await make.service(conn)
    who = await make.resident(conn, app)

    async def look(headers, path="days"):
        query = {"date": "2026-11-25"} if path == "slots" else {}
        async with client.get(f"/v1/services/{service_id}/{path}", params=query, headers=headers) as response:
            return response.status

    assert [await look(who.headers | OTHER_TOWN) for _ in range(4)] == [200, 200, 200, 429]
    assert [await look(TOWN, path) for path in ("days", "slots") * 3] == [200] * 5 + [429]
    assert await look(OTHER_TOWN) == 200
    assert await look({"Authorization": "Bearer nonsense", "X-Forwarded-For": "1.2.9.9"}) == 200


def test_the_network_of_the_house_is_not_counted():
    """There sits a proxy that nobody told us of, or the hospital's own desks."""
    for network in ("127.0.0.1", "10.1.2.3", "192.168.0.9", "fd00::/64", "unknown"):
        assert not tells_clients_apart(network)
    for network in ("1.2.3.4", "2408:8400:1:2::/64"):
        assert tells_clients_apart(network)


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from("ab")), max_size=60), st.integers(1, 5))
def test_no_window_lets_more_through_and_refuses_nobody_below(calls, most):
    now = 0.0
    window = Window(most, 30, lambda: now)
    ends, passed = 0.0, Counter[str]()
    for pause, key in calls:
        now += pause
        if now >= ends:
            ends, passed = now + 30, Counter()
        if passed[key] < most:
            window.hit(key)
            passed[key] += 1
            continue
        with pytest.raises(TooMany) as refused:
            window.hit(key)
        assert ends - now <= refused.value.facts["retry_after"] <= 30


def test_a_window_holds_no_more_keys_than_it_may(monkeypatch):
    monkeypatch.setattr(tally, "MOST_KEYS", 3)
    window = Window(1, 60, lambda: 0.0)
    for key in "abcdef":
        window.hit(key)
    with pytest.raises(TooMany):
        window.hit("a")
    window.hit("f")
