"""Housekeeping: forgets what nobody needs any more. Of several workers one does it at a time.

Runs inside every serving process and, with `python -m server worker`, alone.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
import structlog

import sql
from domain import erasure, files, idempotency, sessions
from server.database import DATABASE_GONE, prepare_connection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from domain.file_store import FileStore
    from handlers.request import Clock

    Act = Callable[[asyncpg.Connection, FileStore, datetime], Awaitable[Mapping[str, int]]]

log = structlog.get_logger()

ADVISORY_LOCK = 0x78_69_61_6F_74_75_6F_77
"""The letters of `xiaotuow`."""

TURN_SECONDS = 60.0
RETRY_SECONDS = 5.0
STATEMENT_SECONDS = 60.0
TRIED_AGAIN: tuple[type[Exception], ...] = (*DATABASE_GONE, asyncpg.PostgresError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done every so often; `act` returns how many rows of each kind went."""

    name: str
    seconds: float
    act: Act


async def prune_sessions(conn: asyncpg.Connection, _store: FileStore, now: datetime) -> Mapping[str, int]:
    total: dict[str, int] = {}
    while any((gone := await sessions.prune(conn, now)).values()):
        total = {kind: total.get(kind, 0) + count for kind, count in gone.items()}
    return total


async def prune_idempotency_keys(conn: asyncpg.Connection, _store: FileStore, now: datetime) -> Mapping[str, int]:
    return {"idempotency_keys": await idempotency.prune(conn, now)}


async def prune_erased(conn: asyncpg.Connection, _store: FileStore, now: datetime) -> Mapping[str, int]:
    return {"documents": await erasure.prune(conn, now)}


async def prune_files(conn: asyncpg.Connection, store: FileStore, now: datetime) -> Mapping[str, int]:
    return {"files": await files.prune(conn, store, now)}


CHORES = (
    Chore("sessions", 60, prune_sessions),
    Chore("idempotency_keys", 3600, prune_idempotency_keys),
    Chore("erased_people", 3600, prune_erased),
    Chore("files", 3600, prune_files),
)


class Worker:
    """Does each chore when it is due, on a connection of its own that is given back after each turn."""

    def __init__(self, database_url: str, store: FileStore, clock: Clock) -> None:
        self._database_url = database_url
        self._store = store
        self._clock = clock
        self._due = dict.fromkeys((chore.name for chore in CHORES), 0.0)

    async def run(self) -> None:
        """Work until cancelled; a lost database or a failed chore is tried again later."""
        while True:
            try:
                await self.turn()
            except TRIED_AGAIN as error:
                log.warning("housekeeping waits", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await asyncio.sleep(TURN_SECONDS)

    async def turn(self) -> list[str]:
        """Do what is due unless another worker is at it; return the names of what was done."""
        conn = await asyncpg.connect(self._database_url, timeout=RETRY_SECONDS, command_timeout=STATEMENT_SECONDS)
        try:
            await prepare_connection(conn)
            if not await sql.worker.take_turn(conn, key=ADVISORY_LOCK):
                return []
            return [chore.name for chore in CHORES if await self._do(conn, chore)]
        finally:
            await conn.close()

    async def _do(self, conn: asyncpg.Connection, chore: Chore) -> bool:
        if time.monotonic() < self._due[chore.name]:
            return False
        try:
            gone = await chore.act(conn, self._store, self._clock())
        except DATABASE_GONE:
            raise
        except Exception as error:  # noqa: BLE001  # a store that is away, a query that fails: others still get their turn
            log.error("chore failed", chore=chore.name, error=type(error).__name__)  # noqa: TRY400  # no text of it
            return False
        self._due[chore.name] = time.monotonic() + chore.seconds
        if any(gone.values()):
            log.info("housekeeping", chore=chore.name, **gone)
        return True
