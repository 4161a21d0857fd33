"""Nurseries with their classes: how many children of which age, and who looks after them.

Locks: a class is taken after rounds, applications, seats and offers, and before the places in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.constraints import refusing
from domain.errors import Conflict, Invalid, NotFound
from domain.identifiers import new_id
from domain.nursery_norms import departures, norms_now
from domain.nursery_vocabulary import ClassState
from domain.permissions import require_signed_in, require_staff_at, require_staff_of_class
from domain.search import words
from domain.vocabulary import CLERKS, MANAGERS, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def nurseries(
    conn: Connection, area_id: UUID | None, search: str | None, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Return nurseries for residents, those of an area with all below it; one more than `limit` where there are."""
    rows: Sequence[Row] = await sql.nurseries.nurseries(
        conn, area_id=area_id, words=words(search), after=after, limit=limit + 1
    )
    return rows


async def nursery(conn: Connection, nursery_id: UUID) -> Row:
    row: Row | None = await sql.nurseries.nursery(conn, id=nursery_id)
    if row is None:
        raise NotFound("provider_not_found")
    return row


async def list_classes(
    conn: Connection, ctx: Context, provider_id: UUID, state: str | None, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Return a nursery's classes; one more than `limit` where there are more."""
    await require_staff_at(conn, ctx, provider_id, *CLERKS)
    rows: Sequence[Row] = await sql.nurseries.list_classes(
        conn, provider_id=provider_id, state=state, after=after, limit=limit + 1
    )
    norms = await norms_now(conn, ctx)
    return [{**row, "departures": departures(row, norms[row["kind"]])} for row in rows]


async def show_class(conn: Connection, ctx: Context, class_id: UUID) -> Row:
    await require_staff_of_class(conn, ctx, class_id, *CLERKS)
    row = await sql.nurseries.show_class(conn, id=class_id)
    return {**row, "departures": departures(row, (await norms_now(conn, ctx))[row["kind"]])}


async def show_made(conn: Connection, ctx: Context, _provider_id: UUID, class_id: UUID) -> Row:
    """Return the class that an earlier sending of the same request made."""
    return await show_class(conn, ctx, class_id)


async def create_class(conn: Connection, ctx: Context, provider_id: UUID, given: Mapping[str, Any]) -> Row:
    """Make a class; one that is other than the norm says why."""
    await require_staff_at(conn, ctx, provider_id, *MANAGERS)
    if not await sql.nurseries.is_nursery(conn, provider_id=provider_id):
        raise Conflict("not_a_nursery")
    found = await _checked(conn, ctx, given)
    account_id = require_signed_in(ctx).account_id
    with refusing(nursery_class_provider_id_name_key=Conflict("nursery_class_name_taken")):
        row: Row = await sql.nurseries.add_class(
            conn, id=new_id(), provider_id=provider_id, now=ctx.now, account_id=account_id, **given
        )
    facts = {"provider_id": provider_id, "seats": row["seats"], "beyond_norm": [each["what"] for each in found]}
    await audit.record(conn, ctx, "nurseries.class_created", row["id"], **facts)
    return {**row, "departures": found}


async def change_class(conn: Connection, ctx: Context, class_id: UUID, given: Mapping[str, Any]) -> Row:
    """Change or close a class, but not below what children have and what rounds have promised."""
    await require_staff_of_class(conn, ctx, class_id, *MANAGERS)
    found = await _checked(conn, ctx, given)
    await sql.nurseries.lock_class(conn, id=class_id)
    await _refuse_broken_promises(conn, ctx, class_id, given)
    with refusing(
        nursery_class_provider_id_name_key=Conflict("nursery_class_name_taken"),
        nursery_class_full=Conflict("nursery_class_too_small"),
    ):
        row: Row | None = await sql.nurseries.change_class(conn, id=class_id, **given)
    if row is None:
        raise Conflict("changed_meanwhile")
    facts = {"version": row["version"], "seats": row["seats"], "state": row["state"]}
    await audit.record(
        conn, ctx, "nurseries.class_changed", class_id, beyond_norm=[each["what"] for each in found], **facts
    )
    return {**row, "departures": found}


async def _checked(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return in what the class is other than the norm; refuse where no reason is given for it."""
    if given["until_months"] <= given["from_months"]:
        raise Invalid("invalid_input", errors={"until_months": [f"not_less_than {given['from_months'] + 1}"]})
    found = departures(given, (await norms_now(conn, ctx))[given["kind"]])
    if found and not given["override_reason"]:
        raise Conflict("nursery_class_beyond_norm", departures=found)
    return found


async def _refuse_broken_promises(conn: Connection, ctx: Context, class_id: UUID, given: Mapping[str, Any]) -> None:
    closing = given["state"] == ClassState.CLOSED
    promises = await sql.nurseries.promises(conn, id=class_id)
    broken = [
        promise["round_id"]
        for promise in promises
        if closing or promise["seats"] + promise["standing"] > given["seats"]
    ]
    if broken:
        raise Conflict("nursery_class_promised", round_ids=broken)
    if closing:
        children = await sql.nurseries.children_there(conn, id=class_id, day=local_day(ctx.now))
        if children:
            raise Conflict("nursery_class_in_use", children=children)
