"""Letting persons go, and erasing those whom nobody keeps.

An erased person's document stays known by its blind index until the longest limit has run out: deleting and
registering again resets no limit. Whoever registers within this time takes the same row up again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sql
from domain import mandates
from domain.errors import Conflict
from domain.vocabulary import LONGEST_LIMIT_DAYS, Fate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context


async def lock(conn: Connection, account_id: UUID, person_ids: Sequence[UUID]) -> None:
    """Lock persons, then what is asked for them and by the account: before volunteers and mandates, as everybody."""
    await sql.people.lock(conn, ids=person_ids)
    await sql.care_requests.lock(conn, account_id=account_id, person_ids=person_ids)


async def let_go(conn: Connection, ctx: Context, account_id: UUID, person_ids: Sequence[UUID]) -> dict[UUID, Fate]:
    """End an account's care for persons, with its consents; erase whom nobody else cares for.

    Refused with the bookings that still stand: the account's own, and all of who would be erased. The
    account is locked; who comes from elsewhere checks permission and writes the audit.
    """
    await lock(conn, account_id, person_ids)
    rows = await sql.erasure.fates(conn, account_id=account_id, person_ids=person_ids)
    fates = {row["person_id"]: Fate(row["fate"]) for row in rows}
    erased = [person_id for person_id, fate in fates.items() if fate == Fate.ERASED]
    live = await sql.erasure.live_bookings(
        conn, account_id=account_id, person_ids=person_ids, erased_ids=erased, now=ctx.now
    )
    if live:
        raise Conflict("live_bookings", bookings=[dict(row) for row in live])
    await sql.care.end(conn, account_id=account_id, person_ids=person_ids, now=ctx.now)
    await sql.consents.withdraw(conn, account_id=account_id, person_ids=person_ids, at=ctx.now)
    await erase(conn, ctx, erased)
    return fates


async def erase(conn: Connection, ctx: Context, person_ids: Sequence[UUID]) -> None:
    """Erase persons who are locked and have no standing booking, with all that was said about them."""
    if not person_ids:
        return
    await sql.care_requests.close_for(conn, person_ids=person_ids, now=ctx.now)
    for person_id in person_ids:
        await mandates.revoke_all(conn, ctx, person_id=person_id)
    await sql.erasure.erase_answers(conn, person_ids=person_ids)
    await sql.erasure.erase_notices(conn, person_ids=person_ids)
    await sql.erasure.erase_appeals(conn, person_ids=person_ids)
    await sql.erasure.erase_persons(conn, person_ids=person_ids, now=ctx.now)


async def prune(conn: Connection, now: datetime) -> int:
    """Forget the documents of who was erased before the longest limit began; return how many."""
    forgotten: int = await sql.erasure.forget_documents(conn, before=now - timedelta(days=LONGEST_LIMIT_DAYS))
    return forgotten
