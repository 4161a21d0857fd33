"""Which domain functions run in groups, and on which connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
from aiohttp import web

from domain import booking_changes, bookings, waitlist
from handlers.groups import BOOK, CHANGE, JOIN
from handlers.request import CLOCK, VAULT
from server.config import SETTINGS
from server.database import DATABASE_GONE, TRY_AGAIN, create_group_pool
from server.group_commit import GroupCommit
from server.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from asyncpg import Connection

    from domain.vault import Vault

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

ACQUIRE_SECONDS = 5
BATCH_SECONDS = 10
"""A batch that takes longer sits on a connection whose other end is gone without a word."""

GROUP_POOL = web.AppKey("group_pool", asyncpg.Pool)


def build_group(
    app: web.Application,
    name: str,
    act: Callable[[Connection, Vault, Sequence[Item], datetime], Awaitable[Sequence[Outcome]]],
) -> GroupCommit[Item, Outcome]:
    """Run a set-based domain function over batches, each in a transaction of its own."""
    metrics, pool = app[METRICS], app[GROUP_POOL]

    async def run(items: Sequence[Item]) -> Sequence[Outcome]:
        conn: Any
        async with pool.acquire(timeout=ACQUIRE_SECONDS) as conn:
            giving_up = asyncio.get_running_loop().call_later(BATCH_SECONDS, conn.terminate)
            try:
                async with conn.transaction():
                    return await act(conn, app[VAULT], items, app[CLOCK]())
            except DATABASE_GONE:
                conn.terminate()  # whatever state it is left in, the next batch gets another
                raise
            finally:
                giving_up.cancel()

    group = GroupCommit(run, (*DATABASE_GONE, *TRY_AGAIN), metrics.batch_size.labels(name).observe)
    metrics.queue_length.labels(name).set_function(lambda: group.waiting)
    return group


async def groups(app: web.Application) -> AsyncIterator[None]:
    """Offer the groups to handlers; at the end wait until everything handed in has its outcome."""
    async with create_group_pool(app[SETTINGS]) as app[GROUP_POOL]:
        book = app[BOOK] = build_group(app, "book", bookings.book)
        change = app[CHANGE] = build_group(app, "change", booking_changes.change)
        join = app[JOIN] = build_group(app, "join", waitlist.join)
        yield
        await book.close()
        await change.close()
        await join.close()
