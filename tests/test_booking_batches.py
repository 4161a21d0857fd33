"""What requests of one batch are to each other."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain import booking_changes, bookings
from domain.booking_changes import ChangeRequest
from domain.booking_rules import BookingRequest
from domain.errors import Refusal
from domain.vocabulary import LOCAL_ZONE, BookingStatus, Role
from handlers.groups import BOOK
from handlers.request import CLOCK, VAULT
from server import group_commit
from tests import make
from tests.booking_world import book, check_books, elder, loose_slot, post


@pytest.fixture
def run(conn, app):
    """Book one batch; outcomes as bookings' numbers or refusals' codes."""

    async def run(*requests):
        async with conn.transaction():
            outcomes = await bookings.book(conn, app[VAULT], requests, app[CLOCK]())
        return [outcome.code if isinstance(outcome, Refusal) else outcome["number"] for outcome in outcomes]

    return run


def wish(resident, slot_id, **more: Any):
    key = more.pop("key", uuid4().hex)
    person_id = more.pop("person_id", resident.person_id)
    return BookingRequest(resident.account_id, slot_id, person_id, None, {}, key, request_id="batch", **more)


async def test_places_are_given_in_order_until_there_are_none(run, conn, app):
    slot_id = await make.slot(conn, public=2)
    residents = [await make.resident(conn, app) for _ in range(4)]
    assert await run(*(wish(each, slot_id) for each in residents)) == [1, 2, "slot_full", "slot_full"]
    await check_books(conn, app)


async def test_bookings_of_one_person_count_against_each_other(run, conn, app):
    slot_ids = [await make.slot(conn) for _ in range(4)]
    resident = await make.resident(conn, app)
    assert await run(*(wish(resident, slot_id) for slot_id in slot_ids)) == [1, 1, "limit_day", "limit_day"]
    await check_books(conn, app)


async def test_two_accounts_that_care_for_one_person_share_its_limits(run, conn, app):
    slot_ids = [await make.slot(conn) for _ in range(3)]
    mother, father = await make.resident(conn, app), await make.resident(conn, app)
    child = await make.person(conn, app[VAULT])
    for parent in (mother, father):
        await make.care(conn, parent.account_id, child, "child")
    wishes = [wish(who, slot_ids[n], person_id=child) for n, who in enumerate((mother, father, mother))]
    assert await run(*wishes) == [1, 1, "limit_day"]
    await check_books(conn, app)


async def test_what_was_refused_uses_up_nothing(run, conn, app):
    full, free = await make.slot(conn, public=0), await make.slot(conn, public=5)
    await conn.execute("update policy set limit_day = 1")
    resident = await make.resident(conn, app)
    assert await run(wish(resident, full), wish(resident, free)) == ["slot_full", 1]


async def test_a_volunteers_bookings_count_against_each_other(run, conn, app):
    helper = await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, helper.account_id)
    elders = [await elder(conn, app, volunteer_id) for _ in range(4)]
    slot_id = await loose_slot(conn, assisted=9, limits={"limit_volunteer_day": 2})
    wishes = [replace(wish(helper, slot_id, person_id=old.person_id), mandate_id=old.mandate_id) for old in elders]
    assert await run(*wishes) == [1, 2, "limit_volunteer_day", "limit_volunteer_day"]
    await check_books(conn, app)


async def test_the_assisted_pool_first_and_then_the_public_one(run, conn, app):
    helper = await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, helper.account_id)
    elders = [await elder(conn, app, volunteer_id) for _ in range(3)]
    residents = [await make.resident(conn, app) for _ in range(2)]
    slot_id = await make.slot(conn, public=2, assisted=1)
    assisted = [replace(wish(helper, slot_id, person_id=old.person_id), mandate_id=old.mandate_id) for old in elders]
    wishes = [assisted[0], wish(residents[0], slot_id), assisted[1], assisted[2], wish(residents[1], slot_id)]
    assert await run(*wishes) == [1, 1, 2, "slot_full", "slot_full"]
    channels = await conn.fetch("select channel, number from booking order by channel, number")
    assert [tuple(row) for row in channels] == [("assisted", 1), ("public", 1), ("public", 2)]
    await check_books(conn, app)


async def test_one_key_in_one_batch_is_one_booking(run, conn, app):
    slot_id, other_slot = await make.slot(conn, public=9), await make.slot(conn, public=9)
    resident, other = await make.resident(conn, app), await make.resident(conn, app)
    first = wish(resident, slot_id, key="the-same-key")
    wishes = [first, first, replace(first, slot_id=other_slot), first, wish(other, slot_id, key="the-same-key")]
    assert await run(*wishes) == [1, 1, "idempotency_key_reused", 1, 2]
    assert await conn.fetchval("select count(*) from booking") == 2
    assert await run(*wishes) == [1, 1, "idempotency_key_reused", 1, 2]
    assert await conn.fetchval("select count(*) from booking") == 2
    await check_books(conn, app)


@pytest.mark.parametrize("change", [{"answers": {"why": "x"}}, {"mandate_id": uuid4()}, {"slot_id": uuid4()}])
async def test_another_body_under_a_used_key_is_told_so(run, conn, app, change):
    first = wish(await make.resident(conn, app), await make.slot(conn))
    assert await run(first) == [1]
    assert await run(replace(first, **change)) == ["idempotency_key_reused"]


async def test_a_key_that_made_nothing_is_free_again(run, conn, app, clock):
    slot_id = await make.slot(conn, release_at=clock.now + timedelta(minutes=1))
    first = wish(await make.resident(conn, app), slot_id)
    assert await run(first) == ["not_released"]
    clock.move(minutes=1)
    assert await run(first, first) == [1, 1]


async def test_a_repeat_is_answered_by_what_has_become_of_the_booking(client, conn, app):
    resident, slot_id, key = await make.resident(conn, app), await make.slot(conn), make.key()
    made = await book(client, resident, slot_id, key=key)
    await post(client, f"/v1/bookings/{made.body['id']}/cancel", resident, {"reason": "有事"})
    again = await book(client, resident, slot_id, key=key)
    assert (again.status, again.body["id"], again.body["status"]) == (201, made.body["id"], "cancelled")
    assert await conn.fetchval("select count(*) from booking") == 1


async def test_a_repeat_tells_nothing_to_whoever_may_no_longer_act(client, conn, app):
    """A key is no right: it does not outlive the mandate or the care."""
    helper = await make.resident(conn, app)
    old = await elder(conn, app, await make.volunteer(conn, helper.account_id))
    slot_id = await make.slot(conn, public=9, assisted=9)
    key, family_key = make.key(), make.key()
    await conn.execute("update policy set limit_department_day = 2")
    mine = {"mandate_id": old.mandate_id, "key": key}
    assert (await book(client, helper, slot_id, old.person_id, **mine)).status == 201
    assert (await book(client, old.family, slot_id, old.person_id, key=family_key)).status == 201
    assert (await post(client, f"/v1/mandates/{old.mandate_id}/revoke", old.family, {"reason": ""})).status == 200
    assert (await book(client, helper, slot_id, old.person_id, **mine)).code == "mandate_revoked"
    await conn.execute("update care set ended_at = now() where person_id = $1", old.person_id)
    assert (await book(client, old.family, slot_id, old.person_id, key=family_key)).code == "person_not_found"
    await check_books(conn, app)


async def test_a_repeat_outlives_its_service(client, conn, app):
    """Hidden, so that nobody books it any more; who has booked it still gets the same answer."""
    resident, slot_id, key = await make.resident(conn, app), await make.slot(conn), make.key()
    made = await book(client, resident, slot_id, key=key)
    await conn.execute("update service set state = 'hidden'")
    assert (await book(client, resident, slot_id, key=key)).body == made.body


async def test_an_item_that_cannot_be_judged_fails_alone(client, conn, app):
    """Somebody has written a question of an unknown kind past our checks."""
    broken = await make.service(conn, questions=[{"key": "it", "kind": "riddle", "label": "?", "required": True}])
    slot_ids = [await make.slot(conn, public=20), await make.slot(conn, broken, public=20)]
    residents = [await make.resident(conn, app) for _ in range(12)]
    body = {"answers": {"it": "x"}}

    async def one(n, resident):
        wanted = {"slot_id": str(slot_ids[n == 5]), "person_id": str(resident.person_id)} | (body if n == 5 else {})
        return await post(client, "/v1/bookings", resident, wanted, make.key())

    answers = await asyncio.gather(*(one(n, resident) for n, resident in enumerate(residents)))
    assert Counter(answer.status for answer in answers) == {201: 11, 500: 1}
    assert answers[5].code == "internal_error"
    await check_books(conn, app)


async def test_a_full_queue_is_busy_and_says_when_to_come_again(client, conn, app, monkeypatch):
    resident, slot_id, key = await make.resident(conn, app), await make.slot(conn), make.key()
    monkeypatch.setattr(group_commit, "MOST_WAITING", 0)
    refused = await book(client, resident, slot_id, key=key)
    assert (refused.status, refused.code, refused.retry_after) == (503, "busy", "2")
    monkeypatch.undo()
    assert (await book(client, resident, slot_id, key=key)).status == 201


async def test_the_audit_names_who_asked_and_by_which_request(client, conn, app):
    slot_id = await make.slot(conn, public=9)
    residents = [await make.resident(conn, app) for _ in range(5)]
    answers = await asyncio.gather(*(book(client, resident, slot_id) for resident in residents))
    rows = {str(row["subject_id"]): row for row in await conn.fetch("select * from audit")}
    assert len(rows) == 5
    for resident, answer in zip(residents, answers, strict=True):
        row = rows[answer.body["id"]]
        assert (row["actor_id"], row["request_id"]) == (resident.account_id, answer.request_id)
        assert row["facts"] == {
            "slot_id": str(slot_id),
            "person_id": str(resident.person_id),
            "channel": "public",
            "number": answer.body["number"],
        }


@pytest.fixture
async def booked(client, conn, app, clock):
    """A booking for today, by whom, and a clerk who may check it in."""
    slot_id = await make.slot(conn, starts_at=clock.now.astimezone(LOCAL_ZONE) + timedelta(hours=2))
    resident, clerk = await make.resident(conn, app), await make.staff(conn, app, Role.CLERK)
    return resident, clerk, UUID((await book(client, resident, slot_id)).body["id"])


async def change(conn, app, *requests):
    async with conn.transaction():
        outcomes = await booking_changes.change(conn, app[VAULT], requests, app[CLOCK]())
    return [outcome.code if isinstance(outcome, Refusal) else outcome["status"] for outcome in outcomes]


async def test_changes_to_one_booking_are_judged_one_after_the_other(conn, app, booked):
    resident, clerk, booking_id = booked

    def to(status, *, desk=True):
        who = clerk if desk else resident
        return ChangeRequest(who.account_id, booking_id, status, desk=desk, request_id="batch")

    check_in, complete = to(BookingStatus.CHECKED_IN), to(BookingStatus.COMPLETED)
    late_cancel = to(BookingStatus.CANCELLED, desk=False)
    outcomes = await change(conn, app, check_in, check_in, complete, late_cancel, check_in)
    assert outcomes == ["checked_in", "checked_in", "completed", "booking_in_other_status", "checked_in"]
    assert await change(conn, app, complete, check_in) == ["completed", "booking_in_other_status"]
    await check_books(conn, app)


async def test_two_hundred_repeats_of_a_change_take_no_more_statements_than_one(conn, app, booked):
    resident, _clerk, booking_id = booked
    cancel = ChangeRequest(resident.account_id, booking_id, BookingStatus.CANCELLED, "有事", request_id="batch")
    logged: list[Any] = []
    conn.add_query_logger(logged.append)
    assert await change(conn, app, *[cancel] * 200) == ["cancelled"] * 200
    # asyncpg asks once for each new connection what its types are, with jit off meanwhile.
    asked = [each.query for each in logged if "typeinfo_tree" not in each.query and "'jit'" not in each.query]
    assert len(asked) <= 12
    assert await conn.fetchval("select taken from slot_pool") == 0
    await check_books(conn, app)


async def test_who_may_not_change_a_booking_does_not_stop_who_may(conn, app, booked):
    resident, _clerk, booking_id = booked
    stranger = await make.resident(conn, app)
    outcomes = await change(
        conn,
        app,
        *(
            ChangeRequest(who.account_id, booking_id, BookingStatus.CANCELLED, request_id="batch")
            for who in (stranger, resident, stranger)
        ),
    )
    assert outcomes == ["booking_not_found", "cancelled", "booking_not_found"]


async def test_a_caller_that_is_cancelled_leaves_the_booking_whole(client, conn, app):
    resident, slot_id = await make.resident(conn, app), await make.slot(conn)
    wanted = wish(resident, slot_id)
    asking = asyncio.create_task(app[BOOK].submit(wanted))
    await asyncio.sleep(0)
    asking.cancel()
    again = await app[BOOK].submit(wanted)
    assert not isinstance(again, Refusal)
    assert await conn.fetchval("select count(*) from booking") == 1
    await check_books(conn, app)
