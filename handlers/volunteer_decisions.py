from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain import volunteer_decisions
from domain.volunteer_decisions import APPROVE, DISMISS, REINSTATE, SUSPEND
from handlers.operation import operation
from handlers.plain import listing, showing
from handlers.request import (
    context,
    path_id,
    read_body,
    read_body_if_any,
    reply,
    transaction,
)
from handlers.volunteers import announce
from schemas.volunteers import (
    GivenReason,
    PossibleReason,
    StaffVolunteer,
    StaffVolunteerQuery,
    VolunteerOfTeam,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from domain.volunteer_decisions import Decision


list_for_staff = listing(
    volunteer_decisions.list_for_staff,
    StaffVolunteerQuery,
    StaffVolunteer,
    "List the volunteers of the teams that the caller looks after.",
)


list_of_team = listing(
    volunteer_decisions.list_of_team,
    StaffVolunteerQuery,
    VolunteerOfTeam,
    "List the volunteers of a team, for its leader or staff of its area.",
)
show = showing(volunteer_decisions.show, VolunteerOfTeam, "Show one volunteer of a team.")


@operation(body=PossibleReason, reply=VolunteerOfTeam, body_optional=True)
async def approve_in_team(request: web.Request) -> web.Response:
    """Make who applied to the team a volunteer."""
    return await _decide(request, APPROVE, await read_body_if_any(request, PossibleReason))


@operation(body=GivenReason, reply=VolunteerOfTeam)
async def suspend_in_team(request: web.Request) -> web.Response:
    """Freeze a volunteer: no power from the next request on, every task sought somebody else for."""
    return await _decide(request, SUSPEND, await read_body(request, GivenReason))


@operation(body=PossibleReason, reply=VolunteerOfTeam, body_optional=True)
async def reinstate_in_team(request: web.Request) -> web.Response:
    """Give a suspended volunteer of the team the power back."""
    return await _decide(request, REINSTATE, await read_body_if_any(request, PossibleReason))


@operation(body=GivenReason, reply=VolunteerOfTeam)
async def dismiss_from_team(request: web.Request) -> web.Response:
    """Take a volunteer out of the team, with every mandate and task; or refuse an application for good."""
    return await _decide(request, DISMISS, await read_body(request, GivenReason))


@operation(body=PossibleReason, reply=StaffVolunteer, body_optional=True)
async def approve(request: web.Request) -> web.Response:
    """Make who applied a volunteer."""
    return await _decide_as_staff(request, APPROVE)


@operation(body=PossibleReason, reply=StaffVolunteer, body_optional=True)
async def suspend(request: web.Request) -> web.Response:
    """Take a volunteer's power from the next request on, or refuse an application."""
    return await _decide_as_staff(request, SUSPEND)


@operation(body=PossibleReason, reply=StaffVolunteer, body_optional=True)
async def reinstate(request: web.Request) -> web.Response:
    """Give a suspended volunteer the power back."""
    return await _decide_as_staff(request, REINSTATE)


async def _decide(request: web.Request, decision: Decision, body: Mapping[str, Any]) -> web.Response:
    team_id, volunteer_id = path_id(request), path_id(request, "volunteer_id")
    async with transaction(request) as conn:
        decided = await volunteer_decisions.decide(
            conn, context(request), team_id, volunteer_id, decision, body["reason"]
        )
    announce(request, decided)
    return reply(VolunteerOfTeam, decided)


async def _decide_as_staff(request: web.Request, decision: Decision) -> web.Response:
    body = await read_body_if_any(request, PossibleReason)
    async with transaction(request) as conn:
        decided = await volunteer_decisions.decide_as_staff(
            conn, context(request), path_id(request), decision, body["reason"]
        )
    announce(request, decided)
    return reply(StaffVolunteer, decided)
