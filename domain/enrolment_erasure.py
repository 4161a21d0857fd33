"""What becomes of applications and places when a consent is taken back, or a child is erased.

Locks: behind the persons, the rounds, then the applications; both before volunteers, as everybody takes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain import enrolment_offers, enrolment_states, nursery_places
from domain.enrolment_states import Step
from domain.errors import Conflict
from domain.notices import Notice, tell_all
from domain.nursery_vocabulary import LIVE, EnrolmentBecause, EnrolmentState
from domain.permissions import require_signed_in
from domain.vocabulary import ConsentKind, NoticeKind, local_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def lock(conn: Connection, person_ids: Sequence[UUID]) -> list[Row]:
    """Hold the rounds of persons and take their live applications; the persons are locked."""
    await sql.enrolment_erasure.lock_rounds(conn, person_ids=person_ids)
    locked: list[Row] = await sql.enrolment_erasure.lock(conn, person_ids=person_ids)
    return locked


async def withdraw_unconsented(conn: Connection, ctx: Context, person_ids: Sequence[UUID]) -> None:
    """Take back applications that nobody who cares agrees to any more; what is on a frozen list stands."""
    found = await sql.enrolment_erasure.unconsented(conn, person_ids=person_ids, kind=ConsentKind.CHILD_ENROLMENT)
    await _withdraw(conn, ctx, found, EnrolmentBecause.WITHDRAWN)
    notices = [Notice(row["person_id"], NoticeKind.ENROLMENT_WITHDRAWN, row["id"]) for row in found]
    await tell_all(conn, ctx.now, notices)


async def erase(conn: Connection, ctx: Context, person_ids: Sequence[UUID]) -> None:
    """Take back all applications and planned places of persons, and erase what was said and handed in.

    Refused while one of them is in a nursery: the nursery ends that first.
    """
    there = await sql.enrolment_erasure.attending(conn, person_ids=person_ids, today=local_day(ctx.now))
    if there:
        raise Conflict("live_nursery_places", places=[row["id"] for row in there])
    await _withdraw(conn, ctx, await lock(conn, person_ids), EnrolmentBecause.PERSON_ERASED)
    await sql.enrolment_erasure.cancel_planned(conn, person_ids=person_ids, now=ctx.now)
    await sql.enrolment_erasure.erase(conn, person_ids=person_ids, now=ctx.now)


async def _withdraw(conn: Connection, ctx: Context, rows: Sequence[Row], because: EnrolmentBecause) -> None:
    actor_id = require_signed_in(ctx).account_id
    for row in rows:
        step = Step(row["id"], LIVE, EnrolmentState.WITHDRAWN, because, actor_id=actor_id)
        await enrolment_states.take(conn, step, ctx.now)
        await enrolment_offers.leave(conn, ctx, row["id"])
        await nursery_places.let_go(conn, ctx, row["id"], because)
