"""The weekly schedules of the demo's services, from the opening hours in the data files, and their first slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import policies, schedule_generation, schedules
from domain.identifiers import new_id
from domain.vocabulary import local_day
from server.seed import data

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection


async def add_schedules(conn: Connection, now: datetime) -> int:
    """Add a schedule for each service that never had one; return how many."""
    services = {(row["provider"], row["department"], row["name"]): row for row in await sql.seed.services(conn)}
    await policies.hold(conn)
    added = 0
    for provider in data.providers():
        for service in provider["service"]:
            row = services.get((provider["name"], service["department"], service["name"]))
            if row is not None and not row["was_scheduled"]:
                given = template(row["id"], data.read("hours")[service["hours"]], now)
                await schedules.insert(conn, new_id(), given, now, None)
                added += 1
    return added


def template(service_id: UUID, hours: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Return what staff would send to make the schedule of these opening hours."""
    return {
        "service_id": service_id,
        "resource": "",
        "valid_from": local_day(now),
        "valid_to": None,
        "on_holidays": hours["on_holidays"],
        "sessions": [
            {
                "weekday": weekday,
                "starts": session["opens"],
                "ends": session["closes"],
                "slot_minutes": session["minutes"],
                "capacity": session["public"] + session["assisted"] + session["counter"],
                "assisted": session["assisted"],
                "counter": session["counter"],
            }
            for session in hours["sessions"]
            for weekday in session["weekdays"]
        ],
    }


async def add_slots(conn: Connection, now: datetime) -> int:
    """Make the slots that the worker would make, so that there are some at once; return how many."""
    return (await schedule_generation.generate(conn, now)).get("made", 0)
