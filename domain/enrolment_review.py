"""The review of applications by staff: of the round's area all, of a nursery those whose first choice it is.

One reviewer has an application at a time. What takes something from a family, a refusal or a denied priority, is
proposed by the reviewer and holds once another person has confirmed it. Nothing is reviewed before the deadline, so
that no change by a family meets a reviewer.

Locks: the round, the application, as everywhere (`domain.enrolment_states`); what is read of both is read behind them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, enrolment_documents, enrolment_offers, enrolment_states, notices
from domain.enrolment_states import LATE, Note, Repair, Step
from domain.errors import Conflict, Forbidden, Invalid, NotFound
from domain.identifiers import new_id
from domain.nursery_vocabulary import EnrolmentBecause, EnrolmentState, ReviewView, VerdictKind
from domain.permissions import require_signed_in, require_staff_of_enrolment, require_staff_somewhere
from domain.person_records import masked
from domain.vocabulary import CLERKS, MANAGERS, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

REVIEWING = LATE
"""In these states of a round its applications are reviewed; after the freeze only late ones are left."""
STATES: Mapping[ReviewView, EnrolmentState] = {
    ReviewView.WAITING: EnrolmentState.SUBMITTED,
    ReviewView.MINE: EnrolmentState.IN_REVIEW,
    ReviewView.TO_CONFIRM: EnrolmentState.IN_REVIEW,
    ReviewView.IN_REVIEW: EnrolmentState.IN_REVIEW,
    ReviewView.RETURNED: EnrolmentState.RETURNED,
    ReviewView.ACCEPTED: EnrolmentState.ACCEPTED,
    ReviewView.REFUSED: EnrolmentState.REFUSED,
    ReviewView.WITHDRAWN: EnrolmentState.WITHDRAWN,
}
MOST_OVERDUE = 100
"""So many in one transaction."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer finds. `denied`: of the claimed groups those that are not shown; the others are granted.

    `reason` is told to the family; it is needed for what takes something from it.
    """

    kind: VerdictKind
    denied: Sequence[UUID] = field(default_factory=tuple)
    reason: str = ""

    @property
    def takes_something(self) -> bool:
        return self.kind == VerdictKind.REFUSE or bool(self.denied)


async def list_of_staff(
    conn: Connection,
    ctx: Context,
    *,
    round_id: UUID,
    provider_id: UUID | None,
    view: ReviewView,
    after: UUID | None,
    limit: int,
) -> list[Row]:
    """List what the caller may review of a round, first handed in first; no names, so that no look is recorded."""
    caller = await require_staff_somewhere(conn, ctx, *CLERKS)
    found: list[Row] = await sql.enrolment_review.queue(
        conn,
        account_id=caller.account_id,
        roles=CLERKS,
        round_id=round_id,
        provider_id=provider_id,
        state=STATES[view],
        reviewer_id=caller.account_id if view == ReviewView.MINE else None,
        to_confirm=view == ReviewView.TO_CONFIRM,
        after=after,
        limit=limit + 1,
    )
    return found


async def show(conn: Connection, ctx: Context, enrolment_id: UUID) -> Mapping[str, Any]:
    """Show an application with the child behind it; each reading is recorded."""
    await require_staff_of_enrolment(conn, ctx, enrolment_id, *CLERKS)
    shown = await _shown(conn, ctx, enrolment_id)
    await audit.record(conn, ctx, "enrolments.shown", enrolment_id)
    return shown


async def take(conn: Connection, ctx: Context, enrolment_id: UUID) -> Mapping[str, Any]:
    """Take an application to review it; taking it again changes nothing."""
    caller = await require_staff_of_enrolment(conn, ctx, enrolment_id, *CLERKS)
    held = await _hold(conn, ctx, enrolment_id)
    if held["state"] != EnrolmentState.IN_REVIEW or held["reviewer_id"] != caller.account_id:
        _require_state(held, EnrolmentState.SUBMITTED)
        await _step(conn, ctx, held, EnrolmentState.IN_REVIEW, EnrolmentBecause.REVIEW_BEGUN, caller.account_id)
    shown = await _shown(conn, ctx, enrolment_id)
    await audit.record(conn, ctx, "enrolments.review_begun", enrolment_id)
    return shown


async def leave(conn: Connection, ctx: Context, enrolment_id: UUID) -> None:
    """Put an application back into the queue: its reviewer, or a manager where the reviewer is away."""
    caller = await require_staff_of_enrolment(conn, ctx, enrolment_id, *CLERKS)
    held = await _hold(conn, ctx, enrolment_id)
    _require_state(held, EnrolmentState.IN_REVIEW)
    if held["reviewer_id"] != caller.account_id:
        await require_staff_of_enrolment(conn, ctx, enrolment_id, *MANAGERS)
    await _require_nothing_proposed(conn, enrolment_id)
    await _step(conn, ctx, held, EnrolmentState.SUBMITTED, EnrolmentBecause.REVIEW_LEFT)
    await audit.record(conn, ctx, "enrolments.review_left", enrolment_id)


async def give_back(conn: Connection, ctx: Context, enrolment_id: UUID, words: str) -> Mapping[str, Any]:
    """Return an application to the family for repair, with what is missing and until when.

    The deadline is never behind the end of the review; for one that came late there is no such end.
    """
    held = await _own(conn, ctx, enrolment_id)
    by = ctx.now + timedelta(hours=held["repair_hours"])
    if not held["late"]:
        if held["review_until"] <= ctx.now:
            raise Conflict("review_over", review_until=held["review_until"])
        by = min(by, held["review_until"])
    step = Step(
        enrolment_id,
        [EnrolmentState.IN_REVIEW],
        EnrolmentState.RETURNED,
        EnrolmentBecause.RETURNED,
        repair=Repair(by, words),
        actor_id=require_signed_in(ctx).account_id,
        facts={"repair_by": by},
    )
    await enrolment_states.take(conn, step, ctx.now)
    facts = {"reason": words, "answer_by": by}
    await notices.tell(conn, ctx, held["person_id"], NoticeKind.ENROLMENT_RETURNED, enrolment_id, **facts)
    shown = await _shown(conn, ctx, enrolment_id)
    await audit.record(conn, ctx, "enrolments.returned", enrolment_id)
    return shown


async def judge(conn: Connection, ctx: Context, enrolment_id: UUID, verdict: Verdict) -> Mapping[str, Any]:
    """Accept an application with all its claims, or propose what a second person has to confirm."""
    held = await _own(conn, ctx, enrolment_id)
    claimed = {claim["group_id"] for claim in await sql.enrolment_review.claims(conn, id=enrolment_id)}
    _require_sense(verdict, claimed)
    verdict_id = new_id()
    await sql.enrolment_review.propose(
        conn,
        id=verdict_id,
        enrolment_id=enrolment_id,
        kind=verdict.kind,
        denied=sorted(set(verdict.denied)),
        reason=verdict.reason,
        account_id=require_signed_in(ctx).account_id,
        confirmed=None if verdict.takes_something else True,
        now=ctx.now,
    )
    if verdict.takes_something:
        refusal = verdict.kind == VerdictKind.REFUSE
        await _note(
            conn,
            ctx,
            enrolment_id,
            EnrolmentBecause.REFUSAL_PROPOSED if refusal else EnrolmentBecause.DENIAL_PROPOSED,
        )
        action = "enrolments.refusal_proposed" if refusal else "enrolments.denial_proposed"
    else:
        await _settle(conn, ctx, held, verdict)
        action = "enrolments.accepted"
    shown = await _shown(conn, ctx, enrolment_id)
    await audit.record(conn, ctx, action, enrolment_id, verdict_id=verdict_id)
    return shown


async def confirm(conn: Connection, ctx: Context, enrolment_id: UUID, verdict_id: UUID) -> Mapping[str, Any]:
    """Let hold what somebody else has proposed."""
    held, found = await _proposal(conn, ctx, enrolment_id, verdict_id)
    account_id = require_signed_in(ctx).account_id
    if found["proposed_by"] == account_id:
        raise Forbidden("second_reviewer_needed")
    await sql.enrolment_review.decide(
        conn, id=verdict_id, enrolment_id=enrolment_id, account_id=account_id, confirmed=True, words="", now=ctx.now
    )
    verdict = Verdict(VerdictKind(found["kind"]), found["denied"], found["reason"])
    await _settle(conn, ctx, held, verdict)
    shown = await _shown(conn, ctx, enrolment_id)
    action = "enrolments.accepted" if verdict.kind == VerdictKind.ACCEPT else "enrolments.refused"
    await audit.record(conn, ctx, action, enrolment_id, verdict_id=verdict_id)
    return shown


async def reject(conn: Connection, ctx: Context, enrolment_id: UUID, verdict_id: UUID, words: str) -> Mapping[str, Any]:
    """Let not hold what was proposed; who proposed it may take it back like this. The reviewer goes on."""
    await _proposal(conn, ctx, enrolment_id, verdict_id)
    await sql.enrolment_review.decide(
        conn,
        id=verdict_id,
        enrolment_id=enrolment_id,
        account_id=require_signed_in(ctx).account_id,
        confirmed=False,
        words=words,
        now=ctx.now,
    )
    await _note(conn, ctx, enrolment_id, EnrolmentBecause.PROPOSAL_REJECTED)
    shown = await _shown(conn, ctx, enrolment_id)
    await audit.record(conn, ctx, "enrolments.proposal_rejected", enrolment_id, verdict_id=verdict_id)
    return shown


async def end_repairs(conn: Connection, ctx: Context) -> int:
    """Put applications that were not repaired in time back into the queue, marked; they are reviewed as they are."""
    overdue = await sql.enrolment_review.overdue(conn, now=ctx.now, limit=MOST_OVERDUE)
    ended = 0
    for enrolment in await enrolment_states.lock(conn, [row["id"] for row in overdue]):
        if enrolment["state"] == EnrolmentState.RETURNED and enrolment["repair_by"] <= ctx.now:
            await _step(conn, ctx, enrolment, EnrolmentState.SUBMITTED, EnrolmentBecause.REPAIR_LATE)
            ended += 1
    return ended


async def _hold(conn: Connection, ctx: Context, enrolment_id: UUID) -> Row:
    """Hold the round, and take the application; return what it is then. It has to be time for a review."""
    if await sql.enrolment_review.is_late(conn, id=enrolment_id):
        await enrolment_offers.hold(conn, enrolment_id)  # whoever came late may be offered a seat by the verdict
    await enrolment_states.lock(conn, [enrolment_id])
    held = await _row(conn, ctx, enrolment_id)
    if held["round_state"] not in REVIEWING:
        raise Conflict("review_not_open", round_state=held["round_state"], closes_at=held["closes_at"])
    return held


async def _own(conn: Connection, ctx: Context, enrolment_id: UUID) -> Row:
    """Hold an application that the caller reviews and has proposed nothing about."""
    caller = await require_staff_of_enrolment(conn, ctx, enrolment_id, *CLERKS)
    held = await _hold(conn, ctx, enrolment_id)
    _require_state(held, EnrolmentState.IN_REVIEW)
    if held["reviewer_id"] != caller.account_id:
        raise Conflict("enrolment_with_other_reviewer")
    await _require_nothing_proposed(conn, enrolment_id)
    return held


async def _proposal(conn: Connection, ctx: Context, enrolment_id: UUID, verdict_id: UUID) -> tuple[Row, Row]:
    """Hold an application, and return it with a verdict that waits for a second person."""
    await require_staff_of_enrolment(conn, ctx, enrolment_id, *CLERKS)
    held = await _hold(conn, ctx, enrolment_id)
    found: Row | None = await sql.enrolment_review.verdict(conn, id=verdict_id, enrolment_id=enrolment_id)
    if found is None:
        raise NotFound("verdict_not_found")
    if found["decided_at"] is not None:
        raise Conflict("verdict_decided", confirmed=found["confirmed"])
    _require_state(held, EnrolmentState.IN_REVIEW)
    return held, found


def _require_state(enrolment: Row, state: EnrolmentState) -> None:
    if enrolment["state"] != state:
        raise Conflict("enrolment_in_other_state", enrolment_state=enrolment["state"])


async def _require_nothing_proposed(conn: Connection, enrolment_id: UUID) -> None:
    if await sql.enrolment_review.is_proposed(conn, id=enrolment_id):
        raise Conflict("verdict_pending")


def _require_sense(verdict: Verdict, claimed: set[UUID]) -> None:
    if verdict.takes_something and not verdict.reason:
        raise Invalid("invalid_input", errors={"reason": ["required"]})
    if verdict.kind == VerdictKind.REFUSE and verdict.denied:
        raise Invalid("invalid_input", errors={"denied": ["denied_with_refusal"]})
    if set(verdict.denied) - claimed:
        raise Invalid("invalid_input", errors={"denied": ["not_claimed"]})


async def _settle(conn: Connection, ctx: Context, held: Row, verdict: Verdict) -> None:
    """Let a verdict hold and tell the family. Who came late begins to wait behind the draw."""
    told: dict[str, str] = {"reason": verdict.reason} if verdict.takes_something else {}
    if verdict.kind == VerdictKind.REFUSE:
        await _step(conn, ctx, held, EnrolmentState.REFUSED, EnrolmentBecause.REFUSED)
        await notices.tell(conn, ctx, held["person_id"], NoticeKind.ENROLMENT_REFUSED, held["id"], **told)
        return
    await sql.enrolment_review.settle_claims(
        conn, enrolment_id=held["id"], denied=verdict.denied, reason=verdict.reason
    )
    await _step(conn, ctx, held, EnrolmentState.ACCEPTED, EnrolmentBecause.ACCEPTED)
    if verdict.denied:
        told["way"] = "denied"
    await notices.tell(conn, ctx, held["person_id"], NoticeKind.ENROLMENT_ACCEPTED, held["id"], **told)
    if held["late"]:
        await enrolment_offers.begin_to_wait(conn, ctx, [held["id"]])


async def _step(
    conn: Connection,
    ctx: Context,
    held: Row,
    after: EnrolmentState,
    because: EnrolmentBecause,
    reviewer_id: UUID | None = None,
) -> None:
    actor_id = None if ctx.caller is None else ctx.caller.account_id
    before = [EnrolmentState(held["state"])]
    step = Step(held["id"], before, after, because, reviewer_id=reviewer_id, actor_id=actor_id)
    await enrolment_states.take(conn, step, ctx.now)


async def _note(conn: Connection, ctx: Context, enrolment_id: UUID, because: EnrolmentBecause) -> None:
    note = Note(enrolment_id, because, require_signed_in(ctx).account_id)
    await enrolment_states.record(conn, [note], ctx.now)


async def _row(conn: Connection, ctx: Context, enrolment_id: UUID) -> Row:
    row: Row | None = await sql.enrolment_review.one(conn, id=enrolment_id, now=ctx.now)
    if row is None:
        raise NotFound("enrolment_not_found")
    return row


async def _shown(conn: Connection, ctx: Context, enrolment_id: UUID) -> Mapping[str, Any]:
    row = await _row(conn, ctx, enrolment_id)
    people = {}
    for role in ("person", "applicant"):
        person_id = row[f"{role}_id"]
        person = None if person_id is None else await sql.people.one(conn, id=person_id)
        people[role] = None if person is None else masked(ctx.vault, person)
    return {
        **row,
        **people,
        "choices": await sql.enrolment_review.choices(conn, id=enrolment_id),
        "claims": await sql.enrolment_review.claims(conn, id=enrolment_id),
        "documents": await enrolment_documents.standing(conn, enrolment_id),
        "verdicts": await sql.enrolment_review.verdicts(conn, id=enrolment_id),
        "events": await sql.enrolment_review.events(conn, id=enrolment_id),
    }
