"""`python -m server reconcile`: compares counters with rows, as the worker does each night, and tells what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain import reconciliation

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from asyncpg import Connection

    from domain.reconciliation import Drift

SENTENCES = {
    "pool_taken": "slot {subject}, {channel}: {stored} places are counted as taken, {counted} are",
    "pool_issued": "slot {subject}, {channel}: numbers up to {stored} are counted as given, {counted} has been",
    "pool_open": "slot {subject}, {channel}: the pool's `open` is {stored}, by the slot's state it is {counted}",
    "booking_day": "slot {subject}, {channel}: {counted} bookings count for another day than the slot's",
    "waitlist_place": "waitlist of service {subject}: its last place is {stored}, {counted} has been given",
    "entry_offer": "waitlist entry {subject}: {stored} says that there is an offer of a place, there is {counted}",
    "entry_party": "waitlist entry {subject}: a party of {stored}, of whom {counted} are named",
    "clinic_number": "clinic of service {subject}: its last number is {stored}, {counted} has been given",
}
"""What a kind of drift means; the keys are those of sql/reconciliation.sql."""


async def compare(conn: Connection, now: datetime, say: Callable[[str], None]) -> int:
    """Compare everything and write it down; return 0 when nothing differs."""
    found = await reconciliation.reconcile(conn, now)
    for drift in found.examples:
        say(sentence(drift))
    unnamed = found.drifts - len(found.examples)
    if unnamed:
        say(f"… and {unnamed} more.")
    if found.drifts:
        say(f"{found.pools} pools compared; {found.drifts} counters differ from their rows. Nothing was changed.")
        return 1
    say(f"{found.pools} pools and all queues compared: every counter is what its rows say.")
    return 0


def sentence(drift: Drift) -> str:
    words = SENTENCES[drift.kind].format(
        subject=drift.subject_id, channel=drift.channel, stored=drift.stored, counted=drift.counted
    )
    return f"{drift.kind}: {words}."
