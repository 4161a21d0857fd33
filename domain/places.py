"""Places that come back or are added: first for who waits, and never free at a moment that somebody can foresee.

A place that is kept back has a row and counts as taken, like the place of a live offer. Whoever calls these functions
has locked the queue of the service (`hold_queues…`), which says whether somebody waits, and then the pools.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

import sql
from domain.identifiers import new_id
from domain.vocabulary import KeptBecause

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection


_random = secrets.SystemRandom()


class Returned(NamedTuple):
    """One place that nobody has any more; it is still counted as taken."""

    slot_id: UUID
    channel: str
    cause: KeptBecause


class Added(NamedTuple):
    """Places by which the capacity of a pool was raised."""

    slot_id: UUID
    channel: str
    places: int
    cause: KeptBecause


async def hold_queues(conn: Connection, service_ids: Collection[UUID]) -> None:
    """Let nobody join the queues of services, or be offered a place out of them, until the transaction ends."""
    await sql.places.hold_queues(conn, services=list(service_ids))


async def hold_queues_of_slots(conn: Connection, slot_ids: Collection[UUID]) -> None:
    await sql.places.hold_queues_of_slots(conn, slots=list(slot_ids))


async def hold_queues_of_bookings(conn: Connection, booking_ids: Collection[UUID]) -> None:
    await sql.places.hold_queues_of_bookings(conn, bookings=list(booking_ids))


async def give_back(conn: Connection, places: Sequence[Returned], now: datetime) -> None:
    """Keep returned places back for a random time of their policy's range, in which they are offered to who waits.

    Where the range is nought and nobody waits, or nobody could book the slot anyway, they are free at once.
    Queues and pools must be locked by the caller; `taken` still counts the places.
    """
    if not places:
        return
    await sql.places.give_back(
        conn,
        ids=[new_id() for _ in places],
        slots=[place.slot_id for place in places],
        channels=[place.channel for place in places],
        causes=[place.cause for place in places],
        chances=[_random.random() for _ in places],
        now=now,
    )


async def add_opened(conn: Connection, slot_ids: Sequence[UUID], now: datetime) -> None:
    """Let who waits be first for the free places of slots that were shut and are open again.

    Queues and pools must be locked by the caller.
    """
    free = await sql.places.free(conn, slots=slot_ids)
    added = [Added(row["slot_id"], row["channel"], row["free"], KeptBecause.ADDED) for row in free]
    await add(conn, added, now)


async def add(conn: Connection, added: Sequence[Added], now: datetime) -> None:
    """Keep of added places those that somebody may wait for; the rest are free.

    Queues and pools must be locked by the caller, who has raised the capacities already. A slot that is not there is
    passed over, so that one may name slots of which another transaction had made some before.
    """
    if not added:
        return
    wanted = await sql.places.wanted(
        conn,
        slots=[each.slot_id for each in added],
        channels=[each.channel for each in added],
        places=[each.places for each in added],
        now=now,
    )
    causes = {(each.slot_id, str(each.channel)): each.cause for each in added}
    kept = [(row["slot_id"], row["channel"]) for row in wanted for _ in range(row["places"])]
    if kept:
        await sql.places.keep(
            conn,
            ids=[new_id() for _ in kept],
            slots=[slot_id for slot_id, _ in kept],
            channels=[channel for _, channel in kept],
            causes=[causes[place] for place in kept],
            now=now,
        )
