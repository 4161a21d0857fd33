"""Hospitals, desks and homes that offer services, kept by managers within their reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.constraints import refusing
from domain.errors import Conflict
from domain.identifiers import new_id
from domain.permissions import require_staff_at, require_staff_in, require_staff_somewhere
from domain.vocabulary import CLERKS, MANAGERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def list_of_staff(
    conn: Connection, ctx: Context, state: str | None, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Return the providers that the caller works for; one more than `limit` where there are more."""
    caller = await require_staff_somewhere(conn, ctx, *CLERKS)
    rows: Sequence[Row] = await sql.providers.list_of_staff(
        conn, account_id=caller.account_id, roles=list(CLERKS), state=state, after=after, limit=limit + 1
    )
    return rows


async def show(conn: Connection, ctx: Context, provider_id: UUID) -> Row:
    await require_staff_at(conn, ctx, provider_id, *CLERKS)
    row: Row = await sql.providers.show(conn, id=provider_id)
    return row


async def create(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Row:
    """Make a provider in an area that the caller manages."""
    await require_staff_in(conn, ctx, given["area_id"], *MANAGERS)
    with refusing(provider_area_id_name_key=Conflict("provider_name_taken")):
        row: Row = await sql.providers.create(conn, id=new_id(), **_placed(given))
    await audit.record(conn, ctx, "providers.created", row["id"], area_id=row["area_id"], state=row["state"])
    return row


async def change(conn: Connection, ctx: Context, provider_id: UUID, given: Mapping[str, Any]) -> Row:
    """Change a provider; whoever moves it to another area manages that one too."""
    await require_staff_at(conn, ctx, provider_id, *MANAGERS)
    before = await sql.providers.show(conn, id=provider_id)
    if given["area_id"] != before["area_id"]:
        await require_staff_in(conn, ctx, given["area_id"], *MANAGERS)
    with refusing(provider_area_id_name_key=Conflict("provider_name_taken")):
        row: Row | None = await sql.providers.change(conn, id=provider_id, **_placed(given))
    if row is None:
        raise Conflict("changed_meanwhile")
    facts = {"version": row["version"], "area_id": row["area_id"], "state": row["state"]}
    await audit.record(conn, ctx, "providers.changed", provider_id, **facts)
    return row


def _placed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Take a position apart into its columns."""
    position = given["position"] or {"latitude": None, "longitude": None}
    return {name: value for name, value in given.items() if name != "position"} | position
