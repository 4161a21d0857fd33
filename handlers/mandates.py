from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain import mandate_codes, mandate_papers, mandate_views, mandates
from domain.errors import Unavailable
from domain.mandate_terms import PersonNamed, Terms
from domain.vocabulary import CODE_VALID_MINUTES, ConsentWay
from handlers.operation import operation
from handlers.ports import SMS, SmsTemplate
from handlers.request import (
    connection,
    context,
    create_once,
    page,
    path_id,
    read_body,
    read_query,
    reading,
    reply,
    transaction,
)
from schemas import words
from schemas.fields import cursor_at
from schemas.mandates import (
    Confirmation,
    Mandate,
    MandateLookQuery,
    MandatePage,
    MandateQuery,
    NewMandate,
    NewStaffMandate,
    Revocation,
    StaffMandate,
    StaffMandatePage,
    StaffMandateQuery,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Connection

    from domain.context import Context
    from domain.mandate_codes import CodeMessage

    Rule = Callable[..., Awaitable[dict[str, Any]]]

MOST_SHOWN = 100


@operation(body=NewMandate, reply=Mandate, status=201, creates=True)
async def create(request: web.Request) -> web.Response:
    """Give a volunteer a mandate as the family, or ask for one by a code to the person's phone."""
    body = await read_body(request, NewMandate)
    named, terms = _read(body)
    ctx = context(request)

    async def make(conn: Connection) -> dict[str, Any]:
        if body["consent"] == ConsentWay.FAMILY:
            return await mandates.give(conn, ctx, named, terms)
        return await mandate_codes.ask(conn, ctx, named, terms)

    return reply(Mandate, await _create(request, ctx, body, make, mandate_views.show), 201)


@operation(body=NewStaffMandate, reply=StaffMandate, status=201, creates=True)
async def create_as_staff(request: web.Request) -> web.Response:
    """Enter a mandate that was signed on paper, or ask for one by a code to the person's phone."""
    body = await read_body(request, NewStaffMandate)
    named, terms = _read(body)
    ctx = context(request)

    async def make(conn: Connection) -> dict[str, Any]:
        if body["consent"] == ConsentWay.DESK:
            return await mandate_papers.register(conn, ctx, named, terms, body["file_id"])
        return await mandate_codes.ask_as_staff(conn, ctx, named, terms)

    return reply(StaffMandate, await _create(request, ctx, body, make, mandate_views.show_to_staff), 201)


def _read(body: Mapping[str, Any]) -> tuple[PersonNamed, Terms]:
    named = PersonNamed(body["person_id"], body["id_number"], body["name"])
    return named, Terms(*(body[name] for name in ("volunteer_id", "team_id", "matters", "expires_at", "max_uses")))


async def _create(
    request: web.Request,
    ctx: Context,
    body: Mapping[str, Any],
    make: Callable[[Connection], Awaitable[dict[str, Any]]],
    show: Rule,
) -> dict[str, Any]:
    async with transaction(request) as conn:

        async def find(mandate_id: UUID) -> dict[str, Any]:
            if body["consent"] == ConsentWay.SMS:
                return await mandate_codes.repeat(conn, ctx, mandate_id)
            return await show(conn, ctx, mandate_id)

        made = await create_once(request, conn, body, lambda: make(conn), find)
    await _send(request, made.get("message"))
    return made


async def _send(request: web.Request, message: CodeMessage | None) -> None:
    """Send a code that was committed; where that fails, a repeated request sends another."""
    if message is None:
        return
    data = {
        "team": message.team,
        "matters": words.matters(message.matters, message.max_uses),
        "until": words.day(message.expires_at),
        "code": message.code,
        "minutes": str(CODE_VALID_MINUTES),
    }
    template = SmsTemplate.TEAM_MANDATE_CODE
    if message.volunteer is not None:
        template, data["volunteer"] = SmsTemplate.MANDATE_CODE, message.volunteer
    try:
        await request.app[SMS].send(message.phone, template, data)
    except Unavailable:
        async with transaction(request) as conn:
            await mandate_codes.withdraw(conn, message)
        raise


@operation(query=MandateQuery, reply=MandatePage)
async def list_for_account(request: web.Request) -> web.Response:
    """List the mandates of everybody in the caller's care, and those the caller holds, with every use."""
    query = read_query(request, MandateQuery)
    async with reading(request) as conn:
        found = await mandate_views.list_for_account(
            conn, context(request), query["person"], query["after"], query["limit"]
        )
    return page(Mandate, found, query["limit"], cursor_at)


@operation(query=StaffMandateQuery, reply=StaffMandatePage)
async def list_for_staff(request: web.Request) -> web.Response:
    """List the mandates of the volunteers whom the caller looks after."""
    query = read_query(request, StaffMandateQuery)
    async with connection(request) as conn:
        found = await mandate_views.list_for_staff(
            conn,
            context(request),
            query["person"],
            query["volunteer"],
            query["team"],
            query["after"],
            query["limit"],
        )
    return page(StaffMandate, found, query["limit"], cursor_at)


@operation(reply=Mandate)
async def show(request: web.Request) -> web.Response:
    """Show a mandate with every use."""
    async with reading(request) as conn:
        return reply(Mandate, await mandate_views.read(conn, context(request), path_id(request)))


@operation(reply=StaffMandate)
async def show_to_staff(request: web.Request) -> web.Response:
    """Show a mandate with every use and its paper."""
    async with connection(request) as conn:
        return reply(StaffMandate, await mandate_views.show_to_staff(conn, context(request), path_id(request)))


@operation(body=Confirmation, reply=Mandate)
async def confirm(request: web.Request) -> web.Response:
    """Make a mandate hold by the code that its person was sent; for whoever asked for it."""
    body = await read_body(request, Confirmation)
    async with transaction(request) as conn:
        return reply(Mandate, await mandate_codes.confirm(conn, context(request), path_id(request), body["code"]))


@operation(reply=Mandate)
async def send_again(request: web.Request) -> web.Response:
    """Send a new code to the person's phone; for whoever asked for the mandate."""
    async with transaction(request) as conn:
        asked = await mandate_codes.send_again(conn, context(request), path_id(request))
    await _send(request, asked["message"])
    return reply(Mandate, asked)


@operation(body=Revocation, reply=Mandate)
async def revoke(request: web.Request) -> web.Response:
    """End a mandate from this moment on; for the family and the volunteer."""
    body = await read_body(request, Revocation)
    async with transaction(request) as conn:
        return reply(Mandate, await mandates.revoke(conn, context(request), path_id(request), body["reason"]))


@operation(query=MandateLookQuery, reply=MandatePage)
async def list_of_person(request: web.Request) -> web.Response:
    """Show all mandates of somebody in the caller's care at one look, with every use and what became of it."""
    query = read_query(request, MandateLookQuery)
    async with connection(request) as conn:
        found = await mandate_views.list_of_person(
            conn, context(request), path_id(request), query["after"], query["limit"]
        )
    return page(Mandate, found, query["limit"], cursor_at)


@operation(body=Revocation, reply=MandatePage)
async def revoke_of_person(request: web.Request) -> web.Response:
    """End all mandates of somebody in the caller's care from this moment on, also those not confirmed yet."""
    body, ctx, limit = await read_body(request, Revocation), context(request), MOST_SHOWN
    async with transaction(request) as conn:
        await mandates.revoke_of_person(conn, ctx, path_id(request), body["reason"])
    async with connection(request) as conn:
        found = await mandate_views.list_of_person(conn, ctx, path_id(request), None, limit)
    return page(Mandate, found, limit, cursor_at)


@operation(body=Revocation, reply=StaffMandate)
async def revoke_as_staff(request: web.Request) -> web.Response:
    """End a mandate from this moment on, at a desk."""
    body = await read_body(request, Revocation)
    async with transaction(request) as conn:
        ended = await mandates.revoke_as_staff(conn, context(request), path_id(request), body["reason"])
    return reply(StaffMandate, ended)
