"""How a child comes into a class: entered by hand, its papers, the day; and what its family learns of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

import sql
from domain import nursery_papers_due
from domain.context import Context
from handlers.request import VAULT
from tests import make
from tests.nursery_world import nursery_class, place

TODAY = date(2026, 11, 23)
MARCH = date(2027, 3, 1)
PAPERS = {"agreement_on": "2026-11-20", "health_check_on": "2026-11-18", "vaccination_on": "2026-11-19"}


@pytest.fixture
async def child(zone):
    return await zone.family()


def entering(zone, child, **changes):
    body = {"person_id": str(child.child_id), "starts_on": "2026-12-01", **changes}
    return zone.post(f"/v1/staff/nursery-classes/{zone.star_class}/places", zone.carer, body)


async def planned(zone, child, starts_on=MARCH, **more):
    return await place(zone.conn, child.child_id, zone.star_class, status="planned", starts_on=starts_on, **more)


def acting(zone, place_id, act, **body):
    return zone.post(f"/v1/staff/nursery-places/{place_id}/{act}", zone.carer, body)


def papers(zone, place_id, who=None, **given):
    return zone.put(f"/v1/staff/nursery-places/{place_id}/papers", who or zone.carer, given)


async def told(zone, child):
    status, answer = await zone.get("/v1/notices", child)
    assert status == 200
    return [item["text"] for item in answer["items"]]


async def test_a_child_with_all_papers_is_confirmed_at_once(zone, child):
    status, made = await entering(zone, child, **PAPERS)
    assert (status, made["status"], made["missing"], made["person_name"]) == (201, "confirmed", [], "孩子甲")
    assert (made["provider_name"], made["class_name"], made["starts_on"]) == ("星星托育园", "托大班", "2026-12-01")
    assert await told(zone, child) == ["孩子甲的入托手续齐了：星星托育园托大班，2026年12月1日起入托。"]
    rows = await zone.conn.fetch("select action from audit where subject_id = $1", made["id"])
    assert [row["action"] for row in rows] == ["nursery_places.entered"]


async def test_a_child_without_papers_is_planned_until_they_come(zone, child):
    status, made = await entering(zone, child)
    assert (status, made["status"]) == (201, "planned")
    assert made["missing"] == ["agreement", "health_check", "vaccination"]
    status, refused = await acting(zone, made["id"], "confirm", starts_on="2026-12-01")
    assert (status, refused["code"]) == (409, "nursery_papers_missing")
    assert "签好的托育协议、入园体检证明、预防接种证" in refused["detail"]
    assert (await papers(zone, made["id"], agreement_on="2026-11-20"))[1]["missing"] == ["health_check", "vaccination"]
    assert (await papers(zone, made["id"], **PAPERS))[1]["missing"] == []
    status, confirmed = await acting(zone, made["id"], "confirm", starts_on="2026-12-02")
    assert (status, confirmed["status"], confirmed["starts_on"]) == (200, "confirmed", "2026-12-02")


async def test_the_same_request_again_enters_once(zone, child):
    path, body = (
        f"/v1/staff/nursery-classes/{zone.star_class}/places",
        {
            "person_id": str(child.child_id),
            "starts_on": "2026-12-01",
        },
    )
    headers = make.key()
    first = await zone.call("POST", path, zone.carer, body, headers)
    assert await zone.call("POST", path, zone.carer, body, headers) == first
    assert await zone.conn.fetchval("select count(*) from nursery_place") == 1


@pytest.mark.parametrize(
    ("born", "starts_on", "status"),
    [
        (date(2024, 12, 2), "2026-12-01", 409),
        (date(2024, 12, 1), "2026-12-01", 201),
        (date(2023, 12, 2), "2026-12-01", 201),
        (date(2023, 12, 1), "2026-12-01", 409),
    ],
)
async def test_a_child_is_of_the_age_of_its_class_on_its_first_day(zone, born, starts_on, status):
    found, answer = await entering(zone, await zone.family(born=born), starts_on=starts_on)
    assert found == status
    if status == 409:
        assert (answer["code"], answer["from_months"], answer["until_months"]) == ("age_outside_class", 24, 36)


async def test_a_health_check_is_neither_old_nor_of_after_the_first_day(zone, child):
    place_id = await planned(zone, child)
    await papers(zone, place_id, **PAPERS)
    for starts_on, status in (("2026-11-17", 409), ("2026-11-18", 200)):
        assert (await acting(zone, place_id, "confirm", starts_on=starts_on))[0] == status
    await zone.conn.execute("update nursery_place set status = 'planned' where id = $1", place_id)
    for days, status in ((93, 409), (92, 200)):
        day = date(2026, 11, 18) + timedelta(days=days)
        found, answer = await acting(zone, place_id, "confirm", starts_on=str(day))
        assert found == status
        if status == 409:
            assert (answer["code"], answer["earliest"]) == ("health_check_out_of_date", "2026-11-19")


async def test_papers_are_of_today_at_the_latest(zone, child):
    place_id = await planned(zone, child)
    status, refused = await papers(zone, place_id, **PAPERS | {"vaccination_on": "2026-11-24"})
    assert (status, refused["errors"]) == (400, {"vaccination_on": ["不能晚于 2026-11-23。"]})
    assert (await papers(zone, place_id, **PAPERS | {"vaccination_on": "2026-11-23"}))[0] == 200


async def test_who_is_in_a_class_keeps_all_papers(zone, child):
    _, made = await entering(zone, child, **PAPERS)
    status, refused = await papers(zone, made["id"], agreement_on="2026-11-20")
    assert (status, refused["code"], refused["papers"]) == (
        409,
        "nursery_papers_missing",
        ["health_check", "vaccination"],
    )


async def test_an_agreement_is_a_paper_that_the_caller_has_added(zone, child):
    place_id = await planned(zone, child)
    own = await a_file(zone, zone.carer, "nursery_paper")
    for file_id in (
        await a_file(zone, zone.other_head, "nursery_paper"),
        await a_file(zone, zone.carer, "mandate_paper"),
    ):
        status, refused = await papers(zone, place_id, **PAPERS, agreement_file_id=file_id)
        assert (status, refused["code"]) == (404, "file_not_found")
    status, refused = await papers(zone, place_id, agreement_file_id=own)
    assert (status, list(refused["errors"])) == (400, ["agreement_on"])
    assert (await papers(zone, place_id, **PAPERS, agreement_file_id=own))[1]["agreement_file_id"] == own
    again = await papers(zone, place_id, zone.manager, **PAPERS, agreement_file_id=own)
    assert again[0] == 200, "whoever writes down more later keeps what is there"
    _, shown = await zone.get(f"/v1/people/{child.child_id}/nursery-places", child)
    assert "agreement_file_id" not in shown["items"][0]


async def test_the_nursery_reads_the_agreements_of_its_children(zone, child):
    place_id = await planned(zone, child)
    file_id = await a_file(zone, zone.carer, "nursery_paper")
    await papers(zone, place_id, **PAPERS, agreement_file_id=file_id)
    roles = ["admin", "manager", "clerk"]
    for who, readable in ((zone.head, True), (zone.clerk, True), (zone.other_head, False), (child, False)):
        found = await sql.files.readable(zone.conn, id=file_id, account_id=who.account_id, roles=roles)
        assert (found is not None) == readable


async def a_file(zone, who, purpose):
    return str(
        await zone.conn.fetchval(
            """insert into file (id, account_id, purpose, media_type, size, created_at)
               values (gen_random_uuid(), $1, $2, 'image/png', 10, '2026-11-20T00:00:00Z') returning id""",
            who.account_id,
            purpose,
        )
    )


async def test_a_place_is_confirmed_in_another_class_of_the_nursery(zone, child):
    other = await nursery_class(zone.conn, zone.star, name="大二班")
    place_id = await planned(zone, child)
    await papers(zone, place_id, **PAPERS)
    body = {"starts_on": "2026-12-01"}
    status, refused = await acting(zone, place_id, "confirm", **body, class_id=str(zone.moon_class))
    assert (status, refused["code"]) == (404, "nursery_class_not_found")
    status, confirmed = await acting(zone, place_id, "confirm", **body, class_id=str(other))
    assert (status, confirmed["class_name"]) == (200, "大二班")
    status, refused = await acting(zone, place_id, "confirm", **body)
    assert (status, refused["code"], refused["place_status"]) == (409, "nursery_place_in_other_state", "confirmed")


async def test_a_full_class_says_from_when(zone, child):
    class_id = await nursery_class(zone.conn, zone.star, name="小小班", seats=1)
    other = await zone.family()
    await place(zone.conn, other.child_id, class_id, starts_on=date(2027, 1, 10), ends_on=date(2027, 1, 20))
    body = {"person_id": str(child.child_id), "starts_on": "2026-12-01"}
    status, refused = await zone.post(f"/v1/staff/nursery-classes/{class_id}/places", zone.carer, body)
    assert (status, refused["code"], refused["days"]) == (409, "class_full", ["2027-01-10"])
    assert await zone.conn.fetchval("select count(*) from nursery_place where person_id = $1", child.child_id) == 0


async def test_a_child_is_in_one_class_a_day(zone, child):
    await place(zone.conn, child.child_id, zone.moon_class)
    status, refused = await entering(zone, child, **PAPERS)
    assert (status, refused["code"]) == (409, "child_in_class")


async def test_nobody_is_entered_who_is_not_known(zone, child):
    await zone.conn.execute(
        """update person set erased_at = now(), document_sealed = null, birth_date = null, sex = null,
               phone_sealed = null
           where id = $1""",
        child.child_id,
    )
    status, refused = await entering(zone, child)
    assert (status, refused["code"]) == (404, "person_unknown")


async def test_another_nursery_learns_nothing_of_a_child(zone, child):
    place_id = await planned(zone, child)
    for who in (zone.other_head, await make.staff(zone.conn, zone.app, provider_id=zone.moon)):
        assert (await zone.get(f"/v1/staff/nursery-places/{place_id}", who))[0] == 404
        assert (await zone.get(f"/v1/staff/nursery-classes/{zone.star_class}/places", who))[0] == 404
        assert (await papers(zone, place_id, who, **PAPERS))[0] == 404
    other = await zone.family()
    assert (await zone.get(f"/v1/people/{child.child_id}/nursery-places", other))[0] == 404


async def test_the_family_sees_its_places_the_latest_first(zone, child):
    await place(zone.conn, child.child_id, zone.moon_class, starts_on=date(2026, 9, 1), ends_on=date(2026, 12, 31))
    place_id = await planned(zone, child)
    status, answer = await zone.get(f"/v1/people/{child.child_id}/nursery-places", child)
    assert status == 200
    assert [(item["provider_name"], item["status"], item["ends_on"]) for item in answer["items"]] == [
        ("星星托育园", "planned", None),
        ("月亮托育园", "confirmed", "2026-12-31"),
    ]
    assert answer["items"][0]["id"] == str(place_id)


async def test_a_class_lists_who_stands_in_it_and_apart_who_was(zone):
    for days in ((date(2026, 9, 1), None), (date(2027, 3, 1), None), (date(2026, 9, 1), TODAY), (MARCH, MARCH)):
        await place(zone.conn, (await zone.family()).child_id, zone.star_class, starts_on=days[0], ends_on=days[1])
    await place(zone.conn, (await zone.family()).child_id, zone.star_class, ends_on=TODAY - timedelta(days=1))
    gone = await planned(zone, await zone.family())
    await zone.conn.execute("update nursery_place set status = 'cancelled' where id = $1", gone)
    path = f"/v1/staff/nursery-classes/{zone.star_class}/places"
    _, standing = await zone.get(f"{path}?limit=3", zone.carer)
    _, following = await zone.get(f"{path}?limit=3&after={standing['next']}", zone.carer)
    assert (len(standing["items"]), len(following["items"]), following["next"]) == (3, 1, None)
    _, over = await zone.get(f"{path}?over=true", zone.carer)
    assert [item["status"] for item in over["items"]] == ["confirmed", "cancelled"]


# ---- papers that are due


async def tell(zone, clock):
    async with zone.conn.transaction():
        return await nursery_papers_due.tell(zone.conn, Context(None, clock.now, zone.app[VAULT]))


async def test_a_family_is_told_once_and_in_time_which_papers_are_missing(zone, child, clock):
    place_id = await planned(zone, child, TODAY + timedelta(days=15))
    await papers(zone, place_id, agreement_on="2026-11-20")
    assert await tell(zone, clock) == 0
    clock.move(days=1)
    assert [await tell(zone, clock), await tell(zone, clock)] == [1, 0]
    again = await make.signed_in_again(zone.conn, zone.app, child.resident)
    text = (
        "孩子甲快要入托了（星星托育园托大班，2026年12月8日起），还缺材料：入园体检证明、预防接种证。请尽快交给托育园。"
    )
    assert await told(zone, again) == [text]


@pytest.mark.parametrize("status", ["confirmed", "cancelled", "planned"])
async def test_nobody_is_told_whose_papers_are_there_or_whose_place_is_not(zone, child, clock, status):
    days = dict.fromkeys(("agreement_on", "health_check_on", "vaccination_on"), TODAY)
    more: dict[str, Any] = days if status == "planned" else {}
    await place(zone.conn, child.child_id, zone.star_class, status=status, starts_on=TODAY + timedelta(days=3), **more)
    assert await tell(zone, clock) == 0


async def test_who_was_to_begin_in_the_past_is_not_told(zone, child, clock):
    await planned(zone, child, TODAY - timedelta(days=1))
    assert await tell(zone, clock) == 0
