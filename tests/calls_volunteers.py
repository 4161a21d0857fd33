"""Good calls about volunteers and their teams; `tests.calls` has those of everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.identifiers import new_id
from tests.giving import nothing
from tests.help_world import leads
from tests.town import Given

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.town import Town


def about(status, body=None):
    """Make a call about somebody new of the team."""

    async def given(town):
        return Given(body, {"id": town.team_id, "volunteer_id": await town.applicant(status)})

    return given


async def of_team(town):
    return Given(ids={"id": town.team_id})


async def leading(town):
    volunteer_id = await town.applicant("approved")
    await leads(town.conn, volunteer_id, town.team_id)
    return Given(ids={"id": town.team_id, "volunteer_id": volunteer_id})


async def rules(town):
    """Give the area rules of its own that nobody follows yet."""
    policy_id = new_id()
    await town.conn.execute(
        """insert into help_policy (id, area_id, version, created_at)
           select $1, $2, 1 + coalesce(max(version), 0), now() from help_policy where area_id = $2""",
        policy_id,
        town.area_id,
    )
    return Given(ids={"id": policy_id})


async def area(town):
    return Given(ids={"id": town.area_id})


async def new_rules(town):
    return Given({"area_id": str(town.area_id), "limit_tasks": 4})


OF_TEAM = "/v1/teams/{id}/volunteers/{volunteer_id}"
LEADER = "/v1/staff/teams/{id}/leaders/{volunteer_id}"
VOLUNTEERS: dict[tuple[str, str], Callable[[Town], Awaitable[Given]]] = {
    ("GET", "/v1/staff/help-policies"): nothing,
    ("POST", "/v1/staff/help-policies"): new_rules,
    ("GET", "/v1/staff/help-policies/{id}"): rules,
    ("GET", "/v1/staff/areas/{id}/help-policy"): area,
    ("GET", "/v1/teams/{id}"): of_team,
    ("GET", "/v1/teams/{id}/volunteers"): of_team,
    ("GET", OF_TEAM): about("applied"),
    ("POST", f"{OF_TEAM}/approve"): about("applied", {"reason": ""}),
    ("POST", f"{OF_TEAM}/suspend"): about("approved", {"reason": "约好的事没有来"}),
    ("POST", f"{OF_TEAM}/reinstate"): about("suspended", {"reason": "说清楚了"}),
    ("POST", f"{OF_TEAM}/dismiss"): about("approved", {"reason": "收了老人的钱"}),
    ("PUT", LEADER): about("approved"),
    ("DELETE", LEADER): leading,
}
