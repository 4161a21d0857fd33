"""Moving a booking: the new place and the old one in one step, under the rules of booking anew, or nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import asyncpg
import pytest

from domain.vocabulary import LOCAL_ZONE, Role
from handlers.request import VAULT
from tests import make
from tests.booking_world import book, cancel, check_books, elder, loose_slot, move, until_waiting

MONDAY = datetime(2026, 11, 30, 9, tzinfo=LOCAL_ZONE)


class Clinic:
    """A service with slots on the days to come, ruled by one policy, and somebody with a booking in the first."""

    def __init__(self, client, conn, app):
        self.client, self.conn, self.app = client, conn, app

    async def build(self, **rules):
        self.provider_id = await make.provider(self.conn)
        self.service_id = await make.service(self.conn, provider_id=self.provider_id)
        self.policy_id = await make.policy(self.conn, service_id=self.service_id, **rules)
        self.who = await make.resident(self.conn, self.app)
        return self

    async def slot(self, days=0, **options):
        starts_at = MONDAY + timedelta(days=days)
        released = datetime(2026, 11, 1, tzinfo=LOCAL_ZONE)
        options = {"starts_at": starts_at, "release_at": released, "policy_id": self.policy_id, **options}
        return await make.slot(self.conn, self.service_id, **options)

    async def booked(self, slot_id, who=None, **more):
        answer = await book(self.client, who or self.who, slot_id, **more)
        assert answer.status == 201, answer
        return answer.body

    async def row(self, booking_id):
        return await self.conn.fetchrow("select * from booking where id = $1", booking_id)

    async def taken(self, slot_id):
        return await self.conn.fetchval("select sum(taken) from slot_pool where slot_id = $1", slot_id)

    async def state(self):
        return [
            await self.conn.fetch(f"select * from {table} order by 1, 2")
            for table in ("booking", "slot_pool", "place_kept_back", "notice", "audit", "idempotency_key")
        ]


@pytest.fixture
async def clinic(client, conn, app):
    return await Clinic(client, conn, app).build()


async def test_the_new_place_is_taken_and_the_old_one_given_back(clinic, client, conn, app):
    first, second = await clinic.slot(), await clinic.slot(1)
    old = await clinic.booked(first)
    answer = await move(client, clinic.who, old["id"], second)
    assert answer.status == 201
    new = answer.body
    assert (new["slot_id"], new["status"], new["moved_from"]) == (str(second), "booked", old["id"])
    assert new["person_id"] == old["person_id"]
    assert (await clinic.row(old["id"]))["status"] == "moved"
    assert (await clinic.taken(first), await clinic.taken(second)) == (0, 1)
    async with client.get(f"/v1/bookings/{new['id']}", headers=clinic.who.headers) as response:
        assert await response.json() == new | {"offer": None}
    facts = await conn.fetchval(
        "select facts from audit where action = 'bookings.moved' and subject_id = $1", old["id"]
    )
    assert facts == {"to": new["id"]}
    assert await conn.fetchval("select count(*) from notice") == 0, "the family did it"
    await check_books(conn, app)


async def test_the_old_place_is_kept_back_for_a_while_where_the_policy_says_so(client, conn, app):
    clinic = await Clinic(client, conn, app).build(return_minutes_min=60, return_minutes_max=120)
    first, second = await clinic.slot(), await clinic.slot(1)
    old = await clinic.booked(first)
    assert (await move(client, clinic.who, old["id"], second)).status == 201
    assert await conn.fetch("select slot_id, cause from place_kept_back") == [(first, "moved")]
    assert await clinic.taken(first) == 1
    await check_books(conn, app)


async def test_the_old_booking_does_not_count_towards_the_limits(client, conn, app):
    clinic = await Clinic(client, conn, app).build(limit_day=1, limit_7_days=1, limit_90_days=1)
    first, later = await clinic.slot(), await clinic.slot(0, starts_at=MONDAY + timedelta(hours=1))
    old = await clinic.booked(first)
    assert (await move(client, clinic.who, old["id"], later)).status == 201
    await check_books(conn, app)


async def test_all_else_that_the_person_holds_counts(client, conn, app):
    clinic = await Clinic(client, conn, app).build(limit_day=1, limit_7_days=9, limit_90_days=9)
    first, taken, other = await clinic.slot(), await clinic.slot(1), await clinic.slot(2)
    old = await clinic.booked(first)
    standing = await clinic.booked(taken)
    same_day = await clinic.slot(1, starts_at=MONDAY + timedelta(days=1, hours=1))
    before = await clinic.state()
    answer = await move(client, clinic.who, old["id"], same_day)
    assert (answer.status, answer.code, answer.body["bookings"]) == (409, "limit_department_day", [standing["id"]])
    assert await clinic.state() == before
    assert (await move(client, clinic.who, old["id"], other)).status == 201


@pytest.mark.parametrize(
    ("of_target", "code"),
    [
        ({"public": 0}, "slot_full"),
        ({"state": "closed"}, "slot_closed"),
        ({"release_at": MONDAY}, "not_released"),
        ({"order_until": datetime(2026, 11, 23, 6, tzinfo=LOCAL_ZONE)}, "ordering_ended"),
    ],
)
async def test_what_cannot_be_booked_cannot_be_moved_to_and_nothing_changes(clinic, client, of_target, code):
    old = await clinic.booked(await clinic.slot())
    target = await clinic.slot(1, **of_target)
    before = await clinic.state()
    answer = await move(client, clinic.who, old["id"], target)
    assert (answer.status, answer.code) == (409, code)
    assert await clinic.state() == before


async def test_another_service_the_same_slot_and_no_slot(clinic, client, conn):
    first = await clinic.slot()
    old = await clinic.booked(first)
    other = await make.slot(conn, await make.service(conn, provider_id=clinic.provider_id), starts_at=MONDAY)
    before = await clinic.state()
    for slot_id, expected in (
        (other, (409, "move_to_other_service")),
        (first, (409, "move_to_same_slot")),
        (old["id"], (404, "slot_not_found")),
    ):
        answer = await move(client, clinic.who, old["id"], slot_id)
        assert (answer.status, answer.code) == expected
    assert await clinic.state() == before


async def test_after_the_cancelling_hour_only_the_desk_moves(clinic, client, conn, app, clock):
    first, second, third = await clinic.slot(cancel_until=clock.now), await clinic.slot(1), await clinic.slot(2)
    old = await clinic.booked(first)
    answer = await move(client, clinic.who, old["id"], second)
    assert (answer.status, answer.code) == (409, "cancel_too_late")
    clerk = await make.staff(conn, app, Role.CLERK, provider_id=clinic.provider_id)
    elsewhere = await make.staff(conn, app, Role.CLERK, provider_id=await make.provider(conn))
    assert (await move(client, elsewhere, old["id"], second)).status == 404
    moved = await move(client, clerk, old["id"], second)
    assert (moved.status, moved.body["person_id"]) == (201, old["person_id"])
    async with client.get("/v1/notices", headers=clinic.who.headers) as response:
        (told,) = (await response.json())["items"]
    assert told["kind"] == "booking_moved"
    assert told["text"].startswith("窗口把")
    assert "2026年11月30日09:00" in told["text"]
    assert "2026年12月1日09:00" in told["text"]
    again = await move(client, clerk, old["id"], third)
    assert (again.status, again.code, again.body["booking_status"]) == (409, "booking_in_other_status", "moved")
    await check_books(conn, app)


@pytest.mark.parametrize("status", ["cancelled", "checked_in", "completed", "no_show", "moved"])
async def test_only_a_booking_that_stands_is_moved(clinic, client, conn, status):
    booking_id = await make.booking(conn, await clinic.slot(), clinic.who, status=status)
    answer = await move(client, clinic.who, booking_id, await clinic.slot(1))
    assert (answer.status, answer.code) == (409, "booking_in_other_status")


async def test_others_bookings_are_not_there(clinic, client, conn, app):
    old = await clinic.booked(await clinic.slot())
    stranger = await make.resident(conn, app)
    assert (await move(client, stranger, old["id"], await clinic.slot(1))).status == 404


async def test_answers_go_along_unless_given_and_are_checked(client, conn, app):
    clinic = await Clinic(client, conn, app).build()
    old = await clinic.booked(await clinic.slot())
    questions = [{"key": "first_visit", "kind": "boolean", "label": "是初诊吗", "required": True}]
    await conn.execute("update service set questions = $1", questions)
    target = await clinic.slot(1)
    before = await clinic.state()
    assert (await move(client, clinic.who, old["id"], target)).status == 400
    assert await clinic.state() == before
    answer = await move(client, clinic.who, old["id"], target, answers={"first_visit": False})
    assert answer.body["answers"] == {"first_visit": False}
    kept = await move(client, clinic.who, answer.body["id"], await clinic.slot(2))
    assert kept.body["answers"] == {"first_visit": False}


async def test_a_volunteer_moves_what_the_mandate_covers_and_the_family_is_told(clinic, client, conn, app):
    volunteer = await make.resident(conn, app)
    old_person = await elder(conn, app, await make.volunteer(conn, volunteer.account_id))
    first, second, third = [await clinic.slot(n, assisted=1) for n in range(3)]
    old = await clinic.booked(first, volunteer, person_id=old_person.person_id, mandate_id=old_person.mandate_id)
    assert old["channel"] == "assisted"
    moved = await move(client, volunteer, old["id"], second)
    assert (moved.status, moved.body["channel"]) == (201, "assisted")
    assert moved.body["mandate_id"] == str(old_person.mandate_id)
    async with client.get("/v1/notices", headers=old_person.family.headers) as response:
        kinds = [item["kind"] for item in (await response.json())["items"]]
    assert sorted(kinds) == ["booking_moved", "mandate_used", "mandate_used"]
    by_family = await move(client, old_person.family, moved.body["id"], third)
    assert (by_family.status, by_family.body["channel"]) == (201, "assisted"), "a kept place is not lost by moving"
    assert by_family.body["mandate_id"] == str(old_person.mandate_id), "the volunteer still sees it"
    async with client.get(f"/v1/bookings/{by_family.body['id']}", headers=volunteer.headers) as response:
        assert response.status == 200
    await conn.execute("update mandate set status = 'revoked', revoked_at = now(), revoked_by = consented_by")
    assert (await move(client, volunteer, by_family.body["id"], first)).status == 404
    await check_books(conn, app)


async def test_a_volunteers_day_counts_when_moving_too(client, conn, app):
    clinic = await Clinic(client, conn, app).build(limit_volunteer_day=1)
    volunteer = await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, volunteer.account_id)
    one, other = await elder(conn, app, volunteer_id), await elder(conn, app, volunteer_id)
    first, second = await clinic.slot(), await clinic.slot(1, public=5)
    await clinic.booked(second, volunteer, person_id=one.person_id, mandate_id=one.mandate_id)
    old = await clinic.booked(first, volunteer, person_id=other.person_id, mandate_id=other.mandate_id)
    answer = await move(client, volunteer, old["id"], second)
    assert (answer.status, answer.code) == (409, "limit_volunteer_day")
    assert (await clinic.row(old["id"]))["status"] == "booked"


async def test_a_repeat_is_answered_alike_and_another_target_under_the_key_refused(clinic, client, conn):
    old = await clinic.booked(await clinic.slot())
    second, third, key = await clinic.slot(1), await clinic.slot(2), make.key()
    answers = await asyncio.gather(*(move(client, clinic.who, old["id"], second, key) for _ in range(6)))
    assert {(answer.status, answer.body["id"]) for answer in answers} == {(201, answers[0].body["id"])}
    assert (await move(client, clinic.who, old["id"], third, key)).code == "idempotency_key_reused"
    assert await conn.fetchval("select count(*) from booking") == 2


async def test_of_two_moves_of_one_booking_one_wins(clinic, client, second_client, conn, app):
    old = await clinic.booked(await clinic.slot())
    targets = [await clinic.slot(n, public=9) for n in range(1, 11)]
    answers = await asyncio.gather(
        *(move((client, second_client)[n % 2], clinic.who, old["id"], target) for n, target in enumerate(targets))
    )
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 9}
    assert {answer.code for answer in answers if answer.status == 409} == {"booking_in_other_status"}
    assert await conn.fetchval("select count(*) from booking where status = 'booked'") == 1
    await check_books(conn, app)


async def test_moving_and_cancelling_race_to_one_end(clinic, client, second_client, conn, app):
    for round_ in range(6):
        first, second = await clinic.slot(round_ * 2), await clinic.slot(round_ * 2 + 1)
        who = await make.resident(conn, app)
        old = await clinic.booked(first, who)
        moved, cancelled = await asyncio.gather(
            move(client, who, old["id"], second), cancel(second_client, who, old["id"])
        )
        assert sorted((moved.status, cancelled.status)) in ([200, 409], [201, 409])
        assert await clinic.taken(first) == 0
        assert await clinic.taken(second) == (moved.status == 201)
    await check_books(conn, app)


async def test_crosswise_moves_of_two_full_slots_both_fail_and_neither_hangs(clinic, client, second_client, conn, app):
    first, second = await clinic.slot(public=1), await clinic.slot(1, public=1)
    one, other = clinic.who, await make.resident(conn, app)
    mine, theirs = await clinic.booked(first, one), await clinic.booked(second, other)
    for _ in range(5):
        answers = await asyncio.gather(
            move(client, one, mine["id"], second), move(second_client, other, theirs["id"], first)
        )
        assert [(answer.status, answer.code) for answer in answers] == [(409, "slot_full")] * 2
    assert (await clinic.taken(first), await clinic.taken(second)) == (1, 1)


async def test_a_crowd_moves_crosswise_books_and_cancels_without_deadlock(clinic, client, second_client, conn, app):
    slots = [await clinic.slot(n, public=12) for n in range(2)]
    crowd = [await make.resident(conn, app) for _ in range(16)]
    mine = {who.account_id: (await clinic.booked(slots[n % 2], who))["id"] for n, who in enumerate(crowd)}
    newcomers = iter([await make.resident(conn, app) for _ in range(12)])
    answers = []
    for turn in range(3):
        answers += await asyncio.gather(
            *(
                move((client, second_client)[n % 2], who, mine[who.account_id], slots[(n + turn + 1) % 2])
                for n, who in enumerate(crowd)
            ),
            *(book((client, second_client)[n % 2], next(newcomers), slots[n % 2]) for n in range(4)),
        )
        for who in crowd:
            mine[who.account_id] = await conn.fetchval(
                "select id from booking where person_id = $1 and status = 'booked'", who.person_id
            )
    assert {answer.status for answer in answers} <= {201, 409}
    assert {answer.code for answer in answers if answer.status == 409} <= {"slot_full", "move_to_same_slot"}
    assert await conn.fetchval("select count(*) from booking where status = 'moved'") >= 8
    await check_books(conn, app)


async def test_a_move_waits_for_the_persons_other_booking(clinic, client, second_client, conn, app):
    """Booking and moving of one person count one after the other: both would fill the day."""
    target = await clinic.slot(1, public=9)
    for round_ in range(5):
        who = await make.resident(conn, app)
        old = await clinic.booked(await clinic.slot(10 + round_), who)
        answers = await asyncio.gather(move(client, who, old["id"], target), book(second_client, who, target))
        assert sorted(answer.status for answer in answers) == [201, 409]
    await check_books(conn, app)


async def test_a_move_that_waits_for_its_person_holds_nothing_that_comes_later(clinic, client, conn, database):
    """Else it would wait crosswise with a booking, which has the person and wants the pool."""
    target = await clinic.slot(1)
    old = await clinic.booked(await clinic.slot())
    holder = await asyncpg.connect(database)
    async with holder.transaction():
        await holder.execute("select from person where id = $1 for no key update", clinic.who.person_id)
        moving = asyncio.create_task(move(client, clinic.who, old["id"], target))
        assert await until_waiting(conn, unless=moving)
        for later in ("waitlist", "booking", "slot_pool"):
            await holder.execute(f"select from {later} for update nowait")
    assert (await moving).status == 201
    await holder.close()


async def test_the_person_of_a_booking_never_changes(clinic, conn, app):
    booking_id = await make.booking(conn, await loose_slot(conn), clinic.who)
    other = await make.person(conn, app[VAULT])
    with pytest.raises(asyncpg.RestrictViolationError):
        await conn.execute("update booking set person_id = $1 where id = $2", other, booking_id)
    await conn.execute("update booking set person_id = person_id, seen = seen + 1 where id = $1", booking_id)
    assert (await clinic.row(booking_id))["person_id"] == clinic.who.person_id
