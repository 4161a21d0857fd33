"""Who did what, when: append-only, in sixteen chains, each row signed over the one before it.

A chain is taken as the last lock of a transaction, and only one: no order of chains can deadlock.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

import sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context
    from domain.vault import Vault

CHAINS = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. `facts` name fields and ids, never personal data."""

    action: str
    subject_id: UUID | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    actor_id: UUID | None = None
    request_id: str | None = None


async def record(conn: Connection, ctx: Context, action: str, subject_id: UUID | None, **facts: Any) -> None:
    """Append one act of the caller; call it last in the transaction."""
    actor = None if ctx.caller is None else ctx.caller.account_id
    await record_all(conn, ctx.vault, ctx.now, [Entry(action, subject_id, facts, actor, ctx.request_id)])


async def record_all(conn: Connection, vault: Vault, now: datetime, entries: Sequence[Entry]) -> None:
    """Append acts to one chain, chosen at random; others of the chain wait until this transaction ends."""
    if not entries:
        return
    chain = os.urandom(1)[0] % CHAINS
    head = await sql.audit.lock_chain(conn, chain=chain)
    seq, mac = head["seq"], head["mac"]
    macs, facts = [], []
    for entry in entries:
        seq += 1
        text = orjson.dumps(entry.facts, option=orjson.OPT_SORT_KEYS)
        mac = vault.audit_mac(_message(mac, chain, seq, now, entry, text))
        macs.append(mac)
        facts.append(text.decode())
    await sql.audit.append(
        conn,
        chain=chain,
        first_seq=head["seq"],
        at=now,
        actors=[entry.actor_id for entry in entries],
        actions=[entry.action for entry in entries],
        subjects=[entry.subject_id for entry in entries],
        facts=facts,
        requests=[entry.request_id for entry in entries],
        macs=macs,
    )


def _message(before: bytes, chain: int, seq: int, at: datetime, entry: Entry, facts: bytes) -> bytes:
    """Join the fields unambiguously; the text of `facts` has sorted keys, as jsonb keeps no order."""
    fields = orjson.dumps(
        [chain, seq, at.timestamp(), entry.actor_id, entry.action, entry.subject_id, entry.request_id]
    )
    return b"|".join((before.hex().encode(), fields, facts))


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place of a chain where the rows do not fit together."""

    chain: int
    seq: int
    why: str


async def verify(conn: Connection, vault: Vault) -> AsyncIterator[int | Broken]:
    """Walk every chain; yield the number of good rows of each, or where it breaks. Needs a transaction."""
    heads = {row["chain"]: row for row in await sql.audit.heads(conn)}
    for chain in range(CHAINS):
        yield await _verify_chain(conn, vault, chain, heads.get(chain))


async def _verify_chain(conn: Connection, vault: Vault, chain: int, head: Record | None) -> int | Broken:
    if head is None:
        return Broken(chain, 0, "the head of the chain is missing")
    seq, mac = 0, b""
    async with sql.audit.chain_rows_cursor(conn, chain=chain) as cursor:
        async for row in cursor:
            seq += 1
            if row["seq"] != seq:
                return Broken(chain, seq, "a row is missing")
            entry = Entry(row["action"], row["subject_id"], {}, row["actor_id"], row["request_id"])
            facts = orjson.dumps(orjson.loads(row["facts"]), option=orjson.OPT_SORT_KEYS)
            mac = vault.audit_mac(_message(mac, chain, seq, row["at"], entry, facts))
            if mac != row["mac"]:
                return Broken(chain, seq, "a row was changed")
    if (head["seq"], head["mac"]) != (seq, mac):
        return Broken(chain, seq + 1, "rows at the end are missing")
    return seq
