from __future__ import annotations

from typing import TYPE_CHECKING

from domain import help_complaints
from handlers.operation import operation
from handlers.plain import changing, creating
from handlers.request import connection, context, page, path_id, read_query, transaction, whole_list
from schemas.fields import cursor_at
from schemas.help_complaints import (
    AnswerForm,
    Complaint,
    ComplaintForm,
    ComplaintQuery,
    OwnComplaintPage,
    TeamComplaint,
)

if TYPE_CHECKING:
    from aiohttp import web

complain = creating(
    help_complaints.complain,
    help_complaints.own,
    ComplaintForm,
    Complaint,
    "Complain of a help to the volunteer's leader; the volunteer never sees it.",
)
answer = changing(help_complaints.answer, AnswerForm, TeamComplaint, "Answer a complaint; the family is told.")


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
