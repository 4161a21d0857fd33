"""Starting the service: on a bare machine with all that it lacks, or on a database that is there."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import asyncpg
import uvloop

from server import bare_machine, config, processes, seed, serve
from server.commands import DEMO_FILE, load, migrate_schema, reach_only, say, seed_demo, with_connection

if TYPE_CHECKING:
    import argparse

    from server.commands import DemoStaff
    from server.config import Settings


def run(arguments: argparse.Namespace) -> None:
    """Set up whatever a bare machine lacks, then serve."""
    del arguments
    bare_machine.make_keys(Path(os.environ.get("VAR_DIR", "var")).absolute())
    settings = load()
    listeners = serve.listen(settings)
    signal.signal(signal.SIGTERM, _end_cleanly)
    pg_bin = os.environ.get("PG_BIN")
    postgres = bare_machine.start_postgres(settings.var_dir, Path(pg_bin) if pg_bin else None)
    try:
        settings = load()
        uvloop.run(with_connection(settings, migrate_schema))
        if settings.environment == "production":
            uvloop.run(with_connection(settings, _refuse_demo_accounts))
            uvloop.run(serve.serve(settings, listeners, lambda address: greet(settings, address)))
        else:
            staff = uvloop.run(with_connection(settings, lambda conn: seed_demo(conn, settings)))
            uvloop.run(serve.serve(settings, listeners, lambda address: greet_with_demo(settings, address, staff)))
    finally:
        if postgres is not None:
            postgres.stop()
            say("Stopped. Everything is kept; `make run` goes on where it was.")


def _end_cleanly(number: int, _frame: object) -> NoReturn:
    """Make of a signal that comes before the service runs what Ctrl-C is: whatever was started is stopped."""
    sys.exit(128 + number)


def greet(settings: Settings, address: str) -> None:
    """Say where to look; what needs the sandbox only where there is one."""
    sandbox = f"""
  Messages   {address}/sandbox/messages   (what the sandbox's phones received)
  Try it     make demo                    (in a second terminal)"""
    say(
        f"""
小驼帮办 is running.

  API        {address}/v1/areas
  API docs   {address}/docs{sandbox if settings.sandbox else ""}
  Stop       Ctrl-C
"""
    )


def greet_with_demo(settings: Settings, address: str, staff: DemoStaff) -> None:
    seed.write_demo_file(settings.var_dir / DEMO_FILE, address, staff)
    greet(settings, address)


def serve_command(arguments: argparse.Namespace) -> None:
    """Serve on a migrated database that DATABASE_URL names."""
    del arguments
    settings = load()
    uvloop.run(with_connection(settings, _refuse_demo_accounts if settings.environment == "production" else reach_only))
    if settings.processes > 1:
        if settings.sandbox and not settings.wechat_url:
            raise config.SettingError(
                "PROCESSES above 1 needs WECHAT_URL: the sandbox inside one process is unknown to the others."
            )
        for listener in filter(None, serve.listen(replace(settings, metrics_port=0), shared=True)):
            listener.close()
        uvloop.run(processes.serve_in_processes(settings, ["-m", "server", "serve"]))
    else:
        shared = processes.SHARED in os.environ
        listeners = serve.listen(settings, shared=shared)
        lifeline = sys.stdin.fileno() if shared else None
        uvloop.run(serve.serve(settings, listeners, lambda address: say(f"Serving {address}"), lifeline=lifeline))


async def _refuse_demo_accounts(conn: asyncpg.Connection) -> None:
    try:
        exist = await seed.demo_accounts_exist(conn)
    except asyncpg.UndefinedTableError:
        return
    if exist:
        raise config.SettingError("DATABASE_URL names a database with demo accounts: production does not start on it.")
