"""One process that answers: binds, serves, and stops without losing what it has acknowledged."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

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

STOP_LIMIT_SECONDS = 25
"""After which the process ends whatever holds it, before an orchestrator's usual 30 seconds are over."""

BACKLOG = 2048


class Listeners(NamedTuple):
    """Where requests come in, and where figures are read, if anywhere."""

    main: socket.socket
    metrics: socket.socket | None


def listen(settings: Settings, *, shared: bool = False) -> Listeners:
    """Open the listening sockets, so that a taken port is told before anything else is done.

    `shared`: other processes listen on the same port; each has figures of its own.
    """
    main = _listen("PORT", settings.host, settings.port, shared=shared)
    try:
        return Listeners(main, listen_for_figures(settings))
    except SettingError:
        main.close()
        raise


def listen_for_figures(settings: Settings) -> socket.socket | None:
    if not settings.metrics_port:
        return None
    return _listen("METRICS_PORT", settings.host, settings.metrics_port, shared=False)


def _listen(name: str, host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)  # two that are bound alone do not see each other
    except OSError as error:
        listener.close()
        why = error.strerror or "no such host"
        if error.errno == errno.EADDRINUSE:
            why = f"another program, perhaps this one, has it; stop that or set {name}"
        raise SettingError(f"{name} {port} cannot be listened on at HOST {host}: {why}.") from error
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


async def serve(
    settings: Settings, listeners: Listeners, ready: Callable[[str], None], *, lifeline: int | None = None
) -> None:
    """Answer until SIGTERM or SIGINT, or until the `lifeline` to a parent process is cut.

    `ready` is told the address once requests are answered.
    """
    app = build(settings, listeners.main)
    runner = Runner(app, keepalive_timeout=KEEPALIVE_SECONDS, shutdown_timeout=STOP_SECONDS)
    metrics_runner = web.AppRunner(build_metrics_app(app[METRICS]), access_log=None)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if lifeline is not None:
        loop.add_reader(lifeline, stop.set)
    try:
        await runner.setup()
        await web.SockSite(runner, listeners.main, backlog=BACKLOG).start()
        if listeners.metrics is not None:
            await metrics_runner.setup()
            await web.SockSite(metrics_runner, listeners.metrics).start()
        spare_the_collector()
        ready(own_address(listeners.main))
        await stop.wait()
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)
        await end(runner, metrics_runner)


async def end(*runners: web.AppRunner) -> None:
    """Let requests under way finish, close everything; whatever hangs is left behind when the time is over."""
    try:
        async with asyncio.timeout(STOP_LIMIT_SECONDS):
            for runner in runners:
                await runner.cleanup()
    except TimeoutError:
        log.warning("stopped before everything was closed", seconds=STOP_LIMIT_SECONDS)
