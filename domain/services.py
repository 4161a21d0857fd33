"""What a provider offers: departments, clinics and matters, kept by its managers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.constraints import refusing
from domain.errors import Conflict, Invalid
from domain.identifiers import new_id
from domain.intake import question_errors
from domain.permissions import require_staff_at, require_staff_at_service, require_staff_somewhere
from domain.search import words
from domain.vocabulary import CLERKS, MANAGERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def list_of_staff(
    conn: Connection,
    ctx: Context,
    provider_id: UUID | None,
    state: str | None,
    search: str | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Row]:
    """Return services of the providers that the caller works for; one more than `limit` where there are more."""
    caller = await require_staff_somewhere(conn, ctx, *CLERKS)
    rows: Sequence[Row] = await sql.services.list_of_staff(
        conn,
        account_id=caller.account_id,
        roles=list(CLERKS),
        provider_id=provider_id,
        state=state,
        words=words(search),
        after=after,
        limit=limit + 1,
    )
    return rows


async def show(conn: Connection, ctx: Context, service_id: UUID) -> Row:
    await require_staff_at_service(conn, ctx, service_id, *CLERKS)
    row: Row = await sql.services.show(conn, id=service_id)
    return row


async def create(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Row:
    await require_staff_at(conn, ctx, given["provider_id"], *MANAGERS)
    check(given)
    with refusing(service_provider_id_department_name_key=Conflict("service_name_taken")):
        row: Row = await sql.services.create(conn, id=new_id(), **given)
    await audit.record(conn, ctx, "services.created", row["id"], provider_id=row["provider_id"], state=row["state"])
    return row


async def change(conn: Connection, ctx: Context, service_id: UUID, given: Mapping[str, Any]) -> Row:
    """Change a service; answers that bookings hold already stay as they were given."""
    await require_staff_at_service(conn, ctx, service_id, *MANAGERS)
    check(given)
    with refusing(service_provider_id_department_name_key=Conflict("service_name_taken")):
        row: Row | None = await sql.services.change(conn, id=service_id, **given)
    if row is None:
        raise Conflict("changed_meanwhile")
    await audit.record(conn, ctx, "services.changed", service_id, version=row["version"], state=row["state"])
    return row


def check(given: Mapping[str, Any]) -> None:
    """Raise Invalid unless ages and questions make sense."""
    errors: dict[str, Any] = {}
    if given["min_age"] is not None and given["max_age"] is not None and given["min_age"] > given["max_age"]:
        errors["max_age"] = [f"not_less_than {given['min_age']}"]
    if of_questions := question_errors(given["questions"]):
        errors["questions"] = of_questions
    if errors:
        raise Invalid("invalid_input", errors=errors)
