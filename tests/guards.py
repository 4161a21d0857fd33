"""Takes each guard of the races away, one at a time in a copy of the project, and looks whether its test turns red.

`python -m tests.guards [part of a name …]`, or `make guards`. A guard that can go without a test noticing is none.
`docs/guards.md` says of each what it is for.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests import (
    guards_bookings,
    guards_dispatch,
    guards_help,
    guards_mandates,
    guards_nursery_applications,
    guards_nursery_documents,
    guards_nursery_draw,
    guards_nursery_offers,
    guards_nursery_places,
    guards_nursery_review,
    guards_nursery_rounds,
    guards_people,
    guards_processes,
    guards_queues,
    guards_schedules,
    guards_volunteers,
    guards_waitlist,
)

if TYPE_CHECKING:
    from tests.guard import Guard

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "var", "__pycache__", ".*_cache", ".hypothesis")
GUARDS: tuple[Guard, ...] = (
    *guards_bookings.GUARDS,
    *guards_processes.GUARDS,
    *guards_queues.GUARDS,
    *guards_schedules.GUARDS,
    *guards_waitlist.GUARDS,
    *guards_people.GUARDS,
    *guards_mandates.GUARDS,
    *guards_volunteers.GUARDS,
    *guards_dispatch.GUARDS,
    *guards_help.GUARDS,
    *guards_nursery_applications.GUARDS,
    *guards_nursery_documents.GUARDS,
    *guards_nursery_offers.GUARDS,
    *guards_nursery_draw.GUARDS,
    *guards_nursery_review.GUARDS,
    *guards_nursery_rounds.GUARDS,
    *guards_nursery_places.GUARDS,
)


def turns_red(guard: Guard, copy: Path) -> bool:
    """Whether the test fails, rather than pass or not run at all, while the guard is gone."""
    path = copy / guard.path
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(guard.taken, guard.instead), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"tests/{guard.test}"]
    try:
        run = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    finally:
        path.write_text(whole, encoding="utf-8")
    return run.returncode == 1 and "FAILED" in run.stdout


def main(wanted: list[str]) -> int:
    unnoticed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        for guard in GUARDS:
            if wanted and not any(word in guard.name for word in wanted):
                continue
            red = turns_red(guard, copy)
            unnoticed += not red
            sys.stdout.write(f"{'red ' if red else 'NOT RED'} {guard.name}: {guard.test}\n")
            sys.stdout.flush()
    return unnoticed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
