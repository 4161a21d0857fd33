"""Waiting that makes no sense any more ends by itself, and is told why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain import audit
from domain.notices import tell_all
from domain.vocabulary import EndedBecause, OfferStatus, WaitlistStatus, local_day
from domain.waitlist_lists import LIVE
from domain.waitlist_offers import ended_notices, give_on, set_entries
from domain.waitlist_rules import unfit_for_days

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.rows import Row
    from domain.vault import Vault


async def end_senseless(conn: Connection, vault: Vault, now: datetime, service_id: UUID | None = None) -> int:
    """End what waits in vain, at one service or at all; return how many entries. Takes a transaction a service."""
    ending: dict[UUID, dict[UUID, EndedBecause]] = {}
    for row in await sql.waitlist.live(conn, service_id=service_id, now=now):
        because = row["because"] or _unfit(row, now)
        if because is not None:
            ending.setdefault(row["service_id"], {}).setdefault(row["id"], EndedBecause(because))
    ended = 0
    for of_service, reasons in ending.items():
        async with conn.transaction():
            ended += await _end(conn, vault, of_service, reasons, now)
    return ended


def _unfit(row: Row, now: datetime) -> EndedBecause | None:
    service = {**row, "sex": row["only_sex"], "assurance": row["least_assurance"]}
    unfit = unfit_for_days(service, row, max(row["first_day"], local_day(now)), row["last_day"])
    return EndedBecause.NOT_ELIGIBLE if unfit is not None else None


async def _end(
    conn: Connection, vault: Vault, service_id: UUID, reasons: Mapping[UUID, EndedBecause], now: datetime
) -> int:
    await sql.waitlist.lock_queues(conn, services=[service_id])
    locked = await sql.waitlist.lock_entries(conn, ids=list(reasons))
    entries = [entry for entry in locked if entry["status"] in LIVE]
    if not entries:
        return 0
    live = await sql.waitlist.lock_live_offers(conn, entries=[entry["id"] for entry in entries])
    because = {entry["id"]: reasons[entry["id"]] for entry in entries}
    await set_entries(
        conn, {entry["id"]: (WaitlistStatus.ENDED, because[entry["id"]], entry["missed"]) for entry in entries}, now
    )
    await give_on(conn, live, OfferStatus.WITHDRAWN, now)
    await tell_all(conn, now, [notice for entry in entries for notice in ended_notices(entry, because[entry["id"]])])
    facts = {entry["id"]: {"because": because[entry["id"]], "service_id": str(service_id)} for entry in entries}
    await audit.record_all(
        conn, vault, now, [audit.Entry("waitlist.ended", entry_id, fact) for entry_id, fact in facts.items()]
    )
    return len(entries)
