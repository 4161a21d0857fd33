"""An elder, the family, a volunteer and a clerk, and what they do about mandates."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from domain.identifiers import new_id
from domain.vocabulary import Role
from handlers.request import VAULT
from tests import make

PHONE = "13900001111"
UNTIL = "2027-03-01T00:00:00+08:00"


async def call(client, method, path, who=None, body=None, headers=None):
    sent = {**(who.headers if who else {}), **(headers if headers is not None else make.key())}
    response = await client.request(method, path, json=body, headers=sent)
    return response.status, await response.json() if response.status != 204 else None


class World:
    """An elder with a phone, the family, an approved volunteer, a clerk and a team, and what they do."""

    def __init__(self, client, conn, app, outside):
        self.client, self.conn, self.app, self.outside = client, conn, app, outside

    async def people(self):
        conn, app = self.conn, self.app
        self.area_id = await make.area(conn)
        self.team_id = await make.team(conn, area_id=self.area_id)
        self.number = make.id_number()
        self.family = await make.resident(conn, app, name="女儿")
        self.helper = await make.resident(conn, app, name="苏和")
        self.person_id = await make.person(conn, app[VAULT], name="巴特尔", number=self.number, phone=PHONE)
        await make.care(conn, self.family.account_id, self.person_id)
        self.volunteer_id = await make.volunteer(conn, self.helper.account_id, team_id=self.team_id)
        self.clerk = await make.staff(conn, app, Role.CLERK, area_id=self.area_id)
        return self

    async def later(self, clock, **delta):
        """Move the clock and sign everybody in again: no token lives so long."""
        clock.move(**delta)
        for name, role in (("family", Role.RESIDENT), ("helper", Role.RESIDENT), ("clerk", Role.CLERK)):
            who = getattr(self, name)
            setattr(self, name, replace(who, token=await make.session(self.conn, self.app, who.account_id, [role])))

    def body(self, consent="family", **changes):
        given = {
            "person_id": str(self.person_id),
            "volunteer_id": str(self.volunteer_id),
            "matters": ["medical"],
            "expires_at": UNTIL,
            "consent": consent,
        }
        given |= changes
        return {name: value for name, value in given.items() if value is not None}

    def by_card(self, **changes):
        card = {"person_id": None, "id_number": self.number, "name": "巴特尔"}
        return self.body("sms", **{**card, **changes})

    async def create(self, who, body, headers=None):
        path = "/v1/staff/mandates" if isinstance(who, make.Staff) else "/v1/mandates"
        return await call(self.client, "POST", path, who, body, headers)

    async def given(self):
        status, made = await self.create(self.family, self.body())
        assert status == 201, made
        return made

    async def asked(self):
        status, made = await self.create(self.helper, self.by_card())
        assert status == 201, made
        return made

    async def code(self):
        """Read the newest code on the elder's phone."""
        return (await self.outside.messages(PHONE))[0]["data"]["code"]

    async def wrong_code(self):
        return f"{(int(await self.code()) + 1) % 1_000_000:06}"

    async def confirm(self, made, code, who=None):
        return await call(self.client, "POST", f"/v1/mandates/{made['id']}/confirm", who or self.helper, {"code": code})

    async def revoke(self, made, who, reason=""):
        return await call(self.client, "POST", f"/v1/mandates/{made['id']}/revoke", who, {"reason": reason})

    async def use(self, made, now, status="booked"):
        """Book under the mandate, as the rules of bookings would."""
        slot_id = await make.slot(self.conn, public=1)
        booking_id = new_id()
        await self.conn.execute(
            """insert into booking (id, slot_id, channel, number, code, person_id, booked_by, mandate_id, day, status,
                                    answers, idempotency_key, created_at, changed_at, changed_by)
               select $1, id, 'public', 1, '123456', $3, $4, $5, day, $6, '{}', $7, $8, $8, $4
               from slot where id = $2""",
            booking_id,
            slot_id,
            self.person_id,
            self.helper.account_id,
            UUID(made["id"]),
            status,
            str(booking_id),
            now,
        )
        return str(booking_id)

    async def row(self, made):
        return await self.conn.fetchrow("select * from mandate where id = $1", UUID(made["id"]))

    async def notices(self):
        rows = await self.conn.fetch("select kind from notice where person_id = $1 order by id", self.person_id)
        return [row["kind"] for row in rows]

    async def actions(self, made):
        rows = await self.conn.fetch("select action from audit where subject_id = $1 order by at", UUID(made["id"]))
        return [row["action"] for row in rows]


@pytest.fixture
async def world(client, conn, app, outside):
    return await World(client, conn, app, outside).people()
