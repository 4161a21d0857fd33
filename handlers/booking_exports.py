from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING

from aiohttp import web

from domain import booking_exports
from domain.booking_exports import Wanted
from domain.errors import Unavailable
from domain.vocabulary import ExportFormat, ShownNames
from handlers.operation import operation
from handlers.request import connection, context, read_query
from handlers.spreadsheets import MEDIA_TYPES, spreadsheet
from schemas.booking_exports import COLUMNS, SHEET, BookingExportQuery, cells

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from domain.rows import Row

EXPORTS = web.AppKey("exports", asyncio.Semaphore)
MOST_EXPORTS = 2
"""At once in one process: each keeps a connection and a part of a processor for some seconds."""


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
    exports = request.app[EXPORTS]
    if exports.locked():
        raise Unavailable("busy", retry_after=5)
    async with exports:
        file = await _written(request, wanted)
    name = f"bookings-{wanted.first}-{wanted.last}.{wanted.format}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Type": MEDIA_TYPES[wanted.format],
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return web.Response(body=file, headers=headers)


async def _written(request: web.Request, wanted: Wanted) -> BinaryIO:
    """Return a file without a name, at its beginning; it is gone once it is closed, which sending it does."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed when it was sent, or below
    try:
        with tempfile.TemporaryDirectory() as folder:
            sheet = spreadsheet(wanted.format, file, folder, SHEET, list(COLUMNS))

            async def write(rows: Sequence[Row]) -> None:
                await asyncio.to_thread(sheet.add, map(cells, rows))

            try:
                async with connection(request) as conn:
                    await booking_exports.export(conn, context(request), wanted, write)
            finally:
                await asyncio.to_thread(sheet.finish)  # lets go of its own files, also where all is thrown away
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file
