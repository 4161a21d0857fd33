from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from domain import care_codes, care_requests
from domain.errors import Unavailable
from domain.vocabulary import CODE_VALID_MINUTES, CareRequestStatus
from handlers.operation import operation
from handlers.ports import SMS, SmsTemplate
from handlers.request import (
    connection,
    context,
    no_content,
    page,
    path_id,
    read_body,
    read_query,
    reply,
    transaction,
)
from schemas.care_requests import (
    CareRequestPage,
    CareRequestQuery,
    CodeDrawn,
    CodeGuess,
    DeskRequest,
    DeskRequestPage,
    DeskRequestQuery,
    ReceivedRequest,
    ReceivedRequestPage,
)
from schemas.fields import cursor_at
from schemas.people import CareRequest

if TYPE_CHECKING:
    from aiohttp import web

    from domain.care_codes import Code

LEAST_SECONDS = 1.0
"""No answer about a code comes sooner: else the time would tell whether a message was sent."""


@operation(query=CareRequestQuery, reply=CareRequestPage)
async def list_made(request: web.Request) -> web.Response:
    """List what the caller has asked for, newest first."""
    query = read_query(request, CareRequestQuery)
    async with connection(request) as conn:
        found = await care_requests.list_made(conn, context(request), query["after"], query["limit"])
    return page(CareRequest, found, query["limit"], cursor_at)


@operation(query=CareRequestQuery, reply=ReceivedRequestPage)
async def list_received(request: web.Request) -> web.Response:
    """List what others ask for persons that the caller decides for, newest first."""
    query = read_query(request, CareRequestQuery)
    async with connection(request) as conn:
        found = await care_requests.list_to_decide(conn, context(request), query["after"], query["limit"])
    return page(ReceivedRequest, found, query["limit"], cursor_at)


@operation(status=204)
async def approve(request: web.Request) -> web.Response:
    """Let another account join the care of a person that the caller decides for."""
    async with transaction(request) as conn:
        await care_requests.decide(conn, context(request), path_id(request), CareRequestStatus.APPROVED)
    return no_content()


@operation(status=204)
async def refuse(request: web.Request) -> web.Response:
    """Refuse another account; it is not told."""
    async with transaction(request) as conn:
        await care_requests.decide(conn, context(request), path_id(request), CareRequestStatus.REFUSED)
    return no_content()


@operation(status=204)
async def withdraw(request: web.Request) -> web.Response:
    """Take back what the caller has asked for."""
    async with transaction(request) as conn:
        await care_requests.withdraw(conn, context(request), path_id(request))
    return no_content()


@operation(reply=CodeDrawn)
async def send_code(request: web.Request) -> web.Response:
    """Send a code to the phone that the person is registered with, if the name was right and there is one."""
    begun = time.monotonic()
    async with transaction(request) as conn:
        code = await care_codes.draw(conn, context(request), path_id(request))
    if code.phone is not None:
        await _send(request, code, code.phone)
    await asyncio.sleep(LEAST_SECONDS - (time.monotonic() - begun))
    return reply(CodeDrawn, {"expires_at": code.expires_at, "again_at": code.again_at})


async def _send(request: web.Request, code: Code, phone: str) -> None:
    data = {"code": code.code, "minutes": str(CODE_VALID_MINUTES)}
    try:
        await request.app[SMS].send(phone, SmsTemplate.CARE_CODE, data)
    except Unavailable:
        async with transaction(request) as conn:
            await care_codes.take_back(conn, code)
        raise


@operation(body=CodeGuess, reply=CareRequest)
async def confirm(request: web.Request) -> web.Response:
    """Join the care by the code that the person's phone was sent."""
    body = await read_body(request, CodeGuess)
    async with transaction(request) as conn:
        joined = await care_codes.confirm(conn, context(request), path_id(request), body["code"])
    return reply(CareRequest, joined)


@operation(query=DeskRequestQuery, reply=DeskRequestPage)
async def list_at_desk(request: web.Request) -> web.Response:
    """List what is asked for one person, for the desk."""
    query = read_query(request, DeskRequestQuery)
    async with transaction(request) as conn:
        found = await care_requests.list_at_desk(
            conn, context(request), query["person"], query["after"], query["limit"]
        )
    return page(DeskRequest, found, query["limit"], cursor_at)


@operation(status=204)
async def approve_at_desk(request: web.Request) -> web.Response:
    """Let an account join the care of a person; the clerk has seen the documents."""
    async with transaction(request) as conn:
        await care_requests.decide_at_desk(conn, context(request), path_id(request), CareRequestStatus.APPROVED)
    return no_content()


@operation(status=204)
async def refuse_at_desk(request: web.Request) -> web.Response:
    """Refuse an account at the desk."""
    async with transaction(request) as conn:
        await care_requests.decide_at_desk(conn, context(request), path_id(request), CareRequestStatus.REFUSED)
    return no_content()
