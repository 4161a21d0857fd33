"""Stars and thanks for the volunteer; complaints for the leader, and never for the volunteer."""

from __future__ import annotations

import pytest

from domain.vocabulary import Role
from handlers.request import VAULT
from tests import make
from tests.help_world import TOMORROW, event, helper, leads, local

WORDS = "等了两个小时，电话也不接。"


async def rate(given, who=None, stars=5, request_id=None, **more):
    path = f"/v1/help-requests/{request_id or given.request_id}/rate"
    return await given.send("POST", path, who or given.family, {"stars": stars, **more})


async def complain(given, who=None, words=WORDS, headers=None):
    path = f"/v1/help-requests/{given.request_id}/complaints"
    return await given.send("POST", path, who or given.family, {"words": words}, headers=headers or {})


async def complaints(given, who=None, query="", team_id=None):
    return await given.send("GET", f"/v1/teams/{team_id or given.team_id}/complaints{query}", who or given.leader)


async def answer(given, complaint_id, who=None, text="已经和志愿者谈过，抱歉。"):
    path = f"/v1/teams/{given.team_id}/complaints/{complaint_id}/answer"
    return await given.send("POST", path, who or given.leader, {"answer": text})


async def test_the_volunteer_sees_stars_and_thanks(given):
    await given.give()
    status, rated = await rate(given, thanks="谢谢您，\n辛苦了。")
    assert (status, rated["stars"], rated["thanks"]) == (200, 5, "谢谢您，\n辛苦了。")
    _, hours = await given.send("GET", "/v1/volunteers/me/hours?month=2026-11", given.helper)
    assert (hours["items"][0]["stars"], hours["items"][0]["thanks"]) == (5, "谢谢您，\n辛苦了。")
    assert await given.told(given.helper.resident.person_id) == ["help_thanked"]
    assert "谢谢您" not in str(await given.conn.fetch("select facts from notice"))
    assert "谢谢您" not in str(await given.conn.fetch("select facts from audit"))


async def test_a_help_is_rated_once_and_a_repeat_is_told_the_same(given):
    await given.give()
    first = await rate(given, thanks="谢谢")
    assert await rate(given, thanks="谢谢") == first
    assert (await rate(given, stars=1))[1]["code"] == "help_rated_already"
    assert await given.told(given.helper.resident.person_id) == ["help_thanked"]


@pytest.mark.parametrize("stars", [0, 6, 4.5, "5", None])
async def test_stars_are_one_to_five(given, stars):
    assert (await rate(given, stars=stars))[0] == 400


async def test_only_the_family_rates_and_only_what_is_over(given):
    assert (await rate(given))[1]["code"] == "help_not_completed"
    await given.give()
    for who in (given.helper, given.leader, await make.resident(given.conn, given.app)):
        assert (await rate(given, who))[1]["code"] == "help_request_not_found"
    assert (await rate(given, given.manager))[0] == 403


async def test_nobody_rates_oneself(given):
    await given.give()
    await make.care(given.conn, given.helper.resident.account_id, given.person_id)
    assert (await rate(given, given.helper))[1]["code"] == "not_about_oneself"


async def test_a_complaint_reaches_the_leader_and_is_answered(given):
    await given.give()
    status, made = await complain(given)
    assert status == 201, made
    assert WORDS.encode() not in await given.conn.fetchval("select words_sealed from help_complaint")
    assert await given.told(given.leader.resident.person_id) == ["help_alarmed"]
    _, page = await complaints(given, query="?answered=false")
    (shown,) = page["items"]
    assert (shown["words"], shown["volunteer_name"], shown["answered_at"]) == (WORDS, "苏和", None)
    status, answered = await answer(given, made["id"])
    assert (status, answered["answer"], answered["words"]) == (200, "已经和志愿者谈过，抱歉。", WORDS)
    assert await answer(given, made["id"]) == (200, answered)
    assert (await answer(given, made["id"], given.manager, "别的话"))[1]["code"] == "complaint_answered_already"
    _, own = await given.send("GET", f"/v1/help-requests/{given.request_id}/complaints", given.family)
    assert [item["answer"] for item in own["items"]] == ["已经和志愿者谈过，抱歉。"]
    _, told = await given.send("GET", "/v1/notices", given.family)
    assert "已经和志愿者谈过" in told["items"][0]["text"]
    assert (await complaints(given, query="?answered=false"))[1]["items"] == []
    assert len((await complaints(given, query="?answered=true"))[1]["items"]) == 1
    actions = await given.conn.fetch("select action from audit where action like 'help_complaints.%' order by at, seq")
    assert [row["action"] for row in actions] == [
        "help_complaints.made",
        "help_complaints.read",
        "help_complaints.answered",
        "help_complaints.read",
    ]


async def test_the_volunteer_never_learns_of_it(given):
    await given.give()
    _, made = await complain(given)
    await answer(given, made["id"])
    for method, path in (
        ("GET", f"/v1/help-requests/{given.request_id}/complaints"),
        ("GET", f"/v1/teams/{given.team_id}/complaints"),
    ):
        assert (await given.send(method, path, given.helper))[0] == 404
    assert await given.told(given.helper.resident.person_id) == []


async def test_a_leader_neither_sees_nor_answers_what_is_about_the_leader(given):
    second = await helper(given.conn, given.app, team_id=given.team_id)
    await leads(given.conn, second.volunteer_id, given.team_id)
    given.request_id = await given.task(given.leader, span=(local(TOMORROW, "14:00"), local(TOMORROW, "15:00")))
    _, made = await complain(given)
    assert await given.told(given.leader.resident.person_id) == []
    assert await given.told(second.resident.person_id) == ["help_alarmed"]
    assert (await complaints(given))[1]["items"] == []
    assert (await answer(given, made["id"]))[1]["code"] == "complaint_not_found"
    assert len((await complaints(given, second))[1]["items"]) == 1
    assert (await answer(given, made["id"], given.manager))[0] == 200


async def test_it_is_about_who_had_the_request_last(given):
    """Handed back, the complaint is still about the volunteer, and goes to that volunteer's team."""
    other_team = await make.team(given.conn, area_id=given.area_id)
    other = await helper(given.conn, given.app, team_id=other_team, name="别队的人")
    given.request_id = await given.task(other, span=(local(TOMORROW, "14:00"), local(TOMORROW, "15:00")))
    await given.conn.execute(
        "update help_request set state = 'open', volunteer_id = null where id = $1", given.request_id
    )
    await event(given.conn, given.request_id, "open", "handed_back", was="booked", volunteer_id=other.volunteer_id)
    _, made = await complain(given)
    assert (await complaints(given))[1]["items"] == []
    (shown,) = (await complaints(given, given.manager, team_id=other_team))[1]["items"]
    assert (shown["id"], shown["volunteer_name"]) == (made["id"], "别队的人")


async def test_of_a_request_that_nobody_had_it_goes_to_the_requests_team(given):
    await given.conn.execute("update help_request set state = 'open', volunteer_id = null")
    await complain(given)
    (shown,) = (await complaints(given))[1]["items"]
    assert (shown["volunteer_id"], shown["volunteer_name"]) == (None, None)


async def test_a_complaint_is_made_once_and_not_endlessly(given):
    headers = make.key()
    assert await complain(given, headers=headers) == await complain(given, headers=headers)
    assert await given.conn.fetchval("select count(*) from help_complaint") == 1
    for _ in range(4):
        assert (await complain(given))[0] == 201
    status, refused = await complain(given)
    assert (status, refused["code"], refused["limit"]) == (409, "complaints_enough", 5)


async def test_who_cares_besides_does_not_see_what_another_said(given):
    await complain(given)
    brother = await make.resident(given.conn, given.app)
    await make.care(given.conn, brother.account_id, given.person_id)
    assert (await given.send("GET", f"/v1/help-requests/{given.request_id}/complaints", brother))[1]["items"] == []


async def test_erased_words_are_shown_as_none(given):
    await complain(given)
    await given.conn.execute("update help_complaint set words_sealed = null")
    assert (await complaints(given))[1]["items"][0]["words"] is None


async def test_only_who_answers_for_the_team_reads_complaints(given):
    _, made = await complain(given)
    for who in (given.clerk, given.helper, given.family):
        assert (await complaints(given, who))[1]["code"] == "team_not_found"
        assert (await answer(given, made["id"], who))[1]["code"] == "team_not_found"
    auditor = await make.staff(given.conn, given.app, Role.AUDITOR)
    assert (await complaints(given, auditor))[0] == 404


async def test_sealed_words_stand_where_they_were_sealed(given):
    await complain(given)
    row = await given.conn.fetchrow("select id, words_sealed from help_complaint")
    opened = given.app[VAULT].unseal("help_complaint", "words_sealed", row["id"], row["words_sealed"])
    assert opened.decode() == WORDS
