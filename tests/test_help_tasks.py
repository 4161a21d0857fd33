"""A volunteer takes a help request, declines it, hands it back; the team gives it and takes it away."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

from domain.identifiers import new_id
from domain.vocabulary import Role
from schemas import words
from tests import make
from tests.booking_world import until_waiting
from tests.help_world import helper, offered, taken
from tests.mandates import call
from tests.village import MORNING

READ = "help_requests.read_by_volunteer"


async def test_who_accepts_has_it_and_the_others_are_told(village):
    request_id = await village.asked(village.she, village.he)
    status, task = await village.act(village.she, request_id, "accept")
    assert (status, task["view"], task["state"]) == (200, "taken", "accepted")
    row = await village.row(request_id)
    assert (row["state"], row["volunteer_id"], row["next_round_at"]) == ("accepted", village.she.volunteer_id, None)
    assert row["start_code"]
    assert row["end_code"]
    offers = await village.conn.fetch("select volunteer_id, status from help_offer")
    assert {(each["volunteer_id"], each["status"]) for each in offers} == {
        (village.she.volunteer_id, "accepted"),
        (village.he.volunteer_id, "withdrawn"),
    }
    assert await village.told(village.person_id) == [("help_accepted", None)]
    assert await village.told(village.he.resident.person_id) == [("help_withdrawn", "accepted")]
    status, refused = await village.act(village.he, request_id, "accept")
    assert (status, refused["code"]) == (409, "help_request_taken")
    assert await village.work(request_id) == []


async def test_accepting_again_changes_nothing(village):
    request_id = await village.asked(village.she)
    _, first = await village.act(village.she, request_id, "accept")
    status, second = await village.act(village.she, request_id, "accept")
    assert (status, second) == (200, first)
    row = await village.row(request_id)
    assert row["seen"] == 2
    assert len(await village.events(request_id)) == 3


async def test_a_known_time_binds_who_accepts(village):
    request_id = await village.asked(village.she, needs=("accompany",), span=MORNING)
    status, task = await village.act(village.she, request_id, "accept")
    assert (status, task["state"]) == (200, "booked")
    assert await village.work(request_id) == [(village.she.volunteer_id, *MORNING)]
    assert [event[:2] for event in await village.events(request_id)][-2:] == [
        ("accepted", "accepted"),
        ("booked", "time_known"),
    ]


async def test_fifty_accept_one_request_and_one_has_it(village):
    helpers = [await village.helper() for _ in range(50)]
    request_id = await village.asked(*helpers, needs=("book", "accompany"), span=MORNING)
    answers = await asyncio.gather(*(village.act(each, request_id, "accept") for each in helpers))
    assert sorted(status for status, _ in answers) == [200] + [409] * 49
    assert {body["code"] for status, body in answers if status == 409} == {"help_request_taken"}
    winner = helpers[[status for status, _ in answers].index(200)]
    assert (await village.row(request_id))["volunteer_id"] == winner.volunteer_id
    assert await village.conn.fetchval("select count(*) from help_work") == 1
    assert await village.conn.fetchval("select count(*) from help_event where state = 'accepted'") == 1
    offers = await village.conn.fetch("select volunteer_id from help_offer where status = 'accepted'")
    assert [each["volunteer_id"] for each in offers] == [winner.volunteer_id]


async def test_who_was_not_asked_learns_nothing(village):
    request_id = await village.asked(village.he)
    for act, body in (
        ("accept", None),
        ("decline", None),
        ("release", {"reason": "ill"}),
        ("book", {"slot_id": str(request_id)}),
        ("agree", {"starts_at": "2026-11-24T08:00:00+08:00", "ends_at": "2026-11-24T09:00:00+08:00"}),
    ):
        status, refused = await village.act(village.she, request_id, act, body)
        assert (status, refused["code"]) == (404, "help_request_not_found"), act
    assert (await village.look(village.she, request_id))[0] == 404


async def test_who_serves_no_more_does_nothing(village):
    request_id = await village.asked(village.she)
    await village.conn.execute("update volunteer set status = 'suspended' where id = $1", village.she.volunteer_id)
    who = await make.signed_in_again(village.conn, village.app, village.she.resident)
    for act in ("accept", "decline"):
        assert (await village.act(who, request_id, act))[0] == 404
    assert (await village.look(who, request_id))[0] == 404


async def test_an_offer_is_good_until_its_hour(village, clock):
    request_id = await village.asked()
    await offered(village.conn, request_id, village.she.volunteer_id, answer_by=clock.now + timedelta(minutes=1))
    clock.move(minutes=1)
    status, refused = await village.act(village.she, request_id, "accept")
    assert (status, refused["code"]) == (409, "help_offer_over")


async def test_what_does_not_fit_any_more_is_refused(village):
    request_id = await village.asked(village.she, needs=("drive",))
    await village.conn.execute("update volunteer set abilities = '{book}' where id = $1", village.she.volunteer_id)
    status, refused = await village.act(village.she, request_id, "accept")
    assert (status, refused["code"], refused["why"]) == (409, "help_does_not_fit", "abilities")


async def test_nobody_takes_what_is_over(village, clock):
    request_id = await village.asked(village.she, expires_at=clock.now)
    status, refused = await village.act(village.she, request_id, "accept")
    assert (status, refused["code"]) == (409, "help_time_over")


async def test_two_tasks_at_one_time_are_impossible(village):
    first = await village.asked(village.she, needs=("accompany",), span=MORNING)
    assert (await village.act(village.she, first, "accept"))[0] == 200
    second = await village.asked(village.she, needs=("drive",), span=MORNING)
    status, refused = await village.act(village.she, second, "accept")
    assert (status, refused["code"], refused["why"]) == (409, "help_does_not_fit", "other_work")


async def test_the_last_no_lets_the_dispatch_go_on(village, clock):
    request_id = await village.asked(village.she, village.he, next_round_at=clock.now + timedelta(hours=1))
    assert (await village.act(village.she, request_id, "decline"))[0] == 204
    assert (await village.row(request_id))["next_round_at"] > clock.now
    assert (await village.act(village.she, request_id, "decline"))[0] == 204
    assert (await village.act(village.he, request_id, "decline"))[0] == 204
    assert (await village.row(request_id))["next_round_at"] == clock.now
    status, refused = await village.act(village.he, request_id, "accept")
    assert (status, refused["code"]) == (409, "help_offer_over")


async def test_what_is_handed_back_is_sought_anew_and_keeps_its_time(village, clock):
    request_id = await village.asked(village.she, needs=("accompany",), span=MORNING)
    await village.act(village.she, request_id, "accept")
    status, task = await village.act(village.she, request_id, "release", {"reason": "ill"})
    assert (status, task["view"], task["because"], task["whole"]) == (200, "over", "handed_back", None)
    row = await village.row(request_id)
    assert (row["state"], row["volunteer_id"], row["round"]) == ("open", None, 0)
    assert (row["next_round_at"], row["starts_at"]) == (clock.now, MORNING[0])
    assert row["start_code"] is None
    assert await village.work(request_id) == []
    assert (await village.told(village.person_id))[-1] == ("help_handed_back", "handed_back")
    status, refused = await village.act(village.she, request_id, "release", {"reason": "ill"})
    assert (status, refused["code"]) == (409, "help_not_yours")


async def test_what_is_under_way_only_the_team_takes_away(village):
    request_id = await village.asked(needs=("accompany",), span=MORNING)
    await taken(village.conn, request_id, village.she.volunteer_id, state="under_way")
    status, refused = await village.act(village.she, request_id, "release", {"reason": "ill"})
    assert (status, refused["code"]) == (409, "help_in_other_state")
    status, _ = await village.by_team(village.leader, request_id, "release", {"reason": "ill"})
    assert status == 204
    assert (await village.row(request_id))["state"] == "open"
    assert await village.told(village.she.resident.person_id) == [("help_withdrawn", "released_by_leader")]


async def test_the_leader_gives_a_request_to_one_of_the_team(village):
    request_id = await village.asked(village.he, needs=("accompany",), span=MORNING)
    body = {"volunteer_id": str(village.she.volunteer_id)}
    assert (await village.by_team(village.leader, request_id, "assign", body))[0] == 204
    assert (await village.by_team(village.leader, request_id, "assign", body))[0] == 204
    assert (await village.row(request_id))["state"] == "booked"
    assert await village.told(village.she.resident.person_id) == [("help_offered", "assigned")]
    assert await village.told(village.he.resident.person_id) == [("help_withdrawn", "accepted")]
    body = {"volunteer_id": str(village.he.volunteer_id)}
    status, refused = await village.by_team(village.leader, request_id, "assign", body)
    assert (status, refused["code"]) == (409, "help_request_taken")


async def test_only_a_volunteer_of_the_team_whom_it_fits_is_given_it(village):
    request_id = await village.asked(needs=("drive",))
    elsewhere = await helper(village.conn, village.app, areas=[village.area_id])
    status, refused = await village.by_team(
        village.leader, request_id, "assign", {"volunteer_id": str(elsewhere.volunteer_id)}
    )
    assert (status, refused["code"]) == (404, "volunteer_not_found")
    walks = await village.helper(abilities=("book",))
    status, refused = await village.by_team(
        village.leader, request_id, "assign", {"volunteer_id": str(walks.volunteer_id)}
    )
    assert (status, refused["code"], refused["why"]) == (409, "volunteer_does_not_fit", "abilities")
    assert words.MISFITS["abilities"] in refused["detail"]


async def test_a_team_decides_only_on_its_own_requests(village):
    other = await village.asked(team_id=await make.team(village.conn, area_id=village.area_id))
    body = {"volunteer_id": str(village.she.volunteer_id)}
    assert (await village.by_team(village.leader, other, "assign", body))[0] == 404
    assert (await village.by_team(village.she, other, "assign", body))[0] == 404
    clerk = await make.staff(village.conn, village.app, Role.CLERK, area_id=village.area_id)
    assert (await village.by_team(clerk, other, "release", {"reason": "other"}))[0] == 404
    mine = await village.asked()
    assert (await village.by_team(clerk, mine, "assign", body))[0] == 204


async def test_who_had_it_may_be_given_it_again(village):
    request_id = await village.asked(village.she)
    await village.act(village.she, request_id, "accept")
    await village.act(village.she, request_id, "release", {"reason": "road"})
    await offered(village.conn, request_id, village.she.volunteer_id, round=2)
    status, refused = await village.act(village.she, request_id, "accept")
    assert (status, refused["why"]) == (409, "had_it_before")
    body = {"volunteer_id": str(village.she.volunteer_id)}
    assert (await village.by_team(village.leader, request_id, "assign", body))[0] == 204


async def test_a_second_handing_back_does_not_take_it_from_the_next(village, database):
    """The second waits behind the first, and then has to see that somebody else has the request."""
    request_id = await village.asked(village.she, village.he)
    await village.act(village.she, request_id, "accept")
    async with village.conn.transaction():
        await village.conn.execute("select from help_request where id = $1 for no key update", request_id)
        late = asyncio.create_task(village.act(village.she, request_id, "release", {"reason": "ill"}))
        assert await until_waiting(village.conn, unless=late)
        await village.conn.execute(
            "update help_request set volunteer_id = $2 where id = $1", request_id, village.he.volunteer_id
        )
    status, refused = await late
    assert (status, refused["code"]) == (409, "help_not_yours")
    assert (await village.row(request_id))["volunteer_id"] == village.he.volunteer_id


async def test_who_is_just_being_suspended_takes_nothing(village, database):
    request_id = await village.asked(village.she)
    async with village.conn.transaction():
        await village.conn.execute("update volunteer set decision_reason = 'x' where id = $1", village.she.volunteer_id)
        late = asyncio.create_task(village.act(village.she, request_id, "accept"))
        assert await until_waiting(village.conn, unless=late)
        await village.conn.execute("update volunteer set status = 'suspended' where id = $1", village.she.volunteer_id)
    status, refused = await late
    assert (status, refused["code"]) == (404, "help_request_not_found")
    assert (await village.row(request_id))["volunteer_id"] is None


async def test_two_at_once_are_one_too_many(village, database):
    """Who may have one task and accepts two at the same time gets one."""
    await village.conn.execute(
        "insert into help_policy (id, area_id, version, limit_tasks, created_at) values ($1, $2, 1, 1, $3)",
        new_id(),
        village.area_id,
        make.EPOCH,
    )
    first, second = [await village.asked(village.she) for _ in range(2)]
    async with village.conn.transaction():
        await village.conn.execute("select from help_request where id = any($1) for no key update", [first, second])
        both = [asyncio.create_task(village.act(village.she, each, "accept")) for each in (first, second)]
        assert await until_waiting(village.conn, 2)
    answers = [await each for each in both]
    assert sorted(status for status, _ in answers) == [200, 409]
    assert [body["why"] for status, body in answers if status == 409] == ["too_many_tasks"]


async def test_before_during_and_after_one_sees_what_one_may(village):
    """Nothing personal before, all of it during, nothing afterwards; and each look during is in the audit."""
    secret = ("巴特尔", "13900000001", "复诊拿药", "测试镇一号院", "走路慢", str(village.person_id))
    request_id = await village.asked(village.she, village.he, needs=("accompany", "drive"), span=MORNING)

    async def texts(who):
        _, one = await village.look(who, request_id)
        listed = [
            (await call(village.client, "GET", f"/v1/volunteers/me/help-requests?view={view}", who))[1]
            for view in ("asked", "taken", "over")
        ]
        return json.dumps(one, ensure_ascii=False), json.dumps(listed, ensure_ascii=False)

    async def reads():
        return await village.conn.fetchval("select count(*) from audit where action = $1", READ)

    one, listed = await texts(village.she)
    assert not any(word in one + listed for word in secret)
    assert "测试镇" in one
    assert await reads() == 0
    await village.act(village.she, request_id, "accept")
    assert await reads() == 1
    one, listed = await texts(village.she)
    assert all(word in one for word in secret)
    assert not any(word in listed for word in secret)
    assert await reads() == 2
    one, listed = await texts(village.he)
    assert not any(word in one + listed for word in secret)
    await village.conn.execute("update help_request set state = 'completed' where id = $1", request_id)
    one, listed = await texts(village.she)
    assert not any(word in one + listed for word in secret)
    assert await reads() == 2


async def test_who_to_call_is_the_persons_own_number_where_none_was_given(village):
    request_id = await village.asked(village.she, contact_phone=None)
    status, task = await village.act(village.she, request_id, "accept")
    assert (status, task["whole"]["person"]["phone"]) == (200, "13900001111")
    assert task["whole"]["emergency_contact"] is None


async def test_the_lists_hold_what_one_is_asked_has_and_had(village):
    asked, had, has = [await village.asked(village.she) for _ in range(3)]
    for each in (had, has):
        await village.act(village.she, each, "accept")
    await village.act(village.she, had, "release", {"reason": "no_time"})

    async def ids(query=""):
        _, found = await call(village.client, "GET", f"/v1/volunteers/me/help-requests{query}", village.she)
        return {(item["id"], item["view"]) for item in found["items"]}

    assert await ids() == {(str(asked), "asked"), (str(has), "taken")}
    assert await ids("?view=over") == {(str(had), "over")}
    assert await ids("?view=taken") == {(str(has), "taken")}


async def test_who_let_a_late_round_lapse_takes_it_in_the_first_round_of_the_next_time(village):
    """What is handed back is asked for from round one again: what counts is what one was asked last."""
    request_id = await village.asked()
    await offered(village.conn, request_id, village.she.volunteer_id, round=3, status="lapsed")
    later = make.EPOCH + timedelta(hours=1)
    await offered(village.conn, request_id, village.she.volunteer_id, round=1, at=later)
    _, seen = await village.look(village.she, request_id)
    assert seen["answer_by"] is not None
    status, task = await village.act(village.she, request_id, "accept")
    assert (status, task["view"]) == (200, "taken")


async def test_a_mandate_whose_uses_are_all_made_is_not_in_place(village):
    """The elder has neither phone nor carer: nobody could give the volunteer another one."""
    conn, person_id = village.conn, village.person_id
    mandate_id = await make.mandate(conn, person_id, village.she.volunteer_id, village.family.account_id)
    request_id = await village.asked(village.she)
    slot_id = await make.slot(conn, await make.service(conn), public=1)
    booking_id = await make.booking(conn, slot_id, make.Resident(village.family.account_id, person_id, ""))
    await conn.execute("update booking set mandate_id = $2 where id = $1", booking_id, mandate_id)
    await conn.execute("update mandate set max_uses = 1 where id = $1", mandate_id)
    await conn.execute("update care set ended_at = since where person_id = $1", person_id)
    await conn.execute("update person set phone_sealed = null, phone_index = null where id = $1", person_id)
    status, refused = await village.act(village.she, request_id, "accept")
    assert (status, refused["code"], refused["why"]) == (409, "help_does_not_fit", "mandate")
    await conn.execute("update mandate set max_uses = 2 where id = $1", mandate_id)
    assert (await village.act(village.she, request_id, "accept"))[0] == 200
