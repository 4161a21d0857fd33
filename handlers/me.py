"""One's own account: registration, what is kept about it, and leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain import deletion, export, registration
from handlers.consents import let_go
from handlers.operation import operation
from handlers.ports import REVOCATIONS, THROTTLE, WECHAT
from handlers.request import connection, context, read_body, reply, transaction
from schemas.consents import Deletion
from schemas.export import Export
from schemas.people import IdNumber, Me, Registration

if TYPE_CHECKING:
    from aiohttp import web


@operation(reply=Me)
async def show(request: web.Request) -> web.Response:
    """Show the caller's account, own person, and what it agreed to."""
    async with connection(request) as conn:
        return reply(Me, await registration.me(conn, context(request)))


@operation(reply=IdNumber)
async def show_id_number(request: web.Request) -> web.Response:
    """Show the caller's own identity number and phone in full; the reading is recorded."""
    async with transaction(request) as conn:
        shown = await registration.own_id_number(conn, context(request))
    return reply(IdNumber, shown)


@operation(body=Registration, reply=Me, also={202: Me})
async def register(request: web.Request) -> web.Response:
    """Register by real name; 202 where somebody has added the person before and has to agree."""
    body = await read_body(request, Registration)
    async with connection(request) as conn:
        begun = await registration.begin(
            conn,
            context(request),
            name=body["name"],
            id_number=body["id_number"],
            phone_code=body["phone_code"],
            given=body["consents"],
        )
    phone = None
    if not begun.repeated:
        await request.app[THROTTLE].hit("registration", begun.openid)
        phone = await request.app[WECHAT].phone_number(begun.phone_code, begun.openid)
    async with transaction(request) as conn:
        me = await registration.register(conn, context(request), begun, phone)
    return reply(Me, me, 200 if me["registered"] else 202)


@operation(reply=Export)
async def export_all(request: web.Request) -> web.Response:
    """Export everything that is kept about the caller."""
    async with transaction(request) as conn:
        exported = await export.export(conn, context(request))
    return reply(Export, exported)


@operation(reply=Deletion)
async def delete(request: web.Request) -> web.Response:
    """Delete the caller's account; says what became of each person in its care."""
    async with transaction(request) as conn:
        deleted = await deletion.delete_account(conn, context(request))
    for session_id in deleted.sessions:
        request.app[REVOCATIONS].session_ended(session_id)
    return reply(Deletion, {"people": let_go(deleted.fates)})
