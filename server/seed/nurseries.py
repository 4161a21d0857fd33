"""Classes of the nurseries, and a round of enrolment that is open from the day of the seed."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain.enrolment_round_rules import tiers
from domain.identifiers import new_id
from domain.vocabulary import LOCAL_ZONE, local_day
from server.seed import data

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg import Connection

CLOSING, DRAWING = time(18), time(10)
DEFAULTS = {"answer_hours": 72, "repair_hours": 72, "document_days": 90}


async def add_nurseries(conn: Connection, now: datetime) -> dict[str, int]:
    """Add classes to nurseries that have none, and a round where there never was one: staff may have changed them."""
    planned = data.read("nurseries")["class"]
    if await sql.seed.nursery_classes_exist(conn):
        return {"classes": 0, "rounds": 0}
    names = {each["nursery"] for each in planned}
    providers = {row["name"]: row["id"] for row in await sql.seed.providers(conn, names=list(names))}
    classes = [
        {**each, "id": new_id(), "provider_id": providers[each["nursery"]], "from_months": first, "until_months": last}
        for each in planned
        if each["nursery"] in providers
        for first, last in [each["months"]]
    ]
    added: int = await sql.seed.add_nursery_classes(conn, rows=classes, now=now)
    return {
        "classes": added,
        "rounds": await _add_round(conn, {each["name"]: each["id"] for each in classes}, now),
    }


async def _add_round(conn: Connection, classes: dict[str, UUID], now: datetime) -> int:
    """Draft a round as staff would, and announce it; what is not there any more is not offered."""
    plan = data.read("nurseries")["round"]
    programmes = [
        programme | {"id": new_id(), "class_id": classes[programme["class"]]}
        for programme in plan["programme"]
        if programme["class"] in classes
    ]
    areas = {row["code"]: row["id"] for row in await sql.seed.areas(conn)}
    if not programmes or plan["area"] not in areas:
        return 0
    round_id, groups = new_id(), {group["code"]: new_id() for group in plan["group"]}
    times = _times(plan, now)
    told = {name: plan[name] for name in ("notes", "value_source", "max_ranks")}
    await sql.enrolment_rounds.create(
        conn, id=round_id, area_id=areas[plan["area"]], now=now, account_id=None, **told, **times, **DEFAULTS
    )
    await sql.enrolment_rounds.add_groups(
        conn, round_id=round_id, rows=[group | {"id": groups[group["code"]]} for group in plan["group"]]
    )
    await sql.enrolment_rounds.add_programmes(conn, round_id=round_id, rows=programmes)
    await sql.enrolment_rounds.add_reserves(
        conn,
        rows=[
            reserve | {"programme_id": programme["id"], "group_id": groups[reserve["group"]], "position": position}
            for programme in programmes
            for position, reserve in enumerate(programme["reserves"], 1)
        ],
    )
    seats = [
        {"id": new_id(), "programme_id": programme["id"], "number": number, "tiers": takes}
        for programme in programmes
        for number, takes in enumerate(tiers(programme), 1)
    ]
    await sql.enrolment_rounds.add_seats(conn, rows=seats)
    await sql.enrolment_rounds.announce(conn, id=round_id, now=now)
    return 1


def _times(plan: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the days of a round that opens at the midnight before `now`, and what it is called by its first day."""
    today = local_day(now)
    closes = today + timedelta(days=plan["open_days"])
    review = closes + timedelta(days=plan["review_days"])
    due = closes + timedelta(days=plan["due_days"])
    month = today.month + plan["months_ahead"]
    starts = date(today.year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    return {
        "name": f"{starts.year} 年 {starts.month} 月示范区入托报名",
        "reference_date": starts,
        "starts_on": starts,
        "opens_at": datetime.combine(today, time(), LOCAL_ZONE),
        "closes_at": datetime.combine(closes, CLOSING, LOCAL_ZONE),
        "review_until": datetime.combine(review, CLOSING, LOCAL_ZONE),
        "value_due_at": datetime.combine(due, DRAWING, LOCAL_ZONE),
    }
