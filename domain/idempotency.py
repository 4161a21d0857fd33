"""A creating request may be repeated: the same key and body give the same thing, not a second one.

Bookings have their own, in the row itself: see `domain.bookings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

import sql
from domain.errors import Invalid
from domain.permissions import require_signed_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from asyncpg import Connection

    from domain.context import Context

RETENTION_DAYS = 7


class HasId(Protocol):
    """What was made: a record or a mapping with an `id`."""

    def __getitem__(self, name: str, /) -> Any: ...


Made = TypeVar("Made", bound=HasId)


@dataclass(frozen=True, slots=True)
class Key:
    """What the client sent; `fingerprint` is a hash of the request that a repeat must equal."""

    operation: str
    text: str
    fingerprint: bytes


class KeyReused(Invalid):
    """The key was used before for another request."""


async def once(
    conn: Connection,
    ctx: Context,
    key: Key,
    create: Callable[[], Awaitable[Made]],
    find: Callable[[UUID], Awaitable[Made]],
) -> Made:
    """Run `create` once a key; a repeat waits for the first to commit and is answered by `find`.

    When the first is refused its transaction takes the key with it, so a repeat tries anew.
    """
    caller = require_signed_in(ctx)
    claim = await sql.idempotency.claim(
        conn,
        account_id=caller.account_id,
        operation=key.operation,
        key=key.text,
        fingerprint=key.fingerprint,
        now=ctx.now,
    )
    if claim["fingerprint"] != key.fingerprint:
        raise KeyReused("idempotency_key_reused")
    if claim["resource_id"] is not None:
        return await find(UUID(int=claim["resource_id"].int))
    created = await create()
    await sql.idempotency.settle(
        conn,
        account_id=caller.account_id,
        operation=key.operation,
        key=key.text,
        resource_id=created["id"],
    )
    return created


async def prune(conn: Connection, now: datetime) -> int:
    """Forget keys after RETENTION_DAYS; return how many."""
    gone: int = await sql.idempotency.prune(conn, before=now - timedelta(days=RETENTION_DAYS))
    return gone
