"""A storm: 32 clients do everything at once through two processes on one database; then the books are checked in SQL.

`STORM_SECONDS` says for how long.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from domain import schedule_generation
from domain.vocabulary import LOCAL_ZONE, Role
from tests import make, model_world
from tests.books import assert_balanced, assert_nobody_was_passed_over

SECONDS = float(os.environ.get("STORM_SECONDS", "10"))
CLIENTS = 32
ID = re.compile("[0-9a-f]{8}-[0-9a-f-]{27}")
RELEASED_AFTER = 3.0

RULES: dict[str, Any] = model_world.POLICY | {
    "limit_department_day": 1,
    "limit_volunteer_day": 6,
    "limit_day": 9,
    "limit_7_days": 20,
    "limit_90_days": 30,
    "limit_account_day": 50,
    "return_minutes_min": 0,
    "return_minutes_max": 0,
    "offer_minutes": 1,
}


MUST_HAPPEN = (
    "POST /v1/bookings 201 ",
    "POST /v1/bookings 409 slot_full",
    "POST /v1/bookings/{id}/cancel 200 ",
    "POST /v1/waitlist 201 ",
    "POST /v1/waitlist/{id}/accept 201 ",
    "POST /v1/staff/closures 201 ",
    "POST /v1/staff/schedules/{id}/apply 201 ",
)
"""Else the storm has missed what it is for."""


@dataclass(slots=True)
class Town:
    provider_id: UUID
    days: dict[str, str]
    services: list[UUID]
    slots: dict[UUID, UUID]
    residents: list[make.Resident]
    second_carers: list[make.Resident]
    volunteers: list[tuple[make.Resident, dict[UUID, UUID]]]
    clerk: make.Staff
    manager: make.Staff
    schedule_id: UUID


async def build(conn: Any, app: Any) -> Town:
    """Make few places for many people, each of whom two accounts and some of whom two volunteers may book for."""
    provider_id = await make.provider(conn)
    services = [await make.service(conn, provider_id=provider_id, department=name) for name in ("内科", "内科", "外科")]
    policies = [
        await make.policy(conn, provider_id=provider_id, **RULES),
        await make.policy(conn, service_id=services[2], **(RULES | {"return_minutes_min": 1, "return_minutes_max": 1})),
    ]
    now = await conn.fetchval("select clock_timestamp()")
    soon = now + timedelta(seconds=RELEASED_AFTER)
    first = now.astimezone(LOCAL_ZONE).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=2)
    slots = {}
    for n, service_id in enumerate(services * 4):
        slot_id = await make.slot(
            conn,
            service_id,
            policy_id=policies[service_id == services[2]],
            starts_at=first + timedelta(days=n // 6, minutes=30 * n),
            release_at=soon if n % 4 == 0 else None,
            fall_back_at=soon if n % 3 == 0 else None,
            public=1 + n % 3,
            assisted=n % 2,
            counter=1,
        )
        slots[slot_id] = service_id
    sessions = {weekday: [("08:00", "10:00", 30, 3)] for weekday in range(1, 8)}
    services.append(await make.service(conn, provider_id=provider_id, department="中医"))
    schedule_id = await make.schedule(
        conn, services[3], sessions, valid_from=first.date(), valid_to=first.date() + timedelta(days=1),
        on_holidays="open", kept=(1, 0),
    )  # fmt: skip
    await schedule_generation.generate(conn, now)
    made = await conn.fetch("select id from slot where service_id = $1", services[3])
    slots |= {row["id"]: services[3] for row in made}
    residents = [await make.resident(conn, app) for _ in range(40)]
    second_carers = []
    for resident in residents:
        other = await make.resident(conn, app)
        await make.care(conn, other.account_id, resident.person_id)
        second_carers.append(make.Resident(other.account_id, resident.person_id, other.token))
    volunteers = []
    for _ in range(2):
        helper = await make.resident(conn, app)
        volunteer_id = await make.volunteer(conn, helper.account_id)
        mandates = {
            old.person_id: await make.mandate(
                conn, old.person_id, volunteer_id, old.account_id, expires_at=now + timedelta(days=30)
            )
            for old in residents[:10]
        }
        volunteers.append((helper, mandates))
    clerk, manager = await make.staff(conn, app), await make.staff(conn, app, Role.MANAGER)
    days = {"from": str(first.date()), "to": str(first.date() + timedelta(days=1))}
    return Town(provider_id, days, services, slots, residents, second_carers, volunteers, clerk, manager, schedule_id)


@dataclass(slots=True)
class Storm:
    """What the clients share, and what they have been told."""

    town: Town
    urls: list[str]
    web: aiohttp.ClientSession
    ends: float
    answers: Counter[str] = field(default_factory=Counter)
    booked: dict[str, dict[str, Any]] = field(default_factory=dict)
    owners: dict[str, Any] = field(default_factory=dict)
    waiting: dict[str, Any] = field(default_factory=dict)
    shut: dict[UUID, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    changing: dict[UUID, asyncio.Lock] = field(default_factory=dict)

    async def ask(self, client: int, method: str, path: str, who: Any, body: Any = None, key: Any = None) -> Any:
        headers = {**who.headers, "X-Forwarded-For": f"10.0.{client}.{random.randrange(250)}", **(key or {})}
        url = random.choice(self.urls) + path
        async with self.web.request(method, url, json=body, headers=headers) as response:
            answer = await response.json() if response.status != 204 else {}
        name = ID.sub("{id}", f"{method} {path} {response.status}")
        self.answers[f"{name} {answer['code'] if response.status >= 400 else ''}"] += 1
        if response.status >= 500:
            self.wrong.append(f"{method} {path}: {response.status} {answer}")
        return response.status, answer

    def remember(self, status: int, answer: Any, who: Any, path: str) -> None:
        if status in (200, 201):
            self.booked[answer["id"]] = answer
            self.owners.setdefault(answer["id"], (who, path))

    async def client(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        acts = [
            (self.book, 12),
            (self.book_twice_with_one_key, 2),
            (self.book_at_the_desk, 2),
            (self.book_as_a_volunteer, 3),
            (self.cancel, 4),
            (self.move, 6),
            (self.join, 6),
            (self.answer_an_offer, 12),
            (self.leave, 1),
            (self.answer_the_offer_of_another_place, 2),
            (self.close_and_reopen, 0.5),
            (self.close_days, 0.2),
            (self.change_schedule, 0.4),
            (self.change_places, 1),
        ]
        while loop.time() < self.ends:
            [act] = random.choices([act for act, _ in acts], [weight for _, weight in acts])
            await act(number)

    def anybody(self) -> Any:
        return random.choice(random.choice([self.town.residents, self.town.second_carers]))

    def some_slot(self) -> UUID:
        return random.choice(list(self.town.slots))

    async def try_to_book(self, client: int, who: Any, path: str, slot_id: UUID, person_id: UUID, **more: Any) -> Any:
        """Book; what was asked for while a slot was known to be closed, and still is, must not be booked."""
        shut = self.shut.get(slot_id)
        body = {"slot_id": str(slot_id), "person_id": str(person_id), **more}
        status, answer = await self.ask(client, "POST", path, who, body, make.key())
        if status == 201 and shut is not None and self.shut.get(slot_id) == shut:
            self.wrong.append(f"booked on the closed slot {slot_id}")
        self.remember(status, answer, who, path)

    async def book(self, client: int) -> None:
        who = self.anybody()
        await self.try_to_book(client, who, "/v1/bookings", self.some_slot(), who.person_id)

    async def book_at_the_desk(self, client: int) -> None:
        person_id = self.anybody().person_id
        await self.try_to_book(client, self.town.clerk, "/v1/staff/bookings", self.some_slot(), person_id)

    async def book_as_a_volunteer(self, client: int) -> None:
        helper, mandates = random.choice(self.town.volunteers)
        person_id, mandate_id = random.choice(list(mandates.items()))
        await self.try_to_book(client, helper, "/v1/bookings", self.some_slot(), person_id, mandate_id=str(mandate_id))

    async def book_twice_with_one_key(self, client: int) -> None:
        who, key = self.anybody(), make.key()
        body = {"slot_id": str(self.some_slot()), "person_id": str(who.person_id)}
        both = [self.ask(client, "POST", "/v1/bookings", who, body, key) for _ in range(2)]
        told = await asyncio.gather(*both)
        made = {answer["id"] for status, answer in told if status == 201}
        if len(made) > 1:
            self.wrong.append(f"one key made {made}")
        for status, answer in told:
            self.remember(status, answer, who, "/v1/bookings")

    async def cancel(self, client: int) -> None:
        if self.owners:
            booking_id, (who, path) = random.choice(list(self.owners.items()))
            await self.ask(client, "POST", f"{path}/{booking_id}/cancel", who, {})

    async def move(self, client: int) -> None:
        if self.owners:
            booking_id, (who, path) = random.choice(list(self.owners.items()))
            service_id = self.town.slots[UUID(self.booked[booking_id]["slot_id"])]
            slot_id = random.choice([id for id, of in self.town.slots.items() if of == service_id])
            body = {"slot_id": str(slot_id)}
            status, answer = await self.ask(client, "POST", f"{path}/{booking_id}/move", who, body, make.key())
            self.remember(status, answer, who, path)

    async def join(self, client: int) -> None:
        who, service_id = self.anybody(), random.choice(self.town.services)
        body = {"service_id": str(service_id), "person_id": str(who.person_id), **self.town.days}
        status, answer = await self.ask(client, "POST", "/v1/waitlist", who, body, make.key())
        if status == 201:
            self.waiting[answer["id"]] = who

    async def answer_an_offer(self, client: int) -> None:
        """Whoever waits asks whether there is a place by now; one in four does not want it any more."""
        if not self.waiting:
            return
        entry_id, who = random.choice(list(self.waiting.items()))
        _, entry = await self.ask(client, "GET", f"/v1/waitlist/{entry_id}", who)
        if entry["status"] in ("accepted", "ended"):
            self.waiting.pop(entry_id, None)
        elif entry["status"] == "offered":
            answer = random.choice(["accept", "accept", "accept", "decline"])
            path = f"/v1/waitlist/{entry_id}/{answer}"
            status, done = await self.ask(client, "POST", path, who, {}, make.key())
            for booking in done["bookings"] if answer == "accept" and status < 300 else ():
                self.remember(200, booking, who, "/v1/bookings")

    async def leave(self, client: int) -> None:
        if self.waiting:
            entry_id, who = random.choice(list(self.waiting.items()))
            await self.ask(client, "DELETE", f"/v1/waitlist/{entry_id}", who)

    async def close_days(self, client: int) -> None:
        """Shut one clinic with whatever is decided about its bookings, and open it again."""
        manager, day = self.town.manager, self.town.days["from"]
        scope = {
            "provider_id": str(self.town.provider_id),
            "service_id": str(random.choice(self.town.services)),
            "from": day,
            "to": day,
        }
        _, shown = await self.ask(client, "POST", "/v1/staff/closures/preview", manager, scope)
        status, closure = await self.apply(client, "/v1/staff/closures", scope, shown)
        if status == 201:
            await asyncio.sleep(0.3)
            await self.ask(client, "POST", f"/v1/staff/closures/{closure['id']}/lift", manager, {})

    async def apply(self, client: int, path: str, change: Any, shown: Any) -> Any:
        """Do what was previewed; where the world has changed since, look at it anew a few times."""
        for _ in range(5):
            decision = {
                "digest": shown["digest"],
                "treatment": random.choice(["offer", "move", "cancel"]),
                "otherwise": random.choice(["phone", "cancel"]),
                "reason": "停诊",
            }
            status, answer = await self.ask(client, "POST", path, self.town.manager, change | decision, make.key())
            if status != 409 or answer["code"] != "world_changed":
                break
            shown = answer
        return status, answer

    async def change_schedule(self, client: int) -> None:
        """Take a day out of a schedule with whatever is decided about its bookings, and put it in again."""
        manager, day = self.town.manager, self.town.days["from"]
        path = f"/v1/staff/schedules/{self.town.schedule_id}"
        change = {"exception": {"kind": "closed", "from": day, "to": day, "reason": "学习"}}
        status, shown = await self.ask(client, "POST", f"{path}/preview", manager, change)
        if status == 200:
            await self.apply(client, f"{path}/apply", change, shown)
            await asyncio.sleep(0.3)
        _, schedule = await self.ask(client, "GET", path, manager)
        for exception in schedule["exceptions"]:
            await self.ask(client, "DELETE", f"{path}/exceptions/{exception['id']}", manager)

    async def answer_the_offer_of_another_place(self, client: int) -> None:
        if self.owners:
            booking_id, (who, path) = random.choice(list(self.owners.items()))
            if path == "/v1/bookings":
                answer = random.choice(["accept", "decline"])
                await self.ask(client, "POST", f"{path}/{booking_id}/offer/{answer}", who, {}, make.key())

    async def close_and_reopen(self, client: int) -> None:
        slot_id, manager = self.some_slot(), self.town.manager
        async with self.changing.setdefault(slot_id, asyncio.Lock()):
            status, _ = await self.ask(client, "POST", f"/v1/staff/slots/{slot_id}/close", manager, {"reason": "停诊"})
            if status == 200:
                self.shut[slot_id] = random.randrange(1 << 60)
                await asyncio.sleep(0.3)
                del self.shut[slot_id]
            await self.ask(client, "POST", f"/v1/staff/slots/{slot_id}/reopen", manager, {})

    async def change_places(self, client: int) -> None:
        slot_id, manager = self.some_slot(), self.town.manager
        _, slot = await self.ask(client, "GET", f"/v1/staff/slots/{slot_id}", manager)
        capacity = {random.choice(["public", "assisted", "counter"]): random.randrange(4)}
        body = {"version": slot["version"], "capacity": capacity}
        await self.ask(client, "PUT", f"/v1/staff/slots/{slot_id}", manager, body)


@pytest.mark.timeout(300)
async def test_after_a_storm_through_two_processes_the_books_hold(start, conn, parts):
    processes = [await start(TRUSTED_PROXIES="1", LOG_LEVEL="warning") for _ in range(2)]
    for process in processes:
        await process.says("Serving")
    town = await build(conn, parts)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as web:
        ends = asyncio.get_running_loop().time() + SECONDS
        storm = Storm(town, [process.url for process in processes], web, ends)
        await asyncio.gather(*(storm.client(number) for number in range(CLIENTS)))
    for process in processes:
        process.process.terminate()
        assert await process.ended() == 0
    told = "\n".join(f"{count:6} {name}" for name, count in sorted(storm.answers.items()))
    assert storm.wrong == [], told
    for process in processes:
        complaints = [line for line in process.lines if "Error" in line or "failed" in line]
        assert complaints == [], told

    await assert_balanced(conn)
    books = await model_world.read(conn)
    model_world.check_limits(books)
    await assert_nobody_was_passed_over(conn)
    for id, answer in storm.booked.items():
        row = books.bookings[UUID(id)]
        for name in ("slot_id", "person_id", "channel", "number", "code"):
            assert str(row[name]) == str(answer[name]), name
    for name in MUST_HAPPEN:
        assert storm.answers[name] > 0, told
