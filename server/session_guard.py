"""Ends a session or an old role on the next request, although nobody asks the database about tokens.

Triggers announce every ended session and every raised account version on a channel of PostgreSQL. The guard
listens, and knows all of them that a token may still be alive for. While it cannot be sure to hear, every
request asks the database instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import structlog
from aiohttp import web

import sql
from domain.errors import Unauthorized
from domain.sessions import ACCESS_SECONDS
from handlers.request import connection
from server.database import DATABASE_GONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.callers import Caller
    from handlers.request import Clock
    from server.metrics import Metrics

CHANNEL = "revocation"
KEPT_SECONDS = ACCESS_SECONDS + 300
"""An access token's life, and slack for clocks that differ and for transactions that took long to commit."""

BEAT_SECONDS = 2.0
TRUSTED_SECONDS = 10.0
"""How long after the last sign of life the connection is believed to bring every notification."""

CONNECT_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
MOST_KNOWN = 100_000
APPLICATION_NAME = "xiaotuo session guard"

log = structlog.get_logger()


class SessionGuard:
    """Everything revoked of late. Correct before fast: where it does not know, it asks."""

    def __init__(
        self,
        database_url: str,
        clock: Clock,
        metrics: Metrics,
        *,
        seconds: Callable[[], float] = time.monotonic,
        most_known: int = MOST_KNOWN,
    ) -> None:
        self._database_url = database_url
        self._clock = clock
        self._seconds = seconds
        self._most_known = most_known
        self._gauge = metrics.session_guard_listening
        self._ended: dict[UUID, float] = {}
        self._versions: dict[UUID, tuple[int, float]] = {}
        self._order: deque[tuple[float, UUID]] = deque()
        self._trusted_until = 0.0
        self._blind_until = 0.0
        self._ready = asyncio.Event()

    async def require_live(self, request: web.Request, caller: Caller) -> None:
        """Raise Unauthorized unless the caller's session lives and the roles of the token still hold."""
        if self._seconds() < self._trusted_until:
            if caller.session_id in self._ended:
                raise Unauthorized("session_ended")
            raised = self._versions.get(caller.account_id)
            if raised is not None and caller.version < raised[0]:
                raise Unauthorized("token_outdated")
            return
        async with connection(request) as conn:
            state = await sql.sessions.state(conn, session_id=caller.session_id)
        if state is None or state["ended"]:
            raise Unauthorized("session_ended")
        if caller.version < state["version"]:
            raise Unauthorized("token_outdated")

    def session_ended(self, session_id: UUID) -> None:
        """Know of it at once, for what was committed in this process: the notification comes a moment later."""
        if session_id not in self._ended:
            forget_at = self._remember(session_id)
            if forget_at is not None:
                self._ended[session_id] = forget_at

    def version_raised(self, account_id: UUID, version: int) -> None:
        """Know of it at once, as with `session_ended`."""
        known = self._versions.get(account_id)
        if known is None or known[0] < version:
            forget_at = self._remember(account_id)
            if forget_at is not None:
                self._versions[account_id] = version, forget_at

    def _remember(self, key: UUID) -> float | None:
        """Return when to forget it; None when the map is full, and nothing is trusted until room is certain."""
        now = self._clock().timestamp()
        self._forget(now)
        forget_at = now + KEPT_SECONDS
        if len(self._order) >= self._most_known:
            self._blind_until = forget_at
            self._distrust()
            return None
        self._order.append((forget_at, key))
        return forget_at

    def _forget(self, now: float) -> None:
        while self._order and self._order[0][0] <= now:
            key = self._order.popleft()[1]
            if self._ended.get(key, now + 1) <= now:
                del self._ended[key]
            if key in self._versions and self._versions[key][1] <= now:
                del self._versions[key]

    def _trust_until(self, seconds: float) -> None:
        if self._clock().timestamp() < self._blind_until:
            return
        self._trusted_until = seconds
        self._gauge.set(1)
        self._ready.set()

    def _distrust(self) -> None:
        self._trusted_until = 0.0
        self._gauge.set(0)
        self._ready.clear()

    async def wait_until_listening(self, seconds: float = CONNECT_SECONDS) -> bool:
        """Wait for the first load, or the next one after a loss; say whether it came in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Listen until cancelled, connecting again whenever the connection is lost."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001  # whatever it was: meanwhile the database is asked
                log.warning("session guard lost its connection", error=type(error).__name__)
            self._distrust()
            await asyncio.sleep(RECONNECT_SECONDS * random.uniform(0.5, 1))  # noqa: S311  # spreads the processes

    async def _listen(self) -> None:
        conn = await asyncpg.connect(
            self._database_url,
            timeout=CONNECT_SECONDS,
            command_timeout=TRUSTED_SECONDS,
            server_settings={"application_name": APPLICATION_NAME},
        )
        lost = asyncio.Event()
        conn.add_termination_listener(lambda _: self._lose(lost))
        try:
            await conn.add_listener(CHANNEL, self._hear)
            began = self._seconds()
            await self._load(conn)
            while not lost.is_set():
                self._trust_until(began + TRUSTED_SECONDS)
                try:
                    async with asyncio.timeout(BEAT_SECONDS):
                        await lost.wait()
                except TimeoutError:
                    began = self._seconds()
                    await sql.sessions.beat(conn)
                self._forget(self._clock().timestamp())
        finally:
            with contextlib.suppress(*DATABASE_GONE):
                await conn.close(timeout=1)

    def _lose(self, lost: asyncio.Event) -> None:
        self._distrust()
        lost.set()

    async def _load(self, conn: asyncpg.Connection) -> None:
        """Catch up on what was announced while nobody listened; the listening has begun before."""
        since = self._clock() - timedelta(seconds=KEPT_SECONDS)
        for row in await sql.sessions.ended_since(conn, since=since):
            self.session_ended(row["id"])
        for row in await sql.sessions.versions_raised_within(conn, seconds=float(KEPT_SECONDS)):
            self.version_raised(row["id"], row["version"])

    def _hear(self, _conn: object, _pid: int, _channel: str, payload: object) -> None:
        try:
            match str(payload).split():
                case ["session", session_id]:
                    self.session_ended(UUID(session_id))
                case ["account", account_id, version]:
                    self.version_raised(UUID(account_id), int(version))
        except ValueError:
            log.warning("session guard heard what it does not understand")


SESSION_GUARD = web.AppKey("session_guard", SessionGuard)
