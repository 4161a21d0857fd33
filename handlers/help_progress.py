from __future__ import annotations

from typing import TYPE_CHECKING

from domain import help_corrections, help_progress
from domain.help_corrections import Told
from handlers.operation import operation
from handlers.plain import changing
from handlers.request import context, path_id, read_body, reply, transaction
from schemas.help_progress import CompletionForm, ConfirmedHours, LeaderCompletionForm, StartForm

if TYPE_CHECKING:
    from aiohttp import web

start = changing(help_progress.start, StartForm, ConfirmedHours, "Begin a help, by the family's code or on the spot.")
complete = changing(help_progress.complete, CompletionForm, ConfirmedHours, "End a help, as it was begun.")


@operation(body=LeaderCompletionForm, reply=ConfirmedHours)
async def complete_as_leader(request: web.Request) -> web.Response:
    """Complete a help of the team that nobody confirmed, with the reason."""
    told = Told(**await read_body(request, LeaderCompletionForm))
    team_id, request_id = path_id(request), path_id(request, "request_id")
    async with transaction(request) as conn:
        completed = await help_corrections.complete(conn, context(request), team_id, request_id, told)
    return reply(ConfirmedHours, completed)
