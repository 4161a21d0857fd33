"""Until when an offered place is kept. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from domain.vocabulary import LOCAL_ZONE, local_day

NOTHING = timedelta(0)
DAY = timedelta(days=1)


def offer_until(now: datetime, minutes: int, quiet: tuple[time, time] | None, latest: datetime) -> datetime:
    """Return when an offer made now ends: after so many minutes that are not quiet, and never after `latest`.

    `quiet` is from when until when, each day, nobody is expected to look; over midnight where it ends before it begins.
    """
    if quiet is None:
        return min(now + timedelta(minutes=minutes), latest)
    left, at = timedelta(minutes=minutes), now
    while at < latest:
        begins, ends = _next_quiet(at, *quiet)
        awake = max(begins - at, NOTHING)
        if left <= awake:
            at += left
            break
        left -= awake
        at = ends
    return min(at, latest)


def _next_quiet(at: datetime, begins: time, ends: time) -> tuple[datetime, datetime]:
    """Return the quiet hours that last at a moment, or else the next ones."""
    day = local_day(at) - DAY
    while True:
        first = datetime.combine(day, begins, LOCAL_ZONE)
        last = datetime.combine(day if begins < ends else day + DAY, ends, LOCAL_ZONE)
        if last > at:
            return first, last
        day += DAY
