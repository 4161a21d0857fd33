"""How a help request ends without help: cancelled by the family or for it, or not taken before its time was over.

A booking that stands is left alone: the person keeps the number. What is under way is not cancelled but completed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain import audit, help_release, help_states, notices
from domain.errors import Conflict
from domain.help_lists import require_of_team
from domain.help_vocabulary import SOUGHT, Because, HelpState
from domain.notices import Notice
from domain.permissions import (
    require_care_of_request,
    require_signed_in,
    require_staff_of_request,
    require_team,
)
from domain.vocabulary import CLERKS, NoticeKind

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context

EXPIRED_AT_ONCE = 100
"""So many in one transaction: it holds their rows and offers."""
EXPIRING = (*SOUGHT, HelpState.ACCEPTED)
"""What time ends. Of those that somebody has, only such for which no time was ever found."""


async def cancel(conn: Connection, ctx: Context, request_id: UUID) -> None:
    """Cancel a request of a person in the caller's care. Repeated, it changes nothing."""
    await require_care_of_request(conn, ctx, request_id)
    await _cancel(conn, ctx, request_id, Because.CANCELLED_BY_FAMILY)


async def cancel_as_staff(conn: Connection, ctx: Context, request_id: UUID) -> None:
    await require_staff_of_request(conn, ctx, request_id, *CLERKS)
    await _cancel(conn, ctx, request_id, Because.CANCELLED_BY_DESK)


async def cancel_as_team(conn: Connection, ctx: Context, team_id: UUID, request_id: UUID) -> None:
    """Cancel what the team answers for, as the family asked it to."""
    await require_team(conn, ctx, team_id, *CLERKS)
    await require_of_team(conn, team_id, request_id)
    await _cancel(conn, ctx, request_id, Because.CANCELLED_BY_DESK)


async def _cancel(conn: Connection, ctx: Context, request_id: UUID, because: Because) -> None:
    (request,) = await help_states.lock(conn, [request_id])
    if request["state"] == HelpState.CANCELLED:
        return
    actor_id = require_signed_in(ctx).account_id
    if not await help_release.end(conn, [request], HelpState.CANCELLED, because, actor_id, ctx.now):
        raise Conflict("help_in_other_state", state=request["state"])
    await notices.tell(conn, ctx, request["person_id"], NoticeKind.HELP_CANCELLED, request_id)
    await audit.record(conn, ctx, "help_requests.cancelled", request_id, because=because)


async def expire(conn: Connection, ctx: Context) -> int:
    """End some requests that nobody took before their time; return how many. Repeat it until it is done.

    One that somebody else is just changing is passed over and looked at the next time.
    """
    due = await sql.help_ends.lock_due(conn, now=ctx.now, most=EXPIRED_AT_ONCE)
    ended = await help_release.end(conn, due, HelpState.EXPIRED, Because.TIME_OVER, None, ctx.now, before=EXPIRING)
    told = [Notice(row["person_id"], NoticeKind.HELP_EXPIRED, row["id"]) for row in ended]
    await notices.tell_all(conn, ctx.now, told)
    await audit.record_all(
        conn, ctx.vault, ctx.now, [audit.entry(ctx, "help_requests.expired", row["id"]) for row in ended]
    )
    return len(ended)
