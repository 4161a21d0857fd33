"""Good calls about persons whom a team has registered, and about whom to call for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.request import VAULT
from tests import make
from tests.town import Given, id_number, person_form

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from tests.town import Town

CONTACT = {"name": "测试女儿", "phone": "13812349999"}


async def visit(town: Town) -> Given:
    """Let a leader register somebody new."""
    given = person_form(emergency_contact=CONTACT)
    del given.body["relation"]
    return Given(given.body, {"id": town.team_id})


async def contact_of(town: Town, person_id: UUID) -> UUID:
    sealed = (
        town.app[VAULT].seal("emergency_contact", column, person_id, CONTACT[column.partition("_")[0]].encode())
        for column in ("name_sealed", "phone_sealed")
    )
    await town.conn.execute(
        """insert into emergency_contact (person_id, name_sealed, phone_sealed, set_by, set_at)
           values ($1, $2, $3, $4, now())""",
        person_id,
        *sealed,
        town.accounts["family"][0],
    )
    return person_id


def of_elder(body: dict[str, str] | None = None) -> Callable[[Town], Awaitable[Given]]:
    """Make a call about whom to call for an elder of the family."""

    async def given(town: Town) -> Given:
        person_id, _, _ = await town.elder()
        return Given(body, {"id": await contact_of(town, person_id)})

    return given


def of_visited(body: dict[str, str] | None = None) -> Callable[[Town], Awaitable[Given]]:
    """Make a call about whom to call for somebody whom the team has registered."""

    async def given(town: Town) -> Given:
        person_id = await make.person(town.conn, town.app[VAULT], name="老人", number=id_number())
        await town.conn.execute("update person set team_id = $1 where id = $2", town.team_id, person_id)
        return Given(body, {"id": town.team_id, "person_id": await contact_of(town, person_id)})

    return given


async def of_team(town: Town) -> Given:
    return Given(ids={"id": town.team_id})


PEOPLE: dict[tuple[str, str], Callable[[Town], Awaitable[Given]]] = {
    ("GET", "/v1/teams/{id}/people"): of_team,
    ("POST", "/v1/teams/{id}/people"): visit,
    ("GET", "/v1/people/{id}/emergency-contact"): of_elder(),
    ("PUT", "/v1/people/{id}/emergency-contact"): of_elder(CONTACT),
    ("DELETE", "/v1/people/{id}/emergency-contact"): of_elder(),
    ("GET", "/v1/staff/people/{id}/emergency-contact"): of_elder(),
    ("PUT", "/v1/staff/people/{id}/emergency-contact"): of_elder(CONTACT),
    ("DELETE", "/v1/staff/people/{id}/emergency-contact"): of_elder(),
    ("GET", "/v1/teams/{id}/people/{person_id}/emergency-contact"): of_visited(),
    ("PUT", "/v1/teams/{id}/people/{person_id}/emergency-contact"): of_visited(CONTACT),
}
