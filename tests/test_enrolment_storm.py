"""Many families in the last moment: each gets an honest answer, and the rows are what the answers said."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import asyncpg
import pytest

from tests.nursery_world import NOW, application

FAMILIES = 60


async def test_in_the_last_moment_the_rows_are_what_the_answers_said(zone, conn, clock):
    """Half ask before the deadline and half behind it, all at once; who is refused is still a draft."""
    within = await zone.round(closes_at=NOW + timedelta(seconds=2))
    drafts = [await zone.application(within, state="draft") for _ in range(FAMILIES)]

    async def hand_in(who, enrolment_id):
        status, answer = await zone.post(f"/v1/enrolments/{enrolment_id}/submit", who)
        return enrolment_id, status, answer.get("code") or answer["state"]

    first = [asyncio.create_task(hand_in(*draft)) for draft in drafts[: FAMILIES // 2]]
    await asyncio.sleep(0.05)
    clock.move(seconds=2)
    second = [asyncio.create_task(hand_in(*draft)) for draft in drafts[FAMILIES // 2 :]]
    answers = await asyncio.gather(*first, *second)
    assert {(status, word) for _, status, word in answers} == {(200, "submitted"), (409, "enrolment_closed")}
    said = {enrolment_id: word for enrolment_id, _, word in answers}
    rows = await conn.fetch("select id, state, submitted_at, late from enrolment where round_id = $1", within.round_id)
    stands = {row["id"]: "submitted" if row["state"] == "submitted" else "enrolment_closed" for row in rows}
    assert stands == said
    closes_at = await conn.fetchval("select closes_at from enrolment_round where id = $1", within.round_id)
    assert all(row["submitted_at"] < closes_at and not row["late"] for row in rows if row["state"] == "submitted")
    assert all(row["state"] == "draft" for row in rows if row["submitted_at"] is None)
    told = await conn.fetchval("select count(*) from notice where kind = 'enrolment_submitted'")
    assert told == Counter(stands.values())["submitted"]


async def test_a_child_begun_for_by_many_at_once_has_one_application(zone, conn):
    within, who = await zone.round(), await zone.family()
    body = {"round_id": str(within.round_id), "person_id": str(who.child_id), "choices": []}
    answers = await asyncio.gather(*(zone.post("/v1/enrolments", who, body) for _ in range(8)))
    assert sorted(status for status, _ in answers) == [201] + [409] * 7
    assert {answer["code"] for status, answer in answers if status == 409} == {"enrolment_exists"}
    assert await conn.fetchval("select count(*) from enrolment") == 1


async def test_the_database_itself_lets_a_child_apply_once_in_a_round(zone, conn, database):
    """Two connections that know nothing of each other: the second waits for the first, and is refused by the index."""
    within, who = await zone.round(), await zone.family()
    other = await asyncpg.connect(database)
    try:
        first = conn.transaction()
        await first.start()
        await application(conn, who, within)
        second = asyncio.create_task(application(other, who, within, state="draft"))
        await asyncio.sleep(0.2)
        assert not second.done()
        await first.commit()
        with pytest.raises(asyncpg.UniqueViolationError) as refused:
            await second
        assert refused.value.constraint_name == "enrolment_live"
    finally:
        await other.close()
