"""The only place where the parts are put together."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from aiohttp import web

from domain.file_store import FileStore, FileStoreError
from domain.passes import PassKeys
from domain.vault import Vault
from handlers.docs import DOCS
from handlers.exports import EXPORTS, MOST_EXPORTS
from handlers.files import FILE_STORE, MOST_UPLOADS, UPLOADS
from handlers.passes import DRAWING, PASS_KEYS
from handlers.ports import ACCESS_TOKENS, REVOCATIONS, SMS, TALLY, THROTTLE, WECHAT
from handlers.queue_boards import QUEUE_BOARDS, QueueBoards, end_waiting
from handlers.request import CLOCK, MAX_BODY_BYTES, POOL, SAY, VAULT
from handlers.short_cache import AVAILABILITY, ShortCache
from server.access import ACCESS, Access
from server.access_log import ACCESS_LOG, AccessLog
from server.auth import AUTHENTICATION, Authentication
from server.config import SETTINGS, SettingError
from server.database import create_pool
from server.database_clock import DatabaseClock
from server.docs import docs
from server.errors import say
from server.groups import groups
from server.listener import LISTENER, Listener
from server.metrics import METRICS, Metrics
from server.pipeline import pipeline
from server.reconciliation_figures import reconciliation_figures
from server.routes import ROUTES
from server.session_guard import SESSION_GUARD, SessionGuard
from server.sms import HttpSms, NoSms
from server.tally import Tally
from server.throttle import Throttle, open_store
from server.wechat import WeChat
from server.worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from handlers.request import Clock
    from server.config import Settings


def system_clock() -> datetime:
    return datetime.now(UTC)


def build_vault(settings: Settings) -> Vault:
    return Vault(
        settings.sealing_keys.by_id,
        settings.sealing_keys.current_id,
        settings.blind_index_key,
        settings.audit_key,
    )


def build_file_store(settings: Settings, vault: Vault) -> FileStore:
    try:
        return FileStore(settings.files_url, vault)
    except FileStoreError:
        raise SettingError(
            "FILES_URL must be file:///, s3://, gs:// or az://, and a folder must be writable."
        ) from None


async def database(app: web.Application) -> AsyncIterator[None]:
    async with create_pool(app[SETTINGS]) as pool:
        app[POOL] = pool
        yield


async def listener(app: web.Application) -> AsyncIterator[None]:
    running = asyncio.create_task(app[LISTENER].run())
    await app[SESSION_GUARD].wait_until_listening()
    yield
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def database_clock(app: web.Application) -> AsyncIterator[None]:
    """Go by the database's clock, unless the application was given another."""
    clock = app[CLOCK]
    if not isinstance(clock, DatabaseClock):
        yield
        return
    async with app[POOL].acquire() as conn:
        await clock.measure(cast("asyncpg.Connection", conn))
    keeping = asyncio.create_task(clock.keep(app[SETTINGS].database_url))
    yield
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping


async def housekeeping(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    if not settings.worker:
        yield
        return
    worker = Worker(settings.database_url, app[FILE_STORE], app[VAULT], app[CLOCK], app[METRICS])
    running = asyncio.create_task(worker.run())
    yield
    worker.stop()
    await running


async def wechat(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    async with WeChat(settings.wechat_url, settings.wechat_appid, settings.wechat_secret, app[CLOCK]) as app[WECHAT]:
        yield


async def sms(app: web.Application) -> AsyncIterator[None]:
    url = app[SETTINGS].sms_url
    async with HttpSms(url) if url else NoSms() as app[SMS]:
        yield


async def access_log(app: web.Application) -> AsyncIterator[None]:
    yield
    app[ACCESS_LOG].flush()


def mount_sandbox(app: web.Application, sandbox: web.Application) -> None:
    for route in sandbox.router.routes():
        ACCESS[route.handler] = Access.PUBLIC
    app.add_subapp("/sandbox", sandbox)


def build_app(
    settings: Settings, clock: Clock | None = None, sandbox: web.Application | None = None
) -> web.Application:
    """Wire the service together; nothing is connected before the application starts.

    It goes by the database's clock unless another is given.
    """
    metrics = Metrics()
    clock = clock or DatabaseClock(metrics)
    app = web.Application(middlewares=[pipeline], client_max_size=MAX_BODY_BYTES)
    app[SETTINGS] = settings
    app[CLOCK] = clock
    app[VAULT] = build_vault(settings)
    app[FILE_STORE] = build_file_store(settings, app[VAULT])
    app[UPLOADS] = asyncio.Semaphore(MOST_UPLOADS)
    app[PASS_KEYS] = PassKeys(settings.pass_keys.by_id, settings.pass_keys.current_id)
    app[DRAWING] = asyncio.Semaphore()
    app[EXPORTS] = asyncio.Semaphore(MOST_EXPORTS)
    app[SAY] = say
    app[DOCS] = docs()
    app[AVAILABILITY] = ShortCache()
    app[METRICS] = metrics
    app[ACCESS_LOG] = AccessLog(sys.stdout, time.time)
    app[AUTHENTICATION] = app[ACCESS_TOKENS] = Authentication(settings.token_keys, clock)
    app[LISTENER] = Listener(settings.database_url)
    app[SESSION_GUARD] = app[REVOCATIONS] = SessionGuard(clock, metrics)
    app[LISTENER].add(app[SESSION_GUARD])
    app[QUEUE_BOARDS] = QueueBoards()
    app[LISTENER].add(app[QUEUE_BOARDS])
    store = open_store(settings.throttle_url, clock)
    app[THROTTLE] = Throttle(store, clock, app[VAULT], app[METRICS], settings.trusted_proxies)
    app[TALLY] = Tally(app[AUTHENTICATION], settings.trusted_proxies)
    for route in ROUTES:
        ACCESS[route.handler] = route.access
        app.router.add_route(route.method, route.path, route.handler)
    if sandbox is not None:
        mount_sandbox(app, sandbox)
    app.on_shutdown.append(end_waiting)
    app.cleanup_ctx.extend(
        [access_log, database, database_clock, listener, groups, wechat, sms, housekeeping, reconciliation_figures]
    )
    return app
