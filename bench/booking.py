"""Bookings a second: the whole service over HTTP beside the bare statement under pgbench."""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from server import embedded_home

if TYPE_CHECKING:
    from uuid import UUID

    from bench.world import World

HERE = Path(__file__).parent
SPREAD_SLOTS = 10_000
PGBENCH_CLIENTS = 16
CROWD = 500
"""So many households press at once, each for one of its persons after the other: nobody books for five in a moment."""


@dataclass(frozen=True, slots=True)
class Run:
    """One load: bookings a second, 99th percentile in milliseconds (None under pgbench)."""

    per_second: float
    p99: float | None


class WrongRunError(Exception):
    """Answers and rows do not agree: the figures of such a run mean nothing."""


async def book_over_http(
    world: World, address: str, folder: Path, run: int, *, slots: int, connections: int, seconds: int
) -> Run:
    """Let `connections` book for `seconds`, then hold every answer against the rows."""
    opened = await world.open_slots(run, slots, capacity=200 if slots > 1 else 10**6)
    wanted, answers = folder / f"wanted-{run}", folder / f"answers-{run}"
    chooser = random.Random(run)  # noqa: S311  # the load is the same in every run
    with wanted.open("w") as file:
        for first in range(0, len(world.households), CROWD):
            crowd = [
                f"{household.token} {chooser.choice(opened)} {person_id}\n"
                for household in world.households[first : first + CROWD]
                for person_id in household.people
            ]
            chooser.shuffle(crowd)
            file.writelines(crowd)
    output = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", HERE / "book.lua", address],
        env=os.environ | {"WANTED": str(wanted), "ANSWERS": str(answers), "RUN": f"bench-{run}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+)$", output, re.MULTILINE)
    if not found:
        raise WrongRunError(f"wrk did not finish:\n{output}")
    microseconds, _p50, p99, errors = map(int, found.groups())
    if errors:
        raise WrongRunError(f"{errors} errors of the network")
    booked = await check(world, answers, opened)
    return Run(booked / (microseconds / 1e6), p99 / 1000)


async def check(world: World, answers: Path, slots: list[UUID]) -> int:
    """Return how many were answered "booked"; raise unless these are stored and counted."""
    lines = [line.split() for line in answers.read_text().splitlines()]
    statuses = Counter(line[0] for line in lines)
    if set(statuses) != {"201"}:
        raise WrongRunError(f"answers {dict(statuses)}; is the list of residents too short?")
    conn = await world.connect()
    async with conn.transaction(isolation="repeatable_read"):  # what was under way at the end may still commit
        rows = await conn.fetch("select id::text, code from booking where slot_id = any($1::uuid[])", slots)
        counted = await conn.fetchval("select sum(taken) from slot_pool where slot_id = any($1::uuid[])", slots)
    await conn.close()
    stored = {row["id"]: row["code"] for row in rows}
    told = {line[1]: line[2] for line in lines}
    lost = [booking_id for booking_id, code in told.items() if stored.get(booking_id) != code]
    if lost or counted != len(stored) or len(told) != len(lines):
        raise WrongRunError(f"{len(lost)} acknowledged are not stored, {counted} counted for {len(stored)} rows")
    return len(lines)


async def bare_tables(world: World) -> None:
    """Make the tables of the bare statement: nothing but a counter and a row a booking."""
    conn = await world.connect()
    await conn.execute("""
        create table bare_slot (id integer primary key, capacity integer not null, taken integer not null)
            with (fillfactor = 50);
        create table bare_booking (
            id bigint generated always as identity primary key, slot_id integer not null, person_id integer not null);
        insert into bare_slot select n, 1000000000, 0 from generate_series(1, 10000) as n;
    """)
    await conn.execute("vacuum analyze bare_slot")
    await conn.close()


def bare(world: World, *, slots: int, seconds: int) -> Run:
    """Run the bare statement under pgbench with prepared statements."""
    options = f"-n -M prepared -c {PGBENCH_CLIENTS} -j 1 -T {seconds} -D slots={slots}".split()
    output = subprocess.run(
        [embedded_home.wheel_binaries() / "pgbench", *options, "-f", HERE / "bare.sql", world.dsn],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    per_second = re.search(r"^tps = ([\d.]+)", output, re.MULTILINE)
    if not per_second:
        raise WrongRunError(f"pgbench did not finish:\n{output}")
    return Run(float(per_second[1]), None)
