"""How often, and for how many persons, one volunteer may act under mandates on one day."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import uuid4

import asyncpg
import pytest

from domain import bookings
from domain.booking_limits import Acted, check_acts
from domain.booking_rules import BookingRequest
from domain.errors import Refusal
from domain.vocabulary import Role
from handlers.request import CLOCK, VAULT
from tests import make
from tests.booking_world import GENEROUS, book, cancel, check_books, elder, move, until_waiting
from tests.waiting import join


@pytest.fixture
async def volunteer_id(conn, helper):
    return await make.volunteer(conn, helper.account_id)


@pytest.fixture
async def helper(conn, app):
    return await make.resident(conn, app, name="苏和")


@pytest.fixture
async def service_id(conn):
    return await make.service(conn)


@pytest.fixture
def rules(conn):
    """Let volunteers act so often a day, for so many."""

    async def rules(*, persons=99, uses=99):
        await conn.execute("update help_policy set limit_persons_day = $1, limit_uses_day = $2", persons, uses)

    return rules


@pytest.fixture
async def slots(conn, service_id):
    policy_id = await make.policy(conn, service_id=service_id, **GENEROUS)
    return [
        await make.slot(conn, service_id, resource=f"诊室 {n}", policy_id=policy_id, public=9, assisted=9)
        for n in range(4)
    ]


@pytest.fixture
async def holder(database):
    """Return somebody else's connection, which keeps a lock for as long as the test needs."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


def acting(client, who):
    async def act(old, slot_id):
        return (await book(client, who, slot_id, old.person_id, mandate_id=old.mandate_id)).code

    return act


@pytest.mark.parametrize(
    ("uses", "persons", "person", "code"),
    [
        (0, "", "a", None),
        (4, "ab", "a", None),
        (4, "ab", "c", "limit_persons_today"),
        (5, "ab", "a", "limit_uses_today"),
        (5, "ab", "c", "limit_persons_today"),
    ],
)
def test_persons_and_uses_are_counted_apart(uses, persons, person, code):
    refusal = check_acts(Acted(uses, set(persons), limit_uses=5, limit_persons=2), person)
    assert (refusal and refusal.code) == code


async def test_no_more_persons_on_one_day_and_as_many_again_on_the_next(
    client, conn, app, clock, helper, volunteer_id, rules, slots
):
    await rules(persons=2)
    elders = [await elder(conn, app, volunteer_id) for _ in range(3)]
    act = acting(client, helper)
    assert [await act(old, slots[0]) for old in elders] == [None, None, "limit_persons_today"]
    assert await act(elders[0], slots[1]) is None
    clock.move(days=1)
    act = acting(client, await make.signed_in_again(conn, app, helper))
    assert await act(elders[2], slots[0]) is None
    await check_books(conn, app)


async def test_the_day_is_the_one_here_and_not_in_greenwich(
    client, conn, app, clock, helper, volunteer_id, rules, slots
):
    await rules(uses=1)
    old, codes = await elder(conn, app, volunteer_id), []
    for slot_id, passed in zip(slots, ({"hours": 17}, {"minutes": 31}, {"hours": 8}), strict=False):
        clock.move(**passed)
        act = acting(client, await make.signed_in_again(conn, app, helper))
        codes.append(await act(old, slot_id))
    assert codes == [None, None, "limit_uses_today"], "at 23:30, at 0:01 and at 8:01"


async def test_what_was_cancelled_or_moved_was_used_all_the_same(client, conn, app, helper, volunteer_id, rules, slots):
    """Else numbers could be taken and let go all day."""
    await rules(uses=3)
    old = await elder(conn, app, volunteer_id)
    made = await book(client, helper, slots[0], old.person_id, mandate_id=old.mandate_id)
    assert (await cancel(client, helper, made.body["id"])).status == 200
    made = await book(client, helper, slots[1], old.person_id, mandate_id=old.mandate_id)
    moved = await move(client, helper, made.body["id"], slots[2])
    assert moved.status == 201
    refused = await book(client, helper, slots[3], old.person_id, mandate_id=old.mandate_id)
    assert (refused.status, refused.code, refused.body["limit"]) == (409, "limit_uses_today", 3)
    assert (await move(client, helper, moved.body["id"], slots[0])).code == "limit_uses_today"
    assert (await cancel(client, helper, moved.body["id"])).status == 200, "to let go is always allowed"
    await check_books(conn, app)


async def test_a_repeat_is_no_use_and_what_families_do_is_theirs(client, conn, app, helper, volunteer_id, rules, slots):
    await rules(uses=1, persons=1)
    old, key = await elder(conn, app, volunteer_id), make.key()
    for _ in range(3):
        assert (await book(client, helper, slots[0], old.person_id, mandate_id=old.mandate_id, key=key)).status == 201
    assert (await book(client, old.family, slots[1], old.person_id)).status == 201
    assert (await book(client, helper, slots[1])).status == 201, "a volunteer's own"
    clerk = await make.staff(conn, app, Role.CLERK)
    assert (await book(client, clerk, slots[2], old.person_id)).status == 201
    assert await acting(client, helper)(old, slots[3]) == "limit_uses_today"


async def test_joining_a_queue_is_an_act_too(client, conn, app, helper, volunteer_id, rules, service_id, slots):
    await rules(persons=2)
    await conn.execute("update slot_pool set capacity = taken")
    elders = [await elder(conn, app, volunteer_id) for _ in range(4)]
    answers = [
        await join(client, helper, service_id, person_id=old.person_id, mandate_id=old.mandate_id) for old in elders[:3]
    ]
    assert [answer.code for answer in answers] == [None, None, "limit_persons_today"]
    await conn.execute("update slot_pool set capacity = 9")
    act = acting(client, helper)
    assert await act(elders[3], slots[0]) == "limit_persons_today"
    assert await act(elders[0], slots[0]) is None
    await rules(uses=3)
    await conn.execute("update slot_pool set capacity = taken")
    answer = await join(client, helper, service_id, person_id=elders[3].person_id, mandate_id=elders[3].mandate_id)
    assert answer.code == "limit_uses_today"
    assert (await join(client, elders[3].family, service_id, person_id=elders[3].person_id)).status == 201
    await check_books(conn, app)


async def test_the_rules_are_those_of_the_teams_area(client, conn, app, helper, slots):
    league = await make.area(conn, level="league")
    town = await make.area(conn, parent_id=league, level="town")
    volunteer_id = await make.volunteer(conn, helper.account_id, team_id=await make.team(conn, area_id=town))
    elders = [await elder(conn, app, volunteer_id) for _ in range(2)]
    await conn.execute(
        """insert into help_policy (id, area_id, version, limit_persons_day, created_at)
           values ($1, $2, 1, 1, '2026-01-01')""",
        uuid4(),
        league,
    )
    act = acting(client, helper)
    assert [await act(old, slots[0]) for old in elders] == [None, "limit_persons_today"]


async def test_acts_of_one_batch_count_against_each_other(conn, app, helper, volunteer_id, rules, slots):
    await rules(persons=2, uses=3)
    elders = [await elder(conn, app, volunteer_id) for _ in range(3)]

    def wish(old, slot_id):
        key = uuid4().hex
        return BookingRequest(helper.account_id, slot_id, old.person_id, old.mandate_id, {}, key, request_id="batch")

    wishes = [wish(old, slots[0]) for old in elders] + [wish(elders[0], slot_id) for slot_id in slots[1:3]]
    async with conn.transaction():
        outcomes = await bookings.book(conn, app[VAULT], wishes, app[CLOCK]())
    codes = [outcome.code if isinstance(outcome, Refusal) else None for outcome in outcomes]
    assert codes == [None, None, "limit_persons_today", None, "limit_uses_today"]
    await check_books(conn, app)


async def test_the_limit_of_persons_holds_in_a_race(client, second_client, conn, app, helper, volunteer_id, rules):
    """A booking of one elder and another one's wait for a queue at the same moment, in two processes."""
    await rules(persons=3)
    elders = [await elder(conn, app, volunteer_id) for _ in range(12)]
    service_ids = [await make.service(conn) for _ in range(2)]
    slot_id = await make.slot(conn, service_ids[0], public=9, assisted=9)
    await make.slot(conn, service_ids[1], public=0)
    both = (client, second_client)

    async def act(n, old):
        if n % 3:
            return await book(both[n % 2], helper, slot_id, old.person_id, mandate_id=old.mandate_id)
        return await join(both[n % 2], helper, service_ids[1], person_id=old.person_id, mandate_id=old.mandate_id)

    answers = await asyncio.gather(*(act(n, old) for n, old in enumerate(elders)))
    assert Counter(answer.code for answer in answers) == {None: 3, "limit_persons_today": 9}
    await check_books(conn, app)


async def test_a_day_is_counted_while_another_act_of_the_volunteer_is_stuck(
    client, second_client, conn, app, holder, helper, volunteer_id, rules, slots
):
    await rules(uses=1)
    elders = [await elder(conn, app, volunteer_id) for _ in range(2)]
    async with holder.transaction():
        await holder.execute("select from slot_pool where slot_id = $1 for update", slots[0])
        first = asyncio.ensure_future(acting(client, helper)(elders[0], slots[0]))
        await until_waiting(conn)
        second = asyncio.ensure_future(acting(second_client, helper)(elders[1], slots[1]))
        await until_waiting(conn, 2, unless=second)
    assert [await first, await second] == [None, "limit_uses_today"]
    await check_books(conn, app)
