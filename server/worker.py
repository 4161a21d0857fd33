"""Does the chores in time. Of several workers one leads; another follows within seconds when it is gone.

Runs inside every serving process, unless WORKER is off there, and with `python -m server worker` alone. Leading
means to hold an advisory lock on a connection that is kept. It saves work and no more: for a moment after a leader
has lost its connection two may be at the same chore, so every chore is safe beside itself by the locks that it takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog

import sql
from domain.context import Context
from domain.vocabulary import LOCAL_ZONE
from server.chores import CHORES, QUICK_SECONDS, Work
from server.database import prepare_connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
    from datetime import time as clock_time

    from domain.file_store import FileStore
    from domain.vault import Vault
    from handlers.request import Clock
    from server.chores import Chore
    from server.metrics import Metrics

log = structlog.get_logger()

ADVISORY_LOCK = 0x78_69_61_6F_74_75_6F_77
"""The letters of `xiaotuow`."""

TICK_SECONDS = 1.0
CONNECT_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
STOP_SECONDS = 5.0
"""How long the chores under way may take at the end."""

FAILED_QUICK_SECONDS = 5.0
FAILED_SECONDS = 60.0
"""How long a chore that failed is left alone."""

LEADER = {
    "application_name": "xiaotuo worker",
    "idle_session_timeout": "5s",
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
}
"""A leader that hangs, or whose machine is gone without a word, loses the lock within seconds."""

QUICK_LANE = {
    "application_name": "xiaotuo worker, quick",
    "lock_timeout": "2s",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "10s",
}
SLOW_LANE = {
    "application_name": "xiaotuo worker, slow",
    "lock_timeout": "5s",
    "statement_timeout": "15min",
    "idle_in_transaction_session_timeout": "60s",
}


class Worker:
    """`run` works until `stop`; what a chore has begun by then is finished if that takes no more than STOP_SECONDS."""

    def __init__(
        self,
        database_url: str,
        store: FileStore,
        vault: Vault,
        clock: Clock,
        metrics: Metrics,
        chores: Sequence[Chore] = CHORES,
    ) -> None:
        self._database_url = database_url
        self._store = store
        self._vault = vault
        self._clock = clock
        self._metrics = metrics
        self._chores = chores
        self._done: dict[str, datetime] = {}
        self._left_alone_until: dict[str, float] = {}
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Work until told to stop; a lost database is waited for."""
        while not self._stopping.is_set():
            try:
                await self._stand_by_and_lead()
            except Exception as error:  # noqa: BLE001  # whatever it was: the chores have to go on
                log.warning("the worker begins anew", error=type(error).__name__)
                await self._pause(RECONNECT_SECONDS)

    async def _stand_by_and_lead(self) -> None:
        async with self._connected(LEADER) as conn:
            while not await sql.worker.lead(conn, key=ADVISORY_LOCK):
                await self._pause(TICK_SECONDS)
                if self._stopping.is_set():
                    return
            self._metrics.worker_leading.set(1)
            try:
                await self._lead(conn)
            finally:
                self._metrics.worker_leading.set(0)

    async def _lead(self, conn: asyncpg.Connection) -> None:
        """Do the chores for as long as the connection that holds the lock lives."""
        lanes = asyncio.create_task(
            _together(
                self._lane(QUICK_LANE, [chore for chore in self._chores if chore.quick]),
                self._lane(SLOW_LANE, [chore for chore in self._chores if not chore.quick]),
            )
        )
        beating, stopping = asyncio.create_task(self._beat(conn)), asyncio.create_task(self._stopping.wait())
        tasks = (lanes, beating, stopping)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                await asyncio.wait((lanes, beating), timeout=STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(*tasks)
        for task in (beating, lanes):
            if not task.cancelled():
                task.result()

    async def _beat(self, conn: asyncpg.Connection) -> None:
        while True:
            await sql.worker.beat(conn)
            await asyncio.sleep(TICK_SECONDS)

    async def _lane(self, settings: Mapping[str, str], chores: Sequence[Chore]) -> None:
        async with self._connected(settings) as conn:
            self._done.update({row["name"]: row["done_at"] for row in await sql.worker.chores_done(conn)})
            while not self._stopping.is_set():
                await self.turn(conn, chores)
                await self._pause(TICK_SECONDS)

    async def turn(self, conn: asyncpg.Connection, chores: Sequence[Chore]) -> list[str]:
        """Do what is due, one after the other; return the names of what was done."""
        return [chore.name for chore in chores if self._is_due(chore) and await self._do(conn, chore)]

    def _is_due(self, chore: Chore) -> bool:
        if self._stopping.is_set() or time.monotonic() < self._left_alone_until.get(chore.name, 0):
            return False
        now, done = self._clock(), self._done.get(chore.name)
        if chore.quick or done is None or done > now:
            return True
        if chore.at is not None:
            return done < _last(chore.at, now)
        return now - done >= timedelta(seconds=chore.seconds or QUICK_SECONDS)

    async def _do(self, conn: asyncpg.Connection, chore: Chore) -> bool:
        began, now = time.monotonic(), self._clock()
        work = Work(conn, self._store, lambda: Context(None, self._clock(), self._vault), self._stopping.is_set)
        try:
            changed = await chore.act(work)
            if not chore.quick:
                await sql.worker.chore_done(conn, name=chore.name, now=now)
        except Exception as error:
            self._metrics.chore_failures.labels(chore.name).inc()
            if conn.is_closed():
                raise
            log.error("chore failed", chore=chore.name, error=type(error).__name__)  # noqa: TRY400  # no text of it
            wait = FAILED_QUICK_SECONDS if chore.quick else FAILED_SECONDS
            self._left_alone_until[chore.name] = time.monotonic() + wait
            return False
        finally:
            self._metrics.chore_seconds.labels(chore.name).observe(time.monotonic() - began)
        self._done[chore.name] = now
        for kind, rows in changed.items():
            self._metrics.chore_rows.labels(chore.name, kind).inc(rows)
        if any(changed.values()) and not chore.quick:
            log.info("housekeeping", chore=chore.name, **changed)
        return True

    @contextlib.asynccontextmanager
    async def _connected(self, settings: Mapping[str, str]) -> AsyncIterator[asyncpg.Connection]:
        conn = await asyncpg.connect(
            self._database_url, timeout=CONNECT_SECONDS, server_settings=dict(settings), command_timeout=None
        )
        try:
            await prepare_connection(conn)
            yield conn
        finally:
            # What is not committed by now is undone; waiting for a server that is gone would only hold up the next.
            conn.terminate()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _last(at: clock_time, now: datetime) -> datetime:
    """Return when it was last the local hour `at`."""
    local = now.astimezone(LOCAL_ZONE)
    today = datetime.combine(local.date(), at, LOCAL_ZONE)
    return today if today <= now else today - timedelta(days=1)


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Let all run until each has ended; when one fails the others are cancelled."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _cancel(*tasks)


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
