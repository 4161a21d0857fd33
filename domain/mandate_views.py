"""Mandates to read: each as far as family, volunteer or staff may see it, with every use and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import looks
from domain.errors import NotFound
from domain.identity import mask_id_number, mask_phone
from domain.mandate_terms import pending_since
from domain.permissions import require_care, require_signed_in, require_staff_somewhere
from domain.vocabulary import CLERKS, ConsentWay, MandateState, MandateStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context
    from domain.vault import Vault


async def show(conn: Connection, ctx: Context, mandate_id: UUID) -> dict[str, Any]:
    """Show a mandate to the family, to its volunteer, or to who helps under it as one of its team."""
    account_id = require_signed_in(ctx).account_id
    sides = await sql.mandate_views.sides(conn, id=mandate_id, account_id=account_id, now=ctx.now)
    if sides is None or not (sides["cares"] or sides["holds"] or sides["in_hand"] or sides["asked"]):
        raise NotFound("mandate_not_found")
    return (await whole(conn, ctx, [mandate_id]))[0]


async def read(conn: Connection, ctx: Context, mandate_id: UUID) -> dict[str, Any]:
    """Show a mandate as `show` does; that a volunteer has looked at somebody is recorded."""
    shown = await show(conn, ctx, mandate_id)
    await _record(conn, ctx, [shown])
    return shown


async def show_to_staff(conn: Connection, ctx: Context, mandate_id: UUID) -> dict[str, Any]:
    await require_staff_of_mandate(conn, ctx, mandate_id)
    return (await whole(conn, ctx, [mandate_id], to_staff=True))[0]


async def require_staff_of_mandate(conn: Connection, ctx: Context, mandate_id: UUID) -> None:
    """Only clerks of the area of the mandate's team."""
    account_id = require_signed_in(ctx).account_id
    if not await sql.permissions.staff_of_mandate(conn, account_id=account_id, roles=CLERKS, mandate_id=mandate_id):
        raise NotFound("mandate_not_found")


async def list_for_account(
    conn: Connection, ctx: Context, person_id: UUID | None, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """List the mandates of all persons in the caller's care, and those that the caller may act under.

    That a volunteer has looked at somebody is recorded.
    """
    account_id = require_signed_in(ctx).account_id
    rows = await sql.mandate_views.ids_for_account(
        conn, account_id=account_id, person_id=person_id, after=after, now=ctx.now, limit=limit + 1
    )
    shown = await whole(conn, ctx, [row["id"] for row in rows])
    await _record(conn, ctx, shown[:limit])
    return shown


async def _record(conn: Connection, ctx: Context, shown: Sequence[Mapping[str, Any]]) -> None:
    seen = [(mandate["id"], mandate["person_id"]) for mandate in shown if mandate["person"] is not None]
    await looks.record(conn, ctx, "mandates.read_by_volunteer", seen)


async def list_of_person(
    conn: Connection, ctx: Context, person_id: UUID, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """List every mandate there ever was of somebody in the caller's care, with every use."""
    await require_care(conn, ctx, person_id)
    rows = await sql.mandate_views.ids_of_person(conn, person_id=person_id, after=after, limit=limit + 1)
    return await whole(conn, ctx, [row["id"] for row in rows])


async def list_for_staff(
    conn: Connection,
    ctx: Context,
    person_id: UUID | None,
    volunteer_id: UUID | None,
    team_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> list[dict[str, Any]]:
    await require_staff_somewhere(conn, ctx, *CLERKS)
    rows = await sql.mandate_views.ids_for_staff(
        conn,
        account_id=require_signed_in(ctx).account_id,
        roles=CLERKS,
        person_id=person_id,
        volunteer_id=volunteer_id,
        team_id=team_id,
        after=after,
        limit=limit + 1,
    )
    return await whole(conn, ctx, [row["id"] for row in rows], to_staff=True)


async def whole(conn: Connection, ctx: Context, ids: Sequence[UUID], *, to_staff: bool = False) -> list[dict[str, Any]]:
    """Load mandates in the order newest first, each as far as the caller may see it; that was checked before."""
    account_id = require_signed_in(ctx).account_id
    rows = await sql.mandate_views.shown(conn, ids=ids, account_id=account_id, now=ctx.now)
    uses = _by_mandate(rows, await sql.mandate_views.uses(conn, ids=ids))
    waits = _by_mandate(rows, await sql.mandate_views.waits(conn, ids=ids))
    return [_shown(ctx, row, uses[row["id"]], waits[row["id"]], to_staff=to_staff) for row in rows]


def _by_mandate(mandates: Sequence[Record], rows: Sequence[Record]) -> dict[UUID, list[Record]]:
    sorted_in: dict[UUID, list[Record]] = {mandate["id"]: [] for mandate in mandates}
    for row in rows:
        sorted_in[row["mandate_id"]].append(row)
    return sorted_in


def _shown(ctx: Context, row: Record, uses: list[Record], waits: list[Record], *, to_staff: bool) -> dict[str, Any]:
    """Hide the person, and what was done, from a volunteer who may not act under the mandate now."""
    of_family = row["cares"] or to_staff
    shown = {
        **row,
        "status": state_of(row, ctx.now),
        "consent": row["consent_way"],
        "person": None,
        "uses": [],
        "waits": [],
        "file_id": row["file_id"] if to_staff else None,
        "revoke_reason": row["revoke_reason"] if of_family else "",
    }
    if of_family or row["in_hand"]:
        shown |= {"person": _masked(ctx.vault, row), "uses": uses, "waits": waits}
    return shown


def _masked(vault: Vault, row: Record) -> dict[str, Any]:
    document, phone = (
        row[column] and vault.unseal("person", column, row["person_id"], row[column]).decode()
        for column in ("document_sealed", "phone_sealed")
    )
    return {
        "id": row["person_id"],
        "name": row["person_name"],
        "id_number": document and mask_id_number(document),
        "phone": phone and mask_phone(phone),
    }


def state_of(row: Record, now: datetime) -> MandateState:
    if row["status"] == MandateStatus.REVOKED:
        return MandateState.REVOKED
    if row["expires_at"] <= now:
        return MandateState.EXPIRED
    if row["status"] == MandateStatus.PENDING:
        return MandateState.EXPIRED if has_lapsed(row, now) else MandateState.PENDING
    return MandateState.ACTIVE


def has_lapsed(row: Record, now: datetime) -> bool:
    """Whether a mandate that is pending can be confirmed no more."""
    asked_at: datetime = row["created_at"]
    spent: bool = row["consent_way"] == ConsentWay.SMS and row["attempts_left"] == 0
    return spent or asked_at <= pending_since(row["consent_way"], now)
