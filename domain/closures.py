"""Closures: a provider, a service, or one doctor or counter of it is shut on some days.

A closure closes the open slots of its days, those too that are made while it holds, and treats the bookings that
stand on them; what it would do is shown before it is done (`domain.effects`). It holds all makers of slots off while
it is carried out (the policies' lock, taken whole), so that no slot of its days comes in unseen; bookings are held
off only in the pools that it touches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit, effects, policies, rehousing
from domain.availability import span
from domain.effects import Change
from domain.errors import Conflict, Invalid, NotFound
from domain.identifiers import new_id
from domain.permissions import require_signed_in, require_staff_at
from domain.vocabulary import CLERKS, MANAGERS, MAX_DAYS_AHEAD, MAX_DAYS_CHANGED, MAX_SLOTS_CHANGED, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

SCOPE = ("provider_id", "service_id", "resource", "first", "last")


async def preview(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Show what a closure would do to standing bookings, and change nothing."""
    await _require_scope(conn, ctx, given)
    effect = await effects.foresee(conn, await _change(conn, ctx, given), ctx.now)
    return effect.shown()


async def apply(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Row:
    """Close, and do with the bookings what was decided: exactly what the preview with this digest showed."""
    await _require_scope(conn, ctx, given)
    await policies.take(conn)
    effect = await effects.settle(conn, ctx.now, given["digest"], lambda: _change(conn, ctx, given))
    closure_id = new_id()
    await sql.closures.add(
        conn,
        id=closure_id,
        provider_id=given["provider_id"],
        service_id=given["service_id"],
        resource=given["resource"],
        first_day=given["first"],
        last_day=given["last"],
        reason=given["reason"],
        treatment=given["treatment"],
        created_by=require_signed_in(ctx).account_id,
        now=ctx.now,
    )
    await sql.closures.shut(conn, id=closure_id, slots=effect.change.closing, reason=given["reason"])
    decision = rehousing.decided(given, {"closure_id": closure_id})
    done, entries = await rehousing.treat(conn, ctx, effect, decision)
    facts = {name: given[name] for name in (*SCOPE, "reason", "treatment", "otherwise")}
    counts = {"slots": len(effect.change.closing), "present": effect.counts["present"], **done}
    applied = audit.entry(ctx, "closures.applied", closure_id, **facts, **counts)
    shown = await _show(conn, closure_id)
    await audit.record_all(conn, ctx.vault, ctx.now, [applied, *entries])
    return shown


async def show(conn: Connection, ctx: Context, closure_id: UUID) -> Row:
    """Show a closure with what has become of the bookings that it met."""
    await _require_staff(conn, ctx, closure_id, *CLERKS)
    return await _show(conn, closure_id)


async def list_of_provider(
    conn: Connection, ctx: Context, provider_id: UUID, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Return a provider's closures, newest first; one more than `limit` where there are more."""
    await require_staff_at(conn, ctx, provider_id, *CLERKS)
    rows: Sequence[Row] = await sql.closures.of_provider(conn, provider_id=provider_id, after=after, limit=limit + 1)
    return rows


async def lift(conn: Connection, ctx: Context, closure_id: UUID) -> Row:
    """End a closure: the slots that it closed open again, and bookings that still stand on them stay there.

    A slot that another closure holds shut too stays shut for that one. What was moved or cancelled stays so.
    """
    await _require_staff(conn, ctx, closure_id, *MANAGERS)
    await policies.take(conn)
    if await sql.closures.lift(conn, id=closure_id, account_id=require_signed_in(ctx).account_id, now=ctx.now) is None:
        raise Conflict("closure_lifted_already")
    closed = await sql.closures.closed_by(conn, id=closure_id, now=ctx.now)
    opening = [row["id"] for row in closed if row["other_id"] is None]
    held = [row for row in closed if row["other_id"] is not None]
    await sql.closures.hand_on(
        conn,
        slots=[row["id"] for row in held],
        closures=[row["other_id"] for row in held],
        reasons=[row["other_reason"] for row in held],
    )
    counts = await rehousing.restore(conn, ctx, opening, {row["service_id"] for row in closed})
    shown = await _show(conn, closure_id)
    await audit.record(conn, ctx, "closures.lifted", closure_id, still_shut=len(held), **counts)
    return shown


async def _show(conn: Connection, closure_id: UUID) -> Row:
    row = await sql.closures.show(conn, id=closure_id)
    return {**row, "bookings": row}


async def _change(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Change:
    begins, ends = span(given["first"], given["last"], MAX_DAYS_CHANGED)
    rows = await sql.closures.slots(
        conn,
        provider_id=given["provider_id"],
        service_id=given["service_id"],
        resource=given["resource"],
        begins=begins,
        ends=ends,
        now=ctx.now,
        most=MAX_SLOTS_CHANGED + 1,
    )
    return Change({name: given[name] for name in SCOPE}, [row["id"] for row in rows])


async def _require_scope(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> None:
    """Only managers of the provider, and only for what is of it and still to come."""
    await require_staff_at(conn, ctx, given["provider_id"], *MANAGERS)
    errors = {}
    if given["service_id"] is not None:
        if await sql.closures.service_provider(conn, service_id=given["service_id"]) != given["provider_id"]:
            raise NotFound("service_not_found")
    elif given["resource"] is not None:
        errors["resource"] = ["service_first"]
    span(given["first"], given["last"], MAX_DAYS_CHANGED)
    today = local_day(ctx.now)
    if given["last"] < today:
        errors["to"] = [f"not_before {today}"]
    if (given["last"] - today).days > MAX_DAYS_AHEAD:
        errors["to"] = [f"too_many_days_ahead {MAX_DAYS_AHEAD}"]
    if errors:
        raise Invalid("invalid_input", errors=errors)


async def _require_staff(conn: Connection, ctx: Context, closure_id: UUID, *roles: Any) -> None:
    provider_id = await sql.closures.provider_of(conn, id=closure_id)
    if provider_id is None:
        raise NotFound("closure_not_found")
    try:
        await require_staff_at(conn, ctx, provider_id, *roles)
    except NotFound:
        raise NotFound("closure_not_found") from None
