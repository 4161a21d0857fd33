"""Acting under a mandate: held from the check to the commit, so that nothing is done once its end is acknowledged.

Locks: behind persons and volunteers come the mandates, then the help requests by which a team's mandate is in hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def hold(conn: Connection, mandate_ids: Collection[UUID], account_ids: Collection[UUID]) -> dict[UUID, Row]:
    """Lock mandates that accounts want to act under, and return them.

    `holders` are the volunteers whom each empowers: its own, or those of its team among the accounts who help the
    person at this moment. Persons and the accounts' volunteers must be locked by the caller.
    """
    rows = await sql.mandate_use.lock(conn, ids=list(mandate_ids))
    teams = [row["id"] for row in rows if row["team_id"] is not None]
    holders: dict[UUID, set[UUID]] = {row["id"]: {row["volunteer_id"]} for row in rows}
    if teams:
        for task in await sql.mandate_use.lock_tasks(conn, ids=teams, accounts=list(account_ids)):
            holders[task["mandate_id"]].add(task["volunteer_id"])
    return {row["id"]: {**row, "holders": holders[row["id"]]} for row in rows}


async def hold_to_act(conn: Connection, account_id: UUID, mandate_id: UUID) -> None:
    """Hold what one account needs to act under one mandate; what it may is to be asked behind this."""
    await sql.bookings.lock_volunteers(conn, account_ids=[account_id])
    await hold(conn, [mandate_id], [account_id])


async def hold_for_changes(conn: Connection, wanted: Collection[tuple[UUID, UUID]]) -> None:
    """Hold what accounts need to change bookings, each given as account and booking, under mandates."""
    acting = await sql.mandate_use.acting(
        conn, accounts=[account_id for account_id, _ in wanted], bookings=[booking_id for _, booking_id in wanted]
    )
    if acting:
        accounts = {row["account_id"] for row in acting}
        await sql.bookings.lock_volunteers(conn, account_ids=list(accounts))
        await hold(conn, {row["mandate_id"] for row in acting}, accounts)


async def covering(conn: Connection, ctx: Context, account_id: UUID, person_id: UUID, matter: str) -> UUID | None:
    """Return the mandate that a volunteer's account may act under for a person in a matter: its own before its team's.

    What it says may be over a moment later: booking under the mandate checks again under its locks.
    """
    found: UUID | None = await sql.mandate_use.covering(
        conn, account_id=account_id, person_id=person_id, matter=matter, now=ctx.now
    )
    return found
