"""The command line, as operators type it: what it does, what it prints, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from domain import audit
from domain.audit import Entry
from tests import make
from tests.command_line import environment, run_here

ROOT = Path(__file__).parents[1]


@pytest.fixture
def command(database, tmp_path):
    """Run it here."""
    return lambda *arguments, **changes: run_here(arguments, environment(database, tmp_path, **changes))


@pytest.fixture
def process(database, tmp_path):
    """Run it as operators do."""

    def run(*arguments, typed=""):
        return subprocess.run(
            [sys.executable, "-m", "server", *arguments],
            cwd=ROOT,
            env=environment(database, tmp_path),
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


async def test_staff_are_made_listed_and_given_new_secrets(process, command, conn):
    made = process("staff", "create-admin", "--login", "wang.admin", "--name", "王管理")
    assert made.returncode == 0, made.stderr
    assert {"login", "password", "otp secret"} <= {line.split("  ")[0] for line in made.stdout.splitlines()}
    stored = await conn.fetchrow("select display_name, password_hash from staff")
    assert stored["display_name"] == "王管理"
    listed = command("staff", "list")
    assert "wang.admin" in listed.stdout
    assert "admin" in listed.stdout.split()[2]
    again = process("staff", "reset", "--login", "wang.admin", typed="a password of my own\n")
    assert again.returncode == 0, again.stderr
    assert "a password of my own" not in again.stdout
    assert await conn.fetchval("select password_hash from staff") != stored["password_hash"]


def test_what_is_wrong_is_said_in_one_line(command):
    command("staff", "create-admin", "--login", "wang.admin")
    for arguments, changes in (
        (("staff", "create-admin", "--login", "wang.admin"), {}),
        (("staff", "create-admin", "--login", "No Login"), {}),
        (("staff", "reset", "--login", "nobody.here"), {}),
        (("migrate",), {"DATABASE_URL": ""}),
        (("audit", "verify"), {"DATABASE_URL": "postgresql://127.0.0.1:1/none"}),
    ):
        ended = command(*arguments, **changes)
        assert ended.returncode == 1, arguments
        assert ended.stderr.count("\n") == 1, ended.stderr


async def test_a_database_that_is_not_migrated_is_named_as_such(command, conn):
    await conn.execute("drop table audit_chain, person cascade")
    for arguments in (("audit", "verify"), ("keys", "rotate")):
        ended = command(*arguments)
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
        assert "not migrated" in ended.stderr


async def test_the_audit_is_walked_and_a_change_ends_in_an_error(command, conn, vault, clock):
    async with conn.transaction():
        await audit.record_all(conn, vault, clock.now, [Entry("test.done", None, {})])
    walked = command("audit", "verify")
    assert (walked.returncode, walked.stderr) == (0, "")
    assert walked.stdout.startswith("1 rows in 16 chains fit together")
    await conn.execute("alter table audit disable trigger user; update audit set action = 'test.undone'")
    assert command("audit", "verify").returncode == 1


def test_keys_are_rotated(command):
    rotated = command("keys", "rotate")
    assert (rotated.returncode, rotated.stderr) == (0, "")
    assert "Everything is sealed under test1." in rotated.stdout


def test_the_schema_of_the_tests_is_up_to_date(command):
    assert command("migrate").stdout == "The schema is up to date.\n"


async def test_counters_are_compared_and_drift_ends_badly(command, conn):
    slot_id = await make.slot(conn, public=2)
    whole = command("reconcile")
    assert whole.returncode == 0, whole.stderr
    assert "1 pools and all queues compared" in whole.stdout
    await conn.execute("update slot_pool set taken = 1")
    drifted = command("reconcile")
    assert drifted.returncode == 1, drifted.stderr
    assert f"pool_taken: slot {slot_id}, public: 1 places are counted as taken, 0 are." in drifted.stdout
    assert await conn.fetchval("select taken from slot_pool") == 1
