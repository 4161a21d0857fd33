"""What is kept of help about an account: asked for the persons in its care, and given as a volunteer.

A volunteer's own data name nobody who was helped, and complaints about a volunteer are the complainant's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import emergency_contacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.vault import Vault

SEALED = ("need", "pickup", "mobility", "contact_phone")


async def of_family(
    conn: Connection, vault: Vault, account_id: UUID, person_ids: Sequence[UUID]
) -> Mapping[str, Sequence[Any]]:
    """Return what is kept for the persons in an account's care, for the rule that exports it."""
    requests = await sql.help_export.requests(conn, account_id=account_id)
    complaints = await sql.help_export.complaints(conn, account_id=account_id)
    return {
        "emergency_contacts": await emergency_contacts.of_people(conn, vault, person_ids),
        "help_requests": [_opened(vault, "help_request", row, SEALED) for row in requests],
        "help_events": await sql.help_export.events(conn, account_id=account_id),
        "help_complaints": [_opened(vault, "help_complaint", row, ("words",)) for row in complaints],
    }


async def of_volunteer(conn: Connection, volunteer_id: UUID) -> Mapping[str, Sequence[Any]]:
    """Return what is kept of somebody as a volunteer, for the rule that exports it."""
    queries = sql.help_export
    areas = await queries.areas(conn, volunteer_id=volunteer_id)
    return {
        "areas": [row["name"] for row in areas],
        "hours": await queries.hours(conn, volunteer_id=volunteer_id),
        "days_off": await queries.days_off(conn, volunteer_id=volunteer_id),
        "leads": await queries.leads(conn, volunteer_id=volunteer_id),
        "offers": await queries.offers(conn, volunteer_id=volunteer_id),
        "tasks": await queries.tasks(conn, volunteer_id=volunteer_id),
        "corrections": await queries.corrections(conn, volunteer_id=volunteer_id),
    }


def _opened(vault: Vault, table: str, row: Record, fields: Sequence[str]) -> dict[str, Any]:
    opened = dict(row)
    for field in fields:
        sealed = opened.pop(f"{field}_sealed")
        opened[field] = sealed and vault.unseal(table, f"{field}_sealed", row["id"], sealed).decode()
    return opened
