"""Freezing a volunteer races what the volunteer does: it is done before and taken away, or not done at all."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import asyncpg
import pytest

from domain.vocabulary import Role
from handlers.request import VAULT
from server.database import prepare_connection
from tests import make
from tests.help_world import help_request, helper, leads, offered, taken
from tests.mandates import call

REASON = {"reason": "约好的事没有来"}


@asynccontextmanager
async def another(database):
    """Open a transaction beside the service's own, which ends with the block."""
    conn = await asyncpg.connect(database)
    await prepare_connection(conn)
    try:
        async with conn.transaction():
            yield conn
    finally:
        await conn.close()


@pytest.fixture
async def asked(conn, app):
    """A volunteer who is asked for somebody's request, and who may freeze the volunteer."""
    area_id = await make.area(conn, level="town")
    team_id = await make.team(conn, area_id=area_id)
    volunteer = await helper(conn, app, team_id=team_id, areas=[area_id])
    leader = await helper(conn, app, team_id=team_id)
    await leads(conn, leader.volunteer_id, team_id)
    family = await make.resident(conn, app, phone="13900001234")
    request_id = await help_request(
        conn, app[VAULT], family.person_id, team_id=team_id, area_id=area_id, needs=["accompany"]
    )
    await offered(conn, request_id, volunteer.volunteer_id)
    return volunteer, leader, request_id, f"/v1/teams/{team_id}/volunteers/{volunteer.volunteer_id}"


async def test_who_is_just_being_frozen_takes_nothing(client, conn, asked, database):
    volunteer, _, request_id, _ = asked
    async with another(database) as freezing:
        await freezing.execute("update volunteer set status = 'suspended' where id = $1", volunteer.volunteer_id)
        accepting = asyncio.create_task(call(client, "POST", f"/v1/help-requests/{request_id}/accept", volunteer))
        await asyncio.wait([accepting], timeout=0.5)
        assert not accepting.done()
    status, _ = await accepting
    assert status in (401, 404)
    assert await conn.fetchval("select state from help_request where id = $1", request_id) == "offered"


async def test_what_was_taken_just_before_is_taken_away(client, conn, asked, database):
    volunteer, leader, request_id, path = asked
    async with another(database) as accepting:
        await accepting.execute("select from volunteer where id = $1 for no key update", volunteer.volunteer_id)
        freezing = asyncio.create_task(call(client, "POST", f"{path}/suspend", leader, REASON))
        await asyncio.wait([freezing], timeout=0.5)
        assert not freezing.done()
        await taken(accepting, request_id, volunteer.volunteer_id)
    assert (await freezing)[0] == 200
    row = await conn.fetchrow("select state, volunteer_id from help_request where id = $1", request_id)
    assert tuple(row) == ("open", None)


async def test_freezing_and_taking_at_once_leave_nothing_in_frozen_hands(client, conn, app, asked):
    volunteer, leader, request_id, path = asked
    manager = await make.staff(conn, app, Role.ADMIN)
    accept = f"/v1/help-requests/{request_id}/accept"
    answers = await asyncio.gather(
        call(client, "POST", accept, volunteer),
        call(client, "POST", f"{path}/suspend", leader, REASON),
        call(client, "POST", accept, volunteer),
        call(client, "POST", f"{path}/dismiss", manager, REASON),
    )
    assert {answers[1][0], answers[3][0]} <= {200, 409}
    status = await conn.fetchval("select status from volunteer where id = $1", volunteer.volunteer_id)
    assert status in ("suspended", "left")
    row = await conn.fetchrow("select state, volunteer_id from help_request where id = $1", request_id)
    assert row["volunteer_id"] is None
    assert row["state"] in ("open", "offered")
    assert await conn.fetchval("select count(*) from help_offer where status = 'live'") == 0
