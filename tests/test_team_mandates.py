"""A team's mandate is in the hand of whoever helps the person at the moment; of one for so many, each use counts."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from domain import bookings
from domain.booking_rules import BookingRequest
from domain.errors import Refusal
from handlers.request import CLOCK, VAULT
from tests import help_world, make
from tests.booking_world import act_freely, book, cancel, loose_slot, move
from tests.mandates import PHONE, call


@pytest.fixture
async def slots(world):
    service_id = await make.service(world.conn)
    return [await loose_slot(world.conn, service_id, assisted=3, public=3, resource=f"{n}") for n in range(4)]


async def team_mandate(world, **changes):
    status, made = await world.create(
        world.family, world.body(volunteer_id=None, team_id=str(world.team_id), **changes)
    )
    assert status == 201, made
    return made


async def task(world, volunteer_id=None, state="accepted"):
    request_id = await help_world.help_request(
        world.conn, world.app[VAULT], world.person_id, team_id=world.team_id, area_id=world.area_id
    )
    await help_world.taken(world.conn, request_id, volunteer_id or world.volunteer_id, state=state, **(SPAN[state]))
    return request_id


DAY = help_world.TOMORROW
KNOWN: dict[str, Any] = {"span": (help_world.local(DAY, "09:00"), help_world.local(DAY, "10:00"))}
SPAN: dict[str, dict[str, Any]] = {"accepted": {}, "booked": KNOWN, "under_way": KNOWN, "completed": KNOWN}


async def end(world, request_id, state):
    who = None if state in ("open", "cancelled") else world.volunteer_id
    await world.conn.execute(
        "update help_request set state = $2, volunteer_id = $3, starts_at = $4, ends_at = $5 where id = $1",
        request_id,
        state,
        who,
        *KNOWN["span"],
    )


async def test_the_family_gives_one_to_a_team(world):
    made = await team_mandate(world, max_uses=3)
    assert (made["status"], made["volunteer"]) == ("active", None)
    assert made["team"]["id"] == str(world.team_id)
    assert (made["max_uses"], made["uses_left"]) == (3, 3)
    _, told = await call(world.client, "GET", "/v1/notices", world.family)
    assert "志愿队“" in told["items"][0]["text"]
    assert "看病就医（最多约3次）" in told["items"][0]["text"]
    again = world.body(volunteer_id=None, team_id=str(world.team_id))
    assert (await world.create(world.family, again))[1]["code"] == "mandate_exists"
    assert (await world.create(world.family, world.body()))[0] == 201, (
        "one of the team may have one of their own beside"
    )


async def test_an_elder_consents_to_a_team_by_code(world):
    leader = await help_world.helper(world.conn, world.app, team_id=world.team_id, name="队长")
    await help_world.leads(world.conn, leader.volunteer_id, world.team_id)
    body = world.by_card(volunteer_id=None, team_id=str(world.team_id))
    assert (await world.create(world.helper, body))[1]["code"] == "person_id_required", "no leader, and not the family"
    status, asked = await world.create(leader.resident, body)
    assert (status, asked["status"], asked["person"]) == (201, "pending", None)
    (message,) = await world.outside.messages(PHONE)
    assert message["template"] == "team_mandate_code"
    status, made = await world.confirm(asked, await world.code(), leader.resident)
    assert (status, made["status"], made["person"]) == (200, "active", None), "the leader does not help the person now"


async def test_no_member_consents_for_the_team(world):
    for status in ("approved", "applied", "suspended"):
        await world.conn.execute("update volunteer set status = $1", status)
        world.helper = await make.signed_in_again(world.conn, world.app, world.helper)
        await make.care(world.conn, world.helper.account_id, world.person_id)
        answered, problem = await world.create(world.helper, world.body(volunteer_id=None, team_id=str(world.team_id)))
        assert (answered, problem["code"]) == (403, "volunteer_cannot_consent")
        await world.conn.execute(
            "delete from care where person_id = $1 and account_id = $2", world.person_id, world.helper.account_id
        )


@pytest.mark.parametrize("account", ["the same", "another"])
async def test_who_consented_and_joined_later_is_not_empowered_by_it(world, slots, account):
    made = await team_mandate(world)
    if account == "another":
        before = await make.earlier_account(world.conn, world.family.person_id)
        await world.conn.execute("update mandate set consented_by = $1", before)
    volunteer_id = await make.volunteer(world.conn, world.family.account_id, team_id=world.team_id)
    await task(world, volunteer_id)
    world.family = await make.signed_in_again(world.conn, world.app, world.family)
    answer = await book(world.client, world.family, slots[0], world.person_id, mandate_id=made["id"])
    assert (answer.status, answer.code) == (404, "mandate_not_found")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"team_id": "00000000-0000-7000-8000-00000000abcd", "volunteer_id": None}, 404, "team_not_found"),
        ({"volunteer_id": None}, 400, "invalid_input"),
        ({"team_id": "00000000-0000-7000-8000-00000000abcd"}, 400, "invalid_input"),
        ({"max_uses": 0}, 400, "invalid_input"),
        ({"max_uses": 1001}, 400, "invalid_input"),
        ({"max_uses": 1.5}, 400, "invalid_input"),
        ({"max_uses": "3"}, 400, "invalid_input"),
        ({"expires_at": None}, 400, "invalid_input"),
    ],
)
async def test_bad_terms_are_refused(world, changes, status, code):
    answered, problem = await world.create(world.family, world.body(**changes))
    assert (answered, problem["code"]) == (status, code)
    assert await world.conn.fetchval("select count(*) from mandate") == 0


async def test_it_is_in_hand_while_one_helps_the_person(world, slots):
    made = await team_mandate(world)
    mine = {"person_id": world.person_id, "mandate_id": made["id"]}
    assert (await book(world.client, world.helper, slots[0], **mine)).code == "mandate_not_found"
    assert (await call(world.client, "GET", f"/v1/mandates/{made['id']}", world.helper))[0] == 404
    request_id = await task(world)
    booked = await book(world.client, world.helper, slots[0], **mine)
    assert booked.status == 201, booked.body
    _, seen = await call(world.client, "GET", f"/v1/mandates/{made['id']}", world.helper)
    assert (seen["person"]["name"], seen["uses"][0]["volunteer"]["name"]) == ("巴特尔", "苏和")
    _, listed = await call(world.client, "GET", "/v1/mandates", world.helper)
    assert [item["id"] for item in listed["items"]] == [made["id"]]
    moved = await move(world.client, world.helper, booked.body["id"], slots[1])
    assert moved.status == 201, moved.body
    assert (await call(world.client, "GET", f"/v1/bookings/{moved.body['id']}", world.helper))[0] == 200
    for state in ("completed", "cancelled", "open"):
        await end(world, request_id, state)
        refused = [
            await book(world.client, world.helper, slots[2], **mine),
            await move(world.client, world.helper, moved.body["id"], slots[2]),
            await cancel(world.client, world.helper, moved.body["id"]),
        ]
        assert [answer.code for answer in refused] == ["mandate_not_found", "booking_not_found", "booking_not_found"]
        for path in (f"/v1/bookings/{moved.body['id']}", f"/v1/mandates/{made['id']}"):
            assert (await call(world.client, "GET", path, world.helper))[0] == 404
        for path in ("/v1/bookings", "/v1/mandates", "/v1/waitlist"):
            assert (await call(world.client, "GET", path, world.helper))[1]["items"] == []
    await end(world, request_id, "booked")
    assert (await cancel(world.client, world.helper, moved.body["id"])).status == 200


async def test_a_colleague_or_one_of_another_team_does_nothing_with_it(world, slots):
    made = await team_mandate(world)
    await task(world)
    colleague = await help_world.helper(world.conn, world.app, team_id=world.team_id)
    stranger = await help_world.helper(world.conn, world.app)
    await task(world, stranger.volunteer_id)
    for who in (colleague, stranger):
        answer = await book(world.client, who.resident, slots[0], world.person_id, mandate_id=made["id"])
        assert answer.code == "mandate_not_found"
    await world.conn.execute("update volunteer set status = 'suspended' where id = $1", world.volunteer_id)
    world.helper = await make.signed_in_again(world.conn, world.app, world.helper)
    answer = await book(world.client, world.helper, slots[0], world.person_id, mandate_id=made["id"])
    assert answer.code == "volunteer_not_approved"


async def test_so_many_bookings_and_no_more(world, slots):
    _, made = await world.create(world.family, world.body(max_uses=2))
    mine = {"person_id": world.person_id, "mandate_id": made["id"]}
    first = await book(world.client, world.helper, slots[0], **mine)
    assert (await move(world.client, world.helper, first.body["id"], slots[1])).status == 201
    second = await book(world.client, world.helper, slots[2], **mine)
    assert second.status == 201
    third = await book(world.client, world.helper, slots[3], **mine)
    assert (third.status, third.code, third.body["max_uses"]) == (409, "mandate_used_up", 2)
    assert (await cancel(world.client, world.helper, second.body["id"])).status == 200, "what stands may be changed"
    assert (await book(world.client, world.helper, slots[3], **mine)).code == "mandate_used_up", "cancelled is used"
    _, look = await call(world.client, "GET", f"/v1/mandates/{made['id']}", world.family)
    assert (look["uses_left"], [use["status"] for use in look["uses"]]) == (0, ["cancelled", "booked", "moved"])
    _, anew = await world.create(world.family, world.body(max_uses=1))
    assert (anew["status"], anew["uses_left"]) == ("active", 1), "one that is used up stands in no other's way"
    mine["mandate_id"] = anew["id"]
    assert (await book(world.client, world.helper, slots[3], **mine)).status == 201


async def test_the_number_of_uses_holds_in_a_race(world, second_client):
    await act_freely(world.conn)
    _, made = await world.create(world.family, world.body(max_uses=3))
    slots = [await loose_slot(world.conn, assisted=2, public=2, limits={"limit_volunteer_day": 99}) for _ in range(16)]
    answers = await asyncio.gather(
        *(
            book((world.client, second_client)[n % 2], world.helper, slot, world.person_id, mandate_id=made["id"])
            for n, slot in enumerate(slots)
        )
    )
    assert Counter(answer.code for answer in answers) == {None: 3, "mandate_used_up": 13}


async def test_waiting_under_a_mandate_is_told_and_shown(world):
    _, made = await world.create(world.family, world.body(max_uses=1))
    service_id = await make.service(world.conn)
    await make.slot(world.conn, service_id, public=0, assisted=0)
    body = {
        "service_id": str(service_id),
        "person_id": str(world.person_id),
        "from": "2026-11-24",
        "to": "2026-11-26",
        "mandate_id": made["id"],
    }
    status, entry = await call(world.client, "POST", "/v1/waitlist", world.helper, body)
    assert status == 201, entry
    assert (await world.notices())[-1] == "mandate_queued"
    _, look = await call(world.client, "GET", f"/v1/people/{world.person_id}/mandates", world.family)
    (wait,) = look["items"][0]["waits"]
    assert (wait["entry_id"], wait["status"], wait["volunteer"]["name"]) == (entry["id"], "waiting", "苏和")
    assert (await call(world.client, "DELETE", f"/v1/waitlist/{entry['id']}", world.helper))[0] == 204
    _, told = await call(world.client, "GET", "/v1/notices", world.family)
    assert "志愿者苏和" in told["items"][0]["text"]
    assert "退出了候补" in told["items"][0]["text"]


async def test_all_at_one_look_and_all_ended_by_one_call(world, slots):
    team = await team_mandate(world)
    own = await world.given()
    other = await help_world.helper(world.conn, world.app, team_id=world.team_id, name="宝音")
    _, pending = await world.create(world.clerk, world.body("sms", volunteer_id=str(other.volunteer_id)))
    request_id = await task(world)
    done = await book(world.client, world.helper, slots[0], world.person_id, mandate_id=own["id"])
    path = f"/v1/people/{world.person_id}/mandates"
    _, look = await call(world.client, "GET", path, world.family)
    assert {item["id"]: item["status"] for item in look["items"]} == {
        team["id"]: "active",
        own["id"]: "active",
        pending["id"]: "pending",
    }
    (use,) = next(item["uses"] for item in look["items"] if item["id"] == own["id"])
    assert (use["booking_id"], use["volunteer"]["name"], use["status"]) == (done.body["id"], "苏和", "booked")
    for who in (world.helper, await make.resident(world.conn, world.app)):
        assert (await call(world.client, "GET", path, who))[1]["code"] == "person_not_found"
        assert (await call(world.client, "POST", f"{path}/revoke", who, {}))[1]["code"] == "person_not_found"
    status, after = await call(world.client, "POST", f"{path}/revoke", world.family, {"reason": "家里有人了"})
    assert status == 200, after
    assert {item["status"] for item in after["items"]} == {"revoked"}
    assert {item["revoke_reason"] for item in after["items"]} == {"家里有人了"}
    assert await world.conn.fetchval("select state from help_request where id = $1", request_id) == "open"
    again = await book(world.client, world.helper, slots[1], world.person_id, mandate_id=own["id"])
    assert again.code == "mandate_revoked"
    told = (await world.notices()).count("mandate_revoked")
    assert (await call(world.client, "POST", f"{path}/revoke", world.family, {}))[0] == 200
    assert (await world.notices()).count("mandate_revoked") == told == 3


async def test_uses_of_one_batch_count_against_each_other(world, slots):
    _, made = await world.create(world.family, world.body(max_uses=2))
    wishes = [
        BookingRequest(world.helper.account_id, slot_id, world.person_id, UUID(made["id"]), {}, f"one of a batch {n}")
        for n, slot_id in enumerate(slots)
    ]
    async with world.conn.transaction():
        outcomes = await bookings.book(world.conn, world.app[VAULT], wishes, world.app[CLOCK]())
    codes = [outcome.code if isinstance(outcome, Refusal) else None for outcome in outcomes]
    assert codes == [None, None, "mandate_used_up", "mandate_used_up"]
