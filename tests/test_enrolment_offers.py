"""Offers of nursery seats: made, taken, let go, and handed to the next; and what a family sees of its queues."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain import enrolment_offers, enrolment_states, nursery_places
from domain.enrolment_offers import answer_by
from domain.enrolment_states import Step
from domain.nursery_vocabulary import EnrolmentBecause, EnrolmentState
from domain.vocabulary import LOCAL_ZONE
from server.app import build_file_store
from server.chores import CHORES
from server.metrics import Metrics
from server.worker import Worker
from tests.nursery_world import place

TWO_FOR_ONE = {"a": ("s", (), "s1"), "b": ("s", (), None), "c": ("s", (), None)}


@pytest.mark.parametrize(
    ("made", "hours", "ends"),
    [
        ("2026-11-23T09:00", 72, "2026-11-26T09:00"),
        ("2026-11-23T20:59", 24, "2026-11-24T20:59"),
        ("2026-11-23T21:00", 24, "2026-11-25T07:00"),
        ("2026-11-23T06:59", 24, "2026-11-24T16:59"),
        ("2026-11-23T20:30", 1, "2026-11-24T07:30"),
    ],
)
def test_no_offer_ends_at_night(made, hours, ends):
    at = answer_by(datetime.fromisoformat(made).replace(tzinfo=LOCAL_ZONE), hours)
    assert at == datetime.fromisoformat(ends).replace(tzinfo=LOCAL_ZONE)


async def test_the_seats_of_the_draw_are_offered_once(offering):
    await offering.lay(draw=TWO_FOR_ONE)
    assert (await offering.queues("a"))[1]["code"] == "not_in_queues"
    status, answer = await offering.begin()
    assert (status, answer["stage"]) == (200, "offers")
    assert set(await offering.live("a")) == {"s"}
    assert await offering.statuses("b") == []
    status, answer = await offering.begin()
    assert (status, answer["code"], answer["round_state"]) == (409, "enrolment_round_in_other_state", "offers")
    kind, text = (await offering.told("a"))[0]
    assert kind == "enrolment_offered"
    assert "星星托育园" in text
    assert "2026年11月26日16:30前" in text, "72 hours on it would be half past six in the morning"
    assert await offering.events("a") == ["offered"]


async def test_only_the_zones_managers_offer(offering):
    await offering.lay(draw=TWO_FOR_ONE)
    assert (await offering.begin(offering.zone.clerk))[0] == 404
    assert (await offering.begin(offering.zone.head))[0] == 404
    assert await offering.statuses("a") == []


async def test_who_accepts_gets_a_place(offering):
    await offering.lay(draw=TWO_FOR_ONE)
    await offering.begin()
    offer_id = (await offering.live("a"))["s"]
    status, answer = await offering.answer("a", "accept")
    assert (status, answer["choices"][0]["standing"]) == (200, "accepted")
    assert await offering.places("a") == [("s", "planned", "2027-03-01")]
    assert await offering.events("a") == ["offered", "offer_accepted"]
    status, again = await offering.answer("a", "accept", offer_id)
    assert (status, again) == (200, answer)
    assert len(await offering.places("a")) == 1


async def test_what_one_lets_go_the_next_number_gets(offering):
    await offering.lay(draw=TWO_FOR_ONE)
    await offering.begin()
    offer_id = (await offering.live("a"))["s"]
    status, answer = await offering.answer("a", "decline")
    assert (status, answer["choices"][0]["standing"]) == (200, "let_go")
    assert (await offering.answer("a", "decline", offer_id))[0] == 200
    assert set(await offering.live("b")) == {"s"}
    kind, text = (await offering.told("b"))[0]
    assert kind == "enrolment_offered"
    assert "轮到" in text
    status, answer = await offering.answer("a", "accept", offer_id)
    assert (status, answer["code"], answer["offer_status"]) == (409, "enrolment_offer_over", "declined")
    await offering.answer("b", "decline")
    await offering.answer("c", "decline")
    assert await offering.live("a") == {}, "what one has let go does not come back"


async def test_silence_is_a_no_and_the_second_counts(offering, clock, settings, vault):
    await offering.lay(draw=TWO_FOR_ONE)
    await offering.begin()
    offer_id = (await offering.live("a"))["s"]
    clock.now = await offering.conn.fetchval("select answer_by from enrolment_offer") - timedelta(seconds=1)
    assert await offering.lapse() == 0
    clock.move(seconds=1)
    status, answer = await offering.answer("a", "accept", offer_id)
    assert (status, answer["code"], answer["offer_status"]) == (409, "enrolment_offer_over", "live")
    chores = [chore for chore in CHORES if chore.name == "enrolment_offers"]
    worker = Worker(settings.database_url, build_file_store(settings, vault), vault, clock, Metrics(), chores)
    assert await worker.turn(offering.conn, chores) == ["enrolment_offers"]
    assert await offering.statuses("a") == ["lapsed"]
    assert set(await offering.live("b")) == {"s"}
    assert "到时没有答复" in dict(await offering.told("a"))["enrolment_offer_lapsed"]
    assert (await offering.queues("a"))[1]["choices"][0]["standing"] == "let_go"
    assert await offering.lapse() == 0


async def test_a_better_seat_is_offered_beside_one_that_nobody_has_answered_yet(offering):
    """Else the next number would get past somebody who wants it as much and has the better number."""
    await offering.lay(draw={"a": ("s", (), "s1"), "b": ("sm", (), "m1"), "c": ("sm", (), None)})
    await offering.begin()
    await offering.answer("a", "decline")
    assert set(await offering.live("b")) == {"s", "m"}
    assert await offering.live("c") == {}
    status, answer = await offering.answer("b", "accept", (await offering.live("b"))["s"])
    assert [choice["standing"] for choice in answer["choices"]] == ["accepted", "has_better"]
    assert status == 200
    assert await offering.statuses("b") == ["withdrawn", "accepted"]
    assert set(await offering.live("c")) == {"m"}


async def test_who_takes_a_better_seat_leaves_the_one_before_to_the_next(offering):
    await offering.lay(draw={"a": ("s", (), "s1"), "b": ("sm", (), "m1"), "c": ("sm", (), None)})
    await offering.begin()
    await offering.answer("b", "accept")
    await offering.answer("a", "decline")
    status, answer = await offering.answer("b", "accept")
    assert (status, [choice["standing"] for choice in answer["choices"]]) == (200, ["accepted", "has_better"])
    assert await offering.statuses("b") == ["exchanged", "accepted"]
    assert await offering.places("b") == [("m", "cancelled", "2027-03-01"), ("s", "planned", "2027-03-01")]
    assert set(await offering.live("c")) == {"m"}


async def test_who_is_settled_is_offered_nothing_better(offering):
    await offering.lay(draw={"a": ("s", (), "s1"), "b": ("sm", (), "m1"), "c": ("sm", (), None)})
    await offering.begin()
    status, answer = await offering.act("b", "settle")
    assert (status, answer["code"]) == (409, "nothing_to_settle_for")
    await offering.answer("b", "accept")
    await offering.answer("a", "decline")
    status, answer = await offering.act("b", "settle")
    assert (status, answer["settled"]) == (200, True)
    assert [choice["standing"] for choice in answer["choices"]] == ["let_go", "accepted"]
    assert await offering.act("b", "settle") == (200, answer)
    assert set(await offering.live("c")) == {"s"}
    await offering.answer("c", "decline")
    assert await offering.live("b") == {}


async def test_a_seat_that_was_taken_can_be_given_back_before_the_first_day(offering, clock):
    await offering.lay(draw=TWO_FOR_ONE)
    await offering.begin()
    offer_id = (await offering.live("a"))["s"]
    await offering.answer("a", "accept")
    status, answer = await offering.answer("a", "decline", offer_id)
    assert (status, answer["choices"][0]["standing"]) == (200, "let_go")
    assert await offering.statuses("a") == ["given_up"]
    assert await offering.places("a") == [("s", "cancelled", "2027-03-01")]
    assert set(await offering.live("b")) == {"s"}


async def test_a_child_that_has_begun_leaves_at_the_nursery(offering, clock):
    await offering.lay(draw=TWO_FOR_ONE)
    await offering.begin()
    offer_id = (await offering.live("a"))["s"]
    await offering.answer("a", "accept")
    await offering.conn.execute(
        """update nursery_place set status = 'confirmed', starts_on = $1, agreement_on = $1, health_check_on = $1,
               vaccination_on = $1""",
        clock.now.date(),
    )
    status, answer = await offering.answer("a", "decline", offer_id)
    assert (status, answer["code"]) == (409, "nursery_place_begun")
    assert await offering.statuses("a") == ["accepted"]


async def test_a_child_that_is_in_a_class_takes_its_seat_and_is_ended_there_before_it_is_confirmed(offering):
    """The nursery that it leaves would else have to end that within the time for an answer."""
    await offering.lay(draw=TWO_FOR_ONE)
    await offering.begin()
    child_id = await offering.conn.fetchval("select person_id from enrolment where id = $1", offering.ids["a"])
    there = await place(offering.conn, child_id, offering.zone.moon_class)
    assert (await offering.answer("a", "accept"))[0] == 200
    zone, place_id = (
        offering.zone,
        await offering.conn.fetchval("select id from nursery_place where status = 'planned'"),
    )
    path = f"/v1/staff/nursery-places/{place_id}"
    papers = dict.fromkeys(("agreement_on", "health_check_on", "vaccination_on"), "2026-11-20")
    assert (await zone.put(f"{path}/papers", zone.head, papers))[0] == 200
    confirm = {"starts_on": "2027-02-01"}
    status, answer = await zone.post(f"{path}/confirm", zone.head, confirm)
    assert (status, answer["code"]) == (409, "child_in_class")
    await offering.conn.execute(
        "update nursery_place set status = 'ended', ends_on = '2027-01-31' where id = $1", there
    )
    assert (await zone.post(f"{path}/confirm", zone.head, confirm))[0] == 200


async def test_a_reserved_seat_goes_to_its_group_first(offering):
    draw = {"a": ("s", ("sibling",), "s1"), "b": ("s", (), None), "c": ("s", ("sibling",), None)}
    await offering.lay(draw=draw, reserves={"sibling": 1})
    await offering.begin()
    assert (await offering.queues("b"))[1]["choices"][0]["queues"][0]["group_before"] == 1
    await offering.answer("a", "decline")
    assert set(await offering.live("c")) == {"s"}
    await offering.answer("c", "decline")
    assert set(await offering.live("b")) == {"s"}, "nobody of the group waits any more"


async def test_a_child_of_the_group_moves_to_the_reserved_seat_and_the_open_one_goes_on(offering):
    """Else the reserved seat would stay empty while somebody waits whom only the open one takes."""
    draw = {"a": ("s", ("sibling",), "s1"), "b": ("s", ("sibling",), "s2"), "c": ("s", (), None)}
    await offering.lay(draw=draw, seats=2, reserves={"sibling": 1})
    await offering.begin()
    await offering.answer("b", "accept")
    await offering.answer("a", "decline")
    star = offering.within.programmes[0]
    seats = {
        row["enrolment_id"]: row["seat_id"]
        for row in await offering.conn.fetch(
            "select enrolment_id, seat_id from enrolment_offer where status in ('live', 'accepted')"
        )
    }
    assert seats == {offering.ids["b"]: star.seats[0], offering.ids["c"]: star.seats[1]}
    assert (await offering.queues("b"))[1]["choices"][0]["standing"] == "accepted"


async def test_late_ones_come_behind_all_of_the_draw_and_get_what_is_left(offering):
    draw = {"a": ("s", (), "s1"), "b": ("s", (), None)}
    await offering.lay(draw=draw, late="yz")
    await offering.begin()
    assert set(await offering.live("y")) == {"m"}, "the draw left it over"
    assert await offering.live("z") == {}
    _, seen = await offering.queues("y")
    assert (seen["late"], seen["number"]) == (True, None)
    first = seen["choices"][0]["queues"][0]
    assert (first["place"], first["drawn_before"], first["order_before"]) == (2, 1, 0)
    assert "参加了派位" in first["why"]
    await offering.answer("a", "decline")
    assert set(await offering.live("b")) == {"s"}
    await offering.answer("b", "decline")
    assert set(await offering.live("y")) == {"s", "m"}
    await offering.answer("y", "accept", (await offering.live("y"))["s"])
    assert set(await offering.live("z")) == {"m"}


async def test_a_late_one_that_is_accepted_gets_its_best_free_seat_and_no_other(offering):
    await offering.lay(draw={"a": ("m", (), None)}, late="y")
    await offering.conn.execute("update enrolment set state = 'submitted' where late")
    await offering.begin()
    assert await offering.statuses("y") == []
    async with offering.conn.transaction():
        await enrolment_offers.hold(offering.conn, offering.ids["y"])
        step = Step(offering.ids["y"], [EnrolmentState.SUBMITTED], EnrolmentState.ACCEPTED, EnrolmentBecause.ACCEPTED)
        await enrolment_states.take(offering.conn, step, offering.clock.now)
        await enrolment_offers.begin_to_wait(offering.conn, offering.ctx(), [offering.ids["y"]])
    assert set(await offering.live("y")) == {"s"}
    assert len(await offering.told("y")) == 1


async def test_who_withdraws_frees_what_it_has_and_is_offered(offering):
    await offering.lay(draw={"a": ("s", (), "s1"), "b": ("sm", (), "m1"), "c": ("sm", (), None)})
    await offering.begin()
    await offering.answer("b", "accept")
    await offering.answer("a", "decline")
    async with offering.conn.transaction():
        await enrolment_offers.hold(offering.conn, offering.ids["b"])
        step = Step(offering.ids["b"], [EnrolmentState.ACCEPTED], EnrolmentState.WITHDRAWN, EnrolmentBecause.WITHDRAWN)
        await enrolment_states.take(offering.conn, step, offering.clock.now)
        await enrolment_offers.leave(offering.conn, offering.ctx(), offering.ids["b"])
        await nursery_places.let_go(offering.conn, offering.ctx(), offering.ids["b"], EnrolmentBecause.WITHDRAWN)
    assert await offering.statuses("b") == ["given_up", "withdrawn"]
    assert set(await offering.live("c")) == {"s"}, "of two seats at once it is offered the better one alone"
    assert (await offering.queues("b"))[1]["code"] == "not_in_queues"


async def test_who_withdrew_before_the_offers_is_offered_nothing(offering):
    await offering.lay(draw=TWO_FOR_ONE)
    await offering.conn.execute("update enrolment set state = 'withdrawn' where id = $1", offering.ids["a"])
    await offering.begin()
    assert await offering.statuses("a") == []
    assert set(await offering.live("b")) == {"s"}


async def test_when_the_round_has_ended_what_was_offered_stands_and_nothing_follows(offering):
    await offering.lay(draw={"a": ("s", (), "s1"), "b": ("m", (), "m1"), "c": ("m", (), None)})
    await offering.begin()
    await offering.conn.execute("update enrolment_round set stage = 'ended', ended_at = $1", offering.clock.now)
    assert (await offering.answer("a", "accept"))[0] == 200
    assert (await offering.answer("b", "decline"))[0] == 200
    assert await offering.statuses("c") == []
    assert (await offering.queues("c"))[1]["choices"][0]["standing"] == "over"


async def test_a_family_sees_its_place_in_every_queue_and_why(offering):
    draw = {
        "a": ("s", ("sibling",), "s1"),
        "b": ("s", (), "s2"),
        "c": ("m", (), "m2"),
        "d": ("s", (), None),
        "e": ("s", ("sibling",), None),
        "f": ("sm", (), None),
    }
    await offering.lay(draw=draw, seats=2, reserves={"sibling": 1}, falls_to=())
    await offering.begin()
    _, seen = await offering.queues("f")
    star, moon = seen["choices"]
    assert (star["standing"], star["class_name"], star["provider_name"]) == ("waiting", "托大班", "星星托育园")
    kept, open_seats = star["queues"]
    assert (kept["group_name"], kept["place"]) == ("sibling", None)
    assert "没有通过" in kept["why"]
    assert (open_seats["seats"], open_seats["free"], open_seats["place"], open_seats["order_before"]) == (1, 0, 3, 2)
    assert open_seats["why"] == "公开名额（1个）：您排第3位，前面有2个孩子号码更靠前。"
    assert moon["queues"][1]["why"] == "公开名额（1个）：您排第1位，前面没有人。"
    assert seen["number"] == f"{6:064x}"
    assert seen["late"] is False


async def test_an_offer_of_another_family_is_not_there(offering):
    await offering.lay(draw={"a": ("s", (), "s1"), "b": ("sm", (), "m1")})
    await offering.begin()
    theirs = (await offering.live("a"))["s"]
    assert (await offering.answer("b", "accept", theirs))[1]["code"] == "enrolment_offer_not_found"
    assert (await offering.answer("b", "decline", theirs))[1]["code"] == "enrolment_offer_not_found"
    path = f"/v1/enrolments/{offering.ids['a']}/accept"
    status, answer = await offering.zone.post(path, offering.who["b"], {"offer_id": theirs})
    assert (status, answer["code"]) == (404, "enrolment_not_found")
    assert await offering.statuses("a") == ["live"]
