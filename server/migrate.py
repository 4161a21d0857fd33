"""Brings the schema up to date: every file of `sql/migrations` once, in order, one process at a time."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import structlog

import sql

if TYPE_CHECKING:
    from asyncpg import Connection

log = structlog.get_logger()

ADVISORY_LOCK = 0x78_69_61_6F_74_75_6F
"""The letters of `xiaotuo`."""


class MigrationError(Exception):
    """The database was migrated by other files than these."""


async def migrate(conn: Connection) -> list[str]:
    """Apply what is missing, each file in a transaction of its own, and return the names applied.

    Raises MigrationError when a file that was applied has been edited since, or is not here.
    """
    await sql.migrations.lock(conn, key=ADVISORY_LOCK)
    try:
        return await _apply_missing(conn)
    finally:
        await sql.migrations.unlock(conn, key=ADVISORY_LOCK)


async def _apply_missing(conn: Connection) -> list[str]:
    await sql.migrations.create_ledger(conn)
    applied = {row["name"]: row["sha256"] for row in await sql.migrations.applied(conn)}
    files = sorted(sql.MIGRATIONS.glob("*.sql"))
    unknown = applied.keys() - {file.stem for file in files}
    if unknown:
        raise MigrationError(f"The database knows migrations that are not here: {', '.join(sorted(unknown))}.")
    names = []
    for file in files:
        text = file.read_text(encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        if file.stem in applied:
            if applied[file.stem] != digest:
                raise MigrationError(f"Migration {file.stem} was edited after it had been applied.")
            continue
        async with conn.transaction():
            await sql.migrations.set_timeouts(conn)
            await conn.execute(text)
            await sql.migrations.record(conn, name=file.stem, sha256=digest)
        log.info("migrated", migration=file.stem)
        names.append(file.stem)
    return names
