"""A help request and its booking stand and fall together."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from domain.identifiers import new_id
from domain.vocabulary import Role
from tests import make
from tests.booking_world import cancel, loose_slot, move, post, until_waiting
from tests.help_world import TOMORROW, local, offered, taken

NINE = local(TOMORROW, "09:00")
BOUND = local(TOMORROW, "08:00"), local(TOMORROW, "10:30")
"""An hour around a slot of half an hour at nine."""


class Unit:
    """A request that she has in the village, with a number at nine; and another number at two."""

    def __init__(self, village):
        self.village, self.conn, self.client = village, village.conn, village.client

    async def numbers(self):
        conn = self.conn
        self.provider_id = await make.provider(conn, area_id=self.village.area_id)
        self.service_id = await make.service(conn, provider_id=self.provider_id)
        self.slot_id = await loose_slot(conn, self.service_id, starts_at=NINE, public=5)
        self.later_id = await loose_slot(conn, self.service_id, starts_at=local(TOMORROW, "14:00"), public=5)
        self.clerk = await make.staff(conn, self.village.app, provider_id=self.provider_id)
        return self

    async def accepted(self, *needs):
        """Let her have a request under a mandate, without a number yet."""
        village = self.village
        request_id = await village.asked(village.she, needs=needs)
        assert (await village.act(village.she, request_id, "accept"))[0] == 200
        self.mandate_id = await make.mandate(
            self.conn, village.person_id, village.she.volunteer_id, village.family.account_id
        )
        return request_id

    async def book(self, request_id, slot_id=None, key=None):
        path = f"/v1/help-requests/{request_id}/book"
        return await post(
            self.client, path, self.village.she, {"slot_id": str(slot_id or self.slot_id)}, key or make.key()
        )

    async def booked(self, *needs):
        """Let her have booked for it; return the request and the booking."""
        request_id = await self.accepted(*(needs or ("book", "accompany")))
        answer = await self.book(request_id)
        assert answer.status == 201, answer.body
        return request_id, (await self.village.row(request_id))["booking_id"]

    async def work_elsewhere(self, starts_at, ends_at):
        """Bind her by another task."""
        other = await self.village.asked(needs=("drive",), span=(starts_at, ends_at))
        return await taken(self.conn, other, self.village.she.volunteer_id, state="booked")

    async def state(self, request_id):
        row = await self.village.row(request_id)
        return row["state"], row["booking_id"], row["starts_at"], row["volunteer_id"]


@pytest.fixture
async def unit(village):
    return await Unit(village).numbers()


async def test_a_number_is_all_that_was_needed(unit):
    request_id = await unit.accepted("book")
    answer = await unit.book(request_id)
    assert (answer.status, answer.body["view"], answer.body["whole"]) == (201, "over", None)
    assert answer.body["day"] == str(TOMORROW)
    row = await unit.village.row(request_id)
    assert (row["state"], row["starts_at"]) == ("completed", NINE)
    booking = await unit.conn.fetchrow("select * from booking where id = $1", row["booking_id"])
    assert (booking["person_id"], booking["mandate_id"]) == (unit.village.person_id, unit.mandate_id)
    assert await unit.village.work(request_id) == []
    assert [event[1] for event in await unit.village.events(request_id)] == [
        "asked",
        "round",
        "accepted",
        "booked",
        "completed",
    ]
    kinds = [kind for kind, _ in await unit.village.told(unit.village.person_id)]
    assert sorted(kinds) == ["help_accepted", "help_booked", "help_completed", "mandate_used"]


async def test_who_comes_along_is_bound_around_the_slot(unit):
    request_id, booking_id = await unit.booked("book", "accompany")
    assert await unit.state(request_id) == ("booked", booking_id, BOUND[0], unit.village.she.volunteer_id)
    assert await unit.village.work(request_id) == [(unit.village.she.volunteer_id, *BOUND)]
    _, task = await unit.village.look(unit.village.she, request_id)
    assert task["whole"]["booking"]["id"] == str(booking_id)
    assert task["whole"]["service"]["requirements"] == ["身份证"]


async def test_a_repeated_booking_is_answered_with_the_first(unit):
    request_id, key = await unit.accepted("book", "accompany"), make.key()
    first, second = [await unit.book(request_id, key=key) for _ in range(2)]
    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert await unit.conn.fetchval("select count(*) from booking") == 1
    again = await unit.book(request_id, unit.later_id)
    assert (again.status, again.code) == (409, "help_has_booking")


async def test_no_mandate_no_booking(unit):
    village = unit.village
    request_id = await village.asked(village.she)
    await village.act(village.she, request_id, "accept")
    answer = await unit.book(request_id)
    assert (answer.status, answer.code) == (403, "help_needs_mandate")


async def test_the_mandate_of_the_team_serves_while_she_has_the_request(unit):
    village = unit.village
    request_id = await village.asked(village.she, needs=("book", "accompany"))
    await village.act(village.she, request_id, "accept")
    mandate_id = await make.mandate(unit.conn, village.person_id, village.she.volunteer_id, village.family.account_id)
    await unit.conn.execute(
        "update mandate set volunteer_id = null, team_id = $2 where id = $1", mandate_id, village.team_id
    )
    answer = await unit.book(request_id)
    assert (answer.status, answer.body["whole"]["mandate_id"]) == (201, str(mandate_id))
    await village.act(village.she, request_id, "release", {"reason": "ill"})
    booking_id = (await village.row(request_id))["booking_id"]
    assert (await cancel(unit.client, village.she, booking_id)).status == 404


async def test_only_what_was_asked_for_is_booked(unit):
    request_id = await unit.accepted("book")
    await unit.conn.execute("update mandate set matters = '{medical,housing}'")
    service_id = await make.service(unit.conn, provider_id=unit.provider_id, kind="housing")
    answer = await unit.book(request_id, await loose_slot(unit.conn, service_id, starts_at=NINE))
    assert (answer.status, answer.code) == (409, "help_slot_of_other_matter")


async def test_she_does_not_book_where_she_has_other_work(unit):
    request_id = await unit.accepted("book", "accompany")
    await unit.work_elsewhere(local(TOMORROW, "10:00"), local(TOMORROW, "12:00"))
    answer = await unit.book(request_id)
    assert (answer.status, answer.code) == (409, "help_clashes")
    assert await unit.conn.fetchval("select count(*) from booking") == 0
    assert (await unit.book(request_id, unit.later_id)).status == 201


async def test_nobody_is_bound_beyond_the_minutes_of_a_day(unit):
    limit = "update help_policy set limit_minutes_day = $1"
    request_id = await unit.accepted("book", "accompany")
    await unit.work_elsewhere(local(TOMORROW, "16:30"), local(TOMORROW, "19:01"))
    await unit.conn.execute(limit, 300)
    answer = await unit.book(request_id)
    assert (answer.status, answer.code, answer.body["minutes"]) == (409, "help_too_much_that_day", 300)
    assert await unit.conn.fetchval("select count(*) from booking") == 0
    await unit.conn.execute(limit, 301)
    answer = await unit.book(request_id)
    assert answer.status == 201, answer.body
    booking_id = (await unit.village.row(request_id))["booking_id"]
    await unit.conn.execute(limit, 300)
    moved = await move(unit.client, unit.village.she, booking_id, unit.later_id)
    assert (moved.status, moved.code) == (409, "help_too_much_that_day")
    moved = await move(unit.client, unit.village.family, booking_id, unit.later_id)
    assert moved.status == 201, moved.body
    assert (await unit.state(request_id))[::3] == ("open", None), "the family has its number, and somebody else comes"


async def test_no_time_is_agreed_beyond_the_minutes_of_a_day(unit):
    village = unit.village
    request_id = await village.asked(village.she, needs=("accompany",))
    await village.act(village.she, request_id, "accept")
    for ends_at, status in (("16:01", 409), ("16:00", 200)):
        times = {"starts_at": local(TOMORROW, "08:00").isoformat(), "ends_at": local(TOMORROW, ends_at).isoformat()}
        got, answer = await village.act(village.she, request_id, "agree", times)
        assert (got, answer.get("code")) == (status, "help_too_much_that_day" if status == 409 else None)


async def test_a_time_is_agreed_where_nothing_is_booked(unit):
    village = unit.village
    request_id = await village.asked(village.she, needs=("accompany",))
    await village.act(village.she, request_id, "accept")
    for clock, bound in (("08:00", "10:00"), ("13:00", "15:00")):
        span = local(TOMORROW, clock), local(TOMORROW, bound)
        body = {"starts_at": span[0].isoformat(), "ends_at": span[1].isoformat()}
        status, task = await village.act(village.she, request_id, "agree", body)
        assert (status, task["state"]) == (200, "booked")
        assert await village.work(request_id) == [(village.she.volunteer_id, *span)]
    answer = await unit.book(request_id)
    assert (answer.status, answer.code) == (409, "help_needs_no_booking")


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "field"),
    [
        ("2026-11-22T08:00:00+08:00", "2026-11-22T09:00:00+08:00", "starts_at"),
        ("2027-11-24T08:00:00+08:00", "2027-11-24T09:00:00+08:00", "starts_at"),
        ("2026-11-24T08:00:00+08:00", "2026-11-24T08:00:00+08:00", "ends_at"),
        ("2026-11-24T08:00:00+08:00", "2026-11-25T08:00:00+08:00", "ends_at"),
    ],
)
async def test_a_time_in_the_past_far_away_or_without_end_is_refused(unit, starts_at, ends_at, field):
    village = unit.village
    request_id = await village.asked(village.she, needs=("accompany",))
    await village.act(village.she, request_id, "accept")
    status, refused = await village.act(village.she, request_id, "agree", {"starts_at": starts_at, "ends_at": ends_at})
    assert (status, list(refused["errors"])) == (400, [field])


async def test_what_the_family_cancels_nobody_needs_to_come_to(unit):
    request_id, booking_id = await unit.booked()
    assert (await cancel(unit.client, unit.village.family, booking_id)).status == 200
    assert await unit.state(request_id) == ("cancelled", None, None, None)
    assert await unit.village.work(request_id) == []
    assert (await unit.village.told(unit.village.person_id))[-1][0] in {"help_cancelled", "mandate_use_cancelled"}
    assert await unit.village.told(unit.village.she.resident.person_id) == [("help_withdrawn", "cancelled")]
    _, task = await unit.village.look(unit.village.she, request_id)
    assert (task["view"], task["because"], task["whole"]) == ("over", "cancelled_by_family", None)


@pytest.mark.parametrize("by", ["desk", "volunteer"])
async def test_what_desk_or_volunteer_cancel_is_booked_anew(unit, by):
    request_id, booking_id = await unit.booked()
    who = unit.clerk if by == "desk" else unit.village.she
    assert (await cancel(unit.client, who, booking_id)).status == 200
    assert await unit.state(request_id) == ("accepted", None, None, unit.village.she.volunteer_id)
    assert await unit.village.work(request_id) == []
    assert await unit.village.told(unit.village.she.resident.person_id) == [("help_moved", "booking_cancelled")]
    assert (await unit.book(request_id, unit.later_id)).status == 201


async def test_a_lost_number_is_booked_anew_also_where_only_company_was_asked_for(unit):
    """The family had the number already and asked for company; the volunteer is told to book another."""
    village = unit.village
    itself = make.Resident(village.family.account_id, village.person_id, "")
    booking_id = await make.booking(unit.conn, unit.slot_id, itself)
    request_id = await village.asked(needs=("accompany",))
    await make.mandate(unit.conn, village.person_id, village.she.volunteer_id, village.family.account_id)
    await taken(unit.conn, request_id, village.she.volunteer_id, state="booked", span=BOUND, booking_id=booking_id)
    assert (await cancel(unit.client, unit.clerk, booking_id)).status == 200
    answer = await unit.book(request_id, unit.later_id)
    assert answer.status == 201, answer.body
    assert (await unit.state(request_id))[0] == "booked"


@pytest.mark.parametrize("by", ["family", "desk", "volunteer"])
async def test_whoever_moves_the_booking_moves_the_companion(unit, by):
    request_id, booking_id = await unit.booked()
    who = {"family": unit.village.family, "desk": unit.clerk, "volunteer": unit.village.she}[by]
    moved = await move(unit.client, who, booking_id, unit.later_id)
    assert moved.status == 201, moved.body
    state, new_id, starts_at, volunteer_id = await unit.state(request_id)
    assert (state, str(new_id), volunteer_id) == ("booked", moved.body["id"], unit.village.she.volunteer_id)
    assert starts_at == local(TOMORROW, "13:00")
    assert [work[1] for work in await unit.village.work(request_id)] == [local(TOMORROW, "13:00")]
    assert ("help_moved", "volunteer") in await unit.village.told(unit.village.she.resident.person_id)


async def test_a_move_into_her_other_work_frees_her_and_keeps_the_number(unit):
    request_id, booking_id = await unit.booked()
    await unit.work_elsewhere(local(TOMORROW, "13:30"), local(TOMORROW, "16:00"))
    moved = await move(unit.client, unit.village.she, booking_id, unit.later_id)
    assert (moved.status, moved.code) == (409, "help_clashes")
    moved = await move(unit.client, unit.village.family, booking_id, unit.later_id)
    assert moved.status == 201
    row = await unit.village.row(request_id)
    assert (row["state"], str(row["booking_id"]), row["volunteer_id"]) == ("open", moved.body["id"], None)
    assert row["next_round_at"] is not None
    assert await unit.village.work(request_id) == []
    assert await unit.village.told(unit.village.she.resident.person_id) == [("help_withdrawn", "clash")]


async def test_who_did_not_come_needs_nobody(unit, clock, app):
    request_id, booking_id = await unit.booked()
    clock.move(days=2)
    clerk = await make.staff(unit.conn, app, provider_id=unit.provider_id)
    answer = await post(unit.client, f"/v1/staff/bookings/{booking_id}/no-show", clerk)
    assert answer.status == 200, answer.body
    assert (await unit.village.row(request_id))["state"] == "cancelled"
    assert [event[1] for event in await unit.village.events(request_id)][-1] == "no_show"
    assert await unit.village.work(request_id) == []


async def test_what_is_under_way_stays_whatever_becomes_of_the_number(unit):
    request_id, booking_id = await unit.booked()
    await unit.conn.execute("update help_request set state = 'under_way' where id = $1", request_id)
    assert (await cancel(unit.client, unit.village.family, booking_id)).status == 200
    state, left, starts_at, volunteer_id = await unit.state(request_id)
    assert (state, left, starts_at, volunteer_id) == ("under_way", None, BOUND[0], unit.village.she.volunteer_id)


async def closing(unit, treatment):
    """Return the call that closes the clinic of nine o'clock, as its preview showed it."""
    manager = await make.staff(unit.conn, unit.village.app, Role.MANAGER, provider_id=unit.provider_id)
    slots = [unit.slot_id]
    await unit.conn.execute("update slot set resource = '甲' where id = any($1)", slots)
    where = {
        "provider_id": str(unit.provider_id),
        "service_id": str(unit.service_id),
        "resource": "甲",
        "from": str(TOMORROW),
        "to": str(TOMORROW),
    }
    seen = await post(unit.client, "/v1/staff/closures/preview", manager, where)
    assert seen.status == 200, seen.body
    body = {**where, "digest": seen.body["digest"], "treatment": treatment, "reason": "停诊"}
    return post(unit.client, "/v1/staff/closures", manager, body, make.key())


async def closure(unit, treatment):
    done = await (await closing(unit, treatment))
    assert done.status == 201, done.body


async def test_a_closure_takes_the_companion_along(unit):
    request_id, booking_id = await unit.booked()
    await closure(unit, "move")
    row = await unit.village.row(request_id)
    assert (row["state"], row["volunteer_id"]) == ("booked", unit.village.she.volunteer_id)
    assert row["booking_id"] not in {None, booking_id}
    assert [work[1] for work in await unit.village.work(request_id)] == [local(TOMORROW, "13:00")]


async def test_a_closure_that_cancels_leaves_her_to_book_anew(unit):
    request_id, _ = await unit.booked()
    await closure(unit, "cancel")
    assert await unit.state(request_id) == ("accepted", None, None, unit.village.she.volunteer_id)
    assert await unit.village.work(request_id) == []


async def test_an_accepted_offer_after_a_closure_is_followed(unit):
    request_id, booking_id = await unit.booked()
    await closure(unit, "offer")
    assert (await unit.state(request_id))[:2] == ("booked", booking_id)
    answer = await post(unit.client, f"/v1/bookings/{booking_id}/offer/accept", unit.village.family, {}, make.key())
    assert answer.status in {200, 201}, answer.body
    assert str((await unit.village.row(request_id))["booking_id"]) == answer.body["id"]


async def test_a_number_is_handed_on_with_the_request(unit):
    village = unit.village
    request_id, booking_id = await unit.booked()
    await village.act(village.she, request_id, "release", {"reason": "ill"})
    assert await unit.state(request_id) == ("open", booking_id, BOUND[0], None)
    assert await unit.conn.fetchval("select status from booking where id = $1", booking_id) == "booked"
    await offered(unit.conn, request_id, village.he.volunteer_id, round=2)
    status, task = await village.act(village.he, request_id, "accept")
    assert (status, task["state"]) == (200, "booked")
    assert await village.work(request_id) == [(village.he.volunteer_id, *BOUND)]


async def test_two_times_of_one_volunteer_never_overlap(unit):
    await unit.work_elsewhere(*BOUND)
    other = await unit.village.asked(needs=("drive",))
    with pytest.raises(asyncpg.ExclusionViolationError):
        await unit.conn.execute(
            "insert into help_work (id, request_id, volunteer_id, starts_at, ends_at) values ($1, $2, $3, $4, $5)",
            new_id(),
            other,
            unit.village.she.volunteer_id,
            BOUND[1] - timedelta(minutes=1),
            BOUND[1] + timedelta(hours=1),
        )


async def _before_the_booking(unit, database, request_id, booking_id, act):
    """Let an act meet a request that is held, and see that it has not taken the booking before it waits."""
    holder = await asyncpg.connect(database)
    try:
        async with holder.transaction():
            await holder.execute("select from help_request where id = $1 for no key update", request_id)
            late = asyncio.create_task(act)
            assert await until_waiting(unit.conn, unless=late)
            await holder.execute("select from booking where id = $1 for no key update nowait", booking_id)
    finally:
        await holder.close()
    return await late


async def test_cancelling_waits_for_the_request_before_it_takes_the_booking(unit, database):
    """Else it would hold the booking while who has the request wants that."""
    request_id, booking_id = await unit.booked()
    act = cancel(unit.client, unit.village.family, booking_id)
    answer = await _before_the_booking(unit, database, request_id, booking_id, act)
    assert answer.status == 200
    assert (await unit.village.row(request_id))["state"] == "cancelled"


async def test_moving_waits_for_the_request_before_it_takes_the_booking(unit, database):
    request_id, booking_id = await unit.booked()
    act = move(unit.client, unit.village.family, booking_id, unit.later_id)
    assert (await _before_the_booking(unit, database, request_id, booking_id, act)).status == 201


async def test_a_closure_waits_for_the_requests_before_it_takes_the_bookings(unit, database):
    request_id, booking_id = await unit.booked()
    act = await closing(unit, "cancel")
    assert (await _before_the_booking(unit, database, request_id, booking_id, act)).status == 201
    assert (await unit.village.row(request_id))["state"] == "accepted"


@pytest.mark.parametrize("answer", ["accept", "decline"])
async def test_an_answered_offer_waits_for_the_request_before_it_takes_the_booking(unit, database, answer):
    request_id, booking_id = await unit.booked()
    await closure(unit, "offer")
    act = post(unit.client, f"/v1/bookings/{booking_id}/offer/{answer}", unit.village.family, {}, make.key())
    assert (await _before_the_booking(unit, database, request_id, booking_id, act)).status in {200, 201}
    assert (await unit.village.row(request_id))["state"] == ("booked" if answer == "accept" else "accepted")


async def test_a_request_that_is_asked_during_the_cancelling_is_cancelled_too(unit, database):
    """It was not there when the requests were held: who asks holds the booking then."""
    _, booking_id = await unit.booked("book")
    village = unit.village
    holder = await asyncpg.connect(database)
    try:
        async with holder.transaction():
            await holder.execute("select from booking where id = $1 for share", booking_id)
            late = asyncio.create_task(cancel(unit.client, village.family, booking_id))
            assert await until_waiting(unit.conn, unless=late)
            request_id = new_id()
            await holder.execute(
                """insert into help_request (id, person_id, team_id, area_id, asked_by, asked_way, matter,
                       needs_booking, needs_companion, needs_ride, need_sealed, language, wished_days, part_of_day,
                       starts_at, ends_at, booking_id, expires_at, created_at, changed_at)
                   select $1, person_id, $3, $4, booked_by, 'family', 'medical', false, true, false, 'x', 'zh',
                       '{2026-11-24}', 'any', $5, $6, id, $6, $5, $5
                   from booking where id = $2""",
                request_id,
                booking_id,
                village.team_id,
                village.area_id,
                *BOUND,
            )
    finally:
        await holder.close()
    assert (await late).status == 200
    assert (await village.row(request_id))["state"] == "cancelled"


async def test_who_binds_her_elsewhere_at_this_moment_is_waited_for(unit, database):
    """A clash that has not committed yet is one all the same, and no error."""
    request_id, booking_id = await unit.booked()
    other = await unit.village.asked(needs=("drive",), span=(local(TOMORROW, "13:00"), local(TOMORROW, "15:00")))
    holder = await asyncpg.connect(database)
    try:
        async with holder.transaction():
            await holder.execute(
                "select pg_advisory_xact_lock(hashtextextended('help work of volunteer ' || $1::uuid, 0))",
                unit.village.she.volunteer_id,
            )
            late = asyncio.create_task(move(unit.client, unit.village.family, booking_id, unit.later_id))
            await until_waiting(unit.conn, unless=late)
            await taken(holder, other, unit.village.she.volunteer_id, state="booked")
    finally:
        await holder.close()
    assert (await late).status == 201
    assert (await unit.village.row(request_id))["state"] == "open"


async def test_no_booking_is_made_under_a_request_that_somebody_else_has_meanwhile(unit, database):
    """While the booking waits for the pool, the request cannot be handed back and taken by another."""
    village = unit.village
    request_id = await unit.accepted("book", "accompany")
    holder = await asyncpg.connect(database)
    try:
        async with holder.transaction():
            await holder.execute("select from slot_pool where slot_id = $1 for no key update", unit.slot_id)
            late = asyncio.create_task(unit.book(request_id))
            assert await until_waiting(unit.conn, unless=late)
            back = asyncio.create_task(village.by_team(village.leader, request_id, "release", {"reason": "other"}))
            assert await until_waiting(unit.conn, 2, unless=back)
    finally:
        await holder.close()
    assert (await late).status == 201
    assert (await back)[0] == 204
    row = await village.row(request_id)
    assert (row["state"], row["volunteer_id"]) == ("open", None)
    assert row["booking_id"] is not None


async def test_a_request_that_nobody_has_follows_its_booking_too(unit):
    village = unit.village
    request_id, booking_id = await unit.booked()
    await village.act(village.she, request_id, "release", {"reason": "ill"})
    moved = await move(unit.client, village.family, booking_id, unit.later_id)
    assert moved.status == 201
    state, new_id, starts_at, volunteer_id = await unit.state(request_id)
    assert (state, str(new_id), starts_at) == ("open", moved.body["id"], local(TOMORROW, "13:00"))
    assert volunteer_id is None
    assert (await cancel(unit.client, unit.clerk, new_id)).status == 200
    assert await unit.state(request_id) == ("open", None, None, None)
