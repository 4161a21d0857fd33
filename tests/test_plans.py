"""What each statement of booking touches beside many old bookings: by index, and little.

`make plans` runs this beside five million of them.
"""

from __future__ import annotations

import contextlib
import sys
import time
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg

from domain.help_vocabulary import LIVE, HelpState
from domain.reconciliation import reconcile
from domain.vocabulary import CLERKS, LOCAL_ZONE
from server.database import GROUP_SETTINGS, prepare_connection
from tests.plans import (
    BIG,
    BOOKINGS,
    ENTRIES,
    GROWING,
    PEOPLE,
    REQUESTS,
    booking_of,
    explain,
    explain_all,
    fill,
    made,
    prepare,
    settle,
    too_much,
    turn_of,
)

NOW = datetime(2026, 11, 23, 7, tzinfo=LOCAL_ZONE)
TODAY = date(2026, 11, 23)

SOMEBODY, SOME = 15_000, range(12_500, 12_505)
ACCOUNT, PERSON, OF_VOLUNTEER = made(1, SOMEBODY), made(2, SOMEBODY), made(1, 7)
SLOTS = [made(7, n) for n in range(1, 6)]
NEW = [made(12, n) for n in range(5)]
OLD = [booking_of(SOMEBODY), *map(booking_of, SOME[:2])]
WAITING = made(13, ENTRIES - 300)
OF_SERVICE = {"service_id": made(6, 2)}
A_MONTH_BACK = {"begins": NOW - timedelta(days=30), "ends": NOW}
A_MONTH = {"begins": NOW, "ends": NOW + timedelta(days=30)}
BATCH = {
    "accounts": [made(1, n) for n in SOME],
    "people": [made(2, n) for n in SOME],
    "keys": [f"key {turn_of(n)}" for n in SOME],
}

HOT: dict[str, dict[str, Any]] = {
    "bookings.lock_people_to_book": {name: BATCH[name] for name in ("accounts", "people")} | {"ids": BATCH["people"]},
    "bookings.lock_volunteers": {"account_ids": [made(1, 3), made(1, 4)]},
    "bookings.slots": {"ids": SLOTS},
    "bookings.requests": BATCH
    | {
        "providers": [made(5, n % 20 + 1) for n in SOME],
        "days": [TODAY] * 5,
        "first_day": TODAY - timedelta(days=89),
        "last_day": TODAY + timedelta(days=89),
        "now": NOW,
    },
    "bookings.volunteer_bookings": {"volunteers": [made(8, 3), made(8, 4)], "days": [TODAY]},
    "act_limits.acted": {"accounts": [made(1, 3), made(1, 4)], "begins": NOW},
    "bookings.desk_providers": {"account_id": ACCOUNT, "roles": list(CLERKS)},
    "bookings.lock_pools": {"slots": SLOTS, "channels": ["public"] * 5},
    "bookings.insert_bookings": {
        "ids": NEW,
        "slots": SLOTS,
        "channels": ["public"] * 5,
        "numbers": [6] * 5,
        "codes": ["000000"] * 5,
        "people": BATCH["people"],
        "accounts": BATCH["accounts"],
        "mandates": [None] * 5,
        "days": [TODAY] * 5,
        "answers": ["{}"] * 5,
        "keys": [f"a new key {n}" for n in range(5)],
        "chain": 3,
        "now": NOW,
    },
    "bookings.replay": {"ids": OLD},
    "bookings.by_ids": {"ids": OLD},
    "bookings.lock_bookings": {"ids": OLD},
    "bookings.changes": {"accounts": [ACCOUNT] * 3, "bookings": OLD, "now": NOW},
    "bookings.set_status": {
        "ids": OLD,
        "statuses": ["checked_in"] * 3,
        "reasons": [""] * 3,
        "actors": [ACCOUNT] * 3,
        "now": NOW,
    },
    "suspensions.lock_people_of_bookings": {"bookings": OLD},
    "suspensions.missed": {"bookings": OLD},
    "suspensions.counting": {"person_id": PERSON, "provider_id": made(5, 4), "first_day": TODAY - timedelta(days=90)},
    "suspensions.before": {"person_id": PERSON, "provider_id": made(5, 4)},
    "places.hold_queues_of_bookings": {"bookings": OLD},
    "places.give_back": {
        "ids": NEW,
        "slots": SLOTS,
        "channels": ["public"] * 5,
        "causes": ["cancelled"] * 5,
        "chances": [0.5] * 5,
        "now": NOW,
    },
    "queues.enter": {
        "bookings": [made(11, BOOKINGS - 3)],
        "services": [made(6, 2)],
        "resources": [""],
        "days": [date(2026, 12, 1)],
        "orders": [NOW],
        "lates": [False],
        "arrivals": [NOW],
    },
    "queues.finish": {"bookings": [made(11, BOOKINGS - 1)], "now": NOW},
    "mandate_use.lock": {"ids": [made(10, 5), made(10, 6)]},
    "mandate_use.acting": {"accounts": [ACCOUNT] * 3, "bookings": OLD},
    "mandate_use.lock_tasks": {"ids": [made(10, 5)], "accounts": [ACCOUNT]},
    "audit.lock_chain": {"chain": 3},
    "audit.append": {
        "chain": 3,
        "first_seq": BOOKINGS // 16 + 1,
        "at": NOW,
        "actors": [ACCOUNT],
        "actions": ["bookings.booked"],
        "subjects": [OLD[0]],
        "facts": ["{}"],
        "requests": [None],
        "macs": ["\\\\x" + "00" * 32],
    },
}
"""Statements of the groups with what a small batch gives them."""

READ: dict[str, dict[str, Any]] = {
    "bookings.of_account": {
        "account_id": ACCOUNT,
        "person_id": None,
        "statuses": None,
        "before": None,
        "now": NOW,
        "most": 21,
    },
    "bookings.of_account as a volunteer": {
        "account_id": OF_VOLUNTEER,
        "person_id": None,
        "statuses": ["booked"],
        "before": OLD[2],
        "now": NOW,
        "most": 21,
    },
    "mandate_use.covering": {"account_id": OF_VOLUNTEER, "person_id": made(2, 5), "matter": "medical", "now": NOW},
    "mandate_views.uses": {"ids": [made(10, 5), made(10, 6)]},
    "mandate_views.shown": {"ids": [made(10, 5), made(10, 6)], "account_id": ACCOUNT, "now": NOW},
    "mandates.standing": {
        "person_id": made(2, 5),
        "volunteer_id": made(8, 3),
        "team_id": None,
        "way": "sms",
        "now": NOW,
        "day_ago": NOW,
        "pending_since": NOW,
    },
    "bookings.visible": {"account_id": ACCOUNT, "booking_id": OLD[0], "now": NOW},
    "bookings.by_ids": {"ids": OLD},
    "bookings.of_day": {
        "provider_id": made(5, 4),
        "day": TODAY,
        "service_id": None,
        "statuses": ["booked", "checked_in"],
        "code": "123456",
        "person_id": None,
        "after": None,
        "most": 21,
    },
    "availability.days": OF_SERVICE | A_MONTH | {"first": TODAY, "last": TODAY + timedelta(days=29), "now": NOW},
    "availability.slots": OF_SERVICE | {"begins": NOW, "ends": NOW + timedelta(days=1), "now": NOW},
    "moving.booking": {"id": OLD[0], "account_id": ACCOUNT, "now": NOW},
    "bookings.of_document": {
        "provider_id": made(5, 4),
        "day": TODAY,
        "kind": "resident_id",
        "document_index": "\\x" + SOMEBODY.to_bytes(8).hex(),
    },
    "passes.policy_of": {"slot_id": SLOTS[0]},
    "passes.booking": {"booking_id": OLD[0]},
    "queues.raise_version": OF_SERVICE | {"resource": "", "day": TODAY},
    "queues.ticket": {"booking_id": OLD[0]},
    "queues.board": OF_SERVICE | {"resource": "", "day": TODAY},
    "queues.of_clinic": OF_SERVICE | {"resource": "", "day": TODAY},
    "queues.expected": OF_SERVICE | {"resource": "", "day": TODAY},
    "queues.clinics": {"provider_id": made(5, 4), "day": TODAY},
    "queues.place_of": {"account_id": ACCOUNT, "booking_id": OLD[0], "now": NOW},
    "queues.call_next": OF_SERVICE | {"resource": "", "day": TODAY, "counter": "1", "now": NOW},
    "no_shows.slots_over": {"now": NOW, "most": 50},
    "no_shows.standing": {"slots": SLOTS, "most": 50},
    "rebooking.newest": {"booking_id": OLD[0]},
    "rebooking.ended": {"now": NOW, "most": 50},
    "fallback.due": {"since": NOW - timedelta(days=1), "now": NOW, "most": 50},
    "places.hold_queues": {"services": [made(6, 2)]},
    "places.wanted": {"slots": SLOTS, "channels": ["public"] * 5, "places": [1] * 5, "now": NOW},
    "waitlist.join_requests": {
        "accounts": [ACCOUNT],
        "keys": ["a new key"],
        "services": [made(6, 2)],
        "firsts": [TODAY],
        "lasts": [TODAY + timedelta(days=7)],
        "parties": [1],
        "assisted": [False],
        "now": NOW,
    },
    "waitlist.join_people": {
        "accounts": [ACCOUNT],
        "people": [PERSON],
        "services": [made(6, 2)],
        "firsts": [TODAY],
        "lasts": [TODAY + timedelta(days=7)],
        "now": NOW,
    },
    "waitlist.shown": {"ids": [WAITING]},
    "waitlist.of_account": {"account_id": ACCOUNT, "live_only": True, "before": None, "now": NOW, "most": 21},
    "waitlist.visible": {"account_id": ACCOUNT, "entry_id": WAITING, "now": NOW},
    "waitlist.of_service": OF_SERVICE | {"statuses": ["waiting"], "after": None, "most": 21},
    "waitlist.lock_live_offers": {"entries": [WAITING]},
    "waitlist.last_offer": {"entry_id": WAITING},
    "waitlist.due": {"now": NOW},
    "waitlist.offers_over": OF_SERVICE | {"now": NOW},
    "waitlist.kept_of_service": OF_SERVICE,
    "waitlist.candidates": OF_SERVICE | {"kept": [made(15, 1)], "after": 0, "most": 20, "now": NOW},
    "waitlist.live": OF_SERVICE | {"now": NOW},
    "figures.pools": {"provider_id": made(5, 4), "begins": NOW, "ends": NOW + timedelta(days=1)},
    "figures.bookings": {"provider_id": made(5, 4), "begins": NOW, "ends": NOW + timedelta(days=1)},
    "figures.kept": {"provider_id": made(5, 4), "begins": NOW, "ends": NOW + timedelta(days=1)},
    "figures.joined": {"provider_id": made(5, 4), "begins": NOW, "ends": NOW + timedelta(days=1)},
    "figures.offers": {"provider_id": made(5, 4), "begins": NOW, "ends": NOW + timedelta(days=1)},
    "booking_exports.count": {"provider_id": made(5, 4), "begins": NOW, "ends": NOW + timedelta(days=1), "most": 1000},
    "booking_exports.page": {
        "provider_id": made(5, 4),
        "begins": NOW,
        "ends": NOW + timedelta(days=1),
        "after_at": NOW,
        "after_id": NEW[0],
        "most": 1000,
    },
    "booking_calendar.event": {"booking_id": OLD[0]},
    "odd_patterns.uses": {
        "volunteers": [made(8, 3), made(8, 4)],
        "accounts": [made(1, 3), made(1, 4)],
        "firsts": [TODAY - timedelta(days=7)] * 2,
    },
    "odd_patterns.visits": {"volunteers": [made(8, 3), made(8, 4)], "firsts": [TODAY - timedelta(days=7)] * 2},
    "dispatch.due": {"now": NOW, "most": 10_000},
    "dispatch.requests": {"ids": [made(17, REQUESTS - n) for n in range(5)], "now": NOW},
    "dispatch.lapse": {"ids": [made(17, REQUESTS - n) for n in range(5)], "now": NOW},
    "dispatch.helpers": {"ids": [made(8, 3), made(8, 4)], "now": NOW},
    "dispatch.work": {"ids": [made(8, 3), made(8, 4)], "since": NOW},
    "help_lists.of_family": {
        "account_id": ACCOUNT,
        "person_id": None,
        "states": list(HelpState),
        "before": None,
        "most": 21,
    },
    "help_lists.of_team": {"team_id": made(9, 3), "states": list(HelpState), "before": None, "most": 21},
    "help_lists.of_team of the live ones": {"team_id": made(9, 3), "states": list(LIVE), "before": None, "most": 21},
    "help_lists.of_staff": {
        "account_id": made(1, 1),
        "roles": list(CLERKS),
        "team_id": None,
        "area_id": None,
        "states": list(HelpState),
        "before": None,
        "most": 21,
    },
    "help_lists.whole": {"ids": [made(17, n) for n in range(1, 22)]},
    "help_lists.events": {"ids": [made(17, n) for n in range(1, 22)]},
    "help_requests.live_of_person": {"person_id": PERSON},
    "help_requests.team": {"area_id": made(4, 1), "team_id": None},
    "help_ends.lock_due": {"now": NOW, "most": 100},
    "help_release.lock_of_volunteer": {"volunteer_id": made(8, 7)},
    "help_release.let_go": {"ids": [made(17, REQUESTS - 300)], "now": NOW},
    "help_release.wake": {"ids": [made(17, REQUESTS - 3)], "now": NOW},
    "help_tasks.task": {"request_id": made(17, REQUESTS - 3), "volunteer_id": made(8, 3)},
    "help_tasks.settle_offers": {"request_id": made(17, REQUESTS - 3), "volunteer_id": made(8, 3), "now": NOW},
    "help_unit.hold": {"bookings": [made(11, REQUESTS - 300), made(11, REQUESTS - 301), *NEW]},
    "help_unit.of_bookings": {"bookings": [made(11, REQUESTS - 300), made(11, REQUESTS - 301), *NEW]},
    "help_unit.times": {"requests": [made(17, REQUESTS - 300)], "slots": [made(7, 1)]},
    "help_unit.bind": {
        "id": NEW[0],
        "request_id": made(17, REQUESTS - 3),
        "volunteer_id": made(8, 3),
        "starts_at": NOW + timedelta(days=30),
        "ends_at": NOW + timedelta(days=30, hours=1),
    },
    "help_views.view_of": {"volunteer_id": made(8, 3), "request_id": made(17, REQUESTS - 300), "now": NOW},
    "help_views.open_facts": {"ids": [made(17, REQUESTS - n) for n in range(290, 311)], "volunteer_id": made(8, 3)},
    "help_views.whole": {"id": made(17, REQUESTS - 300)},
    "help_views.of_volunteer now": {
        "volunteer_id": made(8, 3),
        "view": None,
        "before": None,
        "now": NOW,
        "most": 21,
    },
    "help_hours.of_volunteer": {"account_id": OF_VOLUNTEER, **A_MONTH_BACK},
    "help_hours.of_member": {"team_id": made(9, 8), "volunteer_id": made(8, 8), **A_MONTH_BACK},
    "help_hours.of_team": {"team_id": made(9, 8), "after": None, "limit": None, **A_MONTH_BACK},
    "help_hours.tasks_of_team": {
        "team_id": made(9, 8),
        "after_at": A_MONTH_BACK["begins"],
        "after_id": NEW[0],
        "limit": 1000,
        **A_MONTH_BACK,
    },
    "help_progress.worked_on": {
        "volunteer_id": made(8, 8),
        "begins": NOW - timedelta(days=1),
        "ends": NOW,
        "but": made(17, 1),
    },
    "help_unconfirmed.late": {"now": NOW, "most": 100},
    "help_unconfirmed.lock_forgotten": {"before": NOW - timedelta(days=7), "most": 100},
    "help_complaints.of_team": {
        "team_id": made(9, 8),
        "account_id": ACCOUNT,
        "answered": None,
        "after": None,
        "limit": 21,
    },
    "reconciliation.slots_behind": {"after": made(7, 1), "most": 20},
    "reconciliation.pools": {"after": made(7, 1), "last": made(7, 21)},
    "reconciliation.services_behind": {"after": made(6, 1), "most": 20},
}
"""Statements of single requests, and of the night's comparison in smaller bites."""


def say(when, found):
    """Show what was measured, where pytest is told to (`-s`)."""
    sys.stdout.write(f"\n{when}\n")
    for name, each in found.items():
        rows = ", ".join(f"{table} {count}" for table, count in sorted(each.rows.items()))
        sys.stdout.write(f"  {name:42} {each.milliseconds:8.2f} ms {each.buffers:6} pages  {rows}\n")


async def test_every_statement_goes_by_index_and_touches_little(conn, database):
    """Also with plans that were made when the tables were still empty, and are kept until they are analyzed."""
    group = {name: value for name, value in GROUP_SETTINGS.items() if not name.endswith("timeout")}
    await settle(conn, group)
    hot = await prepare(conn, HOT)
    for execution in hot.values():
        with contextlib.suppress(asyncpg.ForeignKeyViolationError):
            await explain(conn, execution)
    other = await asyncpg.connect(database)
    begun = time.monotonic()
    await fill(other)
    say(f"{BOOKINGS} bookings of {PEOPLE} people made in {time.monotonic() - begun:.0f} s", {})
    found = await explain_all(conn, hot, GROWING)
    say("hot statements, planned while the tables were empty", found)
    assert too_much(found) == {}
    await other.execute("vacuum analyze", timeout=3600)
    await prepare_connection(other)
    begun = time.monotonic()
    compared = await reconcile(other, NOW)
    assert compared.examples == []
    say(f"{compared.pools} pools compared in {time.monotonic() - begun:.0f} s", {})
    await other.close()
    found = await explain_all(conn, hot, BIG)
    say("hot statements, planned since", found)
    assert too_much(found) == {}
    await conn.execute("reset all")
    reads = await prepare(conn, READ)
    for mode in ("force_generic_plan", "force_custom_plan"):
        await settle(conn, {"plan_cache_mode": mode})
        found = await explain_all(conn, reads, BIG)
        say(f"other statements, {mode}", found)
        assert too_much(found) == {}, mode
