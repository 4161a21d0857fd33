"""Writes `sql/schema.sql`: what all migrations together make, to be read in one place. `make schema` runs it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
from pathlib import Path

import asyncpg

import sql
from server import embedded, migrate
from server.embedded_home import wheel_binaries

HEADER = "-- Made by `make schema` from the migrations; a test compares it. Nothing reads it but people.\n"
NOISE = re.compile(r"^(--|SET |SELECT pg_catalog\.set_config|\\(un)?restrict )")


def dump(dsn: str) -> str:
    """Return the schema of a migrated database as statements, without what only pg_dump needs."""
    answer = subprocess.run(  # noqa: S603  # a binary of our own dependency
        [wheel_binaries() / "pg_dump", "--schema-only", "--no-owner", "--no-privileges", dsn],
        capture_output=True,
        text=True,
        check=True,
    )
    kept = "\n".join(line for line in answer.stdout.splitlines() if not NOISE.match(line))
    return HEADER + re.sub(r"\n{3,}", "\n\n", f"\n{kept.strip()}") + "\n"


async def _migrate(dsn: str) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        await migrate.migrate(conn)
    finally:
        await conn.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        postgres = embedded.start(folder, durable=False)
        try:
            asyncio.run(_migrate(postgres.dsn))
            sql.SCHEMA.write_text(dump(postgres.dsn), encoding="utf-8")
        finally:
            postgres.stop()
            embedded.remove(folder)


if __name__ == "__main__":
    main()
