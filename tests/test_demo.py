"""The demo journey against the real server, both as processes of their own, as a newcomer runs them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

from demo import invent
from demo.__main__ import STEPS
from domain.identity import read_id_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECONDS_TO_START = 30
SECONDS_TO_WALK = 300
"""It waits for the next full minute, when numbers are released, and for the deadlines of an enrolment."""


@asynccontextmanager
async def server(environment: dict[str, str]) -> AsyncIterator[str]:
    """Run `python -m server run` and give its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", "run", env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(SECONDS_TO_START):
            address = None
            while address is None:
                line = (await process.stdout.readline()).decode()
                assert line, "the server ended before it said where it is"
                address = re.search(r"API\s+(http://[^/\s]+)", line)
        yield address[1]
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()


async def walk(environment: dict[str, str], base_url: str) -> tuple[int | None, str]:
    """Run `python -m demo` and return its exit status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "demo",
        env={**environment, "BASE_URL": base_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(SECONDS_TO_WALK):
        printed, _ = await process.communicate()
    return process.returncode, printed.decode()


def environment(database: str, var_dir: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONUTF8": "1",
        "VAR_DIR": str(var_dir),
        "DATABASE_URL": database,
        "PORT": "0",
        "METRICS_PORT": "0",
    }


@pytest.mark.timeout(660)
async def test_the_journey_can_be_walked_by_two_at_once_and_tells_what_went_wrong(database, tmp_path):
    settings = environment(database, tmp_path)
    async with server(settings) as base_url:
        for status, printed in await asyncio.gather(*(walk(settings, base_url) for _ in range(2))):
            assert status == 0, printed
            assert len(re.findall(r"^✓", printed, re.MULTILINE)) == len(STEPS)

        conn = await asyncpg.connect(database)
        await conn.execute("update provider set state = 'hidden' where name = '孪井滩示范区医院'")
        await conn.close()
        status, printed = await walk(settings, base_url)
        assert status == 1, printed
        assert "expected: 孪井滩示范区医院" in printed
        assert "came:" in printed


async def test_without_a_server_it_says_so_and_fails(tmp_path):
    status, printed = await walk({"PATH": os.environ["PATH"], "PYTHONUTF8": "1"}, "http://127.0.0.1:9")
    assert status == 1
    assert "expected: GET /readyz → an answer" in printed


def test_each_step_tells_what_it_is_about():
    assert all(step.__doc__ for step in STEPS)
    assert len({step.__name__ for step in STEPS}) == len(STEPS)


def test_invented_people_are_valid_and_never_meet(clock):
    people = [invent.person("某某", "female", 1950) for _ in range(20)]
    assert len({person.id_number for person in people}) == 20
    for person in people:
        identity = read_id_number(person.id_number, clock.now.date())
        assert (identity.sex, identity.birth_date.year) == ("female", 1950)
