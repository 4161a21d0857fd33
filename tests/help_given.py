"""An elder's help of tomorrow at ten, whose volunteer, family, leader and clerk confirm, rate and correct it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from domain.vocabulary import Role
from handlers.request import VAULT
from server.database import prepare_connection
from tests import make
from tests.help_world import END_CODE, START_CODE, TOMORROW, help_request, helper, leads, local, taken

HOSPITAL = {"latitude": 38.8333, "longitude": 105.6667}
NEAR = {"latitude": 38.8345, "longitude": 105.6667}
FAR = {"latitude": 38.8433, "longitude": 105.6667}
NINE, HALF_PAST_ELEVEN = local(TOMORROW, "09:00"), local(TOMORROW, "11:30")


class HelpGiven:
    def __init__(self, client, conn, app, clock):
        self.client, self.conn, self.app, self.clock = client, conn, app, clock
        self._one = asyncio.Lock()  # for what uses the test's own connection

    async def build(self):
        conn, app = self.conn, self.app
        self.area_id = await make.area(conn, level="town", name="测试镇")
        self.team_id = await make.team(conn, area_id=self.area_id)
        self.provider_id = await make.provider(conn, area_id=self.area_id)
        await conn.execute("update provider set latitude = $1, longitude = $2", *HOSPITAL.values())
        self.service_id = await make.service(conn, provider_id=self.provider_id)
        self.family = await make.resident(conn, app, name="女儿")
        self.person_id = await make.person(conn, app[VAULT], name="巴特尔")
        await make.care(conn, self.family.account_id, self.person_id)
        self.helper = await helper(conn, app, team_id=self.team_id, areas=[self.area_id], name="苏和")
        self.leader = await helper(conn, app, team_id=self.team_id, areas=[self.area_id], name="队长")
        await leads(conn, self.leader.volunteer_id, self.team_id)
        self.manager = await make.staff(conn, app, Role.MANAGER, area_id=self.area_id)
        self.clerk = await make.staff(conn, app, Role.CLERK, area_id=self.area_id)
        self.request_id = await self.task()
        return self

    async def task(self, who=None, *, span=(NINE, HALF_PAST_ELEVEN), state="booked", **more):
        """Let a volunteer have a request of the elder at the hospital."""
        request_id = await help_request(
            self.conn,
            self.app[VAULT],
            self.person_id,
            team_id=self.team_id,
            area_id=self.area_id,
            service_id=self.service_id,
            needs=("book", "accompany", "drive"),
            **more,
        )
        return await taken(self.conn, request_id, (who or self.helper).volunteer_id, state=state, span=span)

    def now(self, clock_time, days=0):
        self.clock.now = local(TOMORROW + timedelta(days=days), clock_time)

    async def send(self, method, path, who, body=None, **more):
        """Send as somebody who has just signed in."""
        who = getattr(who, "resident", who)
        async with self._one:
            roles = await self.conn.fetch("select role from staff_grant where account_id = $1", who.account_id)
            named = [row["role"] for row in roles] or [Role.RESIDENT]
            token = await make.session(self.conn, self.app, who.account_id, named)
        headers = {"Authorization": f"Bearer {token}", **make.key(), **more.pop("headers", {})}
        async with self.client.request(method, path, json=body, headers=headers, **more) as response:
            return response.status, await response.json()

    async def start(self, who=None, request_id=None, **proof):
        path = f"/v1/help-requests/{request_id or self.request_id}/start"
        return await self.send("POST", path, who or self.helper, proof or {"code": START_CODE})

    async def complete(self, who=None, request_id=None, **proof):
        path = f"/v1/help-requests/{request_id or self.request_id}/complete"
        if not proof.keys() & {"code", "position"}:
            proof["code"] = END_CODE
        return await self.send("POST", path, who or self.helper, proof)

    async def give(self, begins="09:10", ends="11:20", *, days=0, request_id=None, who=None, **proof):
        """Start and complete a help."""
        self.now(begins, days)
        status, answer = await self.start(who, request_id)
        assert status == 200, answer
        self.now(ends, days)
        status, answer = await self.complete(who, request_id, **proof)
        assert status == 200, answer
        return answer

    async def by_leader(self, who=None, request_id=None, **told):
        path = f"/v1/teams/{self.team_id}/help-requests/{request_id or self.request_id}/complete"
        body = {"ended_at": HALF_PAST_ELEVEN.isoformat(), "reason": "手机没电，家人证实", **told}
        return await self.send("POST", path, who or self.leader, body)

    async def row(self, request_id=None):
        return await self.conn.fetchrow("select * from help_request where id = $1", request_id or self.request_id)

    async def hours(self, request_id=None):
        return await self.conn.fetchrow("select * from help_hours where request_id = $1", request_id or self.request_id)

    async def events(self, request_id=None):
        rows = await self.conn.fetch(
            "select state, because, facts from help_event where request_id = $1 order by id",
            request_id or self.request_id,
        )
        return [tuple(row) for row in rows]

    async def told(self, person_id=None):
        rows = await self.conn.fetch(
            "select kind from notice where person_id = $1 order by id", person_id or self.person_id
        )
        return [row["kind"] for row in rows]


@pytest.fixture
async def given(client, conn, app, clock):
    return await HelpGiven(client, conn, app, clock).build()


@pytest.fixture
async def second_connection(database):
    """A connection beside the test's own, whose transaction others can be made to wait for."""
    connection = await asyncpg.connect(database)
    await prepare_connection(connection)
    try:
        yield connection
    finally:
        await connection.close()
