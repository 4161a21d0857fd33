"""Several processes on one port: starts them, restarts one that dies, stops them all.

Each holds the other end of a pipe from here as its standard input: when this process is gone, however it
went, the pipe closes and they stop. Else they would go on answering beside whatever is started next.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from server.config import Settings

log = structlog.get_logger()

RESTART_SECONDS = 1
SHARED = "XIAOTUO_SHARED_PORT"
"""Set in the environment of a process that shares its port with others of its parent."""


async def serve_in_processes(settings: Settings, command: Sequence[str]) -> None:
    """Run `command` once a process until SIGTERM or SIGINT, each with a metrics port of its own."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    keepers = [
        asyncio.create_task(_keep_running(stop, command, number, settings)) for number in range(settings.processes)
    ]
    await asyncio.gather(*keepers)


async def _keep_running(stop: asyncio.Event, command: Sequence[str], number: int, settings: Settings) -> None:
    metrics_port = settings.metrics_port and settings.metrics_port + number
    environment = os.environ | {"PROCESSES": "1", "METRICS_PORT": str(metrics_port), SHARED: "1"}
    while not stop.is_set():
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, env=environment, stdin=asyncio.subprocess.PIPE
        )
        stopping = asyncio.create_task(stop.wait())
        ended = asyncio.create_task(process.wait())
        await asyncio.wait({stopping, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            process.terminate()
            await ended
            return
        stopping.cancel()
        if stop.is_set():
            return
        log.warning("process ended, starting it anew", number=number, status=ended.result())
        await asyncio.sleep(RESTART_SECONDS)
