"""Long polls: an answer waits until a clinic's queue changes. No poll asks the database while it waits.

PostgreSQL's notification of a change wakes those who wait for that clinic in this process; one of them reads the new
state, for all. Mini-programs have no EventSource, so this is how they follow a queue.
"""

from __future__ import annotations

import asyncio
import time
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING

from aiohttp import web

from domain import queue_boards
from domain.errors import Unavailable
from domain.identifiers import read_id
from domain.queue_boards import Board, Clinic
from domain.vocabulary import local_day
from handlers.operation import operation
from handlers.request import HANG_UP, SAY, connection, context, path_id, read_query, reply
from schemas import queue_boards as shapes

if TYPE_CHECKING:
    from asyncpg import Connection

WAIT_SECONDS = 25.0
"""How long an answer waits for a change: shorter than proxies and mini-programs do."""

RETRY_SECONDS = 5
MOST_READINGS = 3


class Seat(Enum):
    """Who waits, and how many of them may in one process: screens never take the residents' seats."""

    SCREEN = 500
    RESIDENT = 2_000


class _Watched:
    """A clinic that somebody asks about just now."""

    def __init__(self) -> None:
        self.asking = 0
        self.heard = 0
        self.board: Board | None = None
        self.reading: asyncio.Task[Board] | None = None
        self.waiting: set[asyncio.Future[None]] = set()

    def wake(self) -> None:
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_result(None)


class QueueBoards:
    """The queues that are asked about in this process. A subscriber of the listener."""

    channel = "clinic"

    def __init__(self) -> None:
        self._watched: dict[Clinic, _Watched] = {}
        self._seats = dict.fromkeys(Seat, 0)
        self._trusted_until = 0.0
        self._ended = False

    async def look(self, request: web.Request, clinic: Clinic, after: int | None, seat: Seat) -> Board:
        """Return a clinic's board: at once if its version is not `after`, else when it changes or the time is over."""
        watched = self._watched.setdefault(clinic, _Watched())
        watched.asking += 1
        try:
            board = await self._current(request, clinic, watched)
            if board.version == after and not self._ended:
                board = await self._changed(request, clinic, watched, board, seat)
            return board
        finally:
            watched.asking -= 1
            if not watched.asking:
                del self._watched[clinic]

    async def _changed(
        self, request: web.Request, clinic: Clinic, watched: _Watched, known: Board, seat: Seat
    ) -> Board:
        if self._seats[seat] >= seat.value:
            raise Unavailable("too_many_wait", retry_after=RETRY_SECONDS)
        self._seats[seat] += 1
        loop = asyncio.get_running_loop()
        over = loop.time() + WAIT_SECONDS
        gone = False

        def hang_up() -> None:
            nonlocal gone
            gone = True
            watched.wake()

        request[HANG_UP] = hang_up
        board = known
        try:
            while board.version == known.version and not (self._ended or gone) and loop.time() < over:
                await self._sleep(watched, over)
                if not gone:
                    board = await self._current(request, clinic, watched)
        finally:
            del request[HANG_UP]
            self._seats[seat] -= 1
        return board

    @staticmethod
    async def _sleep(watched: _Watched, over: float) -> None:
        """Wait for a wake-up or the end of the time. Between the last look and this nothing else has run."""
        waiter = asyncio.get_running_loop().create_future()
        watched.waiting.add(waiter)
        try:
            async with asyncio.timeout_at(over):
                await waiter
        except TimeoutError:
            pass
        finally:
            watched.waiting.discard(waiter)

    async def _current(self, request: web.Request, clinic: Clinic, watched: _Watched) -> Board:
        """Return the newest state: what was read last, if nothing newer was heard of and all is heard."""
        if watched.board is not None and watched.board.version >= watched.heard and self._hears():
            return watched.board
        for _ in range(MOST_READINGS):
            if watched.reading is None:
                watched.reading = asyncio.create_task(self._read(request, clinic, watched))
                watched.reading.add_done_callback(lambda task: task.cancelled() or task.exception())
            board = await asyncio.shield(watched.reading)
            if board.version >= watched.heard:
                return board
        watched.heard = board.version  # what was announced is not there: a database that was set back
        return board

    @staticmethod
    async def _read(request: web.Request, clinic: Clinic, watched: _Watched) -> Board:
        try:
            async with connection(request) as conn:
                watched.board = await queue_boards.board(conn, clinic)
        finally:
            watched.reading = None
        return watched.board

    def _hears(self) -> bool:
        return time.monotonic() < self._trusted_until

    def hear(self, words: str) -> None:
        day, version, service_id, *resource = words.split(" ", 3)
        watched = self._watched.get(Clinic(read_id(service_id), "".join(resource), date.fromisoformat(day)))
        if watched is not None and int(version) > watched.heard:
            watched.heard = int(version)
            watched.wake()

    async def catch_up(self, conn: Connection) -> None:
        """Let everybody look again: what happened meanwhile was not heard."""
        del conn
        for watched in self._watched.values():
            watched.board = None
            watched.wake()

    def trust_until(self, seconds: float) -> None:
        self._trusted_until = seconds

    def distrust(self) -> None:
        self._trusted_until = 0.0

    def end(self) -> None:
        """Answer everybody who waits, and let nobody wait any more."""
        self._ended = True
        for watched in self._watched.values():
            watched.wake()


QUEUE_BOARDS = web.AppKey("queue_boards", QueueBoards)


async def end_waiting(app: web.Application) -> None:
    app[QUEUE_BOARDS].end()


@operation(query=shapes.BoardQuery, reply=shapes.Board)
async def board(request: web.Request) -> web.Response:
    """Show a clinic's queue of today in numbers, as on the screen in the hall; with `after`, wait for a change."""
    query = read_query(request, shapes.BoardQuery)
    clinic = Clinic(path_id(request), query["resource"], local_day(context(request).now))
    seen = await request.app[QUEUE_BOARDS].look(request, clinic, query["after"], Seat.SCREEN)
    return reply(shapes.Board, seen.shown)


@operation(query=shapes.PlaceQuery, reply=shapes.Place)
async def place(request: web.Request) -> web.Response:
    """Show where the person of a booking stands in the queue, and what to do; with `after`, wait for a change."""
    query = read_query(request, shapes.PlaceQuery)
    async with connection(request) as conn:
        booking = await queue_boards.own_booking(conn, context(request), path_id(request))
    clinic = queue_boards.clinic_of(booking)
    seen = await request.app[QUEUE_BOARDS].look(request, clinic, query["after"], Seat.RESIDENT)
    standing = seen.place(booking)
    title, detail = request.app[SAY](request, queue_boards.words(standing), standing)
    return reply(shapes.Place, {**standing, "title": title, "detail": detail})
