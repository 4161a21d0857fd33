"""`python -m demo`: walk every step, print one line for each, and stop at the first that is not as it should be."""

from __future__ import annotations

import sys

from demo import drawing, enrolling, fairness, helping, resident, staff, visit, volunteer
from demo.client import BASE_URL, Unexpected
from demo.journey import Journey

STEPS = (
    *resident.STEPS,
    *volunteer.STEPS,
    *staff.STEPS,
    *fairness.STEPS,
    *visit.STEPS,
    *helping.STEPS,
    *enrolling.STEPS,
    *drawing.STEPS,
    *helping.LAST_STEPS,
    *resident.LAST_STEPS,
)


def main() -> int:
    """Return the exit status: 0 when all of the journey is as it should be."""
    say(f"小驼帮办 · {BASE_URL}")
    journey = Journey()
    for number, step in enumerate(STEPS, 1):
        meaning = (step.__doc__ or "").partition("\n")[0]
        try:
            told = step(journey)
        except Unexpected as unexpected:
            say(f"✗ {number:2}. {meaning}")
            say(f"      expected: {unexpected.expected}")
            say(f"      came:     {unexpected.came}")
            return 1
        say(f"✓ {number:2}. {told}\n      {meaning}")
    say(f"全部 {len(STEPS)} 步都对。All {len(STEPS)} steps are as they should be.")
    return 0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
