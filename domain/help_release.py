"""Taking a help request from who has it or was asked for it: handed back, or over.

A request that is handed back is sought anew at once, and keeps its booking and its time. Everything that the volunteer
saw of the person is gone for the volunteer with the change of state.

Locks: the requests, by id, in one statement; their offers and work only behind them. Whoever suspends a volunteer or
revokes mandates does that before, in the order of everybody: volunteers, mandates, help requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import help_states
from domain.help_states import Step
from domain.help_vocabulary import TAKEN, Because, HelpState
from domain.notices import Notice, tell_all
from domain.vocabulary import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

UNTOLD = frozenset({Because.HANDED_BACK, Because.VOLUNTEER_SUSPENDED, Because.VOLUNTEER_LEFT})
"""The volunteer has done it, or is told in another way."""
ENDABLE = (HelpState.OPEN, HelpState.OFFERED, HelpState.ACCEPTED, HelpState.BOOKED)


async def release_of_volunteer(conn: Connection, ctx: Context, volunteer_id: UUID, because: Because) -> list[UUID]:
    """Take everything from a volunteer who is suspended or gone; return the requests that are sought anew.

    To be called once, after the volunteer's row was changed and all of the volunteer's mandates were revoked.
    """
    locked = await sql.help_release.lock_of_volunteer(conn, volunteer_id=volunteer_id)
    if not locked:
        return []
    held = [row for row in locked if row["volunteer_id"] == volunteer_id and row["state"] in TAKEN]
    await hand_back(conn, held, because, _actor(ctx), ctx.now)
    ids = [row["id"] for row in locked]
    asked = await sql.help_release.withdraw_offers_to(conn, volunteer_id=volunteer_id, ids=ids, now=ctx.now)
    await sql.help_release.wake(conn, ids=[row["request_id"] for row in asked], now=ctx.now)
    return [row["id"] for row in held]


async def release_of_mandates(conn: Connection, ctx: Context, mandate_ids: Sequence[UUID]) -> list[UUID]:
    """Take from volunteers what they have under mandates that were in force and have just been revoked.

    What is under way stays with the volunteer until it is completed. Not to be called for the mandates of a volunteer
    who loses everything: `release_of_volunteer` does it all at once.
    """
    if not mandate_ids:
        return []
    locked = await sql.help_release.lock_of_mandates(conn, ids=list(mandate_ids))
    held = [row for row in locked if row["state"] in (HelpState.ACCEPTED, HelpState.BOOKED)]
    await hand_back(conn, held, Because.MANDATE_REVOKED, _actor(ctx), ctx.now)
    return [row["id"] for row in held]


async def hand_back(
    conn: Connection,
    requests: Sequence[Row],
    because: Because,
    actor_id: UUID | None,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Bring locked requests that somebody has back to where volunteers are sought for them, and tell the family.

    `facts` go into the event.
    """
    if not requests:
        return
    for row in requests:
        step = Step(
            row["id"],
            TAKEN,
            HelpState.OPEN,
            because,
            about=row["volunteer_id"],
            actor_id=actor_id,
            facts=facts or {},
        )
        await help_states.take(conn, step, now)
    ids = [row["id"] for row in requests]
    await sql.help_release.let_go(conn, ids=ids, now=now)
    await sql.help_release.seek_anew(conn, ids=ids, now=now)
    notices = [
        Notice(
            row["person_id"],
            NoticeKind.HELP_HANDED_BACK,
            row["id"],
            {"volunteer_id": row["volunteer_id"], "way": because},
        )
        for row in requests
    ]
    if because not in UNTOLD:
        notices += await told_to_volunteers(conn, [(row["id"], row["volunteer_id"]) for row in requests], because)
    await tell_all(conn, now, notices)


async def end(
    conn: Connection,
    requests: Sequence[Row],
    after: HelpState,
    because: Because,
    actor_id: UUID | None,
    now: datetime,
    *,
    before: Sequence[HelpState] = ENDABLE,
) -> list[Row]:
    """End locked requests, cancelled or expired, and return those that were in a state before.

    Volunteers who had one or were asked for it are told; the caller tells the family (`help_cancelled`,
    `help_expired`).
    """
    ended: list[Row] = []
    for row in requests:
        step = Step(row["id"], before, after, because, about=row["volunteer_id"], actor_id=actor_id)
        if await help_states.take(conn, step, now) is not None:
            ended.append(row)
    if not ended:
        return []
    ids = [row["id"] for row in ended]
    asked = await sql.help_release.let_go(conn, ids=ids, now=now)
    await sql.help_release.close(conn, ids=ids)
    freed = [(row["id"], row["volunteer_id"]) for row in ended if row["volunteer_id"] is not None]
    freed += [(row["request_id"], row["volunteer_id"]) for row in asked]
    way = because if because is Because.NEVER_CONFIRMED else after
    await tell_all(conn, now, await told_to_volunteers(conn, freed, way))
    return ended


async def told_to_volunteers(conn: Connection, freed: Collection[tuple[UUID, UUID]], way: str) -> list[Notice]:
    """Return what volunteers are told of requests (request, volunteer) that they need not think of any more."""
    if not freed:
        return []
    rows = await sql.help_release.own_people(conn, volunteers=list({volunteer_id for _, volunteer_id in freed}))
    people = {row["volunteer_id"]: row["person_id"] for row in rows}
    return [
        Notice(people[volunteer_id], NoticeKind.HELP_WITHDRAWN, request_id, {"way": way})
        for request_id, volunteer_id in freed
        if volunteer_id in people
    ]


def _actor(ctx: Context) -> UUID | None:
    return None if ctx.caller is None else ctx.caller.account_id
