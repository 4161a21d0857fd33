"""What a volunteer sees of help requests: little when asked, all while having one, nothing personal afterwards.

Lists show nobody. Each look at a request that one has is an audit row. Who does not serve at this moment sees nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit, mandate_use
from domain.errors import NotFound
from domain.help_vocabulary import TaskView
from domain.permissions import require_registered, require_signed_in
from domain.vocabulary import VolunteerStatus, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row
    from domain.vault import Vault

NOTHING: Mapping[str, Any] = {
    "state": None,
    "wished_days": None,
    "part_of_day": None,
    "starts_at": None,
    "ends_at": None,
    "reasons": None,
    "answer_by": None,
    "day": None,
    "because": None,
    "minutes": None,
    "stars": None,
    "thanks": None,
    "whole": None,
}
SHOWN: Mapping[str, Sequence[str]] = {
    TaskView.ASKED: ("wished_days", "part_of_day", "starts_at", "ends_at", "reasons", "answer_by"),
    TaskView.TAKEN: ("state", "wished_days", "part_of_day", "starts_at", "ends_at", "reasons"),
    TaskView.OVER: ("because", "minutes", "stars", "thanks"),
}
"""What each view has beside what all have."""
NEEDS = ("needs_booking", "needs_companion", "needs_ride")


async def list_own(
    conn: Connection, ctx: Context, view: TaskView | None, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """List what the caller is asked for and has, newest first; what is over only by its name.

    Who does not serve now has nothing.
    """
    volunteer_id = await _serving(conn, ctx)
    if volunteer_id is None:
        return []
    rows = await sql.help_views.of_volunteer(
        conn, volunteer_id=volunteer_id, view=view, before=after, now=ctx.now, most=limit + 1
    )
    facts = await _open_facts(conn, volunteer_id, [row["id"] for row in rows])
    return [_seen(facts[row["id"]], TaskView(row["view"])) for row in rows]


async def show(conn: Connection, ctx: Context, request_id: UUID) -> dict[str, Any]:
    """Show one request as far as the caller may see it now; writes an audit row where that is whom it is about."""
    volunteer_id = await _serving(conn, ctx)
    if volunteer_id is None:
        raise NotFound("help_request_not_found")
    view = await sql.help_views.view_of(conn, volunteer_id=volunteer_id, request_id=request_id, now=ctx.now)
    if view is None:
        raise NotFound("help_request_not_found")
    facts = await _open_facts(conn, volunteer_id, [request_id])
    seen = _seen(facts[request_id], TaskView(view))
    if view == TaskView.TAKEN:
        row = await sql.help_views.whole(conn, id=request_id)
        account_id = require_signed_in(ctx).account_id
        mandate_id = await mandate_use.covering(conn, ctx, account_id, row["person_id"], seen["matter"])
        seen["whole"] = {**_whole(ctx.vault, row), "mandate_id": mandate_id}
        await audit.record(conn, ctx, "help_requests.read_by_volunteer", request_id, person_id=row["person_id"])
    return seen


async def _serving(conn: Connection, ctx: Context) -> UUID | None:
    """Return the caller as a volunteer, or None where the caller does not serve now."""
    await require_registered(conn, ctx)
    entry = await sql.volunteers.by_account(conn, account_id=require_signed_in(ctx).account_id)
    if entry is None or entry["status"] != VolunteerStatus.APPROVED:
        return None
    volunteer_id: UUID = entry["id"]
    return volunteer_id


async def _open_facts(conn: Connection, volunteer_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Row]:
    rows = await sql.help_views.open_facts(conn, ids=ids, volunteer_id=volunteer_id)
    return {row["id"]: row for row in rows}


def _seen(row: Row, view: TaskView) -> dict[str, Any]:
    shown = {name: row[name] for name in ("id", "matter", "area_name", "language", *NEEDS, *SHOWN[view])}
    if view is TaskView.OVER and row["was_at"] is not None:
        shown["day"] = local_day(row["was_at"])
    return {**NOTHING, **shown, "view": view}


def _whole(vault: Vault, row: Row) -> dict[str, Any]:
    """Open what is sealed. Whom to call is the number given with the request, or else the person's own."""

    def opened(name: str) -> str | None:
        sealed = row[f"{name}_sealed"]
        return None if sealed is None else vault.unseal("help_request", f"{name}_sealed", row["id"], sealed).decode()

    def of_person(table: str, column: str, sealed: bytes | None) -> str | None:
        return None if sealed is None else vault.unseal(table, column, row["person_id"], sealed).decode()

    phone = opened("contact_phone") or of_person("person", "phone_sealed", row["person_phone_sealed"])
    contact = {
        "name": of_person("emergency_contact", "name_sealed", row["emergency_name_sealed"]),
        "phone": of_person("emergency_contact", "phone_sealed", row["emergency_phone_sealed"]),
    }
    booking = {
        "id": row["booking_id"],
        "status": row["booking_status"],
        "number": row["number"],
        "code": row["code"],
        "starts_at": row["slot_starts_at"],
        "ends_at": row["slot_ends_at"],
        "resource": row["resource"],
    }
    service = {
        "id": row["service_id"],
        "name": row["service_name"],
        "department": row["department"],
        "requirements": row["requirements"],
        "provider": {
            "id": row["provider_id"],
            "name": row["provider_name"],
            "address": row["provider_address"],
            "phone": row["provider_phone"],
        },
    }
    return {
        "person": {"id": row["person_id"], "name": row["person_name"], "phone": phone},
        "emergency_contact": contact if contact["phone"] is not None else None,
        "need": opened("need"),
        "pickup": opened("pickup"),
        "mobility": opened("mobility"),
        "service": service if row["service_id"] is not None else None,
        "booking": booking if row["booking_id"] is not None else None,
    }
