"""Figures for staff: what was planned, used, fell back and was offered, service by service."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from domain.reconciliation import reconcile
from domain.schedule_generation import generate
from domain.vocabulary import LOCAL_ZONE, Role
from tests import make
from tests.test_reconciliation import entry, keep_back, offer

DAYS = {"from": "2026-11-24", "to": "2026-11-26"}


@pytest.fixture
async def place(conn):
    return await make.provider(conn)


@pytest.fixture
async def clerk(conn, app, place):
    return await make.staff(conn, app, Role.CLERK, provider_id=place)


@pytest.fixture
async def service_id(conn, place):
    return await make.service(conn, provider_id=place)


async def fetch(client, who, provider_id, status=200, **query):
    params = DAYS | {"provider": str(provider_id)} | query
    async with client.get("/v1/staff/figures", params=params, headers=who.headers) as response:
        answer = await response.json()
        assert response.status == status, answer
        return answer


def channel(answer, name):
    (line,) = [line for line in answer["services"][0]["channels"] if line["channel"] == name]
    return line


def counts(**of_status):
    zero = dict.fromkeys(("booked", "checked_in", "completed", "no_show", "cancelled", "moved"), 0)
    return zero | of_status


async def test_places_and_what_became_of_them_by_channel(client, conn, app, clerk, place, service_id):
    slot_id = await make.slot(conn, service_id, public=6, assisted=3, counter=2)
    for status in ("booked", "checked_in", "no_show", "cancelled", "moved"):
        await make.booking(conn, slot_id, await make.resident(conn, app), status=status)
    await make.booking(conn, slot_id, await make.resident(conn, app), channel="counter", status="completed")
    answer = await fetch(client, clerk, place)
    assert channel(answer, "public") == {
        "channel": "public",
        "places": 6,
        "closed_places": 0,
        "fallen_back": 0,
        "used": 3,
        "kept": 0,
        "free": 3,
        "bookings": counts(booked=1, checked_in=1, no_show=1, cancelled=1, moved=1),
    }
    assert channel(answer, "counter")["used"] == 1
    assert channel(answer, "counter")["bookings"] == counts(completed=1)
    assert channel(answer, "assisted")["free"] == 3


async def test_what_fell_back_counts_where_it_was_planned(client, conn, clerk, place, service_id):
    slot_id = await make.slot(conn, service_id, public=6, assisted=3, counter=2)
    closed = await make.slot(
        conn, service_id, public=4, assisted=1, state="closed", starts_at=datetime(2026, 11, 26, 9, tzinfo=LOCAL_ZONE)
    )
    move = """update slot_pool set capacity = capacity + $2, fallen_back = fallen_back + $3
              where slot_id = $1 and channel = $4"""
    for slot, to_public, by_channel in ((slot_id, 4, {"assisted": 2, "counter": 2}), (closed, 1, {"assisted": 1})):
        await conn.execute(move, slot, to_public, 0, "public")
        for name, places in by_channel.items():
            await conn.execute(move, slot, -places, places, name)
    answer = await fetch(client, clerk, place)
    lines = {
        name: [channel(answer, name)[key] for key in ("places", "closed_places", "fallen_back", "free")]
        for name in ("public", "assisted", "counter")
    }
    assert lines == {"public": [6, 4, 0, 10], "assisted": [3, 1, 2, 1], "counter": [2, 0, 2, 0]}


async def test_what_became_of_waiting(client, conn, app, clerk, place, service_id):
    slot_id = await make.slot(conn, service_id, public=9)
    for number, (status, of_offer) in enumerate(
        [("waiting", None), ("offered", "live"), ("accepted", "accepted"), ("ended", "lapsed"), ("ended", None)]
    ):
        entry_id = await entry(conn, app, slot_id, place=number + 1)
        if of_offer is not None:
            await offer(conn, slot_id, entry_id)
            await conn.execute(
                """update place_offer set status = $1, ended_at = case when $1 <> 'live' then now() end
                   where entry_id = $2""",
                of_offer,
                entry_id,
            )
        because = "days_over" if status == "ended" else None
        await conn.execute(
            """update waitlist_entry set status = $1, ended_because = $2, created_at = '2026-11-25T12:00+08',
                   ended_at = case when $1 in ('accepted', 'ended') then now() end where id = $3""",
            status, because, entry_id,
        )  # fmt: skip
    long_ago = await entry(conn, app, slot_id, place=9)
    await conn.execute("update waitlist_entry set created_at = '2026-10-01T00:00+08' where id = $1", long_ago)
    await keep_back(conn, slot_id)
    answer = await fetch(client, clerk, place)
    assert answer["services"][0]["waitlist"] == {
        "joined": 5,
        "still_waiting": 2,
        "served": 1,
        "ended": 2,
        "offered": 3,
        "open": 1,
        "accepted": 1,
        "declined": 0,
        "lapsed": 1,
        "withdrawn": 0,
    }
    assert channel(answer, "public")["kept"] == 2


async def test_other_days_and_other_providers_do_not_count(client, conn, clerk, place, service_id):
    for day in (23, 27):
        await make.slot(conn, service_id, starts_at=datetime(2026, 11, day, 23, 30, tzinfo=LOCAL_ZONE), minutes=20)
    await make.slot(conn, public=7)
    answer = await fetch(client, clerk, place)
    assert [(service["id"], service["channels"]) for service in answer["services"]] == [(str(service_id), [])]
    wider = await fetch(client, clerk, place, **{"from": "2026-11-23"})
    assert channel(wider, "public")["places"] == 1


async def test_the_last_comparison_is_told(client, conn, clock, clerk, place, service_id):
    assert (await fetch(client, clerk, place))["last_reconciliation"] is None
    await make.slot(conn, service_id, public=2)
    await conn.execute("update slot_pool set taken = 1")
    await reconcile(conn, clock.now)
    told = (await fetch(client, clerk, place))["last_reconciliation"]
    assert (told["pools"], told["drifts"]) == (1, 1)
    assert datetime.fromisoformat(told["finished_at"]) - clock.now < timedelta(minutes=1)


async def test_years_that_nobody_has_confirmed_are_told_while_schedules_use_them(
    client, conn, app, clock, clerk, place, service_id
):
    assert (await fetch(client, clerk, place))["unconfirmed_years"] == []
    clock.now = datetime(2026, 12, 28, 7, tzinfo=LOCAL_ZONE)
    await make.schedule(conn, service_id, {1: [("08:00", "09:00", 30, 5)]})
    await generate(conn, clock.now)
    clerk = await make.staff(conn, app, Role.ADMIN)
    assert (await fetch(client, clerk, place))["unconfirmed_years"] == [2026, 2027]
    await client.post("/v1/staff/calendar/2026/confirm", headers=clerk.headers)
    assert (await fetch(client, clerk, place))["unconfirmed_years"] == [2027]


async def test_a_range_that_is_too_long_or_empty_is_refused(client, clerk, place):
    assert (await fetch(client, clerk, place, 400, to="2027-11-24"))["errors"] == {"to": ["日期范围最多 92 天。"]}
    assert (await fetch(client, clerk, place, 400, to=f"{date(2026, 11, 23)}"))["code"] == "invalid_input"


async def test_staff_of_elsewhere_see_nothing(client, conn, app, place):
    elsewhere = await make.staff(conn, app, Role.MANAGER, provider_id=await make.provider(conn))
    assert (await fetch(client, elsewhere, place, 404))["code"] == "provider_not_found"
