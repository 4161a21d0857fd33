"""`make bench-allocation`: 10,000 and 100,000 children × 5 choices × 40 programmes, beside the PyPI package `matching`.

CHILDREN is how many the smaller market has. Each market is allocated in a process of its own, whose whole memory counts
with the children in it. `matching` knows no reserved seats: beside it stands the same market without any, and both must
come to the same places. It is a decent peer (1.4.3 of October 2023, MIT, needs numpy) but nothing of ours needs it, so
it is installed by `bench/matching.txt`, with hashes, into an environment of its own inside `.venv`.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.allocation import Child, Programme, Reserve, allocate
from domain.draw import Applicant, Terms, canonical, draw, freeze
from domain.vocabulary import LOCAL_ZONE

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMMES, CHOICES = 40, 5
GROUPS = ("resettled", "sibling", "both_working", "low_income", "disability")
LIMITS = {10_000: 0.1, 100_000: 1.5}
"""Seconds."""
MOST_MEGABYTES = 150
TIMES = 5
ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"


def programmes(many: int, *, reserved: bool) -> list[Programme]:
    """Return programmes with seats for seven of ten children, near half of them reserved; some fall open to nobody."""
    seats = many * 7 // 10 // PROGRAMMES
    kept = tuple(
        Reserve(group, seats // 12, () if group == "resettled" else ("low_income", ""))
        for group in (GROUPS if reserved else ())
    )
    return [Programme(f"programme {index:02}", seats, kept) for index in range(PROGRAMMES)]


def children(many: int) -> list[Child]:
    """Return children of whom most want the same few programmes, so that many are sent on."""
    dice = random.Random(20261123)  # noqa: S311  # the same market each time, no secret
    names = [programme.id for programme in programmes(many, reserved=False)]
    liked = [1 / (1 + index) for index in range(PROGRAMMES)]
    made = []
    for index in range(many):
        ranks = dict.fromkeys(dice.choices(names, liked, k=CHOICES))
        while len(ranks) < CHOICES:
            ranks[dice.choice(names)] = None
        groups = frozenset(group for group in GROUPS if dice.random() < 0.15)  # noqa: PLR2004  # a seventh of all
        made.append(Child(f"{index:010}", dice.getrandbits(256), tuple(ranks), groups))
    return made


def measured(many: int) -> dict[str, Any]:
    """Allocate one market several times; the fastest counts, since anything else on the machine only slows."""
    offered, wanting = programmes(many, reserved=True), children(many)
    times = []
    for _ in range(TIMES):
        started = time.perf_counter()
        seats = allocate(offered, wanting)
        times.append(time.perf_counter() - started)
    return {
        "children": many,
        "seated": len(seats),
        "seconds": round(min(times), 4),
        "slowest_seconds": round(max(times), 4),
        "megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def beside_matching(many: int, python: str) -> dict[str, Any]:
    """Solve a market without reserves with both, and hold their places against each other."""
    offered, wanting = programmes(many, reserved=False), children(many)
    started = time.perf_counter()
    ours = {id: seat.programme for id, seat in allocate(offered, wanting).items()}
    seconds = time.perf_counter() - started
    order = sorted(wanting, key=lambda child: child.number)
    market = {
        "ranks": {child.id: child.ranks for child in wanting},
        "orders": {one.id: [child.id for child in order if one.id in child.ranks] for one in offered},
        "seats": {one.id: one.seats for one in offered},
    }
    peer = [python, str(Path(__file__).with_name("allocation_peer.py"))]
    run = subprocess.run(peer, input=json.dumps(market), capture_output=True, text=True, check=True)
    theirs = json.loads(run.stdout)
    assert theirs["places"] == ours, "one of the two is wrong"
    return {
        "children": many,
        "seconds": round(seconds, 4),
        "matching_seconds": round(theirs["seconds"], 2),
        "matching_seconds_of_solving": round(theirs["of_them_solving"], 2),
        "matching_megabytes": round(theirs["megabytes"]),
        "times_as_fast": round(theirs["seconds"] / seconds),
    }


def whole_draw(many: int) -> dict[str, Any]:
    """Freeze, draw, write and verify a round, as it is published."""
    offered = programmes(many, reserved=True)
    wanting = [
        Applicant(child.id, f"{child.number:064x}"[:32], child.groups, tuple(child.ranks)) for child in children(many)
    ]
    terms = Terms("a bench", "no public value", datetime(2026, 12, 1, tzinfo=LOCAL_ZONE))
    started = time.perf_counter()
    frozen = freeze(terms, offered, wanting)
    frozen_at = time.perf_counter()
    result = canonical(draw(frozen, terms, offered, wanting, "407"))
    drawn_at = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="xiaotuo-bench-") as folder:
        file = Path(folder) / "result.json"
        file.write_bytes(result)
        verify = [sys.executable, "-I", str(ROOT / "docs/verify_draw.py"), str(file)]
        verified_from = time.perf_counter()
        subprocess.run(verify, check=True, capture_output=True)
        verified = time.perf_counter() - verified_from
    return {
        "children": many,
        "freeze_seconds": round(frozen_at - started, 3),
        "draw_seconds": round(drawn_at - frozen_at, 3),
        "result_megabytes": round(len(result) / 2**20, 1),
        "verify_draw_seconds": round(verified, 2),
    }


def apart(step: str, *arguments: str | int) -> dict[str, Any]:
    """Do a step in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "bench.allocation", step, *map(str, arguments)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout)
    return found


def main(python: str) -> int:
    smaller = int(os.environ.get("CHILDREN", "10000"))
    figures: dict[str, Any] = {"allocations": []}
    for many in (smaller, smaller * 10):
        print(f"Allocating {many:,} children …", flush=True)
        figures["allocations"].append(apart("allocate", many))
    print(f"Drawing and verifying a round of {smaller:,} …", flush=True)
    figures["round"] = apart("round", smaller)
    print(f"Solving {smaller:,} without reserves with `matching` as well …", flush=True)
    figures["beside_matching"] = apart("matching", smaller, python)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "allocation.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    slow = [
        one
        for one in figures["allocations"]
        if one["seconds"] > LIMITS.get(one["children"], one["seconds"]) or one["megabytes"] > MOST_MEGABYTES
    ]
    return 1 if slow else 0


STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    "allocate": measured,
    "matching": beside_matching,
    "round": whole_draw,
}

if __name__ == "__main__":
    if sys.argv[1] in STEPS:
        print(json.dumps(STEPS[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])))
    else:
        sys.exit(main(sys.argv[1]))
