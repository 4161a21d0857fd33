"""`make bench`: what booking costs here, as ratios to the bare statement on the same PostgreSQL in the same run."""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.booking import PGBENCH_CLIENTS, SPREAD_SLOTS, WrongRunError, bare, bare_tables, book_over_http
from bench.world import Secrets, World, serving
from server import embedded, migrate

REPEATS = 3
SECONDS = 4
ACCOUNTS = 20_000
LOADS = (
    ("spread over 10,000 slots", SPREAD_SLOTS, 32, 0.45),
    ("on one hot slot", 1, 128, 3.0),
)
"""Name, slots, connections, ratio to reach."""
RESULTS = Path(__file__).parent / "results"


async def measure(world: World, folder: Path) -> list[dict[str, Any]]:
    conn = await world.connect()
    await migrate.migrate(conn)
    await conn.close()
    print(f"Settling {ACCOUNTS:,} accounts of five persons …", flush=True)
    await world.settle(ACCOUNTS)
    await bare_tables(world)
    with serving(world, folder) as address:
        return [
            await measure_load(world, folder, address, load, first_run=1 + number * REPEATS)
            for number, load in enumerate(LOADS)
        ]


async def measure_load(
    world: World, folder: Path, address: str, load: tuple[str, int, int, float], *, first_run: int
) -> dict[str, Any]:
    """Alternate pgbench and the service, and compare pair by pair: the machine's speed drifts."""
    name, slots, connections, target = load
    pairs = []
    for run in range(first_run, first_run + REPEATS):
        reference = bare(world, slots=slots, seconds=SECONDS)
        ours = await book_over_http(world, address, folder, run, slots=slots, connections=connections, seconds=SECONDS)
        pairs.append((ours, reference))
        print(
            f"  {name}: {ours.per_second:,.0f}/s, p99 {ours.p99:.1f} ms; pgbench {reference.per_second:,.0f}/s",
            flush=True,
        )
    ratios = sorted(ours.per_second / reference.per_second for ours, reference in pairs)
    ratio = statistics.median(ratios)
    return {
        "figure": f"bookings a second {name}, {connections} connections",
        "value": round(statistics.median(ours.per_second for ours, _ in pairs)),
        "unit": "1/s",
        "reference": round(statistics.median(reference.per_second for _, reference in pairs)),
        "ratio": round(ratio, 2),
        "target": target,
        "met": ratio >= target,
        "spread": [round(ratios[0], 2), round(ratios[-1], 2)],
    }


def show(figures: list[dict[str, Any]]) -> None:
    print(f"\nThe reference is pgbench with {PGBENCH_CLIENTS} clients on the bare one-statement booking.\n")
    print(f"{'figure':60} {'value':>8} {'reference':>9} {'ratio':>6} {'target':>6}  met")
    for row in figures:
        met = "yes" if row["met"] else "NO"
        print(
            f"{row['figure']:60} {row['value']:>8,} {row['reference']:>9,} {row['ratio']:>6} {row['target']:>6}  {met}"
        )
    print(f"\n{sum(row['met'] for row in figures)} of {len(figures)} targets met; all answers equal the rows.")


def main() -> int:
    if shutil.which("wrk") is None:
        print("make bench needs wrk, the load generator (Debian: apt-get install wrk).", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="xiaotuo-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another account, which has to reach its data
        with embedded.start(folder) as postgres:
            world = World(postgres.dsn, Secrets.new())
            try:
                figures = asyncio.run(measure(world, folder))
            except WrongRunError as error:
                print(f"WRONG: {error}", file=sys.stderr)
                return 1
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
