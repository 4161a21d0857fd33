"""The service as processes of their own, on a test's database."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp
import pytest

from server.app import build_app, system_clock
from tests.command_line import environment

ROOT = Path(__file__).parents[1]


def hold_port(stack, port=0):
    """Return a port that a process is to listen on, free or the one given.

    It stays bound here, though not listened on: else, before a process has come so far, a server of another test
    may be given it by chance.
    """
    holder = stack.enter_context(socket.socket())
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", port))
    return holder.getsockname()[1]


async def eventually(check, limit=10.0):
    """Return the first true thing that `check` returns, asked again and again."""
    async with asyncio.timeout(limit):
        while True:
            found = check()
            found = await found if asyncio.iscoroutine(found) else found
            if found:
                return found
            await asyncio.sleep(0.01)


class Process:
    """One `python -m server …`, and all that it has said."""

    def __init__(self, process, port, metrics_port):
        self.process, self.port, self.metrics_port = process, port, metrics_port
        self.lines = []
        self.url = f"http://127.0.0.1:{port}"
        self._reading = asyncio.create_task(self._read())
        self._news = asyncio.Event()

    async def _read(self):
        async for line in self.process.stdout:
            self.lines.append(line.decode())
            self._news.set()

    @property
    def said(self):
        return "".join(self.lines)

    async def says(self, words, times=1):
        async with asyncio.timeout(30):
            while self.said.count(words) < times:
                assert not self._reading.done(), self.said
                self._news.clear()
                await self._news.wait()

    async def ended(self, limit=30):
        async with asyncio.timeout(limit):
            status = await self.process.wait()
            await self._reading
        return status

    def children(self):
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
async def start(database, tmp_path):
    """Start processes on this test's database; whatever is left of them ends with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def begin(*arguments, **changes):
            port, metrics_port = hold_port(stack), hold_port(stack)
            ports = {"PORT": str(port), "METRICS_PORT": str(metrics_port)}
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "server",
                *(arguments or ("serve",)),
                cwd=ROOT,
                env=environment(database, tmp_path, **ports | changes),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
            stack.callback(end_group, process.pid)
            return Process(process, port, metrics_port)

        yield begin


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def end_group(pid):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


@pytest.fixture
async def served(start):
    process = await start()
    await process.says("Serving")
    return process


@pytest.fixture
def parts(settings):
    """The keys and tokens of the service by the real clock, which the processes go by."""
    return build_app(settings, system_clock)


@pytest.fixture
async def web():
    async with aiohttp.ClientSession() as session:
        yield session
