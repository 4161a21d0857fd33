"""The database's clock decides: a host whose own clock is wrong releases at the same moment as every other."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import structlog

from domain.vocabulary import Role
from handlers.request import CLOCK
from server import database_clock
from server.app import build_app, build_file_store
from server.chores import CHORES
from server.database_clock import SAMPLES, DatabaseClock
from server.metrics import METRICS, Metrics
from server.worker import Worker
from sql.adapter import Adapter
from tests import make
from tests.booking_world import book
from tests.running import eventually

START = 1_800_000_000.0


class World:
    """A database that answers in `trip` seconds, reading its clock after `share` of it, and a machine without one."""

    def __init__(self):
        self.monotonic, self.database, self.trip, self.share = 100.0, START, 0.002, 0.5

    def move(self, seconds):
        self.monotonic += seconds
        self.database += seconds

    async def fetchval(self, _statement):
        self.move(self.trip * self.share)
        told = datetime.fromtimestamp(self.database, UTC)
        self.move(self.trip * (1 - self.share))
        return told

    def off(self, clock):
        return clock().timestamp() - self.database


def value(metrics, name):
    read = metrics.registry.get_sample_value(f"xiaotuo_clock_{name}")
    assert read is not None
    return read


@pytest.fixture
def world():
    return World()


@pytest.fixture
def measured_clock(world):
    return DatabaseClock(Metrics(), monotonic=lambda: world.monotonic, wall=lambda: START + 3600)


async def test_it_shows_the_databases_time_within_half_a_round_trip(world, measured_clock):
    assert world.off(measured_clock) == pytest.approx(3600), "not measured yet"
    for world.share in (0, 0.5, 1):
        await measured_clock.measure(world)
        assert abs(world.off(measured_clock)) <= world.trip / 2 + 1e-4
    world.move(3)
    assert abs(world.off(measured_clock)) <= world.trip / 2 + 1e-4


async def test_the_quickest_of_several_answers_is_believed(world, measured_clock):
    trips = iter([5.0] * (SAMPLES - 1) + [0.001])
    ask = world.fetchval

    async def unevenly(statement):
        world.trip, world.share = next(trips), 1
        return await ask(statement)

    world.fetchval = unevenly
    await measured_clock.measure(world)
    assert abs(world.off(measured_clock)) < 0.001


async def test_slow_answers_do_not_move_a_clock_that_is_right(world, measured_clock):
    await measured_clock.measure(world)
    world.trip, world.share = 2.0, 1
    await measured_clock.measure(world)
    assert abs(world.off(measured_clock)) < 0.002


async def test_it_follows_a_database_whose_clock_was_set(world, measured_clock):
    await measured_clock.measure(world)
    for jump in (-30, 0.2):
        world.database += jump
        with structlog.testing.capture_logs() as logs:
            await measured_clock.measure(world)
        assert abs(world.off(measured_clock)) < 0.002
        assert bool(logs) is (jump == -30)


async def test_it_corrects_a_monotonic_clock_that_drifts(world, measured_clock):
    await measured_clock.measure(world)
    for _ in range(1000):
        world.move(5)
        world.database += 5 * 50e-6
        await measured_clock.measure(world)
        assert abs(world.off(measured_clock)) < 0.003


async def test_a_wrong_wall_clock_does_not_matter(database, conn):
    metrics = Metrics()
    clock = DatabaseClock(metrics, wall=lambda: 0.0)
    await clock.measure(conn)
    assert abs(clock() - await conn.fetchval("select clock_timestamp()")) < timedelta(seconds=0.5)
    assert value(metrics, "ahead_seconds") > 1e9
    assert 0 < value(metrics, "error_seconds") < 0.5


async def test_while_it_cannot_be_measured_the_last_distance_holds(database, conn, monkeypatch):
    monkeypatch.setattr(database_clock, "RECONNECT_SECONDS", 0.01)
    metrics = Metrics()
    clock = DatabaseClock(metrics, wall=lambda: 0.0)
    await clock.measure(conn)

    async def away(*_arguments, **_options):
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncpg, "connect", away)
    keeping = asyncio.create_task(clock.keep(database))
    await eventually(lambda: value(metrics, "failures_total") >= 3)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert abs(clock() - await conn.fetchval("select clock_timestamp()")) < timedelta(seconds=0.5)


def test_the_service_goes_by_it_unless_given_another(settings, clock):
    assert isinstance(build_app(settings)[CLOCK], DatabaseClock)
    assert build_app(settings, clock)[CLOCK] is clock


WRONG_WALL_CLOCK = """
import time

real, real_ns = time.time, time.time_ns
time.time = lambda: real() + {seconds}
time.time_ns = lambda: real_ns() + {seconds} * 10**9
"""


@pytest.fixture
def start_with_wrong_clock(start, tmp_path):
    async def begin(hours):
        folder = tmp_path / f"wrong-by-{hours}"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(WRONG_WALL_CLOCK.format(seconds=hours * 3600))
        process = await start(PYTHONPATH=str(folder))
        await process.says("Serving")
        return process

    return begin


async def test_hosts_with_wrong_clocks_release_at_the_moment_of_the_database(start_with_wrong_clock, conn, parts, web):
    processes = [await start_with_wrong_clock(hours) for hours in (-5, 5)]
    for process in processes:
        async with web.get(f"http://127.0.0.1:{process.metrics_port}/metrics") as figures:
            [ahead] = [line for line in (await figures.text()).splitlines() if line.startswith("xiaotuo_clock_ahead")]
            assert abs(abs(float(ahead.split()[1])) - 5 * 3600) < 60, "the clock of the process is not wrong at all"
    now = await conn.fetchval("select clock_timestamp()")
    release_at = now + timedelta(seconds=3)
    slot_id = await make.slot(conn, starts_at=now + timedelta(days=3), release_at=release_at, public=2)
    residents = [await make.resident(conn, parts) for _ in processes]

    async def until_released(process, resident):
        refused = None
        while True:
            asked = await conn_time()
            body = {"slot_id": str(slot_id), "person_id": str(resident.person_id)}
            headers = {**resident.headers, **make.key()}
            async with web.post(f"{process.url}/v1/bookings", json=body, headers=headers) as response:
                answer = await response.json()
            if response.status == 201:
                return refused, await conn_time()
            assert (response.status, answer["code"]) == (409, "not_released")
            assert datetime.fromisoformat(answer["release_at"]) == release_at
            refused = asked
            await asyncio.sleep(0.2)  # else it is taken for a script

    turn = asyncio.Lock()

    async def conn_time():
        async with turn:
            return await conn.fetchval("select clock_timestamp()")

    answers = await asyncio.gather(*map(until_released, processes, residents))
    slack = timedelta(milliseconds=20)
    for refused, granted in answers:
        assert refused is not None, "released before it was asked"
        assert refused - slack < release_at < granted + slack
    made = await conn.fetch("select created_at from booking")
    assert len(made) == 2
    assert min(row["created_at"] for row in made) >= release_at


async def everything(conn):
    """Return all rows of all tables but the note of when chores were done."""
    tables = await conn.fetch(
        "select tablename from pg_tables where schemaname = 'public' and tablename not in ('chore_done', 'migration')"
    )
    return {
        row["tablename"]: await conn.fetch(f'select to_jsonb(t)::text from "{row["tablename"]}" as t order by 1')
        for row in tables
    }


@pytest.fixture
def statements(monkeypatch):
    """The names of the queries that the service asks, in order."""
    asked = []
    for way in ("select", "select_one", "select_value", "insert_update_delete"):
        real = getattr(Adapter, way)

        def note(self, conn, name, *arguments, real=real):
            asked.append(name)
            return real(self, conn, name, *arguments)

        monkeypatch.setattr(Adapter, way, note)

    def taken():
        names = list(asked)
        asked.clear()
        return names

    return taken


async def test_nothing_happens_at_the_release_but_that_the_time_has_come(
    client, conn, app, clock, settings, vault, statements
):
    service_id = await make.service(conn)
    release_at = clock.now + timedelta(minutes=5)
    slot_id = await make.slot(conn, service_id, release_at=release_at, public=20, assisted=5, counter=5)
    released_long_ago = await make.slot(conn, await make.service(conn), public=20)
    await make.staff(conn, app, Role.CLERK)
    early, late, other = [await make.resident(conn, app) for _ in range(3)]
    housekeeper = Worker(settings.database_url, build_file_store(settings, vault), vault, clock, app[METRICS])

    async def shown():
        await asyncio.sleep(0.1)  # longer than an answer is kept
        statements()
        async with client.get(f"/v1/services/{service_id}/slots", params={"date": "2026-11-25"}) as response:
            return (await response.json())["items"], statements()

    clock.now = release_at - timedelta(microseconds=1)
    refused = await book(client, early, slot_id)
    assert (refused.code, datetime.fromisoformat(refused.body["release_at"])) == ("not_released", release_at)
    slots_before, asked_before = await shown()
    assert {slot["state"] for slot in slots_before} == {"not_released"}
    await housekeeper.turn(conn, CHORES)
    before = await everything(conn)

    clock.now = release_at
    await housekeeper.turn(conn, CHORES)
    slots_after, asked_after = await shown()
    assert await everything(conn) == before, "something was written at the release"
    assert {slot["state"] for slot in slots_after} == {"open"}
    assert asked_after == asked_before

    statements()
    assert (await book(client, late, slot_id)).status == 201
    asked_at_release = statements()
    assert (await book(client, other, released_long_ago)).status == 201
    assert asked_at_release == statements()
