"""One guarded change of an application at a time, and what is told of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from domain import enrolment_states
from domain.enrolment_states import IN_TIME, Note, Repair, Step
from domain.nursery_vocabulary import EnrolmentBecause, EnrolmentState
from tests.nursery_world import NOW


def submitting(enrolment_id, **more):
    before = (EnrolmentState.DRAFT,)
    return Step(
        enrolment_id,
        before,
        EnrolmentState.SUBMITTED,
        EnrolmentBecause.SUBMITTED,
        during=IN_TIME,
        submitted_at=NOW,
        **more,
    )


async def applied(zone, stage="open", state="draft"):
    within = await zone.round(stage)
    _, enrolment_id = await zone.application(within, state=state)
    return within, enrolment_id


async def test_a_step_changes_the_application_and_is_told(conn, zone):
    _, enrolment_id = await applied(zone)
    step = submitting(enrolment_id, late=False, facts={"choices": 2})
    enrolment = await enrolment_states.take(conn, step, NOW)
    assert enrolment is not None
    assert (enrolment["state"], enrolment["submitted_at"], enrolment["version"]) == ("submitted", NOW, 2)
    told = await conn.fetchrow("select * from enrolment_event where enrolment_id = $1 order by n desc", enrolment_id)
    assert (told["was"], told["state"], told["because"]) == ("draft", "submitted", "submitted")
    assert told["facts"] == {"choices": 2}
    assert await enrolment_states.take(conn, step, NOW) is None


@pytest.mark.parametrize("stage", ["announced", "closed", "reviewed", "ended", "cancelled"])
async def test_a_round_in_another_state_lets_no_step_be_taken(conn, zone, stage):
    _, enrolment_id = await applied(zone, stage)
    step = submitting(enrolment_id)
    assert await enrolment_states.take(conn, step, NOW) is None
    assert await conn.fetchval("select state from enrolment where id = $1", enrolment_id) == "draft"


async def test_the_deadline_is_the_moment_itself(conn, zone):
    within, enrolment_id = await applied(zone)
    closes_at = await conn.fetchval("select closes_at from enrolment_round where id = $1", within.round_id)
    step = submitting(enrolment_id)
    assert await enrolment_states.take(conn, step, closes_at) is None
    assert await enrolment_states.take(conn, step, closes_at - timedelta(microseconds=1)) is not None


async def test_what_is_to_be_mended_goes_with_being_returned(conn, zone):
    _, enrolment_id = await applied(zone, "closed", "submitted")
    back = Step(
        enrolment_id,
        (EnrolmentState.SUBMITTED,),
        EnrolmentState.RETURNED,
        EnrolmentBecause.RETURNED,
        repair=Repair(NOW + timedelta(days=3), "请补户口簿"),
    )
    returned = await enrolment_states.take(conn, back, NOW)
    assert returned is not None
    assert (returned["repair_by"], returned["repair_words"]) == (NOW + timedelta(days=3), "请补户口簿")
    mended = Step(enrolment_id, (EnrolmentState.RETURNED,), EnrolmentState.SUBMITTED, EnrolmentBecause.REPAIRED)
    again = await enrolment_states.take(conn, mended, NOW)
    assert again is not None
    assert (again["repair_by"], again["repair_words"]) == (None, "请补户口簿")
    assert again["submitted_at"] == returned["submitted_at"]


async def test_what_happens_without_a_change_of_state_is_told_in_order(conn, zone):
    _, enrolment_id = await applied(zone, state="accepted")
    notes = [
        Note(enrolment_id, EnrolmentBecause.LISTED),
        Note(enrolment_id, EnrolmentBecause.DRAWN, facts={"rank": 1}),
    ]
    await enrolment_states.record(conn, notes, NOW)
    told = await conn.fetch(
        "select because, was, state from enrolment_event where enrolment_id = $1 order by n desc limit 2", enrolment_id
    )
    assert [tuple(row) for row in told] == [("drawn", "accepted", "accepted"), ("listed", "accepted", "accepted")]


async def test_who_freezes_is_not_overtaken_by_who_applies(conn, database, zone):
    """A step waits for who has taken the round, and then goes by what the round is then."""
    within, enrolment_id = await applied(zone)
    other = await asyncpg.connect(database)
    try:
        transaction = other.transaction()
        await transaction.start()
        await enrolment_states.take_round(other, within.round_id, NOW)
        step = submitting(enrolment_id)
        waiting = asyncio.create_task(enrolment_states.take(conn, step, NOW))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await other.execute("update enrolment_round set stage = 'cancelled' where id = $1", within.round_id)
        await transaction.commit()
        assert await waiting is None
    finally:
        await other.close()


async def test_applications_are_taken_with_their_rounds_held(conn, zone):
    _, enrolment_id = await applied(zone)
    async with conn.transaction():
        (row,) = await enrolment_states.lock(conn, [enrolment_id])
        assert row["id"] == enrolment_id
        held = await enrolment_states.share_round(conn, row["round_id"], NOW)
        assert held["state"] == "open"
