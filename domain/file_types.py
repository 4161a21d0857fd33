"""What a file is, by its content: the name and type that a client states prove nothing.

Each check walks the structure far enough to refuse what is cut off, empty or only dressed up by its
first bytes. None decodes pixels or pages: that is left to the viewer of the person who opens it.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_PIXELS = 100_000_000
"""More than any phone's photo; what unpacks to more would exhaust the viewer."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_CHUNK_BYTES = 12
PNG_HEADER_BYTES = 13

JPEG_START, JPEG_SCAN, JPEG_END = 0xD8, 0xDA, 0xD9
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_ALONE = frozenset(range(0xD0, 0xD8)) | {0x01}
"""Markers without a length behind them."""

JPEG_SCANS = re.compile(rb"\xff\xda\x00(?:\x08\x01|\x0a\x02|\x0c\x03|\x0e\x04)")
MOST_SCANS = 64
"""A viewer draws the whole picture once a scan; cameras make a dozen at most."""

MOST_UNPACKED_BYTES = 256 * 1024 * 1024
"""What all streams of a PDF may unpack to together."""
UNPACKED_AT_ONCE = 64 * 1024
PDF_STREAM = re.compile(rb"stream\r?\n(?=x[\x01\x5e\x9c\xda])")
PDF_TWICE_PACKED = re.compile(rb"/(?:FlateDecode|Fl)\s*/(?:FlateDecode|Fl)\b")
PDF_LOCKED = re.compile(rb"/Encrypt\b")
PDF_START = re.compile(rb"%PDF-[12]\.\d")
PDF_END = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*\Z")
PDF_TABLE = re.compile(rb"\s*(?:xref\b|\d+\s+\d+\s+obj\b)")
PDF_TAIL_BYTES = 2048


def media_type_of(content: bytes) -> str | None:
    """Return the type of a whole JPEG, PNG or PDF; None for anything else."""
    for media_type, is_whole in CHECKS.items():
        if is_whole(content):
            return media_type
    return None


def _is_png(content: bytes) -> bool:
    if not content.startswith(PNG_SIGNATURE):
        return False
    at, seen_data, first = len(PNG_SIGNATURE), False, True
    while at + PNG_CHUNK_BYTES <= len(content):
        length = int.from_bytes(content[at : at + 4])
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        following = at + PNG_CHUNK_BYTES + length
        if following > len(content) or zlib.crc32(kind + body) != int.from_bytes(content[following - 4 : following]):
            return False
        if first and not (kind == b"IHDR" and length == PNG_HEADER_BYTES and _fits(body[:4], body[4:8])):
            return False
        if kind == b"IEND":
            return seen_data and following == len(content)
        seen_data, first, at = seen_data or kind == b"IDAT", False, following
    return False


def _is_jpeg(content: bytes) -> bool:
    """Walk the segments to the picture's data; what cameras append behind its end is left alone."""
    at, framed = 2, False
    if content[:2] != bytes((0xFF, JPEG_START)):
        return False
    while at + 4 <= len(content) and content[at] == 0xFF:  # noqa: PLR2004  # the byte that begins a marker
        marker = content[at + 1]
        if marker == 0xFF:  # noqa: PLR2004  # padding before a marker
            at += 1
            continue
        if marker in JPEG_ALONE:
            at += 2
            continue
        if marker == JPEG_SCAN:
            few = len(JPEG_SCANS.findall(content, at)) <= MOST_SCANS
            return framed and few and content.find(bytes((0xFF, JPEG_END)), at) > 0
        length = int.from_bytes(content[at + 2 : at + 4])
        if marker in JPEG_FRAMES:
            framed = _fits(content[at + 5 : at + 7], content[at + 7 : at + 9])
        at += 2 + length
    return False


def _is_pdf(content: bytes) -> bool:
    """Look for a head, and an end that points at the table of objects or the object that holds it."""
    end = PDF_END.search(content[-PDF_TAIL_BYTES:])
    if end is None or not PDF_START.match(content):
        return False
    table = int(end[1][:10])
    if not 0 < table < len(content) or PDF_TABLE.match(content, table) is None:
        return False
    return not PDF_LOCKED.search(content) and not PDF_TWICE_PACKED.search(content) and _unpacks_to_little(content)


def _unpacks_to_little(content: bytes) -> bool:
    """Unpack the streams of a PDF, keeping nothing, until work and outcome together are too much."""
    left, view = MOST_UNPACKED_BYTES, memoryview(content)
    for found in PDF_STREAM.finditer(content):
        at, unpacking = found.end(), zlib.decompressobj()
        try:
            while not unpacking.eof and left > 0 and (piece := view[at : at + UNPACKED_AT_ONCE]):
                at += len(piece)
                left -= len(piece)
                left -= len(unpacking.decompress(piece, left + 1))
        except zlib.error:
            continue  # a picture or plain text
        left += len(unpacking.unused_data)
    return left > 0


def _fits(height: bytes, width: bytes) -> bool:
    return 0 < int.from_bytes(height) * int.from_bytes(width) <= MAX_PIXELS


CHECKS: Mapping[str, Callable[[bytes], bool]] = {
    "image/jpeg": _is_jpeg,
    "image/png": _is_png,
    "application/pdf": _is_pdf,
}
