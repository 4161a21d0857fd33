"""Good calls of looking at alarms."""

from __future__ import annotations

from domain.help_alarms import Alarm, raise_all
from domain.help_vocabulary import AlarmKind
from domain.vocabulary import local_day
from handlers.request import CLOCK
from tests.calls_help_requests import asked
from tests.town import Given


async def alarmed(town):
    now, request_id = town.app[CLOCK](), await asked(town)
    await raise_all(
        town.conn, now, [Alarm(AlarmKind.NOBODY_TOOK, town.team_id, local_day(now), request_id, facts={"round": 3})]
    )
    alarm_id = await town.conn.fetchval("select id from help_alarm where request_id = $1", request_id)
    return Given(ids={"id": town.team_id, "alarm_id": alarm_id})


async def closing(town):
    given = await alarmed(town)
    return Given({"outcome": "队长去了"}, given.ids)


async def looking(town):
    given = await alarmed(town)
    return Given(ids={"id": given.ids["id"]})


GOOD = {
    ("GET", "/v1/teams/{id}/alarms"): looking,
    ("POST", "/v1/teams/{id}/alarms/{alarm_id}/close"): closing,
}
