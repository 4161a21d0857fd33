"""A zone with two nurseries, their classes, and the staff of the zone and of the nurseries."""

from __future__ import annotations

import pytest

from domain.vocabulary import Role
from tests import make
from tests.mandates import call
from tests.nursery_world import Offered, application, enrolment_round, family, nursery, nursery_class


class Zone:
    """Of the zone `manager`, `second_manager`, `clerk`; of one nursery `head`, `carer`; of the other `other_head`."""

    def __init__(self, client, conn, app):
        self.client, self.conn, self.app = client, conn, app

    async def settle(self):
        conn, app = self.conn, self.app
        self.area_id = await make.area(conn, name="测试示范区")
        self.star = await nursery(conn, self.area_id, "星星托育园")
        self.moon = await nursery(conn, self.area_id, "月亮托育园")
        self.star_class = await nursery_class(conn, self.star)
        self.moon_class = await nursery_class(conn, self.moon)
        self.manager = await make.staff(conn, app, Role.MANAGER, area_id=self.area_id)
        self.second_manager = await make.staff(conn, app, Role.MANAGER, area_id=self.area_id)
        self.clerk = await make.staff(conn, app, Role.CLERK, area_id=self.area_id)
        self.head = await make.staff(conn, app, Role.MANAGER, provider_id=self.star)
        self.carer = await make.staff(conn, app, Role.CLERK, provider_id=self.star)
        self.other_head = await make.staff(conn, app, Role.MANAGER, provider_id=self.moon)
        return self

    async def round(self, stage="open", *, seats=2, reserves=None, falls_to=("",), **more):
        """Make a round that offers the class of each nursery; one seat of each is for resettled families."""
        kept = {"resettled": 1} if reserves is None else reserves
        offers = [Offered(each, seats, kept, falls_to) for each in (self.star_class, self.moon_class)]
        return await enrolment_round(self.conn, self.area_id, offers, stage=stage, **more)

    async def family(self, **more):
        return await family(self.conn, self.app, **more)

    async def application(self, within, who=None, *args, **more):
        """Let a family apply, a new one unless told; return the family and the application's id."""
        who = who or await self.family()
        return who, await application(self.conn, who, within, *args, **more)

    async def call(self, method, path, who=None, body=None, headers=None):
        return await call(self.client, method, path, who, body, headers)

    async def get(self, path, who=None):
        return await call(self.client, "GET", path, who)

    async def post(self, path, who=None, body=None):
        return await call(self.client, "POST", path, who, body)

    async def put(self, path, who=None, body=None):
        return await call(self.client, "PUT", path, who, body)


@pytest.fixture
async def zone(client, conn, app):
    return await Zone(client, conn, app).settle()
