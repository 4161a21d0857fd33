"""Help that a clerk asks for on the telephone, or a team's leader on a visit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import asyncpg
import pytest

from domain.help_vocabulary import MAX_UNKNOWN_CARDS_A_DAY
from domain.vocabulary import Role
from handlers.request import VAULT
from server.database import prepare_connection
from tests import help_world, make
from tests.booking_world import post, until_waiting
from tests.help_asking import World
from tests.help_world import leader


@pytest.fixture
async def world(client, conn, app):
    return await World(client, conn, app).build()


@pytest.fixture
async def holder(database):
    """A session that takes a lock and keeps it."""
    connection = await asyncpg.connect(database)
    await prepare_connection(connection)
    yield connection
    await connection.close()


async def test_a_clerk_asks_for_who_phones(world, conn, app):
    clerk = await make.staff(conn, app, Role.CLERK, area_id=world.zone_id)
    path = "/v1/staff/help-requests"
    by_card = {"person_id": ..., "id_number": world.number, "name": "巴特尔"}
    answer = await world.ask(clerk, path=path, **by_card)
    assert answer.status == 201, answer.body
    made = answer.body
    assert (made["asked_way"], made["person"]["id"]) == ("phone", str(world.elder_id))
    assert made["person"]["phone"] == "13900001111"
    assert made["events"][0]["by"] == "staff"
    assert (await world.ask(clerk, path=path)).status == 201
    for wrong in ({"name": "别人"}, {"id_number": make.id_number(date(1945, 5, 18))}):
        assert (await world.ask(clerk, path=path, **{**by_card, **wrong})).code == "person_unknown"
    for half in ({"name": ...}, {"id_number": ...}, {"person_id": str(world.elder_id)}):
        assert (await world.ask(clerk, path=path, **{**by_card, **half})).code == "invalid_input"


async def test_a_clerk_asks_only_where_the_clerk_works(world, conn, app):
    elsewhere = await make.staff(conn, app, Role.CLERK, area_id=await make.area(conn))
    auditor = await make.staff(conn, app, Role.AUDITOR)
    for who in (elsewhere, auditor):
        assert (await world.ask(who, path="/v1/staff/help-requests")).code == "area_not_found"


async def test_a_leader_asks_on_a_visit(world, conn, app):
    leading = (await leader(conn, app, world.team_id)).resident
    path = f"/v1/teams/{world.team_id}/help-requests"
    by_card = {"person_id": ..., "id_number": world.number, "name": "巴特尔"}
    assert (await world.ask(leading, path=path)).code == "person_unknown"
    answer = await world.ask(leading, path=path, **by_card)
    assert answer.status == 201, answer.body
    assert (answer.body["asked_way"], answer.body["events"][0]["by"]) == ("visit", "leader")
    assert answer.body["team"]["id"] == str(world.team_id)
    assert (await world.ask(leading, path=path)).status == 201  # known to the team by now
    assert (await world.ask(leading, path=path, team_id=str(world.team_id))).code == "invalid_input"


async def test_numbers_cannot_be_tried_out_on_visits(world, conn, app, clock):
    leading = (await leader(conn, app, world.team_id)).resident
    path = f"/v1/teams/{world.team_id}/help-requests"
    right = {"person_id": ..., "id_number": world.number, "name": "巴特尔"}
    for _ in range(MAX_UNKNOWN_CARDS_A_DAY):
        assert (await world.ask(leading, path=path, **{**right, "name": "巴特"})).code == "person_unknown"
    refused = await world.ask(leading, path=path, **right)
    assert (refused.status, refused.code) == (429, "help_unknown_cards")
    assert refused.retry_after == str(24 * 3600)
    clock.move(hours=24, seconds=1)
    token = await make.session(conn, app, leading.account_id, [Role.RESIDENT, Role.VOLUNTEER])
    assert (await world.ask(replace(leading, token=token), path=path, **right)).status == 201


async def test_wrong_cards_at_once_are_counted(world, second_client, conn, app, holder):
    """Both would be the last one allowed if they did not wait for each other."""
    leading = (await leader(conn, app, world.team_id)).resident
    path = f"/v1/teams/{world.team_id}/help-requests"
    wrong = {"person_id": ..., "id_number": world.number, "name": "巴特"}
    for _ in range(MAX_UNKNOWN_CARDS_A_DAY - 1):
        await world.ask(leading, path=path, **wrong)
    async with holder.transaction():
        await holder.execute("select from audit_chain for update")
        first = asyncio.create_task(world.ask(leading, path=path, **wrong))
        await until_waiting(conn)
        second = asyncio.create_task(post(second_client, path, leading, world.wish(**wrong), make.key()))
        await until_waiting(conn, 2, unless=second)
    assert sorted([(await first).status, (await second).status]) == [404, 429]


async def test_a_leader_asks_for_who_was_registered_on_a_visit(world, conn, app):
    leading = (await leader(conn, app, world.team_id)).resident
    registered = await make.person(conn, app[VAULT], name="其其格")
    path = f"/v1/teams/{world.team_id}/help-requests"
    assert (await world.ask(leading, path=path, person_id=str(registered))).code == "person_unknown"
    await conn.execute("update person set team_id = $2 where id = $1", registered, world.team_id)
    assert (await world.ask(leading, path=path, person_id=str(registered))).status == 201


async def test_only_the_teams_own_leader_asks_and_where_the_team_reaches(world, conn, app):
    other_team = await make.team(conn)
    leading = await leader(conn, app, other_team)
    by_card = {"person_id": ..., "id_number": world.number, "name": "巴特尔"}
    path = f"/v1/teams/{world.team_id}/help-requests"
    assert (await world.ask(leading, path=path, **by_card)).code == "team_not_found"
    assert (await world.ask(leading, path=f"/v1/teams/{other_team}/help-requests", **by_card)).code == "team_not_found"
    helper = await help_world.helper(conn, app, team_id=world.team_id)
    assert (await world.ask(helper, path=path, **by_card)).code == "team_not_found"
    await conn.execute("update volunteer set status = 'suspended' where id = $1", leading.volunteer_id)
    assert (await world.ask(leading, path=path, **by_card)).status in (401, 404)
