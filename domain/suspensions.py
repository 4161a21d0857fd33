"""Suspensions: what missed numbers lead to, who sees it, and how it is appealed against and taken back.

Everything that makes, lifts or decides holds the person's lock, as a booking does: none slips in between.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.errors import Conflict, NotFound
from domain.identifiers import new_id
from domain.notices import Notice, tell, tell_all
from domain.permissions import require_care, require_signed_in, require_staff_at, require_staff_somewhere
from domain.suspension_ladder import LONGEST_WINDOW, Missed, measure
from domain.vocabulary import CLERKS, MANAGERS, AppealStatus, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def hold_people(conn: Connection, booking_ids: Collection[UUID]) -> None:
    """Lock the persons of bookings, before the bookings: what they have missed is counted by one at a time."""
    await sql.suspensions.lock_people_of_bookings(conn, bookings=list(booking_ids))


async def follow(
    conn: Connection, missed: Mapping[UUID, tuple[UUID | None, str | None]], now: datetime
) -> list[audit.Entry]:
    """Tell of new no-shows, and suspend whoever has filled the measure; return what the audit is to say.

    `missed`: the bookings, each with the account and the request that marked it, if any did. The persons are locked,
    see `hold_people`.
    """
    entries, told = [], []
    later = set(missed)
    for row in await sql.suspensions.missed(conn, bookings=list(missed)):
        told.append(Notice(row["person_id"], NoticeKind.NO_SHOW, row["id"]))
        later.discard(row["id"])  # one is judged after the other, as if each had been marked alone
        suspended = await _suspend(conn, row, later, now)
        if suspended is not None:
            suspension_id, facts, until = suspended
            told.append(Notice(row["person_id"], NoticeKind.SUSPENDED, suspension_id, {"suspended_until": until}))
            entries.append(audit.Entry("suspensions.made", suspension_id, facts, *missed[row["id"]]))
    if told:
        await tell_all(conn, now, told)
    return entries


async def _suspend(
    conn: Connection, missed: Row, later: set[UUID], now: datetime
) -> tuple[UUID, dict[str, audit.Fact], datetime] | None:
    """Suspend from now on, or from when the person's last suspension there ends."""
    of_both = {"person_id": missed["person_id"], "provider_id": missed["provider_id"]}
    first_day = missed["day"] - LONGEST_WINDOW
    counting = [
        Missed(row["id"], row["day"])
        for row in await sql.suspensions.counting(conn, **of_both, first_day=first_day)
        if row["id"] not in later
    ]
    before = await sql.suspensions.before(conn, **of_both)
    found = measure(missed, counting, missed["day"], before["times"])
    if found is None:
        return None
    starts_at = max(now, before["until"] or now)
    ends_at = starts_at + timedelta(days=found.days)
    suspension_id = new_id()
    await sql.suspensions.add(
        conn,
        id=suspension_id,
        **of_both,
        policy_id=missed["policy_id"],
        step=found.step,
        booking_ids=found.booking_ids,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    facts: dict[str, audit.Fact] = {**of_both, "step": found.step, "days": found.days, "bookings": found.booking_ids}
    return suspension_id, facts, ends_at


async def list_for_family(conn: Connection, ctx: Context, after: UUID | None, limit: int) -> Sequence[Row]:
    """List suspensions of the persons in the caller's care, newest first; one more than `limit` if there are more."""
    caller = require_signed_in(ctx)
    rows = await sql.suspensions.for_family(conn, account_id=caller.account_id, after=after, limit=limit + 1)
    return [_shown(row) for row in rows]


def _shown(row: Row) -> Row:
    """Put what is known of the appeal under one name."""
    appeal = {
        "id": row["appeal_id"],
        "status": row["appeal_status"],
        **{name: row[name] for name in ("statement", "reason", "created_at", "decided_at")},
    }
    return {**row, "appeal": appeal if row["appeal_id"] is not None else None}


async def appeal(conn: Connection, ctx: Context, suspension_id: UUID, statement: str) -> Row:
    """Ask staff to look at it again: once, and while it lasts."""
    seen = await show(conn, ctx, suspension_id)
    await sql.people.lock(conn, ids=[seen["person_id"]])
    suspension = await sql.suspensions.show(conn, id=suspension_id)
    if suspension["lifted_at"] is not None or suspension["ends_at"] <= ctx.now:
        raise Conflict("suspension_over")
    if suspension["appeal_id"] is not None:
        raise Conflict("appeal_exists", appeal_status=suspension["appeal_status"])
    appeal_id, account_id = new_id(), require_signed_in(ctx).account_id
    await sql.suspensions.add_appeal(
        conn, id=appeal_id, suspension_id=suspension_id, account_id=account_id, statement=statement, now=ctx.now
    )
    made = _shown(await sql.suspensions.show(conn, id=suspension_id))
    await audit.record(conn, ctx, "appeals.made", appeal_id, suspension_id=suspension_id)
    return made


async def show(conn: Connection, ctx: Context, suspension_id: UUID) -> Row:
    """Return one suspension of a person in the caller's care."""
    require_signed_in(ctx)
    found: Row | None = await sql.suspensions.show(conn, id=suspension_id)
    if found is None:
        raise NotFound("suspension_not_found")
    try:
        await require_care(conn, ctx, found["person_id"])
    except NotFound:
        raise NotFound("suspension_not_found") from None
    return _shown(found)


async def list_appeals(
    conn: Connection, ctx: Context, provider_id: UUID | None, status: str | None, after: UUID | None, limit: int
) -> Sequence[Row]:
    """List appeals at the caller's providers, oldest first; one more than `limit` where there are more."""
    caller = await require_staff_somewhere(conn, ctx, *CLERKS)
    rows: Sequence[Row] = await sql.suspensions.appeals(
        conn,
        account_id=caller.account_id,
        roles=list(CLERKS),
        provider_id=provider_id,
        status=status,
        after=after,
        limit=limit + 1,
    )
    return rows


async def decide(conn: Connection, ctx: Context, appeal_id: UUID, status: AppealStatus, reason: str) -> Row:
    """Grant an appeal, which lifts the suspension and forgives what it stood on, or reject it."""
    seen = await _require_may_decide(conn, ctx, appeal_id)
    await sql.people.lock(conn, ids=[seen["person_id"]])
    account_id = require_signed_in(ctx).account_id
    of_decision: dict[str, Any] = {"account_id": account_id, "reason": reason, "now": ctx.now}
    decided = await sql.suspensions.decide(conn, suspension_id=seen["suspension_id"], status=status, **of_decision)
    now_is: Row = await sql.suspensions.appeal(conn, id=appeal_id)
    if decided is None:
        if now_is["status"] != status:
            raise Conflict("appeal_decided", appeal_status=now_is["status"])
        return now_is
    if status is AppealStatus.GRANTED:
        await sql.suspensions.lift(conn, id=seen["suspension_id"], **of_decision)
    facts = {"by": str(status), "reason": reason}
    await tell(conn, ctx, seen["person_id"], NoticeKind.APPEAL_DECIDED, seen["suspension_id"], **facts)
    row: Row = await sql.suspensions.appeal(conn, id=appeal_id)
    await audit.record(conn, ctx, f"appeals.{status}", appeal_id, suspension_id=seen["suspension_id"])
    return row


async def _require_may_decide(conn: Connection, ctx: Context, appeal_id: UUID) -> Row:
    require_signed_in(ctx)
    found: Row | None = await sql.suspensions.appeal(conn, id=appeal_id)
    if found is None:
        raise NotFound("appeal_not_found")
    try:
        await require_staff_at(conn, ctx, found["provider_id"], *MANAGERS)
    except NotFound:
        raise NotFound("appeal_not_found") from None
    return found


async def take_back(conn: Connection, ctx: Context, booking_id: UUID, reason: str) -> list[audit.Entry]:
    """Let no suspension stand on a no-show that was none; one that has enough others stays. The person is locked."""
    account_id = require_signed_in(ctx).account_id
    entries = []
    for suspension in await sql.suspensions.standing_on(conn, booking_id=booking_id):
        if len(suspension["booking_ids"]) > suspension["no_show_count"]:
            await sql.suspensions.take_away(conn, id=suspension["id"], booking_id=booking_id)
            continue
        of_decision: dict[str, Any] = {"account_id": account_id, "reason": reason, "now": ctx.now}
        await sql.suspensions.decide(conn, suspension_id=suspension["id"], status=AppealStatus.GRANTED, **of_decision)
        await sql.suspensions.lift(conn, id=suspension["id"], **of_decision)
        await tell(conn, ctx, suspension["person_id"], NoticeKind.SUSPENSION_LIFTED, suspension["id"])
        entries.append(audit.entry(ctx, "suspensions.lifted", suspension["id"], booking_id=booking_id))
    return entries
