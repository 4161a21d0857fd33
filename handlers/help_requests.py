from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain import help_ends, help_lists, help_requests
from domain.help_vocabulary import LIVE, HelpState
from domain.help_wishes import Wish
from domain.mandate_terms import PersonNamed
from handlers.operation import operation
from handlers.request import (
    connection,
    context,
    create_once,
    page,
    path_id,
    read_body,
    read_query,
    reply,
    transaction,
)
from schemas.fields import cursor_at
from schemas.help_requests import (
    FamilyAsk,
    HelpLine,
    HelpQuery,
    HelpRequest,
    PersonHelpQuery,
    StaffAsk,
    StaffHelpQuery,
    TeamAsk,
    TeamHelpQuery,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Connection
    from marshmallow import Schema

    from domain.context import Context
    from domain.rows import Row

    Ask = Callable[[Connection, Context, dict[str, Any]], Awaitable[UUID]]
    Show = Callable[[Connection, Context, UUID], Awaitable[Row]]


@operation(body=FamilyAsk, reply=HelpRequest, status=201, creates=True)
async def ask(request: web.Request) -> web.Response:
    """Ask for help for oneself or somebody in one's care: a number, company, a ride."""

    async def as_family(conn: Connection, ctx: Context, body: dict[str, Any]) -> UUID:
        return await help_requests.ask_as_family(conn, ctx, body.pop("person_id"), Wish(**body))

    return await _ask(request, FamilyAsk, as_family, help_lists.get)


@operation(body=StaffAsk, reply=HelpRequest, status=201, creates=True)
async def ask_as_staff(request: web.Request) -> web.Response:
    """Ask for somebody who phones or stands at the desk."""

    async def as_staff(conn: Connection, ctx: Context, body: dict[str, Any]) -> UUID:
        return await help_requests.ask_as_staff(conn, ctx, _named(body), Wish(**body))

    return await _ask(request, StaffAsk, as_staff, help_lists.get_as_staff)


@operation(body=TeamAsk, reply=HelpRequest, status=201, creates=True)
async def ask_as_team(request: web.Request) -> web.Response:
    """Ask for somebody on a visit, for the caller's own team."""
    team_id = path_id(request)

    async def as_team(conn: Connection, ctx: Context, body: dict[str, Any]) -> UUID:
        return await help_requests.ask_as_team(conn, ctx, team_id, _named(body), Wish(team_id=team_id, **body))

    async def show(conn: Connection, ctx: Context, request_id: UUID) -> Row:
        return await help_lists.get_as_team(conn, ctx, team_id, request_id)

    return await _ask(request, TeamAsk, as_team, show)


async def _ask(request: web.Request, schema: type[Schema], ask_for: Ask, show: Show) -> web.Response:
    """Write a request once and show it; the reading is recorded as any other."""
    body = await read_body(request, schema)
    ctx = context(request)
    async with transaction(request) as conn:

        async def create() -> Row:
            return await show(conn, ctx, await ask_for(conn, ctx, dict(body)))

        made = await create_once(request, conn, body, create, lambda request_id: show(conn, ctx, request_id))
    return reply(HelpRequest, made, 201)


def _named(body: dict[str, Any]) -> PersonNamed:
    """Take out of a body who the help is for."""
    return PersonNamed(body.pop("person_id"), body.pop("id_number"), body.pop("name"))


@operation(query=HelpQuery, reply=HelpRequest)
async def list_of_family(request: web.Request) -> web.Response:
    """List what was asked for persons in the caller's care, newest first."""
    query = read_query(request, HelpQuery)
    async with connection(request) as conn:
        found = await help_lists.list_of_family(
            conn,
            context(request),
            person_id=query["person"],
            states=_states(query),
            before=query["after"],
            most=query["limit"] + 1,
        )
    return page(HelpRequest, found, query["limit"], cursor_at)


@operation(query=PersonHelpQuery, reply=HelpRequest)
async def list_of_person(request: web.Request) -> web.Response:
    """List all help of one person: what was asked, who came, when, and what became of it."""
    query = read_query(request, PersonHelpQuery)
    async with connection(request) as conn:
        found = await help_lists.list_of_person(
            conn, context(request), path_id(request), query["after"], query["limit"] + 1
        )
    return page(HelpRequest, found, query["limit"], cursor_at)


@operation(reply=HelpRequest)
async def get(request: web.Request) -> web.Response:
    """Show one request of a person in the caller's care, with what became of it and the codes of start and end."""
    async with connection(request) as conn:
        return reply(HelpRequest, await help_lists.get(conn, context(request), path_id(request)))


@operation(query=TeamHelpQuery, reply=HelpLine)
async def list_of_team(request: web.Request) -> web.Response:
    """List what a team answers for, newest first; names are masked."""
    query = read_query(request, TeamHelpQuery)
    async with connection(request) as conn:
        found = await help_lists.list_of_team(
            conn,
            context(request),
            path_id(request),
            states=_states(query),
            before=query["after"],
            most=query["limit"] + 1,
        )
    return page(HelpLine, found, query["limit"], cursor_at)


@operation(query=StaffHelpQuery, reply=HelpLine)
async def list_of_staff(request: web.Request) -> web.Response:
    """List what was asked where the caller works, newest first; names are masked."""
    query = read_query(request, StaffHelpQuery)
    async with connection(request) as conn:
        found = await help_lists.list_of_staff(
            conn,
            context(request),
            team_id=query.get("team"),
            area_id=query.get("area"),
            person_id=query.get("person"),
            states=_states(query),
            before=query["after"],
            most=query["limit"] + 1,
        )
    return page(HelpLine, found, query["limit"], cursor_at)


@operation(reply=HelpRequest)
async def get_as_staff(request: web.Request) -> web.Response:
    """Show one request; the reading is in the audit."""
    async with transaction(request) as conn:
        return reply(HelpRequest, await help_lists.get_as_staff(conn, context(request), path_id(request)))


@operation(reply=HelpRequest)
async def get_as_team(request: web.Request) -> web.Response:
    """Show one request that the team answers for; the reading is in the audit."""
    async with transaction(request) as conn:
        shown = await help_lists.get_as_team(conn, context(request), path_id(request), path_id(request, "request_id"))
    return reply(HelpRequest, shown)


@operation(reply=HelpRequest)
async def cancel(request: web.Request) -> web.Response:
    """Need no help any more; a booking that stands is kept."""
    ctx, request_id = context(request), path_id(request)
    async with transaction(request) as conn:
        await help_ends.cancel(conn, ctx, request_id)
        return reply(HelpRequest, await help_lists.get(conn, ctx, request_id))


@operation(reply=HelpRequest)
async def cancel_as_staff(request: web.Request) -> web.Response:
    """Cancel for somebody who phones; a booking that stands is kept."""
    ctx, request_id = context(request), path_id(request)
    async with transaction(request) as conn:
        await help_ends.cancel_as_staff(conn, ctx, request_id)
        return reply(HelpRequest, await help_lists.get_as_staff(conn, ctx, request_id))


@operation(reply=HelpRequest)
async def cancel_as_team(request: web.Request) -> web.Response:
    """Cancel what the team answers for, as the family asked it to; a booking that stands is kept."""
    ctx, team_id, request_id = context(request), path_id(request), path_id(request, "request_id")
    async with transaction(request) as conn:
        await help_ends.cancel_as_team(conn, ctx, team_id, request_id)
        return reply(HelpRequest, await help_lists.get_as_team(conn, ctx, team_id, request_id))


def _states(query: Mapping[str, Any]) -> Sequence[HelpState]:
    if query["state"] is not None:
        return (query["state"],)
    return LIVE if query["live"] else tuple(HelpState)
