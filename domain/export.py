"""Everything that is kept about an account and the persons in its care (PIPL 45)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit, care_requests, enrolment_export, help_export
from domain.permissions import require_signed_in
from domain.person_records import in_full, masked
from domain.vocabulary import Relation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context

MOST_REQUESTS = 1000


async def export(conn: Connection, ctx: Context) -> Mapping[str, Any]:
    """Return the caller's own data in full; others' numbers stay masked, as they belong to the others."""
    caller = require_signed_in(ctx)
    account_id = caller.account_id
    people = await sql.care.of_account(conn, account_id=account_id)
    own = next((row for row in people if row["relation"] == Relation.SELF), None)
    exported = {
        "exported_at": ctx.now,
        "account": await sql.export.account(conn, account_id=account_id),
        "people": [_person(ctx, row) for row in people],
        "care": await sql.export.care(conn, account_id=account_id),
        "care_requests": await care_requests.list_made(conn, ctx, None, MOST_REQUESTS),
        "consents": await sql.export.consents(conn, account_id=account_id),
        "bookings": await sql.export.bookings(conn, account_id=account_id),
        "waitlist": await sql.export.waitlist(conn, account_id=account_id),
        "mandates": await sql.export.mandates(conn, account_id=account_id),
        "volunteer": await _volunteer(conn, account_id),
        **await help_export.of_family(conn, ctx.vault, account_id, [row["id"] for row in people]),
        **await enrolment_export.of_family(conn, account_id, [row["id"] for row in people]),
        "suspensions": await sql.export.suspensions(conn, account_id=account_id),
        "notices": await sql.export.notices(conn, account_id=account_id),
        "sessions": await sql.export.sessions(conn, account_id=account_id),
        "accesses": await _accesses(conn, None if own is None else own["id"]),
    }
    await audit.record(conn, ctx, "accounts.exported", account_id)
    return exported


def _person(ctx: Context, row: Record) -> Mapping[str, Any]:
    return in_full(ctx.vault, row) if row["relation"] == Relation.SELF else masked(ctx.vault, row)


async def _volunteer(conn: Connection, account_id: UUID) -> Mapping[str, Any] | None:
    row = await sql.export.volunteer(conn, account_id=account_id)
    return None if row is None else {**row, **await help_export.of_volunteer(conn, row["id"])}


async def _accesses(conn: Connection, person_id: UUID | None) -> list[Record]:
    if person_id is None:
        return []
    accesses: list[Record] = await sql.export.accesses(conn, person_id=person_id)
    return accesses
