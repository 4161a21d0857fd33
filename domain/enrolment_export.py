"""What is kept of nursery enrolment about the persons in an account's care."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain.enrolment_views import OF_STAFF

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection


async def of_family(conn: Connection, account_id: UUID, person_ids: Sequence[UUID]) -> Mapping[str, Sequence[Any]]:
    """Return what is kept for the persons in an account's care, for the rule that exports it."""
    queries = sql.enrolment_export
    return {
        "enrolments": await queries.enrolments(conn, people=person_ids),
        "enrolment_documents": await queries.documents(conn, people=person_ids),
        "enrolment_events": await queries.events(conn, people=person_ids, account_id=account_id, hidden=list(OF_STAFF)),
        "enrolment_offers": await queries.offers(conn, people=person_ids),
        "nursery_places": await queries.places(conn, people=person_ids),
        "nursery_leaves": await queries.leaves(conn, people=person_ids),
    }
