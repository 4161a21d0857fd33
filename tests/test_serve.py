"""Serving as it is deployed: real processes, told to stop and killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from server.app import build_app
from tests import make
from tests.conftest import encoded_key

RESIDENTS = 80


@pytest.fixture
def environment(settings):
    return os.environ | {
        "DATABASE_URL": settings.database_url,
        "VAR_DIR": str(settings.var_dir),
        "TOKEN_KEYS": f"test1:{encoded_key('token')}",
        "SEALING_KEYS": f"test1:{encoded_key('sealing')}",
        "BLIND_INDEX_KEY": encoded_key("blind"),
        "AUDIT_KEY": encoded_key("audit"),
        "METRICS_PORT": "0",
        "WECHAT_URL": "http://127.0.0.1:9",
        "PYTHONUNBUFFERED": "1",
    }


async def serve(environment, port):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server",
        "serve",
        env=environment | {"PORT": str(port)},
        stdout=asyncio.subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        while not await answers(session, address):  # noqa: ASYNC110  # another process comes up
            await asyncio.sleep(0.05)
    return process, address


async def answers(session, address):
    try:
        async with session.get(f"{address}/readyz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


def alive(pid):
    return Path(f"/proc/{pid}").exists()


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_told_to_stop_it_loses_nothing_that_it_acknowledged(environment, settings, conn, unused_tcp_port):
    real = build_app(settings)  # with the system's clock, as the process has it
    starts_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    slot_id = await make.slot(conn, public=RESIDENTS, starts_at=starts_at)
    residents = [await make.resident(conn, real) for _ in range(RESIDENTS)]
    process, address = await serve(environment, unused_tcp_port)
    acknowledged = {}
    enough = asyncio.Event()

    async def book(session, resident):
        body = {"slot_id": str(slot_id), "person_id": str(resident.person_id)}
        try:
            async with session.post(
                f"{address}/v1/bookings", json=body, headers=resident.headers | make.key()
            ) as response:
                if response.status == 201:
                    booking = await response.json()
                    acknowledged[booking["id"]] = booking["code"]
                    enough.set()
        except aiohttp.ClientError:
            pass

    async with aiohttp.ClientSession() as session:
        booking = [asyncio.create_task(book(session, resident)) for resident in residents]
        await asyncio.wait_for(enough.wait(), 20)
        process.send_signal(signal.SIGTERM)
        await asyncio.gather(*booking)
        assert await asyncio.wait_for(process.wait(), 40) == 0
    stored = {str(row["id"]): row["code"] for row in await conn.fetch("select id, code from booking")}
    assert acknowledged
    assert acknowledged.items() <= stored.items()
    assert await conn.fetchval("select taken from slot_pool where channel = 'public'") == len(stored)


async def test_of_two_processes_one_that_dies_is_started_anew(environment, unused_tcp_port):
    process, address = await serve(environment | {"PROCESSES": "2"}, unused_tcp_port)
    async with aiohttp.ClientSession() as session, asyncio.timeout(40):
        while len(first := children(process.pid)) < 2:  # noqa: ASYNC110  # another process comes up
            await asyncio.sleep(0.05)
        os.kill(first[0], signal.SIGKILL)
        while len(now := set(children(process.pid)) - {first[0]}) < 2:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)
        while not await answers(session, address):  # noqa: ASYNC110  # another process comes up
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert not any(alive(pid) for pid in now)
