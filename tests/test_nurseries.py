"""Nurseries with their classes: shown to all, kept by their staff, within the norm or with a reason."""

from __future__ import annotations

from datetime import date

import pytest

from domain.nursery_norms import departures
from domain.vocabulary import Role
from tests import make
from tests.nursery_world import nursery_class, place

SENIOR = {"from_months": 24, "until_months": 36, "most_seats": 20, "children_per_carer": 7}


def form(**more):
    given = {"name": "托大二班", "kind": "senior", "from_months": 24, "until_months": 36, "seats": 20, "carers": 3}
    return given | more


def change(shown, **more):
    kept = ("name", "kind", "from_months", "until_months", "seats", "carers", "override_reason", "state", "version")
    return {name: shown[name] for name in kept} | more


@pytest.mark.parametrize(
    ("planned", "found"),
    [
        ({}, []),
        ({"seats": 21, "carers": 3}, ["seats"]),
        ({"seats": 20, "carers": 2}, ["carers"]),
        ({"seats": 15, "carers": 2}, ["carers"]),
        ({"seats": 14, "carers": 2}, []),
        ({"from_months": 23}, ["from_months"]),
        ({"until_months": 37}, ["until_months"]),
    ],
)
def test_a_class_departs_from_the_norm_by_one(planned, found):
    asked = form() | planned
    assert [each["what"] for each in departures(asked, SENIOR)] == found


async def test_a_class_beyond_the_norm_needs_a_reason_and_shows_it(zone):
    path = f"/v1/staff/nurseries/{zone.star}/classes"
    status, made = await zone.post(path, zone.head, form())
    assert (status, made["departures"], made["state"]) == (201, [], "active")
    status, refused = await zone.post(path, zone.head, form(name="大班", seats=25, carers=3))
    assert (status, refused["code"]) == (409, "nursery_class_beyond_norm")
    assert refused["departures"] == [
        {"what": "seats", "has": 25, "limit": 20},
        {"what": "carers", "has": 3, "limit": 4},
    ]
    status, made = await zone.post(path, zone.head, form(name="大班", seats=25, carers=4, override_reason="旗里批准"))
    assert (status, made["departures"]) == (201, [{"what": "seats", "has": 25, "limit": 20}])
    status, shown = await zone.get(f"/v1/staff/nursery-classes/{made['id']}", zone.carer)
    assert (status, shown) == (200, made)
    status, listed = await zone.get(path, zone.carer)
    assert [each["name"] for each in listed["items"]] == ["托大班", "托大二班", "大班"]
    assert (await zone.post(path, zone.carer, form(name="小班")))[0] == 404
    assert (await zone.post(path, zone.other_head, form(name="小班")))[0] == 404


async def test_a_class_has_its_name_alone_and_stands_in_a_nursery(zone, conn):
    path = f"/v1/staff/nurseries/{zone.star}/classes"
    status, refused = await zone.post(path, zone.head, form(name="托大班"))
    assert (status, refused["code"]) == (409, "nursery_class_name_taken")
    hospital = await make.provider(conn, area_id=zone.area_id)
    status, refused = await zone.post(f"/v1/staff/nurseries/{hospital}/classes", zone.manager, form())
    assert (status, refused["code"]) == (409, "not_a_nursery")
    status, refused = await zone.post(path, zone.head, form(from_months=36))
    assert (status, "until_months" in refused["errors"]) == (400, True)


async def test_what_children_have_and_rounds_promise_is_not_taken_away(zone, conn):
    path = f"/v1/staff/nursery-classes/{zone.star_class}"
    _, shown = await zone.get(path, zone.head)
    first, second = await zone.family(), await zone.family()
    await place(conn, first.child_id, zone.star_class)
    await place(conn, second.child_id, zone.star_class)
    status, refused = await zone.put(path, zone.head, change(shown, seats=1))
    assert (status, refused["code"]) == (409, "nursery_class_too_small")
    status, refused = await zone.put(path, zone.head, change(shown, state="closed"))
    assert (status, refused["code"], refused["children"]) == (409, "nursery_class_in_use", 2)
    within = await zone.round("open", seats=3)
    status, refused = await zone.put(path, zone.head, change(shown, seats=4))
    assert (status, refused["code"]) == (409, "nursery_class_promised")
    assert refused["round_ids"] == [str(within.round_id)]
    status, changed = await zone.put(path, zone.head, change(shown, seats=5, name="星一班"))
    assert (status, changed["seats"], changed["version"]) == (200, 5, 2)
    status, refused = await zone.put(path, zone.head, change(shown, seats=5))
    assert (status, refused["code"]) == (409, "changed_meanwhile")
    status, closed = await zone.put(path, zone.head, change(changed, state="closed"))
    assert (status, closed["code"]) == (409, "nursery_class_promised")


async def test_an_empty_class_is_closed_and_shown_no_more(zone, conn):
    class_id = await nursery_class(conn, zone.star, name="旧班")
    _, shown = await zone.get(f"/v1/staff/nursery-classes/{class_id}", zone.head)
    status, closed = await zone.put(f"/v1/staff/nursery-classes/{class_id}", zone.head, change(shown, state="closed"))
    assert (status, closed["state"]) == (200, "closed")
    _, nursery = await zone.get(f"/v1/nurseries/{zone.star}")
    assert [each["name"] for each in nursery["classes"]] == ["托大班"]


async def test_everybody_finds_the_nurseries_of_an_area(zone, conn):
    elsewhere = await make.area(conn)
    await make.provider(conn, area_id=elsewhere, kind="nursery", name="远方托育园")
    status, found = await zone.get(f"/v1/nurseries?area={zone.area_id}")
    assert (status, [each["name"] for each in found["items"]]) == (200, ["星星托育园", "月亮托育园"])
    assert found["items"][0]["classes"][0] == {
        "id": str(zone.star_class),
        "name": "托大班",
        "kind": "senior",
        "from_months": 24,
        "until_months": 36,
        "seats": 20,
        "carers": 4,
    }
    _, found = await zone.get("/v1/nurseries?q=月亮")
    assert [each["name"] for each in found["items"]] == ["月亮托育园"]
    hospital = await make.provider(conn, area_id=zone.area_id)
    assert (await zone.get(f"/v1/nurseries/{hospital}"))[0] == 404
    answer = await zone.client.get("/v1/nurseries")
    known = await zone.client.get("/v1/nurseries", headers={"If-None-Match": answer.headers["ETag"]})
    assert known.status == 304


async def test_the_newest_norm_that_has_come_into_effect_holds(zone, conn, app, clock):
    admin = await make.staff(conn, app, Role.ADMIN)
    norm = {
        "kind": "senior",
        "effective_from": "2026-11-24",
        "from_months": 24,
        "until_months": 36,
        "most_seats": 18,
        "children_per_carer": 6,
        "recheck_days": 60,
        "source": "新标准",
    }
    status, made = await zone.post("/v1/staff/nursery-norms", admin, norm)
    assert (status, made["most_seats"]) == (201, 18)
    status, refused = await zone.post("/v1/staff/nursery-norms", admin, norm)
    assert (status, refused["code"]) == (409, "nursery_norm_exists")
    status, refused = await zone.post("/v1/staff/nursery-norms", admin, norm | {"effective_from": "2026-11-22"})
    assert (status, list(refused["errors"])) == (400, ["effective_from"])
    assert (await zone.post("/v1/staff/nursery-norms", zone.manager, norm))[0] == 403
    path = f"/v1/staff/nursery-classes/{zone.star_class}"
    assert (await zone.get(path, zone.head))[1]["departures"] == []
    clock.move(days=1)
    head = await make.staff(conn, app, Role.MANAGER, provider_id=zone.star)
    assert (await zone.get(path, head))[1]["departures"] == [{"what": "seats", "has": 20, "limit": 18}]
    status, listed = await zone.get("/v1/staff/nursery-norms?kind=senior", head)
    assert [each["effective_from"] for each in listed["items"]] == [str(date(2019, 10, 8)), "2026-11-24"]
