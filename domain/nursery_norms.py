"""What a class of a kind may be: versions for the whole deployment; a class that departs from them says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.constraints import refusing
from domain.errors import Conflict, Invalid, NotFound
from domain.identifiers import new_id
from domain.permissions import require_signed_in, require_staff_everywhere, require_staff_somewhere
from domain.vocabulary import ADMINS, CLERKS, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


def departures(planned: Mapping[str, Any], norm: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return in what a class is other than the norm: what it has, and the limit that this passes."""
    found = []
    if planned["from_months"] < norm["from_months"]:
        found.append({"what": "from_months", "has": planned["from_months"], "limit": norm["from_months"]})
    if planned["until_months"] > norm["until_months"]:
        found.append({"what": "until_months", "has": planned["until_months"], "limit": norm["until_months"]})
    if planned["seats"] > norm["most_seats"]:
        found.append({"what": "seats", "has": planned["seats"], "limit": norm["most_seats"]})
    if norm["children_per_carer"] is not None:
        needed = -(-planned["seats"] // norm["children_per_carer"])
        if planned["carers"] < needed:
            found.append({"what": "carers", "has": planned["carers"], "limit": needed})
    return found


async def norms_now(conn: Connection, ctx: Context) -> dict[str, Row]:
    """Return the norm in effect today, by the kind of class."""
    return {row["kind"]: row for row in await sql.nurseries.norms(conn, day=local_day(ctx.now))}


async def list_of_staff(
    conn: Connection, ctx: Context, kind: str | None, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Return the versions there are; one more than `limit` where there are more."""
    await require_staff_somewhere(conn, ctx, *CLERKS)
    rows: Sequence[Row] = await sql.nurseries.list_norms(conn, kind=kind, after=after, limit=limit + 1)
    return rows


async def show(conn: Connection, ctx: Context, norm_id: UUID) -> Row:
    await require_staff_somewhere(conn, ctx, *CLERKS)
    row: Row | None = await sql.nurseries.show_norm(conn, id=norm_id)
    if row is None:
        raise NotFound("nursery_norm_not_found")
    return row


async def publish(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Row:
    """Follow the norm of a kind by a version that comes into effect today or later."""
    await require_staff_everywhere(conn, ctx, *ADMINS)
    today = local_day(ctx.now)
    if given["effective_from"] < today:
        raise Invalid("invalid_input", errors={"effective_from": [f"not_before {today}"]})
    if given["until_months"] <= given["from_months"]:
        raise Invalid("invalid_input", errors={"until_months": [f"not_less_than {given['from_months'] + 1}"]})
    account_id = require_signed_in(ctx).account_id
    taken = Conflict("nursery_norm_exists", effective_from=given["effective_from"])
    with refusing(nursery_norm_kind_effective_from_key=taken):
        row: Row = await sql.nurseries.add_norm(conn, id=new_id(), now=ctx.now, account_id=account_id, **given)
    facts = {"kind": row["kind"], "effective_from": row["effective_from"]}
    await audit.record(conn, ctx, "nursery_norms.published", row["id"], **facts)
    return row
