"""What a reviewer does waits for what is just being done to the same application or round, and then sees it.

One side is held in the middle of its transaction, so that the guard alone decides.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from domain import enrolment_review
from domain.context import Context
from handlers.request import VAULT
from server.database import prepare_connection
from tests.booking_world import until_waiting
from tests.nursery_world import NOW

REFUSAL = {"kind": "refuse", "reason": "不在招生范围"}


@pytest.fixture
async def holder(database):
    """A session that takes a lock and keeps it."""
    connection = await asyncpg.connect(database)
    await prepare_connection(connection)
    yield connection
    await connection.close()


@pytest.fixture
async def enrolment_id(zone):
    _, made = await zone.application(await zone.round("closed"))
    return made


async def acted(zone, enrolment_id, what, who, body=None):
    status, answer = await zone.post(f"/v1/staff/enrolments/{enrolment_id}/{what}", who, body)
    return answer["code"] if status >= 400 else answer


async def meanwhile(zone, holder, statement, *given, act):
    """Do the one thing in an open transaction, begin the other, and let the first one be done: the second waits."""
    async with holder.transaction():
        await holder.execute(statement, *given)
        acting = asyncio.create_task(act)
        assert await until_waiting(zone.conn, unless=acting), "it was done before the other was known"
    return await acting


async def test_a_second_reviewer_waits_for_the_first_and_has_nothing(zone, conn, holder, enrolment_id):
    refused = await meanwhile(
        zone,
        holder,
        "update enrolment set state = 'in_review', reviewer_id = $2 where id = $1",
        enrolment_id,
        zone.carer.account_id,
        act=acted(zone, enrolment_id, "take", zone.clerk),
    )
    assert refused == "enrolment_in_other_state"
    assert await conn.fetchval("select reviewer_id from enrolment") == zone.carer.account_id


async def test_nothing_is_proposed_of_what_is_just_being_put_back(zone, conn, holder, enrolment_id):
    await acted(zone, enrolment_id, "take", zone.clerk)
    refused = await meanwhile(
        zone,
        holder,
        "update enrolment set state = 'submitted', reviewer_id = null where id = $1",
        enrolment_id,
        act=acted(zone, enrolment_id, "verdict", zone.clerk, REFUSAL),
    )
    assert refused == "enrolment_in_other_state"
    assert await conn.fetchval("select count(*) from enrolment_verdict") == 0


async def test_nothing_is_refused_that_is_just_being_withdrawn(zone, conn, holder, enrolment_id):
    await acted(zone, enrolment_id, "take", zone.clerk)
    shown = await acted(zone, enrolment_id, "verdict", zone.clerk, REFUSAL)
    refused = await meanwhile(
        zone,
        holder,
        "update enrolment set state = 'withdrawn', reviewer_id = null where id = $1",
        enrolment_id,
        act=acted(zone, enrolment_id, f"verdicts/{shown['verdicts'][0]['id']}/confirm", zone.head),
    )
    assert refused == "enrolment_in_other_state"
    assert await conn.fetchval("select confirmed from enrolment_verdict") is None
    assert await conn.fetchval("select count(*) from notice where kind = 'enrolment_refused'") == 0


async def test_two_decide_about_a_proposal_and_one_does(zone, conn, enrolment_id):
    await acted(zone, enrolment_id, "take", zone.clerk)
    shown = await acted(zone, enrolment_id, "verdict", zone.clerk, REFUSAL)
    verdict = f"verdicts/{shown['verdicts'][0]['id']}"
    answers = await asyncio.gather(
        acted(zone, enrolment_id, f"{verdict}/confirm", zone.head),
        acted(zone, enrolment_id, f"{verdict}/reject", zone.manager, {"words": "在范围内"}),
        acted(zone, enrolment_id, f"{verdict}/confirm", zone.second_manager),
    )
    assert sorted(answer if isinstance(answer, str) else "done" for answer in answers) == [
        "done",
        "verdict_decided",
        "verdict_decided",
    ]
    row = await conn.fetchrow(
        "select state, confirmed from enrolment join enrolment_verdict on enrolment_id = enrolment.id"
    )
    assert tuple(row) in {("refused", True), ("in_review", False)}


async def test_no_review_begins_while_the_deadline_is_just_being_moved(zone, holder, enrolment_id):
    refused = await meanwhile(
        zone,
        holder,
        """with held as (select id from enrolment_round for update)
           update enrolment_round set closes_at = $1, review_until = $1, value_due_at = $1
           from held where held.id = enrolment_round.id""",
        NOW + timedelta(days=9),
        act=acted(zone, enrolment_id, "take", zone.clerk),
    )
    assert refused == "review_not_open"


async def test_what_is_repaired_at_the_last_moment_is_not_marked_as_late(zone, database, holder, conn, clock):
    within = await zone.round("closed")
    _, enrolment_id = await zone.application(within, state="returned")
    clock.move(days=2)
    worker = await asyncpg.connect(database)
    await prepare_connection(worker)

    async def end_repairs():
        async with worker.transaction():
            return await enrolment_review.end_repairs(worker, Context(None, clock.now, zone.app[VAULT]))

    ended = await meanwhile(
        zone,
        holder,
        "update enrolment set state = 'submitted', repair_by = null where id = $1",
        enrolment_id,
        act=end_repairs(),
    )
    await worker.close()
    assert ended == 0
    assert await conn.fetchval("select count(*) from enrolment_event where because = 'repair_late'") == 0
