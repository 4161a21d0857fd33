"""The default PostgreSQL of `make run` and of the tests: starts ready-made binaries on a unix socket.

Several processes may use one server: the first `start` launches it, others join, the last `stop` shuts it
down. A server that outlived its killed parent is taken over. Who is there is told by locks of the kernel, which
no crash leaves behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from server import embedded_home
from server.embedded_home import DATABASE, PORT, SUPERUSER, Account, EmbeddedPostgresError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "remove", "start"]

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "100",
    "shared_buffers": "256MB",
    "shared_preload_libraries": "pg_stat_statements",
    "timezone": "UTC",
    "jit": "off",
    "log_checkpoints": "off",
    # The text, values and details of a failed statement may hold personal data and stay out of the log.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
THROW_AWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "128MB",
}
PATIENCE = 30.0
"""Seconds: for a shutdown until it is made immediate, and for sessions of a killed server to end."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """What stands in VAR_DIR under one name."""

    var_dir: Path
    name: str

    @property
    def home(self) -> Path:
        return self.var_dir / self.name

    @property
    def log(self) -> Path:
        return self.var_dir / f"{self.name}.log"

    def _open(self, suffix: str) -> int:
        return os.open(self.var_dir / f"{self.name}.{suffix}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let only one process at a time start or stop the server."""
        lock = self._open("lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def use(self) -> int:
        """Return a lock that tells until it is closed that this process uses the server."""
        users = self._open("users")
        fcntl.flock(users, fcntl.LOCK_SH)
        return users

    def in_use(self) -> bool:
        users = self._open("users")
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(users)
        return False


@dataclass(slots=True)
class EmbeddedPostgres:
    """A server that this process uses until `stop`."""

    data_dir: Path
    socket_dir: Path
    _folder: _Folder = field(repr=False)
    _users: int | None = field(repr=False)
    _process: subprocess.Popen[Any] | None = field(repr=False)

    @property
    def dsn(self) -> str:
        return self.dsn_of(DATABASE)

    def dsn_of(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self.socket_dir))}&port={PORT}"

    def stop(self) -> None:
        """Give the server up; a second call does nothing."""
        if self._users is None:
            return
        with self._folder.locked():
            os.close(self._users)
            self._users = None
            if not self._folder.in_use():
                _shut_down(self.data_dir, self._process)
            elif self._process:
                self._process.returncode = 0  # it lives on for others, of which Popen would warn

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(var_dir: Path, pg_bin: Path | None = None, *, durable: bool = True, name: str = "pg") -> EmbeddedPostgres:
    """Start the server of `var_dir` or join the one that runs; return when it answers.

    `durable=False` is fast and for data that nobody will miss.
    """
    folder = _Folder(var_dir.absolute(), name)
    binaries = pg_bin.absolute() if pg_bin else embedded_home.wheel_binaries()
    version = embedded_home.major_version(binaries)
    account = embedded_home.server_account()
    try:
        folder.var_dir.mkdir(parents=True, exist_ok=True)
        with folder.locked():
            home = embedded_home.make_home(folder.home, account)
            data = home / "data"
            embedded_home.require_same_version(data, version)
            process, postmaster = None, _await_running(data)
            if postmaster is None:
                if not account.can_execute(binaries / "postgres"):
                    if pg_bin:
                        raise EmbeddedPostgresError(f"PG_BIN is {binaries}, which {account.name} may not run.")
                    binaries = embedded_home.copy_binaries(binaries, home)
                if not data.exists():
                    embedded_home.create_data(data, binaries, version, account, durable=durable)
                process, postmaster = _launch(data, binaries, account, folder.log, durable=durable)
            return EmbeddedPostgres(data, postmaster.socket_dir, folder, folder.use(), process)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"PostgreSQL cannot be started in {folder.var_dir}: {error}. "
            "Give this account the folder, or set VAR_DIR to one that it may write."
        ) from error


def remove(var_dir: Path, name: str = "pg") -> None:
    """Shut down a server that nobody uses any more and delete its data, wherever it is."""
    folder = _Folder(var_dir.absolute(), name)
    if not folder.home.is_symlink() and not folder.home.exists():
        return
    with folder.locked():
        if folder.in_use():
            raise EmbeddedPostgresError(f"The database of {folder.home} is in use. Stop what uses it first.")
        link, home = folder.home.is_symlink(), folder.home.resolve()
        if home.exists() and (not link or embedded_home.belongs_here(folder.home)):
            embedded_home.require_own(home)
            _shut_down(home / "data", None)
            shutil.rmtree(home)
        if link:
            folder.home.unlink()


@dataclass(frozen=True, slots=True)
class _Postmaster:
    """What a live server's `postmaster.pid` says."""

    pid: int
    socket_dir: Path
    status: str


def _postmaster(data: Path) -> _Postmaster | None:
    """Return the live server of this folder; its pid file alone proves nothing after a crash."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    lines += [""] * (8 - len(lines))
    if not lines[0].isdigit() or not _is_postmaster(int(lines[0]), data):
        return None
    return _Postmaster(int(lines[0]), Path(lines[4]), lines[7].strip())


def _is_postmaster(pid: int, data: Path) -> bool:
    """Ask for the command line: pids are used again, above all in containers."""
    if Path("/proc/self").exists():
        try:
            return b"\0-D\0%b\0" % os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
    answer = subprocess.run(  # noqa: S603  # a number is all that goes in
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return f" -D {data} " in answer.stdout


def _await_running(data: Path) -> _Postmaster | None:
    """Wait for what becomes of a server that was left behind while it starts, recovers or shuts down."""
    while (postmaster := _postmaster(data)) and postmaster.status != "ready":
        time.sleep(0.05)
    return postmaster


def _launch(
    data: Path, binaries: Path, account: Account, log: Path, *, durable: bool
) -> tuple[subprocess.Popen[Any], _Postmaster]:
    _disown_pid_file(data)
    socket_dir = embedded_home.make_socket_folder(data.parent, account)
    settings = SETTINGS | ({} if durable else THROW_AWAY_SETTINGS) | {"unix_socket_directories": str(socket_dir)}
    command: list[str | Path] = [
        binaries / "postgres",
        "-D",
        data,
        *(f"--{name}={value}" for name, value in settings.items()),
    ]
    give_up = time.monotonic() + PATIENCE
    while True:
        log.touch(mode=0o600)
        with log.open("ab") as output:
            begin = output.tell()
            # In a session of its own, Ctrl-C does not reach it: we stop it after our last write.
            process = subprocess.Popen(  # noqa: S603  # our own binary with arguments of our own
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **account.process_options,
            )
        postmaster = _await_ready(process, data)
        if postmaster:
            return process, postmaster
        said = log.read_bytes()[begin:].decode(errors="replace").strip()
        # Sessions of a server that was killed alone hold its memory until they notice.
        if "still in use" not in said or time.monotonic() > give_up:
            embedded_home.remove_private_socket_folder(socket_dir, data.parent)
            raise EmbeddedPostgresError(f"PostgreSQL did not start; the end of {log} says: {said[-500:]}")
        time.sleep(0.2)


def _await_ready(process: subprocess.Popen[Any], data: Path) -> _Postmaster | None:
    """Wait as long as the server lives: after a crash it may have much to recover."""
    try:
        while process.poll() is None:
            postmaster = _postmaster(data)
            if postmaster and postmaster.pid == process.pid and postmaster.status == "ready":
                return postmaster
            time.sleep(0.02)
    except BaseException:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
    return None


def _disown_pid_file(data: Path) -> None:
    """Put our own pid in a dead server's file: PostgreSQL ignores its parent's but fears a stranger's.

    The other lines must stay: by them PostgreSQL finds sessions that outlived their server.
    """
    file = data / "postmaster.pid"
    if not file.exists():
        return
    _, *lines = file.read_text().splitlines(keepends=True)
    if lines[:1] == [f"{data}\n"] and len(lines) > 3:  # noqa: PLR2004  # after folder, start and port: the socket's folder
        embedded_home.remove_private_socket_folder(Path(lines[3].strip()), data.parent)
    with file.open("r+") as text:
        text.write("".join([f"{os.getpid()}\n", *lines]))
        text.truncate()


def _shut_down(data: Path, process: subprocess.Popen[Any] | None) -> None:
    postmaster = _postmaster(data)
    if postmaster is None:
        return
    os.kill(postmaster.pid, signal.SIGINT)
    become_immediate = time.monotonic() + PATIENCE
    while _is_postmaster(postmaster.pid, data):
        if time.monotonic() > become_immediate:
            os.kill(postmaster.pid, signal.SIGQUIT)
        time.sleep(0.02)
    if process:
        process.wait()
    embedded_home.remove_private_socket_folder(postmaster.socket_dir, data.parent)


if __name__ == "__main__":
    try:
        remove(Path(sys.argv[1]))
    except (EmbeddedPostgresError, OSError) as problem:
        sys.exit(str(problem))
