"""The builders of help requests make what the schema allows."""

from __future__ import annotations

import pytest

from tests import help_world, make
from tests.help_world import TOMORROW, local


@pytest.mark.parametrize("state", ["accepted", "booked", "under_way", "completed"])
async def test_a_request_can_be_built_in_every_state(conn, app, vault, state):
    team_id = await make.team(conn)
    helper = await help_world.helper(conn, app, team_id=team_id)
    family = await make.resident(conn, app)
    span = local(TOMORROW, "08:00"), local(TOMORROW, "10:00")
    request_id = await help_world.help_request(conn, vault, family.person_id, needs=("accompany", "drive"), span=span)
    await help_world.offered(conn, request_id, helper.volunteer_id)
    await help_world.taken(conn, request_id, helper.volunteer_id, state=state)
    states = await conn.fetch("select state from help_event where request_id = $1", request_id)
    assert {row["state"] for row in states} == {"open", "offered", state}
    bound = await conn.fetchval("select state from help_work where request_id = $1", request_id)
    assert bound == ("done" if state == "completed" else "held")


async def test_a_leader_can_be_built(conn, app):
    team_id = await make.team(conn)
    helper = await help_world.helper(conn, app, team_id=team_id)
    await help_world.leads(conn, helper.volunteer_id, team_id)
    assert await conn.fetchval("select leads_team($1, $2)", helper.resident.account_id, team_id)
