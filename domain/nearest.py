"""Which place each of many bookings would get in the stead of its own. Pure.

Equal is a place of the same service in the same channel. The nearest in time comes first, at equal distance the
later one (who has arranged a day can rather wait than come earlier), at equal times the same doctor or counter.
Bookings are served in the order of their slots and numbers; a place is given once, and nobody gets one that the
limits of its slot's policy forbid beside what the person holds otherwise.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

from domain.booking_limits import Held, check_person_limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from domain.rows import Row


def assign(bookings: Sequence[Row], places: Sequence[Row], held: Mapping[UUID, Sequence[Held]]) -> dict[UUID, Row]:
    """Return the place of each booking that has one, by the booking's id.

    A place's row says how many are `free` there, and has the limits of its policy.
    """
    by_kind: defaultdict[tuple[UUID, str], list[Row]] = defaultdict(list)
    for row in places:
        by_kind[row["service_id"], row["channel"]].append(row)
    lines = {kind: _Line(rows) for kind, rows in by_kind.items()}
    holds = {person_id: list(each) for person_id, each in held.items()}
    given: dict[UUID, Row] = {}
    for booking in bookings:
        line = lines.get((booking["service_id"], booking["channel"]))
        others = [each for each in holds.get(booking["person_id"], ()) if each.id != booking["id"]]
        place = None if line is None else line.take(booking, others)
        if place is not None:
            given[booking["id"]] = place
            holds[booking["person_id"]] = [*others, _as_held(booking, place["day"])]
    return given


def _as_held(booking: Row, day: date) -> Held:
    return Held(booking["id"], day, booking["provider_id"], booking["department"])


class _Line:
    """The free places of one service and channel in order of time; a slot leaves it with its last place."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = sorted(rows, key=lambda row: (row["starts_at"], row["resource"]))
        self._starts = [row["starts_at"] for row in self._rows]
        self._free = [row["free"] for row in self._rows]

    def take(self, booking: Row, others: Sequence[Held]) -> Row | None:
        refused: dict[tuple[object, ...], bool] = {}
        for index in self._nearest(booking["starts_at"], booking["resource"]):
            row = self._rows[index]
            limits = row["limit_department_day"], row["limit_day"], row["limit_7_days"], row["limit_90_days"]
            terms = row["day"], *limits
            if terms not in refused:
                refused[terms] = check_person_limits(others, _as_held(booking, row["day"]), row) is not None
            if refused[terms]:
                continue
            self._free[index] -= 1
            if not self._free[index]:
                for column in (self._rows, self._starts, self._free):
                    del column[index]
            return row
        return None

    def _nearest(self, moment: datetime, resource: str) -> Iterator[int]:
        """Yield the indexes of places by their distance from a moment."""
        after = bisect_left(self._starts, moment)
        before = after - 1
        while before >= 0 or after < len(self._starts):
            later = after < len(self._starts) and (
                before < 0 or self._starts[after] - moment <= moment - self._starts[before]
            )
            if later:
                first, last = after, bisect_right(self._starts, self._starts[after])
                after = last
            else:
                first, last = bisect_left(self._starts, self._starts[before]), before + 1
                before = first - 1
            yield from sorted(range(first, last), key=lambda index: self._rows[index]["resource"] != resource)
