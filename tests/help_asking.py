"""A township where help is asked for, and what one asks there."""

from __future__ import annotations

from datetime import date

from handlers.request import VAULT
from tests import make
from tests.booking_world import post

DAY = "2026-11-26"


class World:
    """A zone with a township in it, a team of the zone, an elder and the daughter who asks."""

    def __init__(self, client, conn, app):
        self.client, self.conn, self.app = client, conn, app

    async def build(self):
        conn, app = self.conn, self.app
        self.zone_id = await make.area(conn)
        self.town_id = await make.area(conn, parent_id=self.zone_id, level="town", name="测试镇")
        self.team_id = await make.team(conn, area_id=self.zone_id)
        self.family = await make.resident(conn, app, name="女儿")
        self.number = make.id_number(date(1945, 5, 17))
        self.elder_id = await make.person(conn, app[VAULT], name="巴特尔", number=self.number, phone="13900001111")
        await make.care(conn, self.family.account_id, self.elder_id)
        return self

    def wish(self, **more):
        given = {
            "person_id": str(self.elder_id),
            "area_id": str(self.town_id),
            "matter": "medical",
            "needs_booking": True,
            "need": "腿疼，想看骨科",
            "wished_days": [DAY],
        }
        given |= more
        return {name: value for name, value in given.items() if value is not ...}

    async def ask(self, who=None, *, key=None, path="/v1/help-requests", **more):
        return await post(self.client, path, who or self.family, self.wish(**more), key or make.key())

    async def asked(self, **more):
        answer = await self.ask(**more)
        assert answer.status == 201, answer.body
        return answer.body

    async def row(self, made):
        return await self.conn.fetchrow("select * from help_request where id = $1::text::uuid", made["id"])

    async def booking(self, **slot):
        service_id = await make.service(self.conn)
        slot_id = await make.slot(self.conn, service_id, **slot)
        return await make.booking(self.conn, slot_id, self.family, person_id=self.elder_id), service_id
