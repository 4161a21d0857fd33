"""A mandate ends while somebody acts under it: either the act was first and the end waits, or nothing is done.

One side is held in the middle of its transaction, so that the guard alone decides.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest

import sql
from domain.vocabulary import Role
from handlers.request import VAULT
from server.database import prepare_connection
from tests import help_world, make
from tests.booking_world import GENEROUS, Answer, act_freely, book, cancel, move, post, until_waiting

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient
    from asyncpg import Connection

KNOWN = (help_world.local(help_world.TOMORROW, "09:00"), help_world.local(help_world.TOMORROW, "10:00"))
OVER = {
    "revoked": {"mandate_revoked", "booking_not_found"},
    "suspended": {"volunteer_not_approved", "booking_not_found"},
    "task done": {"mandate_not_found", "booking_not_found"},
}


@pytest.fixture
async def holder(database):
    """A session that takes a lock and keeps it."""
    connection = await asyncpg.connect(database)
    await prepare_connection(connection)
    yield connection
    await connection.close()


@dataclass
class World:
    """A volunteer with a booking under a mandate, her own or her team's for the time of a task."""

    client: TestClient[Any, Any]
    conn: Connection
    helper: help_world.Helper
    family: make.Resident
    person_id: UUID
    mandate_id: UUID
    slots: list[UUID]
    booking_id: str
    request_id: UUID | None

    async def act(self, how: str) -> Answer:
        who = self.helper.resident
        if how == "book":
            return await book(self.client, who, self.slots[2], self.person_id, mandate_id=self.mandate_id)
        if how == "move":
            return await move(self.client, who, self.booking_id, self.slots[2])
        return await cancel(self.client, who, self.booking_id)

    async def end(self, conn: Connection, how: str) -> None:
        """End what empowers, in an open transaction, by what the service itself runs."""
        if how == "revoked":
            await sql.mandates.revoke(
                conn, id=self.mandate_id, revoked_by=self.family.account_id, reason="", now=make.EPOCH
            )
        elif how == "suspended":
            await conn.execute("update volunteer set status = 'suspended' where id = $1", self.helper.volunteer_id)
        else:
            await conn.execute("update help_request set state = 'completed' where id = $1", self.request_id)

    async def stands(self) -> list[tuple[str, UUID]]:
        rows = await self.conn.fetch("select status, slot_id from booking order by id")
        return [(row["status"], row["slot_id"]) for row in rows]


async def build(client, conn, app, *, team: bool) -> World:
    await act_freely(conn)
    area_id = await make.area(conn)
    team_id = await make.team(conn, area_id=area_id)
    helper = await help_world.helper(conn, app, team_id=team_id)
    family = await make.resident(conn, app)
    person_id = await make.person(conn, app[VAULT])
    await make.care(conn, family.account_id, person_id)
    mandate_id = await make.mandate(conn, person_id, helper.volunteer_id, family.account_id)
    request_id = None
    if team:
        await conn.execute("update mandate set volunteer_id = null, team_id = $1", team_id)
        request_id = await help_world.help_request(conn, app[VAULT], person_id, team_id=team_id, area_id=area_id)
        await help_world.taken(conn, request_id, helper.volunteer_id, state="under_way", span=KNOWN)
    service_id = await make.service(conn)
    policy_id = await make.policy(conn, service_id=service_id, **GENEROUS)
    slots = [await make.slot(conn, service_id, policy_id=policy_id, assisted=3, resource=f"{n}") for n in range(3)]
    made = await book(client, helper.resident, slots[0], person_id, mandate_id=mandate_id)
    assert made.status == 201, made.body
    return World(client, conn, helper, family, person_id, mandate_id, slots, made.body["id"], request_id)


CASES = [(team, how) for team in (False, True) for how in OVER if team or how != "task done"]


@pytest.mark.parametrize("act", ["book", "move", "cancel"])
@pytest.mark.parametrize(("team", "how"), CASES)
async def test_an_act_waits_for_what_is_just_being_ended_and_is_not_done(client, conn, app, holder, act, team, how):
    world = await build(client, conn, app, team=team)
    before = await world.stands()
    async with holder.transaction():
        await world.end(holder, how)
        acting = asyncio.create_task(world.act(act))
        assert await until_waiting(conn, unless=acting), "it was done before the end was known"
    assert (await acting).code in OVER[how]
    assert await world.stands() == before


@pytest.mark.parametrize("act", ["book", "move", "cancel"])
@pytest.mark.parametrize("how", ["revoked", "all revoked", "suspended"])
async def test_the_end_waits_for_an_act_that_has_begun(client, second_client, conn, app, holder, act, how):
    """The act has seen the mandate in force and waits for a place; an end acknowledged meanwhile would be untrue."""
    world = await build(client, conn, app, team=False)
    manager = await make.staff(conn, app, Role.MANAGER)
    ends = {
        "revoked": (f"/v1/mandates/{world.mandate_id}/revoke", world.family),
        "all revoked": (f"/v1/people/{world.person_id}/mandates/revoke", world.family),
        "suspended": (f"/v1/staff/volunteers/{world.helper.volunteer_id}/suspend", manager),
    }
    path, who = ends[how]
    body = {"reason": "不用了"}
    async with holder.transaction():
        await holder.execute("select from slot_pool for update")
        acting = asyncio.create_task(world.act(act))
        assert await until_waiting(conn, unless=acting)
        ending = asyncio.create_task(post(second_client, path, who, body))
        assert await until_waiting(conn, 2, unless=ending), "it was ended under an act that is being done"
    done = await acting
    assert done.status in (200, 201), done.body
    assert (await ending).status == 200


@pytest.mark.parametrize("act", ["leave", "decline", "answer"])
@pytest.mark.parametrize(("team", "how"), CASES)
async def test_answering_waits_for_what_is_just_being_ended(client, conn, app, holder, act, team, how):
    """Leaving a queue, declining a place in it, giving up a booking whose slot was closed."""
    world = await build(client, conn, app, team=team)
    who = world.helper.resident
    if act == "answer":
        await make.rebooking_offer(conn, UUID(world.booking_id), world.slots[2])
        method, path = "POST", f"/v1/bookings/{world.booking_id}/offer/decline"
    else:
        service_id = await conn.fetchval("select service_id from slot where id = $1", world.slots[0])
        entry_id = await make.waiting(conn, service_id, who, people=[world.person_id], mandate_id=world.mandate_id)
        method, path = "DELETE", f"/v1/waitlist/{entry_id}"
        if act == "decline":
            await make.offer(conn, world.slots[1], entry_id, KNOWN[0])
            method, path = "POST", f"{path}/decline"

    async def do() -> int:
        async with client.request(method, path, headers=who.headers) as response:
            return int(response.status)

    async with holder.transaction():
        await world.end(holder, how)
        acting = asyncio.create_task(do())
        assert await until_waiting(conn, unless=acting), "it was done before the end was known"
    assert await acting == 404
    assert await conn.fetchval("select count(*) from booking where status = 'booked'") == 1
    assert await conn.fetchval("select count(*) from waitlist_entry where status = 'ended'") == 0


async def asked(world: World, app: web.Application) -> UUID:
    """Let the volunteer take a request of the person that needs a booking and company."""
    request_id = await help_world.help_request(world.conn, app[VAULT], world.person_id, needs=("book", "accompany"))
    await help_world.taken(world.conn, request_id, world.helper.volunteer_id)
    return request_id


async def book_for(world: World, request_id: UUID) -> Answer:
    body = {"slot_id": str(world.slots[2])}
    return await post(world.client, f"/v1/help-requests/{request_id}/book", world.helper.resident, body, make.key())


@pytest.mark.parametrize(("team", "how"), CASES)
async def test_booking_for_a_request_waits_for_what_is_just_being_ended(client, conn, app, holder, team, how):
    world = await build(client, conn, app, team=team)
    world.request_id = await asked(world, app)
    before = await world.stands()
    async with holder.transaction():
        await world.end(holder, how)
        acting = asyncio.create_task(book_for(world, world.request_id))
        assert await until_waiting(conn, unless=acting), "it was done before the end was known"
    assert (await acting).status >= 400
    assert await world.stands() == before


async def test_a_revocation_waits_for_a_booking_for_a_request_and_takes_the_request_then(
    client, second_client, conn, app, holder
):
    world = await build(client, conn, app, team=False)
    request_id = await asked(world, app)
    path = f"/v1/people/{world.person_id}/mandates/revoke"
    async with holder.transaction():
        await holder.execute("select from slot_pool for update")
        acting = asyncio.create_task(book_for(world, request_id))
        assert await until_waiting(conn, unless=acting)
        ending = asyncio.create_task(post(second_client, path, world.family, {"reason": "不用了"}))
        assert await until_waiting(conn, 2, unless=ending), "it was ended under an act that is being done"
    made, ended = await acting, await ending
    assert (made.status, ended.status) == (201, 200), (made.body, ended.body)
    request = await conn.fetchrow("select state, volunteer_id, booking_id from help_request where id = $1", request_id)
    assert (request["state"], request["volunteer_id"]) == ("open", None)
    assert request["booking_id"] is not None, "the elder keeps the number"
    assert await conn.fetchval("select because from help_event order by id desc limit 1") == "mandate_revoked"


async def test_handing_the_task_back_waits_for_an_act_by_the_teams_mandate(client, conn, app, holder):
    world = await build(client, conn, app, team=True)
    async with asyncio.timeout(20):
        async with holder.transaction():
            await holder.execute("select from slot_pool for update")
            acting = asyncio.create_task(world.act("book"))
            assert await until_waiting(conn, unless=acting)
            with pytest.raises(asyncpg.LockNotAvailableError):
                await conn.execute("select from help_request where id = $1 for no key update nowait", world.request_id)
        assert (await acting).status == 201


async def test_a_move_takes_the_mandate_before_the_queue(client, conn, app, holder):
    """Who ends a mandate goes on to help requests and queues: a move that came with the queue would wait crosswise."""
    world = await build(client, conn, app, team=False)
    async with holder.transaction():
        await world.end(holder, "revoked")
        acting = asyncio.create_task(world.act("move"))
        assert await until_waiting(conn, unless=acting)
        await conn.execute("select from booking where id = $1 for no key update nowait", UUID(world.booking_id))
    assert (await acting).code in OVER["revoked"]
