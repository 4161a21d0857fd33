"""Good calls of giving help, and of its hours, thanks and complaints."""

from __future__ import annotations

from datetime import timedelta

from domain.identifiers import new_id
from handlers.request import CLOCK, VAULT
from tests.calls_help_requests import asked
from tests.giving import with_id
from tests.help_world import END_CODE, START_CODE, taken
from tests.make import EPOCH
from tests.town import Given, count

MONTH = {"month": "2026-01"}


async def task(town):
    """Let the helper have something to do now, and nothing else."""
    await town.conn.execute("update help_work set state = 'released' where volunteer_id = $1", town.helper_id)
    await town.conn.execute(
        """update help_hours set ended_at = started_at, ended_way = 'time', minutes = 0
           where volunteer_id = $1 and ended_at is null""",
        town.helper_id,
    )
    now = town.app[CLOCK]()
    span = now, now + timedelta(hours=1)
    return await taken(town.conn, await asked(town), town.helper_id, state="booked", span=span)


async def under_way(town):
    request_id = await task(town)
    await town.conn.execute("update help_request set state = 'under_way' where id = $1", request_id)
    await town.conn.execute(
        """insert into help_hours (request_id, volunteer_id, team_id, started_at, started_way)
           values ($1, $2, $3, $4, 'code')""",
        request_id,
        town.helper_id,
        town.team_id,
        town.app[CLOCK](),
    )
    return request_id


async def done(town):
    request_id = await taken(town.conn, await asked(town), town.helper_id, state="completed")
    started_at = EPOCH + timedelta(minutes=20 * next(count))
    await town.conn.execute(
        """insert into help_hours (request_id, volunteer_id, team_id, started_at, started_way, ended_at,
                                   ended_way, minutes)
           values ($1, $2, $3, $4, 'code', $5, 'code', 10)""",
        request_id,
        town.helper_id,
        town.team_id,
        started_at,
        started_at + timedelta(minutes=10),
    )
    return request_id


async def complaint(town):
    complaint_id = new_id()
    await town.conn.execute(
        """insert into help_complaint (id, request_id, team_id, volunteer_id, made_by, made_at, words_sealed)
           values ($1, $2, $3, $4, $5, now(), $6)""",
        complaint_id,
        await done(town),
        town.team_id,
        town.helper_id,
        town.accounts["family"][0],
        town.app[VAULT].seal("help_complaint", "words_sealed", complaint_id, "没有来".encode()),
    )
    return complaint_id


async def own_hours(town):
    await done(town)
    return Given(query=MONTH)


async def hours_of_team(town):
    await done(town)
    return Given(ids={"id": town.team_id}, query=MONTH)


async def hours_of_member(town):
    await done(town)
    return Given(ids={"id": town.team_id, "volunteer_id": town.helper_id}, query=MONTH)


async def correction(town):
    return Given({"minutes": 5, "reason": "记错了"}, {"id": town.team_id, "request_id": await done(town)})


async def what_was_told(town):
    request_id = await task(town)
    begun = EPOCH + timedelta(minutes=20 * next(count))
    told = {
        "started_at": begun.isoformat(),
        "ended_at": (begun + timedelta(minutes=10)).isoformat(),
        "reason": "手机没电",
    }
    return Given(told, {"id": town.team_id, "request_id": request_id})


async def complaints_of_team(town):
    await complaint(town)
    return Given(ids={"id": town.team_id})


async def an_answer(town):
    return Given({"answer": "谈过了"}, {"id": town.team_id, "complaint_id": await complaint(town)})


GOOD = {
    ("POST", "/v1/help-requests/{id}/start"): with_id(task, {"code": START_CODE}),
    ("POST", "/v1/help-requests/{id}/complete"): with_id(under_way, {"code": END_CODE}),
    ("POST", "/v1/help-requests/{id}/rate"): with_id(done, {"stars": 5, "thanks": "谢谢"}),
    ("GET", "/v1/help-requests/{id}/complaints"): with_id(done),
    ("POST", "/v1/help-requests/{id}/complaints"): with_id(done, {"words": "没有来"}),
    ("GET", "/v1/volunteers/me/hours"): own_hours,
    ("POST", "/v1/teams/{id}/help-requests/{request_id}/complete"): what_was_told,
    ("GET", "/v1/teams/{id}/hours"): hours_of_team,
    ("GET", "/v1/teams/{id}/exports/hours"): hours_of_team,
    ("GET", "/v1/teams/{id}/volunteers/{volunteer_id}/hours"): hours_of_member,
    ("POST", "/v1/teams/{id}/hours/{request_id}/correct"): correction,
    ("GET", "/v1/teams/{id}/complaints"): complaints_of_team,
    ("POST", "/v1/teams/{id}/complaints/{complaint_id}/answer"): an_answer,
}
