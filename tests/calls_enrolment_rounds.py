"""Good calls of nurseries, their classes, and rounds of enrolment."""

from __future__ import annotations

from tests.giving import nothing
from tests.nursery_world import Offered, enrolment_round, nursery, nursery_class
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


def round_form(area_id, class_id, **more):
    return {
        "area_id": str(area_id),
        "name": f"2027 年春季招生 {next(count)}",
        "reference_date": "2027-03-01",
        "starts_on": "2027-03-01",
        "opens_at": "2026-12-01T08:00:00+08:00",
        "closes_at": "2026-12-20T18:00:00+08:00",
        "review_until": "2026-12-28T18:00:00+08:00",
        "value_source": "drand quicknet，第一个不早于公布时间的随机数",
        "value_due_at": "2027-01-04T10:00:00+08:00",
        "groups": [
            {"code": "resettled", "name": "搬迁家庭", "proof": "搬迁安置证明"},
            {"code": "sibling", "name": "在园孩子的弟弟妹妹", "proof": "户口簿"},
        ],
        "programmes": [
            {
                "class_id": str(class_id),
                "seats": 6,
                "reserves": [
                    {"group": "resettled", "seats": 2, "falls_to": ["sibling", ""]},
                    {"group": "sibling", "seats": 1},
                ],
            }
        ],
        **more,
    }


async def a_round(town, stage="open", **more):
    made = await enrolment_round(town.conn, town.area_id, [Offered(await a_class(town))], stage=stage, **more)
    return made.round_id


def of_round(stage, body=None):
    """Make a call to a round in a state."""

    async def given(town):
        return Given(body, {"id": await a_round(town, stage)})

    return given


async def new_round(town):
    return Given(round_form(town.area_id, await a_class(town)))


async def changed_round(town):
    return Given(round_form(town.area_id, await a_class(town), version=1), {"id": await a_round(town, "draft")})


GOOD = {
    ("GET", "/v1/nurseries"): nothing,
    ("GET", "/v1/nurseries/{id}"): show_nursery,
    ("GET", "/v1/staff/nurseries/{id}/classes"): show_nursery,
    ("POST", "/v1/staff/nurseries/{id}/classes"): new_class,
    ("GET", "/v1/staff/nursery-classes/{id}"): show_class,
    ("PUT", "/v1/staff/nursery-classes/{id}"): changed_class,
    ("GET", "/v1/staff/nursery-norms"): nothing,
    ("POST", "/v1/staff/nursery-norms"): new_norm,
    ("GET", "/v1/enrolment-rounds"): nothing,
    ("GET", "/v1/enrolment-rounds/{id}"): of_round("open"),
    ("GET", "/v1/staff/enrolment-rounds"): nothing,
    ("POST", "/v1/staff/enrolment-rounds"): new_round,
    ("GET", "/v1/staff/enrolment-rounds/{id}"): of_round("draft"),
    ("PUT", "/v1/staff/enrolment-rounds/{id}"): changed_round,
    ("DELETE", "/v1/staff/enrolment-rounds/{id}"): of_round("draft"),
    ("POST", "/v1/staff/enrolment-rounds/{id}/announce"): of_round("draft", {"version": 1}),
    ("POST", "/v1/staff/enrolment-rounds/{id}/postpone"): of_round(
        "open", {"closes_at": "2026-12-04T18:00:00+08:00", "reason": "下雪停课"}
    ),
    ("POST", "/v1/staff/enrolment-rounds/{id}/cancel"): of_round("open", {"reason": "园舍检修"}),
    ("POST", "/v1/staff/enrolment-rounds/{id}/end"): of_round("offers"),
}
