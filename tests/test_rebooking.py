"""Offers of another place: answered in time, or ended with or without their booking."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from domain import rebooking
from domain.context import Context
from domain.vocabulary import Role
from handlers.request import CLOCK, VAULT
from server.app import build_file_store
from server.chores import CHORES
from server.metrics import Metrics
from server.worker import Worker
from tests import make
from tests.booking_world import book, cancel, check_in, elder, post
from tests.books import assert_balanced
from tests.test_closures import DAY, Clinic


class Offered(Clinic):
    """A clinic with one booking, for which a place a day later is kept until five hours from now."""

    async def offer(self):
        self.slot_id, self.target = await self.slot(8), await self.slot(9, days=1)
        self.resident, self.booking_id = await self.booking(self.slot_id)
        assert (await self.apply("offer", answer_hours=5)).status == 201
        return self

    async def lapse(self):
        async with self.conn.transaction():
            return await rebooking.lapse(self.conn, Context(None, self.app[CLOCK](), self.app[VAULT]))

    async def offer_status(self):
        return await self.conn.fetchval("select status from place_offer order by id desc limit 1")

    async def taken(self, slot_id):
        return await self.conn.fetchval("select taken from slot_pool where slot_id = $1", slot_id)

    async def answer(self, what, who=None):
        who = await self.again(who or self.resident)
        return await post(self.client, f"/v1/bookings/{self.booking_id}/offer/{what}", who)


@pytest.fixture
async def clinic(client, conn, app):
    yield await (await Offered(client, conn, app).build()).offer()
    await assert_balanced(conn)


async def test_before_its_time_an_offer_stands(clinic, clock):
    clock.move(hours=5, seconds=-1)
    assert await clinic.lapse() == 0
    assert (await clinic.answer("accept")).status == 200


async def test_an_offer_that_nobody_answers_ends_with_its_booking(clinic, clock):
    clock.move(hours=5)
    late = await clinic.answer("accept")
    assert (late.status, late.code) == (409, "rebooking_offer_over")
    assert (await clinic.shown(clinic.resident, clinic.booking_id))["offer"] is None
    assert await clinic.lapse() == 1
    assert await clinic.lapse() == 0
    assert (await clinic.status(clinic.booking_id), await clinic.offer_status()) == ("cancelled", "lapsed")
    assert (await clinic.taken(clinic.slot_id), await clinic.taken(clinic.target)) == (0, 0)
    kind, text = (await clinic.told(clinic.resident))[0]
    assert kind == "rebooking_lapsed"
    assert "不计入爽约" in text
    assert "bookings.cancelled" in await clinic.audits(clinic.booking_id)
    assert (await clinic.answer("accept")).code == "rebooking_offer_not_found"


async def test_the_worker_sees_to_it(clinic, clock, settings, vault):
    clock.move(hours=5)
    chores = [chore for chore in CHORES if chore.name == "rebooking_offers"]
    worker = Worker(settings.database_url, build_file_store(settings, vault), vault, clock, Metrics(), chores)
    assert await worker.turn(clinic.conn, chores) == ["rebooking_offers"]
    assert await clinic.offer_status() == "lapsed"


async def test_a_booking_that_is_cancelled_in_the_usual_way_takes_its_offer_along(clinic, clock):
    await clinic.conn.execute("update slot set cancel_until = $1", clock.now)
    clock.move(hours=1)
    answer = await cancel(clinic.client, await clinic.again(clinic.resident), clinic.booking_id)
    assert answer.status == 200, answer.body
    assert (await clinic.shown(clinic.resident, clinic.booking_id))["offer"] is None
    assert (await clinic.answer("accept")).code == "booking_in_other_status"
    assert await clinic.lapse() == 1
    assert (await clinic.offer_status(), await clinic.taken(clinic.target)) == ("withdrawn", 0)


async def test_moving_elsewhere_is_an_answer_too_and_asks_no_cancelling_hour(clinic, clock):
    elsewhere = await clinic.slot(15, days=2)
    await clinic.conn.execute("update slot set cancel_until = $1", clock.now)
    clock.move(hours=1)
    body = {"slot_id": str(elsewhere)}
    who = await clinic.again(clinic.resident)
    moved = await post(clinic.client, f"/v1/bookings/{clinic.booking_id}/move", who, body, make.key())
    assert moved.status == 201, moved.body
    assert await clinic.lapse() == 1
    assert (await clinic.offer_status(), await clinic.taken(clinic.target)) == ("withdrawn", 0)


async def test_a_slot_that_is_opened_by_hand_keeps_its_booking(clinic, clock):
    opened = await post(clinic.client, f"/v1/staff/slots/{clinic.slot_id}/reopen", clinic.manager)
    assert opened.status == 200
    clock.move(hours=6)
    assert await clinic.lapse() == 1
    assert (await clinic.status(clinic.booking_id), await clinic.offer_status()) == ("booked", "withdrawn")
    assert (await clinic.told(clinic.resident))[0][0] == "booking_stands"


async def test_who_is_checked_in_meanwhile_is_not_cancelled(clinic, clock):
    clock.now = DAY + timedelta(hours=8)
    clerk = await make.staff(clinic.conn, clinic.app, Role.CLERK, provider_id=clinic.provider_id)
    answer = await check_in(clinic.client, clerk, clinic.booking_id)
    assert answer.status == 200, answer.body
    assert await clinic.lapse() == 1
    assert (await clinic.status(clinic.booking_id), await clinic.offer_status()) == ("checked_in", "withdrawn")


async def test_the_limits_count_what_was_booked_meanwhile_but_not_the_old_booking(clinic):
    await clinic.conn.execute("update policy set limit_day = 1 where id = $1", clinic.policy_id)
    other = await make.slot(clinic.conn, starts_at=DAY + timedelta(days=1, hours=15))
    assert (await book(clinic.client, clinic.resident, other)).status == 201
    refused = await clinic.answer("accept")
    assert (refused.status, refused.code) == (409, "limit_day")
    assert await clinic.status(clinic.booking_id) == "booked"
    assert await clinic.offer_status() == "live"


async def test_neither_release_nor_order_stop_nor_cancelling_hour_is_asked(clinic, clock):
    await clinic.conn.execute(
        "update slot set release_at = starts_at - interval '1 hour', order_until = $1, cancel_until = $1", clock.now
    )
    assert (await clinic.answer("accept")).status == 200


async def test_an_offered_place_whose_slot_was_closed_meanwhile_is_not_taken(clinic):
    closed = await post(clinic.client, f"/v1/staff/slots/{clinic.target}/close", clinic.manager, {"reason": "停诊"})
    assert closed.status == 200
    assert (await clinic.answer("accept")).code == "slot_closed"
    assert (await clinic.answer("decline")).status == 200


async def test_a_stranger_sees_no_offer(clinic):
    stranger = await make.resident(clinic.conn, clinic.app)
    for what in ("accept", "decline"):
        assert (await clinic.answer(what, stranger)).code == "booking_not_found"


async def test_what_a_volunteer_answers_is_told_to_the_family(client, conn, app):
    clinic = await Clinic(client, conn, app).build()
    helper = await make.resident(conn, app, name="苏和")
    old = await elder(conn, app, await make.volunteer(conn, helper.account_id))
    slot_id, _ = await clinic.slot(8), await clinic.slot(9, days=1)
    booking_id = await make.booking(conn, slot_id, helper, person_id=old.person_id, mandate_id=old.mandate_id)
    await clinic.apply("offer")
    answer = await post(client, f"/v1/bookings/{booking_id}/offer/accept", helper)
    assert (answer.status, answer.body["mandate_id"]) == (200, str(old.mandate_id))
    told = await clinic.told(old.family)
    assert {kind for kind, _ in told} == {"rebooking_offered", "booking_moved", "mandate_used"}


async def test_an_offer_that_is_being_answered_is_left_to_that(clinic, clock, database):
    clock.move(hours=6)
    holder = await asyncpg.connect(database)
    async with holder.transaction():
        await holder.execute("select from place_offer for update")
        assert await clinic.lapse() == 0
    await holder.close()
    assert await clinic.lapse() == 1
