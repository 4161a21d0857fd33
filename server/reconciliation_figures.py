"""What the last comparison of counters with rows found, among the process's figures.

Read from the database by every process: the one that compared may be gone, or have no listener for figures.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, cast

from domain import reconciliation
from handlers.request import POOL
from server.database import DATABASE_BUSY, DATABASE_GONE
from server.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg
    from aiohttp import web

SECONDS = 60.0
ACQUIRE_SECONDS = 5.0


async def reconciliation_figures(app: web.Application) -> AsyncIterator[None]:
    reading = asyncio.create_task(_keep_reading(app))
    yield
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading


async def _keep_reading(app: web.Application) -> None:
    while True:
        with contextlib.suppress(*DATABASE_GONE, *DATABASE_BUSY):  # requests tell of it, and the next turn is soon
            await read(app)
        await asyncio.sleep(SECONDS)


async def read(app: web.Application) -> None:
    async with app[POOL].acquire(timeout=ACQUIRE_SECONDS) as conn:
        row = await reconciliation.last(cast("asyncpg.Connection", conn))
    if row is not None:
        app[METRICS].reconciled_at.set(row["finished_at"].timestamp())
        app[METRICS].drifts.set(row["drifts"])
