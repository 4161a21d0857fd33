"""Tells families, once and in good time, which papers are missing before their child's first day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sql
from domain.notices import Notice, tell_all
from domain.nursery_admission import missing
from domain.nursery_vocabulary import PAPERS_DUE_DAYS
from domain.vocabulary import NoticeKind, local_day

if TYPE_CHECKING:
    from asyncpg import Connection

    from domain.context import Context

TOLD_AT_ONCE = 100


async def tell(conn: Connection, ctx: Context) -> int:
    """Tell some families; return how many. Repeat it until it is done."""
    today = local_day(ctx.now)
    due = await sql.nursery_papers_due.take(
        conn, today=today, until=today + timedelta(days=PAPERS_DUE_DAYS), now=ctx.now, most=TOLD_AT_ONCE
    )
    await tell_all(
        conn,
        ctx.now,
        [Notice(row["person_id"], NoticeKind.NURSERY_PAPERS_DUE, row["id"], {"papers": missing(row)}) for row in due],
    )
    return len(due)
