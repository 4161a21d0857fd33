"""Many callers, one transaction: each submits an item and awaits its own outcome.

A drainer takes all that waits and runs it as one batch; while that commits, the next batch gathers.
There is no timer: an idle server runs a single item at once, a busy one grows its batches by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

log = structlog.get_logger()

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

MOST_ITEMS = 200
MOST_IN_FLIGHT = 2
MOST_WAITING = 5_000
RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0, 1.5)
"""Waits before a batch whose connection was lost is tried again; together what a caller is made to wait."""


class GroupCommit(Generic[Item, Outcome]):
    """Runs `run` over batches of what is submitted.

    `run` is given at most MOST_ITEMS items and returns their outcomes in order, committed; it must be
    safe to repeat for items that were committed already. When it raises one of `lost`, the connection
    went and nobody knows whether the batch was committed: it is run again. When it raises anything else,
    each item is run alone, so that one bad item fails alone.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]],
        lost: tuple[type[Exception], ...],
        observe: Callable[[int, int], None],
    ) -> None:
        self._run = run
        self._lost = lost
        self._observe = observe
        self._waiting: deque[tuple[Item, asyncio.Future[Outcome]]] = deque()
        self._drainers: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Outcome:
        """Return the item's outcome once it is committed; raise Unavailable where too many wait.

        A caller that goes away does not cancel its item: it is written or refused all the same.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise Unavailable("busy", retry_after=2)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if len(self._drainers) < MOST_IN_FLIGHT:
            drainer = asyncio.create_task(self._drain())
            self._drainers.add(drainer)
            drainer.add_done_callback(self._drainers.discard)
        return await future

    async def _drain(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_ITEMS))]
            self._observe(len(batch), len(self._waiting))
            await self._settle(batch)

    async def _settle(self, batch: list[tuple[Item, asyncio.Future[Outcome]]]) -> None:
        try:
            outcomes = await self._run_again_when_lost([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001  # whatever it is, each caller must be answered
            if len(batch) == 1 or isinstance(error, self._lost):
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                return
            log.warning("batch failed, running its items one by one", items=len(batch), error=type(error).__name__)
            for entry in batch:
                await self._settle([entry])
            return
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)

    async def _run_again_when_lost(self, items: list[Item]) -> Sequence[Outcome]:
        for wait in RETRY_SECONDS:
            try:
                return await self._run(items)
            except self._lost as error:
                log.warning("connection lost under a batch", items=len(items), error=type(error).__name__)
                await asyncio.sleep(wait)
        return await self._run(items)

    async def close(self) -> None:
        """Return when everything that was submitted has its outcome."""
        while self._drainers:
            await asyncio.wait(self._drainers)
