"""Start and end of a help: who confirms it, by what, when, and what becomes of the hours."""

from __future__ import annotations

import asyncio

import pytest

from tests import make
from tests.help_given import FAR, HALF_PAST_ELEVEN, HOSPITAL, NEAR, NINE
from tests.help_world import END_CODE, START_CODE, TOMORROW, helper, local


async def test_a_help_is_begun_and_ended_by_the_familys_codes(given):
    given.now("09:10")
    status, begun = await given.start()
    assert status == 200, begun
    assert (begun["state"], begun["started_way"], begun["minutes"]) == ("under_way", "code", None)
    given.now("11:25")
    status, ended = await given.complete(travel_minutes=35)
    assert status == 200, ended
    assert (ended["state"], ended["ended_way"], ended["travel_minutes"], ended["minutes"]) == (
        "completed",
        "code",
        35,
        100,
    )
    row = await given.row()
    assert (row["state"], row["volunteer_id"], row["start_code"], row["end_code"]) == (
        "completed",
        given.helper.volunteer_id,
        None,
        None,
    )
    assert await given.conn.fetchval("select state from help_work") == "done"
    assert [because for _, because, _ in await given.events()] == ["asked", "booked", "started", "completed"]
    assert await given.told() == ["help_started", "help_completed"]
    actions = await given.conn.fetch("select action, actor_id from audit where action like 'help%' order by at")
    assert [tuple(row) for row in actions] == [
        ("help_requests.started", given.helper.resident.account_id),
        ("help_requests.completed", given.helper.resident.account_id),
    ]


async def test_of_a_position_only_the_distance_is_kept(given):
    given.now("09:40")
    assert (await given.start(position=NEAR))[0] == 200
    given.now("11:20")
    status, ended = await given.complete(position=HOSPITAL)
    assert (status, ended["started_way"], ended["ended_way"], ended["minutes"]) == (200, "position", "position", 100)
    events = await given.events()
    assert events[2][2] == {"way": "position", "metres": 133}
    assert events[3][2] == {"way": "position", "metres": 0, "minutes": 100, "not_counted": 0}
    for table in ("help_request", "help_hours", "help_event", "audit", "notice", "help_work"):
        text = str(await given.conn.fetch(f"select x::text from {table} as x"))
        assert "38.83" not in text
        assert "105.66" not in text


async def test_who_is_too_far_away_is_told_how_far(given):
    given.now("09:40")
    status, answer = await given.start(position=FAR)
    assert (status, answer["code"], answer["metres"], answer["limit"]) == (409, "help_too_far", 1112, 300)
    await given.conn.execute("update help_policy set position_metres = 1112")
    assert (await given.start(position=FAR))[0] == 200


async def test_without_a_known_place_a_code_is_needed(given):
    given.now("09:40")
    await given.conn.execute("update provider set latitude = null, longitude = null")
    assert (await given.start(position=NEAR))[1]["code"] == "help_place_unknown"
    assert (await given.start())[0] == 200


async def test_the_place_is_that_of_the_booking(given):
    """Of two hospitals, the one where the standing booking is."""
    given.now("09:40")
    elsewhere = await make.service(given.conn)
    slot_id = await make.slot(given.conn, elsewhere, starts_at=local(TOMORROW, "10:00"))
    booking_id = await make.booking(given.conn, slot_id, given.family, person_id=given.person_id)
    await given.conn.execute("update help_request set booking_id = $1", booking_id)
    assert (await given.start(position=NEAR))[1]["code"] == "help_place_unknown"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, "code"),
        ({"code": START_CODE, "position": NEAR}, "code"),
        ({"code": "12345"}, "code"),
        ({"position": {"latitude": 91, "longitude": 0}}, "position"),
        ({"code": START_CODE, "travel_minutes": 3}, "travel_minutes"),
    ],
)
async def test_one_proof_is_needed_and_well_formed(given, body, wrong):
    given.now("09:10")
    path = f"/v1/help-requests/{given.request_id}/start"
    status, answer = await given.send("POST", path, given.helper, body)
    assert (status, [*answer["errors"]]) == (400, [wrong])


async def test_ten_wrong_codes_are_the_end_of_codes(given):
    given.now("09:10")
    for left in range(9, -1, -1):
        status, answer = await given.start(code="000000")
        assert (status, answer["code"], answer["attempts_left"]) == (409, "help_code_wrong", left)
    assert (await given.start())[1]["code"] == "help_code_spent"
    assert (await given.row())["state"] == "booked"
    assert await given.conn.fetchval("select count(*) from audit where action = 'help_requests.code_failed'") == 10
    assert (await given.start(position=NEAR))[0] == 200
    assert (await given.complete())[1]["code"] == "help_code_spent"
    assert (await given.complete(position=NEAR))[0] == 200


async def test_guesses_at_once_are_counted_one_by_one(given, second_client):
    given.now("09:10")
    await given.conn.execute("update help_request set code_attempts_left = 3")
    token = await make.session(given.conn, given.app, given.helper.resident.account_id, ["resident"])
    headers = {"Authorization": f"Bearer {token}"}
    path = f"/v1/help-requests/{given.request_id}/start"

    async def guess(number):
        client = (given.client, second_client)[number % 2]
        async with client.post(path, json={"code": f"{number:06}"}, headers=headers) as response:
            return (await response.json())["code"]

    answers = await asyncio.gather(*(guess(number) for number in range(8)))
    assert sorted(answers) == ["help_code_spent"] * 5 + ["help_code_wrong"] * 3


async def test_who_cares_for_the_person_and_so_sees_the_codes_confirms_by_position(given):
    await make.care(given.conn, given.helper.resident.account_id, given.person_id)
    given.now("09:10")
    assert (await given.start())[1]["code"] == "help_code_of_carer"
    assert (await given.start(position=NEAR))[0] == 200
    assert (await given.complete())[1]["code"] == "help_code_of_carer"


async def test_the_code_of_the_start_does_not_end_it(given):
    given.now("09:10")
    assert (await given.start(code=END_CODE))[1]["code"] == "help_code_wrong"
    assert (await given.start())[0] == 200
    assert (await given.complete(code=START_CODE))[1]["code"] == "help_code_wrong"


@pytest.mark.parametrize(("days", "clock_time"), [(0, "06:59"), (1, "00:00"), (-1, "09:10")])
async def test_a_help_is_begun_about_its_time(given, days, clock_time):
    given.now(clock_time, days)
    status, answer = await given.start()
    assert (status, answer["code"]) == (409, "help_not_the_time")
    assert "07:00" in answer["detail"]
    assert (await given.row())["code_attempts_left"] == 10


@pytest.mark.parametrize("clock_time", ["07:00", "23:59"])
async def test_early_and_late_of_the_day_are_its_time(given, clock_time):
    given.now(clock_time)
    assert (await given.start())[0] == 200


async def test_a_repeat_is_told_the_same_and_written(given):
    given.now("09:10")
    _, begun = await given.start()
    given.clock.move(minutes=3)
    writer = "select xmin::text from help_hours"
    before = await given.conn.fetchval(writer)
    assert await given.start(code="000000") == (200, begun)
    assert await given.conn.fetchval(writer) != before
    given.now("10:10")
    _, ended = await given.complete()
    given.clock.move(minutes=3)
    assert await given.complete() == (200, ended)
    assert (await given.row())["code_attempts_left"] == 10
    assert await given.told() == ["help_started", "help_completed"]
    assert (await given.start())[1]["code"] == "help_in_other_state"


async def test_what_is_not_begun_is_not_ended_and_without_a_time_not_begun(given):
    given.now("09:10")
    assert (await given.complete())[1]["code"] == "help_in_other_state"
    later = await given.task(state="accepted", span=None)
    assert (await given.start(request_id=later))[1]["code"] == "help_in_other_state"


async def test_nobody_but_who_has_it_confirms_anything(given):
    given.now("09:10")
    other = await helper(given.conn, given.app, team_id=given.team_id)
    for who in (other, given.leader, given.family):
        assert (await given.start(who))[0] == 404
        assert (await given.complete(who))[0] == 404
    assert (await given.start(given.manager))[0] == 403
    assert (await given.row())["state"] == "booked"


async def test_who_serves_no_more_confirms_nothing(given):
    given.now("09:10")
    await given.conn.execute("update volunteer set status = 'suspended' where id = $1", given.helper.volunteer_id)
    assert (await given.start())[0] == 404


async def test_a_start_waits_for_a_suspension_that_is_just_being_made(given, second_connection):
    given.now("09:10")
    suspending = second_connection.transaction()
    await suspending.start()
    await second_connection.execute(
        "update volunteer set status = 'suspended' where id = $1", given.helper.volunteer_id
    )
    starting = asyncio.create_task(given.start())
    await asyncio.sleep(0.3)
    assert not starting.done()
    await suspending.commit()
    assert (await starting)[0] == 404
    assert await given.hours() is None


async def test_a_start_waits_for_a_cancelling_that_is_just_being_made(given, second_connection):
    given.now("09:10")
    cancelling = second_connection.transaction()
    await cancelling.start()
    await second_connection.execute("update help_request set state = 'cancelled', volunteer_id = null")
    starting = asyncio.create_task(given.start())
    await asyncio.sleep(0.3)
    assert not starting.done()
    await cancelling.commit()
    assert (await starting)[0] == 404
    assert await given.hours() is None


async def test_one_help_at_a_time(given):
    other = await given.task(span=(local(TOMORROW, "13:00"), local(TOMORROW, "14:00")))
    given.now("11:30")
    assert (await given.start())[0] == 200
    assert (await given.start(request_id=other))[1]["code"] == "other_help_under_way"
    assert (await given.row(other))["state"] == "booked"
    assert (await given.complete())[0] == 200
    assert (await given.start(request_id=other))[0] == 200


async def test_two_helps_begun_at_once_are_one(given):
    other = await given.task(span=(local(TOMORROW, "11:30"), local(TOMORROW, "14:00")))
    given.now("11:00")
    answers = await asyncio.gather(given.start(), given.start(request_id=other))
    assert sorted(status for status, _ in answers) == [200, 409]
    assert await given.conn.fetchval("select count(*) from help_hours") == 1


async def test_the_way_is_no_longer_than_the_help(given):
    given.now("09:10")
    await given.start()
    given.now("10:10")
    status, answer = await given.complete(travel_minutes=61)
    assert (status, answer["code"], answer["minutes"]) == (400, "travel_longer_than_help", 60)
    assert (await given.complete(travel_minutes=60))[1]["minutes"] == 0


async def test_a_day_counts_no_more_than_its_policy_says(given):
    await given.conn.execute("update help_policy set limit_minutes_day = 200")
    assert (await given.give("08:00", "10:00"))["minutes"] == 120
    other = await given.task(span=(local(TOMORROW, "13:00"), local(TOMORROW, "14:00")))
    assert (await given.give("13:00", "15:00", request_id=other))["minutes"] == 80
    assert (await given.events(other))[-1][2]["not_counted"] == 40
    third = await given.task(span=(local(TOMORROW, "17:00"), local(TOMORROW, "18:00")))
    assert (await given.give("17:00", "18:00", request_id=third))["minutes"] == 0


async def test_the_leader_completes_what_nobody_confirmed(given):
    given.now("15:00")
    status, done = await given.by_leader(started_at=NINE.isoformat(), travel_minutes=30)
    assert status == 200, done
    assert (done["state"], done["started_way"], done["ended_way"], done["minutes"]) == (
        "completed",
        "leader",
        "leader",
        120,
    )
    state, because, facts = (await given.events())[-1]
    assert (state, because, facts["reason"]) == ("completed", "completed_by_leader", "手机没电，家人证实")
    assert await given.told() == ["help_completed"]
    assert (await given.by_leader(started_at=NINE.isoformat()))[1]["code"] == "help_in_other_state"


async def test_a_confirmed_start_stands(given):
    given.now("09:20")
    await given.start()
    given.now("15:00")
    status, answer = await given.by_leader(started_at=NINE.isoformat())
    assert (status, answer["code"], answer["started_at"]) == (409, "help_start_confirmed", "2026-11-24T09:20:00+08:00")
    status, done = await given.by_leader()
    assert (status, done["started_way"], done["ended_way"], done["minutes"]) == (200, "code", "leader", 130)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({}, "invalid_input"),
        ({"started_at": HALF_PAST_ELEVEN.isoformat(), "ended_at": NINE.isoformat()}, "help_times_order"),
        ({"started_at": NINE.isoformat(), "ended_at": local(TOMORROW, "15:01").isoformat()}, "help_times_order"),
        ({"started_at": "2025-12-31T09:00:00+08:00"}, "help_times_order"),
        ({"started_at": NINE.isoformat(), "travel_minutes": 151}, "travel_longer_than_help"),
        ({"started_at": "2026-11-24T00:00:00+08:00"}, "hours_beyond_day"),
    ],
)
async def test_what_the_leader_tells_must_be_possible(given, told, code):
    given.now("15:00")
    assert (await given.by_leader(**told))[1]["code"] == code
    assert (await given.row())["state"] == "booked"


async def test_hours_that_overlap_are_refused(given):
    other = await given.task(span=(local(TOMORROW, "13:00"), local(TOMORROW, "14:00")))
    await given.give("12:00", "14:00", request_id=other)
    given.now("18:00")
    late = local(TOMORROW, "12:01").isoformat()
    assert (await given.by_leader(started_at=NINE.isoformat(), ended_at=late))[1]["code"] == "hours_overlap"
    noon = local(TOMORROW, "12:00").isoformat()
    assert (await given.by_leader(started_at=NINE.isoformat(), ended_at=noon))[0] == 200


async def test_the_volunteer_is_told_what_the_leader_entered(given):
    given.now("15:00")
    assert (await given.by_leader(started_at=NINE.isoformat()))[0] == 200
    _, told = await given.send("GET", "/v1/notices", given.helper)
    (text,) = [notice["text"] for notice in told["items"]]
    assert "看病就医" in text
    assert "补记" in text
    assert "手机没电，家人证实" in text


async def test_a_leader_does_not_decide_on_the_leaders_own_hours(given):
    own = await given.task(given.leader)
    given.now("15:00")
    status, answer = await given.by_leader(request_id=own, started_at=NINE.isoformat())
    assert (status, answer["code"]) == (403, "not_about_oneself")
    assert (await given.by_leader(given.manager, own, started_at=NINE.isoformat()))[0] == 200


async def test_only_the_teams_leader_and_managers_complete_for_others(given):
    given.now("15:00")
    elsewhere = await helper(given.conn, given.app)
    for who in (given.helper, given.family, given.clerk, elsewhere):
        assert (await given.by_leader(who, started_at=NINE.isoformat()))[1]["code"] == "team_not_found"
    other_team = await make.team(given.conn, area_id=given.area_id)
    path = f"/v1/teams/{other_team}/help-requests/{given.request_id}/complete"
    body = {"started_at": NINE.isoformat(), "ended_at": HALF_PAST_ELEVEN.isoformat(), "reason": "x"}
    assert (await given.send("POST", path, given.manager, body))[1]["code"] == "help_request_not_found"
