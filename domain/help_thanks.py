"""What the family says of a help that is over: stars and a word of thanks, which the volunteer sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit, notices
from domain.errors import Conflict
from domain.help_vocabulary import HelpState
from domain.permissions import require_care_of_request, require_not_oneself, require_signed_in
from domain.vocabulary import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def rate(conn: Connection, ctx: Context, request_id: UUID, given: Mapping[str, Any]) -> Row:
    """Rate a completed help once; a repeat of the same words is told the same again."""
    await require_care_of_request(conn, ctx, request_id)
    helped_by = await sql.help_thanks.volunteer(conn, request_id=request_id)
    if helped_by is not None:
        await require_not_oneself(conn, ctx, helped_by)
    added: Row | None = await sql.help_thanks.add(
        conn, request_id=request_id, account_id=require_signed_in(ctx).account_id, now=ctx.now, **given
    )
    if added is None:
        return await _rated_before(conn, request_id, given)
    person_id = await sql.help_hours.own_person(conn, volunteer_id=added["volunteer_id"])
    if person_id is not None:
        await notices.tell(conn, ctx, person_id, NoticeKind.HELP_THANKED, request_id)
    await audit.record(
        conn, ctx, "help_requests.rated", request_id, volunteer_id=added["volunteer_id"], stars=given["stars"]
    )
    return added


async def _rated_before(conn: Connection, request_id: UUID, given: Mapping[str, Any]) -> Row:
    known: Row = await sql.help_thanks.known(conn, request_id=request_id)
    if known["stars"] is None:
        raise Conflict("help_not_completed", help_state=known["state"], needed=HelpState.COMPLETED)
    if (known["stars"], known["thanks"]) != (given["stars"], given["thanks"]):
        raise Conflict("help_rated_already")
    return known
