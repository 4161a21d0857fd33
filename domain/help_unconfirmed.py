"""Help whose end nobody confirmed: the leader is alarmed, and after a week it is closed without hours."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sql
from domain import audit, help_release, help_states
from domain.help_alarms import Alarm, raise_all
from domain.help_states import Step
from domain.help_vocabulary import AlarmKind, Because, ConfirmedWay, HelpState
from domain.notices import Notice, tell_all
from domain.vocabulary import NoticeKind, local_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

AT_ONCE = 100
CLOSED_AFTER = timedelta(days=7)


async def alarm(conn: Connection, ctx: Context) -> int:
    """Alarm the leaders of the policy's hours after the end of a help that was not completed."""
    late: Sequence[Row] = await sql.help_unconfirmed.late(conn, now=ctx.now, most=AT_ONCE)
    if not late:
        return 0
    alarms = [
        Alarm(
            AlarmKind.UNCONFIRMED,
            row["team_id"],
            local_day(row["ends_at"]),
            request_id=row["id"],
            volunteer_id=row["volunteer_id"],
            facts={"state": row["state"], "ends_at": row["ends_at"]},
        )
        for row in late
    ]
    return await raise_all(conn, ctx.now, alarms)


async def close(conn: Connection, ctx: Context) -> int:
    """Close what nobody has confirmed for a week: begun help without minutes, the other as if it had not been.

    The leader can still let minutes count for what was begun.
    """
    before = ctx.now - CLOSED_AFTER
    locked: Sequence[Row] = await sql.help_unconfirmed.lock_forgotten(conn, before=before, most=AT_ONCE)
    if not locked:
        return 0
    begun = [row for row in locked if row["state"] == HelpState.UNDER_WAY]
    for row in begun:
        step = Step(
            row["id"],
            (HelpState.UNDER_WAY,),
            HelpState.COMPLETED,
            Because.NEVER_CONFIRMED,
            volunteer_id=row["volunteer_id"],
        )
        await help_states.take(conn, step, ctx.now)
        await sql.help_unconfirmed.finish(conn, request_id=row["id"], way=ConfirmedWay.TIME)
        await sql.help_progress.close_task(conn, request_id=row["id"], ended_at=row["ends_at"])
    never = [row for row in locked if row["state"] == HelpState.BOOKED]
    await help_release.end(
        conn, never, HelpState.EXPIRED, Because.NEVER_CONFIRMED, None, ctx.now, before=(HelpState.BOOKED,)
    )
    told = [Notice(row["person_id"], NoticeKind.HELP_EXPIRED, row["id"], {"way": "never_confirmed"}) for row in never]
    told += await help_release.told_to_volunteers(
        conn, [(row["id"], row["volunteer_id"]) for row in begun], "never_completed"
    )
    await tell_all(conn, ctx.now, told)
    await audit.record_all(
        conn, ctx.vault, ctx.now, [audit.entry(ctx, "help_requests.never_confirmed", row["id"]) for row in locked]
    )
    return len(locked)
