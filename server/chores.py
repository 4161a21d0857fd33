"""What the worker does: one line a chore. A new one is a domain function `(conn, ctx)` and a line in CHORES."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import time
from itertools import count
from typing import TYPE_CHECKING

import structlog
from asyncpg import Connection

from domain import (
    dispatch,
    enrolment_documents,
    enrolment_offers,
    enrolment_review,
    erasure,
    fallback,
    files,
    help_ends,
    help_unconfirmed,
    idempotency,
    no_shows,
    nursery_papers_due,
    odd_pattern_watch,
    rebooking,
    reconciliation,
    schedule_generation,
    sessions,
    waitlist_dispatch,
    waitlist_ends,
)
from domain.context import Context

if TYPE_CHECKING:
    from domain.file_store import FileStore

log = structlog.get_logger()

Done = Mapping[str, int] | int
"""How many rows of each kind were changed; or of the only kind."""

Step = Callable[[Connection, Context], Awaitable[Done]]

QUICK_SECONDS = 1.0
MOST_STEPS = 500
"""After so many transactions in a row it is the next chore's turn."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a chore is given. `conn` is outside any transaction; `context` tells the time anew at each call."""

    conn: Connection
    store: FileStore
    context: Callable[[], Context]
    stopping: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done every so many seconds, or once a day from the local hour `at` on.

    Those of QUICK_SECONDS are done beside the others, which may take their time; a quick one is a probe of an index
    as long as there is nothing to do.
    """

    name: str
    act: Callable[[Work], Awaitable[Mapping[str, int]]]
    seconds: float | None = None
    at: time | None = None

    @property
    def quick(self) -> bool:
        return self.seconds is not None and self.seconds <= QUICK_SECONDS


def once(step: Step) -> Callable[[Work], Awaitable[Mapping[str, int]]]:
    """Do it in one transaction."""

    async def act(work: Work) -> Mapping[str, int]:
        async with work.conn.transaction():
            return _named(await step(work.conn, work.context()))

    return act


def until_nothing_is_left(step: Step) -> Callable[[Work], Awaitable[Mapping[str, int]]]:
    """Do it in one transaction after the other until one changes nothing, so that no lock is held for long."""

    async def act(work: Work) -> Mapping[str, int]:
        total: Counter[str] = Counter()
        for _ in range(MOST_STEPS):
            async with work.conn.transaction():
                done = _named(await step(work.conn, work.context()))
            total.update(done)
            if not any(done.values()) or work.stopping():
                break
        return total

    return act


def _named(done: Done) -> Mapping[str, int]:
    return {"rows": done} if isinstance(done, int) else done


async def prune_files(work: Work) -> Mapping[str, int]:
    """Ask the store, which may be far away, outside any transaction."""
    return {"files": await files.prune(work.conn, work.store, work.context().now)}


async def destroy_documents(work: Work) -> Mapping[str, int]:
    """Destroy in transactions of its own; the store is asked between them."""
    return {"files": await enrolment_documents.destroy_due(work.conn, work.store, work.context, work.stopping)}


async def make_slots(work: Work) -> Mapping[str, int]:
    """Each transaction makes a piece of one schedule's slots; a long one leaves the others their turn."""
    pieces = count()
    return await schedule_generation.generate(
        work.conn, work.context().now, lambda: work.stopping() or next(pieces) >= MOST_STEPS
    )


async def reconcile(work: Work) -> Mapping[str, int]:
    """Compare in many small statements, outside any transaction; what was found is in the row and among the figures."""
    found = await reconciliation.reconcile(work.conn, work.context().now)
    for kind, drifts in Counter(drift.kind for drift in found.examples).items():
        log.error("counters differ from their rows", kind=kind, at_least=drifts)
    return {"drifts": found.drifts}


async def offer_places(work: Work) -> Mapping[str, int]:
    """Hand what comes back to who waits; each step is a transaction of its own."""
    ctx = work.context()
    return await waitlist_dispatch.dispatch(work.conn, ctx.vault, ctx.now)


async def end_senseless_waiting(work: Work) -> Mapping[str, int]:
    ctx = work.context()
    return {"entries": await waitlist_ends.end_senseless(work.conn, ctx.vault, ctx.now)}


async def look_for_odd_patterns(work: Work) -> Mapping[str, int]:
    """Look at some volunteers in each transaction."""
    alarms, last = 0, odd_pattern_watch.BEGINNING
    while not work.stopping():
        async with work.conn.transaction():
            following, raised = await odd_pattern_watch.look(work.conn, work.context(), last)
        alarms += raised
        if following is None:
            break
        last = following
    return {"alarms": alarms}


async def ask_volunteers(work: Work) -> Mapping[str, int]:
    """Ask for help in rounds; each part is a transaction of its own."""
    return await dispatch.dispatch(work.conn, work.context().now, work.stopping)


CHORES = (
    Chore("rebooking_offers", until_nothing_is_left(rebooking.lapse), seconds=QUICK_SECONDS),
    Chore("waitlist_offers", offer_places, seconds=QUICK_SECONDS),
    Chore("fallback", until_nothing_is_left(fallback.fall_back_now), seconds=QUICK_SECONDS),
    Chore("fallback_later", until_nothing_is_left(fallback.fall_back_later), seconds=60),
    Chore("help_expiry", until_nothing_is_left(help_ends.expire), seconds=60),
    Chore("waitlist_ends", end_senseless_waiting, seconds=10),
    Chore("sessions", until_nothing_is_left(lambda conn, ctx: sessions.prune(conn, ctx.now)), seconds=60),
    Chore("idempotency_keys", once(lambda conn, ctx: idempotency.prune(conn, ctx.now)), seconds=3600),
    Chore("erased_people", once(lambda conn, ctx: erasure.prune(conn, ctx.now)), seconds=3600),
    Chore("enrolment_repairs", until_nothing_is_left(enrolment_review.end_repairs), seconds=30),
    Chore("enrolment_documents", destroy_documents, seconds=3600),
    Chore("files", prune_files, seconds=3600),
    Chore("enrolment_offers", until_nothing_is_left(enrolment_offers.lapse), seconds=10),
    Chore("help_rounds", ask_volunteers, seconds=5),
    Chore("no_shows", until_nothing_is_left(no_shows.mark), seconds=60),
    Chore("help_unconfirmed", until_nothing_is_left(help_unconfirmed.alarm), seconds=600),
    Chore("help_never_confirmed", until_nothing_is_left(help_unconfirmed.close), seconds=600),
    Chore("schedules", make_slots, seconds=15),
    Chore("odd_patterns", look_for_odd_patterns, seconds=600),
    Chore("nursery_papers", until_nothing_is_left(nursery_papers_due.tell), at=time(9)),
    Chore("reconcile", reconcile, at=time(3, 30)),
)
