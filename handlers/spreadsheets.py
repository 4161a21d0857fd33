"""Tables as files that spreadsheets open. Written to a file as the rows come, so that memory is bounded.

What people have typed must not become a formula in somebody's spreadsheet: CSV has no types, so such a text gets an
apostrophe before it; in XLSX every text is written as text.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, BinaryIO, Protocol

from xlsxwriter import Workbook

from domain.vocabulary import ExportFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Cells = Sequence[str | int]

BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # full-width ones count too
MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
XLSX_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


class Spreadsheet(Protocol):
    """Takes rows until `finish`, after which the file is whole; the file stays open."""

    def add(self, rows: Iterable[Cells]) -> None: ...

    def finish(self) -> None: ...


def spreadsheet(kind: ExportFormat, file: BinaryIO, folder: str, name: str, headings: Sequence[str]) -> Spreadsheet:
    """Begin a table; `folder` takes what is not finished, and goes with it where it never is."""
    if kind == ExportFormat.CSV:
        return Csv(file, headings)
    book = Xlsx(file, folder)
    book.begin(name, headings)
    return book


class Csv:
    """UTF-8 with the mark by which Excel knows it, lines ended as RFC 4180 says."""

    def __init__(self, file: BinaryIO, headings: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
        self._writer = csv.writer(self._text, quoting=csv.QUOTE_ALL)
        self._writer.writerow(headings)

    def add(self, rows: Iterable[Cells]) -> None:
        self._writer.writerows([harmless(cell) for cell in row] for row in rows)

    def finish(self) -> None:
        self._text.detach()


def harmless(cell: str | int) -> str | int:
    """Let no text begin as a formula does, white space before it or not."""
    if isinstance(cell, str) and cell.lstrip(" \u3000").startswith(BEGIN_FORMULAS):
        return f"'{cell}"
    return cell


class Xlsx:
    """A row goes to a temporary file in `folder` as soon as the next one begins; rows go to the newest sheet."""

    def __init__(self, file: BinaryIO, folder: str) -> None:
        self._book = Workbook(file, XLSX_OPTIONS | {"tmpdir": folder})

    def begin(self, name: str, headings: Sequence[str]) -> None:
        self._sheet = self._book.add_worksheet(name)
        self._sheet.freeze_panes(1, 0)
        self._rows = 0
        self.add([headings])

    def add(self, rows: Iterable[Cells]) -> None:
        for row in rows:
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    self._sheet.write_string(self._rows, column, cell)
                else:
                    self._sheet.write_number(self._rows, column, cell)
            self._rows += 1

    def finish(self) -> None:
        self._book.close()
