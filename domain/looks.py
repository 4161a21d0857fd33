"""What volunteers see of persons whom others care for is recorded, one audit row for each thing seen.

Whoever reads so needs a transaction; families, who see their own, need none and leave no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain import audit
from domain.permissions import require_signed_in
from domain.vocabulary import Role

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context


async def record(conn: Connection, ctx: Context, action: str, seen: Collection[tuple[UUID, UUID]]) -> None:
    """Record what the caller has seen, each given as the thing and its person, unless by care for the person."""
    caller = require_signed_in(ctx)
    if Role.VOLUNTEER not in caller.roles or not seen:
        return
    people = list({person_id for _, person_id in seen})
    rows = await sql.permissions.cared_for(conn, account_id=caller.account_id, people=people)
    cared = {row["person_id"] for row in rows}
    looks = [
        audit.entry(ctx, action, subject_id, person_id=str(person_id))
        for subject_id, person_id in seen
        if person_id not in cared
    ]
    await audit.record_all(conn, ctx.vault, ctx.now, looks)
