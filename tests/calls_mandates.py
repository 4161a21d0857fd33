"""Good calls about mandates on paper, and about all mandates of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.identifiers import new_id
from handlers.request import CLOCK
from tests import make
from tests.town import UNTIL, Given

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from tests.town import Town


async def paper_mandate(town: Town) -> tuple[UUID, str]:
    """Let a clerk who has left since enter a paper; return the mandate and the file."""
    person_id, _, _ = await town.elder()
    mandate_id, file_id = new_id(), await town.file()
    await town.conn.execute(
        """insert into mandate (id, person_id, volunteer_id, matters, consent_way, status, expires_at, requested_by,
                                created_at, file_id)
           values ($1, $2, $3, '{medical}', 'desk', 'pending', $4::text::timestamptz, $5, $6, $7::text::uuid)""",
        mandate_id,
        person_id,
        town.helper_id,
        UNTIL,
        await make.account(town.conn, "staff"),
        town.app[CLOCK](),
        file_id,
    )
    return mandate_id, file_id


async def looked_at_by_staff(town: Town) -> Given:
    """Let everybody who may confirm have looked at the paper."""
    mandate_id, file_id = await paper_mandate(town)
    await town.send("GET", "/v1/files/{id}", Given(ids={"id": file_id}), "area_clerk")
    return Given(ids={"id": mandate_id})


async def in_team(town: Town) -> Given:
    mandate_id, _ = await paper_mandate(town)
    return Given(ids={"id": town.team_id, "mandate_id": mandate_id})


async def looked_at_in_team(town: Town) -> Given:
    given = await in_team(town)
    for who in ("leader", "area_clerk"):
        await town.send("GET", "/v1/teams/{id}/mandates/{mandate_id}/paper", given, who)
    return given


def of_person(body: dict[str, str] | None = None) -> Callable[[Town], Awaitable[Given]]:
    async def given(town: Town) -> Given:
        mandate_id = await town.mandate()
        person_id = await town.conn.fetchval("select person_id from mandate where id = $1", mandate_id)
        return Given(body, {"id": person_id})

    return given


async def of_team(town: Town) -> Given:
    return Given(ids={"id": town.team_id})


async def of_staff(_town: Town) -> Given:
    return Given()


MANDATES = {
    ("POST", "/v1/staff/mandates/{id}/confirm"): looked_at_by_staff,
    ("GET", "/v1/staff/mandate-papers"): of_staff,
    ("GET", "/v1/teams/{id}/mandate-papers"): of_team,
    ("GET", "/v1/teams/{id}/mandates/{mandate_id}/paper"): in_team,
    ("POST", "/v1/teams/{id}/mandates/{mandate_id}/confirm"): looked_at_in_team,
    ("GET", "/v1/people/{id}/mandates"): of_person(),
    ("POST", "/v1/people/{id}/mandates/revoke"): of_person({"reason": "不用了"}),
}
