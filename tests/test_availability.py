from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest

import sql
from domain import availability
from domain.errors import NotFound
from domain.vocabulary import LOCAL_ZONE
from handlers.short_cache import SECONDS, ShortCache
from tests import make


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=LOCAL_ZONE)


async def get(client, path):
    response = await client.get(path)
    return response.status, await response.json()


async def slots_of(client, service_id, day="2026-11-25"):
    status, body = await get(client, f"/v1/services/{service_id}/slots?date={day}")
    assert status == 200
    return body["items"]


async def days_of(client, service_id, first="2026-11-23", last="2026-11-29"):
    status, body = await get(client, f"/v1/services/{service_id}/days?from={first}&to={last}")
    assert status == 200
    return {item["date"]: item for item in body["items"]}


async def test_each_slot_says_what_it_is_to_a_resident(client, conn, clock):
    service_id = await make.service(conn)
    await make.slot(conn, service_id, starts_at=at(25, 8), public=3, assisted=2, counter=4, resource="张医生")
    full = await make.slot(conn, service_id, starts_at=at(25, 9), public=1, assisted=1)
    await conn.execute("update slot_pool set taken = 1, issued = 1 where slot_id = $1 and channel = 'public'", full)
    await make.slot(conn, service_id, starts_at=at(25, 10), public=5, release_at=at(23, 7))
    await make.slot(conn, service_id, starts_at=at(25, 11), public=5, state="closed")
    await make.slot(conn, service_id, starts_at=at(25, 12), public=5, order_until=at(23, 6))
    await make.slot(conn, service_id, starts_at=at(26, 0), public=5)

    shown = await slots_of(client, service_id)
    assert [(item["starts_at"][11:16], item["state"], item["remaining"]) for item in shown] == [
        ("08:00", "open", {"public": 3, "assisted": 2}),
        ("09:00", "full", {"public": 0, "assisted": 1}),
        ("10:00", "not_released", {"public": 5, "assisted": 0}),
        ("11:00", "closed", {"public": 0, "assisted": 0}),
        ("12:00", "closed", {"public": 0, "assisted": 0}),
    ]
    assert [(item["closed_because"], item["closed_reason"]) for item in shown] == [
        (None, None),
        (None, None),
        (None, None),
        ("provider", "测试关闭"),
        ("order_stopped", None),
    ]
    assert shown[0].keys() >= {"id", "starts_at", "ends_at", "release_at", "state", "remaining", "resource"}
    assert shown[0]["resource"] == "张医生"
    assert shown[2]["release_at"] == "2026-11-23T07:00:00+08:00"

    clock.move(minutes=30)
    await asyncio.sleep(SECONDS)
    assert [item["state"] for item in await slots_of(client, service_id)][2] == "open"
    clock.now = at(25, 8)
    await asyncio.sleep(SECONDS)
    assert (await slots_of(client, service_id))[0]["state"] == "closed"


async def test_each_day_of_a_range_says_what_it_offers(client, conn):
    service_id = await make.service(conn)
    for hour in (8, 9):
        await make.slot(conn, service_id, starts_at=at(24, hour), public=3, assisted=1, counter=9)
    full = await make.slot(conn, service_id, starts_at=at(24, 10), public=2)
    await conn.execute("update slot_pool set taken = 2, issued = 2 where slot_id = $1", full)
    await make.slot(conn, service_id, starts_at=at(24, 11), public=7, state="closed")
    full = await make.slot(conn, service_id, starts_at=at(25, 8), public=1, assisted=4)
    await conn.execute("update slot_pool set taken = 1, issued = 1 where slot_id = $1 and channel = 'public'", full)
    await make.slot(conn, service_id, starts_at=at(26, 8), public=2, release_at=at(24, 7))
    await make.slot(conn, service_id, starts_at=at(26, 9), public=2, release_at=at(23, 7))
    await make.slot(conn, service_id, starts_at=at(27, 8), state="closed")
    await make.slot(conn, service_id, starts_at=at(28, 0), public=1)
    await make.slot(conn, service_id, starts_at=at(28, 23, 30), public=1)

    days = await days_of(client, service_id)
    assert list(days) == [f"2026-11-{day}" for day in range(23, 30)]
    assert {
        date[8:]: (item["state"], item["open_slots"], *item["remaining"].values()) for date, item in days.items()
    } == {
        "23": ("none", 0, 0, 0),
        "24": ("open", 2, 6, 2),
        "25": ("full", 0, 0, 4),
        "26": ("not_released", 0, 4, 0),
        "27": ("closed", 0, 0, 0),
        "28": ("open", 2, 2, 0),
        "29": ("none", 0, 0, 0),
    }
    assert days["2026-11-26"]["release_at"] == "2026-11-23T07:00:00+08:00"
    assert {item["release_at"] for date, item in days.items() if date != "2026-11-26"} == {None}


async def test_a_booking_is_seen_once_the_moment_is_over(client, conn, app):
    service_id = await make.service(conn)
    slot_id = await make.slot(conn, service_id, public=2)
    assert (await slots_of(client, service_id))[0]["remaining"]["public"] == 2
    await make.booking(conn, slot_id, await make.resident(conn, app))
    await asyncio.sleep(SECONDS)
    assert (await slots_of(client, service_id))[0]["remaining"]["public"] == 1


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("days?from=2026-11-23&to=", {"to"}),
        ("days?from=2026-11-23&to=2026-11-22", {"to"}),
        ("days?from=2026-11-23&to=2027-01-24", {"to"}),
        ("days?from=tomorrow&to=2026-11-23", {"from"}),
        ("days?from=0001-01-01&to=0001-01-02", {"from", "to"}),
        ("slots", {"date"}),
        ("slots?date=2026-11-31", {"date"}),
        ("slots?date=9999-12-31", {"date"}),
        ("slots?date=2026-11-25&channel=public", {"channel"}),
    ],
)
async def test_a_range_that_makes_no_sense_is_refused_by_field(client, conn, query, errors):
    status, body = await get(client, f"/v1/services/{await make.service(conn)}/{query}")
    assert (status, body["code"], body["errors"].keys()) == (400, "invalid_input", errors)


async def test_a_whole_range_of_62_days_is_answered_and_an_unknown_service_is_not(client, conn):
    service_id = await make.service(conn)
    assert len(await days_of(client, service_id, "2026-11-23", "2027-01-23")) == 62
    assert await slots_of(client, service_id) == []
    for path in ("slots?date=2026-11-23", "days?from=2026-11-23&to=2026-11-24"):
        status, body = await get(client, f"/v1/services/{uuid4()}/{path}")
        assert (status, body["code"]) == (404, "service_not_found")


# The moment that answers are kept


class Loader:
    """Counts how often it is asked, and answers when it is told to."""

    def __init__(self):
        self.asked = 0
        self.go = asyncio.Event()
        self.error = None

    async def __call__(self):
        self.asked += 1
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return b"answer %d" % self.asked


async def test_a_crowd_that_asks_the_same_costs_one_query():
    cache, load = ShortCache(), Loader()
    crowd = [asyncio.create_task(cache.get("key", load)) for _ in range(100)]
    await asyncio.sleep(SECONDS * 2)
    crowd += [asyncio.create_task(cache.get("key", load)) for _ in range(100)]
    await asyncio.sleep(0)
    load.go.set()
    answers = await asyncio.gather(*crowd)
    assert {answer.body for answer in answers} == {b"answer 1"}
    assert load.asked == 1
    assert (await cache.get("other", load)).body == b"answer 2"


async def test_an_answer_is_kept_for_a_moment_only():
    cache, load = ShortCache(), Loader()
    load.go.set()
    bodies = [(await cache.get("key", load)).body for _ in range(3)]
    await asyncio.sleep(SECONDS)
    bodies.append((await cache.get("key", load)).body)
    assert bodies == [b"answer 1"] * 3 + [b"answer 2"]


async def test_who_hangs_up_does_not_take_the_answer_from_the_others():
    cache, load = ShortCache(), Loader()
    first = asyncio.create_task(cache.get("key", load))
    await asyncio.sleep(0)
    other = asyncio.create_task(cache.get("key", load))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    load.go.set()
    assert (await other).body == b"answer 1"
    assert first.cancelled()


async def test_a_failure_is_told_to_all_who_wait_and_kept_for_nobody():
    cache, load = ShortCache(), Loader()
    load.error = NotFound("service_not_found")
    crowd = [asyncio.create_task(cache.get("key", load)) for _ in range(5)]
    await asyncio.sleep(0)
    load.go.set()
    assert [type(each) for each in await asyncio.gather(*crowd, return_exceptions=True)] == [NotFound] * 5
    load.error = None
    assert (await cache.get("key", load)).body == b"answer 2"


async def test_the_answers_kept_are_bounded():
    cache, load = ShortCache(seconds=60, most=10), Loader()
    load.go.set()
    for key in range(100):
        await cache.get(key, load)
    assert len(cache._entries) == 10
    await cache.get(99, load)
    assert load.asked == 100
    await cache.get(0, load)
    assert load.asked == 101


async def test_a_crowd_on_one_day_costs_one_query_over_http(client, conn, monkeypatch):
    service_id = await make.service(conn)
    await make.slot(conn, service_id)
    asked, slots = [], availability.slots

    async def counted(conn, ctx, service_id, day):
        asked.append(day)
        await asyncio.sleep(0.1)
        return await slots(conn, ctx, service_id, day)

    monkeypatch.setattr(availability, "slots", counted)
    answers = await asyncio.gather(*(client.get(f"/v1/services/{service_id}/slots?date=2026-11-25") for _ in range(60)))
    assert {response.status for response in answers} == {200}
    assert len({response.headers["ETag"] for response in answers}) == 1
    assert len(asked) == 1


# Plans


class Explainer:
    """Stands in for a connection: tells the plan of a query instead of running it."""

    def __init__(self, conn):
        self.conn = conn

    async def fetch(self, query, *given):
        waiting = [orjson.loads(await self.conn.fetchval(f"explain (format json) {query}", *given))[0]["Plan"]]
        found = set()
        while waiting:
            node = waiting.pop()
            found.add((node["Node Type"], node.get("Relation Name")))
            waiting += node.get("Plans", [])
        return found


@pytest.fixture
async def crowded(conn):
    """Forty services with five hundred slots each, as a full database would have them."""
    policy_id = await conn.fetchval("select id from policy")
    provider_id = await make.provider(conn)
    services = [await make.service(conn, provider_id=provider_id) for _ in range(40)]
    await conn.execute(
        """insert into slot (id, service_id, policy_id, day, starts_at, ends_at, release_at, order_until, cancel_until)
           select gen_random_uuid(), service_id, $2, (at at time zone 'Asia/Shanghai')::date, at,
                  at + interval '30 minutes', at, at, at
           from unnest($1::uuid[]) as service_id,
                generate_series(timestamptz '2026-11-20', '2026-11-30', interval '30 minutes') as at""",
        services,
        policy_id,
    )
    await conn.execute("insert into slot_pool (slot_id, channel, capacity) select id, 'public', 5 from slot")
    await conn.execute("insert into slot_pool (slot_id, channel, capacity) select id, 'assisted', 1 from slot")
    await conn.execute("analyze")
    return services[7]


async def test_hot_queries_go_by_indexes(conn, crowded):
    span = {"service_id": crowded, "begins": at(25, 0), "ends": at(26, 0)}
    days = {"first": at(25, 0).date(), "last": at(25, 0).date()}
    explainer = Explainer(conn)
    for found in (
        await sql.availability.slots(explainer, **span, now=at(23, 7)),
        await sql.availability.days(explainer, **span, **days, now=at(23, 7)),
        await sql.slots.list_of_service(explainer, **span, after=None, limit=21),
        await sql.slots.lock_pools_of_span(explainer, **span),
    ):
        assert found.isdisjoint({("Seq Scan", "slot"), ("Seq Scan", "slot_pool")})
        assert any("Index" in kind for kind, _ in found)


async def test_days_are_two_weeks_from_today_unless_told(client, conn):
    service_id = await make.service(conn)
    await make.slot(conn, service_id)
    status, body = await get(client, f"/v1/services/{service_id}/days")
    assert status == 200
    assert (body["items"][0]["date"], body["items"][-1]["date"]) == ("2026-11-23", "2026-12-06")


# One statement an answer, and none sent twice


@pytest.fixture
def statements(monkeypatch):
    """Write down every statement that any connection of this process sends."""
    sent: list[str] = []
    connection: Any = asyncpg.Connection
    prepared, plain = connection._execute, connection.execute

    async def execute_prepared(self, query, *given, **options):
        sent.append(query)
        return await prepared(self, query, *given, **options)

    async def execute_plain(self, query, *given, **options):
        sent.append(query)
        return await plain(self, query, *given, **options)

    monkeypatch.setattr(connection, "_execute", execute_prepared)
    monkeypatch.setattr(connection, "execute", execute_plain)
    return sent


@pytest.fixture
async def busy_service(conn):
    """A service with thirty days of eight slots, of three pools each."""
    service_id = await make.service(conn)
    policy_id = await make.policy(conn, service_id=service_id)
    for number in range(240):
        starts_at = at(23, 8) + timedelta(days=number // 8, minutes=30 * (number % 8))
        given: Any = {"policy_id": policy_id, "starts_at": starts_at, "public": 3, "assisted": 1, "counter": 1}
        await make.slot(conn, service_id, **given)
    return service_id


@pytest.mark.parametrize("query", ["days?from=2026-11-23&to=2026-12-22", "slots?date=2026-12-01"])
async def test_thirty_days_and_the_slots_of_a_day_are_one_statement_each(client, busy_service, statements, query):
    before = [query for query in statements if "slot" in query or "service" in query]
    status, body = await get(client, f"/v1/services/{busy_service}/{query}")
    assert (status, len(body["items"])) == (200, 30 if query.startswith("days") else 8)
    assert len([query for query in statements if "slot" in query or "service" in query]) == len(before) + 1


@pytest.mark.parametrize("query", ["days?from=2026-11-23&to=2026-12-22", "slots?date=2026-12-01"])
async def test_who_has_the_answer_is_sent_304_until_it_changes(client, conn, app, busy_service, query):
    url = f"/v1/services/{busy_service}/{query}"
    first = await client.get(url)
    tag = first.headers["ETag"]
    assert (first.status, first.headers["Cache-Control"]) == (200, "no-cache")
    again = await client.get(url, headers={"If-None-Match": tag})
    assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", tag)
    slot_id = await conn.fetchval("select id from slot where day = '2026-12-01' order by starts_at limit 1")
    await make.booking(conn, slot_id, await make.resident(conn, app))
    await asyncio.sleep(SECONDS)
    changed = await client.get(url, headers={"If-None-Match": tag})
    assert changed.status == 200
    assert changed.headers["ETag"] != tag
    assert (await changed.json())["items"] != (await first.json())["items"]
    anything = await client.get(url, headers={"If-None-Match": "*"})
    assert anything.status == 304


async def test_a_304_costs_the_database_no_more_than_the_answer(client, busy_service, statements):
    url = f"/v1/services/{busy_service}/slots?date=2026-12-01"
    tag = (await client.get(url)).headers["ETag"]
    await asyncio.sleep(SECONDS)
    before = len([query for query in statements if "slot" in query or "service" in query])
    answers = await asyncio.gather(*(client.get(url, headers={"If-None-Match": tag}) for _ in range(50)))
    assert {answer.status for answer in answers} == {304}
    assert len([query for query in statements if "slot" in query or "service" in query]) <= before + 2
