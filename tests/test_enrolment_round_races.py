"""What staff do to a round at the same moment: nothing is announced twice, or promised of a class that just changes."""

from __future__ import annotations

import asyncio

from tests.calls_enrolment_rounds import round_form
from tests.nursery_world import Offered, enrolment_round

ROUNDS = "/v1/staff/enrolment-rounds"


async def meanwhile(second_connection, statement, argument, call):
    """Begin a call while the statement stands uncommitted; commit only then, and return the answer."""
    standing = second_connection.transaction()
    await standing.start()
    await second_connection.execute(statement, argument)
    calling = asyncio.create_task(call)
    await asyncio.sleep(0.3)
    assert not calling.done()
    await standing.commit()
    return await calling


async def test_a_class_that_just_shrinks_is_not_promised_as_it_was(zone, conn, second_connection):
    _, made = await zone.post(ROUNDS, zone.manager, round_form(zone.area_id, zone.star_class))
    status, refused = await meanwhile(
        second_connection,
        "update nursery_class set seats = 5 where id = $1",
        zone.star_class,
        zone.post(f"{ROUNDS}/{made['id']}/announce", zone.manager, {"version": 1}),
    )
    assert (status, refused["code"]) == (409, "enrolment_round_not_feasible")
    assert await conn.fetchval("select count(*) from programme_seat") == 0


async def test_a_class_keeps_what_is_just_being_announced_of_it(zone, conn, second_connection):
    within = await enrolment_round(conn, zone.area_id, [Offered(zone.star_class, 8)], stage="draft")
    path = f"/v1/staff/nursery-classes/{zone.star_class}"
    _, shown = await zone.get(path, zone.head)
    kept = ("name", "kind", "from_months", "until_months", "carers", "override_reason", "state", "version")
    status, refused = await meanwhile(
        second_connection,
        """with held as (select id from nursery_class where id = $1 for no key update)
           update enrolment_round set stage = 'announced' where exists (select from held)""",
        zone.star_class,
        zone.put(path, zone.head, {name: shown[name] for name in kept} | {"seats": 5}),
    )
    assert (status, refused["code"], refused["round_ids"]) == (409, "nursery_class_promised", [str(within.round_id)])


async def test_a_round_is_announced_once(zone, conn, second_connection):
    _, made = await zone.post(ROUNDS, zone.manager, round_form(zone.area_id, zone.star_class))
    status, refused = await meanwhile(
        second_connection,
        "update enrolment_round set stage = 'announced' where id = $1",
        made["id"],
        zone.post(f"{ROUNDS}/{made['id']}/announce", zone.manager, {"version": 1}),
    )
    assert (status, refused["code"]) == (409, "enrolment_round_in_other_state")
    assert await conn.fetchval("select count(*) from programme_seat") == 0
