"""Who answers for a team of volunteers: its leader, and staff of its area."""

from __future__ import annotations

import pytest

from domain.callers import Caller
from domain.context import Context
from domain.errors import Forbidden, NotFound
from domain.identifiers import new_id
from domain.permissions import require_not_oneself, require_team
from domain.vocabulary import CLERKS, MANAGERS, Role
from handlers.request import CLOCK, VAULT
from tests import help_world, make


def context(app, account_id):
    return Context(Caller(account_id, new_id(), frozenset({Role.RESIDENT}), 1), app[CLOCK](), app[VAULT])


async def leader_of(conn, app, team_id):
    leader = await help_world.helper(conn, app, team_id=team_id)
    await help_world.leads(conn, leader.volunteer_id, team_id)
    return leader.resident, leader.volunteer_id


async def answers(conn, app, who, team_id, roles=CLERKS):
    try:
        await require_team(conn, context(app, who.account_id), team_id, *roles)
    except NotFound:
        return False
    return True


@pytest.mark.parametrize(
    "change",
    [
        "update team_leader set ended_at = now(), ended_by = appointed_by",
        "update volunteer set status = 'suspended'",
        "update volunteer set status = 'left'",
        "update volunteer set status = 'applied'",
        "update volunteer set team_id = (select id from team where id <> team_id limit 1)",
    ],
)
async def test_a_leader_leads_while_appointed_and_serving_in_the_team(conn, app, change):
    team_id, other_team = await make.team(conn), await make.team(conn)
    leader, _ = await leader_of(conn, app, team_id)
    assert await answers(conn, app, leader, team_id)
    assert not await answers(conn, app, leader, other_team)
    await conn.execute(change)
    assert not await answers(conn, app, leader, team_id)


async def test_staff_answer_for_teams_of_their_area_with_a_role_that_is_enough(conn, app):
    above = await make.area(conn)
    here = await make.area(conn, parent_id=above, level="town")
    team_id = await make.team(conn, area_id=here)
    for area_id, role, roles, right in (
        (here, Role.MANAGER, MANAGERS, True),
        (above, Role.MANAGER, MANAGERS, True),
        (None, Role.ADMIN, MANAGERS, True),
        (here, Role.CLERK, CLERKS, True),
        (here, Role.CLERK, MANAGERS, False),
        (here, Role.AUDITOR, CLERKS, False),
        (await make.area(conn), Role.ADMIN, CLERKS, False),
        (await make.area(conn, parent_id=here, level="community"), Role.ADMIN, CLERKS, False),
    ):
        staff = await make.staff(conn, app, role, area_id=area_id)
        assert await answers(conn, app, staff, team_id, roles) is right, (area_id, role)
    assert not await answers(conn, app, await make.staff(conn, app, Role.ADMIN), new_id())
    volunteer = await make.resident(conn, app)
    await make.volunteer(conn, volunteer.account_id, team_id=team_id)
    assert not await answers(conn, app, volunteer, team_id)


async def test_nobody_decides_about_oneself(conn, app):
    leader, volunteer_id = await leader_of(conn, app, await make.team(conn))
    with pytest.raises(Forbidden, match="not_about_oneself"):
        await require_not_oneself(conn, context(app, leader.account_id), volunteer_id)
    another, _ = await leader_of(conn, app, await make.team(conn))
    await require_not_oneself(conn, context(app, another.account_id), volunteer_id)
