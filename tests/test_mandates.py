"""Mandates given by the family or at a desk: who may give, see and end them, and the races between."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

import sql
from domain.identifiers import new_id
from domain.vocabulary import (
    MAX_MANDATE_DAYS,
    MAX_MANDATES_OF_PERSON,
    MAX_PERSONS_OF_VOLUNTEER,
    Role,
)
from handlers.request import VAULT
from tests import make
from tests.mandates import PHONE, UNTIL, call


async def test_the_family_gives_a_mandate_at_once(world):
    status, made = await world.create(world.family, world.body(matters=["medical", "insurance", "medical"]))
    assert status == 201, made
    assert (made["status"], made["consent"], made["matters"]) == ("active", "family", ["insurance", "medical"])
    assert made["expires_at"] == UNTIL
    assert made["consented_at"] == "2026-11-23T06:30:00+08:00"
    assert made["volunteer"]["name"] == "苏和"
    assert made["person"]["name"] == "巴特尔"
    assert made["person"]["id_number"] == f"{world.number[:6]}********{world.number[-4:]}"
    assert made["person"]["phone"] == "139****1111"
    assert world.number not in str(made)
    row = await world.row(made)
    assert row["consented_by"] == row["requested_by"] == world.family.account_id
    assert await world.notices() == ["mandate_given"]
    assert await world.actions(made) == ["mandates.given"]
    assert await world.outside.messages(PHONE) == []


async def test_a_repeat_gives_the_same_mandate(world):
    key = make.key()
    first = await world.create(world.family, world.body(), key)
    assert await world.create(world.family, world.body(), key) == first
    assert await world.conn.fetchval("select count(*) from mandate") == 1
    assert (await world.create(world.family, world.body(matters=["housing"]), key))[0] == 422


async def test_no_volunteer_consents_to_a_mandate_of_their_own(world):
    await make.care(world.conn, world.helper.account_id, world.person_id)
    status, problem = await world.create(world.helper, world.body())
    assert (status, problem["code"]) == (403, "volunteer_cannot_consent")
    assert await world.conn.fetchval("select count(*) from mandate") == 0


async def test_whoever_cares_already_needs_no_mandate(world):
    await make.care(world.conn, world.helper.account_id, world.person_id)
    assert (await world.create(world.family, world.body()))[1]["code"] == "volunteer_already_cares"


async def test_only_the_family_consents(world):
    stranger = await make.resident(world.conn, world.app)
    account_id = await make.account(world.conn)
    await make.care(world.conn, account_id, world.person_id)
    unregistered = make.Resident(
        account_id, account_id, await make.session(world.conn, world.app, account_id, [Role.RESIDENT])
    )
    expected = [
        (stranger, 404, "person_not_found"),
        (world.helper, 404, "person_not_found"),
        (unregistered, 403, "registration_required"),
    ]
    for who, status, code in expected:
        answered, problem = await world.create(who, world.body())
        assert (answered, problem["code"]) == (status, code)
    status, problem = await call(world.client, "POST", "/v1/mandates", world.clerk, world.body())
    assert (status, problem["code"]) == (403, "residents_only")
    assert (await call(world.client, "POST", "/v1/mandates", None, world.body()))[0] == 401


@pytest.mark.parametrize("status", ["applied", "suspended", "left"])
async def test_only_approved_volunteers_get_one(world, status):
    await world.conn.execute("update volunteer set status = $1", status)
    world.helper = await make.signed_in_again(world.conn, world.app, world.helper)
    for who, body in ((world.family, world.body()), (world.helper, world.by_card())):
        answered, problem = await world.create(who, body)
        assert (answered, problem["code"]) == (409, "volunteer_not_serving")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"volunteer_id": str(new_id())}, 404, "volunteer_not_found"),
        ({"person_id": str(new_id())}, 404, "person_not_found"),
        ({"matters": []}, 400, "invalid_input"),
        ({"matters": ["magic"]}, 400, "invalid_input"),
        ({"matters": "medical"}, 400, "invalid_input"),
        ({"expires_at": "2027-03-01"}, 400, "invalid_input"),
        ({"expires_at": "2026-11-23T06:30:00+08:00"}, 400, "mandate_period"),
        ({"expires_at": "2020-01-01T00:00:00+08:00"}, 400, "mandate_period"),
        ({"expires_at": "2028-01-01T00:00:00+08:00"}, 400, "mandate_period"),
        ({"consent": "desk"}, 400, "invalid_input"),
        ({"consent": "telepathy"}, 400, "invalid_input"),
        ({"person_id": None}, 400, "invalid_input"),
        ({"person_id": None, "id_number": "1", "name": None}, 400, "invalid_input"),
        ({"name": "巴特尔"}, 400, "invalid_input"),
        ({"person_id": None, "id_number": make.id_number(), "name": "巴特尔"}, 400, "person_id_required"),
        ({"status": "active"}, 400, "invalid_input"),
    ],
)
async def test_bad_terms_are_refused(world, changes, status, code):
    answered, problem = await world.create(world.family, world.body(**changes))
    assert (answered, problem["code"]) == (status, code)
    assert await world.conn.fetchval("select count(*) from mandate") == 0
    assert await world.notices() == []


async def test_a_year_ahead_is_the_longest(world, clock):
    longest = clock.now + timedelta(days=MAX_MANDATE_DAYS)
    too_long = longest + timedelta(seconds=1)
    assert (await world.create(world.family, world.body(expires_at=too_long.isoformat())))[1][
        "code"
    ] == "mandate_period"
    assert (await world.create(world.family, world.body(expires_at=longest.isoformat())))[0] == 201


async def test_one_live_mandate_a_pair_and_a_new_one_after_it_ended(world, clock):
    made = await world.given()
    assert (await world.create(world.family, world.body()))[1]["code"] == "mandate_exists"
    await world.revoke(made, world.family)
    second = await world.given()
    await world.later(clock, days=98)
    third = await world.create(world.family, world.body(expires_at="2027-06-01T00:00:00+08:00"))
    assert third[0] == 201
    _, found = await call(world.client, "GET", "/v1/mandates", world.family)
    states = {item["id"]: item["status"] for item in found["items"]}
    assert states == {made["id"]: "revoked", second["id"]: "expired", third[1]["id"]: "active"}


async def test_giving_at_once_gives_one(world):
    answers = await asyncio.gather(*(world.create(world.family, world.body()) for _ in range(10)))
    assert sorted(status for status, _ in answers) == [201] + [409] * 9
    assert await world.conn.fetchval("select count(*) from mandate") == 1


async def test_a_person_has_a_few_mandates_also_when_they_race(world):
    volunteers = []
    for _ in range(MAX_MANDATES_OF_PERSON + 3):
        helper = await make.resident(world.conn, world.app)
        volunteers.append(await make.volunteer(world.conn, helper.account_id, team_id=world.team_id))
    answers = await asyncio.gather(
        *(world.create(world.family, world.body(volunteer_id=str(volunteer_id))) for volunteer_id in volunteers)
    )
    refused = [body for status, body in answers if status != 201]
    assert [body["code"] for body in refused] == ["person_has_mandates_enough"] * 3
    assert await world.conn.fetchval("select count(*) from mandate") == MAX_MANDATES_OF_PERSON == refused[0]["limit"]


async def test_a_volunteer_helps_so_many_persons_also_when_they_race(world):
    vault = world.app[VAULT]
    for _ in range(MAX_PERSONS_OF_VOLUNTEER - 1):
        person_id = await make.person(world.conn, vault)
        await make.mandate(world.conn, person_id, world.volunteer_id, world.family.account_id)
    persons = []
    for _ in range(4):
        person_id = await make.person(world.conn, vault)
        await make.care(world.conn, world.family.account_id, person_id)
        persons.append(str(person_id))
    answers = await asyncio.gather(
        *(world.create(world.family, world.body(person_id=person_id)) for person_id in persons)
    )
    assert sorted(status for status, _ in answers) == [201, 409, 409, 409]
    assert {body["code"] for status, body in answers if status == 409} == {"volunteer_has_persons_enough"}


async def paper(world, staff):
    file_id = new_id()
    await world.conn.execute(
        "insert into file values ($1, $2, 'mandate_paper', 'image/png', 100, now())", file_id, staff.account_id
    )
    return str(file_id)


async def test_a_clerk_enters_a_signed_paper(world):
    file_id = await paper(world, world.clerk)
    body = world.body("desk", person_id=None, id_number=world.number.lower(), name=" 巴特尔 ", file_id=file_id)
    status, made = await world.create(world.clerk, body)
    assert status == 201, made
    assert (made["status"], made["consent"], made["file_id"]) == ("pending", "desk", file_id)
    assert made["person"]["phone"] == "139****1111"
    assert (await world.row(made))["consented_by"] is None
    assert await world.notices() == ["mandate_requested"]
    _, shown = await call(world.client, "GET", f"/v1/mandates/{made['id']}", world.family)
    assert "file_id" not in shown


async def test_a_desk_needs_its_own_paper_and_a_known_person(world):
    foreign = await paper(world, await make.staff(world.conn, world.app, Role.CLERK))
    own = await paper(world, world.clerk)
    expected = [
        (world.body("desk"), 400, "invalid_input"),
        (world.body("sms", file_id=own), 400, "invalid_input"),
        (world.body("family", file_id=own), 400, "invalid_input"),
        (world.body("desk", file_id=str(new_id())), 404, "file_not_found"),
        (world.body("desk", file_id=foreign), 404, "file_not_found"),
        (world.body("desk", person_id=str(new_id()), file_id=own), 404, "person_unknown"),
        (world.body("desk", person_id=None, id_number=world.number, name="别人", file_id=own), 404, "person_unknown"),
    ]
    for body, status, code in expected:
        answered, problem = await world.create(world.clerk, body)
        assert (answered, problem["code"]) == (status, code), body
    assert await world.conn.fetchval("select count(*) from mandate") == 0


async def test_only_clerks_of_the_area_enter_papers(world):
    provider_id = await make.provider(world.conn, area_id=world.area_id)
    for staff in (
        await make.staff(world.conn, world.app, Role.CLERK, area_id=await make.area(world.conn)),
        await make.staff(world.conn, world.app, Role.CLERK, provider_id=provider_id),
        await make.staff(world.conn, world.app, Role.AUDITOR),
    ):
        for body in (world.body("desk", file_id=await paper(world, staff)), world.body("sms")):
            status, problem = await world.create(staff, body)
            assert (status, problem["code"]) == (404, "volunteer_not_found")
    status, problem = await call(world.client, "POST", "/v1/staff/mandates", world.family, world.body("sms"))
    assert (status, problem["code"]) == (403, "staff_only")


async def test_family_elder_volunteer_and_staff_may_end_it(world):
    elder = await make.account(world.conn)
    await make.care(world.conn, elder, world.person_id, "self")
    own = make.Resident(elder, world.person_id, await make.session(world.conn, world.app, elder, [Role.RESIDENT]))
    for who, by in ((world.family, "family"), (own, "family"), (world.helper, "volunteer")):
        made = await world.given()
        status, ended = await world.revoke(made, who, "  不需要了 ")
        assert (status, ended["status"]) == (200, "revoked")
        assert ended["revoke_reason"] == ("不需要了" if by == "family" else "")
        assert (await world.row(made))["revoked_by"] == who.account_id
        facts = await world.conn.fetchval(
            "select facts from notice where kind = 'mandate_revoked' order by id desc limit 1"
        )
        assert facts == {"by": by}
    made = await world.given()
    path = f"/v1/staff/mandates/{made['id']}/revoke"
    status, ended = await call(world.client, "POST", path, world.clerk, {"reason": "电话要求"})
    assert (status, ended["status"], ended["revoke_reason"]) == (200, "revoked", "电话要求")
    assert await world.actions(made) == ["mandates.given", "mandates.revoked"]


async def test_ending_twice_or_at_once_is_one_end(world):
    made = await world.given()
    answers = await asyncio.gather(*(world.revoke(made, who) for who in (world.family, world.helper) for _ in range(5)))
    assert {(status, body["status"]) for status, body in answers} == {(200, "revoked")}
    assert await world.notices() == ["mandate_given", "mandate_revoked"]
    assert await world.actions(made) == ["mandates.given", "mandates.revoked"]


async def test_confirming_and_ending_at_once_leave_it_ended(world):
    for _ in range(5):
        asked = await world.asked()
        code = await world.code()
        (status, body), (ended, _) = await asyncio.gather(world.confirm(asked, code), world.revoke(asked, world.family))
        assert ended == 200
        assert (status, body.get("code")) in {(200, None), (409, "mandate_not_pending")}
        assert (await world.row(asked))["status"] == "revoked"
        assert (await world.confirm(asked, code))[1]["code"] == "mandate_not_pending"
        await world.conn.execute("delete from mandate")


async def test_strangers_cannot_end_or_see_it(world):
    made = await world.given()
    stranger = await make.resident(world.conn, world.app)
    other = await make.resident(world.conn, world.app)
    await make.volunteer(world.conn, other.account_id, team_id=world.team_id)
    for who in (stranger, other):
        assert (await world.revoke(made, who))[1]["code"] == "mandate_not_found"
        assert (await call(world.client, "GET", f"/v1/mandates/{made['id']}", who))[0] == 404
        assert (await call(world.client, "GET", "/v1/mandates", who))[1]["items"] == []
    for staff in (
        await make.staff(world.conn, world.app, Role.ADMIN, area_id=await make.area(world.conn)),
        await make.staff(world.conn, world.app, Role.AUDITOR),
    ):
        path = f"/v1/staff/mandates/{made['id']}"
        assert (await call(world.client, "POST", f"{path}/revoke", staff, {}))[1]["code"] == "mandate_not_found"
        assert (await call(world.client, "GET", path, staff))[0] == 404
    assert (await world.revoke({"id": str(new_id())}, world.family))[0] == 404
    assert (await world.revoke({"id": "mine"}, world.family))[0] == 404
    assert (await world.row(made))["status"] == "active"


async def test_care_that_ended_ends_the_say(world):
    made = await world.given()
    await world.conn.execute("update care set ended_at = now() where person_id = $1", world.person_id)
    assert (await world.revoke(made, world.family))[0] == 404
    assert (await call(world.client, "GET", "/v1/mandates", world.family))[1]["items"] == []


async def test_the_family_sees_every_use_at_one_look(world, clock):
    made = await world.given()
    bookings = {await world.use(made, clock.now), await world.use(made, clock.now, "cancelled")}
    for who in (world.family, world.helper):
        _, found = await call(world.client, "GET", "/v1/mandates", who)
        (item,) = found["items"]
        assert {one["booking_id"] for one in item["uses"]} == bookings
        assert {one["status"] for one in item["uses"]} == {"booked", "cancelled"}
        assert item["uses"][0]["starts_at"] == "2026-11-25T08:30:00+08:00"
        assert item["uses"][0]["department"] == "内科"
        assert (await call(world.client, "GET", f"/v1/mandates/{made['id']}", who))[1] == item
    _, found = await call(world.client, "GET", "/v1/staff/mandates", world.clerk)
    assert {one["booking_id"] for one in found["items"][0]["uses"]} == bookings


async def test_a_volunteer_sees_the_person_only_while_it_holds(world, clock):
    made = await world.given()
    await world.use(made, clock.now)
    await world.revoke(made, world.family)
    _, seen = await call(world.client, "GET", f"/v1/mandates/{made['id']}", world.helper)
    assert (seen["person"], seen["uses"]) == (None, [])
    assert str(world.person_id) not in str(seen)
    _, seen = await call(world.client, "GET", f"/v1/mandates/{made['id']}", world.family)
    assert (seen["person"]["name"], len(seen["uses"])) == ("巴特尔", 1)
    made = await world.given()
    await world.later(clock, days=98)
    _, seen = await call(world.client, "GET", f"/v1/mandates/{made['id']}", world.helper)
    assert (seen["status"], seen["person"]) == ("expired", None)


async def test_lists_are_paged_newest_first_and_filtered(world):
    vault = world.app[VAULT]
    ids = []
    for _ in range(3):
        person_id = await make.person(world.conn, vault)
        await make.care(world.conn, world.family.account_id, person_id)
        _, made = await world.create(world.family, world.body(person_id=str(person_id)))
        ids.append(made["id"])
    ids.reverse()
    for path, who in (
        ("/v1/mandates", world.family),
        ("/v1/mandates", world.helper),
        ("/v1/staff/mandates", world.clerk),
    ):
        _, found = await call(world.client, "GET", f"{path}?limit=2", who)
        assert [item["id"] for item in found["items"]] == ids[:2]
        _, rest = await call(world.client, "GET", f"{path}?limit=2&after={found['next']}", who)
        assert ([item["id"] for item in rest["items"]], rest["next"]) == (ids[2:], None)
        _, found = await call(world.client, "GET", f"{path}?person={person_id}", who)
        assert [item["id"] for item in found["items"]] == ids[:1]
    for name in ("volunteer", "team"):
        _, found = await call(world.client, "GET", f"/v1/staff/mandates?{name}={new_id()}", world.clerk)
        assert found["items"] == []
    _, found = await call(world.client, "GET", f"/v1/staff/mandates?team={world.team_id}", world.clerk)
    assert [item["id"] for item in found["items"]] == ids


async def test_a_revocation_waits_for_the_use_before_it_and_is_seen_by_every_use_after(world):
    made = await world.given()
    ids = [UUID(made["id"])]
    async with world.conn.transaction():
        (held,) = await sql.mandate_use.lock(world.conn, ids=ids)
        assert (held["status"], held["volunteer_id"]) == ("active", world.volunteer_id)
        ending = asyncio.ensure_future(world.revoke(made, world.family))
        done, _ = await asyncio.wait([ending], timeout=0.3)
        assert not done
    assert (await ending)[0] == 200
    (held,) = await sql.mandate_use.lock(world.conn, ids=ids)
    assert held["status"] == "revoked"
