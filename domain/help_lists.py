"""Help requests to read, by the family, the team that answers for them, and staff. What volunteers see is elsewhere.

The family sees all of it, with the codes by which start and end are confirmed. Who answers for the team sees all but
those, and each reading of one request is an audit row; lists show nothing that is sealed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit, booking_lists
from domain.errors import NotFound
from domain.help_vocabulary import TAKEN, HelpState
from domain.identity import mask_name
from domain.permissions import (
    require_care,
    require_care_of_request,
    require_signed_in,
    require_staff_of_request,
    require_staff_somewhere,
    require_team,
)
from domain.vocabulary import CLERKS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row
    from domain.vault import Vault

SEALED = ("need", "pickup", "mobility", "contact_phone")


async def get(conn: Connection, ctx: Context, request_id: UUID) -> Row:
    """Return a request of a person in the caller's care, whole."""
    await require_care_of_request(conn, ctx, request_id)
    return (await _of_family(conn, ctx.vault, [request_id]))[0]


async def list_of_family(
    conn: Connection,
    ctx: Context,
    *,
    person_id: UUID | None,
    states: Sequence[HelpState],
    before: UUID | None,
    most: int,
) -> list[Row]:
    """List what was asked for persons in the caller's care, newest first."""
    caller = require_signed_in(ctx)
    rows = await sql.help_lists.of_family(
        conn, account_id=caller.account_id, person_id=person_id, states=states, before=before, most=most
    )
    return await _of_family(conn, ctx.vault, [row["id"] for row in rows])


async def list_of_person(conn: Connection, ctx: Context, person_id: UUID, before: UUID | None, most: int) -> list[Row]:
    """List all help of one person, newest first: what was asked, who came, and what became of it."""
    await require_care(conn, ctx, person_id)
    return await list_of_family(conn, ctx, person_id=person_id, states=tuple(HelpState), before=before, most=most)


async def get_as_staff(conn: Connection, ctx: Context, request_id: UUID) -> Row:
    await require_staff_of_request(conn, ctx, request_id, *CLERKS)
    return await _read(conn, ctx, request_id)


async def get_as_team(conn: Connection, ctx: Context, team_id: UUID, request_id: UUID) -> Row:
    """Return a request that the team answers for."""
    await require_team(conn, ctx, team_id, *CLERKS)
    await require_of_team(conn, team_id, request_id)
    return await _read(conn, ctx, request_id)


async def require_of_team(conn: Connection, team_id: UUID, request_id: UUID) -> None:
    """Only a request that this team answers for exists for it; behind `require_team`."""
    if await sql.permissions.team_of_request(conn, request_id=request_id) != team_id:
        raise NotFound("help_request_not_found")


async def list_of_team(
    conn: Connection,
    ctx: Context,
    team_id: UUID,
    *,
    states: Sequence[HelpState],
    before: UUID | None,
    most: int,
) -> list[Row]:
    """List what a team answers for, newest first, without anything that is sealed."""
    await require_team(conn, ctx, team_id, *CLERKS)
    rows = await sql.help_lists.of_team(conn, team_id=team_id, states=states, before=before, most=most)
    return await _lines(conn, [row["id"] for row in rows])


async def list_of_staff(
    conn: Connection,
    ctx: Context,
    *,
    team_id: UUID | None,
    area_id: UUID | None,
    person_id: UUID | None,
    states: Sequence[HelpState],
    before: UUID | None,
    most: int,
) -> list[Row]:
    """List what was asked where the caller works, newest first, without anything that is sealed."""
    await require_staff_somewhere(conn, ctx, *CLERKS)
    asking = {"account_id": require_signed_in(ctx).account_id, "roles": CLERKS}
    sifted = {"states": states, "before": before, "most": most}
    if person_id is not None:
        rows = await sql.help_lists.of_person_for_staff(conn, **asking, person_id=person_id, **sifted)
    else:
        rows = await sql.help_lists.of_staff(conn, **asking, team_id=team_id, area_id=area_id, **sifted)
    return await _lines(conn, [row["id"] for row in rows])


async def for_team(conn: Connection, vault: Vault, request_id: UUID) -> Row:
    """Return a request as who answers for its team sees it; whoever calls this writes the audit of it."""
    row = (await sql.help_lists.whole(conn, ids=[request_id]))[0]
    shown = (await _with_more(conn, vault, [row]))[0]
    phone = _phone(vault, row["person_id"], row["person_phone_sealed"])
    person = {"id": row["person_id"], "name": row["person_name"], "phone": phone}
    return {**shown, "person": person, "start_code": None, "end_code": None}


async def _read(conn: Connection, ctx: Context, request_id: UUID) -> Row:
    shown = await for_team(conn, ctx.vault, request_id)
    await audit.record(conn, ctx, "help_requests.read", request_id, person_id=str(shown["person"]["id"]))
    return shown


async def _of_family(conn: Connection, vault: Vault, ids: Sequence[UUID]) -> list[Row]:
    found = {row["id"]: row for row in await sql.help_lists.whole(conn, ids=ids)}
    shown = await _with_more(conn, vault, [found[request_id] for request_id in ids])
    return [{**row, "person": {"id": row["person_id"], "name": row["person_name"], "phone": None}} for row in shown]


async def _lines(conn: Connection, ids: Sequence[UUID]) -> list[Row]:
    found = {row["id"]: row for row in await sql.help_lists.whole(conn, ids=ids)}
    return [
        {
            **_plain(row),
            "person": {"id": row["person_id"], "name": mask_name(row["person_name"])},
            "volunteer": _volunteer(row),
        }
        for row in (found[request_id] for request_id in ids)
    ]


async def _with_more(conn: Connection, vault: Vault, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Open what is sealed, and add bookings and events."""
    standing = [row["booking_id"] for row in rows if row["booking_id"] is not None]
    bookings = {row["id"]: row for row in await booking_lists.by_ids(conn, standing)} if standing else {}
    events: dict[UUID, list[Row]] = {row["id"]: [] for row in rows}
    for event in await sql.help_lists.events(conn, ids=list(events)):
        events[event["request_id"]].append(event)
    return [
        {
            **_plain(row),
            **{name: _open(vault, row, name) for name in SEALED},
            "booking": bookings.get(row["booking_id"]),
            "volunteer": _volunteer(row, vault),
            "hours": row if row["started_at"] is not None else None,
            "rating": row if row["stars"] is not None else None,
            "events": events[row["id"]],
        }
        for row in rows
    ]


def _plain(row: Row) -> dict[str, Any]:
    """Return what stands open in a request's row, with names."""
    service = None
    if row["service_id"] is not None:
        service = {
            "id": row["service_id"],
            "name": row["service_name"],
            "department": row["department"],
            "requirements": row["requirements"],
            "provider": {"id": row["provider_id"], "name": row["provider_name"]},
        }
    return {
        **row,
        "area": {"id": row["area_id"], "name": row["area_name"]},
        "team": {"id": row["team_id"], "name": row["team_name"]},
        "service": service,
    }


def _volunteer(row: Row, vault: Vault | None = None) -> dict[str, Any] | None:
    """Return who has it, with the telephone only while it is not over."""
    if row["volunteer_id"] is None:
        return None
    reachable = vault is not None and row["state"] in TAKEN and row["helper_id"] is not None
    return {
        "id": row["volunteer_id"],
        "name": row["helper_name"],
        "team": {"id": row["helper_team_id"], "name": row["helper_team_name"]},
        "phone": _phone(vault, row["helper_id"], row["helper_phone_sealed"]) if vault and reachable else None,
    }


def _open(vault: Vault, row: Row, name: str) -> str | None:
    sealed = row[f"{name}_sealed"]
    return None if sealed is None else vault.unseal("help_request", f"{name}_sealed", row["id"], sealed).decode()


def _phone(vault: Vault, person_id: UUID, sealed: bytes | None) -> str | None:
    return None if sealed is None else vault.unseal("person", "phone_sealed", person_id, sealed).decode()
