"""Places of children as the nursery and the family see them, and how many children a nursery has each month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain.errors import Invalid, NotFound
from domain.nursery_vocabulary import MAX_MONTHS_SHOWN, Paper
from domain.permissions import require_care, require_staff_at, require_staff_of_class, require_staff_of_place
from domain.vocabulary import CLERKS, local_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

MONTHS_A_YEAR = 12


async def list_of_class(
    conn: Connection, ctx: Context, class_id: UUID, *, over: bool, after: UUID | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """List who is or will be in a class, or with `over` who was; one more than `limit` where there are more."""
    await require_staff_of_class(conn, ctx, class_id, *CLERKS)
    rows = await sql.nursery_place_views.of_class(
        conn, class_id=class_id, over=over, today=local_day(ctx.now), after=after, limit=limit + 1
    )
    return await _with_leaves(conn, rows)


async def show(conn: Connection, ctx: Context, place_id: UUID) -> Mapping[str, Any]:
    await require_staff_of_place(conn, ctx, place_id, *CLERKS)
    return await entry(conn, place_id)


async def list_of_person(conn: Connection, ctx: Context, person_id: UUID) -> Sequence[Mapping[str, Any]]:
    """List all places of a child in the caller's care, the latest first."""
    await require_care(conn, ctx, person_id)
    return await _with_leaves(conn, await sql.nursery_place_views.of_person(conn, person_id=person_id))


async def occupancy(
    conn: Connection, ctx: Context, provider_id: UUID, first: date, last: date
) -> Sequence[Mapping[str, Any]]:
    """Say for each class and month how many children there are on the day with the most of them.

    `first` and `last` are first days of months.
    """
    await require_staff_at(conn, ctx, provider_id, *CLERKS)
    months = (last.year - first.year) * MONTHS_A_YEAR + last.month - first.month + 1
    if months < 1:
        raise Invalid("invalid_input", errors={"to": [f"not_before {first:%Y-%m}"]})
    if months > MAX_MONTHS_SHOWN:
        raise Invalid("invalid_input", errors={"to": [f"too_many_months {MAX_MONTHS_SHOWN}"]})
    rows: Sequence[Row] = await sql.nursery_place_views.occupancy(conn, provider_id=provider_id, first=first, last=last)
    return rows


async def entry(conn: Connection, place_id: UUID) -> Mapping[str, Any]:
    """Return a place as it is shown, for a rule that has checked the permission."""
    found = await _with_leaves(conn, await sql.nursery_place_views.of_ids(conn, ids=[place_id]))
    if not found:
        raise NotFound("nursery_place_not_found")
    return found[0]


async def _with_leaves(conn: Connection, rows: Iterable[Row]) -> Sequence[Mapping[str, Any]]:
    places: list[dict[str, Any]] = [
        {**row, "leaves": [], "missing": [paper for paper in Paper if row[f"{paper}_on"] is None]} for row in rows
    ]
    by_id = {place["id"]: place for place in places}
    for leave in await sql.nursery_place_views.leaves(conn, places=list(by_id)):
        by_id[leave["place_id"]]["leaves"].append(leave)
    return places
