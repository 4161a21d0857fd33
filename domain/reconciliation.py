"""Compares counters with the rows that they count. Reports what differs; repairs nothing.

Each statement sees one moment, and whoever changes rows changes their counter in the same transaction: what is
compared while bookings go on fits together, or something is wrong. Nothing is locked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sql
from domain.identifiers import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from asyncpg import Connection

    from domain.rows import Row

SLOTS_AT_A_TIME = 500
SERVICES_AT_A_TIME = 10
MOST_EXAMPLES = 100
NIL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Drift:
    """A counter that is not what its rows say. `subject_id` is a slot's, a service's or an entry's, by the kind."""

    kind: str
    subject_id: UUID
    channel: str | None
    stored: int
    counted: int

    def as_fact(self) -> Mapping[str, Any]:
        return {
            "kind": self.kind,
            "subject_id": str(self.subject_id),
            "channel": self.channel,
            "stored": self.stored,
            "counted": self.counted,
        }


@dataclass(slots=True)
class Comparison:
    """What one run found; of the drifts only the first MOST_EXAMPLES are kept."""

    pools: int = 0
    drifts: int = 0
    examples: list[Drift] = field(default_factory=list)

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.drifts += 1
            if len(self.examples) < MOST_EXAMPLES:
                self.examples.append(Drift(**row))


async def reconcile(conn: Connection, now: datetime) -> Comparison:
    """Compare everything, slots by their ids, and write down what was found.

    Needs a connection outside any transaction: one that saw a single moment would hold back the cleaning of all
    tables for as long as it takes.
    """
    begun = time.monotonic()
    found = Comparison()
    after = NIL
    while (following := await sql.reconciliation.slots_behind(conn, after=after, most=SLOTS_AT_A_TIME))["last"]:
        found.add(await sql.reconciliation.pools(conn, after=after, last=following["last"]))
        found.pools += following["pools"]
        after = following["last"]
    after = NIL
    while last := await sql.reconciliation.services_behind(conn, after=after, most=SERVICES_AT_A_TIME):
        found.add(await sql.reconciliation.queues(conn, after=after, last=last))
        after = last
    found.add(await sql.reconciliation.entries(conn))
    await sql.reconciliation.record(
        conn,
        id=new_id(),
        started_at=now,
        finished_at=now + timedelta(seconds=time.monotonic() - begun),
        pools=found.pools,
        drifts=found.drifts,
        examples=[drift.as_fact() for drift in found.examples],
    )
    return found


async def last(conn: Connection) -> Row | None:
    """Return the newest comparison, where there was one."""
    row: Row | None = await sql.reconciliation.last(conn)
    return row
