"""Migrations: each once, in order, one process at a time, and never edited."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

import sql
from server import migrate
from server.migrate import ADVISORY_LOCK, MigrationError

FIRST = "create table first (id int);"
SECOND = "create table second (id int);"


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Two migrations beside the real ones, whose names the database knows."""
    for file in sql.MIGRATIONS.glob("*.sql"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "9001_first.sql").write_text(FIRST, encoding="utf-8")
    (tmp_path / "9002_second.sql").write_text(SECOND, encoding="utf-8")
    monkeypatch.setattr(sql, "MIGRATIONS", tmp_path)
    return tmp_path


async def tables(conn):
    found = await conn.fetch("select tablename from pg_tables where tablename in ('first', 'second', 'third')")
    return {row["tablename"] for row in found}


async def test_what_is_missing_is_applied_once(conn, files):
    assert await migrate.migrate(conn) == ["9001_first", "9002_second"]
    assert await tables(conn) == {"first", "second"}
    assert await migrate.migrate(conn) == []


async def test_two_processes_apply_each_file_once(conn, database, files):
    others = [await asyncpg.connect(database) for _ in range(4)]
    try:
        applied = await asyncio.gather(*(migrate.migrate(other) for other in others))
    finally:
        for other in others:
            await other.close()
    assert sorted(name for names in applied for name in names) == ["9001_first", "9002_second"]


async def test_whoever_comes_second_waits(conn, database, files):
    await conn.execute("select pg_advisory_lock($1)", ADVISORY_LOCK)
    other = await asyncpg.connect(database)
    waiting = asyncio.create_task(migrate.migrate(other))
    done, _ = await asyncio.wait([waiting], timeout=0.3)
    assert not done
    await conn.execute("select pg_advisory_unlock($1)", ADVISORY_LOCK)
    assert await waiting == ["9001_first", "9002_second"]
    await other.close()


async def test_a_file_that_fails_leaves_nothing_and_frees_the_lock(conn, files):
    (files / "9002_second.sql").write_text("create table third (id int); select 1 / 0;", encoding="utf-8")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate.migrate(conn)
    assert await tables(conn) == {"first"}
    held = "from pg_locks join pg_database on pg_database.oid = database where locktype = 'advisory'"
    assert await conn.fetchval(f"select count(*) {held} and datname = current_database()") == 0
    (files / "9002_second.sql").write_text(SECOND, encoding="utf-8")
    assert await migrate.migrate(conn) == ["9002_second"]


async def test_an_edited_file_is_refused(conn, files):
    await migrate.migrate(conn)
    (files / "9001_first.sql").write_text(f"{FIRST} -- better", encoding="utf-8")
    with pytest.raises(MigrationError, match="9001_first"):
        await migrate.migrate(conn)


async def test_a_database_of_a_newer_service_is_refused(conn, files):
    await migrate.migrate(conn)
    (files / "9002_second.sql").unlink()
    with pytest.raises(MigrationError, match="9002_second"):
        await migrate.migrate(conn)


async def test_the_service_is_not_ready_before_it_is_migrated(client, files):
    response = await client.get("/readyz")
    problem = await response.json()
    assert (response.status, problem["code"]) == (503, "not_migrated")
    assert response.headers["Retry-After"]
    assert (await client.get("/healthz")).status == 200


async def test_the_service_is_ready_once_it_is(client):
    response = await client.get("/readyz")
    assert (response.status, await response.json()) == (200, {"status": "ready"})
