"""A child's place: planned from an offer, exchanged and given back; no day has more children than seats."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import asyncpg
import pytest

from domain import nursery_places
from domain.context import Context
from domain.errors import Conflict
from domain.identifiers import new_id
from domain.nursery_vocabulary import EnrolmentBecause
from handlers.request import VAULT
from server.database import prepare_connection
from tests import make, nursery_world

TODAY = date(2026, 11, 23)
SEPTEMBER = date(2027, 9, 1)


@pytest.fixture
def ctx(app, clock):
    return Context(None, clock.now, app[VAULT])


async def nursery_class(conn, seats=2):
    return await nursery_world.nursery_class(conn, await nursery_world.nursery(conn), seats=seats)


async def child(conn, app):
    return (await nursery_world.family(conn, app)).child_id


async def place(conn, app, class_id, starts_on=SEPTEMBER, ends_on=None, status="planned", person_id=None):
    who = person_id or await child(conn, app)
    return await nursery_world.place(conn, who, class_id, status=status, starts_on=starts_on, ends_on=ends_on)


async def enrolment(conn, app):
    within = await nursery_world.enrolment_round(conn, await make.area(conn), [], stage="offers")
    enrolment_id = await nursery_world.application(
        conn, await nursery_world.family(conn, app), within, state="accepted"
    )
    return await conn.fetchrow("select * from enrolment where id = $1", enrolment_id)


async def planned(conn, ctx, enrolment_row, class_id, starts_on=SEPTEMBER):
    async with conn.transaction():
        return await nursery_places.plan(conn, ctx, enrolment_row, class_id, starts_on)


async def shown(conn, enrolment_id):
    rows = await conn.fetch(
        "select class_id, status, starts_on, ends_on from nursery_place where enrolment_id = $1 order by id",
        enrolment_id,
    )
    return [(row["class_id"], row["status"], row["starts_on"], row["ends_on"]) for row in rows]


async def test_a_place_is_planned_from_the_first_day_of_the_round(conn, app, ctx):
    class_id, applied = await nursery_class(conn), await enrolment(conn, app)
    row = await planned(conn, ctx, applied, class_id)
    assert (row["status"], row["starts_on"], row["person_id"]) == ("planned", SEPTEMBER, applied["person_id"])


async def test_a_place_that_is_planned_late_begins_tomorrow(conn, app, ctx):
    row = await planned(conn, ctx, await enrolment(conn, app), await nursery_class(conn), date(2026, 9, 1))
    assert row["starts_on"] == TODAY + timedelta(days=1)


async def test_a_place_begins_once_who_gave_the_seat_up_is_gone(conn, app, ctx):
    class_id = await nursery_class(conn, seats=1)
    await place(conn, app, class_id, date(2026, 9, 1), date(2027, 10, 15), "confirmed")
    row = await planned(conn, ctx, await enrolment(conn, app), class_id)
    assert row["starts_on"] == date(2027, 10, 16)


async def test_a_class_without_a_seat_for_good_is_full(conn, app, ctx):
    class_id = await nursery_class(conn, seats=1)
    await place(conn, app, class_id, date(2027, 10, 15))
    with pytest.raises(Conflict) as refused:
        await planned(conn, ctx, await enrolment(conn, app), class_id)
    assert (refused.value.code, refused.value.facts["days"]) == ("class_full", [date(2027, 10, 15)])


async def test_a_closed_class_takes_nobody(conn, app, ctx):
    class_id = await nursery_class(conn)
    await conn.execute("update nursery_class set state = 'closed' where id = $1", class_id)
    with pytest.raises(Conflict, match="class_closed"):
        await planned(conn, ctx, await enrolment(conn, app), class_id)


async def test_a_child_stays_where_it_is_until_the_better_place_begins(conn, app, ctx):
    """Whoever gave the better seat up still has some months in it."""
    first, better, applied = await nursery_class(conn), await nursery_class(conn, seats=1), await enrolment(conn, app)
    had = await place(conn, app, first, date(2026, 9, 1), None, "confirmed", applied["person_id"])
    await conn.execute("update nursery_place set enrolment_id = $2 where id = $1", had, applied["id"])
    await place(conn, app, better, date(2026, 9, 1), date(2027, 2, 28), "confirmed")
    await planned(conn, ctx, applied, better, date(2026, 9, 1))
    assert await shown(conn, applied["id"]) == [
        (first, "ended", date(2026, 9, 1), date(2027, 2, 28)),
        (better, "planned", date(2027, 3, 1), None),
    ]


async def test_a_better_place_is_taken_in_exchange(conn, app, ctx):
    first, better, applied = await nursery_class(conn), await nursery_class(conn), await enrolment(conn, app)
    await planned(conn, ctx, applied, first)
    await planned(conn, ctx, applied, better)
    assert await shown(conn, applied["id"]) == [
        (first, "cancelled", SEPTEMBER, None),
        (better, "planned", SEPTEMBER, None),
    ]


async def test_what_has_begun_ends_today_and_its_leave_with_it(conn, app, ctx):
    class_id, applied = await nursery_class(conn), await enrolment(conn, app)
    place_id = await place(conn, app, class_id, date(2026, 9, 1), None, "confirmed", applied["person_id"])
    await conn.execute("update nursery_place set enrolment_id = $2 where id = $1", place_id, applied["id"])
    for first_day, last_day in ((date(2026, 11, 20), date(2026, 11, 30)), (date(2026, 12, 20), None)):
        await conn.execute(
            "insert into nursery_leave (id, place_id, first_day, last_day) values ($1, $2, $3, $4)",
            new_id(),
            place_id,
            first_day,
            last_day,
        )
    async with conn.transaction():
        gone = await nursery_places.let_go(conn, ctx, applied["id"], EnrolmentBecause.WITHDRAWN)
    assert [(row["status"], row["ends_on"], row["end_reason"]) for row in gone] == [("ended", TODAY, "withdrawn")]
    leaves = await conn.fetch("select first_day, last_day from nursery_leave")
    assert [tuple(row) for row in leaves] == [(date(2026, 11, 20), TODAY)]


async def test_what_was_let_go_once_stays_as_it_is(conn, app, ctx):
    class_id, applied = await nursery_class(conn), await enrolment(conn, app)
    await planned(conn, ctx, applied, class_id)
    async with conn.transaction():
        assert len(await nursery_places.let_go(conn, ctx, applied["id"], EnrolmentBecause.WITHDRAWN)) == 1
        assert await nursery_places.let_go(conn, ctx, applied["id"], EnrolmentBecause.WITHDRAWN) == []


async def test_two_planned_at_once_never_share_the_last_seat(conn, app, ctx, database):
    """The second waits for the first at the class and counts it."""
    class_id = await nursery_class(conn, seats=1)
    first, second = await enrolment(conn, app), await enrolment(conn, app)
    other = await asyncpg.connect(database)
    await prepare_connection(other)
    try:
        async with conn.transaction():
            await nursery_places.plan(conn, ctx, first, class_id, SEPTEMBER)
            waiting = asyncio.create_task(planned(other, ctx, second, class_id))
            await asyncio.wait([waiting], timeout=0.5)
            assert not waiting.done()
        with pytest.raises(Conflict, match="class_full"):
            await waiting
    finally:
        await other.close()


async def test_who_is_just_entered_for_some_days_is_seen_by_who_plans(conn, app, ctx, database):
    """The plan waits at the class before it looks for the first free day."""
    class_id, applied = await nursery_class(conn, seats=1), await enrolment(conn, app)
    entered = await child(conn, app)
    other = await asyncpg.connect(database)
    await prepare_connection(other)
    try:
        async with conn.transaction():
            await place(conn, app, class_id, SEPTEMBER, date(2027, 10, 15), person_id=entered)
            waiting = asyncio.create_task(planned(other, ctx, applied, class_id))
            await asyncio.wait([waiting], timeout=0.5)
            assert not waiting.done()
        assert (await waiting)["starts_on"] == date(2027, 10, 16)
    finally:
        await other.close()


# ---- what the database itself holds


async def test_two_rows_at_once_are_counted_by_the_database_itself(conn, app, database):
    class_id = await nursery_class(conn, seats=1)
    first, second = await child(conn, app), await child(conn, app)
    other = await asyncpg.connect(database)
    try:
        async with conn.transaction():
            await place(conn, app, class_id, person_id=first)
            waiting = asyncio.create_task(place(other, app, class_id, person_id=second))
            await asyncio.wait([waiting], timeout=0.5)
            assert not waiting.done()
        with pytest.raises(asyncpg.CheckViolationError, match="more children than seats"):
            await waiting
    finally:
        await other.close()


async def test_seats_are_not_taken_away_while_somebody_is_just_taking_one(conn, app, database):
    class_id = await nursery_class(conn, seats=2)
    await place(conn, app, class_id)
    other = await asyncpg.connect(database)
    try:
        async with conn.transaction():
            await place(conn, app, class_id)
            shrinking = other.execute("update nursery_class set seats = 1 where id = $1", class_id)
            waiting = asyncio.create_task(shrinking)
            await asyncio.wait([waiting], timeout=0.5)
            assert not waiting.done()
        with pytest.raises(asyncpg.CheckViolationError, match="more children than seats"):
            await waiting
    finally:
        await other.close()


async def test_as_many_as_there_are_seats_fit_in(conn, app):
    """Several that begin on one day count once each."""
    class_id = await nursery_class(conn, seats=3)
    for _ in range(3):
        await place(conn, app, class_id)
    with pytest.raises(asyncpg.CheckViolationError, match="more children than seats") as refused:
        await place(conn, app, class_id)
    assert refused.value.detail == "2027-09-01"


async def test_only_days_in_common_count(conn, app):
    class_id = await nursery_class(conn, seats=1)
    await place(conn, app, class_id, date(2027, 1, 1), date(2027, 1, 31))
    await place(conn, app, class_id, date(2027, 3, 1), date(2027, 3, 31))
    await place(conn, app, class_id, date(2027, 2, 1), date(2027, 2, 28))
    with pytest.raises(asyncpg.CheckViolationError, match="more children than seats"):
        await place(conn, app, class_id, date(2027, 2, 28), date(2027, 2, 28))
    await place(conn, app, class_id, date(2027, 4, 1))
    with pytest.raises(asyncpg.CheckViolationError, match="more children than seats") as refused:
        await place(conn, app, class_id, date(2027, 3, 31), date(2027, 3, 31))
    assert refused.value.detail == "2027-03-31"


async def test_a_class_that_has_shrunk_since_lets_its_children_go(conn, app):
    """What it once had more of is over, and does not stand in the way of who leaves now."""
    class_id = await nursery_class(conn, seats=3)
    begun = date(2025, 9, 1)
    staying = await place(conn, app, class_id, begun, None, "confirmed")
    await place(conn, app, class_id, begun, date(2026, 6, 30), "ended")
    leaving = await place(conn, app, class_id, begun, date(2026, 6, 30), "ended")
    await conn.execute("update nursery_class set seats = 1 where id = $1", class_id)
    await conn.execute("update nursery_place set status = 'ended', ends_on = '2027-06-30' where id = $1", staying)
    await conn.execute("update nursery_place set ends_on = '2026-06-29' where id = $1", leaving)
    with pytest.raises(asyncpg.CheckViolationError, match="more children than seats"):
        await conn.execute("update nursery_place set ends_on = '2027-07-01' where id = $1", leaving)
    await conn.execute("update nursery_place set ends_on = null, status = 'confirmed' where id = $1", staying)


async def test_a_class_keeps_the_seats_of_who_is_still_to_come(conn, app):
    class_id = await nursery_class(conn, seats=3)
    for starts_on in (SEPTEMBER, SEPTEMBER + timedelta(days=3)):
        await place(conn, app, class_id, starts_on)
    with pytest.raises(asyncpg.CheckViolationError, match="more children than seats"):
        await conn.execute("update nursery_class set seats = 1 where id = $1", class_id)
    await conn.execute("update nursery_class set seats = 2 where id = $1", class_id)


async def test_the_cancelled_take_no_seat_and_come_back_only_to_a_free_one(conn, app):
    class_id = await nursery_class(conn, seats=1)
    gone = await place(conn, app, class_id)
    await conn.execute("update nursery_place set status = 'cancelled' where id = $1", gone)
    await place(conn, app, class_id)
    with pytest.raises(asyncpg.CheckViolationError, match="more children than seats"):
        await conn.execute("update nursery_place set status = 'planned' where id = $1", gone)
