from __future__ import annotations

from typing import TYPE_CHECKING

from domain import people
from domain.people import Change
from domain.vocabulary import Relation
from handlers.operation import operation
from handlers.request import (
    connection,
    context,
    create_once,
    path_id,
    read_body,
    reply,
    transaction,
    whole_list,
)
from schemas.consents import LetGo
from schemas.people import CareRequest, NewPerson, Person, PersonChange, PersonPage

if TYPE_CHECKING:
    from aiohttp import web


@operation(reply=PersonPage)
async def list_in_care(request: web.Request) -> web.Response:
    """List the persons in the caller's care, oneself first."""
    async with connection(request) as conn:
        found = await people.in_care(conn, context(request))
    return whole_list(Person, found)


@operation(body=NewPerson, reply=Person, status=201, creates=True, also={202: CareRequest})
async def add(request: web.Request) -> web.Response:
    """Take a person into care; 202 where somebody has added the person before and has to agree."""
    body = await read_body(request, NewPerson)
    ctx = context(request)
    async with transaction(request) as conn:
        added = await create_once(
            request,
            conn,
            body,
            lambda: people.add(
                conn,
                ctx,
                name=body["name"],
                id_number=body["id_number"],
                relation=Relation(body["relation"]),
                phone=body["phone"],
                given=body["consents"],
            ),
            lambda added_id: people.find_added(conn, ctx, added_id),
        )
    if added["person"] is not None:
        return reply(Person, added["person"], 201)
    return reply(CareRequest, added["care_request"], 202)


@operation(reply=Person)
async def show(request: web.Request) -> web.Response:
    """Show a person in the caller's care."""
    async with connection(request) as conn:
        return reply(Person, await people.one(conn, context(request), path_id(request)))


@operation(body=PersonChange, reply=Person)
async def change(request: web.Request) -> web.Response:
    """Change what a person is to the caller, or name and phone of who has nobody nearer."""
    body = await read_body(request, PersonChange)
    async with transaction(request) as conn:
        changed = await people.change(conn, context(request), path_id(request), Change(body))
    return reply(Person, changed)


@operation(reply=LetGo)
async def let_go(request: web.Request) -> web.Response:
    """End the care for a person; says whether the person's data are erased."""
    person_id = path_id(request)
    async with transaction(request) as conn:
        fate = await people.let_go(conn, context(request), person_id)
    return reply(LetGo, {"id": person_id, "fate": fate})
