"""What operators type, done inside the test's own process: Python need not start and import everything each time.

That `python -m server …` as a process is the same and ends with the same status is shown by a few in test_commands,
test_config and test_serve.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import threading
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

import structlog

from server.__main__ import main
from tests.conftest import encoded_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def environment(database: str, var_dir: Path, **changes: str | None) -> dict[str, str]:
    """Return the settings of a process on this database; a change to None takes one away."""
    given = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database,
        "VAR_DIR": str(var_dir),
        "TOKEN_KEYS": f"test1:{encoded_key('token')}",
        "SEALING_KEYS": f"test1:{encoded_key('sealing')}",
        "PASS_KEYS": f"test1:{encoded_key('pass')}",
        "BLIND_INDEX_KEY": encoded_key("blind"),
        "AUDIT_KEY": encoded_key("audit"),
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def run_here(arguments: tuple[str, ...], environment: Mapping[str, str]) -> Ended:
    """Do what `python -m server` does with these arguments, on a thread of its own, where no loop runs yet."""
    out, complaints = io.StringIO(), io.StringIO()
    statuses: list[int] = []
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch("sys.argv", ["server", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(complaints),
        _logging_kept(),
    ):
        thread = threading.Thread(target=lambda: statuses.append(main()))
        thread.start()
        thread.join()
    (status,) = statuses
    return Ended(status, out.getvalue(), complaints.getvalue())


@contextlib.contextmanager
def _logging_kept() -> Iterator[None]:
    """Undo how a process sets up what it logs."""
    root, of_structlog = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    root.handlers = []  # so that none of them is closed
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.configure(**of_structlog)
