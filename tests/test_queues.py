"""The day itself: who has come is called in order, nobody twice, and what was a mistake can be taken back."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import booking_changes, queues
from domain.booking_changes import ChangeRequest
from domain.errors import Refusal
from domain.vocabulary import BookingStatus, Role
from handlers.request import CLOCK, VAULT
from tests import make
from tests.booking_world import post
from tests.clinics import LATE

if TYPE_CHECKING:
    from datetime import datetime


async def test_checking_in_gives_a_number_and_a_repeat_gives_the_same(clinic, conn):
    first, second = await clinic.booking(), await clinic.booking()
    assert [(await clinic.come(each)).body["queue_number"] for each in (second, first, second)] == [1, 2, 1]
    assert await conn.fetchval("select last_number from clinic_day") == 2
    assert await conn.fetchval("select version from clinic_day") == 2
    assert [ticket["number"] for ticket in (await clinic.state())["tickets"]] == [1, 2]


async def test_numbers_begin_anew_for_each_doctor_and_day(clinic, conn):
    await clinic.arrived()
    clinic.resource = "李医生"
    other = await clinic.booking()
    assert (await clinic.come(other)).body["queue_number"] == 1
    await clinic.later(days=1)
    tomorrow = await clinic.booking()
    assert (await clinic.come(tomorrow)).body["queue_number"] == 1


async def test_who_is_in_time_is_called_by_the_slot_and_not_by_the_coming(clinic):
    late_slot, early_slot = await clinic.arrived(90), await clinic.arrived(60)
    assert await clinic.called() == [str(early_slot), str(late_slot)]


async def test_who_is_late_waits_behind_those_who_were_in_time_by_then(clinic):
    early, punctual, next_slot = await clinic.booking(10), await clinic.booking(20), await clinic.booking(40)
    await clinic.later(minutes=10 + LATE, seconds=1)
    assert (await clinic.come(early)).status == 200
    assert (await clinic.come(punctual)).status == 200
    assert (await clinic.come(next_slot)).status == 200
    tickets = {ticket["booking_id"]: ticket for ticket in (await clinic.state())["tickets"]}
    assert [ticket["late"] for ticket in tickets.values()] == [False, True, False]
    assert await clinic.called() == [str(each) for each in (punctual, early, next_slot)]


async def test_the_last_minute_of_being_in_time(clinic):
    booking_id = await clinic.booking(10)
    await clinic.later(minutes=10 + LATE)
    await clinic.come(booking_id)
    assert [ticket["late"] for ticket in (await clinic.state())["tickets"]] == [False]


async def test_a_policy_may_refuse_who_is_late_and_the_desk_may_admit(clinic, conn):
    await conn.execute("update policy set late_rule = 'refuse' where id = $1", clinic.policy_id)
    late, other = await clinic.booking(10), await clinic.booking(60)
    await clinic.later(minutes=11 + LATE)
    refused = await clinic.come(late)
    assert (refused.status, refused.code) == (409, "too_late")
    assert (refused.body["late_minutes"], refused.body["booking_id"]) == (LATE, str(late))
    assert await conn.fetchval("select count(*) from queue_ticket") == 0
    nothing = await post(clinic.client, f"/v1/staff/bookings/{late}/admit", clinic.clerk, {})
    assert (nothing.status, nothing.code) == (400, "invalid_input")
    admitted = await post(clinic.client, f"/v1/staff/bookings/{late}/admit", clinic.clerk, {"reason": "班车晚点"})
    assert (admitted.status, admitted.body["reason"], admitted.body["queue_number"]) == (200, "班车晚点", 1)
    facts = await conn.fetchval("select facts from audit where action = 'bookings.checked_in'")
    assert facts["admit_late"] == "yes"
    assert (await clinic.come(other)).status == 200
    assert await clinic.called() == [str(late), str(other)]


async def test_a_called_one_is_called_again_skipped_taken_back_and_done(clinic, conn):
    first, second = await clinic.arrived(30), await clinic.arrived(60)
    called = await clinic.call(counter="3 号窗口")
    assert (called.status, called.body["booking_id"]) == (201, str(first))
    assert (called.body["status"], called.body["calls"], called.body["counter"]) == ("called", 1, "3 号窗口")
    again = await clinic.act("call", first, {})
    assert (again.body["calls"], again.body["counter"]) == (2, "3 号窗口")
    assert (await clinic.act("call", first, {"counter": "4 号窗口"})).body["counter"] == "4 号窗口"
    assert (await clinic.act("skip", first)).body["status"] == "skipped"
    assert (await clinic.act("skip", first)).status == 200
    assert (await clinic.act("call", first, {})).code == "ticket_in_other_status"
    await clinic.later(minutes=45)
    assert (await clinic.act("return", first)).body["status"] == "waiting"
    assert (await clinic.act("return", first)).status == 200
    assert await clinic.called() == [str(first), str(second)]
    done = await post(clinic.client, f"/v1/staff/bookings/{first}/complete", clinic.clerk)
    assert done.body["status"] == "completed"
    state = await clinic.state()
    assert [(ticket["booking_id"], ticket["status"]) for ticket in state["tickets"]] == [
        (str(second), "called"),
        (str(first), "done"),
    ]
    actions = await conn.fetch("select action from audit where subject_id = $1 order by at, seq", first)
    assert {row["action"] for row in actions} >= {
        "queues.called",
        "queues.called_again",
        "queues.skipped",
        "queues.taken_back",
        "bookings.completed",
    }


async def test_who_comes_back_after_being_passed_over_waits_behind_those_whose_turn_it_is(clinic):
    missed, next_one, later = await clinic.arrived(0), await clinic.arrived(10), await clinic.arrived(60)
    await clinic.call()
    await clinic.act("skip", missed)
    await clinic.later(minutes=20)
    await clinic.act("return", missed)
    assert await clinic.called() == [str(next_one), str(missed), str(later)]


async def test_a_mistaken_skip_and_a_mistaken_end_are_taken_back_on_the_same_day(clinic, conn):
    first, second = await clinic.arrived(), await clinic.arrived()
    await clinic.call()
    await clinic.act("skip", first)
    assert (await clinic.act("undo", first)).body["status"] == "called"
    for booking_id, status in ((first, "called"), (second, "waiting")):
        await post(clinic.client, f"/v1/staff/bookings/{booking_id}/complete", clinic.clerk)
        undone = await clinic.act("undo", booking_id)
        assert (undone.body["status"], undone.body["done_at"]) == (status, None)
    assert {row["status"] for row in await conn.fetch("select status from booking")} == {"checked_in"}
    assert (await clinic.act("undo", second)).code == "ticket_in_other_status"
    await clinic.act("skip", first)
    await clinic.later(days=1)
    assert (await clinic.act("undo", first)).code == "queue_day_over"
    assert (await clinic.act("return", first)).code == "queue_day_over"
    assert (await clinic.call()).code == "queue_empty"


async def test_a_call_that_is_repeated_calls_nobody_else(clinic):
    first, second = await clinic.arrived(), await clinic.arrived()
    key = make.key()
    answers = [await clinic.call(key=key) for _ in range(3)]
    assert {answer.body["booking_id"] for answer in answers} == {str(first)}
    assert answers[0].body["calls"] == answers[2].body["calls"] == 1
    assert await clinic.called() == [str(second)]


@pytest.mark.parametrize("turn", range(3))
async def test_two_counters_that_call_at_once_call_two_people(clinic, second_client, turn):
    people = [str(await clinic.arrived()) for _ in range(12)]
    both = [clinic.client, second_client]
    answers = await asyncio.gather(*(clinic.call(both[n % 2]) for n in range(16)))
    called = Counter(answer.body.get("booking_id") for answer in answers if answer.status == 201)
    assert called == Counter(people), "everybody once"
    assert Counter(answer.code for answer in answers if answer.status != 201) == {"queue_empty": 4}


async def test_a_call_while_others_come_neither_loses_nor_doubles_a_number(clinic, second_client, conn, app):
    both = [clinic.client, second_client]
    bookings = [await clinic.booking() for _ in range(30)]
    coming = [clinic.come(each, both[n % 2]) for n, each in enumerate(bookings)]
    calling = [clinic.call(both[n % 2]) for n in range(20)]
    answers = await asyncio.gather(*coming, *calling)
    assert [answer.status for answer in answers[:30]] == [200] * 30
    called = [answer.body["booking_id"] for answer in answers[30:] if answer.status == 201]
    called += await clinic.called()
    assert sorted(called) == sorted(map(str, bookings))
    assert sorted(answer.body["queue_number"] for answer in answers[:30]) == list(range(1, 31))


async def test_finishing_and_calling_at_once_meet_no_deadlock(clinic, second_client, conn):
    people = [await clinic.arrived() for _ in range(12)]
    both = [clinic.client, second_client]
    answers = await asyncio.gather(
        *(clinic.call(both[n % 2]) for n in range(8)),
        *(post(both[n % 2], f"/v1/staff/bookings/{each}/complete", clinic.clerk) for n, each in enumerate(people)),
    )
    assert {answer.status for answer in answers} <= {200, 201, 409}
    assert {row["status"] for row in await conn.fetch("select status from queue_ticket")} == {"done"}


async def test_the_state_tells_who_is_still_expected_and_the_list_names_the_clinics(clinic):
    await clinic.booking()
    await clinic.arrived()
    state = await clinic.state()
    assert (state["expected"], len(state["tickets"]), state["day"]) == (1, 1, "2026-11-23")
    assert state["tickets"][0]["person_name"].startswith("测试")
    path = "/v1/staff/queues"
    async with clinic.client.get(
        path, params={"provider": str(clinic.provider_id)}, headers=clinic.clerk.headers
    ) as response:
        (item,) = (await response.json())["items"]
    assert (item["resource"], item["waiting"], item["called"]) == ("王医生", 1, 0)


async def test_no_other_desk_gets_near(clinic, conn, app):
    booking_id = await clinic.arrived()
    elsewhere = await make.staff(conn, app, Role.ADMIN, provider_id=await make.provider(conn))
    for what in ("call", "skip", "return", "undo"):
        answer = await post(clinic.client, f"/v1/staff/tickets/{booking_id}/{what}", elsewhere, {})
        assert (answer.status, answer.code) == (404, "ticket_not_found")
    nobody = await post(clinic.client, f"/v1/staff/tickets/{clinic.service_id}/skip", clinic.clerk)
    assert (nobody.status, nobody.code) == (404, "ticket_not_found")
    path = f"/v1/staff/queues/{clinic.service_id}/call"
    refused = await post(clinic.client, path, elsewhere, {"resource": clinic.resource}, make.key())
    assert (refused.status, refused.code) == (404, "service_not_found")


async def test_the_books_balance_after_a_day(clinic, conn, app):
    people = [await clinic.booking() for _ in range(6)]
    rows = await conn.fetch("select id, person_id, number, slot_id from booking")
    assert len(rows) == 6
    async with conn.transaction():
        outcomes = await booking_changes.change(
            conn,
            app[VAULT],
            [
                ChangeRequest(clinic.clerk.account_id, each, BookingStatus.CHECKED_IN, desk=True, request_id="batch")
                for each in people
            ],
            app[CLOCK](),
        )
    assert [outcome["queue_number"] for outcome in outcomes if not isinstance(outcome, Refusal)] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ], "in the order of the batch"
    assert await conn.fetchval("select version from clinic_day") == 1, "one batch, one change"


async def test_a_batch_that_checks_nobody_in_asks_nothing_of_the_queue(clinic, conn, app, monkeypatch):
    """Cancelling pays nothing for the queue: one more statement for those who come, none for others."""
    booking_id = await clinic.booking()

    async def none(*_args):
        raise AssertionError("asked the queue")

    monkeypatch.setattr(queues, "enter", none)
    monkeypatch.setattr(queues, "finish", none)
    answer = await post(clinic.client, f"/v1/staff/bookings/{booking_id}/cancel", clinic.clerk, {})
    assert answer.status == 200


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    coming=st.lists(st.tuples(st.integers(0, 6), st.integers(-60, 90)), min_size=1, max_size=12),
)
async def test_nobody_is_passed_over_whatever_the_order_of_coming(coming):
    """The order of calls, against a plain statement of the rule: by slot for those in time, by coming for the late."""
    began = make.EPOCH
    fact = {"id": None, "service_id": None, "resource": "", "day": began.date(), "late_minutes": LATE}
    arrivals = []
    for index, (slot, minutes) in enumerate(sorted(coming, key=lambda each: each[0] * 10 + each[1])):
        starts_at = began + timedelta(minutes=10 * slot)
        came_at = starts_at + timedelta(minutes=minutes)
        one = queues.arrival({**fact, "id": index, "starts_at": starts_at}, came_at)
        assert one.late == (minutes > LATE)
        arrivals.append((one, starts_at, came_at))
    for first, starts_at, came_at in arrivals:
        for second, other_starts_at, other_came_at in arrivals:
            if not first.late and not second.late and starts_at < other_starts_at:
                assert first.order_at < second.order_at, "in time: by the slot, whoever came first"
            if first.late and not second.late and other_starts_at <= came_at:
                assert second.order_at <= first.order_at, "late: behind all whose slot has begun"
            if first.late and second.late and came_at < other_came_at:
                assert first.order_at < second.order_at, "both late: by the coming"
            if first.late and second.order_at > first.order_at and not second.late:
                assert other_starts_at > came_at, "but before those whose slot comes later"


STATUSES = ("waiting", "called", "skipped", "done")


class Line:
    """What the queue should be, kept in the plainest way: who waits, by when the turn counts and by number."""

    def __init__(self):
        self.waiting: dict[str, tuple[datetime, int]] = {}
        self.called: dict[str, bool] = {}
        self.skipped: dict[str, tuple[datetime, int]] = {}
        self.done: set[str] = set()

    def next(self):
        return min(self.waiting, key=self.waiting.__getitem__, default=None)


@pytest.mark.parametrize("seed", range(4))
async def test_a_day_of_comings_calls_and_mistakes_keeps_the_order(clinic, seed):
    """Random days against a model: whoever is called is the one whose turn it is, and nobody is lost or doubled."""
    chance = random.Random(seed)
    line, turns = Line(), {}
    expected = [str(await clinic.booking(chance.choice((10, 20, 40, 60)))) for _ in range(10)]
    starts = {
        str(row["id"]): row["starts_at"]
        for row in await clinic.conn.fetch("select booking.id, starts_at from booking join slot on slot.id = slot_id")
    }
    for _ in range(50):
        now = clinic.app[CLOCK]()
        act = chance.choice(("come", "come", "call", "call", "skip", "return", "done", "undo", "later"))
        if act == "come" and expected:
            who = expected.pop(chance.randrange(len(expected)))
            number = (await clinic.come(who)).body["queue_number"]
            late = now > starts[who] + timedelta(minutes=LATE)
            line.waiting[who] = turns[who] = (now if late else starts[who], number)
        elif act == "call":
            answer, who = await clinic.call(), line.next()
            assert answer.body.get("booking_id") == who
            if who is not None:
                line.called[who] = line.waiting.pop(who) is not None
        elif act == "skip" and line.called:
            who = chance.choice(sorted(line.called))
            assert (await clinic.act("skip", who)).status == 200
            line.skipped[who] = turns[who]
            del line.called[who]
        elif act == "return" and line.skipped:
            who = chance.choice(sorted(line.skipped))
            assert (await clinic.act("return", who)).status == 200
            order_at, number = line.skipped.pop(who)
            line.waiting[who] = turns[who] = (max(order_at, now), number)
        elif act == "done" and line.called:
            who = chance.choice(sorted(line.called))
            assert (await post(clinic.client, f"/v1/staff/bookings/{who}/complete", clinic.clerk)).status == 200
            line.done.add(who)
            del line.called[who]
        elif act == "undo" and line.done | set(line.skipped):
            who = chance.choice(sorted(line.done | set(line.skipped)))
            assert (await clinic.act("undo", who)).body["status"] == "called"
            line.done.discard(who)
            line.skipped.pop(who, None)
            line.called[who] = True
        elif act == "later":
            await clinic.later(minutes=chance.choice((3, 9)))
        tickets = (await clinic.state())["tickets"]
        found = {status: [each["booking_id"] for each in tickets if each["status"] == status] for status in STATUSES}
        assert found["waiting"] == sorted(line.waiting, key=line.waiting.__getitem__)
        assert set(found["called"]) == set(line.called)
        assert set(found["skipped"]) == set(line.skipped)
        assert set(found["done"]) == line.done


async def test_checking_in_twice_at_once_and_while_it_is_cancelled_gives_one_ticket_or_none(
    clinic, second_client, conn
):
    both = [clinic.client, second_client]
    for turn in range(6):
        booking_id = await clinic.booking()
        cancelling = post(both[turn % 2], f"/v1/staff/bookings/{booking_id}/cancel", clinic.clerk, {})
        answers = await asyncio.gather(*(clinic.come(booking_id, both[n % 2]) for n in range(4)), cancelling)
        came, cancelled = {answer.status for answer in answers[:4]}, answers[4].status
        status = await conn.fetchval("select status from booking where id = $1", booking_id)
        tickets = await conn.fetchval("select count(*) from queue_ticket where booking_id = $1", booking_id)
        assert (status, tickets, came, cancelled) in (
            ("checked_in", 1, {200}, 409),
            ("cancelled", 0, {409}, 200),
        )
        if tickets:
            assert len({answer.body["queue_number"] for answer in answers[:4]}) == 1


async def test_a_no_show_that_was_none_still_waits_that_day(clinic):
    booking_id, other = await clinic.booking(status="no_show"), await clinic.booking(60, status="no_show")
    await clinic.later(minutes=200)
    path = f"/v1/staff/bookings/{booking_id}/correct"
    answer = await post(clinic.client, path, clinic.clerk, {"status": "checked_in", "reason": "一直在候诊室"})
    assert (answer.status, answer.body["queue_number"]) == (200, 1)
    assert await clinic.called() == [str(booking_id)]
    path = f"/v1/staff/bookings/{other}/correct"
    answer = await post(clinic.client, path, clinic.clerk, {"status": "completed", "reason": "看完走了"})
    assert (answer.status, answer.body["queue_number"]) == (200, None)
