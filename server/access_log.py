"""One line a request without what a line costs: no time formatting, no handler chain, written in bundles."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TextIO

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

FLUSH_SECONDS = 0.1


class AccessLog:
    """Names the route, never the path or query: ids and search words stay out of the log."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._lines: list[bytes] = []

    def write(self, method: str, route: str, status: int, seconds: float, request_id: str) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        self._lines.append(
            orjson.dumps(
                {
                    "event": "access",
                    "at": self._clock(),
                    "method": method,
                    "route": route,
                    "status": status,
                    "milliseconds": round(seconds * 1000, 1),
                    "request_id": request_id,
                }
            )
        )

    def flush(self) -> None:
        """Write what has gathered; called every FLUSH_SECONDS while there is something, and at the end."""
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write(b"\n".join(lines).decode() + "\n")
            self._stream.flush()


ACCESS_LOG = web.AppKey("access_log", AccessLog)
