"""Solves the market of `bench.allocation` with the PyPI package `matching`, in an environment of its own."""

from __future__ import annotations

import json
import resource
import sys
import time

from matching.games import HospitalResident

market = json.load(sys.stdin)
started = time.perf_counter()
game = HospitalResident.create_from_dictionaries(market["ranks"], market["orders"], market["seats"])
built = time.perf_counter()
solved = game.solve(optimal="resident")
seconds = time.perf_counter() - started
json.dump(
    {
        "seconds": seconds,
        "of_them_solving": seconds - (built - started),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "places": {child.name: programme.name for programme, children in solved.items() for child in children},
    },
    sys.stdout,
)
