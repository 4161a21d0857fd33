from __future__ import annotations

from typing import TYPE_CHECKING

from domain import enrolment_views, enrolments
from handlers.operation import operation
from handlers.plain import acting, changing, creating, listing, showing
from handlers.request import context, path_id, read_body_if_any, reply, transaction
from schemas.enrolments import (
    Enrolment,
    EnrolmentBegun,
    EnrolmentForm,
    EnrolmentHandedIn,
    EnrolmentLine,
    EnrolmentQuery,
)

if TYPE_CHECKING:
    from aiohttp import web

list_own = listing(
    enrolment_views.list_own, EnrolmentQuery, EnrolmentLine, "List applications for children in the caller's care."
)
get = showing(enrolment_views.get, Enrolment, "Show an application with its documents and its history.")
begin = creating(
    enrolments.begin, enrolment_views.get, EnrolmentBegun, Enrolment, "Begin to apply for a child in one's care."
)
change = changing(
    enrolments.change,
    EnrolmentForm,
    Enrolment,
    "Change an application: until the deadline, and what was returned until it is due.",
)


@operation(body=EnrolmentHandedIn, reply=Enrolment, body_optional=True)
async def submit(request: web.Request) -> web.Response:
    """Hand an application in, or in again once it is repaired; after the deadline only as a late one."""
    body = await read_body_if_any(request, EnrolmentHandedIn)
    async with transaction(request) as conn:
        done = await enrolments.submit(conn, context(request), path_id(request), body)
    return reply(Enrolment, done)


reopen = acting(enrolments.reopen, Enrolment, "Make a draft again of what was handed in.")
withdraw = acting(enrolments.withdraw, Enrolment, "Take an application back, with all that it was offered.")
