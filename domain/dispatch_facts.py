"""What the choice of volunteers is made from, read in sets."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sql
from domain.availability import midnight
from domain.dispatch_plan import Helper, Mandates, Place, Sought, fits
from domain.help_vocabulary import Ability, PartOfDay, Reach
from domain.vocabulary import local_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime, time
    from uuid import UUID

    from asyncpg import Connection

    from domain.dispatch_plan import Minutes, Span
    from domain.help_vocabulary import Misfit
    from domain.rows import Row

AT_A_TIME = 500
"""Rows asked for in one statement."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the ruling help policy of a request's area says of its dispatch."""

    round_sizes: tuple[int, ...]
    round_minutes: int
    quiet: tuple[time, time] | None
    alarm_hours: int
    limit_tasks: int
    limit_minutes_day: int


async def misfit(
    conn: Connection,
    request_id: UUID,
    volunteer_id: UUID,
    now: datetime,
    reach: Reach = Reach.AROUND,
    *,
    again: bool = False,
) -> Misfit | None:
    """Return why a volunteer cannot have a request as things are now.

    For acceptance and assignment, under the lock of the volunteer, who is there as the request is. `again`: who had it
    before may have it another time.
    """
    rows = await sql.dispatch.requests(conn, ids=[request_id], now=now)
    places = await read_places(conn)
    rules = await read_rules(conn, [rows[0]["area_id"]])
    helpers = await read_helpers(conn, [volunteer_id], now)
    wanted = sought(rows[0], places, rules)
    return fits(replace(wanted, freed=frozenset()) if again else wanted, helpers[0], now, reach)


async def read_places(conn: Connection) -> dict[UUID, Place]:
    rows = await sql.dispatch.areas(conn)
    return places({row["id"]: row["parent_id"] for row in rows})


def places(parents: Mapping[UUID, UUID | None]) -> dict[UUID, Place]:
    """Return each area as a place, from the area above each."""
    upwards: dict[UUID, tuple[UUID, ...]] = {}
    below: dict[UUID, set[UUID]] = defaultdict(set)
    for area_id in parents:
        above: list[UUID] = []
        at: UUID | None = area_id
        while at is not None:
            above.append(at)
            at = parents[at]
        upwards[area_id] = tuple(above)
        for higher in above[1:]:
            below[higher].add(area_id)
    around = {area_id: frozenset(areas) for area_id, areas in below.items()}
    return {
        area_id: Place(area_id, above, around[above[1]] if len(above) > 1 else frozenset({area_id}))
        for area_id, above in upwards.items()
    }


async def read_rules(conn: Connection, areas: Iterable[UUID]) -> dict[UUID, Rules]:
    rows = await sql.dispatch.rules(conn, areas=list(set(areas)))
    return {
        row["area_id"]: Rules(
            tuple(row["round_sizes"]),
            row["round_minutes"],
            None if row["quiet_from"] is None else (row["quiet_from"], row["quiet_until"]),
            row["alarm_hours"],
            row["limit_tasks"],
            row["limit_minutes_day"],
        )
        for row in rows
    }


def sought(row: Row, places_by_area: Mapping[UUID, Place], rules: Mapping[UUID, Rules]) -> Sought:
    asked_for = {
        Ability.BOOK: row["needs_booking"],
        Ability.ACCOMPANY: row["needs_companion"],
        Ability.DRIVE: row["needs_ride"],
    }
    return Sought(
        id=row["id"],
        team_id=row["team_id"],
        place=places_by_area[row["area_id"]],
        language=row["language"],
        abilities=frozenset(ability for ability, needed in asked_for.items() if needed),
        wished_days=tuple(row["wished_days"]),
        part_of_day=PartOfDay(row["part_of_day"]),
        span=None if row["starts_at"] is None else (row["starts_at"], row["ends_at"]),
        mandates=Mandates(
            needed=row["needs_booking"] and row["booking_id"] is None,
            obtainable=row["obtainable"],
            volunteers=frozenset(row["mandated_volunteers"]),
            teams=frozenset(row["mandated_teams"]),
        ),
        limit_tasks=rules[row["area_id"]].limit_tasks,
        limit_minutes_day=rules[row["area_id"]].limit_minutes_day,
        freed=frozenset(row["freed"]),
        carers=frozenset(row["carers"]),
    )


async def read_helpers(conn: Connection, ids: Sequence[UUID], now: datetime) -> list[Helper]:
    helpers: list[Helper] = []
    for at in range(0, len(ids), AT_A_TIME):
        helpers += await _read_helpers(conn, ids[at : at + AT_A_TIME], now)
    return helpers


async def _read_helpers(conn: Connection, ids: Sequence[UUID], now: datetime) -> list[Helper]:
    hours: dict[UUID, dict[int, list[Minutes]]] = defaultdict(lambda: defaultdict(list))
    for row in await sql.dispatch.hours(conn, ids=ids):
        hours[row["volunteer_id"]][row["weekday"]].append((row["from_minute"], row["until_minute"]))
    days_off: dict[UUID, list[tuple[date, date]]] = defaultdict(list)
    for row in await sql.dispatch.days_off(conn, ids=ids, today=local_day(now)):
        days_off[row["volunteer_id"]].append((row["first_day"], row["last_day"]))
    work: dict[UUID, list[Span]] = defaultdict(list)
    for row in await sql.dispatch.work(conn, ids=ids, since=midnight(local_day(now))):
        work[row["volunteer_id"]].append((row["starts_at"], row["ends_at"]))
    return [
        Helper(
            id=row["id"],
            team_id=row["team_id"],
            status=row["status"],
            areas=frozenset(row["areas"]),
            languages=frozenset(row["languages"]),
            abilities=frozenset(map(Ability, row["abilities"])),
            hours={weekday: tuple(spans) for weekday, spans in hours[row["id"]].items()},
            days_off=tuple(days_off[row["id"]]),
            work=tuple(work[row["id"]]),
            tasks=row["tasks"],
            load=row["load"],
        )
        for row in await sql.dispatch.helpers(conn, ids=ids, now=now)
    ]
