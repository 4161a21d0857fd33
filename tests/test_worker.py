"""The worker: one leads, another follows within seconds, chores do not stop each other, and stopping is graceful."""

from __future__ import annotations

import asyncio
import signal
from datetime import time, timedelta

import asyncpg
import pytest
import structlog

from domain.errors import Unavailable
from server import worker
from server.app import build_file_store
from server.chores import CHORES, Chore, once, until_nothing_is_left
from server.metrics import Metrics
from server.worker import ADVISORY_LOCK, Worker
from tests import make
from tests.running import eventually

SOON = 10.0


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def build(settings, vault, clock, metrics):
    def with_chores(*chores, **changes):
        store = build_file_store(settings, vault)
        return Worker(settings.database_url, store, vault, clock, changes.get("metrics", metrics), chores or CHORES)

    return with_chores


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(worker, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(worker, "RECONNECT_SECONDS", 0.02)


class Counting:
    """A chore that counts how often it was done."""

    def __init__(self):
        self.times = 0
        self.news = asyncio.Event()

    async def __call__(self, _work):
        self.times += 1
        self.news.set()
        return {"rows": 1}

    async def done_again(self):
        self.news.clear()
        await asyncio.wait_for(self.news.wait(), SOON)


class Running:
    def __init__(self, *workers):
        self.workers = workers

    async def __aenter__(self):
        self.tasks = [asyncio.create_task(each.run()) for each in self.workers]
        return self

    async def __aexit__(self, *_):
        for each in self.workers:
            each.stop()
        await asyncio.wait_for(asyncio.gather(*self.tasks), SOON)


async def old_key(conn, app, clock, days):
    resident = await make.resident(conn, app)
    await conn.execute(
        """insert into idempotency_key (account_id, operation, key, fingerprint, created_at)
           values ($1, 'POST /v1/x', 'key-of-a-test', 'x', $2)""",
        resident.account_id,
        clock.now - timedelta(days=days),
    )


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, labels)


async def test_a_turn_forgets_what_is_old_and_keeps_the_rest(conn, app, clock, build, metrics):
    await old_key(conn, app, clock, days=6)
    await old_key(conn, app, clock, days=8)
    assert await build().turn(conn, CHORES) == [chore.name for chore in CHORES]
    assert await conn.fetchval("select count(*) from idempotency_key") == 1
    assert value(metrics, "xiaotuo_chore_seconds_count", chore="idempotency_keys") == 1
    assert value(metrics, "xiaotuo_chore_rows_total", chore="idempotency_keys", kind="rows") == 1


async def test_a_chore_is_due_again_when_its_time_has_passed(conn, clock, build):
    chores = (Chore("minutely", Counting(), seconds=60), Chore("quick", Counting(), seconds=1))
    housekeeper = build(*chores)
    assert await housekeeper.turn(conn, chores) == ["minutely", "quick"]
    assert await housekeeper.turn(conn, chores) == ["quick"]
    clock.move(seconds=59)
    assert await housekeeper.turn(conn, chores) == ["quick"]
    clock.move(seconds=1)
    assert await housekeeper.turn(conn, chores) == ["minutely", "quick"]


async def test_a_nightly_chore_is_done_once_a_night_by_local_time(conn, clock, build):
    chores = (Chore("nightly", Counting(), at=time(7)),)
    housekeeper = build(*chores)
    assert await housekeeper.turn(conn, chores) == ["nightly"], "never done yet"
    clock.move(minutes=29)
    assert await housekeeper.turn(conn, chores) == []
    clock.move(minutes=1)
    assert await housekeeper.turn(conn, chores) == ["nightly"], "it is 07:00 in Alxa"
    clock.move(hours=23)
    assert await housekeeper.turn(conn, chores) == []
    clock.move(hours=49)
    assert await housekeeper.turn(conn, chores) == ["nightly"]
    assert await housekeeper.turn(conn, chores) == []


async def test_who_leads_next_knows_what_was_done(conn, clock, build):
    slow = Counting()
    quick = Counting()
    chores = (Chore("slow", slow, seconds=3600), Chore("quick", quick, seconds=1))
    for _ in range(2):
        async with Running(build(*chores)):
            await quick.done_again()
            await quick.done_again()
    assert slow.times == 1
    clock.move(hours=1)
    async with Running(build(*chores)):
        await slow.done_again()


async def test_quick_chores_do_not_wait_for_slow_ones(build):
    at_it, enough, quick = asyncio.Event(), asyncio.Event(), Counting()

    async def slow(_work):
        at_it.set()
        await enough.wait()
        return {}

    async with Running(build(Chore("slow", slow, seconds=60), Chore("quick", quick, seconds=1))):
        await asyncio.wait_for(at_it.wait(), SOON)
        for _ in range(3):
            await quick.done_again()
        enough.set()


async def test_a_chore_that_fails_stops_no_other_and_is_tried_again_later(conn, monkeypatch, build, metrics):
    async def away(_work):
        raise Unavailable("files_unavailable", retry_after=5)

    async def wrong(inner, _ctx):
        await inner.execute("create table left_behind ()")
        await inner.execute("select 1 / 0")

    quick = Counting()
    chores = (Chore("away", away, seconds=60), Chore("wrong", once(wrong), seconds=1), Chore("quick", quick, seconds=1))
    housekeeper = build(*chores)
    with structlog.testing.capture_logs() as logs:
        assert await housekeeper.turn(conn, chores) == ["quick"]
    assert [entry["chore"] for entry in logs if entry["log_level"] == "error"] == ["away", "wrong"]
    assert value(metrics, "xiaotuo_chore_failures_total", chore="away") == 1
    assert value(metrics, "xiaotuo_chore_failures_total", chore="wrong") == 1
    assert await conn.fetchval("select to_regclass('left_behind')") is None, "its transaction was undone"
    assert await housekeeper.turn(conn, chores) == ["quick"], "it is left alone for a while"
    monkeypatch.setattr(worker, "FAILED_SECONDS", 0)
    housekeeper = build(*chores)
    await housekeeper.turn(conn, chores)
    await housekeeper.turn(conn, chores)
    assert value(metrics, "xiaotuo_chore_failures_total", chore="away") == 3


async def test_each_step_is_a_transaction_of_its_own(conn, build):
    left, transactions = [3, 2, 0, 5], []

    async def step(inner, _ctx):
        transactions.append(await inner.fetchval("select pg_current_xact_id()::text"))
        return left.pop(0)

    chores = (Chore("steps", until_nothing_is_left(step), seconds=60),)
    await build(*chores).turn(conn, chores)
    assert left == [5]
    assert len(set(transactions)) == 3


async def test_one_leads_and_another_follows_when_it_is_gone(build, conn, database):
    first, second, third = Counting(), Counting(), Counting()
    leader = build(Chore("quick", first, seconds=1), metrics=Metrics())
    async with Running(leader):
        await first.done_again()
        async with Running(
            build(Chore("quick", second, seconds=1), metrics=Metrics()),
        ):
            for _ in range(20):
                await first.done_again()
            assert second.times == 0
            leader.stop()
            await second.done_again()
            before = first.times
            await second.done_again()
            assert first.times == before
    async with Running(build(Chore("quick", third, seconds=1))):
        await third.done_again()


async def test_a_leader_that_loses_its_connection_stops_and_stands_by_again(build, conn, metrics):
    quick = Counting()
    async with Running(build(Chore("quick", quick, seconds=1))):
        await quick.done_again()
        assert value(metrics, "xiaotuo_worker_leading") == 1
        await conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'xiaotuo worker' and datname = current_database()"
        )
        await conn.fetchval("select pg_advisory_lock($1)", ADVISORY_LOCK)
        await eventually(lambda: not value(metrics, "xiaotuo_worker_leading"))
        before = quick.times
        await asyncio.sleep(0.2)
        assert quick.times == before, "another may lead by now"
        await conn.fetchval("select pg_advisory_unlock($1)", ADVISORY_LOCK)
        await quick.done_again()
    assert value(metrics, "xiaotuo_worker_leading") == 0


async def test_a_lost_database_is_waited_for(monkeypatch, build):
    real, tries, quick = asyncpg.connect, 0, Counting()

    async def refuse_twice(*arguments, **options):
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise ConnectionRefusedError
        return await real(*arguments, **options)

    monkeypatch.setattr(asyncpg, "connect", refuse_twice)
    async with Running(build(Chore("quick", quick, seconds=1))):
        await quick.done_again()


async def test_what_is_under_way_is_finished_when_told_to_stop(conn, build):
    at_it, enough = asyncio.Event(), asyncio.Event()

    async def step(inner, _ctx):
        await inner.execute("create table finished ()")
        at_it.set()
        await enough.wait()
        return 1

    async with Running(build(Chore("steps", until_nothing_is_left(step), seconds=60))) as running:
        await asyncio.wait_for(at_it.wait(), SOON)
        running.workers[0].stop()
        await asyncio.sleep(0.1)
        enough.set()
    assert await conn.fetchval("select to_regclass('finished')") is not None


async def test_what_takes_too_long_is_undone_when_told_to_stop(conn, build, monkeypatch):
    monkeypatch.setattr(worker, "STOP_SECONDS", 0.1)
    at_it = asyncio.Event()

    async def step(inner, _ctx):
        await inner.execute("create table unfinished ()")
        at_it.set()
        await inner.execute("select pg_sleep(60)")
        return 1

    async with Running(build(Chore("steps", once(step), seconds=60))):
        await asyncio.wait_for(at_it.wait(), SOON)
    assert await conn.fetchval("select to_regclass('unfinished')") is None


async def test_of_two_processes_one_leads_and_a_killed_one_is_followed_within_seconds(start, conn, web):
    async def leads(process):
        async with web.get(f"http://127.0.0.1:{process.metrics_port}/metrics") as response:
            return "xiaotuo_worker_leading 1.0" in await response.text()

    async def leaders(*processes):
        return [each for each in processes if await leads(each)]

    processes = [await start("worker"), await start()]
    await processes[0].says("Housekeeping")
    await processes[1].says("Serving")
    [leader] = await eventually(lambda: leaders(*processes))
    leader.process.send_signal(signal.SIGKILL)
    await leader.ended()
    [follower] = [each for each in processes if each is not leader]
    await eventually(lambda: leaders(follower))
    follower.process.send_signal(signal.SIGTERM)
    assert await follower.ended(10) == 0


async def test_the_worker_alone_stops_when_told(start):
    process = await start("worker")
    await process.says("Housekeeping")
    process.process.send_signal(signal.SIGTERM)
    assert await process.ended(10) == 0


async def test_a_serving_process_leaves_it_alone_where_it_is_told_to(start, conn):
    process = await start(WORKER="false")
    await process.says("Serving")
    workers = """select count(*) from pg_stat_activity
                 where application_name like 'xiaotuo worker%' and datname = current_database()"""
    assert await conn.fetchval(workers) == 0
