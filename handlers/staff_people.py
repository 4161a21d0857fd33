from __future__ import annotations

from typing import TYPE_CHECKING

from domain import staff_people
from domain.staff_people import Mark
from handlers.operation import operation
from handlers.request import (
    context,
    create_once,
    no_content,
    path_id,
    read_body,
    reply,
    transaction,
    whole_list,
)
from schemas.people import IdNumber
from schemas.staff_people import (
    FoundPerson,
    FoundPersonPage,
    NewStaffPerson,
    PersonSearch,
    StaffPerson,
    Verification,
)

if TYPE_CHECKING:
    from aiohttp import web


@operation(body=NewStaffPerson, reply=StaffPerson, status=201, creates=True)
async def register(request: web.Request) -> web.Response:
    """Register a person by the document on the table."""
    body = await read_body(request, NewStaffPerson)
    ctx = context(request)
    async with transaction(request) as conn:
        registered = await create_once(
            request,
            conn,
            body,
            lambda: staff_people.register(
                conn,
                ctx,
                name=body["name"],
                id_number=body["id_number"],
                phone=body["phone"],
                contact=body["emergency_contact"],
                given=body["consents"],
            ),
            lambda person_id: staff_people.find_registered(conn, ctx, person_id),
        )
    return reply(StaffPerson, registered, 201)


@operation(body=PersonSearch, reply=FoundPersonPage)
async def search(request: web.Request) -> web.Response:
    """Find persons by one exact mark; by POST, since addresses end up in logs."""
    body = await read_body(request, PersonSearch)
    async with transaction(request) as conn:
        found = await staff_people.search(conn, context(request), Mark(**body))
    return whole_list(FoundPerson, found)


@operation(reply=StaffPerson)
async def show(request: web.Request) -> web.Response:
    """Show a person and who cares for the person."""
    async with transaction(request) as conn:
        shown = await staff_people.one(conn, context(request), path_id(request))
    return reply(StaffPerson, shown)


@operation(reply=IdNumber)
async def show_id_number(request: web.Request) -> web.Response:
    """Show a person's number and phone in full, to managers; the reading is recorded."""
    async with transaction(request) as conn:
        shown = await staff_people.id_number(conn, context(request), path_id(request))
    return reply(IdNumber, shown)


@operation(body=Verification, reply=StaffPerson)
async def verify(request: web.Request) -> web.Response:
    """Take over name and phone from the document on the table and whoever holds it."""
    body = await read_body(request, Verification)
    async with transaction(request) as conn:
        shown = await staff_people.verify(
            conn,
            context(request),
            path_id(request),
            name=body["name"],
            id_number=body["id_number"],
            phone=body["phone"],
        )
    return reply(StaffPerson, shown)


@operation(status=204)
async def end_care(request: web.Request) -> web.Response:
    """End an account's care for a person who asks for it at the desk."""
    async with transaction(request) as conn:
        await staff_people.end_care(conn, context(request), path_id(request), path_id(request, "care_id"))
    return no_content()


@operation(status=204)
async def erase(request: web.Request) -> web.Response:
    """Erase a person who asks for it at the desk and whom no account cares for."""
    async with transaction(request) as conn:
        await staff_people.erase(conn, context(request), path_id(request))
    return no_content()
