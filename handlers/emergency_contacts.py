from __future__ import annotations

from typing import TYPE_CHECKING

from domain import emergency_contacts
from handlers.operation import operation
from handlers.plain import acting, changing, showing
from handlers.request import context, no_content, path_id, transaction
from schemas.emergency_contacts import EmergencyContact, NewEmergencyContact

if TYPE_CHECKING:
    from aiohttp import web

show = showing(
    emergency_contacts.show,
    EmergencyContact,
    "Show whom to call when something happens to a person in the caller's care.",
)
change = changing(
    emergency_contacts.change,
    NewEmergencyContact,
    EmergencyContact,
    "Say whom to call when something happens to a person in the caller's care.",
)
show_at_desk = acting(
    emergency_contacts.show_at_desk, EmergencyContact, "Show the desk whom to call; the reading is recorded."
)
change_at_desk = changing(
    emergency_contacts.change_at_desk,
    NewEmergencyContact,
    EmergencyContact,
    "Write down at the desk whom to call for a person.",
)
show_to_team = acting(
    emergency_contacts.show_to_team,
    EmergencyContact,
    "Show whom to call for somebody whom the team helps now, or has registered; the reading is recorded.",
)
change_by_team = changing(
    emergency_contacts.change_by_team,
    NewEmergencyContact,
    EmergencyContact,
    "Write down whom to call for somebody whom the team helps now, or has registered.",
)


@operation(status=204)
async def remove(request: web.Request) -> web.Response:
    """Forget whom to call for a person in the caller's care."""
    async with transaction(request) as conn:
        await emergency_contacts.remove(conn, context(request), path_id(request))
    return no_content()


@operation(status=204)
async def remove_at_desk(request: web.Request) -> web.Response:
    """Forget at the desk whom to call for a person."""
    async with transaction(request) as conn:
        await emergency_contacts.remove_at_desk(conn, context(request), path_id(request))
    return no_content()
