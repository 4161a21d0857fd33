"""The only way in which an application changes its state: one guarded update, and the event that tells of it.

Locks: the round first (shared by families and reviewers, alone by who freezes, draws, publishes, ends or announces),
then applications by id, and then seats, offers, classes and places.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

import sql
from domain.errors import NotFound
from domain.identifiers import new_id
from domain.nursery_vocabulary import RoundState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.nursery_vocabulary import EnrolmentBecause, EnrolmentState
    from domain.rows import Row

IN_TIME = (RoundState.OPEN,)
LATE = (RoundState.CLOSED, RoundState.REVIEWED, RoundState.DRAWN, RoundState.PUBLISHED, RoundState.OFFERS)
"""An application that is handed in now takes part in no draw; and applications are reviewed."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What a family is asked to mend, and until when."""

    by: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one application.

    `during`: in which states its round must be by the clock, None for any. `reviewer_id`: who has it in review from
    now on, None for nobody. `repair`: with `RETURNED` and only then. `submitted_at` and `late`: None leaves them.
    `actor_id` None: time or the draw did it. `facts` hold no personal data.
    """

    enrolment_id: UUID
    before: Sequence[EnrolmentState]
    after: EnrolmentState
    because: EnrolmentBecause
    during: Sequence[RoundState] | None = None
    reviewer_id: UUID | None = None
    repair: Repair | None = None
    submitted_at: datetime | None = None
    late: bool | None = None
    actor_id: UUID | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """What happened to an application, its offers or its place without a change of its state.

    `facts` hold no personal data.
    """

    enrolment_id: UUID
    because: EnrolmentBecause
    actor_id: UUID | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


async def take(conn: Connection, step: Step, now: datetime) -> Row | None:
    """Take one step; return the application as it is then.

    None where it is in none of the states before, or its round in none of those it must be in: the round is held by
    then, so who wants to say which it was may read both.
    """
    enrolment: Row | None = await sql.enrolment_states.step(
        conn,
        id=step.enrolment_id,
        event_id=new_id(),
        before=step.before,
        after=step.after,
        during=step.during,
        because=step.because,
        actor_id=step.actor_id,
        reviewer_id=step.reviewer_id,
        submitted_at=step.submitted_at,
        late=step.late,
        repair_by=step.repair and step.repair.by,
        repair_words=step.repair and step.repair.words,
        facts=_written(step.facts),
        now=now,
    )
    return enrolment


async def record(conn: Connection, notes: Sequence[Note], now: datetime) -> None:
    """Write what happened to applications that stay in their states, in the order given."""
    await sql.enrolment_states.record(
        conn,
        event_ids=[new_id() for _ in notes],
        ids=[note.enrolment_id for note in notes],
        causes=[note.because for note in notes],
        actors=[note.actor_id for note in notes],
        facts=[_written(note.facts) for note in notes],
        now=now,
    )


async def share_round(conn: Connection, round_id: UUID, now: datetime) -> Row:
    """Hold a round as it is, beside other families and reviewers; `state` is what it is in by the clock."""
    held: Row | None = await sql.enrolment_states.share_round(conn, id=round_id, now=now)
    if held is None:
        raise NotFound("enrolment_round_not_found")
    return held


async def take_round(conn: Connection, round_id: UUID, now: datetime) -> Row:
    """Take a round for oneself, as who freezes, draws, publishes, ends or announces does; see `share_round`."""
    taken: Row | None = await sql.enrolment_states.take_round(conn, id=round_id, now=now)
    if taken is None:
        raise NotFound("enrolment_round_not_found")
    return taken


async def lock(conn: Connection, enrolment_ids: Sequence[UUID]) -> list[Row]:
    """Hold the rounds of applications and take the applications, each in id order."""
    await sql.enrolment_states.share_rounds_of(conn, ids=enrolment_ids)
    locked: list[Row] = await sql.enrolment_states.lock(conn, ids=enrolment_ids)
    return locked


def _written(facts: Mapping[str, Any]) -> str:
    return orjson.dumps(facts, default=str).decode()
