"""Good calls of asking for help and looking at what was asked."""

from __future__ import annotations

from handlers.request import VAULT
from tests import help_world
from tests.giving import nothing, with_id
from tests.town import Given


def wish(town, **more):
    """Return what can be asked for in the town."""
    return {
        "area_id": str(town.area_id),
        "matter": "medical",
        "needs_booking": True,
        "need": "复诊拿药",
        "wished_days": ["2026-11-26"],
        **more,
    }


async def asking(town):
    person_id, _, _ = await town.elder()
    return Given(wish(town, person_id=str(person_id)))


async def asking_at_desk(town):
    _, number, _ = await town.elder()
    return Given(wish(town, id_number=number, name="巴特尔"))


async def asking_on_a_visit(town):
    given = await asking_at_desk(town)
    return Given(given.body, {"id": town.team_id})


async def asked(town):
    """Let the family have asked for an elder of its own."""
    person_id, _, _ = await town.elder()
    return await help_world.help_request(
        town.conn,
        town.app[VAULT],
        person_id,
        team_id=town.team_id,
        area_id=town.area_id,
        asked_by=town.accounts["family"][0],
    )


async def of_team(town):
    return Given(ids={"id": town.team_id, "request_id": await asked(town)})


async def teams(town):
    await asked(town)
    return Given(ids={"id": town.team_id})


async def own_person(town):
    return town.person_id


GOOD = {
    ("GET", "/v1/help-requests"): nothing,
    ("POST", "/v1/help-requests"): asking,
    ("GET", "/v1/help-requests/{id}"): with_id(asked),
    ("POST", "/v1/help-requests/{id}/cancel"): with_id(asked),
    ("GET", "/v1/people/{id}/help"): with_id(own_person),
    ("GET", "/v1/staff/help-requests"): nothing,
    ("POST", "/v1/staff/help-requests"): asking_at_desk,
    ("GET", "/v1/staff/help-requests/{id}"): with_id(asked),
    ("POST", "/v1/staff/help-requests/{id}/cancel"): with_id(asked),
    ("GET", "/v1/teams/{id}/help-requests"): teams,
    ("POST", "/v1/teams/{id}/help-requests"): asking_on_a_visit,
    ("GET", "/v1/teams/{id}/help-requests/{request_id}"): of_team,
    ("POST", "/v1/teams/{id}/help-requests/{request_id}/cancel"): of_team,
}
