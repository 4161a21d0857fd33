"""Whether the database is as the code expects it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql

if TYPE_CHECKING:
    from asyncpg import Connection


async def pending_migrations(conn: Connection) -> list[str]:
    """Return the names of migrations that the database does not have yet."""
    applied = {row["name"] for row in await sql.migrations.applied(conn)}
    return [file.stem for file in sorted(sql.MIGRATIONS.glob("*.sql")) if file.stem not in applied]
