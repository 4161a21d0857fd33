"""Areas: a tree from the league down to the communities, kept by administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.constraints import refusing
from domain.errors import Conflict
from domain.identifiers import new_id
from domain.permissions import require_staff_everywhere, require_staff_in, require_staff_somewhere
from domain.vocabulary import ADMINS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def list_of_staff(conn: Connection, ctx: Context, after: UUID | None, limit: int) -> Sequence[Row]:
    """Return the areas that the caller administers; one more than `limit` where there are more."""
    caller = await require_staff_somewhere(conn, ctx, *ADMINS)
    rows: Sequence[Row] = await sql.areas.list_of_staff(
        conn, account_id=caller.account_id, roles=list(ADMINS), after=after, limit=limit + 1
    )
    return rows


async def show(conn: Connection, ctx: Context, area_id: UUID) -> Row:
    await require_staff_in(conn, ctx, area_id, *ADMINS)
    row: Row = await sql.areas.show(conn, id=area_id)
    return row


async def create(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Row:
    """Make an area below one that the caller administers; a tree's first by who administers everywhere."""
    if given["parent_id"] is None:
        await require_staff_everywhere(conn, ctx, *ADMINS)
    else:
        await require_staff_in(conn, ctx, given["parent_id"], *ADMINS)
    with refusing(area_code_key=Conflict("area_code_taken", area_code=given["code"])):
        row: Row = await sql.areas.create(conn, id=new_id(), **given)
    await audit.record(conn, ctx, "areas.created", row["id"], area_code=given["code"])
    return row


async def change(conn: Connection, ctx: Context, area_id: UUID, given: Mapping[str, Any]) -> Row:
    """Change name and level; code and place in the tree stay, since data outside goes by them."""
    await require_staff_in(conn, ctx, area_id, *ADMINS)
    row: Row | None = await sql.areas.change(conn, id=area_id, **given)
    if row is None:
        raise Conflict("changed_meanwhile")
    await audit.record(conn, ctx, "areas.changed", area_id, version=row["version"])
    return row
