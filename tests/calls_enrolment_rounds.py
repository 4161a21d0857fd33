"""Good calls of nurseries, their classes, and rounds of enrolment."""

from __future__ import annotations

from tests.giving import nothing
from tests.nursery_world import nursery, nursery_class
from tests.town import Given, count


def class_form(**more):
    given = {"name": f"托大 {next(count)} 班", "kind": "senior", "from_months": 24, "until_months": 36}
    return given | {"seats": 20, "carers": 3, **more}


async def a_nursery(town):
    return await nursery(town.conn, town.area_id)


async def a_class(town):
    return await nursery_class(town.conn, await a_nursery(town))


async def show_nursery(town):
    return Given(ids={"id": await a_nursery(town)})


async def new_class(town):
    return Given(class_form(), {"id": await a_nursery(town)})


async def show_class(town):
    return Given(ids={"id": await a_class(town)})


async def changed_class(town):
    return Given(class_form(override_reason="", state="active", version=1), {"id": await a_class(town)})


async def new_norm(town):  # a norm belongs to no place
    number = next(count)
    day = f"20{30 + number // 300}-{number % 300 // 28 + 1:02}-{number % 28 + 1:02}"
    norm = {"kind": "senior", "effective_from": day, "from_months": 24, "until_months": 36, "most_seats": 20}
    return Given(norm | {"children_per_carer": 7, "recheck_days": 92, "source": "测试标准"})


GOOD = {
    ("GET", "/v1/nurseries"): nothing,
    ("GET", "/v1/nurseries/{id}"): show_nursery,
    ("GET", "/v1/staff/nurseries/{id}/classes"): show_nursery,
    ("POST", "/v1/staff/nurseries/{id}/classes"): new_class,
    ("GET", "/v1/staff/nursery-classes/{id}"): show_class,
    ("PUT", "/v1/staff/nursery-classes/{id}"): changed_class,
    ("GET", "/v1/staff/nursery-norms"): nothing,
    ("POST", "/v1/staff/nursery-norms"): new_norm,
}
