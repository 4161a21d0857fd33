"""Named checks: the first line of every domain function is one of these.

What a caller may not see does not exist for the caller: those checks raise NotFound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sql
from domain.errors import Forbidden, NotFound, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from asyncpg import Connection

    from domain.callers import Caller
    from domain.context import Context
    from domain.errors import Refusal
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
    await _require_role(
        conn, ctx, sql.permissions.staff_at_provider, roles, NotFound("provider_not_found"), provider_id=provider_id
    )


async def require_staff_in(conn: Connection, ctx: Context, area_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for this area, one above it, or everywhere."""
    await _require_role(conn, ctx, sql.permissions.staff_in_area, roles, NotFound("area_not_found"), area_id=area_id)


async def require_staff_of_volunteer(conn: Connection, ctx: Context, volunteer_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for the area of the volunteer's team."""
    await _require_role(
        conn, ctx, sql.permissions.staff_of_volunteer, roles, NotFound("volunteer_not_found"), volunteer_id=volunteer_id
    )


async def require_team(conn: Connection, ctx: Context, team_id: UUID, *roles: Role) -> Caller:
    """Only the team's leader, or staff with one of the roles for the team's area."""
    return await _require_role(
        conn, ctx, sql.permissions.answers_for_team, roles, NotFound("team_not_found"), team_id=team_id
    )


async def require_staff_of_team(conn: Connection, ctx: Context, team_id: UUID, *roles: Role) -> Caller:
    """Only staff with one of the roles for the team's area: for what the leader may not do."""
    return await _require_role(
        conn, ctx, sql.permissions.staff_of_team, roles, NotFound("team_not_found"), team_id=team_id
    )


async def require_not_oneself(conn: Connection, ctx: Context, volunteer_id: UUID) -> None:
    """Only somebody else than the volunteer: behind `require_team`, for what a leader decides on."""
    caller = require_signed_in(ctx)
    if await sql.permissions.is_volunteer(conn, account_id=caller.account_id, volunteer_id=volunteer_id):
        raise Forbidden("not_about_oneself")


async def require_care_of_request(conn: Connection, ctx: Context, request_id: UUID) -> None:
    """Only an account that cares for the person of a help request (or is that person) gets past."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.cares_for_request(conn, account_id=caller.account_id, request_id=request_id):
        raise NotFound("help_request_not_found")


async def require_staff_of_request(conn: Connection, ctx: Context, request_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for the area of a help request's team, or where the person is met."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.staff_of_request(
        conn, account_id=caller.account_id, roles=list(roles), request_id=request_id
    ):
        raise NotFound("help_request_not_found")


async def require_staff_somewhere(conn: Connection, ctx: Context, *roles: Role) -> Caller:
    """Only staff with one of the roles, wherever; the list that follows is filtered in SQL."""
    return await _require_role(
        conn, ctx, sql.permissions.staff_somewhere, roles, Forbidden("role_required", roles=list(roles))
    )


async def require_staff_everywhere(conn: Connection, ctx: Context, *roles: Role) -> None:
    """Only staff with one of the roles for the whole deployment."""
    await _require_role(
        conn, ctx, sql.permissions.staff_everywhere, roles, Forbidden("role_required", roles=list(roles))
    )


async def require_staff_at_service(conn: Connection, ctx: Context, service_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for the provider of this service."""
    await _require_role(
        conn, ctx, sql.permissions.staff_at_service, roles, NotFound("service_not_found"), service_id=service_id
    )


async def require_staff_at_slot(conn: Connection, ctx: Context, slot_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for the provider of this slot's service."""
    await _require_role(conn, ctx, sql.permissions.staff_at_slot, roles, NotFound("slot_not_found"), slot_id=slot_id)


async def require_staff_at_ticket(conn: Connection, ctx: Context, booking_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for the provider in whose queue this booking's ticket stands."""
    await _require_role(
        conn, ctx, sql.permissions.staff_at_ticket, roles, NotFound("ticket_not_found"), booking_id=booking_id
    )


async def require_staff_at_schedule(conn: Connection, ctx: Context, schedule_id: UUID, *roles: Role) -> None:
    """Only staff with one of the roles for the provider of this schedule's service."""
    await _require_role(
        conn, ctx, sql.permissions.staff_at_schedule, roles, NotFound("schedule_not_found"), schedule_id=schedule_id
    )


async def require_staff_of_round(conn: Connection, ctx: Context, round_id: UUID, *roles: Role) -> Caller:
    """Only staff with one of the roles for the area of an enrolment round: a single nursery's do not get past."""
    return await _require_role(
        conn, ctx, sql.permissions.staff_of_round, roles, NotFound("enrolment_round_not_found"), round_id=round_id
    )


async def require_staff_of_class(conn: Connection, ctx: Context, class_id: UUID, *roles: Role) -> Caller:
    """Only staff with one of the roles for the nursery of a class."""
    return await _require_role(
        conn, ctx, sql.permissions.staff_of_class, roles, NotFound("nursery_class_not_found"), class_id=class_id
    )


async def require_staff_of_place(conn: Connection, ctx: Context, place_id: UUID, *roles: Role) -> Caller:
    """Only staff with one of the roles for the nursery of a child's place."""
    return await _require_role(
        conn, ctx, sql.permissions.staff_of_place, roles, NotFound("nursery_place_not_found"), place_id=place_id
    )


async def require_care_of_enrolment(conn: Connection, ctx: Context, enrolment_id: UUID) -> Caller:
    """Only an account that cares for the child of an application gets past."""
    caller = require_signed_in(ctx)
    if not await sql.permissions.cares_for_enrolment(conn, account_id=caller.account_id, enrolment_id=enrolment_id):
        raise NotFound("enrolment_not_found")
    return caller


async def require_staff_of_enrolment(conn: Connection, ctx: Context, enrolment_id: UUID, *roles: Role) -> Caller:
    """Only staff with one of the roles for the area of an application's round, or for the nursery of its first choice.

    A draft is the family's alone.
    """
    return await _require_role(
        conn, ctx, sql.permissions.staff_of_enrolment, roles, NotFound("enrolment_not_found"), enrolment_id=enrolment_id
    )


async def _require_role(
    conn: Connection,
    ctx: Context,
    holds: Callable[..., Awaitable[bool]],
    roles: Sequence[Role],
    refusal: Refusal,
    **where: UUID,
) -> Caller:
    """Raise the refusal unless the query `holds` finds one of the roles where it is asked for."""
    caller = require_signed_in(ctx)
    if not await holds(conn, account_id=caller.account_id, roles=list(roles), **where):
        raise refusal
    return caller
