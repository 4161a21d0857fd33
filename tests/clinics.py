"""One doctor's queue of today, with people who come and a clerk who calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.vocabulary import Role
from handlers.request import CLOCK
from tests import make
from tests.booking_world import GENEROUS, post

if TYPE_CHECKING:
    from uuid import UUID

LATE = 15


@dataclass
class Clinic:
    """One doctor's queue of today, at whose desk a clerk sits."""

    client: Any
    conn: Any
    app: Any
    clerk: make.Staff
    provider_id: UUID
    service_id: UUID
    policy_id: UUID
    resource: str = "王医生"
    people: int = 0
    residents: dict[UUID, make.Resident] = field(default_factory=dict)

    async def booking(self, minutes: int = 120, *, status: str = "booked") -> UUID:
        """Book somebody new in a slot that starts so many minutes from now."""
        self.people += 1
        resident = await make.resident(self.conn, self.app, name="测试" + "甲乙丙丁戊己庚辛壬癸"[self.people % 10])
        starts_at = self.app[CLOCK]() + timedelta(minutes=minutes)
        slot_id = await self.conn.fetchval(
            "select id from slot where service_id = $1 and starts_at = $2 and resource = $3",
            self.service_id,
            starts_at,
            self.resource,
        )
        slot_id = slot_id or await make.slot(
            self.conn,
            self.service_id,
            policy_id=self.policy_id,
            starts_at=starts_at,
            resource=self.resource,
            public=50,
            release_at=starts_at - timedelta(days=1),
        )
        booking_id = await make.booking(self.conn, slot_id, resident, status=status)
        self.residents[booking_id] = resident
        return booking_id

    async def later(self, **delta: float) -> None:
        """Let time pass; who sits at the desk stays signed in."""
        self.app[CLOCK].move(**delta)
        token = await make.session(self.conn, self.app, self.clerk.account_id, [Role.CLERK])
        self.clerk = make.Staff(self.clerk.account_id, token)

    async def come(self, booking_id, client=None):
        return await post(client or self.client, f"/v1/staff/bookings/{booking_id}/check-in", self.clerk)

    async def arrived(self, minutes: int = 120) -> UUID:
        booking_id = await self.booking(minutes)
        assert (await self.come(booking_id)).status == 200
        return booking_id

    async def call(self, client=None, key=None, **body):
        body = {"resource": self.resource, **body}
        path = f"/v1/staff/queues/{self.service_id}/call"
        return await post(client or self.client, path, self.clerk, body, key or make.key())

    async def called(self) -> list[str]:
        """Call until nobody waits; return whom, in order."""
        found = []
        while (answer := await self.call()).status == 201:
            found.append(answer.body["booking_id"])
        assert answer.code == "queue_empty"
        return found

    async def act(self, what, booking_id, body=None):
        return await post(self.client, f"/v1/staff/tickets/{booking_id}/{what}", self.clerk, body)

    async def state(self):
        path = f"/v1/staff/queues/{self.service_id}"
        async with self.client.get(path, params={"resource": self.resource}, headers=self.clerk.headers) as response:
            assert response.status == 200
            return await response.json()


@pytest.fixture
async def clinic(client, conn, app):
    provider_id = await make.provider(conn)
    service_id = await make.service(conn, provider_id=provider_id)
    policy_id = await make.policy(conn, service_id=service_id, late_minutes=LATE, **GENEROUS)
    clerk = await make.staff(conn, app, Role.CLERK, provider_id=provider_id)
    return Clinic(client, conn, app, clerk, provider_id, service_id, policy_id)
