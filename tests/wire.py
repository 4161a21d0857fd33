"""A wire to PostgreSQL that can be cut, or go dead without a word, just before or just after a commit."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit, urlunsplit

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

COMMIT = b"COMMIT;\0"
_FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
FAREWELL = b"E" + struct.pack("!I", len(_FIELDS) + 4) + _FIELDS
FAULTS = ("cut before", "cut after", "dead before", "dead after")


class Wire:
    """Listens on a port of its own. `fault` happens to the next commit, once; while `down` nobody gets through."""

    def __init__(self, dsn: str) -> None:
        self._parts = urlsplit(dsn)
        self.fault: str | None = None
        self.happened = asyncio.Event()
        self.down = False
        self.silent = False
        self._writers: set[StreamWriter] = set()
        self._clients: set[StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        place = f"{self._parts.username}@127.0.0.1:{port}"
        self.dsn = urlunsplit(("postgresql", place, self._parts.path, "sslmode=disable", ""))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def say_farewell(self) -> None:
        """Tell all clients that the server goes, as it does, and close nothing yet."""
        for writer in self._clients:
            writer.write(FAREWELL)

    async def _connect(self) -> tuple[StreamReader, StreamWriter]:
        query = parse_qs(self._parts.query)
        if "host" in query:
            return await asyncio.open_unix_connection(f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}")
        return await asyncio.open_connection(self._parts.hostname, self._parts.port or 5432)

    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        self._writers.add(writer)
        if self.silent:
            return
        accepting = asyncio.current_task()
        assert accepting is not None
        self._tasks.add(accepting)  # who is let in while all is being closed would be left with an open socket
        accepting.add_done_callback(self._tasks.discard)
        server_reader, server_writer = await self._connect()
        self._writers.add(server_writer)
        if writer.is_closing():  # cut meanwhile
            server_writer.transport.abort()
            return
        self._clients.add(writer)
        link = _Link(self, reader, writer, server_reader, server_writer)
        for pump in (link.up(), link.down()):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


class _Link:
    def __init__(
        self,
        wire: Wire,
        reader: StreamReader,
        writer: StreamWriter,
        server_reader: StreamReader,
        server_writer: StreamWriter,
    ) -> None:
        self.wire = wire
        self.reader, self.writer = reader, writer
        self.server_reader, self.server_writer = server_reader, server_writer
        self.answer_lost = False
        self.dead = False

    async def up(self) -> None:
        """From the client: message by message, to know a commit when it comes."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            length = await self.reader.readexactly(4)
            self.server_writer.write(length + await self.reader.readexactly(struct.unpack("!I", length)[0] - 4))
            while True:
                head = await self.reader.readexactly(5)
                body = await self.reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)
                if self.wire.fault is not None and head[:1] == b"Q" and body == COMMIT:
                    self.fail(head + body)
                elif not self.dead:
                    self.server_writer.write(head + body)
        if not self.dead:  # else neither side learns that the other has gone
            self.close()

    def fail(self, message: bytes) -> None:
        fault, self.wire.fault = self.wire.fault, None
        self.dead = fault in ("dead before", "dead after")
        self.answer_lost = True
        if fault in ("cut after", "dead after"):
            self.server_writer.write(message)
        elif fault == "cut before":
            self.close()
        if fault != "cut after":
            self.wire.happened.set()

    async def down(self) -> None:
        """From the server; the answer to a commit whose fault came after it is swallowed."""
        with contextlib.suppress(ConnectionError):
            while data := await self.server_reader.read(65536):
                if not self.answer_lost:
                    self.writer.write(data)
                elif not self.dead:
                    self.wire.happened.set()
                    break
        if not self.dead:
            self.close()

    def close(self) -> None:
        for writer in (self.writer, self.server_writer):
            writer.transport.abort()
