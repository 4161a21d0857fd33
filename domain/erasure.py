"""Letting persons go, and erasing those whom nobody keeps.

An erased person's document stays known by its blind index until the longest limit has run out: deleting and
registering again resets no limit. Whoever registers within this time takes the same row up again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sql
from domain import enrolment_erasure, help_release, mandates
from domain.errors import Conflict
from domain.help_vocabulary import Because, HelpState
from domain.permissions import require_signed_in
from domain.vocabulary import LONGEST_LIMIT_DAYS, Fate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context


async def lock(conn: Connection, account_id: UUID, person_ids: Sequence[UUID]) -> None:
    """Lock all that may go with these persons, and with the account as a volunteer, in the order of everybody.

    Each kind whole before the next: the account's own tasks and those done for the persons would else be taken one
    after the other, and who helps each other and leaves at once would wait for each other.
    """
    both = {"account_id": account_id, "person_ids": person_ids}
    await sql.people.lock(conn, ids=person_ids)
    await sql.care_requests.lock(conn, **both)
    await enrolment_erasure.lock(conn, person_ids)
    await sql.erasure.lock_volunteer(conn, account_id=account_id)
    await sql.erasure.lock_mandates(conn, **both)
    await sql.erasure.lock_help(conn, **both)


async def let_go(conn: Connection, ctx: Context, account_id: UUID, person_ids: Sequence[UUID]) -> dict[UUID, Fate]:
    """End an account's care for persons, with its consents; erase whom nobody else cares for.

    Refused with the bookings that still stand: the account's own, and all of who would be erased; and while somebody
    is with a person who would be erased. The account is locked; who comes from elsewhere checks permission and
    writes the audit.
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
    await enrolment_erasure.withdraw_unconsented(conn, ctx, person_ids)
    return fates


async def erase(conn: Connection, ctx: Context, person_ids: Sequence[UUID]) -> None:
    """Erase persons who are locked and have no standing booking, with all that was said about them.

    Refused while a volunteer is with one of them. What help there was stays without words: states, hours and stars.
    """
    if not person_ids:
        return
    await sql.care_requests.close_for(conn, person_ids=person_ids, now=ctx.now)
    await enrolment_erasure.erase(conn, ctx, person_ids)
    for person_id in person_ids:
        await mandates.revoke_all(conn, ctx, person_id=person_id)
    await _end_help(conn, ctx, person_ids)
    await sql.erasure.erase_answers(conn, person_ids=person_ids)
    await sql.erasure.erase_notices(conn, person_ids=person_ids)
    await sql.erasure.erase_appeals(conn, person_ids=person_ids)
    await sql.erasure.erase_help(conn, person_ids=person_ids)
    await sql.emergency_contacts.remove(conn, person_ids=person_ids)
    await sql.erasure.erase_persons(conn, person_ids=person_ids, now=ctx.now)


async def _end_help(conn: Connection, ctx: Context, person_ids: Sequence[UUID]) -> None:
    live = await sql.erasure.lock_help_for(conn, person_ids=person_ids)
    under_way = [row["id"] for row in live if row["state"] == HelpState.UNDER_WAY]
    if under_way:
        raise Conflict("live_help", help_requests=under_way)
    actor_id = require_signed_in(ctx).account_id
    await help_release.end(conn, live, HelpState.CANCELLED, Because.PERSON_ERASED, actor_id, ctx.now)


async def prune(conn: Connection, now: datetime) -> int:
    """Forget the documents of who was erased before the longest limit began; return how many."""
    forgotten: int = await sql.erasure.forget_documents(conn, before=now - timedelta(days=LONGEST_LIMIT_DAYS))
    return forgotten
