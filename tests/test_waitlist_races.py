"""Races for places that come back: dispatchers beside each other, offers taken while they lapse, storms.

Some hold one side in the middle of its transaction, so that the guard alone decides; the rest is left to chance.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
import structlog

from domain import places
from domain.waitlist_dispatch import dispatch
from handlers.request import VAULT
from server.database import prepare_connection
from tests import make
from tests.booking_world import book, cancel, check_books, loose_slot, until_waiting
from tests.books import assert_balanced
from tests.waiting import accept, decline, entry, join, leave, offers, shown, turn


@pytest.fixture(autouse=True)
def no_complaints():
    """A deadlock, a lost batch or an unexpected error is logged, and none of these is part of any race here."""
    with structlog.testing.capture_logs() as logs:
        yield
    assert [each for each in logs if each["log_level"] in ("warning", "error")] == []


@pytest.fixture
async def others(database):
    """Three more sessions: of workers that believe to lead, or of who holds a lock."""
    made = [await asyncpg.connect(database) for _ in range(3)]
    for each in made:
        await prepare_connection(each)
    yield made
    for each in made:
        await each.close()


@pytest.fixture
async def service_id(conn):
    return await make.service(conn)


@pytest.fixture
def both(client, second_client):
    return [client, second_client]


async def residents(conn, app, many):
    return [await make.resident(conn, app) for _ in range(many)]


async def queue_of(conn, app, service_id, many):
    return [(who, await make.waiting(conn, service_id, who)) for who in await residents(conn, app, many)]


async def kept_slot(conn, service_id, many, **options):
    """Make a slot all of whose places are kept back."""
    slot_id = await loose_slot(conn, service_id, public=many, **options)
    await conn.execute("update slot_pool set taken = capacity where slot_id = $1", slot_id)
    await make.kept_back(conn, slot_id, many)
    return slot_id


async def offered_first(conn):
    """Return the places in the queue of those who were ever offered something, and of those who were not."""
    rows = await conn.fetch("""
        select place, exists (select from place_offer where entry_id = entry.id) as offered
        from waitlist_entry as entry order by place
    """)
    return [row["place"] for row in rows if row["offered"]], [row["place"] for row in rows if not row["offered"]]


async def test_dispatchers_beside_each_other_offer_each_place_once_and_in_order(conn, app, clock, others, service_id):
    queue = await queue_of(conn, app, service_id, 12)
    slots = [await kept_slot(conn, service_id, 2, resource=f"{n}") for n in range(4)]
    done = await asyncio.gather(*(dispatch(each, app[VAULT], clock.now) for each in others))
    assert sum(each["offered"] for each in done) == 8
    live = await offers(conn)
    assert len({offer["entry_id"] for offer in live}) == 8
    assert Counter(offer["slot_id"] for offer in live) == dict.fromkeys(slots, 2)
    yes, no = await offered_first(conn)
    assert max(yes) < min(no)
    assert len(yes) + len(no) == len(queue)
    await assert_balanced(conn)


async def test_a_dispatcher_waits_for_another_and_gives_nothing_away_twice(conn, app, clock, others, service_id):
    """The second has seen the same places and the same people before the first has committed."""
    await queue_of(conn, app, service_id, 2)
    await kept_slot(conn, service_id, 1)
    holder, first, second = others
    async with holder.transaction():
        await holder.execute("select from slot_pool for update")
        one = asyncio.create_task(dispatch(first, app[VAULT], clock.now))
        await until_waiting(conn)
        two = asyncio.create_task(dispatch(second, app[VAULT], clock.now))
        assert await until_waiting(conn, 2, unless=two)
    assert (await one)["offered"] + (await two)["offered"] == 1
    yes, no = await offered_first(conn)
    assert (yes, no) == ([1], [2])
    await assert_balanced(conn)


async def test_nobody_is_offered_two_places_by_two_dispatchers(conn, app, clock, others, service_id):
    """Both have seen the same person waiting; there is a place for each of them to offer."""
    await queue_of(conn, app, service_id, 1)
    await kept_slot(conn, service_id, 2)
    await conn.execute("update place_kept_back set free_at = $1", clock.now + timedelta(hours=1))
    holder, first, second = others
    async with holder.transaction():
        await holder.execute("select from slot_pool for update")
        one = asyncio.create_task(dispatch(first, app[VAULT], clock.now))
        await until_waiting(conn)
        two = asyncio.create_task(dispatch(second, app[VAULT], clock.now))
        assert await until_waiting(conn, 2, unless=two)
    assert (await one)["offered"] + (await two)["offered"] == 1
    await assert_balanced(conn)


async def test_a_service_that_somebody_holds_stops_no_other(conn, app, clock, others):
    services = [await make.service(conn) for _ in range(3)]
    for service_id in services:
        await queue_of(conn, app, service_id, 1)
        await kept_slot(conn, service_id, 1)
    holder, worker, _ = others
    await worker.execute("set lock_timeout = '100ms'")
    async with holder.transaction():
        await places.hold_queues(holder, [services[1]])
        with pytest.raises(asyncpg.LockNotAvailableError):
            await dispatch(worker, app[VAULT], clock.now)
        assert len(await offers(conn)) == 2
    assert await turn(conn, app) == {"offered": 1}


@pytest.mark.parametrize("accepts_first", [True, False])
async def test_an_offer_is_accepted_or_lapses_and_never_both(
    client, conn, app, clock, others, service_id, accepts_first
):
    ((who, entry_id),) = await queue_of(conn, app, service_id, 1)
    await kept_slot(conn, service_id, 1)
    await turn(conn, app)
    holder, worker, _ = others
    late = clock.now + timedelta(minutes=31)
    acts = [
        lambda: asyncio.create_task(accept(client, who, entry_id)),
        lambda: asyncio.create_task(dispatch(worker, app[VAULT], late)),
    ]
    if not accepts_first:
        acts.reverse()
    async with holder.transaction():
        await holder.execute("select from waitlist_entry for update")
        tasks = []
        for n, act in enumerate(acts):
            tasks.append(act())
            assert await until_waiting(conn, n + 1, unless=tasks[-1])
    answer, done = await asyncio.gather(*(tasks if accepts_first else reversed(tasks)))
    booked = await conn.fetchval("select count(*) from booking")
    assert (answer.status, done["lapsed"], booked) == ((201, 0, 1) if accepts_first else (409, 1, 0))
    assert (await entry(conn, entry_id))["status"] == ("accepted" if accepts_first else "waiting")
    await assert_balanced(conn)
    await check_books(conn, app)


async def test_accepting_from_everywhere_at_once_books_once(both, conn, app, service_id):
    for n in range(5):
        ((who, entry_id),) = await queue_of(conn, app, await make.service(conn), 1)
        of_service = (await entry(conn, entry_id))["service_id"]
        await kept_slot(conn, of_service, 2)
        await turn(conn, app)
        key = make.key()
        answers = await asyncio.gather(
            *(accept(both[m % 2], who, entry_id, key=key if m % 3 else None) for m in range(8))
        )
        assert [answer.status for answer in answers] == [201] * 8
        assert {answer.body["bookings"][0]["id"] for answer in answers} == {answers[0].body["bookings"][0]["id"]}
        assert await conn.fetchval("select count(*) from booking") == n + 1
    await check_books(conn, app)


async def test_accepting_declining_and_leaving_race_for_one_offer(both, conn, app):
    ends: Counter[str] = Counter()
    for n in range(12):
        service_id = await make.service(conn)
        ((who, entry_id),) = await queue_of(conn, app, service_id, 1)
        await kept_slot(conn, service_id, 1)
        await turn(conn, app)
        acts = [
            accept(both[n % 2], who, entry_id),
            decline(both[(n + 1) % 2], who, entry_id),
            leave(both[n % 2], who, entry_id),
        ]
        random.shuffle(acts)
        await asyncio.gather(*acts)
        stands = await entry(conn, entry_id)
        ends[stands["status"]] += 1
        booked = await conn.fetchval("select count(*) from booking where person_id = $1", who.person_id)
        assert booked == (stands["status"] == "accepted")
        await assert_balanced(conn)
    assert set(ends) <= {"accepted", "ended"}


async def test_who_joins_waits_for_a_cancelling_and_is_told_that_there_is_a_place(
    client, conn, app, clock, others, service_id
):
    slot_id = await loose_slot(conn, service_id)
    first, second = await residents(conn, app, 2)
    made = await book(client, first, slot_id)
    holder, *_ = others
    async with holder.transaction():
        await places.hold_queues(holder, [service_id])
        await holder.execute("update booking set status = 'cancelled' where id = $1", UUID(made.body["id"]))
        await holder.execute("update slot_pool set taken = taken - 1")
        joining = asyncio.create_task(join(client, second, service_id))
        assert await until_waiting(conn, unless=joining)
    assert (await joining).code == "places_free"


async def test_two_join_a_queue_at_once_at_places_of_their_own(both, conn, app, service_id):
    slot_id = await loose_slot(conn, service_id, public=0)
    people = await residents(conn, app, 30)
    key = make.key()
    answers = await asyncio.gather(
        *(join(both[n % 2], who, service_id, key=key) for n, who in enumerate(people * 2)),
    )
    assert Counter(answer.status for answer in answers) == {201: 60}
    stored = await conn.fetch("select place from waitlist_entry order by place")
    assert [row["place"] for row in stored] == list(range(1, 31))
    assert await conn.fetchval("select last_place from waitlist where service_id = $1", service_id) == 30
    assert slot_id


async def test_a_storm_of_cancelling_with_people_waiting(both, conn, app, clock, others, service_id):
    """All have places and cancel, sixteen wait, ten more try to book past them, two dispatchers at it."""
    limits = {"return_minutes_min": 0, "return_minutes_max": 0}
    slots = [await loose_slot(conn, service_id, public=6, resource=f"{n}", limits=limits) for n in range(4)]
    holders = await residents(conn, app, 24)
    held = [(await book(both[n % 2], who, slots[n // 6])).body["id"] for n, who in enumerate(holders)]
    waiting = await residents(conn, app, 16)
    entries = [(await join(both[n % 2], who, service_id)).body["id"] for n, who in enumerate(waiting)]
    others_who_book = await residents(conn, app, 10)
    over = asyncio.Event()

    async def work(session):
        while not over.is_set():
            await dispatch(session, app[VAULT], clock.now)
            await asyncio.sleep(0.2)

    async def give_up(n):
        await asyncio.sleep(random.random() * 2)
        assert (await cancel(both[n % 2], holders[n], held[n])).status == 200

    async def wait_and_accept(n):
        seen = {"status": "waiting"}
        while seen["status"] == "waiting":
            seen = await shown(both[n % 2], waiting[n], entries[n])
            await asyncio.sleep(0.3)
        assert (await accept(both[n % 2], waiting[n], entries[n])).status == 201

    async def book_past_them(n):
        answers = []
        for _ in range(10):
            answers.append(await book(both[n % 2], others_who_book[n], random.choice(slots)))
            await asyncio.sleep(0.2)
        return answers

    workers = [asyncio.create_task(work(session)) for session in others[:2]]
    try:
        async with asyncio.timeout(100):
            *_, answers = await asyncio.gather(
                *(give_up(n) for n in range(24)),
                *(wait_and_accept(n) for n in range(16)),
                asyncio.gather(*(book_past_them(n) for n in range(10))),
            )
    finally:
        over.set()
        await asyncio.gather(*workers)
    await turn(conn, app)
    assert {answer.code for each in answers for answer in each} <= {None, "slot_full", "limit_department_day"}
    assert await conn.fetchval("select count(*) from waitlist_entry where status = 'accepted'") == 16
    assert await conn.fetchval("select count(*) from place_kept_back") == 0
    await assert_balanced(conn)
    await check_books(conn, app)


async def test_nobody_is_skipped_while_the_queue_moves(both, conn, app, clock, others, service_id):
    """Places come back one by one while people join and leave: who was offered one stands before who was not."""
    slot_id = await loose_slot(conn, service_id, public=15)
    holders = await residents(conn, app, 15)
    held = [(await book(both[0], who, slot_id)).body["id"] for who in holders]
    waiting = await residents(conn, app, 24)
    over = asyncio.Event()

    async def work(session):
        while not over.is_set():
            await dispatch(session, app[VAULT], clock.now)
            await asyncio.sleep(0.02)

    async def come(n):
        await asyncio.sleep(random.random())
        made = await join(both[n % 2], waiting[n], service_id)
        if made.status == 201 and n % 5 == 0:
            await leave(both[n % 2], waiting[n], made.body["id"])

    async def give_up(n):
        await asyncio.sleep(0.3 + random.random())
        await cancel(both[n % 2], holders[n], held[n])

    workers = [asyncio.create_task(work(session)) for session in others]
    await asyncio.gather(*(come(n) for n in range(24)), *(give_up(n) for n in range(15)))
    over.set()
    await asyncio.gather(*workers)
    await turn(conn, app)
    rows = await conn.fetch("""
        select place, status, ended_because, exists (select from place_offer where entry_id = entry.id) as offered
        from waitlist_entry as entry where ended_because is distinct from 'left' order by place
    """)
    offered = [row["place"] for row in rows if row["offered"]]
    not_offered = [row["place"] for row in rows if not row["offered"]]
    assert not not_offered or max(offered) < min(not_offered)
    assert not not_offered or len(offered) >= 15
    await assert_balanced(conn)
