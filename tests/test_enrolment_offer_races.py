"""Races for nursery seats: answers beside answers, beside the lapse, and a storm of all at once."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
import structlog

from domain import enrolment_answers, enrolment_offers
from domain.callers import Caller
from domain.context import Context
from domain.errors import Conflict
from domain.identifiers import new_id
from handlers.request import VAULT
from server.database import prepare_connection
from tests import make
from tests.booking_world import until_waiting
from tests.mandates import call
from tests.nursery_story import make_story

FOUR_FOR_TWO = {"a": ("s", (), "s1"), "b": ("s", (), "s2"), "c": ("s", (), None), "d": ("s", (), None)}


@pytest.fixture(autouse=True)
def no_complaints():
    """A deadlock or an unexpected error is logged, and none of these is part of any race here."""
    with structlog.testing.capture_logs() as logs:
        yield
    assert [each for each in logs if each["log_level"] in ("warning", "error")] == []


@pytest.fixture
async def others(database):
    made = [await asyncpg.connect(database) for _ in range(2)]
    for each in made:
        await prepare_connection(each)
    yield made
    for each in made:
        await each.close()


def context(offering, name, now=None):
    caller = Caller(offering.who[name].account_id, new_id(), frozenset(), 1)
    return Context(caller, now or offering.clock.now, offering.zone.app[VAULT])


async def answered(conn, offering, act, name, now=None):
    offer_id = next(iter((await offering.live(name)).values()))
    await act(conn, context(offering, name, now), offering.ids[name], {"offer_id": offer_id})


async def in_transaction(conn, act, *given):
    async with conn.transaction():
        return await act(conn, *given)


async def behind(conn, first, act):
    """Let `act` run into what `first` holds, then commit that; without a guard `act` is through by then."""
    racing = asyncio.create_task(act)
    await until_waiting(conn, unless=racing)
    await first.commit()
    return (await asyncio.gather(racing, return_exceptions=True))[0]


async def test_two_who_let_go_at_once_leave_two_seats_to_two(offering, others):
    await offering.lay(draw=FOUR_FOR_TWO, seats=2)
    await offering.begin()
    one, other = others
    first = one.transaction()
    await first.start()
    await answered(one, offering, enrolment_answers.decline, "a")
    given = {"offer_id": next(iter((await offering.live("b")).values()))}
    second = in_transaction(other, enrolment_answers.decline, context(offering, "b"), offering.ids["b"], given)
    assert await behind(offering.conn, first, second) is None
    assert [set(await offering.live(name)) for name in "cd"] == [{"s"}, {"s"}]
    assert [len(await offering.statuses(name)) for name in "cd"] == [1, 1]


async def test_a_lapse_beside_an_answer_hands_two_seats_to_two(offering, others, clock):
    await offering.lay(draw=FOUR_FOR_TWO, seats=2)
    await offering.begin()
    now = clock.now
    await offering.conn.execute(
        "update enrolment_offer set answer_by = $1 where enrolment_id = $2", now, offering.ids["b"]
    )
    one, other = others
    first = one.transaction()
    await first.start()
    await answered(one, offering, enrolment_answers.decline, "a")
    second = in_transaction(other, enrolment_offers.lapse, offering.ctx())
    assert await behind(offering.conn, first, second) == 1
    assert [len(await offering.statuses(name)) for name in "cd"] == [1, 1]


async def test_an_answer_in_time_holds_against_the_lapse_behind_it(offering, others, clock):
    await offering.lay(draw=FOUR_FOR_TWO, seats=2)
    await offering.begin()
    due = await offering.conn.fetchval("select min(answer_by) from enrolment_offer")
    one, other = others
    first = one.transaction()
    await first.start()
    for name in "ab":
        await answered(one, offering, enrolment_answers.accept, name, due - timedelta(seconds=1))
    clock.now = due
    second = in_transaction(other, enrolment_offers.lapse, offering.ctx())
    assert await behind(offering.conn, first, second) == 0
    assert [await offering.statuses(name) for name in "abcd"] == [["accepted"], ["accepted"], [], []]


async def test_two_carers_who_answer_at_once_have_one_answer(offering, others):
    await offering.lay(draw=FOUR_FOR_TWO, seats=2)
    await offering.begin()
    one, other = others
    first = one.transaction()
    await first.start()
    offer_id = (await offering.live("a"))["s"]
    await answered(one, offering, enrolment_answers.decline, "a")
    accepting = in_transaction(
        other, enrolment_answers.accept, context(offering, "a"), offering.ids["a"], {"offer_id": offer_id}
    )
    refused = await behind(offering.conn, first, accepting)
    assert isinstance(refused, Conflict)
    assert (refused.code, refused.facts["offer_status"]) == ("enrolment_offer_over", "declined")
    assert await offering.places("a") == []


async def test_an_answer_holds_nothing_while_its_reply_is_computed(offering, others):
    """The reply counts whole queues: other families, and with the audit everybody, would wait for it."""
    await offering.lay(draw=FOUR_FOR_TWO, seats=2)
    await offering.begin()
    given = {"offer_id": (await offering.live("a"))["s"]}
    path, who = f"/v1/enrolments/{offering.ids['a']}/accept", offering.who["a"]
    async with others[0].transaction():
        await others[0].execute("lock table provider in access exclusive mode")
        answer = asyncio.create_task(offering.zone.post(path, who, given))
        await until_waiting(offering.conn, unless=answer)
        assert not answer.done()
        assert await offering.statuses("a") == ["accepted"]
    assert (await answer)[0] == 200


async def test_workers_beside_each_other_lapse_each_offer_once(offering, others, clock):
    await offering.lay(draw=FOUR_FOR_TWO, seats=2)
    await offering.begin()
    clock.now = await offering.conn.fetchval("select max(answer_by) from enrolment_offer")
    done = await asyncio.gather(*(in_transaction(each, enrolment_offers.lapse, offering.ctx()) for each in others))
    assert sum(done) == 2
    assert [await offering.statuses(name) for name in "abcd"] == [["lapsed"], ["lapsed"], ["live"], ["live"]]


async def test_no_seat_is_promised_twice(offering):
    await offering.lay(draw=FOUR_FOR_TWO, seats=2)
    await offering.begin()
    again = "update enrolment_offer set seat_id = (select seat_id from enrolment_offer where enrolment_id = $1)"
    with pytest.raises(asyncpg.UniqueViolationError):
        await offering.conn.execute(again, offering.ids["a"])


async def test_no_child_has_two_seats(offering):
    await offering.lay(draw={"a": ("s", (), "s1"), "b": ("sm", (), "m1")})
    await offering.begin()
    await offering.answer("a", "decline")
    assert len(await offering.live("b")) == 2
    accept = "update enrolment_offer set status = 'accepted', answered_at = offered_at where enrolment_id = $1"
    with pytest.raises(asyncpg.UniqueViolationError):
        await offering.conn.execute(accept, offering.ids["b"])


@pytest.mark.parametrize("seed", range(3))
async def test_in_a_storm_of_answers_nobody_is_passed_over(conn, app, clock, client, second_client, others, seed):
    """Families, each twice, two processes and the worker answer at once, until nothing is open any more."""
    chance = random.Random(seed)
    story = await make_story(conn, app, clock, chance, most=24)
    late = [one for one in story.applicants if story.applicants[one].late]
    for enrolment_id in late:
        await story.admit(enrolment_id)
    await story.begin()
    token = await make.session(conn, app, story.parent.account_id, ["resident"])
    parent = replace(story.parent, token=token)

    async def answer(through, offer, act):
        path = f"/v1/enrolments/{offer['enrolment_id']}/{act}"
        status, said = await call(through, "POST", path, parent, {"offer_id": str(offer["id"])})
        assert status == 200 or said["code"] == "enrolment_offer_over", said

    while offers := [row for row in await story.offers() if row["status"] == "live"]:
        due = chance.sample(offers, len(offers) // 4)
        await conn.execute(
            "update enrolment_offer set answer_by = $1 where id = any($2::uuid[])",
            clock.now,
            [row["id"] for row in due],
        )
        answers = [
            answer(through, offer, chance.choice(["accept", "accept", "decline"]))
            for offer in offers
            for through in (client, second_client)
        ]
        chance.shuffle(answers)
        await asyncio.gather(*answers, *(in_transaction(each, enrolment_offers.lapse, story.ctx()) for each in others))
        await story.look(at_once=True)
