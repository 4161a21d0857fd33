"""Small whole files, made here: no file of anybody stands in the repository."""

from __future__ import annotations

import struct
import zlib


def png(width: int = 2, height: int = 2, padding: int = 0) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + b"\x7f" * width * 3 for _ in range(min(height, 4)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"tEXt", b"pad\0" + b" " * padding)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def jpeg(width: int = 8, height: int = 8, appended: bytes = b"") -> bytes:
    def segment(marker: int, body: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    return (
        b"\xff\xd8"
        + segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
        + segment(0xDB, b"\0" + b"\x10" * 64)
        + segment(0xC0, frame)
        + segment(0xC4, b"\0" + b"\x01" + b"\0" * 15 + b"\0")
        + segment(0xDA, b"\x01\x01\0\0\x3f\0")
        + b"\x7f\x00\xff\x00\x12"
        + b"\xff\xd9"
        + appended
    )


def pdf() -> bytes:
    body = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"
    table = b"xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer\n<< /Size 2 /Root 1 0 R >>\n"
    return body + table + b"startxref\n" + str(len(body)).encode() + b"\n%%EOF\n"
