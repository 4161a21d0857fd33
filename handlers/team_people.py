from __future__ import annotations

from typing import TYPE_CHECKING

from domain import team_people
from handlers.operation import operation
from handlers.request import context, create_once, page, path_id, read_body, read_query, reply, transaction
from schemas.fields import cursor_at
from schemas.staff_people import FoundPerson, FoundPersonPage, NewStaffPerson
from schemas.team_people import VisitedPeopleQuery, VisitedPerson

if TYPE_CHECKING:
    from aiohttp import web


@operation(body=NewStaffPerson, reply=VisitedPerson, status=201, creates=True)
async def register(request: web.Request) -> web.Response:
    """Register somebody whom the team's leader visits, by the card on the table."""
    body = await read_body(request, NewStaffPerson)
    ctx, team_id = context(request), path_id(request)
    async with transaction(request) as conn:
        registered = await create_once(
            request,
            conn,
            body,
            lambda: team_people.register(
                conn,
                ctx,
                team_id,
                name=body["name"],
                id_number=body["id_number"],
                phone=body["phone"],
                contact=body["emergency_contact"],
                given=body["consents"],
            ),
            lambda person_id: team_people.find_registered(conn, ctx, team_id, person_id),
        )
    return reply(VisitedPerson, registered, 201)


@operation(query=VisitedPeopleQuery, reply=FoundPersonPage)
async def list_registered(request: web.Request) -> web.Response:
    """List whom the team has registered and nobody cares for, newest first; the reading is recorded."""
    query = read_query(request, VisitedPeopleQuery)
    async with transaction(request) as conn:
        found = await team_people.list_registered(
            conn, context(request), path_id(request), query["after"], query["limit"]
        )
    return page(FoundPerson, found, query["limit"], cursor_at)
