"""The builders of nursery rows: every stage of a round can be made, and what they make is what the names say."""

from __future__ import annotations

import pytest

from tests.nursery_world import NOW, SPANS, drawn, place, seat_offer


@pytest.mark.parametrize("stage", SPANS)
async def test_a_round_is_made_in_every_state(zone, conn, stage):
    made = await zone.round(stage)
    found = await conn.fetchval(
        "select round_state(stage, opens_at, closes_at, $2) from enrolment_round where id = $1", made.round_id, NOW
    )
    assert found == stage
    assert [len(each.seats) for each in made.programmes] == ([0, 0] if stage == "draft" else [2, 2])


async def test_a_family_goes_the_whole_way(zone, conn):
    made = await zone.round("offers")
    who, enrolment_id = await zone.application(made, None, None, {"resettled": "granted"}, state="accepted")
    seat_id = made.programmes[0].seats[0]
    await drawn(conn, made, [enrolment_id], {enrolment_id: seat_id})
    await seat_offer(conn, enrolment_id, seat_id, status="accepted")
    await place(conn, who.child_id, zone.star_class, enrolment_id=enrolment_id)
    assert await conn.fetchval("select tiers from programme_seat where id = $1", seat_id) == ["resettled", ""]
