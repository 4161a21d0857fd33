from __future__ import annotations

from typing import TYPE_CHECKING

from domain import mandate_papers
from handlers.files import download
from handlers.operation import operation
from handlers.plain import acting
from handlers.request import connection, context, page, path_id, read_query, transaction
from schemas.fields import cursor_at
from schemas.mandates import PaperQuery, StaffMandate, StaffMandatePage

if TYPE_CHECKING:
    from aiohttp import web
confirm = acting(
    mandate_papers.confirm,
    StaffMandate,
    "Make a mandate on paper hold, as another of the staff than who entered it, after looking at the paper.",
)
confirm_in_team = acting(
    mandate_papers.confirm_in_team,
    StaffMandate,
    "Make a mandate on paper hold, as the team's leader or staff of its area, after looking at the paper.",
)


@operation(query=PaperQuery, reply=StaffMandatePage)
async def list_waiting(request: web.Request) -> web.Response:
    """List the papers that wait for a second person, whom the caller may be, oldest first."""
    query = read_query(request, PaperQuery)
    async with connection(request) as conn:
        found = await mandate_papers.list_waiting(conn, context(request), query["after"], query["limit"])
    return page(StaffMandate, found, query["limit"], cursor_at)


@operation(query=PaperQuery, reply=StaffMandatePage)
async def list_waiting_of_team(request: web.Request) -> web.Response:
    """List a team's papers that wait for a second person, for its leader or staff of its area, oldest first."""
    query, team_id = read_query(request, PaperQuery), path_id(request)
    async with transaction(request) as conn:
        found = await mandate_papers.list_waiting_of_team(
            conn, context(request), team_id, query["after"], query["limit"]
        )
    return page(StaffMandate, found, query["limit"], cursor_at)


@operation(media_type="application/octet-stream")
async def read(request: web.Request) -> web.Response:
    """Look at the paper of a team's mandate; each reading is recorded."""
    async with transaction(request) as conn:
        found = await mandate_papers.read(conn, context(request), path_id(request), path_id(request, "mandate_id"))
    return await download(request, found)
