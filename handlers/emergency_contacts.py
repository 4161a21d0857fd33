from __future__ import annotations

from typing import TYPE_CHECKING

from domain import emergency_contacts
from handlers.operation import operation
from handlers.request import connection, context, no_content, path_id, read_body, reply, transaction
from schemas.emergency_contacts import EmergencyContact, NewEmergencyContact

if TYPE_CHECKING:
    from aiohttp import web


@operation(reply=EmergencyContact)
async def show(request: web.Request) -> web.Response:
    """Show whom to call when something happens to a person in the caller's care."""
    async with connection(request) as conn:
        shown = await emergency_contacts.show(conn, context(request), path_id(request))
    return reply(EmergencyContact, shown)


@operation(body=NewEmergencyContact, reply=EmergencyContact)
async def change(request: web.Request) -> web.Response:
    """Say whom to call when something happens to a person in the caller's care."""
    body = await read_body(request, NewEmergencyContact)
    async with transaction(request) as conn:
        changed = await emergency_contacts.change(conn, context(request), path_id(request), body)
    return reply(EmergencyContact, changed)


@operation(status=204)
async def remove(request: web.Request) -> web.Response:
    """Forget whom to call for a person in the caller's care."""
    async with transaction(request) as conn:
        await emergency_contacts.remove(conn, context(request), path_id(request))
    return no_content()


@operation(reply=EmergencyContact)
async def show_at_desk(request: web.Request) -> web.Response:
    """Show the desk whom to call; the reading is recorded."""
    async with transaction(request) as conn:
        shown = await emergency_contacts.show_at_desk(conn, context(request), path_id(request))
    return reply(EmergencyContact, shown)


@operation(body=NewEmergencyContact, reply=EmergencyContact)
async def change_at_desk(request: web.Request) -> web.Response:
    """Write down at the desk whom to call for a person."""
    body = await read_body(request, NewEmergencyContact)
    async with transaction(request) as conn:
        changed = await emergency_contacts.change_at_desk(conn, context(request), path_id(request), body)
    return reply(EmergencyContact, changed)


@operation(status=204)
async def remove_at_desk(request: web.Request) -> web.Response:
    """Forget at the desk whom to call for a person."""
    async with transaction(request) as conn:
        await emergency_contacts.remove_at_desk(conn, context(request), path_id(request))
    return no_content()


@operation(reply=EmergencyContact)
async def show_to_team(request: web.Request) -> web.Response:
    """Show whom to call for somebody whom the team helps now, or has registered; the reading is recorded."""
    async with transaction(request) as conn:
        shown = await emergency_contacts.show_to_team(
            conn, context(request), path_id(request), path_id(request, "person_id")
        )
    return reply(EmergencyContact, shown)


@operation(body=NewEmergencyContact, reply=EmergencyContact)
async def change_by_team(request: web.Request) -> web.Response:
    """Write down whom to call for somebody whom the team helps now, or has registered."""
    body = await read_body(request, NewEmergencyContact)
    async with transaction(request) as conn:
        changed = await emergency_contacts.change_by_team(
            conn, context(request), path_id(request), path_id(request, "person_id"), body
        )
    return reply(EmergencyContact, changed)
