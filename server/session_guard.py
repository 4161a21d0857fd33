"""Ends a session or an old role on the next request, although nobody asks the database about tokens.

Triggers announce every ended session and every raised account version on a channel of PostgreSQL. The guard
hears them (`server.listener`), and knows all of them that a token may still be alive for. While it cannot be sure to
hear, every request asks the database instead.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from aiohttp import web

import sql
from domain.errors import Unauthorized
from domain.sessions import ACCESS_SECONDS
from handlers.request import connection
from server.listener import CONNECT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncpg

    from domain.callers import Caller
    from handlers.request import Clock
    from server.metrics import Metrics

KEPT_SECONDS = ACCESS_SECONDS + 300
"""An access token's life, and slack for clocks that differ and for transactions that took long to commit."""

MOST_KNOWN = 100_000


class SessionGuard:
    """Everything revoked of late. Correct before fast: where it does not know, it asks."""

    channel = "revocation"

    def __init__(
        self,
        clock: Clock,
        metrics: Metrics,
        *,
        seconds: Callable[[], float] = time.monotonic,
        most_known: int = MOST_KNOWN,
    ) -> None:
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
            self.distrust()
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

    def trust_until(self, seconds: float) -> None:
        now = self._clock().timestamp()
        self._forget(now)
        if now < self._blind_until:
            return
        self._trusted_until = seconds
        self._gauge.set(1)
        self._ready.set()

    def distrust(self) -> None:
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

    async def catch_up(self, conn: asyncpg.Connection) -> None:
        """Catch up on what was announced while nobody listened; the listening has begun before."""
        since = self._clock() - timedelta(seconds=KEPT_SECONDS)
        for row in await sql.sessions.ended_since(conn, since=since):
            self.session_ended(row["id"])
        for row in await sql.sessions.versions_raised_within(conn, seconds=float(KEPT_SECONDS)):
            self.version_raised(row["id"], row["version"])

    def hear(self, words: str) -> None:
        match words.split():
            case ["session", session_id]:
                self.session_ended(UUID(session_id))
            case ["account", account_id, version]:
                self.version_raised(UUID(account_id), int(version))


SESSION_GUARD = web.AppKey("session_guard", SessionGuard)
