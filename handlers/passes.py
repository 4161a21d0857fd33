from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import segno
from aiohttp import web

from domain import passes
from domain.passes import PassKeys
from handlers.operation import operation
from handlers.request import SAY, connection, context, path_id, reading, reply, whole_list
from schemas.passes import BookingPass, PassKey, PassKeyList

if TYPE_CHECKING:
    from collections.abc import Mapping

PASS_KEYS = web.AppKey("pass_keys", PassKeys)
DRAWING = web.AppKey("drawing", asyncio.Semaphore)
"""One code is drawn at a time, beside the loop: it takes some ten milliseconds."""

PIXELS = 6
"""Of each module, so that the picture is sharp on a small screen."""


def draw(text: str) -> Mapping[str, str]:
    """Return a QR code of the text; level M still reads with a scratched screen."""
    code = segno.make(text, error="m", micro=False)
    return {
        "qr_svg": code.svg_inline(scale=PIXELS, omitsize=True),
        "qr_png": code.png_data_uri(scale=PIXELS),
    }


@operation(reply=BookingPass)
async def show(request: web.Request) -> web.Response:
    """Show the pass of a booking, to be scanned at the desk even where that has no network."""
    async with reading(request) as conn:
        signed = await passes.issue(conn, context(request), request.app[PASS_KEYS], path_id(request))
    async with request.app[DRAWING]:
        drawn = await asyncio.to_thread(draw, signed["text"])
    title, detail = request.app[SAY](request, passes.words(signed), signed)
    return reply(BookingPass, {**signed, **drawn, "title": title, "detail": detail})


@operation(reply=PassKeyList)
async def keys(request: web.Request) -> web.Response:
    """List the public keys by which a desk checks passes without a network; fetch them each morning."""
    async with connection(request) as conn:
        return whole_list(PassKey, await passes.public_keys(conn, context(request), request.app[PASS_KEYS]))
