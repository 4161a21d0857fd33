"""Many callers, one transaction: each submits an item and awaits its own outcome.

A drainer takes all that waits and runs it as one batch; while that commits, the next batch gathers.
There is no timer: an idle server runs a single item at once, a busy one grows its batches by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

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
PATIENCE_SECONDS = 15.0
"""How long an item may wait before it is refused unrun, and how long a batch is tried again."""

RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0, 1.5)
"""Waits before a batch is tried again."""

RETRY_AFTER_SECONDS = 2


class _Waiting(NamedTuple, Generic[Item, Outcome]):
    item: Item
    future: asyncio.Future[Outcome]
    until: float


class GroupCommit(Generic[Item, Outcome]):
    """Runs `run` over batches of what is submitted.

    `run` is given at most MOST_ITEMS items and returns their outcomes in order, committed; it must be
    safe to repeat for items that were committed already. When it raises one of `again`, that was no item's
    fault, and perhaps nobody knows whether the batch was committed: it is run again. When it raises anything
    else, each item is run alone, so that one bad item fails alone.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]],
        again: tuple[type[Exception], ...],
        observe: Callable[[int], None],
    ) -> None:
        self._run = run
        self._again = again
        self._observe = observe
        self._waiting: deque[_Waiting[Item, Outcome]] = deque()
        self._drainers: set[asyncio.Task[None]] = set()
        self._draining = 0

    @property
    def waiting(self) -> int:
        """Return how many items wait for a batch now."""
        return len(self._waiting)

    async def submit(self, item: Item) -> Outcome:
        """Return the item's outcome once it is committed; raise Unavailable where too many wait, or for too long.

        A caller that goes away does not cancel its item: it is written or refused all the same.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise _busy()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append(_Waiting(item, future, loop.time() + PATIENCE_SECONDS))
        if self._draining < MOST_IN_FLIGHT:
            self._draining += 1
            drainer = loop.create_task(self._drain())
            self._drainers.add(drainer)
            drainer.add_done_callback(self._drainers.discard)
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_ITEMS))]
                await self._settle(batch)
        finally:
            # Counted here and not by the task's callback, which comes later: an item submitted in between
            # would rely on a drainer that looks no more.
            self._draining -= 1

    async def _settle(self, batch: list[_Waiting[Item, Outcome]]) -> None:
        now = asyncio.get_running_loop().time()
        running = [entry for entry in batch if entry.until > now]
        for entry in batch:
            if entry.until <= now and not entry.future.done():
                entry.future.set_exception(_busy())
        if not running:
            return
        try:
            self._observe(len(running))
            outcomes = await self._run_again(running)
            settled = list(zip(running, outcomes, strict=True))
        except Exception as error:  # noqa: BLE001  # whatever it is, each caller must be answered
            await self._settle_failed(running, error)
            return
        for entry, outcome in settled:
            if not entry.future.done():
                entry.future.set_result(outcome)

    async def _settle_failed(self, batch: list[_Waiting[Item, Outcome]], error: Exception) -> None:
        if len(batch) == 1 or isinstance(error, self._again):
            for entry in batch:
                if not entry.future.done():
                    entry.future.set_exception(error)
            return
        log.warning("batch failed, running its items one by one", items=len(batch), error=type(error).__name__)
        for entry in batch:
            await self._settle([entry])

    async def _run_again(self, batch: list[_Waiting[Item, Outcome]]) -> Sequence[Outcome]:
        items, until = [entry.item for entry in batch], batch[0].until
        for wait in RETRY_SECONDS:
            try:
                return await self._run(items)
            except self._again as error:
                log.warning("running a batch again", items=len(items), error=type(error).__name__)
                if asyncio.get_running_loop().time() + wait >= until:
                    raise
                await asyncio.sleep(wait)
        return await self._run(items)

    async def close(self) -> None:
        """Return when everything that was submitted has its outcome."""
        while self._drainers:
            await asyncio.wait(self._drainers)


def _busy() -> Unavailable:
    return Unavailable("busy", retry_after=RETRY_AFTER_SECONDS)
