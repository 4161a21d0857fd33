"""The two codes of a help request: the family reads out one at the start and the other at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain.codes import new_code

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg import Connection


async def give(conn: Connection, request_id: UUID) -> None:
    """Draw new codes for a request that somebody has just taken; the caller holds the request."""
    start_code = end_code = new_code()
    while end_code == start_code:  # the code of the start must not end it
        end_code = new_code()
    await sql.help_codes.give(conn, id=request_id, start_code=start_code, end_code=end_code)
