"""A round's way as staff decide on it: announced, postponed, cancelled, ended. The draw has its own modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.enrolment_round_rules import MOMENTS, disorder, tiers
from domain.enrolment_rounds import lock
from domain.errors import Conflict, Invalid
from domain.identifiers import new_id
from domain.notices import Notice, tell_all
from domain.nursery_norms import departures, norms_now
from domain.nursery_vocabulary import UNDECIDED, ClassState, RoundState
from domain.permissions import require_staff_of_round
from domain.vocabulary import LOCAL_ZONE, MANAGERS, NoticeKind, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

BEFORE_THE_FREEZE = (RoundState.ANNOUNCED, RoundState.OPEN, RoundState.CLOSED)


async def announce(conn: Connection, ctx: Context, round_id: UUID, given: Mapping[str, Any]) -> Row:
    """Publish a draft as it was looked through; from then on it stands, and each of its seats is a row."""
    await require_staff_of_round(conn, ctx, round_id, *MANAGERS)
    draft = await lock(conn, ctx, round_id, RoundState.DRAFT)
    if draft["version"] != given["version"]:
        raise Conflict("changed_meanwhile")
    if draft["closes_at"] <= ctx.now:
        raise Conflict("enrolment_round_over_already", closes_at=draft["closes_at"])
    await _refuse_broken(conn, ctx, round_id)
    whole = await sql.enrolment_rounds.show(conn, id=round_id, now=ctx.now)
    seats = [
        {"id": new_id(), "programme_id": programme["id"], "number": number, "tiers": takes}
        for programme in whole["programmes"]
        for number, takes in enumerate(tiers(programme), 1)
    ]
    await sql.enrolment_rounds.add_seats(conn, rows=seats)
    await sql.enrolment_rounds.announce(conn, id=round_id, now=ctx.now)
    await audit.record(conn, ctx, "enrolment_rounds.announced", round_id, seats=len(seats), version=given["version"])
    return await _shown(conn, ctx, round_id)


async def _refuse_broken(conn: Connection, ctx: Context, round_id: UUID) -> None:
    """Refuse what a class cannot keep; it is locked, so that it stays as it is until the seats are promised."""
    await sql.enrolment_rounds.lock_classes(conn, id=round_id)
    programmes = await sql.enrolment_rounds.feasibility(conn, id=round_id)
    if not programmes:
        raise Conflict("enrolment_round_empty")
    norms = await norms_now(conn, ctx)
    problems = []
    for programme in programmes:
        named = {"class_id": programme["class_id"], "class_name": programme["class_name"]}
        problems += [named | {"problem": found} for found in _broken(programme, norms[programme["kind"]])]
        if programme["seats_offered"] > programme["free"]:
            problems.append(named | {"problem": "too_few_seats", "free": max(programme["free"], 0)})
    if problems:
        raise Conflict("enrolment_round_not_feasible", problems=problems)


def _broken(programme: Row, norm: Row) -> list[str]:
    found = []
    if programme["state"] == ClassState.CLOSED or not programme["shown"]:
        found.append("closed")
    if (
        not programme["from_months"]
        <= programme["offered_from"]
        < programme["offered_until"]
        <= programme["until_months"]
    ):
        found.append("other_ages")
    if departures(programme, norm) and not programme["override_reason"]:
        found.append("beyond_norm")
    return found


async def postpone(conn: Connection, ctx: Context, round_id: UUID, given: Mapping[str, Any]) -> Row:
    """Move times of an announced round to later ones, and tell all who have applied why."""
    await require_staff_of_round(conn, ctx, round_id, *MANAGERS)
    row = await lock(conn, ctx, round_id, *BEFORE_THE_FREEZE)
    moved = {name: given[name] for name in MOMENTS if given.get(name) is not None}
    _check_moved(row, moved, ctx.now)
    await sql.enrolment_rounds.postpone(
        conn,
        id=round_id,
        closes_at=moved.get("closes_at", row["closes_at"]),
        review_until=moved.get("review_until", row["review_until"]),
        value_due_at=moved.get("value_due_at", row["value_due_at"]),
        reason=given["reason"],
    )
    await _tell_applicants(conn, ctx, round_id, {"reason": given["reason"]})
    await audit.record(
        conn, ctx, "enrolment_rounds.postponed", round_id, **{name: str(at) for name, at in moved.items()}
    )
    return await _shown(conn, ctx, round_id)


def _check_moved(row: Row, moved: Mapping[str, datetime], now: datetime) -> None:
    if not moved:
        raise Invalid("invalid_input", errors={"closes_at": ["required"]})
    if "closes_at" in moved and row["state"] == RoundState.CLOSED:
        raise Conflict("enrolment_round_in_other_state", round_state=row["state"])
    errors = disorder({name: moved.get(name, row[name]) for name in MOMENTS})
    for name, moment in moved.items():
        earliest = max(row[name], now)
        if moment < earliest:
            errors[name] = [f"not_before {earliest.astimezone(LOCAL_ZONE).isoformat()}"]
    if "value_due_at" in moved and local_day(moved["value_due_at"]) >= row["starts_on"]:
        errors["value_due_at"] = [f"not_after {row['starts_on']}"]
    if errors:
        raise Invalid("invalid_input", errors=errors)


async def cancel(conn: Connection, ctx: Context, round_id: UUID, given: Mapping[str, Any]) -> Row:
    """Cancel an announced round before its list is frozen, and tell all who have applied why."""
    await require_staff_of_round(conn, ctx, round_id, *MANAGERS)
    await lock(conn, ctx, round_id, *BEFORE_THE_FREEZE)
    await sql.enrolment_rounds.cancel(conn, id=round_id, reason=given["reason"], now=ctx.now)
    await _tell_applicants(conn, ctx, round_id, {"way": "cancelled", "reason": given["reason"]})
    await audit.record(conn, ctx, "enrolment_rounds.cancelled", round_id)
    return await _shown(conn, ctx, round_id)


async def end(conn: Connection, ctx: Context, round_id: UUID) -> Row:
    """End a round in which nobody waits for a decision: no more offers are made; those that stand can be answered."""
    await require_staff_of_round(conn, ctx, round_id, *MANAGERS)
    await lock(conn, ctx, round_id, RoundState.PUBLISHED, RoundState.OFFERS)
    if undecided := await sql.enrolment_rounds.undecided(conn, id=round_id, states=UNDECIDED):
        raise Conflict("enrolment_round_not_over", undecided=undecided)
    await sql.enrolment_rounds.end(conn, id=round_id, now=ctx.now)
    await audit.record(conn, ctx, "enrolment_rounds.ended", round_id)
    return await _shown(conn, ctx, round_id)


async def _tell_applicants(conn: Connection, ctx: Context, round_id: UUID, facts: Mapping[str, Any]) -> None:
    applicants = await sql.enrolment_rounds.applicants(conn, id=round_id)
    kind = NoticeKind.ENROLMENT_ROUND_CHANGED
    await tell_all(conn, ctx.now, [Notice(row["person_id"], kind, row["id"], facts) for row in applicants])


async def _shown(conn: Connection, ctx: Context, round_id: UUID) -> Row:
    row: Row = await sql.enrolment_rounds.show(conn, id=round_id, now=ctx.now)
    return row
