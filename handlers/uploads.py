"""Reads `multipart/form-data` as it comes in, within a limit and a time.

aiohttp's `client_max_size` bounds `request.read()` and `request.post()` only; here the parts are read
in chunks, and counted.
"""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING

from aiohttp import BodyPartReader, multipart
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError

from domain.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

SECONDS = 120
CHUNK_BYTES = 64 * 1024
OVERHEAD_BYTES = 16 * 1024
"""What boundaries, headers and short fields may take beside the parts' own limits."""

MALFORMED = (
    ValueError,
    AssertionError,
    RuntimeError,
    RuntimeWarning,
    HttpProcessingError,
    RequestPayloadError,
    OSError,
)
"""All that aiohttp raises over forms that are none, and bodies that break off."""

PLAIN_ENCODINGS = frozenset({"", "binary", "8bit", "7bit"})

# The warning would put a client's file name on standard error; a part without a name is refused anyway.
warnings.filterwarnings("ignore", category=multipart.BadContentDispositionHeader)
warnings.filterwarnings("ignore", category=multipart.BadContentDispositionParam)


async def read_parts(request: web.Request, limits: Mapping[str, int]) -> dict[str, bytes]:
    """Return each part that `limits` names, of at most so many bytes; raise Invalid for any other form."""
    if request.content_type != "multipart/form-data":
        raise Invalid("content_type_not_multipart", content_type=request.content_type)
    most = sum(limits.values()) + OVERHEAD_BYTES
    if (request.content_length or 0) > most:
        raise Invalid("file_too_large", limit=max(limits.values()))
    try:
        async with asyncio.timeout(SECONDS):
            parts = await _read(request, limits, most)
    except TimeoutError:
        raise Invalid("body_too_slow", seconds=SECONDS) from None
    except MALFORMED:
        raise Invalid("multipart_malformed") from None
    for name in limits:
        if name not in parts:
            raise Invalid("multipart_part_missing", part=name)
    return parts


async def _read(request: web.Request, limits: Mapping[str, int], most: int) -> dict[str, bytes]:
    reader = await request.multipart()
    parts: dict[str, bytes] = {}
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise Invalid("multipart_malformed")
        if part.name not in limits:
            raise Invalid("multipart_part_unexpected", allowed=list(limits))
        if part.name in parts:
            raise Invalid("multipart_part_repeated", part=part.name)
        if part.headers.get("Content-Transfer-Encoding", "").lower() not in PLAIN_ENCODINGS:
            raise Invalid("multipart_malformed")
        parts[part.name] = await _read_part(part, limits[part.name])
        if request.content.total_bytes > most:
            raise Invalid("file_too_large", limit=max(limits.values()))
    return parts


async def _read_part(part: BodyPartReader, limit: int) -> bytes:
    content = bytearray()
    while not part.at_eof():
        content += await part.read_chunk(CHUNK_BYTES)
        if len(content) > limit:
            raise Invalid("file_too_large", limit=limit)
    return bytes(content)
