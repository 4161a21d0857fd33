"""One real PostgreSQL for a whole test run, and a database of its own for each test that asks for one."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import itertools
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from server import embedded, migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

FOLDER_PREFIX = "xiaotuo-tests-"
MEMORY = Path("/dev/shm")  # the run's own folder in it is locked and owned
ROOM_WANTED = 4 * 1024**3
SECONDS_TO_BEGIN = 60
"""A run's folder that nobody holds is a dead run's once it is this old."""


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """Where the databases of this run are made."""

    url: str
    template: str
    strategy: str

    def template_of(self, what: str) -> str:
        return f"{self.template}_{what}"

    def dsn(self, database: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))


@contextlib.contextmanager
def exclusive(lock: IO[str]) -> Iterator[None]:
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def in_use(folder: Path) -> bool:
    with (folder / "workers").open("w") as workers:
        try:
            fcntl.flock(workers, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def parent_folder() -> Path:
    """Return where runs have their folders: in memory where there is room, as a database is made there in a third of
    the time."""
    if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free > ROOM_WANTED:
        return MEMORY
    return Path(tempfile.gettempdir())


def remove_dead_runs() -> None:
    """Another run may be at the same folder: what it has removed already is not missed."""
    runs = (parent.glob(f"{FOLDER_PREFIX}*") for parent in (MEMORY, Path(tempfile.gettempdir())))
    for folder in itertools.chain.from_iterable(runs):
        with contextlib.suppress(embedded.EmbeddedPostgresError, FileNotFoundError):
            status = folder.lstat()
            if status.st_uid != os.geteuid() or status.st_mtime > time.time() - SECONDS_TO_BEGIN or in_use(folder):
                continue
            embedded.remove(folder)
            shutil.rmtree(folder)


async def let_statistics_be(url: str) -> None:
    """Have no table analyzed behind a test's back: which plan its statements get would hang on the minute."""
    admin = await asyncpg.connect(url)
    try:
        await admin.execute("ALTER SYSTEM SET autovacuum = off")
        await admin.execute("SELECT pg_reload_conf()")
    finally:
        await admin.close()


async def make_template(url: str, name: str, dsn_of_draft: str) -> None:
    """Migrate a draft and rename it: a template that is there is whole."""
    admin = await asyncpg.connect(url)
    try:
        if await admin.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name):
            return
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}_draft" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{name}_draft"')
        draft = await asyncpg.connect(dsn_of_draft)
        try:
            await migrate.migrate(draft)
        finally:
            await draft.close()
        await admin.execute(f'ALTER DATABASE "{name}_draft" RENAME TO "{name}"')
    finally:
        await admin.close()


async def drop_databases(url: str, prefix: str) -> None:
    admin = await asyncpg.connect(url)
    try:
        for row in await admin.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", prefix):
            await admin.execute(f'DROP DATABASE "{row["datname"]}" WITH (FORCE)')
    finally:
        await admin.close()


@pytest.fixture(scope="session")
def database_server(testrun_uid: str) -> Iterator[DatabaseServer]:
    """Share one server, and one template with every migration, among all workers of the run."""
    os.environ.pop("DATABASE_URL", None)
    remove_dead_runs()
    folder = parent_folder() / f"{FOLDER_PREFIX}{testrun_uid}"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)
    given = os.environ.get("TEST_DATABASE_URL", "")
    with (folder / "lock").open("w") as lock:
        with (folder / "workers").open("w") as workers:
            fcntl.flock(workers, fcntl.LOCK_SH)
            with exclusive(lock):
                started = None if given else embedded.start(folder, durable=False)
                server = DatabaseServer(
                    url=started.dsn_of("postgres") if started else given,
                    template=f"xiaotuo_{testrun_uid[:12]}_template",
                    # Copying files is twice as fast where nothing waits for the disk, and far slower where it must.
                    strategy="file_copy" if started else "wal_log",
                )
                if started:
                    asyncio.run(let_statistics_be(server.url))
                asyncio.run(make_template(server.url, server.template, server.dsn(f"{server.template}_draft")))
            yield server
        with exclusive(lock):
            if started:
                started.stop()
            if not folder.exists() or in_use(folder):
                return
            if given:
                asyncio.run(drop_databases(given, server.template))
            else:
                embedded.remove(folder)
            shutil.rmtree(folder, ignore_errors=True)  # a run that begins now may be removing it as a dead one's


_numbers = itertools.count(1)


@contextlib.asynccontextmanager
async def copy_of(server: DatabaseServer, template: str) -> AsyncIterator[str]:
    """Copy a template for one test; yield its DSN."""
    name = f"{server.template.removesuffix('template')}{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(server.url)
    try:
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY {server.strategy}')
        try:
            yield server.dsn(name)
        finally:
            await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


@pytest.fixture
async def database(database_server: DatabaseServer) -> AsyncIterator[str]:
    """Yield the DSN of a fresh database with the whole schema and no rows of anybody else."""
    async with copy_of(database_server, database_server.template) as dsn:
        yield dsn


async def make_filled_template(
    server: DatabaseServer, name: str, fill: Callable[[asyncpg.Connection], Awaitable[object]]
) -> None:
    """Fill a copy of the template once for all workers; a template that is there is whole."""
    admin = await asyncpg.connect(server.url)
    try:
        await admin.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", name)
        if await admin.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name):
            return
        draft = f"{name}_draft"
        await admin.execute(f'DROP DATABASE IF EXISTS "{draft}" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{draft}" TEMPLATE "{server.template}" STRATEGY {server.strategy}')
        conn = await asyncpg.connect(server.dsn(draft))
        try:
            await fill(conn)
        finally:
            await conn.close()
        await admin.execute(f'ALTER DATABASE "{draft}" RENAME TO "{name}"')
    finally:
        await admin.close()
