"""Help that nobody confirms: an alarm for the leader, and after a week an end without hours."""

from __future__ import annotations

import pytest

from domain import help_unconfirmed
from domain.context import Context
from handlers.request import VAULT
from server.chores import CHORES
from tests.help_world import TOMORROW, local


@pytest.fixture
def ctx(given):
    """A context of the worker, as of the clock."""

    def made():
        return Context(None, given.clock.now, given.app[VAULT])

    return made


async def alarms(given):
    rows = await given.conn.fetch("select kind, request_id, volunteer_id, closed_at is null as open from help_alarm")
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("begun", [False, True])
async def test_the_leader_is_alarmed_once(given, ctx, begun):
    if begun:
        given.now("09:10")
        await given.start()
    given.now("11:29", days=1)
    assert await help_unconfirmed.alarm(given.conn, ctx()) == 0
    given.now("11:30", days=1)
    assert await help_unconfirmed.alarm(given.conn, ctx()) == 1
    assert await help_unconfirmed.alarm(given.conn, ctx()) == 0
    assert await alarms(given) == [("unconfirmed", given.request_id, given.helper.volunteer_id, True)]
    assert await given.told(given.leader.resident.person_id) == ["help_alarmed"]
    assert await given.told(given.helper.resident.person_id) == []


async def test_of_what_is_completed_nobody_is_alarmed(given, ctx):
    await given.give()
    given.now("12:00", days=9)
    assert await help_unconfirmed.alarm(given.conn, ctx()) == 0
    assert await help_unconfirmed.close(given.conn, ctx()) == 0


async def test_help_that_was_moved_alarms_again_after_its_new_time(given, ctx):
    given.now("12:00", days=1)
    await help_unconfirmed.alarm(given.conn, ctx())
    await given.conn.execute(
        "update help_request set starts_at = starts_at + interval '3 days', ends_at = ends_at + interval '3 days'"
    )
    assert await help_unconfirmed.alarm(given.conn, ctx()) == 0
    given.now("12:00", days=4)
    assert await help_unconfirmed.alarm(given.conn, ctx()) == 1


async def test_the_leader_completing_it_closes_the_alarm(given, ctx):
    given.now("12:00", days=1)
    await help_unconfirmed.alarm(given.conn, ctx())
    assert (await given.by_leader(started_at=local(TOMORROW, "09:00").isoformat()))[0] == 200
    assert await alarms(given) == [("unconfirmed", given.request_id, given.helper.volunteer_id, False)]


async def test_the_volunteer_completing_it_late_closes_the_alarm(given, ctx):
    given.now("09:10")
    await given.start()
    given.now("12:00", days=1)
    await help_unconfirmed.alarm(given.conn, ctx())
    assert (await given.complete())[0] == 200
    assert await alarms(given) == [("unconfirmed", given.request_id, given.helper.volunteer_id, False)]


async def test_after_a_week_what_was_begun_is_closed_without_minutes(given, ctx):
    given.now("09:10")
    await given.start()
    given.now("11:29", days=7)
    assert await help_unconfirmed.close(given.conn, ctx()) == 0
    given.now("11:30", days=7)
    assert await help_unconfirmed.close(given.conn, ctx()) == 1
    assert await help_unconfirmed.close(given.conn, ctx()) == 0
    hours = await given.hours()
    assert (hours["ended_at"], hours["ended_way"], hours["minutes"]) == (local(TOMORROW, "11:30"), "time", 0)
    row = await given.row()
    assert (row["state"], row["volunteer_id"], row["end_code"]) == ("completed", given.helper.volunteer_id, None)
    assert (await given.events())[-1][:2] == ("completed", "never_confirmed")
    assert await given.conn.fetchval("select state from help_work") == "done"
    path = f"/v1/teams/{given.team_id}/hours/{given.request_id}/correct"
    body = {"minutes": 120, "reason": "家人证实办过"}
    assert (await given.send("POST", path, given.leader, body))[1]["minutes"] == 120
    _, told = await given.send("GET", "/v1/notices", given.helper)
    assert "请让队长更正时长" in told["items"][1]["text"]


async def test_after_a_week_what_was_never_begun_is_over_and_the_volunteer_free(given, ctx):
    given.now("12:00", days=7)
    assert await help_unconfirmed.close(given.conn, ctx()) == 1
    row = await given.row()
    assert (row["state"], row["volunteer_id"], row["start_code"]) == ("expired", None, None)
    assert (await given.events())[-1][:2] == ("expired", "never_confirmed")
    assert await given.conn.fetchval("select state from help_work") == "released"
    assert await given.hours() is None
    _, told = await given.send("GET", "/v1/notices", given.family)
    assert "没有人确认" in told["items"][0]["text"]
    _, told = await given.send("GET", "/v1/notices", given.helper)
    assert "没有确认" in told["items"][0]["text"]
    assert "队长" in told["items"][0]["text"]


async def test_what_somebody_is_just_completing_is_left_for_next_time(given, ctx, second_connection):
    given.now("12:00", days=7)
    async with second_connection.transaction():
        await second_connection.execute("select from help_request for no key update")
        assert await help_unconfirmed.close(given.conn, ctx()) == 0
    assert await help_unconfirmed.close(given.conn, ctx()) == 1


def test_the_worker_does_both():
    assert {"help_unconfirmed", "help_never_confirmed"} <= {chore.name for chore in CHORES}
