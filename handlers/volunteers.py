from __future__ import annotations

from typing import TYPE_CHECKING

from domain import volunteers
from handlers.operation import operation
from handlers.ports import REVOCATIONS
from handlers.request import (
    connection,
    context,
    create_once,
    no_content,
    page,
    path_id,
    read_body,
    read_query,
    reply,
    transaction,
)
from schemas.fields import cursor_at
from schemas.volunteers import (
    NewTeam,
    StaffTeam,
    StaffTeamPage,
    StaffTeamQuery,
    StaffVolunteer,
    StaffVolunteerPage,
    StaffVolunteerQuery,
    Team,
    TeamPage,
    TeamQuery,
    Volunteer,
    VolunteerCard,
    VolunteerForm,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Connection, Record

    from domain.context import Context


@operation(query=TeamQuery, reply=TeamPage)
async def teams(request: web.Request) -> web.Response:
    """List the volunteers' teams, of an area and all below it or of all."""
    query = read_query(request, TeamQuery)
    async with connection(request) as conn:
        found = await volunteers.teams(conn, context(request), query["area"], query["after"], query["limit"])
    return page(Team, found, query["limit"], cursor_at)


@operation(body=VolunteerForm, reply=Volunteer, status=201, creates=True)
async def apply(request: web.Request) -> web.Response:
    """Apply to be a volunteer; staff of the team's area approve."""
    body = await read_body(request, VolunteerForm)
    ctx = context(request)
    async with transaction(request) as conn:

        async def find(_id: UUID) -> Record:
            return await volunteers.own(conn, ctx)

        made = await create_once(request, conn, body, lambda: volunteers.apply(conn, ctx, **body), find)
    return reply(Volunteer, made, 201)


@operation(reply=Volunteer)
async def own(request: web.Request) -> web.Response:
    """Show the caller's own entry as a volunteer."""
    async with connection(request) as conn:
        return reply(Volunteer, await volunteers.own(conn, context(request)))


@operation(body=VolunteerForm, reply=Volunteer)
async def change(request: web.Request) -> web.Response:
    """Change what the caller serves; a new team has to approve first."""
    body = await read_body(request, VolunteerForm)
    async with transaction(request) as conn:
        changed = await volunteers.change(conn, context(request), **body)
    _announce(request, changed)
    return reply(Volunteer, changed)


@operation(status=204)
async def leave(request: web.Request) -> web.Response:
    """Stop being a volunteer; every mandate held is revoked."""
    async with transaction(request) as conn:
        left = await volunteers.leave(conn, context(request))
    _announce(request, left)
    return no_content()


def _announce(request: web.Request, volunteer: Record) -> None:
    """Refuse tokens of the roles before at once: the database's own notification comes a moment later."""
    request.app[REVOCATIONS].version_raised(volunteer["account_id"], volunteer["account_version"])


@operation(reply=VolunteerCard)
async def card(request: web.Request) -> web.Response:
    """Show who an approved volunteer is."""
    async with connection(request) as conn:
        return reply(VolunteerCard, await volunteers.card(conn, context(request), path_id(request)))


@operation(query=StaffVolunteerQuery, reply=StaffVolunteerPage)
async def list_for_staff(request: web.Request) -> web.Response:
    """List the volunteers of the teams that the caller looks after."""
    query = read_query(request, StaffVolunteerQuery)
    async with connection(request) as conn:
        found = await volunteers.list_for_staff(conn, context(request), query["status"], query["after"], query["limit"])
    return page(StaffVolunteer, found, query["limit"], cursor_at)


@operation(reply=StaffVolunteer)
async def approve(request: web.Request) -> web.Response:
    """Make who applied a volunteer."""
    return await _decide(request, volunteers.approve)


@operation(reply=StaffVolunteer)
async def suspend(request: web.Request) -> web.Response:
    """Take a volunteer's power from the next request on, or refuse an application."""
    return await _decide(request, volunteers.suspend)


@operation(reply=StaffVolunteer)
async def reinstate(request: web.Request) -> web.Response:
    """Give a suspended volunteer the power back."""
    return await _decide(request, volunteers.reinstate)


async def _decide(
    request: web.Request, decision: Callable[[Connection, Context, UUID], Awaitable[Record]]
) -> web.Response:
    async with transaction(request) as conn:
        decided = await decision(conn, context(request), path_id(request))
    _announce(request, decided)
    return reply(StaffVolunteer, decided)


@operation(query=StaffTeamQuery, reply=StaffTeamPage)
async def teams_for_staff(request: web.Request) -> web.Response:
    """List the teams that the caller looks after."""
    query = read_query(request, StaffTeamQuery)
    async with connection(request) as conn:
        found = await volunteers.teams_for_staff(conn, context(request), query["after"], query["limit"])
    return page(StaffTeam, found, query["limit"], cursor_at)


@operation(body=NewTeam, reply=StaffTeam, status=201, creates=True)
async def add_team(request: web.Request) -> web.Response:
    """Make a team in an area that the caller manages."""
    body = await read_body(request, NewTeam)
    ctx = context(request)
    async with transaction(request) as conn:
        made = await create_once(
            request,
            conn,
            body,
            lambda: volunteers.add_team(conn, ctx, **body),
            lambda team_id: volunteers.team(conn, ctx, team_id),
        )
    return reply(StaffTeam, made, 201)
