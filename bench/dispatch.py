"""`make bench-dispatch`: 10,000 open help requests are offered to 2,000 volunteers; time, memory, and how even it is.

REQUESTS and VOLUNTEERS say how many. The volunteers serve sixty townships, some several and some a whole banner; they
have languages, abilities, hours, days off, work and a load of very different kinds, and a third of the requests are of
the few largest townships. Afterwards it is proved that no chain of swaps would have made the load more even.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from domain.dispatch import _look, dispatch
from domain.dispatch_choice import choose
from domain.dispatch_facts import read_helpers
from domain.dispatch_masks import Masks, bits
from domain.vocabulary import LOCAL_ZONE
from server import embedded, migrate
from server.database import prepare_connection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncpg import Connection

NOW = datetime(2026, 11, 23, 9, tzinfo=LOCAL_ZONE)
TODAY = NOW.date()
LIMIT_SECONDS = 10
BANNERS, TOWNS = 6, 60
HOURS = ((480, 1080),), ((480, 720),), ((840, 1080),), ((480, 720), (840, 1080)), ((600, 1260),)
ABILITIES = ("book", "accompany", "drive")
RESULTS = Path(__file__).parent / "results"
chance = random.Random(20261123)  # noqa: S311  # the same world each time, no secret


def new() -> UUID:
    return UUID(int=chance.getrandbits(128))


def megabytes() -> float:
    """Return the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def processor_seconds(process_id: int) -> float:
    """Return what a process has cost so far, whatever else the machine was doing; nothing where nobody says it."""
    stat = Path(f"/proc/{process_id}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def at_times(share: float) -> bool:
    return chance.random() < share


def some(words: tuple[str, ...], share: float) -> list[str]:
    return [word for word in words if chance.random() < share] or [words[0]]


class World:
    """Rows by table, as they are copied into the database."""

    def __init__(self, requests: int, volunteers: int) -> None:
        self.rows: dict[str, tuple[str, list[tuple[Any, ...]]]] = {}
        league, self.staff = new(), self.account()
        self.add("area", "id parent_id level code name", (league, None, "league", "bench", "盟"))
        banners = [new() for _ in range(BANNERS)]
        for number, banner in enumerate(banners):
            self.add("area", "id parent_id level code name", (banner, league, "banner", f"bench-b{number}", "旗"))
        self.towns, self.teams = [new() for _ in range(TOWNS)], [new() for _ in range(TOWNS)]
        for number, (town, team) in enumerate(zip(self.towns, self.teams, strict=True)):
            row = (town, banners[number % BANNERS], "town", f"bench-t{number}", "镇")
            self.add("area", "id parent_id level code name", row)
            self.add("team", "id area_id name organisation", (team, town, f"队 {number}", "联盟"))
        self.volunteers = [self.volunteer(banners) for _ in range(volunteers)]
        for volunteer_id in self.volunteers:
            for _ in range(chance.choice((0, 0, 1, 2, 4, 12))):
                self.request(volunteer_id)
        for _ in range(requests):
            self.request()

    def add(self, table: str, columns: str, row: tuple[Any, ...]) -> None:
        self.rows.setdefault(table, (columns, []))[1].append(row)

    def account(self) -> UUID:
        account_id = new()
        self.add("account", "id kind created_at", (account_id, "resident", NOW))
        return account_id

    def person(self) -> UUID:
        person_id = new()
        sealed = b"sealed", person_id.bytes, date(1950, 1, 1), "female", b"sealed", person_id.bytes
        columns = (
            "id name document_kind document_sealed document_index birth_date sex phone_sealed phone_index "
            "assurance created_at"
        )
        self.add("person", columns, (person_id, "测试", "resident_id", *sealed, "declared", NOW))
        return person_id

    def volunteer(self, banners: list[UUID]) -> UUID:
        volunteer_id, account_id, home = new(), self.account(), chance.randrange(TOWNS)
        self.add("care", "id account_id person_id relation since", (new(), account_id, self.person(), "self", NOW))
        columns = "id account_id team_id languages abilities status applied_at"
        words = some(("zh", "mn"), 0.5), some(ABILITIES, 0.7)
        self.add("volunteer", columns, (volunteer_id, account_id, self.teams[home], *words, "approved", NOW))
        areas = {self.towns[home], *chance.sample(self.towns, chance.choice((0, 0, 1, 2)))}
        if at_times(0.05):
            areas.add(chance.choice(banners))
        for area_id in areas:
            self.add("volunteer_area", "volunteer_id area_id", (volunteer_id, area_id))
        for weekday in range(1, 8):
            if at_times(0.7):
                for span in chance.choice(HOURS):
                    columns = "volunteer_id weekday from_minute until_minute"
                    self.add("volunteer_hours", columns, (volunteer_id, weekday, *span))
        if at_times(0.1):
            span = TODAY + timedelta(days=2), TODAY + timedelta(days=6)
            self.add("volunteer_day_off", "volunteer_id first_day last_day", (volunteer_id, *span))
        return volunteer_id

    def request(self, volunteer_id: UUID | None = None) -> None:
        """Add an open request, or one that a volunteer has or has completed."""
        at = chance.randrange(TOWNS) if at_times(0.67) else chance.randrange(5)
        days = sorted({TODAY + timedelta(days=chance.randint(2, 30)) for _ in range(3)})
        span = None, None
        if volunteer_id is not None or at_times(0.4):
            begins = datetime.combine(days[0], NOW.timetz()) + timedelta(minutes=15 * chance.randrange(28))
            span = begins, begins + timedelta(minutes=150)
        state = "open" if volunteer_id is None else chance.choice(("completed", "completed", "booked"))
        needs = [at_times(0.6) for _ in ABILITIES]
        self.add(
            "help_request",
            "id person_id team_id area_id asked_by asked_way matter needs_booking needs_companion needs_ride "
            "need_sealed pickup_sealed language wished_days part_of_day starts_at ends_at state volunteer_id "
            "next_round_at expires_at created_at changed_at",
            (
                new(),
                self.person(),
                self.teams[at],
                self.towns[at],
                self.staff,
                "phone",
                "medical",
                *(needs if any(needs) else (True, False, False)),
                b"sealed",
                b"sealed",
                chance.choice(("zh", "zh", "mn")),
                days,
                chance.choice(("any", "morning", "afternoon")),
                *span,
                state,
                volunteer_id,
                NOW if volunteer_id is None else None,
                NOW + timedelta(days=40),
                NOW,
                NOW - timedelta(days=3),
            ),
        )

    async def write(self, conn: Connection) -> None:
        for table in list(self.rows):
            columns, rows = self.rows[table]
            await conn.copy_records_to_table(table, records=rows, columns=columns.split())
        await conn.execute("analyze")


def spread(loads: Iterable[int]) -> dict[str, int]:
    ordered = sorted(loads)
    return {f"{percent}%": ordered[(len(ordered) - 1) * percent // 100] for percent in (0, 10, 25, 50, 75, 90, 100)}


def uneven(choices: list[Any], fitting: dict[UUID, int], bit: dict[UUID, int], loads: dict[UUID, int]) -> int:
    """Count the loads from which a chain of swaps leads to somebody with two tasks less; the proof of evenness.

    Backwards: from those with at most so many tasks to all who could hand something on to them.
    """
    at_most: Counter[int] = Counter()
    for volunteer_id, load in loads.items():
        at_most[load] |= bit[volunteer_id]
    left = 0
    taken = [(sum(bit[one] for one in each.volunteers), fitting[each.request_id]) for each in choices]
    reach = 0
    for load in sorted(at_most):
        reach |= at_most[load]
        before = -1
        while before != reach:
            before = reach
            for chosen, fit in taken:
                if fit & ~chosen & reach:
                    reach |= chosen
        above = sum(mask for level, mask in at_most.items() if level >= load + 2)
        left += bool(reach & above)
    return left


async def measured(dsn: str, requests: int, volunteers: int) -> dict[str, Any]:
    conn = await asyncpg.connect(dsn)
    await prepare_connection(conn)
    await migrate.migrate(conn)
    world = World(requests, volunteers)
    await world.write(conn)
    ids = [row["id"] for row in await conn.fetch("select id from help_request where state = 'open' order by id")]
    del world.rows
    before = megabytes()

    looks = await _look(conn, ids, NOW, lambda: False)
    helpers = await read_helpers(conn, world.volunteers, NOW)
    turns = [look.turn for look in looks]
    tracemalloc.start()
    choose(turns, helpers, NOW)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    started = time.perf_counter()
    choices = choose(turns, helpers, NOW)
    choosing = time.perf_counter() - started

    masks = Masks(helpers, NOW)
    bit = {helper.id: 1 << place for place, helper in enumerate(masks.helpers)}
    loads = {helper.id: helper.load for helper in helpers}
    loads_before = list(loads.values())
    for asked in choices:
        for one in asked.volunteers:
            loads[one] += 1
    fitting = {
        turn.request.id: masks.fitting(turn.request, asked.reach) for turn, asked in zip(turns, choices, strict=True)
    }
    chains = uneven(choices, fitting, bit, loads)
    assert all({masks.helpers[place].id for place in bits(fitting[c.request_id])} >= set(c.volunteers) for c in choices)
    assert chains == 0, "somebody could have handed something on"
    del looks, turns, helpers, masks, bit, fitting

    backend = await conn.fetchval("select pg_backend_pid()")
    started, of_ours, of_backend = time.perf_counter(), time.process_time(), processor_seconds(backend)
    done = await dispatch(conn, NOW)
    seconds = time.perf_counter() - started
    of_ours, of_backend = time.process_time() - of_ours, processor_seconds(backend) - of_backend
    written = await conn.fetch(
        "select request_id, array_agg(volunteer_id order by volunteer_id) as who from help_offer group by 1"
    )
    assert {row["request_id"]: tuple(row["who"]) for row in written} == {
        asked.request_id: asked.volunteers for asked in choices if asked.volunteers
    }, "what was written is what comes out again"
    idle = time.perf_counter()
    assert not any((await dispatch(conn, NOW)).values())
    idle = time.perf_counter() - idle
    await conn.close()
    return {
        "requests": requests,
        "volunteers": volunteers,
        "asked": done["asked"],
        "offers": done["offers"],
        "nobody_fits": done["alarms"],
        "seconds": round(seconds, 2),
        "processor_seconds_of_python": round(of_ours, 2),
        "processor_seconds_of_postgresql": round(of_backend, 2),
        "of_them_choosing": round(choosing, 2),
        "peak_of_choosing_megabytes": round(peak / 2**20, 1),
        "process_megabytes_before": round(before),
        "process_megabytes_after": round(megabytes()),
        "loads_before": spread(loads_before),
        "loads_after": spread(loads.values()),
        "chains_that_would_even_it_further": chains,
        "turn_with_nothing_to_do_seconds": round(idle, 3),
    }


def main() -> int:
    requests, volunteers = (
        int(os.environ.get(name, most)) for name, most in (("REQUESTS", 10_000), ("VOLUNTEERS", 2_000))
    )
    print(f"Offering {requests:,} requests to {volunteers:,} volunteers …", flush=True)
    with tempfile.TemporaryDirectory(prefix="xiaotuo-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another account, which has to reach its data
        with embedded.start(folder) as postgres:
            figures = asyncio.run(measured(postgres.dsn, requests, volunteers))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "dispatch.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    return 0 if figures["seconds"] < LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
