from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from domain import enrolment_draw, enrolment_rounds
from handlers.conditional import HEADERS, Answer, conditional, json_answer
from handlers.operation import operation
from handlers.plain import acting, showing
from handlers.request import connection, context, path_id, read_body, reply, shape, transaction
from schemas.enrolment_draw import DrawLine, DrawResult, EnrolmentDraw, EnrolmentDrawOfStaff, FrozenList, PublicValue

if TYPE_CHECKING:
    from aiohttp import web

VERIFIER = Path(__file__).parents[1] / "docs" / "verify_draw.py"
PYTHON = "text/x-python"

freeze = acting(
    enrolment_draw.freeze, EnrolmentDrawOfStaff, "Freeze the list of a round before anybody can know the public value."
)
publish = acting(
    enrolment_draw.publish, EnrolmentDrawOfStaff, "Publish the result of a round's draw, and tell the families."
)
show = showing(enrolment_draw.show, EnrolmentDrawOfStaff, "Show how far the draw of a round is.")
line = showing(enrolment_draw.line, DrawLine, "Show what stands behind the line of one's child in the frozen list.")


@operation(body=PublicValue, reply=EnrolmentDrawOfStaff)
async def draw(request: web.Request) -> web.Response:
    """Draw the lot of a round with the public value; only somebody else than who froze the list may."""
    given, round_id, ctx = await read_body(request, PublicValue), path_id(request), context(request)
    async with connection(request) as conn:
        result = await enrolment_draw.drawn(conn, ctx, round_id, given["public_value"])
    async with transaction(request) as conn:
        kept = await enrolment_draw.keep(conn, ctx, round_id, result)
    return reply(EnrolmentDrawOfStaff, kept)


@operation(reply=DrawResult, etag=True)
async def result_for_staff(request: web.Request) -> web.Response:
    """Read the result of a round's draw, before it is published as well."""
    async with connection(request) as conn:
        found = await enrolment_draw.result_for_staff(conn, context(request), path_id(request))
    return conditional(request, Answer(found["result"], found["seed"]), _file("result.json"))


@operation(reply=EnrolmentDraw, etag=True)
async def show_to_everybody(request: web.Request) -> web.Response:
    """Show the SHA-256 of the frozen list and which public value is awaited, later also which it was."""
    async with connection(request) as conn:
        found = await enrolment_draw.show_to_everybody(conn, path_id(request))
    return conditional(request, json_answer(shape(EnrolmentDraw).dump(found)))


@operation(reply=FrozenList, etag=True)
async def frozen(request: web.Request) -> web.Response:
    """Read the frozen list of a round: the very bytes of which the SHA-256 is published."""
    async with connection(request) as conn:
        found = await enrolment_draw.frozen_list(conn, path_id(request))
    return conditional(request, Answer(found["frozen"], found["frozen_sha256"]), _file("frozen.json"))


@operation(reply=DrawResult, etag=True)
async def result(request: web.Request) -> web.Response:
    """Read the published result of a round's draw, with all that is needed to compute it again; it names no child."""
    async with connection(request) as conn:
        found = await enrolment_draw.published_result(conn, path_id(request))
    return conditional(request, Answer(found["result"], found["seed"]), _file("result.json"))


@operation(media_type=PYTHON, etag=True)
async def verifier(request: web.Request) -> web.Response:
    """Read the program that computes a result again: a page of Python that needs nothing else."""
    async with connection(request) as conn:
        await enrolment_rounds.announced(conn, context(request), path_id(request))
    return conditional(request, _verifier(), _file("verify_draw.py"), PYTHON)


@cache
def _verifier() -> Answer:
    return Answer.of(VERIFIER.read_bytes())


def _file(name: str) -> dict[str, str]:
    return {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
