"""What volunteers have done under mandates today, read under their locks, which whoever uses a mandate takes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain.availability import midnight
from domain.booking_limits import Acted
from domain.vocabulary import local_day

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection


async def acted_today(conn: Connection, accounts: Collection[UUID], now: datetime) -> dict[UUID, Acted]:
    """Return by account what each volunteer, locked before, has done today."""
    if not accounts:
        return {}
    rows = await sql.act_limits.acted(conn, accounts=list(accounts), begins=midnight(local_day(now)))
    return {
        row["account_id"]: Acted(
            row["uses"], set(row["persons"] or ()), row["limit_uses_day"], row["limit_persons_day"]
        )
        for row in rows
    }
