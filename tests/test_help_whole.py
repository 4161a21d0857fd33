"""One help from asking to thanks, over the wire: what the family has, what the volunteer needs of it, what stays."""

from __future__ import annotations

from tests.help_world import TOMORROW, local, offered


async def test_from_asking_to_thanks(given):
    asked = {
        "person_id": str(given.person_id),
        "area_id": str(given.area_id),
        "matter": "elder_care",
        "needs_companion": True,
        "need": "陪着去社区交材料",
        "wished_days": [str(TOMORROW)],
    }
    status, made = await given.send("POST", "/v1/help-requests", given.family, asked)
    assert status == 201, made
    path = f"/v1/help-requests/{made['id']}"
    given.request_id = made["id"]
    await offered(given.conn, made["id"], given.helper.volunteer_id)
    _, seen = await given.send("GET", path, given.family)
    assert (seen["start_code"], seen["end_code"]) == (None, None)
    status, answer = await given.send("POST", f"{path}/accept", given.helper, {})
    assert status == 200, answer
    times = {name: local(TOMORROW, at).isoformat() for name, at in (("starts_at", "14:00"), ("ends_at", "16:00"))}
    status, answer = await given.send("POST", f"{path}/agree", given.helper, times)
    assert status == 200, answer
    _, seen = await given.send("GET", path, given.family)
    start_code, end_code = seen["start_code"], seen["end_code"]
    assert start_code != end_code
    given.now("14:05")
    _, task = await given.send("GET", f"/v1/volunteers/me/help-requests/{made['id']}", given.helper)
    assert start_code not in str(task)
    assert "巴特尔" in str(task)
    assert (await given.start(code=start_code))[0] == 200
    given.now("15:20")
    assert (await given.complete(code=end_code, travel_minutes=15))[1]["minutes"] == 60
    status, rated = await given.send("POST", f"{path}/rate", given.family, {"stars": 5, "thanks": "多亏有您"})
    assert status == 200, rated
    _, seen = await given.send("GET", path, given.family)
    assert (seen["state"], seen["start_code"], seen["hours"]["minutes"]) == ("completed", None, 60)
    assert [event["because"] for event in seen["events"]][-2:] == ["started", "completed"]
    _, after = await given.send("GET", f"/v1/volunteers/me/help-requests/{made['id']}", given.helper)
    assert "巴特尔" not in str(after)
    assert "交材料" not in str(after)
    _, hours = await given.send("GET", "/v1/volunteers/me/hours?month=2026-11", given.helper)
    assert (hours["minutes"], hours["items"][0]["thanks"]) == (60, "多亏有您")
    work = await given.conn.fetchrow("select state, ends_at from help_work where request_id = $1", made["id"])
    assert tuple(work) == ("done", local(TOMORROW, "15:20"))
