"""The audit, written and walked. What may be read of it over HTTP: test_audit_reading."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from domain import audit
from domain.audit import Broken, Entry, Head
from server.database import prepare_connection

NOW = datetime(2026, 11, 23, 6, 30, 1, 123456, tzinfo=UTC)


@pytest.fixture
def one_chain(monkeypatch):
    monkeypatch.setattr(audit, "CHAINS", 1)


async def write(conn, vault, count=1, now=NOW, **facts):
    async with conn.transaction():
        entries = [Entry("test.done", uuid4(), {"n": n, **facts}, uuid4(), "r1") for n in range(count)]
        await audit.record_all(conn, vault, now, entries)


async def walk(conn, vault, kept=None):
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        return [found async for found in audit.verify(conn, vault, kept or {})]


async def broken(conn, vault, kept=None):
    return [found for found in await walk(conn, vault, kept) if isinstance(found, Broken)]


async def tamper(conn, statement, *values):
    """Do what only a superuser can: write past the trigger."""
    async with conn.transaction():
        await conn.execute("set local session_replication_role = replica")
        status = await conn.execute(statement, *values)
    assert not status.endswith(" 0"), status


@pytest.fixture
async def chain(conn, vault, one_chain):
    await write(conn, vault, 3)
    await write(conn, vault, 2)
    assert await walk(conn, vault) == [Head(0, 5, await conn.fetchval("select mac from audit where seq = 5"))]


async def test_rows_hold_what_was_recorded(conn, vault, one_chain):
    actor, subject = uuid4(), uuid4()
    facts: Any = {"名": "值", "ids": [subject], "deep": {"b": 1, "a": None}, "at": NOW, "yes": True}
    async with conn.transaction():
        await audit.record_all(conn, vault, NOW, [Entry("test.done", subject, facts, actor, "r1")])
    row = await conn.fetchrow("select * from audit")
    assert (row["actor_id"], row["subject_id"], row["action"], row["at"]) == (actor, subject, "test.done", NOW)
    assert row["facts"]["ids"] == [str(subject)]
    assert await broken(conn, vault) == []


FACTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: "\\u0000" not in repr(value) and "\\x00" not in repr(value))


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(facts=FACTS, now=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
async def test_whatever_is_recorded_is_found_unchanged(conn, vault, facts, now):
    await write(conn, vault, now=now, facts=facts)
    assert await broken(conn, vault) == []


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "actor_id = gen_random_uuid()",
        "actor_id = null",
        "action = 'test.undone'",
        "subject_id = gen_random_uuid()",
        "facts = facts || '{\"n\": 7}'",
        "request_id = 'r2'",
        "mac = sha256('x')",
    ],
)
async def test_a_changed_row_is_found(conn, vault, chain, change):
    await tamper(conn, f"update audit set {change} where seq = 2")
    assert await broken(conn, vault) == [Broken(0, 2, "a row was changed")]


async def test_a_removed_row_is_found(conn, vault, chain):
    await tamper(conn, "delete from audit where seq = 2")
    assert await broken(conn, vault) == [Broken(0, 2, "a row is missing")]


async def test_a_removed_row_is_found_where_the_others_close_up(conn, vault, chain):
    await tamper(conn, "delete from audit where seq = 2")
    await tamper(conn, "update audit set seq = seq - 1 where seq > 2")
    await tamper(conn, "update audit_chain set seq = 4 where chain = 0")
    assert await broken(conn, vault) == [Broken(0, 2, "a row was changed")]


async def test_swapped_rows_are_found(conn, vault, chain):
    await tamper(conn, "update audit set seq = -seq where seq in (2, 3)")
    await tamper(conn, "update audit set seq = case seq when -2 then 3 else 2 end where seq < 0")
    assert await broken(conn, vault) == [Broken(0, 2, "a row was changed")]


async def test_an_added_row_is_found(conn, vault, chain):
    await tamper(
        conn,
        """insert into audit select chain, 6, at, actor_id, action, subject_id, facts, request_id, mac
           from audit where seq = 5""",
    )
    await tamper(conn, "update audit_chain set seq = 6 where chain = 0")
    assert await broken(conn, vault) == [Broken(0, 6, "a row was changed")]


async def test_a_row_moved_to_another_chain_is_found(conn, vault, chain, monkeypatch):
    monkeypatch.setattr(audit, "CHAINS", 16)
    await tamper(
        conn,
        "insert into audit select 1, seq, at, actor_id, action, subject_id, facts, request_id, mac "
        "from audit where seq = 1",
    )
    await tamper(
        conn, "update audit_chain set (seq, mac) = (select seq, mac from audit where chain = 1) where chain = 1"
    )
    assert await broken(conn, vault) == [Broken(1, 1, "a row was changed")]


async def test_rows_cut_off_at_the_end_are_found(conn, vault, chain):
    await tamper(conn, "delete from audit where seq > 3")
    assert await broken(conn, vault) == [Broken(0, 4, "rows at the end are missing")]


async def test_rows_cut_off_together_with_the_head_are_found_by_an_earlier_walk(conn, vault, chain):
    (kept,) = await walk(conn, vault)
    await tamper(conn, "delete from audit where seq > 3")
    await tamper(conn, "update audit_chain set (seq, mac) = (select seq, mac from audit where seq = 3) where chain = 0")
    assert await broken(conn, vault) == []
    assert await broken(conn, vault, {0: kept}) == [Broken(0, 4, "rows that stood at an earlier walk are missing")]
    await write(conn, vault, 4)
    replaced = Broken(0, 5, "rows that stood at an earlier walk were replaced")
    assert await broken(conn, vault, {0: kept}) == [replaced]


async def test_rows_of_two_histories_do_not_fit_together(conn, vault, chain):
    old = await conn.fetchrow("select facts, subject_id, actor_id, mac from audit where seq = 5")
    await tamper(conn, "delete from audit where seq > 3")
    await tamper(conn, "update audit_chain set (seq, mac) = (select seq, mac from audit where seq = 3) where chain = 0")
    await write(conn, vault, 2)
    await tamper(
        conn, "update audit set facts = $1, subject_id = $2, actor_id = $3, mac = $4 where seq = 5", *old.values()
    )
    await tamper(conn, "update audit_chain set mac = $1 where chain = 0", old["mac"])
    assert await broken(conn, vault) == [Broken(0, 5, "a row was changed")]


async def test_a_missing_head_is_found(conn, vault, chain):
    await tamper(conn, "delete from audit_chain where chain = 0")
    assert await broken(conn, vault) == [Broken(0, 0, "the head of the chain is missing")]


async def test_another_key_verifies_nothing(conn, vault, chain, settings):
    vault._audit_key = b"another key" * 3
    assert await broken(conn, vault) == [Broken(0, 1, "a row was changed")]


@pytest.mark.parametrize("statement", ["update audit set action = 'x'", "delete from audit", "truncate audit"])
async def test_the_table_takes_nothing_back(conn, vault, chain, statement):
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await conn.execute(statement)
    assert await conn.fetchval("select count(*) from audit") == 5


async def test_what_is_undone_leaves_no_row_and_no_gap(conn, vault, one_chain):
    transaction = conn.transaction()
    await transaction.start()
    await audit.record_all(conn, vault, NOW, [Entry("test.done", None)])
    await transaction.rollback()
    await write(conn, vault)
    assert [found.seq for found in await walk(conn, vault)] == [1]


async def test_two_transactions_of_one_chain_wait_for_each_other(conn, vault, database, one_chain):
    other = await asyncpg.connect(database)
    try:
        await prepare_connection(other)
        async with conn.transaction():
            await audit.record_all(conn, vault, NOW, [Entry("test.first", None)])
            second = asyncio.create_task(write(other, vault, 2))
            await asyncio.sleep(0.1)
            assert not second.done()
        await second
        assert [row["action"] for row in await conn.fetch("select action from audit order by seq")] == [
            "test.first",
            "test.done",
            "test.done",
        ]
        assert await broken(conn, vault) == []
    finally:
        await other.close()


async def test_many_writers_leave_whole_chains(vault, database):
    async with asyncpg.create_pool(database, min_size=8, max_size=8, init=prepare_connection) as pool:

        async def writer():
            for _ in range(5):
                async with pool.acquire() as lent:
                    conn = cast("asyncpg.Connection", lent)
                    await write(conn, vault, 3)
                    async with conn.transaction():  # twice in one transaction keeps to one chain
                        await audit.record_all(conn, vault, NOW, [Entry("test.one", None)])
                        await audit.record_all(conn, vault, NOW, [Entry("test.two", None)])

        await asyncio.gather(*(writer() for _ in range(16)))
        async with pool.acquire() as conn:
            assert await broken(conn, vault) == []
            assert await conn.fetchval("select count(*) from audit") == 16 * 5 * 5
