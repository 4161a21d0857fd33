"""Applications as the family sees them: one, or those of the children in its care."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain.nursery_vocabulary import EnrolmentBecause
from domain.permissions import require_care_of_enrolment, require_signed_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

OF_STAFF = (
    EnrolmentBecause.REFUSAL_PROPOSED,
    EnrolmentBecause.DENIAL_PROPOSED,
    EnrolmentBecause.PROPOSAL_REJECTED,
    EnrolmentBecause.REVIEW_LEFT,
)
"""What staff only consider: it means nothing to the family until it holds."""


async def list_own(
    conn: Connection,
    ctx: Context,
    *,
    person: UUID | None,
    round: UUID | None,  # noqa: A002  # the name of the query's parameter
    state: str | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Row]:
    """Return applications of the children in the caller's care, newest first; one more than the limit, if there is."""
    caller = require_signed_in(ctx)
    found = await sql.enrolments.of_account(
        conn,
        account_id=caller.account_id,
        person_id=person,
        round_id=round,
        state=state,
        before=after,
        most=limit + 1,
    )
    rows: list[Row] = await sql.enrolments.shown(conn, ids=[row["id"] for row in found], now=ctx.now)
    return rows


async def get(conn: Connection, ctx: Context, enrolment_id: UUID) -> Mapping[str, Any]:
    """Return one application with its documents and its history."""
    account_id = (await require_care_of_enrolment(conn, ctx, enrolment_id)).account_id
    (shown,) = await sql.enrolments.shown(conn, ids=[enrolment_id], now=ctx.now)
    return {
        **shown,
        "documents": await sql.enrolments.documents(conn, enrolment_id=enrolment_id),
        "events": await sql.enrolments.events(
            conn, enrolment_id=enrolment_id, account_id=account_id, hidden=list(OF_STAFF)
        ),
    }
