"""Finished answers kept for a moment: a crowd that asks the same costs one query, not one each.

Only for answers that are hints anyway. What an answer says is as old as the start of its query, so nobody
sees anything older than the time to live and one query.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from handlers.conditional import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

SECONDS = 0.05
MOST_ANSWERS = 500


@dataclass(frozen=True, slots=True)
class _Entry:
    task: asyncio.Task[Answer]
    until: float


class ShortCache:
    def __init__(self, seconds: float = SECONDS, most: int = MOST_ANSWERS) -> None:
        self._seconds = seconds
        self._most = most
        self._entries: dict[Hashable, _Entry] = {}

    async def get(self, key: Hashable, load: Callable[[], Awaitable[bytes]]) -> Answer:
        """Return what `load` made for the key a moment ago, is making now, or else makes.

        Who hangs up does not take the answer from the others; a failure is told to all who wait and kept
        for nobody.
        """
        entry = self._entries.get(key)
        now = time.monotonic()
        if entry is None or (entry.task.done() and entry.until <= now):
            self._entries.pop(key, None)
            while len(self._entries) >= self._most:
                del self._entries[next(iter(self._entries))]
            entry = _Entry(asyncio.create_task(self._make(key, load)), now + self._seconds)
            self._entries[key] = entry
        return await asyncio.shield(entry.task)

    async def _make(self, key: Hashable, load: Callable[[], Awaitable[bytes]]) -> Answer:
        try:
            return Answer.of(await load())
        except BaseException:
            self._entries.pop(key, None)
            raise


AVAILABILITY = web.AppKey("availability", ShortCache)
