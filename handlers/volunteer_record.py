from __future__ import annotations

from typing import TYPE_CHECKING

from domain import volunteer_record
from domain.vocabulary import ExportFormat
from domain.volunteer_record import Wanted
from handlers.exports import download
from handlers.operation import operation
from handlers.request import connection, context, page, path_id, read_query, transaction
from schemas.volunteer_record import (
    COLUMNS,
    SHEET,
    Act,
    RecordExportQuery,
    RecordPage,
    RecordQuery,
    record_cursor_at,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from aiohttp import web

    from handlers.exports import Write


@operation(query=RecordQuery, reply=RecordPage)
async def read(request: web.Request) -> web.Response:
    """Show what a volunteer of the team did as such in up to 92 days, in order of time; each look is recorded."""
    query = read_query(request, RecordQuery)
    async with transaction(request) as conn:
        found = await volunteer_record.read(
            conn, context(request), _wanted(request, query), query["after"], query["limit"]
        )
    return page(Act, found, query["limit"], record_cursor_at)


@operation(query=RecordExportQuery, media_type="application/octet-stream")
async def export(request: web.Request) -> web.Response:
    """Export what a volunteer of the team did as such in up to 92 days, as CSV or XLSX; each export is recorded."""
    query = read_query(request, RecordExportQuery)
    wanted, kind = _wanted(request, query), ExportFormat(query["format"])

    async def tell(write: Write) -> None:
        async with connection(request) as conn:
            await volunteer_record.export(conn, context(request), wanted, kind, write)

    return await download(request, f"volunteer-{wanted.first}-{wanted.last}", kind, SHEET, COLUMNS, tell)


def _wanted(request: web.Request, query: Mapping[str, Any]) -> Wanted:
    return Wanted(path_id(request), path_id(request, "volunteer_id"), query["first"], query["last"])
