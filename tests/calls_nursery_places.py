"""Good calls about children in classes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from handlers.request import VAULT
from tests import make
from tests.giving import fixed, with_id
from tests.nursery_world import nursery, nursery_class, place
from tests.town import Given

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.town import Town

BEGINS = date(2026, 12, 1)
PAPERS = {"agreement_on": "2026-11-20", "health_check_on": "2026-11-18", "vaccination_on": "2026-11-18"}


async def a_child(town):
    return await make.person(town.conn, town.app[VAULT], born=date(2024, 9, 10))


async def a_class(town):
    return await nursery_class(town.conn, await nursery(town.conn, town.area_id))


async def planned(town):
    return await place(
        town.conn, await a_child(town), await a_class(town), status="planned", starts_on=date(2026, 12, 1)
    )


async def with_papers(town):
    days: dict[str, Any] = {name: date.fromisoformat(day) for name, day in PAPERS.items()}
    child_id, class_id = await a_child(town), await a_class(town)
    return await place(town.conn, child_id, class_id, status="planned", starts_on=BEGINS, **days)


async def standing(town):
    return await place(town.conn, await a_child(town), await a_class(town))


async def away(town):
    place_id = await standing(town)
    await town.conn.execute(
        "insert into nursery_leave (id, place_id, first_day) values (gen_random_uuid(), $1, '2026-11-16')", place_id
    )
    return place_id


async def entering(town):
    body = {"person_id": str(await a_child(town)), "starts_on": "2026-12-01", **PAPERS}
    return Given(body, {"id": await a_class(town)})


async def moving(town):
    provider_id = await nursery(town.conn, town.area_id)
    here, there = [await nursery_class(town.conn, provider_id, name=name) for name in ("大一班", "大二班")]
    place_id = await place(town.conn, await a_child(town), here)
    return Given({"class_id": str(there), "on": "2026-12-01"}, {"id": place_id})


OF_PLACE = "/v1/staff/nursery-places/{id}"
NURSERY_PLACES: dict[tuple[str, str], Callable[[Town], Awaitable[Given]]] = {
    ("GET", "/v1/people/{id}/nursery-places"): fixed(lambda town: Given(ids={"id": town.person_id})),
    ("GET", "/v1/staff/nurseries/{id}/occupancy"): with_id(
        lambda town: nursery(town.conn, town.area_id), **{"from": "2026-11", "to": "2027-02"}
    ),
    ("GET", "/v1/staff/nursery-classes/{id}/places"): with_id(a_class),
    ("POST", "/v1/staff/nursery-classes/{id}/places"): entering,
    ("GET", OF_PLACE): with_id(planned),
    ("PUT", f"{OF_PLACE}/papers"): with_id(planned, PAPERS),
    ("POST", f"{OF_PLACE}/cancel"): with_id(planned, {"reason": "一直没有来"}),
    ("POST", f"{OF_PLACE}/confirm"): with_id(with_papers, {"starts_on": "2026-12-01"}),
    ("POST", f"{OF_PLACE}/end"): with_id(standing, {"on": "2026-11-30", "reason": "搬家"}),
    ("POST", f"{OF_PLACE}/leave"): with_id(standing, {"first_day": "2026-11-24", "last_day": "2026-11-27"}),
    ("POST", f"{OF_PLACE}/return"): with_id(away, {"on": "2026-11-23"}),
    ("POST", f"{OF_PLACE}/transfer"): moving,
}
