"""The command line: `python -m server <command>`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import uvloop

from server import (
    audit_commands,
    bare_machine,
    config,
    key_commands,
    logs,
    migrate,
    processes,
    seed,
    serve,
    staff_commands,
)
from server.app import build_file_store, build_vault, system_clock
from server.database import prepare_connection
from server.embedded import EmbeddedPostgresError
from server.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from server.config import Settings

    DemoStaff = list[dict[str, Any]]
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse has no other name for it

Result = TypeVar("Result")

DEMO_FILE = "demo.json"


async def _with_connection(settings: Settings, act: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
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


async def _migrate(conn: asyncpg.Connection) -> None:
    names = await migrate.migrate(conn)
    say(f"{len(names)} migrations applied." if names else "The schema is up to date.")


async def _seed(conn: asyncpg.Connection, settings: Settings) -> DemoStaff:
    vault, now = build_vault(settings), system_clock()
    counts = await seed.seed(conn, vault, now)
    added = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    say(f"Demo data added: {added}." if added else "The demo data are up to date.")
    return await seed.make_demo_staff(conn, vault, now, settings.var_dir / DEMO_FILE)


async def _refuse_demo_accounts(conn: asyncpg.Connection) -> None:
    try:
        exist = await seed.demo_accounts_exist(conn)
    except asyncpg.UndefinedTableError:
        return
    if exist:
        raise config.SettingError("DATABASE_URL names a database with demo accounts: production does not start on it.")


async def _nothing(_conn: asyncpg.Connection) -> None:
    """Only find out whether the database can be reached."""


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def run(arguments: argparse.Namespace) -> None:
    """Set up whatever a bare machine lacks, then serve."""
    del arguments
    bare_machine.make_keys(Path(os.environ.get("VAR_DIR", "var")).absolute())
    settings = load()
    listener = serve.bind(settings.host, settings.port, shared=False)
    pg_bin = os.environ.get("PG_BIN")
    postgres = bare_machine.start_postgres(settings.var_dir, Path(pg_bin) if pg_bin else None)
    try:
        settings = load()
        uvloop.run(_with_connection(settings, _migrate))
        if settings.environment == "production":
            uvloop.run(_with_connection(settings, _refuse_demo_accounts))
            uvloop.run(serve.serve(settings, listener, lambda address: greet(settings, address)))
        else:
            staff = uvloop.run(_with_connection(settings, lambda conn: _seed(conn, settings)))
            uvloop.run(serve.serve(settings, listener, lambda address: greet_with_demo(settings, address, staff)))
    finally:
        if postgres is not None:
            postgres.stop()
            say("Stopped. Everything is kept; `make run` goes on where it was.")


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
    uvloop.run(_with_connection(settings, _refuse_demo_accounts if settings.environment == "production" else _nothing))
    if settings.processes > 1:
        if settings.sandbox and not settings.wechat_url:
            raise config.SettingError(
                "PROCESSES above 1 needs WECHAT_URL: the sandbox inside one process is unknown to the others."
            )
        uvloop.run(processes.serve_in_processes(settings, ["-m", "server", "serve"]))
    else:
        listener = serve.bind(settings.host, settings.port, shared=processes.SHARED in os.environ)
        uvloop.run(serve.serve(settings, listener, lambda address: say(f"Serving {address}")))


def migrate_command(arguments: argparse.Namespace) -> None:
    """Bring the schema up to date."""
    del arguments
    asyncio.run(_with_connection(load(), _migrate))


def seed_command(arguments: argparse.Namespace) -> None:
    """Add the demo data of Alxa, or move their window of slots on; for development alone."""
    del arguments
    settings = load()
    if settings.environment == "production":
        raise config.SettingError("ENVIRONMENT is production: it gets no demo data.")
    staff = asyncio.run(_with_connection(settings, lambda conn: _seed(conn, settings)))
    seed.write_demo_file(settings.var_dir / DEMO_FILE, f"http://{settings.host}:{settings.port}", staff)


def worker_command(arguments: argparse.Namespace) -> None:
    """Do the housekeeping alone, beside serving processes."""
    del arguments
    settings = load()
    uvloop.run(_with_connection(settings, _nothing))
    store = build_file_store(settings, build_vault(settings))
    uvloop.run(_until_told(Worker(settings.database_url, store, system_clock).run()))


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    say("Housekeeping until Ctrl-C or SIGTERM.")
    with contextlib.suppress(asyncio.CancelledError):
        await task


def staff_command(arguments: argparse.Namespace) -> None:
    """Make an administrator, give an account new secrets, or list the accounts of staff."""
    settings = load()
    vault, now = build_vault(settings), system_clock()

    async def act(conn: asyncpg.Connection) -> str:
        if arguments.what == "list":
            return await staff_commands.list_accounts(conn, vault, now)
        password = staff_commands.read_password()
        if arguments.what == "reset":
            return await staff_commands.reset(conn, vault, now, arguments.login, password)
        name = arguments.name or arguments.login
        return await staff_commands.create_admin(conn, vault, now, arguments.login, name, password)

    say(asyncio.run(_with_connection(settings, act)))


def audit_command(arguments: argparse.Namespace) -> int:
    """Walk the chains of the audit and say whether a row was changed or is missing."""
    del arguments
    settings = load()
    vault, heads = build_vault(settings), settings.var_dir / audit_commands.HEADS_FILE
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_with_connection(settings, lambda conn: audit_commands.verify(conn, vault, heads, say)))


def keys_command(arguments: argparse.Namespace) -> int:
    """Seal everything under the newest key of SEALING_KEYS, while the service runs."""
    del arguments
    settings = load()
    vault = build_vault(settings)
    store = build_file_store(settings, vault)
    return asyncio.run(_with_connection(settings, lambda conn: key_commands.rotate(conn, vault, store, say)))


def load() -> Settings:
    settings = config.load()
    logs.configure(settings.log_level)
    return settings


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server", description="小驼帮办: the booking service.")
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, act in (
        ("run", run),
        ("serve", serve_command),
        ("worker", worker_command),
        ("migrate", migrate_command),
        ("seed", seed_command),
    ):
        command = commands.add_parser(name, help=act.__doc__, description=act.__doc__)
        command.set_defaults(act=act)
    staff = _add_group(commands, "staff", staff_command)
    create = staff.add_parser("create-admin", help="make an administrator of everything; the password may be piped in")
    create.add_argument("--login", required=True)
    create.add_argument("--name", help="what residents and colleagues see; the login unless given")
    reset = staff.add_parser("reset", help="give new secrets, lift a lock and end every session")
    reset.add_argument("--login", required=True)
    staff.add_parser("list", help="list the accounts of staff")
    _add_group(commands, "audit", audit_command).add_parser("verify", help=audit_command.__doc__)
    _add_group(commands, "keys", keys_command).add_parser("rotate", help=keys_command.__doc__)
    return parser


def _add_group(commands: Commands, name: str, act: Callable[[argparse.Namespace], int | None]) -> Commands:
    command = commands.add_parser(name, help=act.__doc__, description=act.__doc__)
    command.set_defaults(act=act)
    return command.add_subparsers(required=True, metavar="what", dest="what")


def main() -> int:
    arguments = build_parser().parse_args()
    try:
        status: int | None = arguments.act(arguments)
    except (config.SettingError, EmbeddedPostgresError, migrate.MigrationError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return status or 0


if __name__ == "__main__":
    sys.exit(main())
