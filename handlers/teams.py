from __future__ import annotations

from typing import TYPE_CHECKING

from domain import teams
from handlers.operation import operation
from handlers.plain import acting, creating, listing, showing
from handlers.request import context, no_content, path_id, transaction
from schemas.teams import NewTeam, StaffTeam, StaffTeamQuery, Team, TeamQuery

if TYPE_CHECKING:
    from aiohttp import web

list_all = listing(
    teams.list_all, TeamQuery, Team, "List the volunteers' teams, of an area and all below it or of all."
)
show = showing(teams.show, StaffTeam, "Show a team to its leader, or to staff of its area.")
list_for_staff = listing(teams.list_for_staff, StaffTeamQuery, StaffTeam, "List the teams that the caller looks after.")
add = creating(teams.add, teams.show, NewTeam, StaffTeam, "Make a team in an area that the caller manages.")
appoint = acting(teams.appoint, StaffTeam, "Let an approved volunteer of a team lead it.")


@operation(status=204)
async def end_leadership(request: web.Request) -> web.Response:
    """Let a volunteer lead the team no longer, from the next request on."""
    team_id, volunteer_id = path_id(request), path_id(request, "volunteer_id")
    async with transaction(request) as conn:
        await teams.end_leadership(conn, context(request), team_id, volunteer_id)
    return no_content()
