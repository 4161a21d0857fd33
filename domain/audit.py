"""Who did what, when: append-only, in sixteen chains, each row signed over the one before it.

A chain is taken as the last lock of a transaction, and only one: no order of chains can deadlock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

import sql
from domain.permissions import require_staff_everywhere
from domain.vocabulary import Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context
    from domain.vault import Vault

    Fact = str | int | None | UUID | date | Sequence["Fact"] | Mapping[str, "Fact"]

CHAINS = 16
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. `facts` name fields and ids, never personal data.

    They hold no fractions: jsonb may spell those in another way than we signed them.
    """

    action: str
    subject_id: UUID | None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    actor_id: UUID | None = None
    request_id: str | None = None


def entry(ctx: Context, action: str, subject_id: UUID | None, **facts: Fact) -> Entry:
    """Describe one act of the caller, for `record_all`."""
    actor = None if ctx.caller is None else ctx.caller.account_id
    return Entry(action, subject_id, facts, actor, ctx.request_id)


async def record(conn: Connection, ctx: Context, action: str, subject_id: UUID | None, **facts: Fact) -> None:
    """Append one act of the caller; call it last in the transaction."""
    await record_all(conn, ctx.vault, ctx.now, [entry(ctx, action, subject_id, **facts)])


def chain_of(conn: Connection) -> int:
    """Return the chain that a connection keeps to: one that comes here twice cannot meet another crosswise."""
    return conn.get_server_pid() % CHAINS


async def record_all(
    conn: Connection, vault: Vault, now: datetime, entries: Sequence[Entry], head: Record | None = None
) -> None:
    """Append acts to the connection's chain; others of this chain wait until the transaction ends.

    `head` is the chain's head where the caller's own last statement has locked it already.
    """
    if not entries:
        return
    chain = chain_of(conn)
    if head is None:
        head = await sql.audit.lock_chain(conn, chain=chain)
    seq, mac = head["seq"], head["mac"]
    macs, facts = [], []
    for one in entries:
        seq += 1
        text = _canonical(one.facts)
        mac = vault.audit_mac(_message(mac, chain, seq, now, one, text))
        macs.append(mac)
        facts.append(text.decode())
    await sql.audit.append(
        conn,
        chain=chain,
        first_seq=head["seq"],
        at=now,
        actors=[one.actor_id for one in entries],
        actions=[one.action for one in entries],
        subjects=[one.subject_id for one in entries],
        facts=facts,
        requests=[one.request_id for one in entries],
        macs=macs,
    )


def _canonical(value: Any) -> bytes:
    """Write what jsonb gives back in one form only: it keeps no order of keys. Ids of asyncpg's are text."""
    return orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS)


def _message(before: bytes, chain: int, seq: int, at: datetime, one: Entry, facts: bytes) -> bytes:
    """Join the fields unambiguously."""
    microseconds = (at - EPOCH) // timedelta(microseconds=1)
    fields = _canonical([chain, seq, microseconds, one.actor_id, one.action, one.subject_id, one.request_id])
    return b"|".join((before.hex().encode(), fields, facts))


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row of a chain, and so all before it: whoever keeps this can prove later that they stood."""

    chain: int
    seq: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place of a chain where the rows do not fit together."""

    chain: int
    seq: int
    why: str


async def verify(conn: Connection, vault: Vault, kept: Mapping[int, Head]) -> AsyncIterator[Head | Broken]:
    """Walk every chain; yield its head, or where it breaks. Needs a transaction that sees one moment.

    Rows cut off at the end together with the head leave a chain that fits: `kept` heads of an earlier walk,
    from outside the database, find that.
    """
    heads = {row["chain"]: row for row in await sql.audit.heads(conn)}
    for chain in range(CHAINS):
        yield await _verify_chain(conn, vault, chain, heads.get(chain), kept.get(chain))


async def _verify_chain(
    conn: Connection, vault: Vault, chain: int, head: Record | None, kept: Head | None
) -> Head | Broken:
    if head is None:
        return Broken(chain, 0, "the head of the chain is missing")
    seq, mac = 0, b""
    async with sql.audit.chain_rows_cursor(conn, chain=chain) as cursor:
        async for row in cursor:
            seq += 1
            if row["seq"] != seq:
                return Broken(chain, seq, "a row is missing")
            one = Entry(row["action"], row["subject_id"], {}, row["actor_id"], row["request_id"])
            facts = _canonical(orjson.loads(row["facts"]))
            mac = vault.audit_mac(_message(mac, chain, seq, row["at"], one, facts))
            if mac != row["mac"]:
                return Broken(chain, seq, "a row was changed")
            if kept is not None and kept.seq == seq and kept.mac != mac:
                return Broken(chain, seq, "rows that stood at an earlier walk were replaced")
    if (head["seq"], head["mac"]) != (seq, mac):
        return Broken(chain, seq + 1, "rows at the end are missing")
    if kept is not None and kept.seq > seq:
        return Broken(chain, seq + 1, "rows that stood at an earlier walk are missing")
    return Head(chain, seq, mac)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which acts an auditor looks for; None: any."""

    subject_id: UUID | None
    actor_id: UUID | None
    action: str | None
    begins: datetime
    ends: datetime


async def search(
    conn: Connection, ctx: Context, wanted: Wanted, after: tuple[datetime, int, int] | None, limit: int
) -> list[Record]:
    """List acts, newest first, for auditors; looking is an act itself."""
    await require_staff_everywhere(conn, ctx, Role.AUDITOR)
    after_at, after_chain, after_seq = after or (None, None, None)
    found: list[Record] = await sql.audit.search(
        conn,
        subject_id=wanted.subject_id,
        actor_id=wanted.actor_id,
        action=wanted.action,
        begins=wanted.begins,
        ends=wanted.ends,
        after_at=after_at,
        after_chain=after_chain,
        after_seq=after_seq,
        limit=limit + 1,
    )
    await record(conn, ctx, "audit.searched", wanted.subject_id, by_actor=wanted.actor_id, by_action=wanted.action)
    return found
