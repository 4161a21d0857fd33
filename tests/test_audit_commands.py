from __future__ import annotations

import json
from types import SimpleNamespace

import asyncpg
import pytest

from domain import audit
from domain.audit import Entry
from server import audit_commands
from server.config import SettingError
from server.database import prepare_connection
from tests.test_audit import NOW, tamper


@pytest.fixture
def told():
    lines: list[str] = []
    return SimpleNamespace(say=lines.append, lines=lines)


@pytest.fixture
def heads_file(tmp_path):
    return tmp_path / audit_commands.HEADS_FILE


async def write(conn, vault, count):
    async with conn.transaction():
        await audit.record_all(conn, vault, NOW, [Entry("test.done", None, {"n": n}) for n in range(count)])


async def test_whole_chains_are_told_and_their_heads_kept(conn, vault, told, heads_file):
    await write(conn, vault, 3)
    assert await audit_commands.verify(conn, vault, heads_file, told.say) == 0
    assert told.lines[0] == "3 rows in 16 chains fit together; there was no earlier walk."
    heads = json.loads(heads_file.read_text())
    assert len(heads) == 16
    assert sum(seq for _, seq, _ in heads) == 3
    await write(conn, vault, 2)
    assert await audit_commands.verify(conn, vault, heads_file, told.say) == 0
    assert told.lines[2] == "5 rows in 16 chains fit together; nothing of the 3 rows of the last walk is missing."


async def test_a_broken_chain_is_told_and_the_kept_heads_stay(conn, vault, told, heads_file):
    await write(conn, vault, 3)
    await audit_commands.verify(conn, vault, heads_file, told.say)
    before = heads_file.read_bytes()
    chain = conn.get_server_pid() % audit.CHAINS
    await tamper(conn, "update audit set action = 'test.undone' where seq = 2")
    told.lines.clear()
    assert await audit_commands.verify(conn, vault, heads_file, told.say) == 1
    assert told.lines == [
        f"Chain {chain} is broken at row 2: a row was changed.",
        f"1 of 16 chains are broken. Keep the database and {heads_file} as they are.",
    ]
    assert heads_file.read_bytes() == before


async def test_an_audit_that_was_emptied_is_told(conn, vault, told, heads_file):
    await write(conn, vault, 3)
    await audit_commands.verify(conn, vault, heads_file, told.say)
    await tamper(conn, "delete from audit")
    await tamper(conn, r"update audit_chain set seq = 0, mac = '\x'")
    assert await audit_commands.verify(conn, vault, heads_file, told.say) == 1
    assert "rows that stood at an earlier walk are missing" in told.lines[-2]


@pytest.mark.parametrize("content", ["", "{", "7", "[[0]]", '[[0, 1, "xx"]]', "null"])
async def test_kept_heads_that_are_none_stop_the_walk(conn, vault, told, heads_file, content):
    heads_file.write_text(content)
    with pytest.raises(SettingError, match="does not hold heads"):
        await audit_commands.verify(conn, vault, heads_file, told.say)
    assert heads_file.read_text() == content


async def test_rows_that_come_in_during_the_walk_break_nothing(conn, vault, told, heads_file, database, monkeypatch):
    await write(conn, vault, 2)
    other = await asyncpg.connect(database)
    await prepare_connection(other)
    verify_chain = audit._verify_chain

    async def slowly(*arguments):
        async with other.transaction():
            await audit.record_all(other, vault, NOW, [Entry("test.meanwhile", None)])
        return await verify_chain(*arguments)

    monkeypatch.setattr(audit, "_verify_chain", slowly)
    try:
        assert await audit_commands.verify(conn, vault, heads_file, told.say) == 0
    finally:
        await other.close()
