"""What an application must be to be written down, and to be handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain import enrolment_documents
from domain.consents import TEXTS
from domain.errors import Conflict, Invalid, NotFound
from domain.nursery_vocabulary import RoundState
from domain.vocabulary import ConsentKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.rows import Row

KIND = ConsentKind.CHILD_ENROLMENT


async def require_consent(conn: Connection, account_id: UUID, person_id: UUID) -> None:
    """Let nobody apply without having agreed to it for this child, in the words in force."""
    if not await sql.enrolments.consents(
        conn, account_id=account_id, person_id=person_id, kind=KIND, version=TEXTS[KIND].version
    ):
        raise Invalid("consent_required", kinds=[KIND])


def require_taking(held: Row) -> None:
    """Let nobody apply in a round that does not take applications, in time or late."""
    match held["state"]:
        case RoundState.DRAFT:
            raise NotFound("enrolment_round_not_found")
        case RoundState.ANNOUNCED:
            raise Conflict("enrolment_not_open", opens_at=held["opens_at"])
        case RoundState.ENDED | RoundState.CANCELLED:
            raise Conflict("enrolment_round_over", round_state=held["state"])


async def require_choices(conn: Connection, held: Row, person_id: UUID, programmes: Sequence[UUID]) -> None:
    """Refuse programmes of other rounds, more than may be ranked, one twice, and those for children of another age."""
    if len(programmes) > held["max_ranks"]:
        raise Invalid("enrolment_choices_too_many", limit=held["max_ranks"])
    if len(set(programmes)) < len(programmes):
        raise Invalid("enrolment_choice_repeated")
    offered = await sql.enrolments.offered(conn, round_id=held["id"], programmes=programmes)
    strange = set(programmes) - {programme["id"] for programme in offered}
    if strange:
        raise Invalid("programme_not_in_round", programmes=sorted(strange))
    months = await sql.enrolments.months(conn, person_id=person_id, round_id=held["id"])
    for programme in offered:
        if months is None or not programme["from_months"] <= months < programme["until_months"]:
            raise Invalid(
                "enrolment_age",
                programme_id=programme["id"],
                provider=programme["provider_name"],
                class_name=programme["class_name"],
                months=months,
                reference_date=held["reference_date"],
                from_months=programme["from_months"],
                until_months=programme["until_months"],
            )


async def require_groups(conn: Connection, round_id: UUID, groups: Sequence[UUID]) -> None:
    """Refuse priorities that the round does not know, and one claimed twice."""
    if len(set(groups)) < len(groups):
        raise Invalid("enrolment_claim_repeated")
    known = {row["id"] for row in await sql.enrolments.groups(conn, round_id=round_id, groups=groups)}
    strange = set(groups) - known
    if strange:
        raise Invalid("group_not_in_round", groups=sorted(strange))


async def require_whole(conn: Connection, enrolment: Row) -> None:
    """Let nobody hand in an application that ranks nothing, or claims a priority without what shows it."""
    if not await sql.enrolments.choices(conn, enrolment_id=enrolment["id"]):
        raise Conflict("enrolment_without_choice")
    await enrolment_documents.require_whole(conn, enrolment)
