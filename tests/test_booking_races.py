"""Storms through two instances of the service on one database: whatever the order was, the books balance."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta
from itertools import cycle
from uuid import UUID

import pytest
import structlog

from domain.vocabulary import LOCAL_ZONE, Role
from handlers.request import VAULT
from tests import make
from tests.booking_world import Answer, book, cancel, check_answers, check_books, check_in, elder, loose_slot, post


@pytest.fixture
def both(client, second_client):
    return [client, second_client]


@pytest.fixture(autouse=True)
def no_complaints():
    """A deadlock, a lost batch or an unexpected error is logged, and none of these is part of any race here."""
    with structlog.testing.capture_logs() as logs:
        yield
    assert [entry for entry in logs if entry["log_level"] in ("warning", "error")] == []


async def bookings_stored(conn):
    return await conn.fetchval("select count(*) from booking")


async def storm_until(end, wishes, at):
    """Let all wishes run; after `at` of them have been answered run `end`.

    Returns the answers of those sent before the end was acknowledged, of those sent after it, and the end's.
    """
    wishes = iter(wishes)
    before: list[Answer] = []
    after: list[Answer] = []
    enough, ended = asyncio.Event(), asyncio.Event()

    async def worker():
        for wish in wishes:
            if len(before) >= at:
                enough.set()
            answers = after if ended.is_set() else before
            answers.append(await wish())

    async def ender():
        await enough.wait()
        answer = await end()
        ended.set()
        return answer

    ending = asyncio.create_task(ender())
    await asyncio.gather(*(worker() for _ in range(8)))
    return before, after, await ending


@pytest.mark.parametrize("how", ["revoked", "suspended", "expired"])
async def test_nothing_is_booked_once_the_end_of_a_mandate_is_acknowledged(both, conn, app, clock, how):
    codes = {"revoked": "mandate_revoked", "suspended": "token_outdated", "expired": "mandate_expired"}
    manager = await make.staff(conn, app, Role.MANAGER)
    for turn in range(6):
        helper = await make.resident(conn, app)
        volunteer_id = await make.volunteer(conn, helper.account_id)
        expires_at = clock.now + timedelta(seconds=1)
        old = await elder(conn, app, volunteer_id, **({"expires_at": expires_at} if how == "expired" else {}))
        slot_id = await loose_slot(conn, assisted=20, public=20, limits={"limit_volunteer_day": 99})
        before_storm = await bookings_stored(conn)
        stored_at_the_end = None

        async def end(old=old, volunteer_id=volunteer_id, turn=turn):
            nonlocal stored_at_the_end
            if how == "expired":
                clock.move(seconds=1)
                return None
            if how == "revoked":
                ending = post(both[turn % 2], f"/v1/mandates/{old.mandate_id}/revoke", old.family, {"reason": ""})
            else:
                ending = post(both[turn % 2], f"/v1/staff/volunteers/{volunteer_id}/suspend", manager)
            answer = await ending
            stored_at_the_end = await bookings_stored(conn)
            return answer

        def wish(n, helper=helper, old=old, slot_id=slot_id):
            return lambda: book(both[n % 2], helper, slot_id, old.person_id, mandate_id=old.mandate_id)

        before, after, ended = await storm_until(end, (wish(n) for n in range(40)), at=4 * turn)
        made = sum(answer.status == 201 for answer in before)
        assert {answer.code for answer in before} <= {None, codes[how], "mandate_revoked", "volunteer_not_approved"}
        assert {answer.code for answer in after} <= {codes[how], "volunteer_not_approved"}
        assert before_storm + made == await bookings_stored(conn)
        if how == "expired":
            assert await conn.fetchval("select count(*) from booking where created_at >= $1", expires_at) == 0
        else:
            assert ended.status == 200
            assert stored_at_the_end == await bookings_stored(conn), "something was booked after the end"
    assert await bookings_stored(conn) > 0
    await check_books(conn, app)


async def test_nothing_is_booked_once_the_closing_of_a_slot_is_acknowledged(both, conn, app):
    manager = await make.staff(conn, app, Role.MANAGER)
    residents = [await make.resident(conn, app) for _ in range(20)]
    for turn in range(6):
        slot_id = await loose_slot(conn, public=99)

        def end(slot_id=slot_id, turn=turn):
            return post(both[turn % 2], f"/v1/staff/slots/{slot_id}/close", manager, {"reason": "停诊"})

        def wish(n, slot_id=slot_id):
            return lambda: book(both[n % 2], residents[n % 20], slot_id)

        before, after, closed = await storm_until(end, (wish(n) for n in range(40)), at=4 * turn)
        made = {answer.body["id"] for answer in before if answer.status == 201}
        assert {answer.code for answer in before} <= {None, "slot_closed"}
        assert {answer.code for answer in after} <= {"slot_closed"}
        assert (closed.status, set(closed.body["booking_ids"])) == (200, made)
        stored = await conn.fetch("select id::text from booking where slot_id = $1", slot_id)
        assert {row["id"] for row in stored} == made
    assert await bookings_stored(conn) > 0
    await check_books(conn, app)


async def test_a_volunteers_day_limit_holds_in_a_race(both, conn, app):
    helper = await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, helper.account_id)
    elders = [await elder(conn, app, volunteer_id) for _ in range(24)]
    slot_ids = [await loose_slot(conn, assisted=2, public=2, limits={"limit_volunteer_day": 5}) for _ in range(12)]
    answers = await asyncio.gather(
        *(
            book(both[n % 2], helper, slot_ids[n // 2], old.person_id, mandate_id=old.mandate_id)
            for n, old in enumerate(elders)
        )
    )
    assert Counter(answer.code for answer in answers) == {None: 5, "limit_volunteer_day": 19}
    await check_answers(conn, answers)
    await check_books(conn, app)


async def test_neither_pool_is_oversold_when_volunteers_and_residents_race(both, conn, app):
    """Twelve volunteers' elders and twenty residents want seven assisted and nine public places."""
    helpers = [await make.resident(conn, app) for _ in range(4)]
    volunteers = [await make.volunteer(conn, helper.account_id) for helper in helpers]
    elders = [(helper, await elder(conn, app, volunteers[n])) for n, helper in enumerate(helpers * 3) for n in [n % 4]]
    residents = [await make.resident(conn, app) for _ in range(20)]
    for _ in range(3):
        slot_id = await loose_slot(conn, assisted=7, public=9)
        wishes = [(helper, {"person_id": old.person_id, "mandate_id": old.mandate_id}) for helper, old in elders] + [
            (resident, {}) for resident in residents
        ]
        random.shuffle(wishes)
        answers = await asyncio.gather(
            *(book(client, who, slot_id, **more) for (who, more), client in zip(wishes, cycle(both)))
        )
        assert Counter(answer.code for answer in answers) == {None: 16, "slot_full": 16}
        channels = Counter(answer.body["channel"] for answer in answers if answer.status == 201)
        assert channels == {"assisted": 7, "public": 9}
        await check_answers(conn, answers)
    await check_books(conn, app)


async def test_cancelling_and_checking_in_race_for_one_booking_and_others_for_its_place(both, conn, app, clock):
    clerk = await make.staff(conn, app, Role.CLERK)
    residents = [await make.resident(conn, app) for _ in range(5)]
    starts_at = clock.now.astimezone(LOCAL_ZONE) + timedelta(hours=2)
    outcomes: Counter[str | None] = Counter()
    for turn in range(12):
        slot_id = await loose_slot(conn, public=1, starts_at=starts_at)
        held = (await book(both[0], residents[0], slot_id)).body["id"]
        acts = [cancel(both[turn % 2], residents[0], held), check_in(both[(turn + turn // 2) % 2], clerk, held)]
        if turn % 3:
            acts.reverse()
        acts += [book(both[n % 2], resident, slot_id) for n, resident in enumerate(residents[1:])]
        answers = await asyncio.gather(*acts)
        statuses = {answer.body.get("status") for answer in answers[:2] if answer.status == 200}
        assert len(statuses) == 1, "both or neither happened"
        status = statuses.pop()
        outcomes[status] += 1
        assert await conn.fetchval("select status from booking where id = $1", UUID(held)) == status
        others = Counter(answer.code for answer in answers[2:])
        assert others[None] <= (status == "cancelled")
        assert others[None] + others["slot_full"] == 4
    assert set(outcomes) <= {"cancelled", "checked_in"}
    await check_books(conn, app)


class Client:
    """Books, repeats, cancels and has people checked in, at random; remembers every answer it was given."""

    def __init__(self, number, both, resident, people, slots, clerk):
        self.random = random.Random(number)
        self.both, self.resident, self.people, self.slots, self.clerk = both, resident, people, slots, clerk
        self.keys = []
        self.made = {}
        self.answers = []
        self.last = {}

    async def act(self):
        through = self.random.choice(self.both)
        live = [booking_id for booking_id, status in self.last.items() if status == "booked"]
        match self.random.randrange(10):
            case 0 | 1 | 2 | 3:
                self.keys.append((make.key(), self.random.choice(self.slots), self.random.choice(self.people)))
                await self.book(through, *self.keys[-1])
            case 4 | 5 if self.keys:
                await self.book(through, *self.random.choice(self.keys))
            case 6 if self.keys:
                wish = self.random.choice(self.keys)
                await asyncio.gather(*(self.book(each, *wish) for each in self.both * 2))
            case 7 | 8 if live:
                await self.change(cancel(through, self.resident, self.random.choice(live)))
            case 9 if live:
                await self.change(check_in(through, self.clerk, self.random.choice(live)))

    async def book(self, through, key, slot_id, person_id):
        answer = await book(through, self.resident, slot_id, person_id, key=key)
        self.answers.append(answer)
        if answer.status != 201:
            assert answer.code in {"slot_full", "limit_day", "limit_department_day"}, answer.body
            assert key["Idempotency-Key"] not in self.made
            return
        booking_id = answer.body["id"]
        assert self.made.setdefault(key["Idempotency-Key"], booking_id) == booking_id
        self.last.setdefault(booking_id, answer.body["status"])

    async def change(self, act):
        answer = await act
        self.answers.append(answer)
        assert answer.status == 200, answer.body
        self.last[answer.body["id"]] = answer.body["status"]


async def test_a_mixed_storm_leaves_the_books_balanced(both, conn, app, clock):
    starts_at = clock.now.astimezone(LOCAL_ZONE) + timedelta(hours=2)
    clerk = await make.staff(conn, app, Role.CLERK)
    slots = [
        await loose_slot(conn, public=6, starts_at=starts_at, limits={"limit_day": 2, "limit_department_day": 1})
        for _ in range(5)
    ]
    shared = [await make.person(conn, app[VAULT]) for _ in range(8)]
    clients = []
    for number in range(32):
        resident = await make.resident(conn, app)
        people = [resident.person_id, shared[number % 8]]
        await make.care(conn, resident.account_id, shared[number % 8], "other")
        clients.append(Client(number, both, resident, people, slots, clerk))

    async def live(client):
        for _ in range(40):
            await client.act()

    await asyncio.gather(*map(live, clients))
    await check_books(conn, app)
    await check_answers(conn, [answer for client in clients for answer in client.answers])
    stored = {str(row["id"]): row["status"] for row in await conn.fetch("select id, status from booking")}
    told = {booking_id: status for client in clients for booking_id, status in client.last.items()}
    assert told == stored
    assert set(stored.values()) <= {"booked", "cancelled", "checked_in"}
    assert len(stored) > 40
    assert await conn.fetchval("select sum(seen) from booking") > len(stored)
