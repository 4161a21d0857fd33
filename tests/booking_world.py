"""What tests of booking share: calls, volunteers with mandates, waiting for locks, and the books that must balance."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from domain import audit
from domain.booking_limits import LONGEST_WINDOW_DAYS
from handlers.request import VAULT
from tests import make
from tests.books import assert_balanced

if TYPE_CHECKING:
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Connection

GENEROUS: dict[str, Any] = {"limit_department_day": 99, "limit_day": 99, "limit_7_days": 99, "limit_90_days": 99}
LONG_ENOUGH = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]
    request_id: str
    retry_after: str | None

    @property
    def code(self) -> str | None:
        """Of a refusal; a booking's own code is in the body."""
        return self.body["code"] if self.status >= 400 else None


async def post(client, path, who, body=None, key=None) -> Answer:
    async with client.post(path, json=body or {}, headers=who.headers | (key or {})) as response:
        told = response.headers
        return Answer(response.status, await response.json(), told["X-Request-Id"], told.get("Retry-After"))


async def book(client, who, slot_id, person_id=None, *, key=None, mandate_id=None) -> Answer:
    path = "/v1/staff/bookings" if isinstance(who, make.Staff) else "/v1/bookings"
    body = {"slot_id": str(slot_id), "person_id": str(person_id or who.person_id)}
    if mandate_id is not None:
        body["mandate_id"] = str(mandate_id)
    return await post(client, path, who, body, key or make.key())


async def cancel(client, who, booking_id) -> Answer:
    return await post(client, f"{'/v1/staff' * isinstance(who, make.Staff) or '/v1'}/bookings/{booking_id}/cancel", who)


async def move(client, who, booking_id, slot_id, key=None, **more) -> Answer:
    path = f"{'/v1/staff' * isinstance(who, make.Staff) or '/v1'}/bookings/{booking_id}/move"
    return await post(client, path, who, {"slot_id": str(slot_id), **more}, key or make.key())


async def check_in(client, clerk, booking_id) -> Answer:
    return await post(client, f"/v1/staff/bookings/{booking_id}/check-in", clerk)


@dataclass(frozen=True, slots=True)
class Elder:
    """Somebody whom a volunteer may book for, and the family that can end that."""

    person_id: UUID
    mandate_id: UUID
    family: make.Resident


async def elder(conn: Connection, app: web.Application, volunteer_id: UUID, **of_mandate: Any) -> Elder:
    family = await make.resident(conn, app, name="女儿")
    person_id = await make.person(conn, app[VAULT], name="测试老人")
    await make.care(conn, family.account_id, person_id)
    mandate_id = await make.mandate(conn, person_id, volunteer_id, family.account_id, **of_mandate)
    return Elder(person_id, mandate_id, family)


async def loose_slot(conn: Connection, service_id: UUID | None = None, **of_slot: Any) -> UUID:
    """Make a slot whose policy limits nobody, but for `limits`, and let volunteers act as often as they will."""
    await act_freely(conn)
    service_id = service_id or await make.service(conn)
    limits = GENEROUS | of_slot.pop("limits", {})
    return await make.slot(
        conn, service_id, policy_id=await make.policy(conn, service_id=service_id, **limits), **of_slot
    )


async def act_freely(conn: Connection) -> None:
    """Take the limits of what a volunteer does on one day out of the way."""
    await conn.execute("update help_policy set limit_persons_day = 9999, limit_uses_day = 9999")


async def until_waiting(watch: Connection, waiting: int = 1, unless: asyncio.Task[Any] | None = None) -> bool:
    """Return True once so many sessions of this database wait for locks, False where `unless` has ended before."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(LONG_ENOUGH):
        while unless is None or not unless.done():
            await watch.execute("select pg_stat_clear_snapshot()")  # else a transaction sees what it saw at first
            if await watch.fetchval(query) >= waiting:
                return True
    return False


async def check_books(conn: Connection, app: web.Application) -> None:
    """Assert all that must hold of bookings whatever has happened; policies are those of the slots."""
    await assert_balanced(conn)
    assert await conn.fetch("select 1 from booking group by booked_by, idempotency_key having count(*) > 1") == []
    assert (
        await conn.fetch("select booking.id from booking join slot on slot.id = slot_id where booking.day <> slot.day")
        == []
    )
    await _check_limits(conn)
    await check_acts(conn)
    await _check_audit(conn, app)


async def _check_limits(conn: Connection) -> None:
    rows = await conn.fetch("""
        select policy.*, booking.person_id, booking.day, mandate.volunteer_id,
            array[service.provider_id::text, service.department] as place
        from booking
        join slot on slot.id = booking.slot_id
        join service on service.id = slot.service_id
        join policy on policy.id = slot.policy_id
        left join mandate on mandate.id = booking.mandate_id
        where booking.status not in ('cancelled', 'moved')
    """)
    for row in rows:
        day = row["day"]
        own = [other for other in rows if other["person_id"] == row["person_id"]]
        same_day = [other for other in own if other["day"] == day]
        assert len(same_day) <= row["limit_day"]
        there = [other for other in same_day if other["place"] == row["place"]]
        assert len(there) <= row["limit_department_day"]
        for length, limit in ((7, "limit_7_days"), (LONGEST_WINDOW_DAYS, "limit_90_days")):
            from_here = [other for other in own if day <= other["day"] < day + timedelta(days=length)]
            assert len(from_here) <= row[limit]
        by_volunteer = [
            other
            for other in rows
            if row["volunteer_id"] and (other["volunteer_id"], other["day"]) == (row["volunteer_id"], day)
        ]
        assert len(by_volunteer) <= row["limit_volunteer_day"]


async def check_acts(conn: Connection) -> None:
    """Assert that no volunteer has acted on any day more often, or for more persons, than the rules of help let one."""
    assert (
        await conn.fetch("""
        select volunteer.id, act.day, count(*), count(distinct act.person_id)
        from volunteer
        join team on team.id = volunteer.team_id
        join help_policy as rules on rules.id = ruling_help_policy(team.area_id)
        join (
            select booked_by, person_id, (created_at at time zone 'Asia/Shanghai')::date as day
            from booking where mandate_id is not null
            union all
            select booked_by, person_id, (created_at at time zone 'Asia/Shanghai')::date
            from waitlist_entry join waitlist_member on entry_id = waitlist_entry.id where mandate_id is not null
        ) as act on act.booked_by = volunteer.account_id
        group by volunteer.id, act.day, rules.id
        having count(*) > rules.limit_uses_day or count(distinct act.person_id) > rules.limit_persons_day
    """)
        == []
    )


async def _check_audit(conn: Connection, app: web.Application) -> None:
    """Assert that each booking has one row of its making and one of each change, and that the chains fit."""
    assert (
        await conn.fetch("""
        select booking.id from booking
        left join audit on audit.subject_id = booking.id and audit.action = 'bookings.booked'
            and audit.actor_id = booking.booked_by and audit.request_id is not null
            and audit.facts ->> 'slot_id' = booking.slot_id::text and (audit.facts -> 'number')::int = booking.number
        group by booking.id having count(audit.seq) <> 1
    """)
        == []
    )
    assert (
        await conn.fetch("""
        select booking.id, status, changed.made from booking
        cross join lateral (
            select array_agg(action order by at) as made from audit
            where subject_id = booking.id and action <> 'bookings.booked') as changed
        where made is distinct from case status
            when 'cancelled' then array['bookings.cancelled']
            when 'checked_in' then array['bookings.checked_in']
            when 'completed' then array['bookings.checked_in', 'bookings.completed']
            when 'moved' then array['bookings.moved'] end
    """)
        == []
    )
    assert (
        await conn.fetch("""
        select 1 from audit
        where action = 'bookings.booked' and not exists (select from booking where booking.id = subject_id)
    """)
        == []
    )
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        walked = [found async for found in audit.verify(conn, app[VAULT], {})]
    assert [found for found in walked if isinstance(found, audit.Broken)] == []
    assert len(walked) == audit.CHAINS


async def check_answers(conn: Connection, answers: list[Answer]) -> None:
    """Assert that every booking that was acknowledged is stored as it was told."""
    rows = {str(row["id"]): row for row in await conn.fetch("select * from booking")}
    for answer in answers:
        if answer.status not in (200, 201):
            continue
        row = rows[answer.body["id"]]
        for name in ("slot_id", "person_id", "booked_by", "channel", "number", "code"):
            assert str(row[name]) == str(answer.body[name]), name
        assert str(row["mandate_id"]) == str(answer.body["mandate_id"])
