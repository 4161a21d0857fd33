"""Housekeeping: what is old goes, one worker at a time, and a lost database is waited for."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta

import asyncpg
import pytest

from domain.errors import Unavailable
from server import worker
from server.app import build_file_store
from server.worker import ADVISORY_LOCK, CHORES, Worker
from tests import make
from tests.conftest import encoded_key


@pytest.fixture
def housekeeper(settings, vault, clock):
    return Worker(settings.database_url, build_file_store(settings, vault), clock)


async def old_key(conn, app, clock, days):
    resident = await make.resident(conn, app)
    await conn.execute(
        """insert into idempotency_key (account_id, operation, key, fingerprint, created_at)
           values ($1, 'POST /v1/x', 'key-of-a-test', 'x', $2)""",
        resident.account_id,
        clock.now - timedelta(days=days),
    )


async def test_a_turn_forgets_what_is_old_and_keeps_the_rest(conn, app, clock, housekeeper):
    await old_key(conn, app, clock, days=6)
    await old_key(conn, app, clock, days=8)
    assert await housekeeper.turn() == [chore.name for chore in CHORES]
    assert await conn.fetchval("select count(*) from idempotency_key") == 1


async def test_what_was_done_is_not_due_again_at_once(housekeeper):
    await housekeeper.turn()
    assert await housekeeper.turn() == []


async def test_one_worker_does_it_at_a_time(conn, housekeeper):
    await conn.fetchval("select pg_advisory_lock($1)", ADVISORY_LOCK)
    assert await housekeeper.turn() == []
    await conn.fetchval("select pg_advisory_unlock($1)", ADVISORY_LOCK)
    assert await housekeeper.turn() != []


async def test_a_chore_that_fails_stops_no_other_and_is_tried_again(monkeypatch, housekeeper):
    async def away(_conn, _store, _now):
        raise Unavailable("files_unavailable", retry_after=5)

    monkeypatch.setattr(worker, "CHORES", (worker.Chore("files", 3600, away), CHORES[0]))
    assert await housekeeper.turn() == [CHORES[0].name]
    monkeypatch.setattr(worker, "CHORES", CHORES)
    assert "files" in await housekeeper.turn()


async def test_a_lost_database_is_waited_for(monkeypatch, housekeeper, settings):
    turns = asyncio.Event()
    real = asyncpg.connect
    tries = 0

    async def refuse_once(*arguments, **options):
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionRefusedError
        turns.set()
        return await real(*arguments, **options)

    monkeypatch.setattr(asyncpg, "connect", refuse_once)
    monkeypatch.setattr(worker, "RETRY_SECONDS", 0.01)
    running = asyncio.create_task(housekeeper.run())
    await asyncio.wait_for(turns.wait(), 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_the_worker_alone_stops_when_told(settings):
    environment = os.environ | {
        "DATABASE_URL": settings.database_url,
        "VAR_DIR": str(settings.var_dir),
        "TOKEN_KEYS": f"test1:{encoded_key('token')}",
        "SEALING_KEYS": f"test1:{encoded_key('sealing')}",
        "BLIND_INDEX_KEY": encoded_key("blind"),
        "AUDIT_KEY": encoded_key("audit"),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", "worker", env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert b"Housekeeping" in await process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0
