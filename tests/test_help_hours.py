"""Hours by month: one's own, a team's, corrected, and as a spreadsheet."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from datetime import timedelta

import pytest

from domain import help_corrections, help_hours
from domain.callers import Caller
from domain.context import Context
from domain.identifiers import new_id
from domain.vocabulary import Role
from handlers.request import VAULT
from tests import make
from tests.help_world import TOMORROW, helper, local


async def own(given, who=None, month="2026-11"):
    return await given.send("GET", f"/v1/volunteers/me/hours?month={month}", who or given.helper)


async def of_team(given, who=None, query="month=2026-11"):
    return await given.send("GET", f"/v1/teams/{given.team_id}/hours?{query}", who or given.leader)


async def correct(given, minutes, who=None, reason="家人说走得晚", request_id=None, team_id=None):
    path = f"/v1/teams/{team_id or given.team_id}/hours/{request_id or given.request_id}/correct"
    return await given.send("POST", path, who or given.leader, {"minutes": minutes, "reason": reason})


async def test_a_volunteer_sees_the_hours_of_a_month_and_nobody_elses_name(given):
    await given.give("09:10", "11:20", travel_minutes=10)
    later = await given.task(span=(local(TOMORROW, "14:00"), local(TOMORROW, "15:00")))
    await given.give("14:00", "14:30", request_id=later)
    status, shown = await own(given)
    assert status == 200, shown
    assert (shown["tasks"], shown["minutes"]) == (2, 150)
    assert [item["minutes"] for item in shown["items"]] == [120, 30]
    first = shown["items"][0]
    assert (first["matter"], first["area_name"], first["travel_minutes"]) == ("medical", "测试镇", 10)
    assert (first["corrections"], first["stars"], first["thanks"]) == ([], None, None)
    assert "巴特尔" not in str(shown)
    assert str(given.person_id) not in str(shown)


async def test_a_month_is_that_of_the_start_in_alxa(given):
    sunday = TOMORROW + timedelta(days=6)
    last = await given.task(span=(local(sunday, "23:30"), local(sunday + timedelta(days=1), "00:30")))
    await given.give("23:59", "23:59", days=6, request_id=last)
    assert [(await own(given, month=month))[1]["tasks"] for month in ("2026-11", "2026-12")] == [1, 0]


async def test_what_is_under_way_is_not_counted_yet(given):
    given.now("09:10")
    await given.start()
    assert (await own(given))[1]["tasks"] == 0
    assert (await of_team(given))[1] == {"tasks": 0, "minutes": 0, "items": []}
    assert (await correct(given, 10))[1]["code"] == "help_not_over"


@pytest.mark.parametrize("query", ["", "month=2026-13", "month=2026-1", "month=1999-01", "month=2026-11-01"])
async def test_a_month_is_named_whole(given, query):
    status, answer = await given.send("GET", f"/v1/volunteers/me/hours?{query}", given.helper)
    assert (status, [*answer["errors"]]) == (400, ["month"])


async def test_who_served_once_still_sees_the_hours_and_others_have_none(given):
    await given.give()
    await given.conn.execute("update volunteer set status = 'left' where id = $1", given.helper.volunteer_id)
    assert (await own(given))[1]["tasks"] == 1
    assert (await own(given, given.family))[1]["code"] == "volunteer_not_found"
    assert (await own(given, given.leader))[1]["tasks"] == 0


async def test_a_team_sees_each_of_its_volunteers(given):
    await given.give("09:00", "11:00")
    others = [await helper(given.conn, given.app, team_id=given.team_id, name=f"志愿者{n}号") for n in "甲乙丙"]
    for minutes, other in enumerate(others, start=1):
        request_id = await given.task(other)
        await given.give("10:00", f"10:0{minutes}", request_id=request_id, who=other)
    outside = await helper(given.conn, given.app)
    await given.give("12:00", "13:00", request_id=await given.task(outside), who=outside)
    status, shown = await of_team(given)
    assert (status, shown["tasks"], shown["minutes"]) == (200, 4, 126)
    seen = [(item["name"], item["minutes"]) for item in shown["items"]]
    assert seen == [("苏和", 120), ("志愿者甲号", 1), ("志愿者乙号", 2), ("志愿者丙号", 3)]
    assert (await of_team(given, query="month=2026-10"))[1]["items"] == []


async def test_a_member_is_seen_help_by_help(given):
    await given.give()
    path = f"/v1/teams/{given.team_id}/volunteers/{given.helper.volunteer_id}/hours?month=2026-11"
    status, shown = await given.send("GET", path, given.clerk)
    assert (status, shown["minutes"], len(shown["items"])) == (200, 130, 1)
    assert "stars" not in shown["items"][0]
    assert (await given.send("GET", path, given.helper))[1]["code"] == "team_not_found"


async def test_a_correction_needs_a_reason_is_told_and_stays_to_be_seen(given):
    await given.give("09:00", "11:00")
    assert (await correct(given, 60, reason=""))[0] == 400
    status, corrected = await correct(given, 90)
    assert (status, corrected["minutes"]) == (200, 90)
    assert (await correct(given, 90, reason="又一次"))[1]["corrections"] == corrected["corrections"]
    await correct(given, 100, given.manager, reason="核实过")
    (shown,) = (await own(given))[1]["items"]
    assert shown["minutes"] == 100
    assert shown["corrections"] == [
        {"minutes_before": 120, "minutes_after": 90, "reason": "家人说走得晚"},
        {"minutes_before": 90, "minutes_after": 100, "reason": "核实过"},
    ]
    assert (shown["started_way"], shown["ended_way"]) == ("code", "code")
    person_id = given.helper.resident.person_id
    assert await given.told(person_id) == ["help_hours_corrected", "help_hours_corrected"]
    _, notices = await given.send("GET", "/v1/notices", given.helper)
    assert "核实过" in notices["items"][0]["text"]
    assert await given.conn.fetchval("select count(*) from audit where action = 'help_hours.corrected'") == 2


async def test_corrected_hours_fit_into_the_day(given):
    await given.give("09:00", "11:00")
    other = await given.task(span=(local(TOMORROW, "14:00"), local(TOMORROW, "15:00")))
    await given.give("14:00", "15:00", request_id=other)
    status, answer = await correct(given, 421)
    assert (status, answer["code"], answer["limit"], answer["left"]) == (409, "hours_beyond_day", 480, 420)
    assert (await correct(given, 420))[0] == 200
    assert (await correct(given, 61, request_id=other))[1]["code"] == "hours_beyond_day"
    assert (await correct(given, 1441))[0] == 400


async def test_a_correction_waits_for_another_of_the_day_and_counts_it(given, second_connection):
    """Each would fit into the day alone."""
    await given.give("09:00", "09:10")
    other = await given.task(span=(local(TOMORROW, "14:00"), local(TOMORROW, "15:00")))
    await given.give("14:00", "14:10", request_id=other)
    caller = Caller(given.manager.account_id, new_id(), frozenset({Role.MANAGER}), 1)
    ctx = Context(caller, given.clock.now, given.app[VAULT])
    first = second_connection.transaction()
    await first.start()
    await help_corrections.correct(second_connection, ctx, given.team_id, given.request_id, 400, "家人证实")
    second = asyncio.create_task(correct(given, 81, request_id=other))
    await asyncio.sleep(0.3)
    assert not second.done()
    await first.commit()
    status, answer = await second
    assert (status, answer["code"], answer["left"]) == (409, "hours_beyond_day", 80)


async def test_nobody_corrects_the_own_hours_or_those_of_others_teams(given):
    mine = await given.task(given.leader)
    await given.give("10:00", "11:00", request_id=mine, who=given.leader)
    assert (await correct(given, 30, request_id=mine))[1]["code"] == "not_about_oneself"
    assert (await correct(given, 30, given.manager, request_id=mine))[0] == 200
    await given.give("09:00", "11:00", days=0)
    for who in (given.helper, given.family, given.clerk, await helper(given.conn, given.app)):
        assert (await correct(given, 30, who))[1]["code"] == "team_not_found"
    other_team = await make.team(given.conn, area_id=given.area_id)
    assert (await correct(given, 30, given.manager, team_id=other_team))[1]["code"] == "help_hours_not_found"


async def exported(given, query, who=None):
    who = getattr(who or given.leader, "resident", who or given.leader)
    roles = ["manager"] if isinstance(who, make.Staff) else ["resident"]
    token = await make.session(given.conn, given.app, who.account_id, roles)
    path = f"/v1/teams/{given.team_id}/exports/hours?{query}"
    async with given.client.get(path, headers={"Authorization": f"Bearer {token}"}) as response:
        return response, await response.read()


def cells(raw):
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))


async def test_a_month_is_exported_by_volunteer_and_by_help(given):
    await given.give("09:00", "11:05", travel_minutes=5)
    await correct(given, 100, reason="=1+1")
    response, raw = await exported(given, "month=2026-11")
    assert response.headers["Content-Disposition"] == 'attachment; filename="hours-2026-11.xlsx"'
    with zipfile.ZipFile(io.BytesIO(raw)) as book:
        text = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    assert "苏和" in text
    assert "1小时40分" in text
    _, raw = await exported(given, "month=2026-11&format=csv")
    assert cells(raw)[1][:4] == ["苏和", "1", "100", "1小时40分"]
    _, raw = await exported(given, "month=2026-11&format=csv&rows=task", given.manager)
    heading, row = cells(raw)
    assert dict(zip(heading, row, strict=True)) == {
        "日期": "2026-11-24",
        "志愿者": "苏和",
        "事项": "看病就医",
        "地区": "测试镇",
        "开始": "09:00",
        "开始由": "家属的码",
        "结束": "2026-11-24 11:05",
        "结束由": "家属的码",
        "路途分钟": "5",
        "计入分钟": "100",
        "更正原因": "'=1+1",
        "求助编号": str(given.request_id),
    }
    facts = await given.conn.fetch("select facts from audit where action = 'help_hours.exported' order by at, seq")
    assert len(facts) == 3
    assert facts[-1]["facts"] == {"count": 1, "format": "csv", "month": "2026-11", "rows": "task"}


async def test_all_pages_of_an_export_are_in_it(given, monkeypatch):
    monkeypatch.setattr(help_hours, "PAGE", 2)
    for hour in range(12, 17):
        request_id = await given.task(span=(local(TOMORROW, f"{hour}:00"), local(TOMORROW, f"{hour}:30")))
        await given.give(f"{hour}:00", f"{hour}:01", request_id=request_id)
    for n in range(4):
        other = await helper(given.conn, given.app, team_id=given.team_id, name=f"志愿者{'甲乙丙丁'[n]}")
        await given.give("18:00", "18:01", request_id=await given.task(other), who=other)
    for rows, count in (("task", 9), ("volunteer", 5)):
        _, raw = await exported(given, f"month=2026-11&format=csv&rows={rows}")
        assert len(cells(raw)) == 1 + count
        assert len({row[-1] for row in cells(raw)}) == 1 + count


async def test_only_who_answers_for_the_team_exports(given):
    for who in (given.helper, given.family):
        response, raw = await exported(given, "month=2026-11", who)
        assert response.status == 404, raw
    assert (await of_team(given, given.helper))[0] == 404
    assert await given.conn.fetchval("select count(*) from audit where action = 'help_hours.exported'") == 0
