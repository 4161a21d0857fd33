"""Offering places that are kept back to who waits, in the order of the queue.

Each step is a transaction of its own that takes the locks in everybody's order: persons and what else booking locks,
the queue, entries, offers, pools. Two dispatchers at once do no harm: what one has given away, the other finds gone.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

import sql
from domain import audit, bookings
from domain.booking_rules import BookingRequest
from domain.bookings import pools_locked
from domain.identifiers import new_id
from domain.notices import Notice, tell_all
from domain.offer_times import offer_until
from domain.vocabulary import NoticeKind, OfferStatus, WaitlistStatus
from domain.waitlist_ends import end_senseless
from domain.waitlist_matching import Wish, match
from domain.waitlist_offers import give_on, miss, set_entries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.rows import Row
    from domain.vault import Vault

    Pool = tuple[UUID, str]

AT_A_TIME = 50
"""Entries judged in one transaction: so many persons are locked at most, and for no longer than that takes."""


async def dispatch(conn: Connection, vault: Vault, now: datetime) -> Mapping[str, int]:
    """Let go what has run out, offer what is kept back, free what nobody wants; needs no transaction around it.

    A service that fails, as somebody does not let go of its rows perhaps, stops no other; its error is raised at the
    end.
    """
    done: Counter[str] = Counter()
    failed = None
    for row in await sql.waitlist.due(conn, now=now):
        try:
            await _dispatch(conn, vault, row["service_id"], now, done)
        except asyncpg.PostgresError as error:
            failed = error
    if failed is not None:
        raise failed
    return done


async def _dispatch(conn: Connection, vault: Vault, service_id: UUID, now: datetime, done: Counter[str]) -> None:
    done["ended"] += await end_senseless(conn, vault, now, service_id)
    async with conn.transaction():
        done["lapsed"] += await _lapse(conn, vault, service_id, now)
    seen = await sql.waitlist.kept_of_service(conn, service_id=service_id)
    if not seen["kept"]:
        return
    done["offered"] += await _offer_all(conn, vault, service_id, seen["kept"], now)
    async with conn.transaction():
        done["freed"] += await _free(conn, service_id, seen, now)


async def _lapse(conn: Connection, vault: Vault, service_id: UUID, now: datetime) -> int:
    """End the offers that ran out, and withdraw those whose slot cannot be booked any more."""
    over = {
        row["entry_id"]: row["lapsed"] for row in await sql.waitlist.offers_over(conn, service_id=service_id, now=now)
    }
    if not over:
        return 0
    await sql.waitlist.lock_queues(conn, services=[service_id])
    locked = await sql.waitlist.lock_entries(conn, ids=list(over))
    entries = {entry["id"]: entry for entry in locked if entry["status"] == WaitlistStatus.OFFERED}
    live = await sql.waitlist.lock_live_offers(conn, entries=list(entries))
    await pools_locked(conn, {(offer["slot_id"], offer["channel"]) for offer in live})
    lapsed = [offer for offer in live if offer["expires_at"] <= now]
    withdrawn = [offer for offer in live if offer["expires_at"] > now]
    if lapsed:
        await miss(conn, [entries[offer["entry_id"]] for offer in lapsed], lapsed, OfferStatus.LAPSED, now)
    if withdrawn:
        back = {
            offer["entry_id"]: (WaitlistStatus.WAITING, None, entries[offer["entry_id"]]["missed"])
            for offer in withdrawn
        }
        await set_entries(conn, back, now)
        await give_on(conn, withdrawn, OfferStatus.WITHDRAWN, now)
    ended = [("waitlist.lapsed", offer) for offer in lapsed] + [("waitlist.withdrawn", offer) for offer in withdrawn]
    await audit.record_all(
        conn,
        vault,
        now,
        [audit.Entry(name, offer["entry_id"], {"offer_id": str(offer["id"])}) for name, offer in ended],
    )
    return len(live)


async def _offer_all(conn: Connection, vault: Vault, service_id: UUID, kept: Sequence[UUID], now: datetime) -> int:
    """Go through the queue from its head, a part at a time, with the places that were there at the beginning.

    A place that comes back meanwhile waits for the next turn: else it would be given to the part of the queue that
    is looked at just then, past those before it.
    """
    offered, after = 0, 0
    while True:
        async with conn.transaction():
            part = await sql.waitlist.candidates(
                conn, service_id=service_id, kept=kept, after=after, most=AT_A_TIME, now=now
            )
            if part:
                offered += await _offer(conn, vault, service_id, kept, part, now)
                after = part[-1]["place"]
        if len(part) < AT_A_TIME:
            return offered


async def _offer(
    conn: Connection, vault: Vault, service_id: UUID, kept: Sequence[UUID], part: Sequence[Row], now: datetime
) -> int:
    fit = await _days_that_fit(conn, part, now)
    await sql.waitlist.lock_queues(conn, services=[service_id])
    locked = await sql.waitlist.lock_entries(conn, ids=[entry["id"] for entry in part])
    waiting = {entry["id"]: entry for entry in locked if entry["status"] == WaitlistStatus.WAITING}
    wishes = [
        Wish(entry["id"], entry["party"], _pools(entry, fit[entry["id"]])) for entry in part if entry["id"] in waiting
    ]
    await pools_locked(conn, {pool for wish in wishes for pool in wish.pools})
    places = _by_pool(await sql.waitlist.kept_in_pools(conn, kept=kept))
    matched = match(wishes, {pool: len(rows) for pool, rows in places.items()})
    given = [
        _Given(new_id(), wish, pool, [places[pool].pop(0) for _ in range(wish.party)], now) for wish, pool in matched
    ]
    if not given:
        return 0
    await _write(conn, given, waiting, now)
    entries = [
        audit.Entry("waitlist.offered", one.wish.entry_id, {"offer_id": str(one.id), "slot_id": str(one.pool[0])})
        for one in given
    ]
    await audit.record_all(conn, vault, now, entries)
    return len(given)


async def _days_that_fit(conn: Connection, part: Sequence[Row], now: datetime) -> dict[UUID, set[date]]:
    """Return for each entry the days on which all its people could book: no offer is made that cannot be accepted.

    Booking's own rules judge, and its locks hold the persons to that until the offers are written. Slots of a day
    are alike to them: they are of one service and under one policy.
    """
    asked = [
        (entry, day, slot_id)
        for entry in part
        for day, slot_id in dict(zip(reversed(entry["days"]), reversed(entry["slots"]), strict=True)).items()
    ]
    verdicts = await bookings.hindrances(conn, [_party(entry, slot_id) for entry, _, slot_id in asked], now)
    fit: dict[UUID, set[date]] = {entry["id"]: set() for entry in part}
    for (entry, day, _), verdict in zip(asked, verdicts, strict=True):
        if verdict is None:
            fit[entry["id"]].add(day)
    return fit


def _party(entry: Row, slot_id: UUID) -> list[BookingRequest]:
    return [
        BookingRequest(
            account_id=entry["booked_by"],
            slot_id=slot_id,
            person_id=person_id,
            mandate_id=entry["mandate_id"],
            answers={},
            key="",
        )
        for person_id in entry["people"]
    ]


def _pools(entry: Row, days: set[date]) -> tuple[Pool, ...]:
    found = zip(entry["slots"], entry["channels"], entry["days"], strict=True)
    return tuple((slot_id, channel) for slot_id, channel, day in found if day in days)


def _by_pool(rows: Sequence[Row]) -> dict[Pool, list[Row]]:
    places: dict[Pool, list[Row]] = {}
    for row in rows:
        if row["open"]:
            places.setdefault((row["slot_id"], row["channel"]), []).append(row)
    return places


class _Given(NamedTuple):
    """An offer to be written: which kept-back places it takes, and now."""

    id: UUID
    wish: Wish
    pool: Pool
    places: Sequence[Row]
    now: datetime

    @property
    def ends(self) -> datetime:
        rules = self.places[0]
        quiet = None
        if rules["offer_quiet_from"] is not None:
            quiet = rules["offer_quiet_from"], rules["offer_quiet_until"]
        return offer_until(self.now, rules["offer_minutes"], quiet, rules["order_until"])


async def _write(conn: Connection, given: Sequence[_Given], waiting: Mapping[UUID, Row], now: datetime) -> None:
    await sql.waitlist.insert_offers(
        conn,
        ids=[one.id for one in given],
        slots=[one.pool[0] for one in given],
        channels=[one.pool[1] for one in given],
        places=[one.wish.party for one in given],
        entries=[one.wish.entry_id for one in given],
        ends=[one.ends for one in given],
        kept=[place["id"] for one in given for place in one.places],
        now=now,
    )
    offered = {one.wish.entry_id: (WaitlistStatus.OFFERED, None, waiting[one.wish.entry_id]["missed"]) for one in given}
    await set_entries(conn, offered, now)
    told = [
        Notice(
            person_id,
            NoticeKind.PLACE_OFFERED,
            one.wish.entry_id,
            {"slot_id": one.pool[0], "keep_until": one.ends.isoformat()},
        )
        for one in given
        for person_id in waiting[one.wish.entry_id]["people"]
    ]
    await tell_all(conn, now, told)


async def _free(conn: Connection, service_id: UUID, seen: Row, now: datetime) -> int:
    """Let places go to their pools whose time has come: the whole queue has been asked.

    Unless somebody joined meanwhile, who has not been: then it is for the next turn.
    """
    pools = await sql.waitlist.freeable(conn, kept=seen["kept"], now=now)
    if not pools:
        return 0
    await sql.waitlist.lock_queues(conn, services=[service_id])
    if await sql.waitlist.joined_since(conn, service_id=service_id, last_place=seen["last_place"]):
        return 0
    await pools_locked(conn, {(pool["slot_id"], pool["channel"]) for pool in pools})
    freed = await sql.waitlist.free(conn, kept=seen["kept"], now=now)
    return sum(row["places"] for row in freed)
