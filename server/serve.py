"""One process that answers: binds, serves, and stops without losing what it has acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from server.app import build_app, system_clock
from server.config import SettingError
from server.connection import Runner
from server.metrics import METRICS, build_metrics_app
from server.sandbox import build_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.config import Settings

log = structlog.get_logger()

KEEPALIVE_SECONDS = 75
"""Longer than nginx keeps its connections to us, so that it is never us who closes one in use."""

STOP_SECONDS = 10
"""How long requests under way may take at the end; aiohttp waits this long twice."""


def bind(host: str, port: int, *, shared: bool) -> socket.socket:
    """Open the listening socket, so that a taken port is told before anything else is done."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingError(
            f"HOST {host} and PORT {port} cannot be listened on ({error.strerror}): "
            "another program, perhaps this one, has them; stop it or set PORT."
        ) from error
    return listener


def own_address(listener: socket.socket) -> str:
    """Return the address at which this machine itself reaches the listener."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def build(settings: Settings, listener: socket.socket) -> web.Application:
    """Build the application; without an address of WeChat it carries the sandbox and asks itself."""
    if not settings.sandbox or settings.wechat_url:
        return build_app(settings)
    sandbox_url = f"{own_address(listener)}/sandbox"
    settings = replace(settings, wechat_url=f"{sandbox_url}/wechat", sms_url=settings.sms_url or f"{sandbox_url}/sms")
    sandbox = build_sandbox(system_clock, settings.wechat_appid, settings.wechat_secret)
    return build_app(settings, sandbox=sandbox)


def spare_the_collector() -> None:
    """Look for garbage less often, and never again among what the start has made.

    Requests leave hardly any cycles behind, and looking for them cost a tenth of a booking.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


async def serve(settings: Settings, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Answer until SIGTERM or SIGINT; `ready` is told the address once requests are answered."""
    app = build(settings, listener)
    runner = Runner(app, keepalive_timeout=KEEPALIVE_SECONDS, shutdown_timeout=STOP_SECONDS)
    metrics_runner = web.AppRunner(build_metrics_app(app[METRICS]), access_log=None)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        await runner.setup()
        await web.SockSite(runner, listener, backlog=2048).start()
        if settings.metrics_port:
            await metrics_runner.setup()
            await web.SockSite(metrics_runner, bind(settings.host, settings.metrics_port, shared=False)).start()
        spare_the_collector()
        ready(own_address(listener))
        await stop.wait()
    finally:
        with contextlib.suppress(Exception):
            await metrics_runner.cleanup()
        await runner.cleanup()
        listener.close()
