"""Named checks: the first line of every domain function is one of these.

What a caller may not see does not exist for the caller: those checks raise NotFound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sql
from domain.errors import Forbidden, NotFound, Unauthorized

if TYPE_CHECKING:
    from asyncpg import Connection

    from domain.callers import Caller
    from domain.context import Context
    from domain.vocabulary import Role


def require_signed_in(ctx: Context) -> Caller:
    if ctx.caller is None:
        raise Unauthorized("sign_in_required")
    return ctx.caller


async def require_registered(conn: Connection, ctx: Context) -> UUID:
    """Return the id of the caller's own person; only who registered by real name may act."""
    caller = require_signed_in(ctx)
    person_id = await sql.permissions.own_person(conn, account_id=caller.account_id)
    if person_id is None:
        raise Forbidden("registration_required")
    return UUID(int=person_id.int)


async def require_care(conn: Connection, ctx: Context, person_id: UUID) -> None:
    """Only an account that cares for the person (or is the person) gets past."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.cares_for(conn, account_id=caller.account_id, person_id=person_id):
        raise NotFound("person_not_found")


async def require_staff_at(conn: Connection, ctx: Context, provider_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for this provider, its area (or one above), or everywhere."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.staff_at_provider(
        conn, account_id=caller.account_id, roles=list(roles), provider_id=provider_id
    ):
        raise NotFound("provider_not_found")


async def require_staff_in(conn: Connection, ctx: Context, area_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for this area, one above it, or everywhere."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.staff_in_area(conn, account_id=caller.account_id, roles=list(roles), area_id=area_id):
        raise NotFound("area_not_found")


async def require_staff_of_volunteer(conn: Connection, ctx: Context, volunteer_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for the area of the volunteer's team."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.staff_of_volunteer(
        conn, account_id=caller.account_id, roles=list(roles), volunteer_id=volunteer_id
    ):
        raise NotFound("volunteer_not_found")


async def require_team(conn: Connection, ctx: Context, team_id: UUID, *roles: Role) -> Caller:
    """Only the team's leader, or staff with one of the roles for the team's area."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.answers_for_team(
        conn, account_id=caller.account_id, roles=list(roles), team_id=team_id
    ):
        raise NotFound("team_not_found")
    return caller


async def require_not_oneself(conn: Connection, ctx: Context, volunteer_id: UUID) -> None:
    """Only somebody else than the volunteer: behind `require_team`, for what a leader decides on."""
    caller = require_signed_in(ctx)
    if await sql.permissions.is_volunteer(conn, account_id=caller.account_id, volunteer_id=volunteer_id):
        raise Forbidden("not_about_oneself")


async def require_staff_somewhere(conn: Connection, ctx: Context, *roles: Role) -> Caller:
    """Only staff with one of the roles, wherever; the list that follows is filtered in SQL."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.staff_somewhere(conn, account_id=caller.account_id, roles=list(roles)):
        raise Forbidden("role_required", roles=list(roles))
    return caller


async def require_staff_everywhere(conn: Connection, ctx: Context, *roles: Role) -> None:
    """Only staff with one of the roles for the whole deployment."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.staff_everywhere(conn, account_id=caller.account_id, roles=list(roles)):
        raise Forbidden("role_required", roles=list(roles))


async def require_staff_at_service(conn: Connection, ctx: Context, service_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for the provider of this service."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.staff_at_service(
        conn, account_id=caller.account_id, roles=list(roles), service_id=service_id
    ):
        raise NotFound("service_not_found")


async def require_staff_at_slot(conn: Connection, ctx: Context, slot_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for the provider of this slot's service."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.staff_at_slot(conn, account_id=caller.account_id, roles=list(roles), slot_id=slot_id):
        raise NotFound("slot_not_found")


async def require_staff_at_ticket(conn: Connection, ctx: Context, booking_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for the provider in whose queue this booking's ticket stands."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.staff_at_ticket(
        conn, account_id=caller.account_id, roles=list(roles), booking_id=booking_id
    ):
        raise NotFound("ticket_not_found")


async def require_staff_at_schedule(conn: Connection, ctx: Context, schedule_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for the provider of this schedule's service."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.staff_at_schedule(
        conn, account_id=caller.account_id, roles=list(roles), schedule_id=schedule_id
    ):
        raise NotFound("schedule_not_found")
