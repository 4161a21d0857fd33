from __future__ import annotations

from typing import TYPE_CHECKING

from domain import help_complaints, help_thanks
from handlers.operation import operation
from handlers.plain import changing
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
    whole_list,
)
from schemas.fields import cursor_at
from schemas.help_thanks import (
    AnswerForm,
    Complaint,
    ComplaintForm,
    ComplaintQuery,
    OwnComplaintPage,
    Rating,
    RatingForm,
    TeamComplaint,
)

if TYPE_CHECKING:
    from aiohttp import web

rate = changing(help_thanks.rate, RatingForm, Rating, "Give stars and thanks for a help; the volunteer sees them.")


@operation(body=ComplaintForm, reply=Complaint, status=201, creates=True)
async def complain(request: web.Request) -> web.Response:
    """Complain of a help to the volunteer's leader; the volunteer never sees it."""
    body, ctx, request_id = await read_body(request, ComplaintForm), context(request), path_id(request)
    async with transaction(request) as conn:
        made = await create_once(
            request,
            conn,
            body,
            lambda: help_complaints.complain(conn, ctx, request_id, **body),
            lambda known: help_complaints.own(conn, ctx, request_id, known),
        )
    return reply(Complaint, made, 201)


@operation(reply=OwnComplaintPage)
async def list_own(request: web.Request) -> web.Response:
    """List what the caller has complained of in one help request, with the answers."""
    async with connection(request) as conn:
        return whole_list(Complaint, await help_complaints.list_own(conn, context(request), path_id(request)))


@operation(query=ComplaintQuery, reply=TeamComplaint)
async def list_of_team(request: web.Request) -> web.Response:
    """List the complaints to a team, but for those about the caller; reading is recorded."""
    query = read_query(request, ComplaintQuery)
    async with transaction(request) as conn:
        found = await help_complaints.list_of_team(conn, context(request), path_id(request), **query)
    return page(TeamComplaint, found, query["limit"], cursor_at)


@operation(body=AnswerForm, reply=TeamComplaint)
async def answer(request: web.Request) -> web.Response:
    """Answer a complaint; the family is told."""
    body = await read_body(request, AnswerForm)
    team_id, complaint_id = path_id(request), path_id(request, "complaint_id")
    async with transaction(request) as conn:
        answered = await help_complaints.answer(conn, context(request), team_id, complaint_id, body["answer"])
    return reply(TeamComplaint, answered)
