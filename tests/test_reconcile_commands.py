from __future__ import annotations

import re

import sql
from domain import reconciliation
from server.reconcile_commands import SENTENCES, compare
from tests import make


async def test_books_that_balance_are_told_and_end_well(conn, clock):
    await make.slot(conn, public=2, assisted=1)
    lines: list[str] = []
    assert await compare(conn, clock.now, lines.append) == 0
    assert lines == ["2 pools and all queues compared: every counter is what its rows say."]


async def test_each_drift_is_told_and_the_command_fails(conn, clock, monkeypatch):
    monkeypatch.setattr(reconciliation, "MOST_EXAMPLES", 1)
    slot_id = await make.slot(conn, public=2, counter=2)
    await conn.execute("update slot_pool set taken = 1")
    lines: list[str] = []
    assert await compare(conn, clock.now, lines.append) == 1
    assert lines == [
        f"pool_taken: slot {slot_id}, counter: 1 places are counted as taken, 0 are.",
        "… and 1 more.",
        "2 pools compared; 2 counters differ from their rows. Nothing was changed.",
    ]


def test_every_kind_of_drift_has_a_sentence():
    text = (sql.FOLDER / "reconciliation.sql").read_text(encoding="utf-8")
    kinds = set(re.findall(r"'((?:pool|booking|waitlist|entry|clinic)_\w+)'", text))
    assert kinds == set(SENTENCES)
