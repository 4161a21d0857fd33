"""Waiting for a place: joining, being offered what comes back in order, accepting it, and the end of waiting."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from domain.vocabulary import LOCAL_ZONE, Role
from domain.waitlist_ends import end_senseless
from handlers.request import VAULT
from tests import make
from tests.booking_world import book, cancel, check_books, elder, loose_slot, post
from tests.books import assert_balanced
from tests.waiting import accept, decline, entry, join, leave, offers, shown, told, turn


@pytest.fixture
async def service_id(conn):
    return await make.service(conn)


@pytest.fixture
async def slot_id(conn, service_id):
    return await loose_slot(conn, service_id)


@pytest.fixture
async def booker(client, conn, app, slot_id):
    """Somebody who has the only place."""
    who = await make.resident(conn, app, name="先来者")
    who_booked = await book(client, who, slot_id)
    assert who_booked.status == 201
    return who, who_booked.body["id"]


@pytest.fixture
async def one(conn, app):
    return await make.resident(conn, app, name="甲")


@pytest.fixture
async def two(conn, app):
    return await make.resident(conn, app, name="乙")


async def test_a_returned_place_is_offered_to_the_first_and_accepted(
    client, conn, app, clock, booker, one, two, service_id, slot_id
):
    first, second = [await join(client, who, service_id) for who in (one, two)]
    assert (first.status, second.status) == (201, 201)
    assert [answer.body["people_before"] for answer in (first, second)] == [0, 1]
    assert first.body["people"] == [{"person_id": str(one.person_id), "person_name": "甲"}]
    assert await turn(conn, app) == {}
    await cancel(client, *booker)
    assert await turn(conn, app) == {"offered": 1}
    entry_id = first.body["id"]
    seen = await shown(client, one, entry_id)
    assert seen["status"] == "offered"
    assert seen["offer"]["slot_id"] == str(slot_id)
    assert datetime.fromisoformat(seen["offer"]["expires_at"]) == clock.now + timedelta(minutes=30)
    assert [row["person_id"] for row in await told(conn, "place_offered")] == [one.person_id]
    assert (await shown(client, two, second.body["id"]))["people_before"] == 0
    assert (await book(client, two, slot_id)).code == "slot_full"
    assert (await accept(client, two, second.body["id"])).code == "no_offer"
    done = await accept(client, one, entry_id)
    assert (done.status, done.body["id"]) == (201, entry_id)
    assert [made["status"] for made in done.body["bookings"]] == ["booked"]
    assert (await entry(conn, entry_id))["status"] == "accepted"
    assert await turn(conn, app) == {}
    await check_books(conn, app)
    await assert_balanced(conn)


async def test_accepting_again_is_answered_alike(client, conn, app, booker, one, service_id):
    joined = await join(client, one, service_id)
    await cancel(client, *booker)
    await turn(conn, app)
    key = make.key()
    answers = [await accept(client, one, joined.body["id"], key=key) for _ in range(2)]
    answers.append(await accept(client, one, joined.body["id"]))
    assert [answer.status for answer in answers] == [201] * 3
    assert answers[0].body == answers[1].body == answers[2].body
    assert await conn.fetchval("select count(*) from booking where status = 'booked'") == 1
    other = await accept(client, one, joined.body["id"], key=key, answers={"x": "y"})
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_joining_again_is_answered_alike(client, conn, booker, one, two, service_id):
    key = make.key()
    answers = [await join(client, one, service_id, key=key) for _ in range(3)]
    assert [answer.status for answer in answers] == [201] * 3
    assert answers[0].body == answers[1].body == answers[2].body
    assert await conn.fetchval("select count(*) from waitlist_entry") == 1
    assert await conn.fetchval("select seen from waitlist_entry") == 3
    other = await join(client, one, service_id, key=key, to="2026-12-03")
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert (await join(client, two, service_id, key=key)).status == 201


async def test_an_offer_that_runs_out_goes_to_the_next_and_the_second_one_ends_the_waiting(
    client, conn, app, clock, booker, one, two, service_id, slot_id
):
    first, second = [(await join(client, who, service_id)).body["id"] for who in (one, two)]
    await cancel(client, *booker)
    await turn(conn, app)
    clock.move(minutes=30)
    one, two = [await make.signed_in_again(conn, app, who) for who in (one, two)]
    assert (await accept(client, one, first)).code == "offer_over"
    assert await turn(conn, app) == {"lapsed": 1, "offered": 1}
    assert [(await entry(conn, each))["status"] for each in (first, second)] == ["waiting", "offered"]
    assert [row["person_id"] for row in await told(conn, "offer_lapsed")] == [one.person_id]
    clock.move(minutes=30)
    assert await turn(conn, app) == {"lapsed": 1, "freed": 1}, "nobody is offered the same place again"
    await assert_balanced(conn)
    other = await loose_slot(conn, service_id, starts_at=datetime(2026, 11, 26, 9, tzinfo=LOCAL_ZONE))
    holder = await make.resident(conn, app)
    await cancel(client, holder, (await book(client, holder, other)).body["id"])
    one, two = [await make.signed_in_again(conn, app, who) for who in (one, two)]
    assert await turn(conn, app) == {"offered": 1}
    assert (await shown(client, one, first))["offer"]["slot_id"] == str(other)
    clock.move(minutes=30)
    await turn(conn, app)
    two = await make.signed_in_again(conn, app, two)
    ended = await entry(conn, first)
    assert (ended["status"], ended["ended_because"], ended["missed"]) == ("ended", "offers_missed", 2)
    assert [row["facts"] for row in await told(conn, "waitlist_ended")] == [{"way": "offers_missed"}]
    assert (await shown(client, two, second))["offer"]["slot_id"] == str(other)
    await check_books(conn, app)


async def test_declining_gives_the_place_on_at_once(client, conn, app, booker, one, two, service_id):
    first, second = [(await join(client, who, service_id)).body["id"] for who in (one, two)]
    assert (await decline(client, one, first)).code == "no_offer"
    await cancel(client, *booker)
    await turn(conn, app)
    for _ in range(2):
        declined = await decline(client, one, first)
        assert (declined.status, declined.body["status"], declined.body["missed"]) == (200, "waiting", 1)
    assert await turn(conn, app) == {"offered": 1}
    assert (await shown(client, two, second))["status"] == "offered"
    await assert_balanced(conn)


async def test_leaving_gives_an_offered_place_on(client, conn, app, booker, one, two, service_id):
    first, second = [(await join(client, who, service_id)).body["id"] for who in (one, two)]
    await cancel(client, *booker)
    await turn(conn, app)
    assert [await leave(client, one, first) for _ in range(2)] == [204, 204]
    assert (await entry(conn, first))["ended_because"] == "left"
    assert (await accept(client, one, first)).code == "waiting_ended"
    await turn(conn, app)
    assert (await shown(client, two, second))["status"] == "offered"
    await accept(client, two, second)
    assert await leave(client, two, second) == 409
    await check_books(conn, app)


async def test_a_party_is_given_only_what_fits_and_keeps_nobody_behind(
    client, conn, app, booker, one, two, service_id, slot_id
):
    child = await make.person(conn, app[VAULT], name="孩子")
    await make.care(conn, one.account_id, child, "child")
    couple = (await join(client, one, service_id, companions=[child])).body
    single = (await join(client, two, service_id)).body
    assert (couple["party"], single["people_before"]) == (2, 2)
    await cancel(client, *booker)
    assert await turn(conn, app) == {"offered": 1}
    assert (await shown(client, two, single["id"]))["status"] == "offered"
    await conn.execute("update slot_pool set capacity = 3, taken = 3 where slot_id = $1", slot_id)
    await make.kept_back(conn, slot_id, 2)
    assert await turn(conn, app) == {"offered": 1}
    done = await accept(client, one, couple["id"])
    assert {made["person_id"] for made in done.body["bookings"]} == {str(one.person_id), str(child)}
    await check_books(conn, app)


async def test_a_party_gets_all_its_places_or_none(client, conn, app, service_id, one):
    questions = [{"key": "symptom", "label": "哪里不舒服", "kind": "text", "required": True}]
    service_id = await make.service(conn, questions=questions)
    slot_id = await loose_slot(conn, service_id, public=0)
    child = await make.person(conn, app[VAULT], name="孩子")
    await make.care(conn, one.account_id, child, "child")
    entry_id = (await join(client, one, service_id, companions=[child])).body["id"]
    await conn.execute("update slot_pool set capacity = 2, taken = 2")
    await make.kept_back(conn, slot_id, 2)
    assert await turn(conn, app) == {"offered": 1}
    refused = await accept(client, one, entry_id, answers_of={str(child): {"symptom": "咳嗽"}})
    assert (refused.status, refused.code) == (400, "invalid_input")
    assert await conn.fetchval("select count(*) from booking") == 0
    assert (await shown(client, one, entry_id))["status"] == "offered"
    await assert_balanced(conn)
    done = await accept(
        client, one, entry_id, answers={"symptom": "头疼"}, answers_of={str(child): {"symptom": "咳嗽"}}
    )
    assert {made["person_id"]: made["answers"]["symptom"] for made in done.body["bookings"]} == {
        str(one.person_id): "头疼",
        str(child): "咳嗽",
    }
    await check_books(conn, app)


async def test_an_elder_waits_under_a_mandate_for_an_assisted_place(client, conn, app, one, service_id):
    helper = await make.resident(conn, app, name="苏和")
    old, other = [await elder(conn, app, await make.volunteer(conn, helper.account_id)) for _ in range(1)] * 2
    slot_id = await loose_slot(conn, service_id, assisted=1, public=0)
    made = await book(client, helper, slot_id, old.person_id, mandate_id=old.mandate_id)
    waiting = await elder(conn, app, await conn.fetchval("select id from volunteer"))
    use = {"person_id": waiting.person_id, "mandate_id": waiting.mandate_id}
    assert other is old
    alone = await join(client, helper, service_id, companions=[helper.person_id], **use)
    assert (alone.status, alone.code) == (409, "mandate_alone")
    await join(client, one, service_id)
    joined = await join(client, helper, service_id, **use)
    assert joined.status == 201
    assert (await shown(client, waiting.family, joined.body["id"]))["mandate_id"] == str(waiting.mandate_id)
    await cancel(client, helper, made.body["id"])
    assert await turn(conn, app) == {"offered": 1}
    (offer,) = await offers(conn)
    assert (offer["channel"], str(offer["entry_id"])) == ("assisted", joined.body["id"])
    done = await accept(client, helper, joined.body["id"])
    (booking,) = done.body["bookings"]
    assert (booking["channel"], booking["mandate_id"]) == ("assisted", str(waiting.mandate_id))
    await check_books(conn, app)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"companions": "self"}, "companions"),
        ({"companions": "five"}, "companions"),
        ({"from_": "2026-11-22"}, "from"),
        ({"to": "2026-12-08"}, "to"),
        ({"from_": "2026-11-25", "to": "2026-11-24"}, "to"),
    ],
)
async def test_a_wish_that_cannot_be_is_refused_by_the_field_at_fault(
    client, conn, app, booker, one, service_id, wish, field
):
    companions = {"self": [one.person_id], "five": [await make.person(conn, app[VAULT]) for _ in range(5)]}
    if "companions" in wish:
        wish = {"companions": companions[wish["companions"]]}
    refused = await join(client, one, service_id, **wish)
    assert (refused.status, refused.code, list(refused.body["errors"])) == (400, "invalid_input", [field])
    assert await conn.fetchval("select count(*) from waitlist_entry") == 0


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ("update service set state = 'hidden'", 404, "service_not_found"),
        ("update service set min_age = 90", 409, "too_young"),
        ("update slot_pool set capacity = 2", 409, "places_free"),
    ],
)
async def test_waiting_for_what_is_not_there_or_free_is_refused(
    client, conn, booker, one, service_id, slot_id, change, status, code
):
    await conn.execute(change)
    refused = await join(client, one, service_id)
    assert (refused.status, refused.code) == (status, code), refused.body
    assert refused.body.get("slot_id", str(slot_id)) == str(slot_id)


@pytest.mark.parametrize(
    ("wish", "code"),
    [("person_id", "person_not_found"), ("companions", "person_not_found"), ("mandate_id", "mandate_not_found")],
)
async def test_nobody_waits_for_persons_of_others(client, booker, one, two, service_id, wish, code):
    refused = await join(client, one, service_id, **{wish: [two.person_id] if wish == "companions" else two.person_id})
    assert (refused.status, refused.code) == (404, code)


async def test_a_person_waits_once_for_a_service_and_for_so_many_at_all(client, conn, booker, one, service_id):
    first = await join(client, one, service_id)
    again = await join(client, one, service_id)
    assert (again.status, again.code, again.body["entry_id"]) == (409, "waiting_already", first.body["id"])
    await conn.execute("update policy set limit_waitlist = 1")
    other = await join(client, one, await make.service(conn))
    assert (other.status, other.code, other.body["limit"]) == (409, "limit_waitlist", 1)
    has_one = await join(client, booker[0], service_id)
    assert (has_one.status, has_one.code, has_one.body["booking_id"]) == (409, "booked_already", booker[1])


async def test_who_is_suspended_does_not_wait(client, conn, clock, booker, one, service_id):
    await suspend(conn, one.person_id, service_id, clock.now)
    refused = await join(client, one, service_id)
    assert (refused.status, refused.code) == (409, "suspended")


async def suspend(conn, person_id, service_id, now):
    await conn.execute(
        """insert into suspension (id, person_id, provider_id, policy_id, step, booking_ids, starts_at, ends_at)
           select gen_random_uuid(), $1, provider_id, (select id from policy limit 1), 1, '{}', $3::timestamptz,
                  $3::timestamptz + interval '30 days'
           from service where id = $2""",
        person_id,
        service_id,
        now - timedelta(days=1),
    )


ENDS = {
    "order_over": "update slot set order_until = '{now}'",
    "mandate_over": "update mandate set status = 'revoked', revoked_at = now(), revoked_by = requested_by",
    "care_over": "update care set ended_at = now() where person_id = '{person_id}'",
    "service_hidden": "update service set state = 'hidden'",
    "not_eligible": "update service set min_age = 90",
}


@pytest.mark.parametrize(
    "because",
    [
        "days_over",
        "order_over",
        "booked_elsewhere",
        "mandate_over",
        "care_over",
        "service_hidden",
        "suspended",
        "not_eligible",
    ],
)
@pytest.mark.parametrize("offered", [False, True])
async def test_waiting_that_makes_no_sense_any_more_ends_by_itself(
    client, conn, app, clock, booker, one, two, service_id, slot_id, because, offered
):
    who, use = one, {}
    if because == "mandate_over":
        volunteer_id = await make.volunteer(conn, one.account_id)
        old = await elder(conn, app, volunteer_id)
        use = {"person_id": old.person_id, "mandate_id": old.mandate_id}
    first = (await join(client, who, service_id, to="2026-11-25", **use)).body["id"]
    second = (await join(client, two, service_id)).body["id"]
    if offered:
        await cancel(client, *booker)
        await turn(conn, app)
        assert (await entry(conn, first))["status"] == "offered"
    if because == "days_over":
        clock.now = datetime(2026, 11, 26, 0, 0, tzinfo=LOCAL_ZONE)
    elif because == "booked_elsewhere":
        at = datetime(2026, 11, 24, 9, tzinfo=LOCAL_ZONE)
        await make.booking(conn, await loose_slot(conn, service_id, starts_at=at), one)
    elif because == "suspended":
        await suspend(conn, one.person_id, service_id, clock.now)
    else:
        await conn.execute(ENDS[because].format(person_id=one.person_id, now=clock.now))
    await end_senseless(conn, app[VAULT], clock.now)
    ended = await entry(conn, first)
    assert (ended["status"], ended["ended_because"]) == ("ended", because.replace("order", "days"))
    assert {"way": ended["ended_because"]} in [row["facts"] for row in await told(conn, "waitlist_ended")]
    assert await offers(conn) == []
    spared = because not in ("service_hidden", "not_eligible")
    assert (await entry(conn, second))["status"] == ("waiting" if spared else "ended")
    await assert_balanced(conn)


async def test_nobody_is_offered_what_a_limit_forbids(client, conn, app, one, two):
    provider_id = await make.provider(conn)
    service_id, other_id = [await make.service(conn, provider_id=provider_id) for _ in range(2)]
    slot_id = await make.slot(conn, service_id)
    holder = await make.resident(conn, app)
    held = await book(client, holder, slot_id)
    await make.booking(conn, await make.slot(conn, other_id), one)
    first, second = [(await join(client, who, service_id)).body["id"] for who in (one, two)]
    await cancel(client, holder, held.body["id"])
    assert await turn(conn, app) == {"offered": 1}
    assert [(await entry(conn, each))["status"] for each in (first, second)] == ["waiting", "offered"]


async def test_a_place_that_nobody_wants_goes_to_everybody_when_its_time_has_come(
    client, conn, app, clock, one, service_id
):
    slot_id = await loose_slot(conn, service_id, limits={"return_minutes_min": 60, "return_minutes_max": 120})
    holder = await make.resident(conn, app)
    held = await book(client, holder, slot_id)
    await cancel(client, holder, held.body["id"])
    assert await turn(conn, app) == {}
    clock.move(minutes=59)
    assert await turn(conn, app) == {}
    one = await make.signed_in_again(conn, app, one)
    assert (await book(client, one, slot_id)).code == "slot_full"
    clock.move(minutes=62)
    assert await turn(conn, app) == {"freed": 1}
    one = await make.signed_in_again(conn, app, one)
    assert (await book(client, one, slot_id)).status == 201
    await check_books(conn, app)


async def test_who_joins_while_a_place_is_kept_back_is_offered_it_at_once(client, conn, app, one, service_id):
    slot_id = await loose_slot(conn, service_id, limits={"return_minutes_min": 60, "return_minutes_max": 60})
    holder = await make.resident(conn, app)
    held = await book(client, holder, slot_id)
    await cancel(client, holder, held.body["id"])
    joined = await join(client, one, service_id)
    assert joined.status == 201
    assert await turn(conn, app) == {"offered": 1}
    assert (await accept(client, one, joined.body["id"])).status == 201
    await check_books(conn, app)


async def test_the_offer_of_a_closed_slot_is_withdrawn_and_counts_as_no_miss(
    client, conn, app, booker, one, service_id, slot_id
):
    entry_id = (await join(client, one, service_id)).body["id"]
    await cancel(client, *booker)
    await turn(conn, app)
    manager = await make.staff(conn, app, Role.MANAGER)
    assert (await post(client, f"/v1/staff/slots/{slot_id}/close", manager, {"reason": "停诊"})).status == 200
    assert (await accept(client, one, entry_id)).code == "slot_closed"
    assert await turn(conn, app) == {"lapsed": 1}
    back = await entry(conn, entry_id)
    assert (back["status"], back["missed"]) == ("waiting", 0)
    assert await conn.fetchval("select taken from slot_pool") == 0
    await assert_balanced(conn)


async def test_nobody_sees_or_touches_the_entry_of_others(client, conn, booker, one, two, service_id):
    entry_id = (await join(client, one, service_id)).body["id"]
    async with client.get(f"/v1/waitlist/{entry_id}", headers=two.headers) as response:
        assert response.status == 404
    assert await leave(client, two, entry_id) == 404
    assert (await accept(client, two, entry_id)).status == 404
    assert (await decline(client, two, entry_id)).status == 404
    for who, many in ((one, 1), (two, 0)):
        async with client.get("/v1/waitlist?live=true", headers=who.headers) as response:
            assert len((await response.json())["items"]) == many


async def test_staff_see_the_queue_in_its_order(client, conn, app, booker, service_id):
    people = [await make.resident(conn, app) for _ in range(5)]
    entries = [(await join(client, who, service_id)).body["id"] for who in people]
    await leave(client, people[1], entries[1])
    clerk = await make.staff(conn, app, Role.CLERK)
    found, after = [], ""
    while True:
        url = f"/v1/staff/services/{service_id}/waitlist?limit=2{after}"
        async with client.get(url, headers=clerk.headers) as response:
            page = await response.json()
        found += [(item["id"], item["people_before"]) for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == list(zip([entries[0], *entries[2:]], range(4), strict=True))


async def test_kept_and_offered_places_are_not_shown_as_free(client, conn, app, booker, one, service_id, slot_id):
    await join(client, one, service_id)

    async def remaining():
        async with client.get(f"/v1/services/{service_id}/slots?date=2026-11-25") as response:
            return [item["remaining"]["public"] for item in (await response.json())["items"]]

    await cancel(client, *booker)
    assert await remaining() == [0]
    await turn(conn, app)
    assert await remaining() == [0]


async def test_a_range_of_days_is_kept_to(client, conn, app, booker, one, service_id):
    entry_id = (await join(client, one, service_id, from_="2026-11-26")).body["id"]
    assert (await entry(conn, entry_id))["first_day"] == date(2026, 11, 26)
    await cancel(client, *booker)
    assert await turn(conn, app) == {}
    assert UUID(entry_id)
