from __future__ import annotations

from typing import TYPE_CHECKING

from domain import enrolment_review
from domain.enrolment_review import Verdict
from handlers.operation import operation
from handlers.plain import acting, listing
from handlers.request import context, no_content, path_id, read_body, reply, transaction
from schemas.enrolment_review import (
    ReviewedEnrolment,
    ReviewItem,
    ReviewQuery,
    ReviewReject,
    ReviewReturn,
    ReviewVerdict,
)

if TYPE_CHECKING:
    from aiohttp import web

list_of_staff = listing(
    enrolment_review.list_of_staff,
    ReviewQuery,
    ReviewItem,
    "List applications of a round that the caller may review, first handed in first; without names.",
)
show = acting(
    enrolment_review.show, ReviewedEnrolment, "Show an application and the child behind it; the reading is recorded."
)
take = acting(enrolment_review.take, ReviewedEnrolment, "Take an application to review it.")
confirm = acting(enrolment_review.confirm, ReviewedEnrolment, "Let hold what another reviewer has proposed.")


@operation(status=204)
async def leave(request: web.Request) -> web.Response:
    """Put an application back into the queue; a manager may do so for a reviewer who is away."""
    async with transaction(request) as conn:
        await enrolment_review.leave(conn, context(request), path_id(request))
    return no_content()


@operation(body=ReviewReturn, reply=ReviewedEnrolment)
async def give_back(request: web.Request) -> web.Response:
    """Return an application to the family, to be repaired by a deadline."""
    body = await read_body(request, ReviewReturn)
    async with transaction(request) as conn:
        returned = await enrolment_review.give_back(conn, context(request), path_id(request), body["words"])
    return reply(ReviewedEnrolment, returned)


@operation(body=ReviewVerdict, reply=ReviewedEnrolment)
async def judge(request: web.Request) -> web.Response:
    """Accept an application; or propose a refusal or the denial of a priority, for a second person to confirm."""
    verdict = Verdict(**await read_body(request, ReviewVerdict))
    async with transaction(request) as conn:
        judged = await enrolment_review.judge(conn, context(request), path_id(request), verdict)
    return reply(ReviewedEnrolment, judged)


@operation(body=ReviewReject, reply=ReviewedEnrolment)
async def reject(request: web.Request) -> web.Response:
    """Let not hold what was proposed; who proposed it takes it back like this."""
    body = await read_body(request, ReviewReject)
    async with transaction(request) as conn:
        ids = path_id(request), path_id(request, "verdict_id")
        rejected = await enrolment_review.reject(conn, context(request), *ids, body["words"])
    return reply(ReviewedEnrolment, rejected)
