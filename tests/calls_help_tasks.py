"""Good calls of a volunteer about help requests, and of the team about who has them."""

from __future__ import annotations

from datetime import timedelta

from domain.identifiers import new_id
from handlers.request import CLOCK, VAULT
from tests import help_world, make
from tests.giving import nothing
from tests.town import Given, count

FARTHEST_HOURS = 80 * 24


async def asked(town, **more):
    """Let the helper be asked for an elder of the family; return the request."""
    await town.conn.execute("update volunteer set abilities = '{book,accompany,drive}' where id = $1", town.helper_id)
    area_id = await make.area(town.conn, parent_id=town.area_id)
    await town.conn.execute("insert into volunteer_area values ($1, $2)", town.helper_id, area_id)
    await town.conn.execute(
        "insert into help_policy (id, area_id, version, limit_tasks, created_at) values ($1, $2, 1, 1000, $3)",
        new_id(),
        area_id,
        make.EPOCH,
    )
    await town.conn.execute(
        "insert into volunteer_hours select $1, day, 0, 1440 from generate_series(1, 7) as day on conflict do nothing",
        town.helper_id,
    )
    person_id, _, _ = await town.elder()
    request_id = await help_world.help_request(
        town.conn, town.app[VAULT], person_id, team_id=town.team_id, area_id=area_id, **more
    )
    await help_world.offered(town.conn, request_id, town.helper_id)
    return request_id


async def taken(town, **more):
    return await help_world.taken(town.conn, await asked(town, **more), town.helper_id)


async def with_mandate(town):
    """Let the helper have a request under a mandate of the family, with a number to be had."""
    request_id = await taken(town)
    person_id = await town.conn.fetchval("select person_id from help_request where id = $1", request_id)
    await make.mandate(town.conn, person_id, town.helper_id, town.accounts["family"][0])
    return Given({"slot_id": str(await town.slot())}, {"id": request_id})


async def agreeing(town):
    hours_from_now = 24 + next(count) % FARTHEST_HOURS  # nobody is bound twice at one time, nor too far ahead
    starts_at = town.app[CLOCK]() + timedelta(hours=hours_from_now)
    body = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + timedelta(hours=1)).isoformat()}
    return Given(body, {"id": await taken(town, needs=("accompany",))})


async def assigning(town):
    body = {"volunteer_id": str(town.helper_id)}
    return Given(body, {"id": town.team_id, "request_id": await asked(town)})


async def taking_away(town):
    return Given({"reason": "ill"}, {"id": town.team_id, "request_id": await taken(town)})


async def having_lost_the_codes(town):
    """An elder for whom nobody cares, with a request that the helper has."""
    request_id = await taken(town, needs=("accompany",))
    await town.conn.execute(
        """update care set ended_at = since
           where person_id = (select person_id from help_request where id = $1)""",
        request_id,
    )
    return Given(ids={"id": town.team_id, "request_id": request_id})


async def being_asked(town):
    return Given(ids={"id": await asked(town)})


async def having(town):
    return Given(ids={"id": await taken(town)})


async def handing_back(town):
    return Given({"reason": "ill"}, {"id": await taken(town)})


GOOD = {
    ("GET", "/v1/volunteers/me/help-requests"): nothing,
    ("GET", "/v1/volunteers/me/help-requests/{id}"): having,
    ("POST", "/v1/help-requests/{id}/accept"): being_asked,
    ("POST", "/v1/help-requests/{id}/decline"): being_asked,
    ("POST", "/v1/help-requests/{id}/release"): handing_back,
    ("POST", "/v1/help-requests/{id}/book"): with_mandate,
    ("POST", "/v1/help-requests/{id}/agree"): agreeing,
    ("POST", "/v1/teams/{id}/help-requests/{request_id}/assign"): assigning,
    ("POST", "/v1/teams/{id}/help-requests/{request_id}/release"): taking_away,
    ("POST", "/v1/teams/{id}/help-requests/{request_id}/codes"): having_lost_the_codes,
}
