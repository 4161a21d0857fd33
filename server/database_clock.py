"""The database's clock in this process: every host releases numbers at the same moment, whatever its own clock shows.

What is kept is the distance between the database's clock and this machine's monotonic one, which nobody sets. It is
measured at start and every few seconds; asking for the time then asks nobody.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import structlog

import sql
from server.database import DATABASE_GONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.metrics import Metrics

log = structlog.get_logger()

SAMPLES = 5
MEASURE_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
ANSWER_SECONDS = 5.0
DRIFT = 100e-6
"""How far a machine's monotonic clock may run off in a second."""

NOT_READ: tuple[type[Exception], ...] = (*DATABASE_GONE, asyncpg.PostgresError)

TOLD_SECONDS = 1.0
"""A jump of the database's clock that is worth a line in the log."""


class Distance(NamedTuple):
    """From the monotonic clock to the database's, in seconds; the truth lies within `error` of it as of `at`."""

    seconds: float
    error: float
    at: float

    def error_by(self, monotonic: float) -> float:
        return self.error + DRIFT * max(0.0, monotonic - self.at)


class DatabaseClock:
    """Called, it returns the database's time. Until the first measurement it goes by this machine's clock."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._metrics = metrics
        self._monotonic = monotonic
        self._wall = wall
        self._distance = Distance(wall() - monotonic(), float("inf"), monotonic())

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self._monotonic() + self._distance.seconds, UTC)

    async def measure(self, conn: asyncpg.Connection) -> None:
        """Ask a few times and believe the quickest answer: the time was read somewhere on its way."""
        samples = []
        for _ in range(SAMPLES):
            asked = self._monotonic()
            told = await sql.clock.database_time(conn)
            answered = self._monotonic()
            half = (answered - asked) / 2
            samples.append(Distance(told.timestamp() - asked - half, half, answered))
        self._take(min(samples, key=lambda sample: sample.error))

    def _take(self, new: Distance) -> None:
        """Keep what is known better: a slow answer does not move a clock that a quick one has set.

        Where both cannot be true, the database's clock was set, or another database took over: the new one holds.
        """
        kept, now = self._distance, self._monotonic()
        apart = abs(new.seconds - kept.seconds)
        contradicts = apart > new.error + kept.error_by(now)
        if contradicts or new.error <= kept.error_by(now):
            if contradicts and apart > TOLD_SECONDS:
                log.warning("the database's clock has jumped", seconds=round(new.seconds - kept.seconds, 3))
            self._distance = new
        self._metrics.clock_error.set(self._distance.error_by(now))
        self._metrics.clock_ahead.set(now + self._distance.seconds - self._wall())

    async def keep(self, database_url: str) -> None:
        """Measure until cancelled; while the database does not answer, the last distance holds."""
        while True:
            try:
                await self._keep(database_url)
            except NOT_READ as error:
                self._metrics.clock_failures.inc()
                log.warning("the database's clock could not be read", error=type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _keep(self, database_url: str) -> None:
        conn = await asyncpg.connect(
            database_url,
            timeout=ANSWER_SECONDS,
            command_timeout=ANSWER_SECONDS,
            server_settings={"application_name": "xiaotuo clock"},
        )
        try:
            while True:
                await self.measure(conn)
                await asyncio.sleep(MEASURE_SECONDS)
        finally:
            conn.terminate()
