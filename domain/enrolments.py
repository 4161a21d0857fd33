"""A family applies for a child in its care: begins, changes, hands in, takes back.

Each change is a step of `enrolment_states`: the deadline is looked at by the statement that changes the application,
with its round held. Locks: the person, the round, the application.
"""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, Any

import sql
from domain import (
    audit,
    enrolment_checks,
    enrolment_documents,
    enrolment_offers,
    enrolment_states,
    enrolment_views,
    notices,
    nursery_places,
)
from domain.enrolment_states import IN_TIME, LATE, Repair, Step
from domain.errors import Conflict, NotFound
from domain.identifiers import new_id
from domain.nursery_vocabulary import LIVE, EnrolmentBecause, EnrolmentState, RoundState
from domain.permissions import require_care, require_care_of_enrolment, require_registered, require_signed_in
from domain.vocabulary import NoticeKind, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

LETTERS = string.digits + string.ascii_uppercase
TAKING = (*IN_TIME, *LATE)


async def begin(conn: Connection, ctx: Context, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Begin an application, as a draft."""
    person_id, round_id = body["person_id"], body["round_id"]
    await require_care(conn, ctx, person_id)
    await require_registered(conn, ctx)
    account_id = require_signed_in(ctx).account_id
    (person,) = await sql.people.lock(conn, ids=[person_id])
    if person["erased_at"] is not None:
        raise NotFound("person_not_found")
    await enrolment_checks.require_consent(conn, account_id, person_id)
    held = await enrolment_states.share_round(conn, round_id, ctx.now)
    enrolment_checks.require_taking(held)
    enrolment_id: UUID | None = await sql.enrolments.begin(
        conn,
        id=new_id(),
        event_id=new_id(),
        public_id="".join(secrets.choice(LETTERS) for _ in range(10)),
        salt=secrets.token_hex(16),
        round_id=round_id,
        person_id=person_id,
        account_id=account_id,
        now=ctx.now,
    )
    if enrolment_id is None:
        known = await sql.enrolments.live_of(conn, round_id=round_id, person_id=person_id)
        raise Conflict("enrolment_exists", enrolment_id=known)
    await _rank(conn, held, enrolment_id, person_id, body["choices"])
    await _claim(conn, ctx, {"id": enrolment_id, "round_id": round_id}, body)
    return await _done(conn, ctx, "enrolments.begun", enrolment_id, person_id=person_id, round_id=round_id)


async def change(conn: Connection, ctx: Context, enrolment_id: UUID, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Change what is asked for.

    A draft at any time, what was handed in until the deadline, where it must stay whole; what was returned until the
    repair is due, but for its choices, which stand since the deadline, and without a priority that it did not claim.
    """
    account_id = (await require_care_of_enrolment(conn, ctx, enrolment_id)).account_id
    found: Row = await sql.enrolments.one(conn, id=enrolment_id, now=ctx.now)
    state = EnrolmentState(found["state"])
    during: Sequence[RoundState] = TAKING
    repair = None
    if state == EnrolmentState.SUBMITTED:
        during = IN_TIME
    elif state == EnrolmentState.RETURNED:
        _require_repairable(ctx, found)
        repair = Repair(found["repair_by"], found["repair_words"])
    elif state != EnrolmentState.DRAFT:
        raise Conflict("enrolment_in_other_state", enrolment_state=state)
    step = Step(
        enrolment_id, (state,), state, EnrolmentBecause.CHANGED, during=during, repair=repair, actor_id=account_id
    )
    await _take(conn, ctx, step)
    held = await enrolment_states.share_round(conn, found["round_id"], ctx.now)
    if state != EnrolmentState.RETURNED:
        await _rank(conn, held, enrolment_id, found["person_id"], body["choices"])
    elif await _chosen(conn, enrolment_id) != body["choices"]:
        raise Conflict("enrolment_choices_stand", closes_at=held["closes_at"])
    elif added := set(body["claims"]) - await _claimed(conn, enrolment_id):
        raise Conflict("enrolment_claims_stand", closes_at=held["closes_at"], group_ids=sorted(added))
    await _claim(conn, ctx, found, body)
    if state == EnrolmentState.SUBMITTED:
        await enrolment_checks.require_whole(conn, found)
    return await _done(conn, ctx, "enrolments.changed", enrolment_id)


async def submit(conn: Connection, ctx: Context, enrolment_id: UUID, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hand in a draft, in time or, if the family wants that, late; or what was returned, repaired."""
    account_id = (await require_care_of_enrolment(conn, ctx, enrolment_id)).account_id
    found: Row = await sql.enrolments.one(conn, id=enrolment_id, now=ctx.now)
    await enrolment_checks.require_consent(conn, account_id, found["person_id"])
    if found["state"] == EnrolmentState.RETURNED:
        return await _repair(conn, ctx, found, account_id)
    late = body["late"] and found["round_state"] in LATE
    step = Step(
        enrolment_id,
        (EnrolmentState.DRAFT,),
        EnrolmentState.SUBMITTED,
        EnrolmentBecause.SUBMITTED,
        during=LATE if late else IN_TIME,
        submitted_at=ctx.now,
        late=late,
        actor_id=account_id,
    )
    await _take(conn, ctx, step)
    held = await enrolment_states.share_round(conn, found["round_id"], ctx.now)
    await enrolment_checks.require_choices(conn, held, found["person_id"], await _chosen(conn, enrolment_id))
    await enrolment_checks.require_whole(conn, found)
    way = {"way": "late"} if late else {}
    await notices.tell(conn, ctx, found["person_id"], NoticeKind.ENROLMENT_SUBMITTED, enrolment_id, **way)
    return await _done(conn, ctx, "enrolments.submitted", enrolment_id, **way)


async def _repair(conn: Connection, ctx: Context, found: Row, account_id: UUID) -> Mapping[str, Any]:
    _require_repairable(ctx, found)
    step = Step(
        found["id"],
        (EnrolmentState.RETURNED,),
        EnrolmentState.SUBMITTED,
        EnrolmentBecause.REPAIRED,
        during=LATE,
        actor_id=account_id,
    )
    await _take(conn, ctx, step)
    await enrolment_checks.require_whole(conn, found)
    return await _done(conn, ctx, "enrolments.repaired", found["id"])


async def reopen(conn: Connection, ctx: Context, enrolment_id: UUID) -> Mapping[str, Any]:
    """Make a draft again of what was handed in and nobody has begun to review; one in time only until the deadline."""
    account_id = (await require_care_of_enrolment(conn, ctx, enrolment_id)).account_id
    found: Row = await sql.enrolments.one(conn, id=enrolment_id, now=ctx.now)
    step = Step(
        enrolment_id,
        (EnrolmentState.SUBMITTED,),
        EnrolmentState.DRAFT,
        EnrolmentBecause.REOPENED,
        during=LATE if found["late"] else IN_TIME,
        actor_id=account_id,
    )
    await _take(conn, ctx, step)
    return await _done(conn, ctx, "enrolments.reopened", enrolment_id)


async def withdraw(conn: Connection, ctx: Context, enrolment_id: UUID) -> Mapping[str, Any]:
    """Take an application back, at whatever time; what was frozen stays frozen, and gets no offer."""
    account_id = (await require_care_of_enrolment(conn, ctx, enrolment_id)).account_id
    await enrolment_offers.hold(conn, enrolment_id)
    if await sql.enrolment_offers.has_begun(conn, enrolment_id=enrolment_id, today=local_day(ctx.now)):
        raise Conflict("nursery_place_begun")
    step = Step(
        enrolment_id, LIVE, EnrolmentState.WITHDRAWN, EnrolmentBecause.WITHDRAWN, during=TAKING, actor_id=account_id
    )
    taken = await _take(conn, ctx, step)
    await enrolment_offers.leave(conn, ctx, enrolment_id)
    await nursery_places.let_go(conn, ctx, enrolment_id, EnrolmentBecause.WITHDRAWN)
    await notices.tell(conn, ctx, taken["person_id"], NoticeKind.ENROLMENT_WITHDRAWN, enrolment_id)
    return await _done(conn, ctx, "enrolments.withdrawn", enrolment_id)


async def _take(conn: Connection, ctx: Context, step: Step) -> Row:
    """Take a step, or say why it cannot be taken; the round is held by then, and so is what is said of it."""
    taken = await enrolment_states.take(conn, step, ctx.now)
    if taken is not None:
        return taken
    (row,) = await enrolment_states.lock(conn, [step.enrolment_id])
    if row["state"] not in step.before:
        raise Conflict("enrolment_in_other_state", enrolment_state=row["state"])
    held = await enrolment_states.share_round(conn, row["round_id"], ctx.now)
    enrolment_checks.require_taking(held)
    if held["state"] == RoundState.OPEN:
        raise Conflict("enrolment_in_other_state", enrolment_state=row["state"])
    raise Conflict("enrolment_closed", closes_at=held["closes_at"])


async def _rank(conn: Connection, held: Row, enrolment_id: UUID, person_id: UUID, programmes: Sequence[UUID]) -> None:
    await enrolment_checks.require_choices(conn, held, person_id, programmes)
    await sql.enrolments.unrank(conn, enrolment_id=enrolment_id)
    await sql.enrolments.rank(conn, enrolment_id=enrolment_id, programmes=programmes)


async def _claim(conn: Connection, ctx: Context, enrolment: Row, body: Mapping[str, Any]) -> None:
    """Claim priorities; the documents are what they were where none are named."""
    groups = body["claims"]
    await enrolment_checks.require_groups(conn, enrolment["round_id"], groups)
    await sql.enrolments.unclaim(conn, enrolment_id=enrolment["id"], groups=groups)
    await sql.enrolments.claim(conn, enrolment_id=enrolment["id"], groups=groups)
    if body["documents"] is not None:
        await enrolment_documents.attach(conn, ctx, enrolment, body["documents"])


async def _chosen(conn: Connection, enrolment_id: UUID) -> list[UUID]:
    return [row["programme_id"] for row in await sql.enrolments.choices(conn, enrolment_id=enrolment_id)]


async def _claimed(conn: Connection, enrolment_id: UUID) -> set[UUID]:
    return {row["group_id"] for row in await sql.enrolment_documents.claimed(conn, enrolment_id=enrolment_id)}


async def _done(
    conn: Connection, ctx: Context, action: str, enrolment_id: UUID, **facts: UUID | str
) -> Mapping[str, Any]:
    shown = await enrolment_views.get(conn, ctx, enrolment_id)
    await audit.record(conn, ctx, action, enrolment_id, **facts)
    return shown


def _require_repairable(ctx: Context, found: Row) -> None:
    if ctx.now >= found["repair_by"]:
        raise Conflict("enrolment_repair_over", repair_by=found["repair_by"])
