"""Alarms: raised once for one cause and day, and told to who leads the team now."""

from __future__ import annotations

from datetime import date

import pytest

from domain.help_alarms import Alarm, raise_all
from domain.help_vocabulary import AlarmKind
from handlers.request import VAULT
from schemas.notices import SENTENCES
from tests import make
from tests.help_world import help_request, helper, leads

DAY = date(2026, 11, 24)


async def test_an_alarm_is_raised_once_a_day_and_told_to_all_who_lead_now(conn, app, clock, client):
    team_id = await make.team(conn)
    leader, other, gone, member = [await helper(conn, app, team_id=team_id) for _ in range(4)]
    for one in (leader, other, gone):
        await leads(conn, one.volunteer_id, team_id)
    await conn.execute("update volunteer set status = 'suspended' where id = $1", gone.volunteer_id)
    request_id = await help_request(conn, app[VAULT], member.resident.person_id, team_id=team_id)
    nobody = Alarm(AlarmKind.NOBODY_TOOK, team_id, DAY, request_id=request_id, facts={"round": 3})
    odd = Alarm(AlarmKind.NIGHT_USE, team_id, DAY, volunteer_id=other.volunteer_id)
    assert await raise_all(conn, clock.now, [nobody, odd]) == 2
    assert await raise_all(conn, clock.now, [nobody, odd]) == 0
    assert await raise_all(conn, clock.now, []) == 0
    told = await conn.fetch("select person_id, subject_id, facts ->> 'way' as way from notice")
    assert {tuple(row) for row in told} == {
        (leader.resident.person_id, request_id, "nobody_took"),
        (other.resident.person_id, request_id, "nobody_took"),
        (
            leader.resident.person_id,
            await conn.fetchval("select id from help_alarm where kind = 'night_use'"),
            "night_use",
        ),
    }
    async with client.get("/v1/notices", headers=leader.headers) as response:
        texts = [item["text"] for item in (await response.json())["items"]]
    assert "测试甲" in texts[0] + texts[1]
    assert not any("None" in text for text in texts)


@pytest.mark.parametrize("kind", AlarmKind)
def test_every_kind_has_a_sentence_of_its_own(kind):
    assert f"help_alarmed_{kind}" in SENTENCES
