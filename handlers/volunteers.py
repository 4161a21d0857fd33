from __future__ import annotations

from typing import TYPE_CHECKING

from domain import volunteers
from domain.volunteers import Entry
from handlers.operation import operation
from handlers.plain import showing
from handlers.ports import REVOCATIONS
from handlers.request import (
    context,
    create_once,
    no_content,
    read_body,
    reply,
    transaction,
)
from schemas.volunteers import Volunteer, VolunteerCard, VolunteerForm

if TYPE_CHECKING:
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Record
own = showing(volunteers.own, Volunteer, "Show the caller's own entry as a volunteer.")
card = showing(volunteers.card, VolunteerCard, "Show who an approved volunteer is.")


@operation(body=VolunteerForm, reply=Volunteer, status=201, creates=True)
async def apply(request: web.Request) -> web.Response:
    """Apply to be a volunteer; the team's leader or staff of its area approve."""
    body = await read_body(request, VolunteerForm)
    ctx = context(request)
    async with transaction(request) as conn:

        async def find(_id: UUID) -> Record:
            return await volunteers.own(conn, ctx)

        made = await create_once(request, conn, body, lambda: volunteers.apply(conn, ctx, Entry(**body)), find)
    return reply(Volunteer, made, 201)


@operation(body=VolunteerForm, reply=Volunteer)
async def change(request: web.Request) -> web.Response:
    """Change what the caller serves; a new team has to approve first."""
    body = await read_body(request, VolunteerForm)
    async with transaction(request) as conn:
        changed = await volunteers.change(conn, context(request), Entry(**body))
    announce(request, changed)
    return reply(Volunteer, changed)


@operation(status=204)
async def leave(request: web.Request) -> web.Response:
    """Stop being a volunteer; every mandate held is revoked, every task is sought somebody else for."""
    async with transaction(request) as conn:
        left = await volunteers.leave(conn, context(request))
    announce(request, left)
    return no_content()


def announce(request: web.Request, volunteer: Record) -> None:
    """Refuse tokens of the roles before at once: the database's own notification comes a moment later."""
    request.app[REVOCATIONS].version_raised(volunteer["account_id"], volunteer["account_version"])
