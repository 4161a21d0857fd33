"""Seats that a round has announced are kept for it: what a nursery does by hand takes none of them."""

from __future__ import annotations

import asyncpg
import pytest

from tests.nursery_world import nursery_class, place

DRAWN = {"a": ("s", (), "s1"), "b": ("s", (), None)}


@pytest.fixture
async def small(offering, conn):
    """Star's class has two seats: one is promised to "a" by a round in its offers, "b" waits for it."""
    await conn.execute("update nursery_class set seats = 2 where id = $1", offering.zone.star_class)
    await offering.lay(draw=DRAWN)
    await offering.begin()
    return offering


async def entering(zone, starts_on="2027-03-10"):
    body = {"person_id": str((await zone.family()).child_id), "starts_on": starts_on}
    return await zone.post(f"/v1/staff/nursery-classes/{zone.star_class}/places", zone.carer, body)


async def test_a_nursery_enters_nobody_into_a_promised_seat(small, zone):
    assert (await entering(zone))[0] == 201
    for starts_on in ("2027-03-10", "2027-02-01"):
        status, refused = await entering(zone, starts_on)
        assert (status, refused["code"], refused["days"]) == (409, "class_full", ["2027-03-10"])
    assert (await small.answer("a", "accept"))[0] == 200
    assert await small.places("a") == [("s", "planned", "2027-03-01")]


async def test_nobody_is_transferred_into_a_promised_seat(small, zone, conn):
    await entering(zone)
    other = await nursery_class(conn, zone.star, name="大二班")
    who = await zone.family()
    standing = await place(conn, who.child_id, other)
    body = {"class_id": str(zone.star_class), "on": "2027-03-10"}
    status, refused = await zone.post(f"/v1/staff/nursery-places/{standing}/transfer", zone.carer, body)
    assert (status, refused["code"]) == (409, "class_full")
    assert (await small.answer("a", "accept"))[0] == 200


async def test_the_database_itself_keeps_what_is_promised(small, zone, conn):
    await entering(zone)
    with pytest.raises(asyncpg.CheckViolationError, match="more children than seats"):
        await place(conn, (await zone.family()).child_id, zone.star_class)
    with pytest.raises(asyncpg.CheckViolationError, match="more children than seats"):
        await conn.execute("update nursery_class set seats = 1 where id = $1", zone.star_class)


async def test_a_seat_that_is_given_up_stays_promised_to_the_next(small, zone):
    await entering(zone)
    await small.answer("a", "accept")
    assert (await entering(zone))[1]["code"] == "class_full"
    accepted = await small.zone.get(f"/v1/enrolments/{small.ids['a']}/queues", small.who["a"])
    await small.answer("a", "decline", accepted[1]["choices"][0]["offer"]["id"])
    assert (await entering(zone))[1]["code"] == "class_full"
    assert (await small.answer("b", "accept"))[0] == 200
    assert await small.places("b") == [("s", "planned", "2027-03-01")]


async def test_a_seat_whose_child_went_to_another_class_is_kept_for_the_round(small, zone, conn):
    await entering(zone)
    await small.answer("a", "accept")
    other = await nursery_class(conn, zone.star, name="大二班")
    await conn.execute("update nursery_place set class_id = $1 where enrolment_id = $2", other, small.ids["a"])
    assert (await entering(zone))[1]["code"] == "class_full"
    accepted = await small.zone.get(f"/v1/enrolments/{small.ids['a']}/queues", small.who["a"])
    await small.answer("a", "decline", accepted[1]["choices"][0]["offer"]["id"])
    assert (await small.answer("b", "accept"))[0] == 200


async def test_a_seat_is_not_promised_while_whoever_gave_it_up_is_still_there(small, zone, conn):
    await small.answer("a", "accept")
    await conn.execute(
        """update nursery_place set status = 'ended', ends_on = date '2027-03-20', agreement_on = starts_on,
               health_check_on = starts_on, vaccination_on = starts_on where enrolment_id = $1""",
        small.ids["a"],
    )
    await conn.execute("update enrolment_offer set status = 'given_up' where enrolment_id = $1", small.ids["a"])
    assert (await entering(zone))[0] == 201
    assert (await entering(zone, "2027-03-21"))[1]["days"] == ["2027-03-21"]


async def test_an_ended_round_keeps_only_what_somebody_can_still_answer(small, zone):
    path = f"/v1/staff/enrolment-rounds/{small.within.round_id}/end"
    assert (await zone.post(path, zone.manager))[1]["state"] == "ended"
    assert (await entering(zone))[0] == 201
    assert (await entering(zone))[1]["code"] == "class_full"
    assert (await small.answer("a", "decline"))[0] == 200
    assert await small.live("b") == {}
    assert (await entering(zone))[0] == 201


async def test_an_offer_is_answered_after_the_round_has_ended(small, zone):
    await zone.post(f"/v1/staff/enrolment-rounds/{small.within.round_id}/end", zone.manager)
    status, answer = await small.answer("a", "accept")
    assert (status, answer["choices"][0]["standing"]) == (200, "accepted")
    assert await small.places("a") == [("s", "planned", "2027-03-01")]


async def test_after_the_end_silence_makes_no_new_offer(small, zone, clock):
    await zone.post(f"/v1/staff/enrolment-rounds/{small.within.round_id}/end", zone.manager)
    clock.move(days=5)
    assert await small.lapse() == 1
    assert (await small.statuses("a"), await small.statuses("b")) == (["lapsed"], [])
