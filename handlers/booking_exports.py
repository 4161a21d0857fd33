from __future__ import annotations

from typing import TYPE_CHECKING

from domain import booking_exports
from domain.booking_exports import Wanted
from domain.vocabulary import ExportFormat, ShownNames
from handlers.exports import download
from handlers.operation import operation
from handlers.request import connection, context, read_query
from schemas.booking_exports import COLUMNS, SHEET, BookingExportQuery

if TYPE_CHECKING:
    from aiohttp import web

    from handlers.exports import Write


@operation(query=BookingExportQuery, media_type="application/octet-stream")
async def export(request: web.Request) -> web.Response:
    """Export a provider's bookings of a range of days as CSV or XLSX; each export is recorded with its extent."""
    query = read_query(request, BookingExportQuery)
    wanted = Wanted(
        query["provider_id"],
        query["first"],
        query["last"],
        ShownNames(query["names"]),
        ExportFormat(query["format"]),
    )

    async def tell(write: Write) -> None:
        async with connection(request) as conn:
            await booking_exports.export(conn, context(request), wanted, write)

    return await download(request, f"bookings-{wanted.first}-{wanted.last}", wanted.format, SHEET, COLUMNS, tell)
