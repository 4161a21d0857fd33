"""Weekly schedules from the opening hours in the data files; the worker makes their slots from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sql
from domain import policies, schedules
from domain.identifiers import new_id
from domain.vocabulary import OnHolidays, local_day
from server.seed import data

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from asyncpg import Connection


async def add_schedules(conn: Connection, now: datetime) -> int:
    """Add a schedule from today on to each service of the data files that never had one; return how many.

    Slots that such a service has already stay as they are: the worker makes the others of the window, and of each
    day that comes into it. In the caller's transaction, before anything that locks pools.
    """
    known = {
        (row["provider"], row["department"], row["name"]): UUID(int=row["id"].int)
        for row in await sql.seed.services(conn)
    }
    with_schedules = {row["service_id"] for row in await sql.seed.services_with_schedules(conn)}
    await policies.hold(conn)
    added = 0
    for provider in data.providers():
        for service in provider["service"]:
            service_id = known.get((provider["name"], service["department"], service["name"]))
            if service_id is not None and service_id not in with_schedules:
                await schedules.insert(conn, new_id(), _template(service_id, service["hours"], now), now, None)
                added += 1
    return added


def _template(service_id: UUID, hours: str, now: datetime) -> Mapping[str, Any]:
    return {
        "service_id": service_id,
        "resource": "",
        "valid_from": local_day(now),
        "valid_to": None,
        "on_holidays": OnHolidays.CLOSED,
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
            for session in data.read("hours")[hours]["sessions"]
            for weekday in session["weekdays"]
        ],
    }
