from __future__ import annotations

from typing import TYPE_CHECKING

from domain import enrolment_figures
from handlers.exports import download_book
from handlers.operation import operation
from handlers.request import connection, context, path_id, reply
from schemas.enrolment_figures import EnrolmentFigures
from schemas.enrolment_report import REPORT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from handlers.exports import Sheet


@operation(reply=EnrolmentFigures)
async def show(request: web.Request) -> web.Response:
    """Count a round's applications by area, age and group, its wishes and offers by rank, and its seats."""
    async with connection(request) as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        return reply(EnrolmentFigures, await enrolment_figures.show(conn, context(request), path_id(request)))


@operation(media_type="application/octet-stream")
async def report(request: web.Request) -> web.Response:
    """Download what is filed with the authority as XLSX, without any child in it; each download is recorded."""
    round_id = path_id(request)

    async def tell() -> Sequence[Sheet]:
        async with connection(request) as conn:
            told = await enrolment_figures.report(conn, context(request), round_id)
        return [(name, columns, lines(told)) for name, columns, lines in REPORT]

    return await download_book(request, f"enrolment-{round_id}", tell)
