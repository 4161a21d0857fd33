from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from domain import help_codes
from domain.errors import Unavailable
from handlers.operation import operation
from handlers.ports import SMS, SmsTemplate
from handlers.request import context, no_content, path_id, transaction

if TYPE_CHECKING:
    from aiohttp import web

    from domain.help_codes import CodesText


@operation(status=204)
async def send_again(request: web.Request) -> web.Response:
    """Send the codes of start and end once more to the phone of somebody whom no account cares for."""
    async with transaction(request) as conn:
        text = await help_codes.send_again(conn, context(request), path_id(request), path_id(request, "request_id"))
    await _send(request, text)
    return no_content()


async def send_if_any(request: web.Request, text: CodesText | None) -> None:
    """Send what a request that was just taken asks for; where that fails it stays taken, and the team sees it."""
    if text is not None:
        with suppress(Unavailable):
            await _send(request, text)


async def _send(request: web.Request, text: CodesText) -> None:
    data = {
        "volunteer": text.volunteer,
        "team": text.team,
        "start_code": text.start_code,
        "end_code": text.end_code,
    }
    try:
        await request.app[SMS].send(text.phone, SmsTemplate.HELP_CODES, data)
    except Unavailable:
        async with transaction(request) as conn:
            await help_codes.take_back(conn, text)
        raise
