"""What becomes of a child's place: another class, away and back, the last day, or never come at all."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from tests import make
from tests.nursery_world import drawn, nursery_class, place, seat_offer

TODAY = date(2026, 11, 23)
SEPTEMBER = date(2026, 9, 1)
MARCH = date(2027, 3, 1)


@pytest.fixture
async def child(zone):
    return await zone.family()


@pytest.fixture
async def standing(zone, child):
    return await place(zone.conn, child.child_id, zone.star_class)


@pytest.fixture
async def other_class(zone):
    return await nursery_class(zone.conn, zone.star, name="大二班", seats=1)


def acting(zone, place_id, act, who=None, **body):
    return zone.post(f"/v1/staff/nursery-places/{place_id}/{act}", who or zone.head, body)


async def told(zone, child):
    _, answer = await zone.get("/v1/notices", child)
    return [item["text"] for item in answer["items"]]


async def because(zone, enrolment_id):
    rows = await zone.conn.fetch("select because from enrolment_event where enrolment_id = $1 order by n", enrolment_id)
    return [row["because"] for row in rows]


# ---- another class


async def test_a_child_goes_on_in_another_class_with_its_papers(zone, child, standing, other_class):
    status, moved = await acting(zone, standing, "transfer", zone.carer, class_id=str(other_class), on="2026-12-01")
    assert (status, moved["status"], moved["starts_on"], moved["ends_on"]) == (200, "confirmed", "2026-12-01", None)
    assert (moved["moved_from"], moved["missing"], moved["class_name"]) == (str(standing), [], "大二班")
    _, before = await zone.get(f"/v1/staff/nursery-places/{standing}", zone.carer)
    assert (before["status"], before["ends_on"]) == ("ended", "2026-11-30")
    assert await told(zone, child) == ["孩子甲转班了：2026年12月1日起在星星托育园大二班。"]


async def test_before_its_first_day_the_place_itself_moves(zone, child, other_class):
    place_id = await place(zone.conn, child.child_id, zone.star_class, starts_on=MARCH)
    status, moved = await acting(zone, place_id, "transfer", class_id=str(other_class), on="2027-03-01")
    assert (status, moved["id"], moved["class_name"], moved["moved_from"]) == (200, str(place_id), "大二班", None)


async def test_a_transfer_keeps_a_last_day_that_is_settled(zone, standing, other_class):
    await acting(zone, standing, "end", on="2027-01-31", reason="搬家")
    _, moved = await acting(zone, standing, "transfer", class_id=str(other_class), on="2026-12-01")
    assert (moved["status"], moved["ends_on"], moved["end_reason"]) == ("ended", "2027-01-31", "搬家")
    status, refused = await acting(zone, moved["id"], "transfer", class_id=str(zone.star_class), on="2027-02-01")
    assert (status, refused["code"], refused["ends_on"]) == (409, "nursery_place_ends_before", "2027-01-31")


async def test_a_full_class_takes_nobody_over(zone, standing, other_class):
    await place(zone.conn, (await zone.family()).child_id, other_class, starts_on=MARCH)
    status, refused = await acting(zone, standing, "transfer", class_id=str(other_class), on="2026-12-01")
    assert (status, refused["code"], refused["days"]) == (409, "class_full", ["2027-03-01"])
    _, still = await zone.get(f"/v1/staff/nursery-places/{standing}", zone.carer)
    assert (still["status"], still["ends_on"]) == ("confirmed", None)


async def test_two_transfers_at_once_never_share_the_last_seat(zone, standing, other_class):
    second = await place(zone.conn, (await zone.family()).child_id, zone.star_class)
    body = {"class_id": str(other_class), "on": "2026-12-01"}
    answers = await asyncio.gather(*(acting(zone, each, "transfer", **body) for each in (standing, second)))
    assert sorted((status, answer.get("code")) for status, answer in answers) == [(200, None), (409, "class_full")]


async def test_two_crossing_transfers_at_once_wait_for_no_ring(zone, standing, other_class):
    """Both classes are locked in one order: none of the two is a victim of the other."""
    await zone.conn.execute("update nursery_class set seats = 20 where id = $1", other_class)
    for _ in range(5):
        there = await place(zone.conn, (await zone.family()).child_id, other_class)
        here = await place(zone.conn, (await zone.family()).child_id, zone.star_class)
        answers = await asyncio.gather(
            acting(zone, there, "transfer", class_id=str(zone.star_class), on="2026-12-01"),
            acting(zone, here, "transfer", class_id=str(other_class), on="2026-12-01"),
        )
        assert [status for status, _ in answers] == [200, 200]


async def test_one_child_is_transferred_once(zone, child, other_class):
    third = await nursery_class(zone.conn, zone.star, name="大三班")
    place_id = await place(zone.conn, child.child_id, zone.star_class, starts_on=MARCH)
    answers = await asyncio.gather(
        *(acting(zone, place_id, "transfer", class_id=str(each), on="2027-03-01") for each in (other_class, third))
    )
    assert sorted(status for status, _ in answers) in ([200, 200], [200, 409])
    assert await zone.conn.fetchval("select count(*) from nursery_place") == 1


async def test_a_nursery_moves_nobody_into_another(zone, standing):
    body = {"class_id": str(zone.moon_class), "on": "2026-12-01"}
    status, refused = await acting(zone, standing, "transfer", **body)
    assert (status, refused["code"]) == (404, "nursery_class_not_found")
    assert (await acting(zone, standing, "transfer", zone.manager, **body))[0] == 200


async def test_a_transfer_to_the_same_class_is_none(zone, standing):
    status, refused = await acting(zone, standing, "transfer", class_id=str(zone.star_class), on="2026-12-01")
    assert (status, refused["code"]) == (409, "same_class")


async def test_who_is_away_is_moved_once_back_and_later_absences_go_along(zone, standing, other_class):
    await acting(zone, standing, "leave", first_day="2026-11-24", last_day="2026-12-04")
    await acting(zone, standing, "leave", first_day="2027-02-01", last_day="2027-02-20", words="回老家")
    body = {"class_id": str(other_class)}
    status, refused = await acting(zone, standing, "transfer", **body, on="2026-12-04")
    assert (status, refused["code"]) == (409, "on_leave_then")
    _, moved = await acting(zone, standing, "transfer", **body, on="2026-12-05")
    assert [leave["words"] for leave in moved["leaves"]] == ["回老家"]


# ---- away and back


async def test_a_child_that_is_away_keeps_its_seat(zone, child, other_class):
    place_id = await place(zone.conn, child.child_id, other_class)
    status, away = await acting(zone, place_id, "leave", zone.carer, first_day="2026-11-24", words="生病")
    leave = {"first_day": "2026-11-24", "last_day": None, "rechecked_on": None, "words": "生病"}
    assert (status, away["leaves"]) == (200, [leave])
    body = {"person_id": str((await zone.family()).child_id), "starts_on": "2026-12-01"}
    status, refused = await zone.post(f"/v1/staff/nursery-classes/{other_class}/places", zone.carer, body)
    assert (status, refused["code"]) == (409, "class_full")
    assert "名额保留" in (await told(zone, child))[0]


@pytest.mark.parametrize(("days", "needed"), [(92, False), (93, True)])
async def test_who_was_away_for_long_is_checked_again(zone, standing, days, needed):
    """Away from the first of September for so many days."""
    back = SEPTEMBER + timedelta(days=days)
    await acting(zone, standing, "leave", first_day=str(SEPTEMBER))
    if needed:
        status, refused = await acting(zone, standing, "return", on=str(back))
        assert (status, refused["code"], refused["away_days"]) == (409, "recheck_required", days)
        status, refused = await acting(zone, standing, "return", on=str(back), rechecked_on="2026-08-31")
        assert (status, refused["code"]) == (409, "recheck_required")
    checked = {"rechecked_on": "2026-11-22"} if needed else {}
    status, answer = await acting(zone, standing, "return", zone.carer, on=str(back), **checked)
    assert status == 200
    assert answer["leaves"][0]["last_day"] == str(back - timedelta(days=1))
    assert answer["leaves"][0]["rechecked_on"] == checked.get("rechecked_on")


async def test_absences_that_join_are_one(zone, standing):
    await acting(zone, standing, "leave", first_day="2026-09-01", last_day="2026-10-31")
    await acting(zone, standing, "leave", first_day="2026-11-01")
    status, refused = await acting(zone, standing, "return", on="2026-12-03")
    assert (status, refused["code"], refused["away_days"]) == (409, "recheck_required", 93)


async def test_a_day_back_between_begins_anew(zone, standing):
    await acting(zone, standing, "leave", first_day="2026-09-01", last_day="2026-10-31")
    await acting(zone, standing, "leave", first_day="2026-11-02")
    assert (await acting(zone, standing, "return", on="2026-12-03"))[0] == 200


async def test_a_long_absence_that_was_settled_before_is_still_answered_for(zone, standing):
    await acting(zone, standing, "leave", first_day="2026-09-01", last_day="2026-12-31")
    status, refused = await acting(zone, standing, "return", on="2027-01-08")
    assert (status, refused["code"], refused["away_days"]) == (409, "recheck_required", 122)
    status, answer = await acting(zone, standing, "return", on="2027-01-08", rechecked_on="2026-11-23")
    assert (status, answer["leaves"][0]["last_day"]) == (200, "2026-12-31")
    assert (await acting(zone, standing, "return", on="2027-01-09"))[1]["code"] == "not_on_leave"


async def test_who_came_all_the_same_was_not_away(zone, standing):
    await acting(zone, standing, "leave", first_day="2026-11-24", last_day="2026-11-27")
    status, answer = await acting(zone, standing, "return", on="2026-11-24")
    assert (status, answer["leaves"]) == (200, [])


async def test_nobody_returns_who_was_not_away(zone, standing):
    assert (await acting(zone, standing, "return", on="2026-11-24"))[1]["code"] == "not_on_leave"
    await acting(zone, standing, "leave", first_day="2026-11-02", last_day="2026-11-06")
    assert (await acting(zone, standing, "return", on="2026-11-24"))[1]["code"] == "not_on_leave"
    assert (await acting(zone, standing, "return", on="2026-11-07"))[0] == 200


async def test_a_recheck_is_not_of_tomorrow(zone, standing):
    await acting(zone, standing, "leave", first_day="2026-09-01")
    status, refused = await acting(zone, standing, "return", on="2026-12-10", rechecked_on="2026-11-24")
    assert (status, refused["errors"]) == (400, {"rechecked_on": ["不能晚于 2026-11-23。"]})


async def test_absences_lie_within_the_place_and_apart(zone, standing):
    await acting(zone, standing, "end", on="2026-12-31", reason="搬家")
    for days in ({"first_day": "2026-08-31"}, {"first_day": "2026-12-20", "last_day": "2027-01-01"}):
        assert (await acting(zone, standing, "leave", **days))[1]["code"] == "leave_outside_place"
    _, answer = await acting(zone, standing, "leave", first_day="2026-12-20")
    assert answer["leaves"][0]["last_day"] == "2026-12-31", "away as long as it has the place"
    status, refused = await acting(zone, standing, "leave", first_day="2026-12-01", last_day="2026-12-20")
    assert (status, refused["code"]) == (409, "leave_overlaps")
    status, refused = await acting(zone, standing, "leave", first_day="2026-12-03", last_day="2026-12-02")
    assert (status, list(refused["errors"])) == (400, ["last_day"])


# ---- the end


async def test_a_last_day_is_settled_and_settled_anew(zone, child, standing):
    status, answer = await acting(zone, standing, "end", on="2026-12-31", reason="搬家")
    assert (status, answer["status"], answer["ends_on"]) == (200, "ended", "2026-12-31")
    assert await told(zone, child) == [
        "孩子甲在星星托育园托大班的入托到2026年12月31日结束，原因：搬家。有疑问请打电话给托育园。"
    ]
    assert (await acting(zone, standing, "end", on="2027-01-31", reason="晚一个月搬"))[1]["ends_on"] == "2027-01-31"
    assert (await acting(zone, standing, "end", on="2026-11-20", reason="已经走了"))[0] == 200
    status, refused = await acting(zone, standing, "end", on="2027-01-31", reason="还在")
    assert (status, refused["code"]) == (409, "nursery_place_in_other_state")


async def test_what_has_not_begun_is_not_ended(zone, child):
    place_id = await place(zone.conn, child.child_id, zone.star_class, starts_on=MARCH)
    status, refused = await acting(zone, place_id, "end", on="2027-02-28", reason="不来了")
    assert (status, refused["code"]) == (409, "ends_before_place")
    await zone.conn.execute("update nursery_place set status = 'planned' where id = $1", place_id)
    status, refused = await acting(zone, place_id, "end", on="2027-03-28", reason="不来了")
    assert (status, refused["code"]) == (409, "nursery_place_in_other_state")


async def test_who_was_transferred_is_ended_in_the_new_class(zone, standing, other_class):
    await acting(zone, standing, "transfer", class_id=str(other_class), on="2026-12-01")
    status, refused = await acting(zone, standing, "end", on="2026-12-31", reason="搬家")
    assert (status, refused["code"]) == (409, "nursery_place_moved")


async def test_a_seat_is_not_kept_longer_where_somebody_else_has_it(zone, child, other_class):
    place_id = await place(zone.conn, child.child_id, other_class)
    await acting(zone, place_id, "end", on="2026-12-31", reason="搬家")
    await place(zone.conn, (await zone.family()).child_id, other_class, starts_on=date(2027, 1, 1))
    status, refused = await acting(zone, place_id, "end", on="2027-01-01", reason="多一天")
    assert (status, refused["code"], refused["days"]) == (409, "class_full", ["2027-01-01"])


@pytest.mark.parametrize(("days", "status"), [(31, 200), (32, 409)])
async def test_who_never_came_is_cancelled_within_a_month(zone, child, days, status):
    place_id = await place(zone.conn, child.child_id, zone.star_class, starts_on=TODAY - timedelta(days=days))
    found, answer = await acting(zone, place_id, "cancel", reason="一直没有来")
    assert found == status
    if status == 200:
        assert answer["status"] == "cancelled"
        text = "孩子甲在星星托育园托大班的入托名额取消了，原因：一直没有来。有疑问请打电话给托育园。"
        assert await told(zone, child) == [text]
    else:
        assert answer["code"] == "nursery_place_in_use"


async def test_a_clerk_takes_no_place_away(zone, standing):
    for act, body in (("cancel", {}), ("end", {"on": "2026-12-01"})):
        assert (await acting(zone, standing, act, zone.carer, reason="x", **body))[0] == 404


# ---- the seat of a round


@pytest.fixture
async def seated(zone):
    """A round in its offers with one seat at the star: the first child has it and the place, the second waits."""
    within = await zone.round("offers", seats=1, reserves={})
    star = within.programmes[0]
    first, first_id = await zone.application(within, None, [star.programme_id], state="accepted")
    second, second_id = await zone.application(within, None, [star.programme_id], state="accepted")
    await drawn(zone.conn, within, [first_id, second_id], {first_id: star.seats[0]})
    await seat_offer(zone.conn, first_id, star.seats[0], status="accepted")
    place_id = await place(
        zone.conn, first.child_id, zone.star_class, status="planned", starts_on=MARCH, enrolment_id=first_id
    )
    return first_id, second, second_id, place_id


async def offers(zone, enrolment_id):
    rows = await zone.conn.fetch("select status, way from enrolment_offer where enrolment_id = $1", enrolment_id)
    return [(row["status"], row["way"]) for row in rows]


async def test_the_seat_of_who_never_came_goes_to_the_next(zone, seated):
    first_id, _, second_id, place_id = seated
    assert (await acting(zone, place_id, "cancel", reason="一直没有来"))[0] == 200
    assert await offers(zone, first_id) == [("given_up", "draw")]
    assert await offers(zone, second_id) == [("live", "queue")]
    assert (await because(zone, first_id))[-2:] == ["place_changed", "seat_given_up"]


async def test_who_leaves_gives_the_seat_to_the_next_from_the_day_after(zone, seated):
    """The class has one seat: the next child begins once the first is gone."""
    first_id, second, second_id, place_id = seated
    await zone.conn.execute("update nursery_class set seats = 1 where id = $1", zone.star_class)
    papers = dict.fromkeys(("agreement_on", "health_check_on", "vaccination_on"), "2026-11-20")
    await zone.put(f"/v1/staff/nursery-places/{place_id}/papers", zone.head, papers)
    assert (await acting(zone, place_id, "confirm", starts_on="2026-12-01"))[0] == 200
    assert (await acting(zone, place_id, "end", on="2027-03-31", reason="搬家"))[0] == 200
    assert await offers(zone, first_id) == [("given_up", "draw")]
    offer_id = await zone.conn.fetchval("select id from enrolment_offer where enrolment_id = $1", second_id)
    status, _ = await zone.post(f"/v1/enrolments/{second_id}/accept", second, {"offer_id": str(offer_id)})
    assert status == 200
    row = await zone.conn.fetchrow("select status, starts_on from nursery_place where enrolment_id = $1", second_id)
    assert tuple(row) == ("planned", date(2027, 4, 1))


async def test_a_transfer_gives_no_seat_up(zone, seated, other_class):
    first_id, _, second_id, place_id = seated
    papers = dict.fromkeys(("agreement_on", "health_check_on", "vaccination_on"), "2026-11-20")
    await zone.put(f"/v1/staff/nursery-places/{place_id}/papers", zone.head, papers)
    await acting(zone, place_id, "confirm", starts_on="2026-11-23")
    assert (await acting(zone, place_id, "transfer", class_id=str(other_class), on="2026-12-01"))[0] == 200
    assert await offers(zone, first_id) == [("accepted", "draw")]
    assert await offers(zone, second_id) == []
    assert await because(zone, first_id) == ["begun", "submitted", *["place_changed"] * 3]


async def test_a_seat_is_given_up_once_however_often_it_is_asked_for(zone, seated):
    first_id, _, second_id, place_id = seated
    answers = await asyncio.gather(*(acting(zone, place_id, "cancel", reason="没来") for _ in range(4)))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    assert await offers(zone, first_id) == [("given_up", "draw")]
    assert await offers(zone, second_id) == [("live", "queue")]


# ---- occupancy


async def test_occupancy_says_for_each_month_how_many_there_are_at_most(zone, other_class):
    spans = [
        ("confirmed", date(2026, 9, 1), date(2026, 12, 10)),
        ("confirmed", date(2026, 12, 11), None),
        ("ended", date(2026, 12, 20), date(2026, 12, 20)),
        ("planned", date(2027, 1, 15), None),
        ("planned", date(2026, 12, 5), date(2026, 12, 6)),
        ("cancelled", date(2026, 12, 1), None),
    ]
    for status, starts_on, ends_on in spans:
        who = await zone.family()
        await place(zone.conn, who.child_id, zone.star_class, status=status, starts_on=starts_on, ends_on=ends_on)
    path = f"/v1/staff/nurseries/{zone.star}/occupancy?from=2026-11&to=2027-02"
    status, answer = await zone.get(path, zone.carer)
    assert status == 200
    found = [
        (item["month"], item["planned"], item["confirmed"], item["most"], item["free"])
        for item in answer["items"]
        if item["class_id"] == str(zone.star_class)
    ]
    assert found == [
        ("2026-11-01", 0, 1, 1, 19),
        ("2026-12-01", 1, 2, 2, 18),
        ("2027-01-01", 1, 1, 2, 18),
        ("2027-02-01", 1, 1, 2, 18),
    ]
    empty = [item["free"] for item in answer["items"] if item["class_id"] == str(other_class)]
    assert empty == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("months", "said"),
    [("from=2026-02&to=2026-01", "不能早于 2026-02。"), ("from=2026-01&to=2028-01", "最多 24 个月。")],
)
async def test_occupancy_of_no_month_or_too_many_is_refused(zone, months, said):
    status, refused = await zone.get(f"/v1/staff/nurseries/{zone.star}/occupancy?{months}", zone.carer)
    assert (status, refused["errors"]) == (400, {"to": [said]})


async def test_occupancy_is_the_nurserys_own(zone):
    path = f"/v1/staff/nurseries/{zone.star}/occupancy?from=2026-11&to=2027-02"
    assert (await zone.get(path, zone.other_head))[0] == 404
    assert (await zone.get(path, zone.clerk))[0] == 200
    assert (await zone.get(path, await make.resident(zone.conn, zone.app)))[0] == 403
