from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from domain import erasure
from domain.consents import TEXTS
from domain.vocabulary import ConsentKind
from handlers.ports import REVOCATIONS
from tests import make
from tests.visitors import call, consents

if TYPE_CHECKING:
    from uuid import UUID


async def test_leaving_ends_everything_that_nobody_else_keeps(visit, conn, outside):
    leaver, other = await visit("测试甲", phone="13812340001"), await visit()
    number = make.id_number()
    _, alone = await leaver.add("测试乙", number, phone="13812340009")
    _, shared = await leaver.add("测试丙")
    await make.care(conn, other.account_id, shared["id"], "other")
    status, answer = await leaver.call("DELETE", "/v1/me")
    assert status == 200
    assert {one["id"]: one["fate"] for one in answer["people"]} == {
        leaver.person_id: "erased",
        alone["id"]: "erased",
        shared["id"]: "kept_by_others",
    }
    assert (await leaver.call("GET", "/v1/me"))[0] == 401
    assert (
        await conn.fetchval(
            "select count(*) from session where account_id = $1 and ended_at is null", leaver.account_id
        )
        == 0
    )
    assert await conn.fetchval("select count(*) from wechat_identity where account_id = $1", leaver.account_id) == 0
    assert await conn.fetchval("select status from account where id = $1", leaver.account_id) == "deleted"
    assert (
        await conn.fetchval(
            "select count(*) from consent where account_id = $1 and withdrawn_at is null", leaver.account_id
        )
        == 0
    )
    assert (
        await conn.fetchval("select count(*) from care where account_id = $1 and ended_at is null", leaver.account_id)
        == 0
    )
    names = [row["name"] for row in await conn.fetch("select name from person where erased_at is not null")]
    assert names == ["已注销", "已注销"]
    acts = await conn.fetch("select action from audit where actor_id = $1", leaver.account_id)
    assert [row["action"] for row in acts].count("accounts.deleted") == 1
    assert (await other.call("GET", f"/v1/people/{shared['id']}"))[0] == 200


async def test_this_process_knows_at_once_and_waits_for_no_notification(visit, app, conn, monkeypatch):
    leaver = await visit()
    await conn.execute("drop trigger session_announce on session")
    told: list[UUID] = []
    monkeypatch.setattr(app[REVOCATIONS], "session_ended", told.append)
    assert (await leaver.call("DELETE", "/v1/me"))[0] == 200
    assert told == [row["id"] for row in await conn.fetch("select id from session")]


async def test_who_comes_back_is_a_new_account_and_the_same_person(visit, conn, client):
    number = make.id_number()
    leaver = await visit("测试甲", number=number)
    slot_id = await make.slot(conn)
    await make.booking(conn, slot_id, leaver, status="no_show")
    await leaver.call("DELETE", "/v1/me")
    back = await visit("测试乙", number=number)
    assert back.account_id != leaver.account_id
    assert back.person_id == leaver.person_id
    row = await conn.fetchrow("select * from person where id = $1", back.person_id)
    assert (row["name"], row["erased_at"], row["assurance"]) == ("测试乙", None, "declared")
    assert await conn.fetchval("select count(*) from booking where person_id = $1", back.person_id) == 1
    assert (await back.call("GET", "/v1/me/id-number"))[1]["id_number"] == number


async def test_after_the_longest_limit_nothing_is_known_any_more(visit, conn, clock):
    number = make.id_number()
    leaver = await visit("测试甲", number=number)
    await leaver.call("DELETE", "/v1/me")
    gone = clock.now
    assert await erasure.prune(conn, gone + timedelta(days=90)) == 0
    assert await erasure.prune(conn, gone + timedelta(days=90, seconds=1)) == 1
    assert await erasure.prune(conn, gone + timedelta(days=91)) == 0
    back = await visit("测试乙", number=number)
    assert back.person_id != leaver.person_id


async def test_standing_bookings_refuse_with_their_facts(visit, conn):
    leaver = await visit()
    slot_id = await make.slot(conn, await make.service(conn, department="内科", name="普通门诊"))
    booking_id = await make.booking(conn, slot_id, leaver)
    status, problem = await leaver.call("DELETE", "/v1/me")
    assert (status, problem["code"]) == (409, "live_bookings")
    (booking,) = problem["bookings"]
    assert booking["id"] == str(booking_id)
    assert (booking["department"], booking["service_name"], booking["day"]) == ("内科", "普通门诊", "2026-11-25")
    assert (await leaver.call("GET", "/v1/me"))[1]["registered"] is True
    await conn.execute("update booking set status = 'checked_in'")
    assert (await leaver.call("DELETE", "/v1/me"))[0] == 409


async def test_a_past_booking_holds_nobody_and_its_answers_go(visit, conn, clock):
    leaver = await visit()
    slot_id = await make.slot(conn, starts_at=clock.now - timedelta(hours=1))
    await make.booking(conn, slot_id, leaver, answers={"症状": "头晕"})
    assert (await leaver.call("DELETE", "/v1/me"))[0] == 200
    assert await conn.fetchval("select answers from booking") == {}


async def test_a_volunteer_who_booked_for_an_elder_does_not_leave_before(visit, conn):
    elder, leaver = await visit(), await visit()
    volunteer_id = await make.volunteer(conn, leaver.account_id)
    mandate_id = await make.mandate(conn, elder.person_id, volunteer_id, elder.account_id)
    slot_id = await make.slot(conn)
    await make.booking(conn, slot_id, leaver, person_id=elder.person_id, mandate_id=mandate_id)
    assert (await leaver.call("DELETE", "/v1/me"))[1]["code"] == "live_bookings"
    await conn.execute("update booking set status = 'completed'")
    assert (await leaver.call("DELETE", "/v1/me"))[0] == 200
    assert await conn.fetchval("select status from volunteer") == "left"
    assert await conn.fetchval("select status from mandate") == "revoked"
    _, notices = await elder.call("GET", "/v1/notices")
    assert [notice["kind"] for notice in notices["items"]] == ["mandate_revoked"]


async def test_with_the_elder_go_mandates_notices_and_requests(visit, conn):
    elder, volunteer = await visit("测试甲"), await visit()
    volunteer_id = await make.volunteer(conn, volunteer.account_id)
    await make.mandate(conn, elder.person_id, volunteer_id, elder.account_id)
    number = (await elder.call("GET", "/v1/me/id-number"))[1]["id_number"]
    status, request = await volunteer.add("测试甲", number)
    assert status == 202
    assert (await elder.call("DELETE", "/v1/me"))[0] == 200
    assert await conn.fetchval("select status from mandate") == "revoked"
    assert await conn.fetchval("select count(*) from notice") == 0
    _, made = await volunteer.call("GET", "/v1/care-requests")
    assert [(one["id"], one["status"], one["id_number"]) for one in made["items"]] == [(request["id"], "pending", None)]
    # Who comes back meets no request from before.
    assert await conn.fetchval("select status from care_request") == "refused"


async def test_what_was_said_about_suspensions_is_exported_and_goes_with_the_account(visit, conn, clock):
    leaver = await visit()
    suspension_id = await make.suspension(conn, leaver.person_id, await make.provider(conn), clock.now)
    await make.appeal(conn, suspension_id, leaver.account_id)
    _, exported = await leaver.call("GET", "/v1/me/export")
    (shown,) = exported["suspensions"]
    assert (shown["id"], shown["statement"], shown["appeal_status"]) == (str(suspension_id), "我来过", "open")
    assert (await leaver.call("DELETE", "/v1/me"))[0] == 200
    assert await conn.fetchval("select statement from appeal") == "已注销"
    assert await conn.fetchval("select ends_at > $1 from suspension", clock.now), "it ends when it would have"


async def test_the_phone_of_a_request_goes_with_the_account(visit, conn):
    number = make.id_number()
    child, parent = await visit(), await visit(registered=False)
    await child.add("测试乙", number)
    assert (await parent.register("测试乙", number))[0] == 202
    assert (await parent.call("DELETE", "/v1/me"))[0] == 200
    row = await conn.fetchrow("select status, phone_sealed from care_request")
    assert (row["status"], row["phone_sealed"]) == ("withdrawn", None)


async def test_deleting_twice_at_once_deletes_once(visit, conn):
    leaver = await visit()
    answers = await asyncio.gather(*(leaver.call("DELETE", "/v1/me") for _ in range(5)))
    assert min(status for status, _ in answers) == 200
    assert {status for status, _ in answers} <= {200, 401}
    assert await conn.fetchval("select count(*) from audit where action = 'accounts.deleted'") == 1


async def test_deleting_and_booking_at_once_leave_no_booking_of_nobody(visit, conn):
    """Whichever comes first, the other meets it: a booking refuses the deletion, or finds no person."""
    for _ in range(6):
        leaver = await visit()
        slot_id = await make.slot(conn)
        body = {"slot_id": str(slot_id), "person_id": leaver.person_id, "answers": {}}
        deleted, booked = await asyncio.gather(
            leaver.call("DELETE", "/v1/me"), leaver.call("POST", "/v1/bookings", body, **make.key())
        )
        assert sorted((deleted[0] == 200, booked[0] == 201)) == [False, True], (deleted, booked)
    orphans = await conn.fetchval(
        "select count(*) from booking join person on person.id = person_id where erased_at is not null"
    )
    assert orphans == 0


async def test_leaving_and_booking_for_an_elder_at_once_leave_no_booking_of_nobody(visit, conn):
    elder = await visit()
    for _ in range(6):
        leaver = await visit()
        volunteer_id = await make.volunteer(conn, leaver.account_id)
        mandate_id = await make.mandate(conn, elder.person_id, volunteer_id, elder.account_id)
        slot_id = await make.slot(conn)
        body = {"slot_id": str(slot_id), "person_id": elder.person_id, "mandate_id": str(mandate_id), "answers": {}}
        await asyncio.gather(leaver.call("DELETE", "/v1/me"), leaver.call("POST", "/v1/bookings", body, **make.key()))
        left = await conn.fetchval("select status from account where id = $1", leaver.account_id) == "deleted"
        booked = await conn.fetchval("select count(*) from booking where booked_by = $1", leaver.account_id)
        assert (left, booked) in ((True, 0), (False, 1))


@pytest.mark.parametrize("path", ["/v1/me", "/v1/me/consents/privacy"])
async def test_requests_are_locked_before_mandates(visit, conn, path):
    """Two who leave and stand in each other's requests and mandates would else wait for each other for ever."""
    elder, leaver, asker = await visit(), await visit(), await visit()
    number = make.id_number()
    _, parent = await leaver.add("测试乙", number)
    await asker.add("测试乙", number)
    mandate_id = await make.mandate(
        conn, elder.person_id, await make.volunteer(conn, leaver.account_id), elder.account_id
    )
    async with conn.transaction():
        await conn.execute("select from care_request where person_id = $1 for no key update", parent["id"])
        leaving = asyncio.create_task(leaver.call("DELETE", path))
        await asyncio.sleep(0.2)
        assert not leaving.done()
        await conn.execute("select from mandate where id = $1 for no key update nowait", mandate_id)
    assert (await leaving)[0] == 200


async def test_the_texts_say_what_taking_consent_back_leads_to(client):
    async with client.get("/v1/consents") as response:
        assert response.status == 200
        listed = await response.json()
    assert [text["kind"] for text in listed["items"]] == list(ConsentKind)
    for text in listed["items"]:
        assert set(text) == {"kind", "version", "title", "text", "withdrawal"}
        assert all(text.values())


async def test_taking_back_the_guardians_consent_ends_the_care_for_that_child(visit, conn):
    carer = await visit()
    children = [
        (await carer.add("测试乙", make.id_number(date(2020, 1, n)), relation="child", consents=consents(child=True)))[
            1
        ]
        for n in (1, 2)
    ]
    url = "/v1/me/consents/child_guardian"
    status, answer = await carer.call("DELETE", f"{url}?person={children[0]['id']}")
    assert status == 200
    assert answer == {
        "kind": "child_guardian",
        "consequence": TEXTS[ConsentKind.CHILD_GUARDIAN].withdrawal,
        "people": [{"id": children[0]["id"], "fate": "erased"}],
    }
    _, listed = await carer.call("GET", "/v1/people")
    assert [one["id"] for one in listed["items"]] == [carer.person_id, children[1]["id"]]
    assert [one["id"] for one in (await carer.call("DELETE", url))[1]["people"]] == [children[1]["id"]]
    assert (await carer.call("DELETE", url))[1]["people"] == []
    assert (await carer.call("DELETE", "/v1/me/consents/marketing"))[0] == 404


async def test_taking_back_consent_for_oneself_ends_the_registration_and_not_the_account(visit, conn):
    carer = await visit("测试甲")
    await make.volunteer(conn, carer.account_id)
    number = (await carer.call("GET", "/v1/me/id-number"))[1]["id_number"]
    await carer.add()
    status, answer = await carer.call("DELETE", "/v1/me/consents/sensitive_data")
    assert (status, [one["fate"] for one in answer["people"]]) == (200, ["erased", "erased"])
    await carer.renew(conn)
    _, me = await carer.call("GET", "/v1/me")
    assert (me["registered"], me["consents"]) == (False, [])
    assert await conn.fetchval("select status from volunteer") == "left"
    assert (await carer.add())[1]["code"] == "registration_required"
    assert (await carer.register("测试甲", number))[0] == 200


async def test_consent_is_not_taken_back_under_standing_bookings(visit, conn):
    carer = await visit()
    slot_id = await make.slot(conn)
    await make.booking(conn, slot_id, carer)
    assert (await carer.call("DELETE", "/v1/me/consents/privacy"))[1]["code"] == "live_bookings"
    assert (await carer.call("GET", "/v1/me"))[1]["registered"] is True


async def test_a_changed_text_can_be_agreed_to(visit, conn, monkeypatch):
    carer, stranger = await visit(), await visit()
    newer = TEXTS[ConsentKind.PRIVACY].__class__(ConsentKind.PRIVACY, "2099-01", "题", "文", "果")
    monkeypatch.setitem(TEXTS, ConsentKind.PRIVACY, newer)
    body = {"person_id": carer.person_id, "consents": [{"kind": "privacy", "version": "2026-11"}]}
    assert (await carer.call("PUT", "/v1/me/consents", body))[1]["code"] == "consent_outdated"
    body["consents"][0]["version"] = "2099-01"
    assert (await stranger.call("PUT", "/v1/me/consents", body))[0] == 404
    for _ in range(2):
        status, given = await carer.call("PUT", "/v1/me/consents", body)
        assert status == 200
        assert {one["kind"]: one["version"] for one in given["items"]} == {
            "privacy": "2099-01",
            "sensitive_data": "2026-11",
        }
    assert await conn.fetchval("select count(*) from consent where account_id = $1", carer.account_id) == 3


async def test_staff_delete_no_account_here(client, conn, app):
    clerk = await make.staff(conn, app)
    assert (await call(client, clerk, "DELETE", "/v1/me"))[0] == 403
