"""What operators type beside starting and stopping: migrations, demo data, staff, audit, keys, housekeeping."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import uvloop
from aiohttp import web

import sql
from server import (
    audit_commands,
    config,
    key_commands,
    logs,
    migrate,
    reconcile_commands,
    seed,
    serve,
    staff_commands,
)
from server.app import build_file_store, build_vault
from server.database import prepare_connection
from server.database_clock import DatabaseClock
from server.metrics import Metrics, build_metrics_app
from server.worker import Worker

if TYPE_CHECKING:
    import argparse
    import socket
    from collections.abc import AsyncIterator, Awaitable, Callable

    from server.config import Settings

    DemoStaff = list[dict[str, Any]]

Result = TypeVar("Result")

DEMO_FILE = "demo.json"


def load() -> Settings:
    settings = config.load()
    logs.configure(settings.log_level)
    return settings


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def with_connection(settings: Settings, act: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
    if not settings.database_url:
        raise config.SettingError("DATABASE_URL must name the database; `run` brings one of its own.")
    try:
        conn = await asyncpg.connect(settings.database_url)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        kind = type(error).__name__
        raise config.SettingError(f"DATABASE_URL names a database that cannot be reached ({kind}).") from None
    try:
        await prepare_connection(conn)
        return await act(conn)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        raise config.SettingError(
            "DATABASE_URL names a database that is not migrated: run `python -m server migrate` first."
        ) from None
    finally:
        await conn.close()


async def reach_only(_conn: asyncpg.Connection) -> None:
    """Only find out whether the database can be reached."""


async def migrate_schema(conn: asyncpg.Connection) -> None:
    names = await migrate.migrate(conn)
    say(f"{len(names)} migrations applied." if names else "The schema is up to date.")


async def seed_demo(conn: asyncpg.Connection, settings: Settings) -> DemoStaff:
    vault, now = build_vault(settings), await sql.clock.database_time(conn)
    counts = await seed.seed(conn, vault, now)
    added = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    say(f"Demo data added: {added}." if added else "The demo data are up to date.")
    return await seed.make_demo_staff(conn, vault, now, settings.var_dir / DEMO_FILE)


def migrate_command(arguments: argparse.Namespace) -> None:
    """Bring the schema up to date."""
    del arguments
    asyncio.run(with_connection(load(), migrate_schema))


def seed_command(arguments: argparse.Namespace) -> None:
    """Add the demo data of Alxa, or move their window of slots on; for development alone."""
    del arguments
    settings = load()
    if settings.environment == "production":
        raise config.SettingError("ENVIRONMENT is production: it gets no demo data.")
    staff = asyncio.run(with_connection(settings, lambda conn: seed_demo(conn, settings)))
    seed.write_demo_file(settings.var_dir / DEMO_FILE, f"http://{settings.host}:{settings.port}", staff)


def worker_command(arguments: argparse.Namespace) -> None:
    """Do the housekeeping alone, beside serving processes."""
    del arguments
    settings = load()
    uvloop.run(with_connection(settings, reach_only))
    listener = serve.listen_for_figures(settings)
    uvloop.run(_work_until_told(settings, listener))


async def _work_until_told(settings: Settings, listener: socket.socket | None) -> None:
    vault, metrics = build_vault(settings), Metrics()
    async with serving_figures(metrics, listener), database_time(settings, metrics) as clock:
        worker = Worker(settings.database_url, build_file_store(settings, vault), vault, clock, metrics)
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, worker.stop)
        say("Housekeeping until Ctrl-C or SIGTERM.")
        await worker.run()


@contextlib.asynccontextmanager
async def serving_figures(metrics: Metrics, listener: socket.socket | None) -> AsyncIterator[None]:
    runner = web.AppRunner(build_metrics_app(metrics), access_log=None)
    await runner.setup()
    if listener is not None:
        await web.SockSite(runner, listener).start()
    yield
    await runner.cleanup()


@contextlib.asynccontextmanager
async def database_time(settings: Settings, metrics: Metrics) -> AsyncIterator[DatabaseClock]:
    """Go by the database's clock outside the application."""
    clock = DatabaseClock(metrics)
    await with_connection(settings, clock.measure)
    keeping = asyncio.create_task(clock.keep(settings.database_url))
    try:
        yield clock
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


def staff_command(arguments: argparse.Namespace) -> None:
    """Make an administrator, give an account new secrets, or list the accounts of staff."""
    settings = load()
    vault = build_vault(settings)

    async def act(conn: asyncpg.Connection) -> str:
        now = await sql.clock.database_time(conn)
        if arguments.what == "list":
            return await staff_commands.list_accounts(conn, vault, now)
        password = staff_commands.read_password()
        if arguments.what == "reset":
            return await staff_commands.reset(conn, vault, now, arguments.login, password)
        name = arguments.name or arguments.login
        return await staff_commands.create_admin(conn, vault, now, arguments.login, name, password)

    say(asyncio.run(with_connection(settings, act)))


def audit_command(arguments: argparse.Namespace) -> int:
    """Walk the chains of the audit and say whether a row was changed or is missing."""
    del arguments
    settings = load()
    vault, heads = build_vault(settings), settings.var_dir / audit_commands.HEADS_FILE
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    return asyncio.run(with_connection(settings, lambda conn: audit_commands.verify(conn, vault, heads, say)))


def reconcile_command(arguments: argparse.Namespace) -> int:
    """Compare counters with the rows that they count, and say where they differ; nothing is changed."""
    del arguments

    async def act(conn: asyncpg.Connection) -> int:
        return await reconcile_commands.compare(conn, await sql.clock.database_time(conn), say)

    return asyncio.run(with_connection(load(), act))


def keys_command(arguments: argparse.Namespace) -> int:
    """Seal everything under the newest key of SEALING_KEYS, while the service runs."""
    del arguments
    settings = load()
    vault = build_vault(settings)
    store = build_file_store(settings, vault)
    return asyncio.run(with_connection(settings, lambda conn: key_commands.rotate(conn, vault, store, say)))
