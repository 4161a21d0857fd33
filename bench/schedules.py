"""`make bench-schedules`: a year of slots for schedules of 30 slots a day, planned and made; time and peak memory.

TEMPLATES says how many schedules, a hundred unless told: a tenth of what one deployment is meant for. Making is
PostgreSQL's work and grows with the number of slots; the memory of the process that asks for it does not.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from domain.calendar_days import of_library
from domain.identifiers import new_id
from domain.schedule_generation import generate
from domain.schedule_plan import CalendarDay, Session, Template, plan
from domain.vocabulary import OnHolidays
from server import embedded, migrate
from server.database import prepare_connection

if TYPE_CHECKING:
    from asyncpg import Connection

NOW = datetime(2026, 12, 31, 16, tzinfo=UTC)
FIRST, DAYS = date(2027, 1, 1), 365
SESSIONS = (
    Session(clock_time(8), clock_time(12), 15, 5, 1, 1),
    Session(clock_time(14), clock_time(17, 30), 15, 5, 1, 1),
)
"""Sixteen slots in the morning and fourteen in the afternoon, seven days a week, holidays too."""
SLOTS_A_DAY = 30
WHOLE = 1000
RESULTS = Path(__file__).parent / "results"


def megabytes() -> float:
    """Return the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def planned(templates: int) -> dict[str, Any]:
    """Plan a year of all templates, one slot at a time."""
    calendar = {
        day: CalendarDay(each.kind, each.follows_weekday)
        for year in (2027, 2028)
        for day, each in of_library(year).items()
    }
    template = Template(new_id(), FIRST, None, OnHolidays.OPEN, dict.fromkeys(range(1, 8), SESSIONS))
    last = FIRST + timedelta(days=DAYS - 1)
    started, slots = time.perf_counter(), 0
    for _ in range(templates):
        slots += sum(1 for _ in plan(template, calendar, FIRST, last))
    seconds = time.perf_counter() - started
    tracemalloc.start()
    slots_again = sum(1 for _ in plan(template, calendar, FIRST, last))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert slots == slots_again * templates == templates * DAYS * SLOTS_A_DAY
    return {"slots": slots, "seconds": round(seconds, 1), "peak_of_plan_kilobytes": round(peak / 1024)}


async def settle(conn: Connection, templates: int) -> None:
    """Make a provider with a service and a schedule for each template, and a window of a year."""
    await conn.execute("update policy set window_days = $1", DAYS - 2)
    await conn.execute("insert into area (id, level, code, name) values ($1, 'zone', 'bench', '测试区')", new_id())
    await conn.execute(
        """insert into provider (id, area_id, kind, name, address, phone, summary)
           select $1, id, 'hospital', '测试医院', '测试路 1 号', '0483-0000000', '' from area""",
        new_id(),
    )
    await conn.execute(
        """with made as (
               insert into service (id, provider_id, department, name, kind, summary, duration_minutes, requirements,
                                    eligibility, questions)
               select gen_random_uuid(), provider.id, '内科', '门诊 ' || number, 'medical', '', 15, '{}', '', '[]'
               from provider, generate_series(1, $1) as number
               returning id
           ), schedules as (
               insert into schedule (id, service_id, valid_from, on_holidays, created_at)
               select gen_random_uuid(), id, $2, 'open', $3 from made
               returning id
           )
           insert into schedule_session
           select schedules.id, weekday, starts, ends, 15, 5, 1, 1
           from schedules, generate_series(1, 7) as weekday,
                (values (time '08:00', time '12:00'), ('14:00', '17:30')) as session (starts, ends)""",
        templates,
        FIRST,
        NOW,
    )


async def made(dsn: str, templates: int) -> dict[str, Any]:
    """Make a year of slots of all templates as the worker does."""
    conn = await asyncpg.connect(dsn)
    await prepare_connection(conn)
    await migrate.migrate(conn)
    await settle(conn, templates)
    started = time.perf_counter()
    total = await generate(conn, NOW)
    seconds = time.perf_counter() - started
    slots = await conn.fetchval("select count(*) from slot")
    reached = await conn.fetchval("select count(*) from schedule where generated_to = $1", FIRST + timedelta(DAYS - 1))
    size = await conn.fetchval("select pg_database_size(current_database())")
    repeated = time.perf_counter()
    assert await generate(conn, NOW) == {}
    idle = time.perf_counter() - repeated
    await conn.close()
    assert total["made"] == slots == templates * DAYS * SLOTS_A_DAY, (total, slots)
    assert reached == templates
    return {
        "templates": templates,
        "slots": slots,
        "seconds": round(seconds, 1),
        "slots_a_second": round(slots / seconds),
        "database_megabytes": round(size / 2**20),
        "turn_with_nothing_to_do_seconds": round(idle, 3),
    }


def main() -> int:
    templates = int(os.environ.get("TEMPLATES", "100"))
    print(f"Planning {WHOLE:,} templates of {SLOTS_A_DAY} slots a day over {DAYS} days …", flush=True)
    figures: dict[str, Any] = {"planned": planned(WHOLE)}
    figures["megabytes_after_planning"] = round(megabytes())
    print(f"  {figures['planned']}\nMaking those of {templates:,} …", flush=True)
    with tempfile.TemporaryDirectory(prefix="xiaotuo-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another account, which has to reach its data
        with embedded.start(folder) as postgres:
            figures["made"] = asyncio.run(made(postgres.dsn, templates))
    figures["megabytes_after_making"] = round(megabytes())
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "schedules.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
