"""Missed numbers: marked in time, corrected, and what they lead to until an appeal is decided."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import no_shows
from domain.context import Context
from domain.suspension_ladder import Missed, measure
from domain.vocabulary import LOCAL_ZONE, Role
from handlers.request import CLOCK, POOL, VAULT
from tests import make
from tests.booking_world import Answer, book, check_in, loose_slot, move, post, until_waiting

NOON = datetime(2026, 11, 23, 12, tzinfo=LOCAL_ZONE)
LADDER = {"no_show_count": 3, "no_show_window_days": 90, "suspension_days": [30, 60, 90]}
LOOSE = {"limit_department_day": 99, "limit_day": 99, "limit_7_days": 99, "limit_90_days": 99}


# The ladder, without a database

days = st.dates(date(2027, 12, 1), date(2028, 3, 31))
missed = st.builds(Missed, st.builds(uuid4), days)
policies = st.fixed_dictionaries(
    {
        "no_show_count": st.integers(1, 4),
        "no_show_window_days": st.integers(1, 60),
        "suspension_days": st.lists(st.integers(1, 90), max_size=4).map(sorted),
    }
)


@given(st.lists(missed, max_size=10), missed, policies, st.integers(0, 6))
def test_the_measure_is_that_of_a_count_over_every_window(others, new, policy, before):
    window = policy["no_show_window_days"]
    counting = [*others, new]
    firsts = [new.day - timedelta(days=n) for n in range(window)]
    most = max(len([1 for each in counting if first <= each.day < first + timedelta(days=window)]) for first in firsts)
    found = measure(policy, counting, new.day, before)
    assert (found is not None) == (bool(policy["suspension_days"]) and most >= policy["no_show_count"])
    if found is not None:
        ladder = policy["suspension_days"]
        assert (found.step, found.days) == (before + 1, (ladder + [ladder[-1]] * 9)[before])
        assert new.booking_id in found.booking_ids
        assert len(found.booking_ids) == most
        named = [each.day for each in counting if each.booking_id in found.booking_ids]
        assert max(named) - min(named) < timedelta(days=window)


@given(st.lists(days, min_size=1, max_size=20), policies)
def test_whoever_misses_one_after_the_other_is_suspended_each_time_the_measure_is_full(on, policy):
    """Nobody is suspended twice for the same number, no step is left out, and none is shorter than the one before."""
    counting: list[Missed] = []
    used: set[UUID] = set()
    found: list[Any] = []
    for day in sorted(on):
        counting.append(Missed(uuid4(), day))
        suspension = measure(policy, [each for each in counting if each.booking_id not in used], day, len(found))
        if suspension is not None:
            assert used.isdisjoint(suspension.booking_ids)
            used |= set(suspension.booking_ids)
            found.append(suspension)
    assert [each.step for each in found] == list(range(1, len(found) + 1))
    assert [each.days for each in found] == sorted(each.days for each in found)
    assert all(len(each.booking_ids) >= policy["no_show_count"] for each in found)


# Marking, and what follows


class Clinic:
    """A hospital, somebody with numbers there, and the clerk and the manager of it."""

    def __init__(self, client, conn, app, clock):
        self.client, self.conn, self.app, self.clock = client, conn, app, clock

    async def build(self, **rules):
        self.provider_id = await make.provider(self.conn)
        self.service_id = await make.service(self.conn, provider_id=self.provider_id)
        self.policy_id = await make.policy(self.conn, service_id=self.service_id, **{**LOOSE, **LADDER, **rules})
        self.who = await make.resident(self.conn, self.app)
        self.clerk = await make.staff(self.conn, self.app, Role.CLERK, provider_id=self.provider_id)
        self.manager = await make.staff(self.conn, self.app, Role.MANAGER, provider_id=self.provider_id)
        return self

    async def slot(self, starts_at, **options):
        options = {"release_at": starts_at - timedelta(days=200), "policy_id": self.policy_id, **options}
        return await make.slot(self.conn, self.service_id, starts_at=starts_at, **options)

    async def missing(self, days_ago=0, who=None, **options):
        """Make a booking on a slot that is over by now."""
        starts_at = self.clock.now - timedelta(days=days_ago, hours=3) + timedelta(seconds=len(self.__dict__))
        slot_id = await self.slot(starts_at, minutes=30, resource=str(uuid4()), **options)
        return await make.booking(self.conn, slot_id, who or self.who)

    async def mark(self, conn=None):
        conn = conn or self.conn
        total = 0
        while True:
            async with conn.transaction():
                done = await no_shows.mark(conn, Context(None, self.app[CLOCK](), self.app[VAULT]))
            if not any(done.values()):
                return total
            total += done["no_shows"]

    async def wanted(self, who=None, slot_id=None, **more) -> Answer:
        slot_id = slot_id or await self.slot(self.clock.now + timedelta(days=2), resource=str(uuid4()), counter=1)
        who = who or self.who
        if isinstance(who, make.Staff):
            body = {"slot_id": str(slot_id), "person_id": str(self.who.person_id), **more}
            return await post(self.client, "/v1/staff/bookings", who, body, make.key())
        return await book(self.client, who, slot_id)

    async def suspensions(self, who=None):
        async with self.client.get("/v1/suspensions", headers=(who or self.who).headers) as response:
            return (await response.json())["items"]

    async def appeal(self, suspension_id, who=None, statement="那天在住院"):
        path = f"/v1/suspensions/{suspension_id}/appeal"
        return await post(self.client, path, who or self.who, {"statement": statement}, make.key())

    async def decide(self, appeal_id, decision, who=None):
        body = {"decision": decision, "reason": "看过住院证明"}
        return await post(self.client, f"/v1/staff/appeals/{appeal_id}/decide", who or self.manager, body)

    async def correct(self, booking_id, status="completed", who=None):
        path = f"/v1/staff/bookings/{booking_id}/correct"
        return await post(self.client, path, who or self.clerk, {"status": status, "reason": "忘了签到"})

    async def status(self, booking_id):
        return await self.conn.fetchval("select status from booking where id = $1", booking_id)

    async def told(self):
        async with self.client.get("/v1/notices?limit=100", headers=self.who.headers) as response:
            return [(item["kind"], item["text"]) for item in (await response.json())["items"]]


@pytest.fixture
async def clinic(client, conn, app, clock):
    return await Clinic(client, conn, app, clock).build()


async def test_who_has_not_come_is_marked_when_the_policy_says(clinic, conn, app, clock):
    slot_id = await clinic.slot(clock.now + timedelta(minutes=10), minutes=20, public=5)
    booking_id = await make.booking(conn, slot_id, clinic.who)
    clock.move(minutes=30 + 119)
    assert await clinic.mark() == 0
    assert not await conn.fetchval("select settled from slot where id = $1", slot_id)
    clock.move(minutes=1)
    assert await clinic.mark() == 1
    assert await clinic.status(booking_id) == "no_show"
    assert await conn.fetchval("select settled from slot where id = $1", slot_id)
    row = await conn.fetchrow("select actor_id, facts from audit where action = 'bookings.no_show'")
    assert (row["actor_id"], row["facts"]["from"]) == (None, "booked")
    clinic.who = await make.signed_in_again(conn, app, clinic.who)
    ((kind, text),) = await clinic.told()
    assert kind == "no_show"
    assert "没有来" in text
    assert await clinic.mark() == 0
    await check_books_without_audit(conn)


async def check_books_without_audit(conn):
    drift = """select 1 from slot_pool where taken <> (
        select count(*) from booking where (booking.slot_id, booking.channel) = (slot_pool.slot_id, slot_pool.channel)
            and status in ('booked', 'checked_in', 'completed', 'no_show'))"""
    assert await conn.fetch(drift) == []


async def test_only_those_who_are_still_expected_are_marked(clinic, conn):
    slot_id = await clinic.slot(clinic.clock.now - timedelta(hours=3), public=9)
    made = {
        status: await make.booking(conn, slot_id, await make.resident(conn, clinic.app), status=status)
        for status in ("booked", "checked_in", "completed", "cancelled", "moved", "no_show")
    }
    assert await clinic.mark() == 1
    after = {status: await clinic.status(booking_id) for status, booking_id in made.items()}
    assert after == {**{status: status for status in made}, "booked": "no_show"}


async def test_nobody_is_missed_where_the_provider_had_closed(clinic, conn):
    booking_id = await clinic.missing(state="closed")
    assert await clinic.mark() == 0
    assert await clinic.status(booking_id) == "booked"
    assert await conn.fetchval("select bool_and(settled) from slot")


async def test_more_than_one_transaction_holds_are_marked_too(clinic, conn, monkeypatch):
    monkeypatch.setattr(no_shows, "BOOKINGS_AT_ONCE", 3)
    monkeypatch.setattr(no_shows, "SLOTS_AT_ONCE", 2)
    for _ in range(3):
        slot_id = await clinic.slot(clinic.clock.now - timedelta(hours=3), public=9, resource=str(uuid4()))
        for _ in range(3):
            await make.booking(conn, slot_id, await make.resident(conn, clinic.app))
    assert await clinic.mark() == 9
    assert await conn.fetchval("select count(*) from booking where status = 'booked'") == 0
    assert await conn.fetchval("select bool_and(settled) from slot where ends_at < $1", clinic.clock.now)


async def test_whoever_checks_in_at_the_last_moment_is_not_marked(clinic, client, conn, app, database):
    """The marking has chosen the booking already when the desk checks it in."""
    booking_id = await clinic.missing()
    holder = await asyncpg.connect(database)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("select from booking where id = $1 for update", booking_id)
    arriving = asyncio.create_task(check_in(client, clinic.clerk, booking_id))
    assert await until_waiting(conn, unless=arriving)
    async with app[POOL].acquire() as other:
        marking = asyncio.create_task(clinic.mark(other))
        assert await until_waiting(conn, 2, unless=marking)
        await transaction.rollback()
        answer, _ = await asyncio.gather(arriving, marking)
    await holder.close()
    assert answer.status == 200
    assert await clinic.status(booking_id) == "checked_in"


async def test_the_third_miss_suspends_in_the_same_step_and_the_refusal_says_until_when(clinic, conn, clock):
    made = [await clinic.missing(days_ago) for days_ago in (80, 40, 0)]
    assert await clinic.mark() == 3
    (suspension,) = await clinic.suspensions()
    until = clock.now + timedelta(days=30)
    assert datetime.fromisoformat(suspension["ends_at"]) == until
    assert suspension["booking_ids"] == [str(booking_id) for booking_id in made]
    assert (suspension["step"], suspension["appeal"], suspension["lifted_at"]) == (1, None, None)
    refused = await clinic.wanted()
    assert (refused.status, refused.code) == (409, "suspended")
    assert datetime.fromisoformat(refused.body["until"]) == until
    assert refused.body["appeal"] == {"suspension_id": suspension["id"], "status": "possible"}
    facts = await conn.fetchval("select facts from audit where action = 'suspensions.made'")
    assert (facts["step"], facts["days"], facts["bookings"]) == (1, 30, [str(booking_id) for booking_id in made])
    assert [kind for kind, _ in await clinic.told()].count("no_show") == 3
    (text,) = [text for kind, text in await clinic.told() if kind == "suspended"]
    assert "2026年12月23日" in text
    assert "测试医院" in text
    clock.move(days=30)
    clinic.who = await make.signed_in_again(conn, clinic.app, clinic.who)
    assert (await clinic.wanted()).status == 201


async def test_two_misses_or_three_in_too_long_a_time_suspend_nobody(clinic):
    for days_ago in (90, 45, 0):
        await clinic.missing(days_ago)
    assert await clinic.mark() == 3
    assert await clinic.suspensions() == []
    assert (await clinic.wanted()).status == 201


async def test_another_hospital_and_the_family_are_not_touched(clinic, client, conn, app, clock):
    for days_ago in (2, 1, 0):
        await clinic.missing(days_ago)
    await clinic.mark()
    elsewhere = await loose_slot(conn, starts_at=clock.now + timedelta(days=2))
    assert (await book(client, clinic.who, elsewhere)).status == 201
    child = await make.person(conn, app[VAULT])
    await make.care(conn, clinic.who.account_id, child, "child")
    slot_id = await clinic.slot(clock.now + timedelta(days=2))
    assert (await book(client, clinic.who, slot_id, child)).status == 201


async def test_each_further_time_is_longer_and_begins_when_the_last_ends(clinic, conn, clock):
    for days_ago in range(6):
        await clinic.missing(days_ago)
    await clinic.mark()
    second, first = await clinic.suspensions()
    assert (first["step"], second["step"]) == (1, 2)
    assert second["starts_at"] == first["ends_at"]
    assert datetime.fromisoformat(second["ends_at"]) == clock.now + timedelta(days=90)
    assert set(first["booking_ids"]).isdisjoint(second["booking_ids"])


async def test_a_policy_without_a_ladder_suspends_nobody(client, conn, app, clock):
    clinic = await Clinic(client, conn, app, clock).build(suspension_days=[])
    for days_ago in range(5):
        await clinic.missing(days_ago)
    assert await clinic.mark() == 5
    assert await clinic.suspensions() == []


async def test_misses_marked_at_once_by_desk_and_worker_suspend_once(clinic, client, conn, app):
    made = [await clinic.missing(days_ago) for days_ago in range(3)]
    pool = app[POOL]
    async with pool.acquire() as one, pool.acquire() as other:
        await asyncio.gather(
            clinic.mark(one),
            clinic.mark(other),
            *(post(client, f"/v1/staff/bookings/{booking_id}/no-show", clinic.clerk) for booking_id in made),
        )
    assert len(await clinic.suspensions()) == 1
    assert await conn.fetchval("select count(*) from notice where kind = 'no_show'") == 3


async def test_a_booking_waits_for_a_miss_that_is_just_being_marked(clinic, client, conn, app, database):
    """Who is being suspended has no number given meanwhile."""
    for days_ago in (3, 2, 1):
        await clinic.missing(days_ago)
    pool = app[POOL]
    async with pool.acquire() as other:
        slot_id = await clinic.slot(clinic.clock.now + timedelta(days=2))
        transaction = other.transaction()
        await transaction.start()
        await no_shows.mark(other, Context(None, app[CLOCK](), app[VAULT]))
        booking = asyncio.create_task(clinic.wanted(slot_id=slot_id))
        assert await until_waiting(conn, unless=booking)
        await transaction.commit()
    assert (await booking).code == "suspended"


async def test_the_desk_books_for_who_is_suspended_only_with_a_reason(clinic, conn):
    for days_ago in (2, 1, 0):
        await clinic.missing(days_ago)
    await clinic.mark()
    assert (await clinic.wanted(clinic.clerk)).code == "suspended"
    booked = await clinic.wanted(clinic.clerk, despite_suspension="术后复查")
    assert booked.status == 201
    facts = await conn.fetchval("select facts from audit where subject_id = $1", booked.body["id"])
    assert facts["despite_suspension"] == "术后复查"


async def test_moving_is_booking_and_waits_for_the_end_of_a_suspension_too(clinic, client, conn, clock):
    standing = await make.booking(conn, await clinic.slot(clock.now + timedelta(days=3)), clinic.who)
    target = await clinic.slot(clock.now + timedelta(days=4))
    for days_ago in (2, 1, 0):
        await clinic.missing(days_ago)
    await clinic.mark()
    assert (await move(client, clinic.who, standing, target)).code == "suspended"
    assert await clinic.status(standing) == "booked", "what one has, one keeps"


# Appeals


async def suspended(clinic):
    made = [await clinic.missing(days_ago) for days_ago in (2, 1, 0)]
    await clinic.mark()
    return made, (await clinic.suspensions())[0]["id"]


async def test_a_granted_appeal_lifts_and_forgives(clinic, client, conn, clock):
    _, suspension_id = await suspended(clinic)
    made = await clinic.appeal(suspension_id)
    assert (made.status, made.body["appeal"]["status"], made.body["appeal"]["statement"]) == (201, "open", "那天在住院")
    assert (await clinic.wanted()).body["appeal"]["status"] == "open"
    again = await clinic.appeal(suspension_id)
    assert (again.status, again.code, again.body["appeal_status"]) == (409, "appeal_exists", "open")
    async with client.get("/v1/staff/appeals?status=open", headers=clinic.clerk.headers) as response:
        (listed,) = (await response.json())["items"]
    assert (listed["id"], listed["statement"]) == (made.body["appeal"]["id"], "那天在住院")
    assert (await clinic.decide(listed["id"], "granted", clinic.clerk)).status == 404, "a manager's to decide"
    granted = await clinic.decide(listed["id"], "granted")
    assert (granted.status, granted.body["status"], granted.body["reason"]) == (200, "granted", "看过住院证明")
    assert granted.body["lifted_because"] == "看过住院证明"
    assert (await clinic.decide(listed["id"], "granted")).body == granted.body
    assert (await clinic.decide(listed["id"], "rejected")).code == "appeal_decided"
    assert (await clinic.wanted()).status == 201
    texts = [text for kind, text in await clinic.told() if kind == "appeal_decided"]
    assert len(texts) == 1
    assert "看过住院证明" in texts[0]
    await clinic.missing()
    await clinic.mark()
    assert len(await clinic.suspensions()) == 1, "what was forgiven counts no more"
    assert await conn.fetchval("select count(*) from audit where action = 'appeals.granted'") == 1


async def test_a_rejected_appeal_leaves_things_as_they_are_and_says_so(clinic):
    _, suspension_id = await suspended(clinic)
    made = await clinic.appeal(suspension_id)
    assert (await clinic.decide(made.body["appeal"]["id"], "rejected")).status == 200
    refused = await clinic.wanted()
    assert (refused.code, refused.body["appeal"]["status"]) == ("suspended", "rejected")
    (shown,) = await clinic.suspensions()
    assert (shown["appeal"]["status"], shown["appeal"]["reason"]) == ("rejected", "看过住院证明")


async def test_only_the_family_appeals_and_only_while_it_lasts(clinic, conn, app, clock):
    _, suspension_id = await suspended(clinic)
    stranger = await make.resident(conn, app)
    assert (await clinic.appeal(suspension_id, stranger)).status == 404
    assert await clinic.suspensions(stranger) == []
    other = await make.staff(conn, app, Role.MANAGER, provider_id=await make.provider(conn))
    appeal_id = await make.appeal(conn, suspension_id, clinic.who.account_id)
    assert (await clinic.decide(appeal_id, "granted", other)).status == 404
    await conn.execute("delete from appeal")
    clock.move(days=31)
    clinic.who = await make.signed_in_again(conn, app, clinic.who)
    assert (await clinic.appeal(suspension_id)).code == "suspension_over"


async def test_two_who_decide_at_once_decide_once(clinic, conn):
    _, suspension_id = await suspended(clinic)
    appeal_id = (await clinic.appeal(suspension_id)).body["appeal"]["id"]
    answers = await asyncio.gather(*(clinic.decide(appeal_id, word) for word in ("granted", "rejected") * 4))
    winner = await conn.fetchval("select status from appeal")
    assert {answer.body.get("status") for answer in answers if answer.status == 200} == {winner}
    assert await conn.fetchval("select count(*) from notice where kind = 'appeal_decided'") == 1
    lifted = await conn.fetchval("select lifted_at is not null from suspension")
    assert lifted == (winner == "granted")


# Corrections


async def test_a_correction_takes_back_the_suspension_that_stood_on_it(clinic, conn):
    made, suspension_id = await suspended(clinic)
    answer = await clinic.correct(made[1])
    assert (answer.status, answer.body["status"], answer.body["reason"]) == (200, "completed", "忘了签到")
    assert (await clinic.wanted()).status == 201
    (shown,) = await clinic.suspensions()
    assert (shown["id"], shown["lifted_because"]) == (suspension_id, "忘了签到")
    kinds = [kind for kind, _ in await clinic.told()]
    assert {"no_show_corrected", "suspension_lifted"} <= set(kinds)
    actions = await conn.fetch("select action from audit where action in ('bookings.corrected', 'suspensions.lifted')")
    assert len(actions) == 2
    assert (await clinic.correct(made[1])).status == 200
    assert await conn.fetchval("select count(*) from audit where action = 'bookings.corrected'") == 1
    other = await clinic.correct(made[1], "checked_in")
    assert (other.code, other.body["booking_status"]) == ("booking_in_other_status", "completed")
    await check_books_without_audit(conn)


async def test_the_others_count_again_and_a_lifted_one_is_no_step(clinic):
    made, _ = await suspended(clinic)
    await clinic.correct(made[0], "checked_in")
    await clinic.missing()
    await clinic.mark()
    newest = (await clinic.suspensions())[0]
    assert (newest["step"], newest["lifted_at"]) == (1, None)
    assert set(newest["booking_ids"]) >= {str(made[1]), str(made[2])}


async def test_a_suspension_with_misses_enough_stays(client, conn, app, clock):
    clinic = await Clinic(client, conn, app, clock).build()
    made = [await clinic.missing(days_ago) for days_ago in (2, 1, 0)]
    await conn.execute("update booking set status = 'no_show' where id = $1", made[0])
    await conn.execute("update policy set no_show_count = 2 where id = $1", clinic.policy_id)
    await conn.execute("update booking set status = 'no_show' where id = $1", made[1])
    await clinic.mark()
    (standing,) = await clinic.suspensions()
    assert len(standing["booking_ids"]) == 3
    await clinic.correct(made[0])
    (standing,) = await clinic.suspensions()
    assert (standing["lifted_at"], len(standing["booking_ids"])) == (None, 2)
    assert (await clinic.wanted()).code == "suspended"
    await clinic.correct(made[1])
    assert (await clinic.wanted()).status == 201


async def test_an_open_appeal_is_granted_with_the_correction(clinic, conn):
    made, suspension_id = await suspended(clinic)
    await clinic.appeal(suspension_id)
    await clinic.correct(made[2])
    assert await conn.fetchval("select status from appeal") == "granted"


async def test_only_the_desk_of_the_provider_corrects_and_only_a_no_show(clinic, conn, app):
    booking_id = await clinic.missing()
    assert (await clinic.correct(booking_id)).code == "booking_in_other_status"
    await clinic.mark()
    elsewhere = await make.staff(conn, app, Role.CLERK, provider_id=await make.provider(conn))
    assert (await clinic.correct(booking_id, who=elsewhere)).status == 404
    assert (await clinic.correct(booking_id, "cancelled")).status == 400
    assert await clinic.status(booking_id) == "no_show"
