"""Counters beside their rows: each kind of drift is found and left as it is, and none is seen in a storm."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import date

import pytest
import structlog

from domain import reconciliation
from domain.identifiers import new_id
from domain.reconciliation import Drift, reconcile
from server import reconciliation_figures
from server.app import build_file_store
from server.chores import CHORES
from server.metrics import METRICS, Metrics
from server.worker import Worker
from tests import make
from tests.booking_world import book, cancel, loose_slot

DAY = date(2026, 11, 25)


@pytest.fixture
def now(clock):
    return clock.now


@pytest.fixture
async def slot_id(conn, app):
    """A slot with two bookings, one of them cancelled."""
    slot_id = await make.slot(conn, public=5, assisted=2)
    await make.booking(conn, slot_id, await make.resident(conn, app))
    await make.booking(conn, slot_id, await make.resident(conn, app), status="cancelled")
    return slot_id


async def entry(conn, app, slot_id, *, status="waiting", party=1, place=1):
    """Make an entry that is right but for the offer that it may lack."""
    resident, entry_id = await make.resident(conn, app), new_id()
    service_id = await conn.fetchval("select service_id from slot where id = $1", slot_id)
    await conn.execute(
        "update waitlist set last_place = greatest(last_place, $2) where service_id = $1", service_id, place
    )
    await conn.execute(
        """insert into waitlist_entry (id, service_id, place, first_day, last_day, party, booked_by, status,
                                       idempotency_key, created_at)
           values ($1, $2, $3, $4, $4, $5, $6, $7, $8, now())""",
        entry_id, service_id, place, DAY, party, resident.account_id, status, f"entry-{place:08}",
    )  # fmt: skip
    await conn.execute("insert into waitlist_member values ($1, $2)", entry_id, resident.person_id)
    return entry_id


async def offer(conn, slot_id, entry_id, places=1):
    await conn.execute(
        "update slot_pool set taken = taken + $2 where slot_id = $1 and channel = 'public'", slot_id, places
    )
    await conn.execute(
        """insert into place_offer (id, slot_id, channel, places, entry_id, created_at, expires_at)
           values ($1, $2, 'public', $3, $4, now(), now() + interval '1 hour')""",
        new_id(), slot_id, places, entry_id,
    )  # fmt: skip


async def keep_back(conn, slot_id):
    await conn.execute("update slot_pool set taken = taken + 1 where slot_id = $1 and channel = 'public'", slot_id)
    await conn.execute(
        "insert into place_kept_back values ($1, $2, 'public', 'cancelled', now(), now())", new_id(), slot_id
    )


async def clinic(conn, slot_id, last_number):
    service_id = await conn.fetchval("select service_id from slot where id = $1", slot_id)
    await conn.execute("insert into clinic_day values ($1, '', $2, $3)", service_id, DAY, last_number)
    await conn.execute(
        """insert into queue_ticket (booking_id, service_id, resource, day, number, order_at, late, checked_in_at)
           select id, $1, '', $2, 1, now(), false, now() from booking where slot_id = $3 and status = 'booked'""",
        service_id, DAY, slot_id,
    )  # fmt: skip
    return service_id


async def found_by(conn, now):
    found = await reconcile(conn, now)
    assert found.drifts == len(found.examples)
    return found.examples


async def test_books_that_balance_have_no_drift(conn, app, now, slot_id):
    await keep_back(conn, slot_id)
    await offer(conn, slot_id, await entry(conn, app, slot_id, status="offered"))
    await clinic(conn, slot_id, 1)
    await make.slot(conn, state="closed")
    found = await reconcile(conn, now)
    assert (found.pools, found.drifts) == (3, 0)


@pytest.mark.parametrize("by", [1, -1])
async def test_a_pool_that_counts_another_number_of_places_is_found(conn, now, slot_id, by):
    await conn.execute("update slot_pool set taken = taken + $2 where slot_id = $1 and channel = 'public'", slot_id, by)
    assert await found_by(conn, now) == [Drift("pool_taken", slot_id, "public", 1 + by, 1)]


async def test_an_offer_that_nobody_counted_is_found(conn, app, now, slot_id):
    await offer(conn, slot_id, await entry(conn, app, slot_id, status="offered", party=1), places=2)
    await conn.execute("update slot_pool set taken = taken - 2 where slot_id = $1 and channel = 'public'", slot_id)
    assert await found_by(conn, now) == [Drift("pool_taken", slot_id, "public", 1, 3)]


async def test_a_kept_back_place_that_nobody_counted_is_found(conn, now, slot_id):
    await keep_back(conn, slot_id)
    await conn.execute("update slot_pool set taken = taken - 1 where slot_id = $1 and channel = 'public'", slot_id)
    assert await found_by(conn, now) == [Drift("pool_taken", slot_id, "public", 1, 2)]


async def test_numbers_that_would_be_given_again_are_found(conn, now, slot_id):
    await conn.execute("update slot_pool set issued = 1 where slot_id = $1 and channel = 'public'", slot_id)
    assert await found_by(conn, now) == [Drift("pool_issued", slot_id, "public", 1, 2)]


async def test_a_pool_that_is_open_in_a_closed_slot_is_found(conn, now, slot_id):
    await conn.execute("update slot_pool set open = false where slot_id = $1 and channel = 'assisted'", slot_id)
    assert await found_by(conn, now) == [Drift("pool_open", slot_id, "assisted", 0, 1)]


async def test_a_booking_that_counts_for_another_day_is_found(conn, now, slot_id):
    await conn.execute("update booking set day = day + 1 where slot_id = $1 and status = 'booked'", slot_id)
    assert await found_by(conn, now) == [Drift("booking_day", slot_id, "public", 0, 1)]


async def test_a_place_in_the_queue_that_would_be_given_again_is_found(conn, app, now, slot_id):
    await entry(conn, app, slot_id, place=3)
    service_id = await conn.fetchval("update waitlist set last_place = 2 where last_place = 3 returning service_id")
    assert await found_by(conn, now) == [Drift("waitlist_place", service_id, None, 2, 3)]


async def test_an_entry_without_the_offer_that_it_waits_for_is_found(conn, app, now, slot_id):
    entry_id = await entry(conn, app, slot_id, status="offered")
    assert await found_by(conn, now) == [Drift("entry_offer", entry_id, None, 1, 0)]


async def test_an_offer_whose_entry_knows_nothing_of_it_is_found(conn, app, now, slot_id):
    entry_id = await entry(conn, app, slot_id)
    await offer(conn, slot_id, entry_id)
    assert await found_by(conn, now) == [Drift("entry_offer", entry_id, None, 0, 1)]


async def test_a_party_that_lacks_somebody_is_found(conn, app, now, slot_id):
    entry_id = await entry(conn, app, slot_id, party=2)
    assert await found_by(conn, now) == [Drift("entry_party", entry_id, None, 2, 1)]


async def test_a_number_of_the_clinic_that_would_be_given_again_is_found(conn, now, slot_id):
    service_id = await clinic(conn, slot_id, 0)
    assert await found_by(conn, now) == [Drift("clinic_number", service_id, None, 0, 1)]


async def test_all_slots_are_compared_however_few_at_a_time(conn, now, monkeypatch):
    monkeypatch.setattr(reconciliation, "SLOTS_AT_A_TIME", 2)
    monkeypatch.setattr(reconciliation, "SERVICES_AT_A_TIME", 2)
    slots = [await make.slot(conn, public=2) for _ in range(5)]
    await conn.execute("update slot_pool set taken = 1")
    assert [drift.subject_id for drift in await found_by(conn, now)] == slots


async def test_it_writes_down_what_it_found_and_repairs_nothing(conn, now, slot_id, monkeypatch):
    monkeypatch.setattr(reconciliation, "MOST_EXAMPLES", 1)
    await conn.execute("update slot_pool set taken = 2")
    before = await conn.fetch("select * from slot_pool order by channel")
    found = await reconcile(conn, now)
    assert (found.drifts, len(found.examples)) == (2, 1)
    row = await reconciliation.last(conn)
    assert row is not None
    assert (row["started_at"], row["pools"], row["drifts"]) == (now, 2, 2)
    assert row["examples"] == [
        {"kind": "pool_taken", "subject_id": str(slot_id), "channel": "assisted", "stored": 2, "counted": 0}
    ]
    assert await conn.fetch("select * from slot_pool order by channel") == before


async def test_the_worker_compares_at_night_and_complains(conn, settings, vault, clock, slot_id):
    await conn.execute("update slot_pool set taken = 2")
    (chore,) = (chore for chore in CHORES if chore.name == "reconcile")
    worker = Worker(settings.database_url, build_file_store(settings, vault), vault, clock, Metrics(), [chore])
    with structlog.testing.capture_logs() as logs:
        assert await worker.turn(conn, [chore]) == ["reconcile"]
    complaint = {"event": "counters differ from their rows", "kind": "pool_taken", "at_least": 2, "log_level": "error"}
    assert complaint in logs
    assert str(slot_id) not in str(logs)


async def test_every_process_shows_what_the_last_comparison_found(conn, client, app, now, slot_id):
    await conn.execute("update slot_pool set taken = 2")
    found = await reconcile(conn, now)
    await reconciliation_figures.read(app)
    shown = app[METRICS].registry.get_sample_value
    assert shown("xiaotuo_reconciliation_drifts") == found.drifts == 2
    assert shown("xiaotuo_reconciliation_timestamp_seconds") == pytest.approx(now.timestamp(), abs=60)


async def test_no_drift_is_seen_while_people_book_and_cancel(conn, app, client, second_client, now):
    """Each comparison meets transactions under way; whatever it sees of them, it sees rows and counters alike."""
    slots = [await loose_slot(conn, public=30, assisted=3) for _ in range(4)]
    people = [await make.resident(conn, app) for _ in range(6)]
    done = asyncio.Event()
    booked = 0

    async def book_and_cancel(who, through):
        nonlocal booked
        for turn in range(25):
            made = await book(through, who, slots[turn % len(slots)])
            assert made.status == 201, made
            booked += 1
            if turn % 3:
                assert (await cancel(through, who, made.body["id"])).status == 200

    async def compare():
        compared = 0
        with contextlib.suppress(asyncio.CancelledError):
            while not done.is_set():
                assert await found_by(conn, now) == []
                compared += 1
        return compared

    comparing = asyncio.create_task(compare())
    through = [client, second_client] * 3
    await asyncio.gather(*(book_and_cancel(*pair) for pair in zip(people, through, strict=True)))
    done.set()
    assert await comparing > 5
    assert booked == 150
