"""Changes of schedules that take places from people: shown first, then done exactly as shown or not at all."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from domain.vocabulary import LOCAL_ZONE, Role
from tests import make
from tests.booking_world import GENEROUS, post, until_waiting
from tests.books import assert_balanced
from tests.test_schedules import PATH, WEEK, Desk, at, of_day, session


class Planner(Desk):
    """A desk whose schedule has slots at 8:00 and 8:30 on working days; 3 public places each."""

    made_id: str
    version: int

    async def wish(self, **wish):
        status, effect = await self.send("POST", f"{PATH}/{self.made_id}/preview", wish)
        assert status == 200, effect
        return effect

    async def apply(self, treatment, *, digest=None, key=None, client=None, otherwise="phone", **wish):
        digest = digest or (await self.wish(**wish))["digest"]
        body = {**wish, "digest": digest, "treatment": treatment, "otherwise": otherwise, "reason": "医生调班"}
        path = f"{PATH}/{self.made_id}/apply"
        return await post(client or self.client, path, self.manager, body, key or make.key())

    async def booked(self, starts_at, **given):
        resident = await make.resident(self.conn, self.app)
        return resident, await make.booking(self.conn, await self.slot_at(starts_at), resident, **given)

    async def status(self, booking_id):
        return await self.conn.fetchval("select status from booking where id = $1", booking_id)

    async def moved_to(self, booking_id):
        starts_at = await self.conn.fetchval(
            "select starts_at from booking join slot on slot.id = slot_id where moved_from = $1", booking_id
        )
        return starts_at.astimezone(LOCAL_ZONE).strftime("%m%d %H:%M")

    async def told(self, resident):
        return await self.conn.fetchval("select array_agg(kind) from notice where person_id = $1", resident.person_id)


CLOSED = {"kind": "closed", "from": "2026-11-25", "to": "2026-11-25", "reason": "医生外出"}
WEDNESDAY = at(25, 8, month=11)


@pytest.fixture
async def desk(client, conn, app):
    provider_id = await make.provider(conn)
    service_id = await make.service(conn, provider_id=provider_id)
    await make.policy(conn, service_id=service_id, **GENEROUS)
    manager = await make.staff(conn, app, Role.MANAGER, provider_id=provider_id)
    planner = Planner(client, conn, app, manager, service_id)
    made = await planner.made()
    planner.made_id, planner.version = made["id"], made["version"]
    yield planner
    await assert_balanced(conn)


def weekly(desk, *sessions, **more):
    return {"version": desk.version, "valid_from": "2026-11-23", "sessions": list(sessions), **more}


async def test_an_exception_moves_who_is_booked(desk):
    resident, booking_id = await desk.booked(WEDNESDAY)
    status, refused = await desk.send("POST", f"{PATH}/{desk.made_id}/exceptions", CLOSED)
    assert (status, refused["code"]) == (409, "change_needs_preview")
    before = await desk.rows()
    effect = await desk.wish(exception=CLOSED)
    assert effect["counts"] == {"slots": 2, "bookings": 1, "with_place": 1, "without_place": 0, "present": 0}
    assert effect["slots"] == {"made": 0, "reopened": 0, "changed": 0, "withdrawn": 2, "left_out": 0}
    assert effect["bookings"][0]["place"]["starts_at"] == "2026-11-24T08:30:00+08:00"
    assert await desk.rows() == before
    applied = await desk.apply("move", digest=effect["digest"], exception=CLOSED)
    assert applied.status == 201, applied.body
    assert applied.body["bookings"] == {"offered": 0, "moved": 1, "cancelled": 0, "left_to_phone": 0}
    assert applied.body["slots"]["withdrawn"] == 2
    assert [each["kind"] for each in applied.body["exceptions"]] == ["closed"]
    assert (await desk.status(booking_id), await desk.moved_to(booking_id)) == ("moved", "1124 08:30")
    assert await desk.told(resident) == ["booking_moved"]
    row = await desk.conn.fetchrow("select * from audit where subject_id = $1", booking_id)
    assert (row["actor_id"], row["facts"]["schedule_id"]) == (desk.manager.account_id, desk.made_id)
    assert "1125 08:00" not in await desk.open_slots()


async def test_who_is_booked_goes_to_a_slot_that_the_change_itself_makes(desk):
    _, booking_id = await desk.booked(WEDNESDAY)
    later = [session(day, starts="09:00", ends="10:00") for day in range(1, 6)]
    effect = await desk.wish(change=weekly(desk, *later))
    assert effect["bookings"][0]["place"] == {
        "slot_id": None,
        "starts_at": "2026-11-25T09:00:00+08:00",
        "ends_at": "2026-11-25T09:30:00+08:00",
        "resource": "",
    }
    applied = await desk.apply("move", digest=effect["digest"], change=weekly(desk, *later))
    assert applied.status == 201, applied.body
    assert await desk.moved_to(booking_id) == "1125 09:00"


async def test_a_place_in_a_new_slot_is_offered_and_taken(desk):
    resident, booking_id = await desk.booked(WEDNESDAY)
    later = [session(day, starts="09:00", ends="10:00") for day in range(1, 6)]
    applied = await desk.apply("offer", change=weekly(desk, *later))
    assert applied.body["bookings"]["offered"] == 1
    accepted = await post(desk.client, f"/v1/bookings/{booking_id}/offer/accept", resident)
    assert (accepted.status, accepted.body["starts_at"]) == (200, "2026-11-25T09:00:00+08:00")


async def test_who_loses_a_place_goes_before_who_waits(desk):
    """Places of new slots are kept back for the queue, but for those that displaced bookings need."""
    waiting = await make.resident(desk.conn, desk.app)
    bookings = [(await desk.booked(WEDNESDAY))[1] for _ in range(3)]
    await make.waiting(desk.conn, desk.service_id, waiting)
    later = [session(day, starts="09:00", ends="10:00", capacity=3, assisted=0, counter=0) for day in range(1, 6)]
    applied = await desk.apply("move", change=weekly(desk, *later))
    assert applied.status == 201, applied.body
    assert {await desk.moved_to(each) for each in bookings} == {"1125 09:00"}


async def test_of_a_slot_that_loses_places_the_last_numbers_go(desk):
    residents = [await desk.booked(WEDNESDAY) for _ in range(3)]
    fewer = [session(day, capacity=3) for day in range(1, 6)]
    effect = await desk.wish(change=weekly(desk, *fewer))
    last = [str(booking_id) for _, booking_id in residents[1:]]
    assert sorted(met["id"] for met in effect["bookings"]) == sorted(last)
    offered = await desk.apply("offer", digest=effect["digest"], change=weekly(desk, *fewer))
    assert (offered.status, offered.code) == (409, "offers_need_places")
    applied = await desk.apply("move", digest=effect["digest"], change=weekly(desk, *fewer))
    assert applied.status == 201, applied.body
    assert [await desk.status(each) for _, each in residents] == ["booked", "moved", "moved"]
    pool = await desk.conn.fetchrow(
        "select capacity, taken from slot_pool where slot_id = $1 and channel = 'public'", await desk.slot_at(WEDNESDAY)
    )
    assert tuple(pool) == (1, 1)
    assert {await desk.moved_to(each) for _, each in residents[1:]} == {"1125 08:30", "1124 08:30"}


async def test_last_numbers_are_cancelled_and_kept_places_go_first(desk):
    residents = [await desk.booked(WEDNESDAY) for _ in range(2)]
    slot_id = await desk.slot_at(WEDNESDAY)
    await desk.conn.execute(
        """insert into place_kept_back (id, slot_id, channel, cause, free_at, created_at)
           values (gen_random_uuid(), $1, 'public', 'cancelled', '2027-01-01T00:00:00Z', '2026-11-01T00:00:00Z')""",
        slot_id,
    )
    await desk.conn.execute("update slot_pool set taken = 3 where slot_id = $1 and channel = 'public'", slot_id)
    fewer = [session(day, capacity=3) for day in range(1, 6)]
    applied = await desk.apply("cancel", change=weekly(desk, *fewer))
    assert applied.body["bookings"]["cancelled"] == 1
    assert [await desk.status(each) for _, each in residents] == ["booked", "cancelled"]


async def test_a_schedule_ends_with_its_bookings(desk):
    _, booking_id = await desk.booked(WEDNESDAY)
    applied = await desk.apply("move", otherwise="cancel", end={"version": desk.version})
    assert (applied.status, applied.body["state"]) == (201, "ended")
    assert await desk.status(booking_id) == "cancelled"
    assert await desk.open_slots() == []


async def test_an_extra_session_is_withdrawn_with_its_bookings(desk):
    extra = {**CLOSED, "kind": "extra", "sessions": [of_day(starts="15:00", ends="16:00")]}
    status, made = await desk.send("POST", f"{PATH}/{desk.made_id}/exceptions", extra)
    assert status == 201, made
    _, booking_id = await desk.booked(at(25, 15, month=11))
    applied = await desk.apply("move", withdraw=made["id"])
    assert applied.status == 201, applied.body
    assert await desk.moved_to(booking_id) == "1125 08:30"


async def test_a_changed_world_is_refused_and_nothing_is_done(desk):
    effect = await desk.wish(exception=CLOSED)
    await desk.booked(WEDNESDAY)
    before = await desk.rows()
    refused = await desk.apply("cancel", digest=effect["digest"], exception=CLOSED)
    assert (refused.status, refused.code) == (409, "world_changed")
    assert refused.body["counts"]["bookings"] == 1
    assert await desk.rows() == before
    assert (await desk.apply("cancel", digest=refused.body["digest"], exception=CLOSED)).status == 201


async def test_of_two_at_once_one_is_carried_out(desk, second_client):
    _, booking_id = await desk.booked(WEDNESDAY)
    digest = (await desk.wish(exception=CLOSED))["digest"]
    answers = await asyncio.gather(
        *(desk.apply("cancel", digest=digest, client=each, exception=CLOSED) for each in (desk.client, second_client))
    )
    assert sorted(answer.status for answer in answers) == [201, 409]
    assert await desk.status(booking_id) == "cancelled"
    assert await desk.conn.fetchval("select count(*) from schedule_exception") == 1


async def test_a_repeat_with_the_same_key_does_it_once(desk):
    await desk.booked(WEDNESDAY)
    key, digest = make.key(), (await desk.wish(exception=CLOSED))["digest"]
    first = await desk.apply("cancel", digest=digest, key=key, exception=CLOSED)
    again = await desk.apply("cancel", digest=digest, key=key, exception=CLOSED)
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body | {"slots": None, "bookings": None}


@pytest.mark.parametrize("wish", [{}, {"end": {"version": 1}, "exception": CLOSED}])
async def test_exactly_one_thing_is_wanted(desk, wish):
    status, answer = await desk.send("POST", f"{PATH}/{desk.made_id}/preview", wish)
    assert (status, answer["code"]) == (400, "invalid_input")


async def test_what_makes_no_sense_is_refused_as_without_a_preview(desk):
    for wish, code in (
        ({"change": weekly(desk, *WEEK) | {"version": 9}}, "changed_meanwhile"),
        ({"exception": {**CLOSED, "to": "2026-11-24"}}, "invalid_input"),
        ({"withdraw": desk.made_id}, "exception_not_found"),
    ):
        status, answer = await desk.send("POST", f"{PATH}/{desk.made_id}/preview", wish)
        assert (status >= 400, answer["code"]) == (True, code)


async def test_whoever_takes_slots_out_waits_for_their_queue_before_taking_their_pools(desk, database):
    """Also where nobody is booked: a cancelling has the queue and wants the pools, and would be undone."""
    digest = (await desk.wish(exception=CLOSED))["digest"]
    joining, cancelling = [await asyncpg.connect(database) for _ in range(2)]
    async with joining.transaction():
        await joining.execute("select from waitlist where service_id = $1 for no key update", desk.service_id)
        applying = asyncio.create_task(desk.apply("cancel", digest=digest, exception=CLOSED))
        assert await until_waiting(desk.conn, unless=applying)
        slot_id = await desk.slot_at(WEDNESDAY)
        await cancelling.execute("select from slot_pool where slot_id = $1 for no key update nowait", slot_id)
    assert (await applying).status == 201
    await asyncio.gather(joining.close(), cancelling.close())
