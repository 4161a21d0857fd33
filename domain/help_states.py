"""The only way in which a help request changes its state: one guarded update, and the event that tells of it.

Locks: a help request is taken after volunteers and mandates and before its offers, queues of services and bookings;
several by id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

import sql
from domain.identifiers import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.help_vocabulary import Because, HelpState
    from domain.rows import Row


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one request.

    `volunteer_id`: who has it from now on, None for nobody. `about`: the volunteer whom the event names, where that
    is not the one who has it now. `actor_id` None: time or the dispatch did it. `facts` hold no personal data.
    """

    request_id: UUID
    before: Sequence[HelpState]
    after: HelpState
    because: Because
    volunteer_id: UUID | None = None
    about: UUID | None = None
    actor_id: UUID | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


async def take(conn: Connection, step: Step, now: datetime) -> Row | None:
    """Take one step; return the request as it is then, or None where it is in none of the states before."""
    request: Row | None = await sql.help_states.step(
        conn,
        id=step.request_id,
        event_id=new_id(),
        before=step.before,
        after=step.after,
        because=step.because,
        volunteer_id=step.volunteer_id,
        about=step.about or step.volunteer_id,
        actor_id=step.actor_id,
        facts=orjson.dumps(step.facts, default=str).decode(),
        now=now,
    )
    return request


@dataclass(frozen=True, slots=True)
class Common:
    """One and the same step, of time or dispatch, of many requests that nobody has before or then."""

    before: HelpState
    after: HelpState
    because: Because


@dataclass(frozen=True, slots=True)
class Part:
    """What is of one request's own in such a step. `facts` hold no personal data.

    `round` and `look_at`: in which round it is and when the dispatch looks at it again; None: as before.
    """

    request_id: UUID
    facts: Mapping[str, Any] = field(default_factory=dict)
    round: int | None = None
    look_at: datetime | None = None


async def take_together(conn: Connection, step: Common, parts: Sequence[Part], now: datetime) -> set[UUID]:
    """Take one step of many requests; return those that were in the state before."""
    changed = await sql.help_states.step_together(
        conn,
        ids=[part.request_id for part in parts],
        event_ids=[new_id() for _ in parts],
        before=step.before,
        after=step.after,
        because=step.because,
        facts=[orjson.dumps(part.facts, default=str).decode() for part in parts],
        rounds=[part.round for part in parts],
        looks=[part.look_at for part in parts],
        now=now,
    )
    return {row["id"] for row in changed}


async def lock(conn: Connection, request_ids: Sequence[UUID]) -> list[Row]:
    """Lock requests in id order, as everybody does who changes more than one row of them."""
    locked: list[Row] = await sql.help_states.lock(conn, ids=request_ids)
    return locked
