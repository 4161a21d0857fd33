"""Spreadsheets that are written to a file as their rows come, and sent once they are whole."""

from __future__ import annotations

import asyncio
import io
import tempfile
from typing import TYPE_CHECKING

from aiohttp import web

from domain.errors import Unavailable
from domain.vocabulary import ExportFormat
from handlers.spreadsheets import MEDIA_TYPES, Xlsx, spreadsheet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from typing import BinaryIO

    from domain.rows import Row

    Columns = Mapping[str, Callable[[Row], str | int]]
    Sheet = tuple[str, Columns, Iterable[Row]]
    Write = Callable[[Sequence[Row]], Awaitable[None]]

EXPORTS = web.AppKey("exports", asyncio.Semaphore)
MOST_EXPORTS = 2
"""At once in one process: each keeps a connection and a part of a processor for some seconds."""


async def download(
    request: web.Request,
    name: str,
    kind: ExportFormat,
    sheet: str,
    columns: Columns,
    tell: Callable[[Write], Awaitable[object]],
) -> web.Response:
    """Answer a file `name` with a row for each that `tell` writes; nothing is sent where it raises."""
    async with _turn(request):
        file = await _written(kind, sheet, columns, tell)
    return _answer(name, kind, file)


async def download_book(
    request: web.Request, name: str, tell: Callable[[], Awaitable[Sequence[Sheet]]]
) -> web.Response:
    """Answer a workbook `name` of several small sheets: their names, columns and lines."""
    async with _turn(request):
        book = await asyncio.to_thread(_book, await tell())
    return _answer(name, ExportFormat.XLSX, book)


def _turn(request: web.Request) -> asyncio.Semaphore:
    exports = request.app[EXPORTS]
    if exports.locked():
        raise Unavailable("busy", retry_after=5)
    return exports


def _answer(name: str, kind: ExportFormat, body: BinaryIO | bytes) -> web.Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{kind}"',
        "Content-Type": MEDIA_TYPES[kind],
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return web.Response(body=body, headers=headers)


async def _written(
    kind: ExportFormat, name: str, columns: Columns, tell: Callable[[Write], Awaitable[object]]
) -> BinaryIO:
    """Return a file without a name, at its beginning; it is gone once it is closed, which sending it does."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed when it was sent, or below
    try:
        with tempfile.TemporaryDirectory() as folder:
            sheet = spreadsheet(kind, file, folder, name, list(columns))

            def cells(row: Row) -> list[str | int]:
                return [cell(row) for cell in columns.values()]

            async def write(rows: Sequence[Row]) -> None:
                await asyncio.to_thread(sheet.add, map(cells, rows))

            try:
                await tell(write)
            finally:
                await asyncio.to_thread(sheet.finish)  # lets go of its own files, also where all is thrown away
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _book(sheets: Sequence[Sheet]) -> bytes:
    file = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        book = Xlsx(file, folder)
        for name, columns, rows in sheets:
            book.begin(name, list(columns))
            book.add([cell(row) for cell in columns.values()] for row in rows)
        book.finish()
    return file.getvalue()
