"""The service as real processes on a durable PostgreSQL, killed in the middle: acknowledged is stored."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from domain.vocabulary import LOCAL_ZONE
from server import embedded, migrate
from server.app import build_app, system_clock
from server.database import prepare_connection
from tests import make
from tests.booking_world import check_books, loose_slot
from tests.conftest import encoded_key
from tests.running import hold_port

CLIENTS = 12
BOOKINGS_BEFORE_EACH_KILL = 30


@pytest.fixture
def var_dir():
    folder = Path(tempfile.mkdtemp(prefix="xiaotuo-crash-"))
    folder.chmod(0o711)
    yield folder
    embedded.remove(folder)
    shutil.rmtree(folder)


@pytest.fixture
def postgres(var_dir):
    """The server's handles: the first, and one for each start after a kill."""
    with contextlib.ExitStack() as handles:
        yield lambda: handles.enter_context(embedded.start(var_dir))


@pytest.fixture
def port():
    with contextlib.ExitStack() as stack:
        yield hold_port(stack)


@pytest.fixture
async def service(var_dir, postgres, port):
    """Two processes behind one port, started as an operator would; yields the address, the DSN and the parent."""
    dsn = postgres().dsn
    conn = await asyncpg.connect(dsn)
    await migrate.migrate(conn)
    await conn.close()
    environment = os.environ | {
        "DATABASE_URL": dsn,
        "PROCESSES": "2",
        "PORT": str(port),
        "METRICS_PORT": "0",
        "VAR_DIR": str(var_dir),
        "WECHAT_URL": "http://127.0.0.1:1",
        "LOG_LEVEL": "error",
        "TOKEN_KEYS": f"test1:{encoded_key('token')}",
        "SEALING_KEYS": f"test1:{encoded_key('sealing')}",
        "PASS_KEYS": f"test1:{encoded_key('pass')}",
        "BLIND_INDEX_KEY": encoded_key("blind"),
        "AUDIT_KEY": encoded_key("audit"),
    }
    with (var_dir / "service.log").open("wb") as output:
        command = [sys.executable, "-m", "server", "serve"]
        parent = await asyncio.create_subprocess_exec(*command, env=environment, stdout=output, stderr=output)
    yield f"http://127.0.0.1:{port}", dsn, parent
    parent.terminate()
    async with asyncio.timeout(30):
        await parent.wait()
    errors = [line for line in (var_dir / "service.log").read_text().splitlines() if '"event":"access"' not in line]
    print(*errors, sep="\n")  # noqa: T201  # pytest shows it where the test has failed


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Client:
    """Books and cancels, and repeats whatever was not answered until it is, as the mini-program would."""

    def __init__(self, session, resident, slots):
        self.session, self.resident, self.slots = session, resident, slots
        self.acknowledged = {}
        self.cancelled = set()
        self.repeated = 0

    async def ask(self, path, body, key):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                headers = self.resident.headers | key
                async with self.session.post(path, json=body, headers=headers) as response:
                    answer = await response.json()
                    if response.status != 503:
                        return response.status, answer
            self.repeated += 1
            await asyncio.sleep(0.02)

    async def book(self, slot_id, key):
        body = {"slot_id": str(slot_id), "person_id": str(self.resident.person_id)}
        return await self.ask("/v1/bookings", body, key)

    async def live(self, done, stop):
        while not stop.is_set():
            slot_id, key = random.choice(self.slots), make.key()
            status, answer = await self.book(slot_id, key)
            assert status == 201, answer
            self.acknowledged[key["Idempotency-Key"]] = answer
            if random.random() < 0.3:
                status, cancelled = await self.ask(f"/v1/bookings/{answer['id']}/cancel", {}, make.key())
                assert (status, cancelled["status"]) == (200, "cancelled"), cancelled
                self.cancelled.add(answer["id"])
            done.release()


async def kill_one_process_of_the_service(parent, _dsn, _postgres):
    os.kill(children(parent.pid)[0], signal.SIGKILL)


async def kill_a_session_of_postgres(_parent, dsn, _postgres):
    """All others are thrown out with it, and the server goes through its recovery."""
    conn = await asyncpg.connect(dsn)
    pid = await conn.fetchval("""
        select pid from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid() and datname = current_database() limit 1""")
    os.kill(pid, signal.SIGKILL)
    conn.terminate()


async def kill_all_of_postgres(_parent, dsn, postgres):
    conn = await asyncpg.connect(dsn)
    data = await conn.fetchval("show data_directory")
    conn.terminate()
    postmaster = int((Path(data) / "postmaster.pid").read_text().split()[0])
    everything = [postmaster, *children(postmaster)]
    for pid in everything:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert (await asyncio.to_thread(postgres)).dsn == dsn


async def test_what_was_acknowledged_is_stored_whatever_is_killed(service, postgres, settings):
    address, dsn, parent = service
    app = build_app(replace(settings, database_url=dsn), system_clock)
    conn = await asyncpg.connect(dsn)
    await prepare_connection(conn)
    starts_at = (system_clock().astimezone(LOCAL_ZONE) + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    slots = [await loose_slot(conn, public=5000, starts_at=starts_at) for _ in range(4)]
    await conn.execute(
        "update policy set limit_day = 5000, limit_department_day = 5000, limit_7_days = 5000, limit_90_days = 5000"
    )
    residents = [await make.resident(conn, app) for _ in range(CLIENTS)]
    await conn.close()
    done, stop = asyncio.Semaphore(0), asyncio.Event()
    async with aiohttp.ClientSession(address, timeout=aiohttp.ClientTimeout(total=20)) as session:
        clients = [Client(session, resident, slots) for resident in residents]
        storm = asyncio.gather(*(client.live(done, stop) for client in clients))
        for kill in (kill_one_process_of_the_service, kill_a_session_of_postgres, kill_all_of_postgres, None):
            for _ in range(BOOKINGS_BEFORE_EACH_KILL):
                await done.acquire()
            if kill is not None:
                await kill(parent, dsn, postgres)
        stop.set()
        await storm
        assert sum(client.repeated for client in clients) > 0
        conn = await asyncpg.connect(dsn)
        await prepare_connection(conn)
        stored = {row["idempotency_key"]: row for row in await conn.fetch("select * from booking")}
        told = {key: (client, answer) for client in clients for key, answer in client.acknowledged.items()}
        assert stored.keys() == told.keys()
        for key, (client, answer) in told.items():
            row = stored[key]
            for name in ("id", "slot_id", "person_id", "channel", "number", "code"):
                assert str(row[name]) == str(answer[name])
            assert row["status"] == ("cancelled" if answer["id"] in client.cancelled else "booked")
        again = await asyncio.gather(
            *(client.book(answer["slot_id"], {"Idempotency-Key": key}) for key, (client, answer) in told.items())
        )
        for (status, repeat), (_, answer) in zip(again, told.values(), strict=True):
            assert (status, repeat["id"], repeat["number"]) == (201, answer["id"], answer["number"])
        await check_books(conn, app)
        await conn.close()
