"""Closures: shown before they are done, done exactly as shown or not at all, and everybody is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from domain.vocabulary import LOCAL_ZONE, Role
from tests import make
from tests.booking_world import GENEROUS, book, post
from tests.books import assert_balanced

DAY = datetime(2026, 11, 25, tzinfo=LOCAL_ZONE)
"""Two days after the clock's."""


class Clinic:
    """A provider with one service, a manager, and a resident for every booking."""

    def __init__(self, client, conn, app):
        self.client, self.conn, self.app = client, conn, app

    async def build(self):
        self.provider_id = await make.provider(self.conn)
        self.service_id = await make.service(self.conn, provider_id=self.provider_id)
        self.policy_id = await make.policy(self.conn, service_id=self.service_id, **GENEROUS)
        self.manager = await make.staff(self.conn, self.app, Role.MANAGER, provider_id=self.provider_id)
        return self

    async def slot(self, hour=8, days=0, **options):
        options = {"public": 1, "policy_id": self.policy_id, "service_id": self.service_id, **options}
        return await make.slot(self.conn, starts_at=DAY + timedelta(days=days, hours=hour), **options)

    async def booking(self, slot_id, **options):
        resident = await make.resident(self.conn, self.app)
        return resident, await make.booking(self.conn, slot_id, resident, **options)

    def scope(self, **more):
        return {"provider_id": str(self.provider_id), "from": "2026-11-25", "to": "2026-11-25", **more}

    async def preview(self, **more):
        answer = await post(self.client, "/v1/staff/closures/preview", self.manager, self.scope(**more))
        assert answer.status == 200, answer.body
        return answer.body

    async def apply(self, treatment, *, digest=None, client=None, key=None, **more):
        where = {name: more.pop(name) for name in ("from", "to", "service_id", "resource") if name in more}
        digest = digest or (await self.preview(**where))["digest"]
        body = {"digest": digest, "treatment": treatment, "reason": "医生外出学习", **more}
        return await post(
            client or self.client, "/v1/staff/closures", self.manager, self.scope(**where) | body, key or make.key()
        )

    async def status(self, booking_id):
        return await self.conn.fetchval("select status from booking where id = $1", booking_id)

    async def again(self, who):
        """Sign somebody in anew, whose token is too old once the clock has moved."""
        return await make.signed_in_again(self.conn, self.app, who)

    async def told(self, resident):
        resident = await self.again(resident)
        async with self.client.get("/v1/notices", headers=resident.headers) as response:
            items = (await response.json())["items"]
        for item in items:
            assert "{" not in item["text"]
            assert "None" not in item["text"]
        return [(item["kind"], item["text"]) for item in items]

    async def shown(self, resident, booking_id):
        resident = await self.again(resident)
        async with self.client.get(f"/v1/bookings/{booking_id}", headers=resident.headers) as response:
            assert response.status == 200
            return await response.json()

    async def audits(self, subject_id):
        rows = await self.conn.fetch("select action, actor_id, facts from audit where subject_id = $1", subject_id)
        return {row["action"]: row for row in rows}


@pytest.fixture
async def clinic(client, conn, app):
    yield await Clinic(client, conn, app).build()
    await assert_balanced(conn)


async def test_a_preview_names_who_would_lose_a_place_and_where_each_could_go(clinic):
    slot_id, later = await clinic.slot(8), await clinic.slot(9, days=1)
    await clinic.slot(7, days=-1)
    resident, booking_id = await clinic.booking(slot_id)
    before = await clinic.conn.fetch("select * from slot order by id")
    effect = await clinic.preview()
    assert effect["counts"] == {"slots": 1, "bookings": 1, "with_place": 1, "without_place": 0, "present": 0}
    (met,) = effect["bookings"]
    assert (met["id"], met["person_id"], met["slot_id"]) == (str(booking_id), str(resident.person_id), str(slot_id))
    assert met["person_name"] == "测**"
    assert met["place"]["slot_id"] == str(later)
    assert met["place"]["starts_at"] == "2026-11-26T09:00:00+08:00"
    assert await clinic.conn.fetch("select * from slot order by id") == before
    assert (await clinic.preview())["digest"] == effect["digest"]


async def test_bookings_are_moved_to_the_nearest_equal_place(clinic):
    slot_id, target = await clinic.slot(8), await clinic.slot(9, days=1)
    resident, booking_id = await clinic.booking(slot_id, answers={"fever": True})
    applied = await clinic.apply("move")
    assert applied.status == 201, applied.body
    assert applied.body["slots"] == 1
    assert applied.body["bookings"] == {"offered": 0, "moved": 1, "cancelled": 0, "standing": 0}
    new = await clinic.conn.fetchrow("select * from booking where moved_from = $1", booking_id)
    assert await clinic.status(booking_id) == "moved"
    assert (new["slot_id"], new["status"], new["number"], new["person_id"], new["booked_by"], new["answers"]) == (
        target, "booked", 1, resident.person_id, resident.account_id, {"fever": True}
    )  # fmt: skip
    assert str(new["day"]) == "2026-11-26"
    (told,) = await clinic.told(resident)
    assert told[0] == "booking_moved"
    for words in ("医生外出学习", "2026年11月25日08:00", "2026年11月26日09:00", "内科"):
        assert words in told[1]
    moved = (await clinic.audits(booking_id))["bookings.moved"]
    assert moved["actor_id"] == clinic.manager.account_id
    assert moved["facts"] == {"to": str(new["id"]), "closure_id": applied.body["id"]}
    assert (await clinic.audits(UUID(applied.body["id"])))["closures.applied"]["facts"]["reason"] == "医生外出学习"
    assert (await book(clinic.client, await make.resident(clinic.conn, clinic.app), slot_id)).code == "slot_closed"


async def test_bookings_are_cancelled(clinic):
    slot_id = await clinic.slot()
    await clinic.slot(9, days=1)
    resident, booking_id = await clinic.booking(slot_id)
    applied = await clinic.apply("cancel")
    assert applied.body["bookings"]["cancelled"] == 1
    assert await clinic.status(booking_id) == "cancelled"
    ((kind, text),) = await clinic.told(resident)
    assert kind == "booking_cancelled"
    assert "不计入爽约" in text
    assert "0483-0000000" in text
    assert "bookings.cancelled" in await clinic.audits(booking_id)


@pytest.mark.parametrize(("otherwise", "status"), [("cancel", "cancelled"), ("phone", "booked")])
@pytest.mark.parametrize("treatment", ["move", "offer"])
async def test_without_an_equal_place_it_is_as_staff_choose(clinic, treatment, otherwise, status):
    resident, booking_id = await clinic.booking(await clinic.slot())
    await clinic.slot(9, public=None, counter=5)
    applied = await clinic.apply(treatment, otherwise=otherwise, to="2026-11-26")
    assert applied.body["bookings"]["standing"] == (otherwise == "phone")
    assert await clinic.status(booking_id) == status
    ((kind, _),) = await clinic.told(resident)
    assert kind == ("rebooking_by_phone" if otherwise == "phone" else "booking_cancelled")


async def test_an_offer_is_shown_and_can_be_accepted(clinic, clock):
    slot_id, target = await clinic.slot(8), await clinic.slot(9, days=1)
    resident, booking_id = await clinic.booking(slot_id)
    applied = await clinic.apply("offer", answer_hours=5)
    assert applied.body["bookings"]["offered"] == 1
    assert (await book(clinic.client, await make.resident(clinic.conn, clinic.app), target)).code == "slot_full"
    offer = (await clinic.shown(resident, booking_id))["offer"]
    assert (offer["slot_id"], offer["starts_at"]) == (str(target), "2026-11-26T09:00:00+08:00")
    assert offer["expires_at"] == "2026-11-23T11:30:00+08:00"
    ((kind, text),) = await clinic.told(resident)
    assert kind == "rebooking_offered"
    assert "2026年11月26日09:00" in text
    assert "2026年11月23日11:30" in text
    accepted = await post(clinic.client, f"/v1/bookings/{booking_id}/offer/accept", resident)
    assert accepted.status == 200, accepted.body
    assert (accepted.body["slot_id"], accepted.body["status"]) == (str(target), "booked")
    again = await post(clinic.client, f"/v1/bookings/{booking_id}/offer/accept", resident)
    assert (again.status, again.body) == (200, accepted.body)
    assert await clinic.status(booking_id) == "moved"
    assert (await clinic.shown(resident, booking_id))["offer"] is None
    assert (await post(clinic.client, f"/v1/bookings/{booking_id}/offer/decline", resident)).code == (
        "rebooking_offer_not_found"
    )


async def test_an_offer_is_declined(clinic):
    slot_id, target = await clinic.slot(8), await clinic.slot(9, days=1)
    resident, booking_id = await clinic.booking(slot_id)
    await clinic.apply("offer")
    declined = await post(clinic.client, f"/v1/bookings/{booking_id}/offer/decline", resident)
    assert (declined.status, declined.body["status"]) == (200, "cancelled")
    again = await post(clinic.client, f"/v1/bookings/{booking_id}/offer/decline", resident)
    assert (again.status, again.body) == (200, declined.body)
    assert (await post(clinic.client, f"/v1/bookings/{booking_id}/offer/accept", resident)).code == (
        "rebooking_offer_not_found"
    )
    assert (await book(clinic.client, await make.resident(clinic.conn, clinic.app), target)).status == 201


async def test_a_changed_world_is_refused_with_the_new_digest(clinic):
    slot_id = await clinic.slot(public=2)
    await clinic.booking(slot_id)
    seen = await clinic.preview()
    other = await make.resident(clinic.conn, clinic.app)
    assert (await book(clinic.client, other, slot_id)).status == 201
    refused = await clinic.apply("cancel", digest=seen["digest"])
    assert (refused.status, refused.code) == (409, "world_changed")
    assert refused.body["counts"]["bookings"] == 2
    assert await clinic.conn.fetchval("select count(*) from closure") == 0
    assert (await clinic.apply("cancel", digest=refused.body["digest"])).status == 201


async def test_who_is_there_already_is_left_to_the_desk(clinic):
    _, booking_id = await clinic.booking(await clinic.slot(), status="checked_in")
    effect = await clinic.preview()
    assert effect["counts"]["present"] == 1
    applied = await clinic.apply("cancel", digest=effect["digest"])
    assert applied.body["bookings"]["standing"] == 1
    assert await clinic.status(booking_id) == "checked_in"


async def test_only_the_scope_is_closed(clinic):
    mine, other = await clinic.slot(resource="甲"), await clinic.slot(resource="乙")
    elsewhere = await make.slot(clinic.conn, starts_at=DAY + timedelta(hours=8))
    over = await clinic.slot(-49, resource="甲")
    applied = await clinic.apply("cancel", service_id=str(clinic.service_id), resource="甲", **{"from": "2026-11-22"})
    assert applied.body["slots"] == 1
    states = {row["id"]: row["state"] for row in await clinic.conn.fetch("select id, state from slot")}
    assert states == {mine: "closed", other: "open", elsewhere: "open", over: "open"}


async def test_other_doctors_of_the_day_are_equal_places(clinic):
    slot_id, other = await clinic.slot(resource="甲"), await clinic.slot(resource="乙")
    _, booking_id = await clinic.booking(slot_id)
    await clinic.apply("move", service_id=str(clinic.service_id), resource="甲")
    assert await clinic.conn.fetchval("select slot_id from booking where moved_from = $1", booking_id) == other


async def test_slots_that_are_made_later_are_closed_too(clinic):
    await clinic.apply("cancel")
    made = await post(
        clinic.client,
        "/v1/staff/slots",
        clinic.manager,
        {
            "service_id": str(clinic.service_id),
            "starts_at": "2026-11-25T15:00:00+08:00",
            "ends_at": "2026-11-25T15:30:00+08:00",
            "capacity": {"public": 3},
        },
        make.key(),
    )
    assert (made.status, made.body["state"], made.body["closed_reason"]) == (201, "closed", "医生外出学习")
    assert (await book(clinic.client, await make.resident(clinic.conn, clinic.app), made.body["id"])).code == (
        "slot_closed"
    )


async def lift(clinic, closure_id):
    return await post(clinic.client, f"/v1/staff/closures/{closure_id}/lift", clinic.manager)


async def test_lifting_opens_what_the_closure_closed_and_lets_bookings_stand(clinic):
    slot_id, by_hand = await clinic.slot(public=2), await clinic.slot(10, state="closed")
    target = await clinic.slot(9, days=1)
    offered, offered_id = await clinic.booking(slot_id)
    phoned, phoned_id = await clinic.booking(slot_id)
    applied = await clinic.apply("offer")
    assert applied.body["bookings"] == {"offered": 1, "moved": 0, "cancelled": 0, "standing": 1}
    lifted = await lift(clinic, applied.body["id"])
    assert (lifted.status, lifted.body["slots"]) == (200, 0)
    assert lifted.body["lifted_by"] == str(clinic.manager.account_id)
    states = {row["id"]: row["state"] for row in await clinic.conn.fetch("select id, state from slot")}
    assert states == {slot_id: "open", by_hand: "closed", target: "open"}
    for resident, booking_id in ((offered, offered_id), (phoned, phoned_id)):
        assert await clinic.status(booking_id) == "booked"
        assert (await clinic.shown(resident, booking_id))["offer"] is None
        assert "booking_stands" in [kind for kind, _ in await clinic.told(resident)]
    assert (await book(clinic.client, await make.resident(clinic.conn, clinic.app), target)).status == 201
    assert (await lift(clinic, applied.body["id"])).code == "closure_lifted_already"


async def test_a_slot_that_another_closure_holds_shut_stays_shut(clinic):
    slot_id = await clinic.slot()
    first = await clinic.apply("cancel", service_id=str(clinic.service_id))
    second = await clinic.apply("cancel")
    assert second.body["slots"] == 0
    await lift(clinic, first.body["id"])
    row = await clinic.conn.fetchrow("select state, closure_id from slot where id = $1", slot_id)
    assert (row["state"], row["closure_id"]) == ("closed", UUID(second.body["id"]))
    await lift(clinic, second.body["id"])
    assert await clinic.conn.fetchval("select state from slot where id = $1", slot_id) == "open"


async def test_a_slot_that_its_schedule_has_no_more_stays_shut(clinic):
    slot_id = await clinic.slot()
    resident, _ = await clinic.booking(slot_id)
    applied = await clinic.apply("move")
    await clinic.conn.execute("update slot set withdrawn = true where id = $1", slot_id)
    await lift(clinic, applied.body["id"])
    assert await clinic.conn.fetchval("select state from slot where id = $1", slot_id) == "closed"
    assert [kind for kind, _ in await clinic.told(resident)] == ["rebooking_by_phone"]


async def test_an_offered_place_that_is_closed_in_turn_is_replaced(clinic):
    """A booking whose offered place goes too is met again, and gets the next one."""
    first, second, third = await clinic.slot(8), await clinic.slot(9, days=1), await clinic.slot(9, days=2)
    resident, booking_id = await clinic.booking(first)
    await clinic.apply("offer")
    effect = await clinic.preview(**{"from": "2026-11-26", "to": "2026-11-26"})
    assert [met["id"] for met in effect["bookings"]] == [str(booking_id)]
    await clinic.apply("offer", **{"from": "2026-11-26", "to": "2026-11-26"})
    assert (await clinic.shown(resident, booking_id))["offer"]["slot_id"] == str(third)
    assert await clinic.conn.fetchval("select taken from slot_pool where slot_id = $1", second) == 0


async def test_a_repeat_with_the_same_key_closes_once(clinic):
    await clinic.booking(await clinic.slot())
    key, digest = make.key(), (await clinic.preview())["digest"]
    first = await clinic.apply("cancel", digest=digest, key=key)
    again = await clinic.apply("cancel", digest=digest, key=key)
    assert (again.status, again.body) == (201, first.body)
    assert await clinic.conn.fetchval("select count(*) from closure") == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"from": "2026-11-26"}, "to"),
        ({"from": "2026-11-20", "to": "2026-11-22"}, "to"),
        ({"from": "2026-11-25", "to": "2027-04-25"}, "to"),
        ({"from": "2028-01-25", "to": "2028-01-26"}, "to"),
        ({"resource": "甲"}, "resource"),
        ({"from": "2026-02-30"}, "from"),
        ({"provider_id": "x"}, "provider_id"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_a_wrong_scope_is_refused_by_its_field(clinic, wrong, field):
    answer = await post(clinic.client, "/v1/staff/closures/preview", clinic.manager, clinic.scope() | wrong)
    assert (answer.status, answer.code) == (400, "invalid_input")
    assert set(answer.body["errors"]) == {field}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"digest": "abc"}, "digest"),
        ({"treatment": "ignore"}, "treatment"),
        ({"otherwise": "ignore"}, "otherwise"),
        ({"answer_hours": 0}, "answer_hours"),
        ({"answer_hours": 169}, "answer_hours"),
        ({"reason": " "}, "reason"),
    ],
)
async def test_a_wrong_decision_is_refused_by_its_field(clinic, wrong, field):
    body = clinic.scope() | {"digest": "0" * 64, "treatment": "cancel", "reason": "停诊"} | wrong
    answer = await post(clinic.client, "/v1/staff/closures", clinic.manager, body, make.key())
    assert (answer.status, answer.code) == (400, "invalid_input")
    assert set(answer.body["errors"]) == {field}


async def test_a_service_of_another_provider_is_not_found(clinic):
    other = await make.service(clinic.conn)
    answer = await post(
        clinic.client, "/v1/staff/closures/preview", clinic.manager, clinic.scope(service_id=str(other))
    )
    assert (answer.status, answer.code) == (404, "service_not_found")


async def test_too_much_at_once_is_refused_with_the_way_out(clinic, monkeypatch):
    slot_id = await clinic.slot(public=9)
    for _ in range(3):
        await clinic.booking(slot_id)
    monkeypatch.setattr("domain.effects.MAX_BOOKINGS_TREATED", 2)
    answer = await post(clinic.client, "/v1/staff/closures/preview", clinic.manager, clinic.scope())
    assert (answer.status, answer.code) == (400, "change_too_large")
    assert (answer.body["bookings"], answer.body["most_bookings"]) == (3, 2)
    monkeypatch.undo()
    monkeypatch.setattr("domain.effects.MAX_SLOTS_CHANGED", 0)
    answer = await post(clinic.client, "/v1/staff/closures/preview", clinic.manager, clinic.scope())
    assert (answer.code, answer.body["slots"]) == ("change_too_large", 1)


async def test_what_fails_midway_leaves_nothing(clinic, monkeypatch):
    slot_id, _ = await clinic.slot(8, public=2), await clinic.slot(9, days=1)
    await clinic.booking(slot_id)
    await clinic.booking(slot_id)
    digest = (await clinic.preview())["digest"]
    tables = ("booking", "slot", "slot_pool", "place_offer", "notice", "closure", "audit")
    before = [await clinic.conn.fetch(f"select * from {table} order by 1, 2") for table in tables]

    async def fail(*_, **__):
        raise RuntimeError

    for broken in ("domain.audit.record_all", "domain.rehousing.tell_all", "domain.rehousing.give_back"):
        with monkeypatch.context() as patch:
            patch.setattr(broken, fail)
            assert (await clinic.apply("offer", otherwise="cancel", digest=digest)).status == 500
        assert [await clinic.conn.fetch(f"select * from {table} order by 1, 2") for table in tables] == before
    assert (await clinic.apply("offer", otherwise="cancel", digest=digest)).status == 201


async def test_staff_read_a_providers_closures(clinic):
    made = [(await clinic.apply("cancel")).body["id"] for _ in range(2)]
    clerk = await make.staff(clinic.conn, clinic.app, Role.CLERK, provider_id=clinic.provider_id)
    url = f"/v1/staff/closures?provider={clinic.provider_id}&limit=1"
    async with clinic.client.get(url, headers=clerk.headers) as response:
        first = await response.json()
    assert (first["items"][0]["id"], first["items"][0]["from"]) == (made[1], "2026-11-25")
    async with clinic.client.get(f"{url}&after={first['next']}", headers=clerk.headers) as response:
        assert [item["id"] for item in (await response.json())["items"]] == made[:1]
