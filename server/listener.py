"""The one connection of a process on which it hears what others have committed: PostgreSQL's notifications.

Whoever wants to hear subscribes to a channel. A subscriber is told how long it may trust to hear everything; as nothing
is heard of what happens while the connection is lost, it catches up each time before it is trusted again.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING, Protocol

import asyncpg
import structlog
from aiohttp import web

import sql
from server.database import DATABASE_GONE

if TYPE_CHECKING:
    from collections.abc import Callable

BEAT_SECONDS = 2.0
TRUSTED_SECONDS = 10.0
"""How long after the last sign of life the connection is believed to bring every notification."""

CONNECT_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
APPLICATION_NAME = "xiaotuo listener"

log = structlog.get_logger()


class Subscriber(Protocol):
    channel: str

    def hear(self, words: str) -> None:
        """Take in one notification; a ValueError says that it means nothing."""
        ...

    async def catch_up(self, conn: asyncpg.Connection) -> None:
        """Learn what was announced while nobody listened; the listening has begun before."""
        ...

    def trust_until(self, seconds: float) -> None:
        """Believe until then, by the monotonic clock, that everything is heard. Comes with every beat."""
        ...

    def distrust(self) -> None:
        """Believe no longer that everything is heard."""
        ...


class Listener:
    def __init__(self, database_url: str, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._database_url = database_url
        self._seconds = seconds
        self._subscribers: list[Subscriber] = []

    def add(self, subscriber: Subscriber) -> None:
        """Let somebody hear; before the listener runs."""
        self._subscribers.append(subscriber)

    async def run(self) -> None:
        """Listen until cancelled, connecting again whenever the connection is lost."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001  # whatever it was: meanwhile nobody trusts to hear
                log.warning("listener lost its connection", error=type(error).__name__)
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
            for subscriber in self._subscribers:
                await conn.add_listener(subscriber.channel, _hearing(subscriber))
            began = self._seconds()
            for subscriber in self._subscribers:
                await subscriber.catch_up(conn)
            while not lost.is_set():
                for subscriber in self._subscribers:
                    subscriber.trust_until(began + TRUSTED_SECONDS)
                try:
                    async with asyncio.timeout(BEAT_SECONDS):
                        await lost.wait()
                except TimeoutError:
                    began = self._seconds()
                    await sql.sessions.beat(conn)
        finally:
            with contextlib.suppress(*DATABASE_GONE):
                await conn.close(timeout=1)

    def _lose(self, lost: asyncio.Event) -> None:
        self._distrust()
        lost.set()

    def _distrust(self) -> None:
        for subscriber in self._subscribers:
            subscriber.distrust()


def _hearing(subscriber: Subscriber) -> Callable[[object, object, object, object], None]:
    def hear(_conn: object, _pid: object, _channel: object, payload: object) -> None:
        try:
            subscriber.hear(str(payload))
        except ValueError:
            log.warning("heard what means nothing", channel=subscriber.channel)

    return hear


LISTENER = web.AppKey("listener", Listener)
