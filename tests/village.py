"""A village where help is asked for: an elder with a family, a team, its leader, and what they do."""

from __future__ import annotations

import pytest

from handlers.request import VAULT
from tests import make
from tests.help_world import TOMORROW, help_request, helper, leads, local, offered
from tests.mandates import call

MORNING = local(TOMORROW, "08:00"), local(TOMORROW, "11:00")


class Village:
    """An elder with a family, a team of two and its leader."""

    def __init__(self, client, conn, app):
        self.client, self.conn, self.app = client, conn, app

    async def settle(self):
        conn, app = self.conn, self.app
        self.area_id = await make.area(conn, level="town", name="测试镇")
        self.team_id = await make.team(conn, area_id=self.area_id)
        self.family = await make.resident(conn, app, name="女儿")
        self.person_id = await make.person(conn, app[VAULT], name="巴特尔", phone="13900001111")
        await make.care(conn, self.family.account_id, self.person_id)
        self.she, self.he, self.leader = [await self.helper() for _ in range(3)]
        await leads(conn, self.leader.volunteer_id, self.team_id)
        return self

    async def helper(self, **more):
        return await helper(self.conn, self.app, team_id=self.team_id, areas=[self.area_id], **more)

    async def asked(self, *helpers, **more):
        given = {"team_id": self.team_id, "area_id": self.area_id} | more
        request_id = await help_request(self.conn, self.app[VAULT], self.person_id, **given)
        for each in helpers:
            await offered(self.conn, request_id, each.volunteer_id)
        return request_id

    async def act(self, who, request_id, act, body=None):
        return await call(self.client, "POST", f"/v1/help-requests/{request_id}/{act}", who, body)

    async def by_team(self, who, request_id, act, body):
        path = f"/v1/teams/{self.team_id}/help-requests/{request_id}/{act}"
        return await call(self.client, "POST", path, who, body)

    async def look(self, who, request_id):
        return await call(self.client, "GET", f"/v1/volunteers/me/help-requests/{request_id}", who)

    async def row(self, request_id):
        return await self.conn.fetchrow("select * from help_request where id = $1", request_id)

    async def events(self, request_id):
        rows = await self.conn.fetch(
            "select state, because, volunteer_id from help_event where request_id = $1 order by n", request_id
        )
        return [(row["state"], row["because"], row["volunteer_id"]) for row in rows]

    async def told(self, person_id):
        rows = await self.conn.fetch("select kind, facts from notice where person_id = $1 order by id", person_id)
        return [(row["kind"], row["facts"].get("way")) for row in rows]

    async def work(self, request_id):
        rows = await self.conn.fetch(
            "select volunteer_id, starts_at, ends_at from help_work where request_id = $1 and state = 'held'",
            request_id,
        )
        return [tuple(row) for row in rows]


@pytest.fixture
async def village(client, conn, app):
    return await Village(client, conn, app).settle()
