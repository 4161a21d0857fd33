"""Freezing, from end to end over the wire: something odd, an alarm, one call, and a volunteer who can do nothing."""

from __future__ import annotations

from typing import Any, cast

from domain.context import Context
from handlers.request import VAULT
from server.chores import CHORES, Work
from tests import make
from tests.booking_world import GENEROUS, book, elder
from tests.help_world import help_request, helper, leads
from tests.mandates import call


async def test_what_is_odd_is_stopped_with_one_call(client, conn, app, clock):
    async def work(name):
        chore = next(chore for chore in CHORES if chore.name == name)
        done = await chore.act(
            Work(conn, cast("Any", None), lambda: Context(None, clock.now, app[VAULT]), lambda: False)
        )
        return {kind: rows for kind, rows in done.items() if rows}

    async def asked(who):
        _, found = await call(client, "GET", "/v1/volunteers/me/help-requests", who)
        return {item["id"]: item["view"] for item in found["items"]}

    await conn.execute("update help_policy set odd_persons = 2, round_sizes = '{1}'")
    area_id = await make.area(conn, level="town")
    team_id = await make.team(conn, area_id=area_id)
    leader = (await helper(conn, app, team_id=team_id, name="队长甲", abilities=["drive"])).resident
    await leads(conn, await conn.fetchval("select id from volunteer"), team_id)
    odd = await helper(conn, app, team_id=team_id, areas=[area_id], name="苏和")
    old = [await elder(conn, app, odd.volunteer_id) for _ in range(2)]
    requests = [
        await help_request(
            conn,
            app[VAULT],
            each.person_id,
            team_id=team_id,
            area_id=area_id,
            needs=["accompany"],
            created_at=clock.now,
            next_round_at=clock.now,
        )
        for each in old
    ]
    held, offered = map(str, requests)

    assert await work("help_rounds") == {"asked": 2, "offers": 2}
    assert (await call(client, "POST", f"/v1/help-requests/{held}/accept", odd, {}))[0] == 200
    assert await asked(odd) == {held: "taken", offered: "asked"}
    service_id = await make.service(conn)
    policy_id = await make.policy(conn, service_id=service_id, **GENEROUS)
    slot_id = await make.slot(conn, service_id, policy_id=policy_id, assisted=9, public=0)
    for each in old:
        answer = await book(client, odd.resident, slot_id, each.person_id, mandate_id=each.mandate_id)
        assert answer.status == 201, answer.body

    assert await work("odd_patterns") == {"alarms": 1}
    _, alarms = await call(client, "GET", f"/v1/teams/{team_id}/alarms", leader)
    (alarm,) = alarms["items"]
    assert (alarm["kind"], alarm["volunteer"]["id"]) == ("many_persons", str(odd.volunteer_id))
    path = f"/v1/teams/{team_id}/volunteers/{alarm['volunteer']['id']}/suspend"
    assert (await call(client, "POST", path, leader, {"reason": "先停下来查一查"}))[0] == 200

    assert (await call(client, "GET", "/v1/volunteers/me/help-requests", odd))[0] == 401
    again = await make.signed_in_again(conn, app, odd.resident)
    for request_id in requests:
        for act, body in (("accept", {}), ("release", {"reason": "other"})):
            status, refused = await call(client, "POST", f"/v1/help-requests/{request_id}/{act}", again, body)
            assert (status, refused["code"]) == (404, "help_request_not_found")
    answer = await book(client, again, slot_id, old[0].person_id, mandate_id=old[0].mandate_id)
    assert (answer.status, answer.code) == (403, "volunteer_not_approved"), answer.body
    states = await conn.fetch("select distinct status from help_offer where volunteer_id = $1", odd.volunteer_id)
    assert {row["status"] for row in states} == {"accepted", "withdrawn"}

    other = await helper(conn, app, team_id=team_id, areas=[area_id], name="其其格")
    assert await work("help_rounds") == {"lapsed": 1, "asked": 2, "offers": 2}, "nobody is left of the round"
    assert await asked(other) == {held: "asked", offered: "asked"}
