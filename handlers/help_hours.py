from __future__ import annotations

from typing import TYPE_CHECKING

from domain import help_corrections, help_hours
from domain.help_vocabulary import HoursRows
from domain.vocabulary import ExportFormat
from handlers.exports import download
from handlers.operation import operation
from handlers.request import (
    connection,
    context,
    path_id,
    read_body,
    read_query,
    reply,
    transaction,
)
from schemas.help_hours import (
    COLUMNS,
    SHEET,
    CorrectionForm,
    HoursExportQuery,
    HoursOfTask,
    HoursQuery,
    MemberHours,
    OwnHours,
    TeamHours,
)

if TYPE_CHECKING:
    from aiohttp import web

    from handlers.exports import Write


@operation(query=HoursQuery, reply=OwnHours)
async def own(request: web.Request) -> web.Response:
    """Show the caller's hours as a volunteer in a month, with the thanks for them."""
    query = read_query(request, HoursQuery)
    async with connection(request) as conn:
        return reply(OwnHours, await help_hours.own(conn, context(request), query["month"]))


@operation(query=HoursQuery, reply=TeamHours)
async def of_team(request: web.Request) -> web.Response:
    """Show the hours of a team in a month, and of each of its volunteers who did something."""
    query = read_query(request, HoursQuery)
    async with connection(request) as conn:
        return reply(TeamHours, await help_hours.of_team(conn, context(request), path_id(request), query["month"]))


@operation(query=HoursQuery, reply=MemberHours)
async def of_member(request: web.Request) -> web.Response:
    """Show the hours of one volunteer of a team in a month, help by help."""
    query = read_query(request, HoursQuery)
    team_id, volunteer_id = path_id(request), path_id(request, "volunteer_id")
    async with connection(request) as conn:
        found = await help_hours.of_member(conn, context(request), team_id, volunteer_id, query["month"])
    return reply(MemberHours, found)


@operation(query=HoursExportQuery, media_type="application/octet-stream")
async def export(request: web.Request) -> web.Response:
    """Export a team's hours of a month as XLSX or CSV; each export is recorded."""
    query = read_query(request, HoursExportQuery)
    team_id, month = path_id(request), query["month"]
    rows, kind = HoursRows(query["rows"]), ExportFormat(query["format"])

    async def tell(write: Write) -> None:
        async with connection(request) as conn:
            await help_hours.export(conn, context(request), team_id, month, rows, kind, write)

    return await download(request, f"hours-{month:%Y-%m}", kind, SHEET, COLUMNS[rows], tell)


@operation(body=CorrectionForm, reply=HoursOfTask)
async def correct(request: web.Request) -> web.Response:
    """Let other minutes of a help count, with the reason; every correction stays to be seen."""
    body = await read_body(request, CorrectionForm)
    team_id, request_id = path_id(request), path_id(request, "request_id")
    async with transaction(request) as conn:
        corrected = await help_corrections.correct(conn, context(request), team_id, request_id, **body)
    return reply(HoursOfTask, corrected)
