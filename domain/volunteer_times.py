"""When a volunteer can be asked: hours week by week, and days off. What cannot be is refused by its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain.errors import Invalid
from domain.help_vocabulary import MAX_HOURS_A_WEEKDAY
from domain.vocabulary import clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from asyncpg import Connection

    Errors = dict[str, Any]

USUAL_HOURS = tuple({"weekday": weekday, "from_minute": 8 * 60, "until_minute": 18 * 60} for weekday in range(1, 8))
"""Of whoever names none."""
MAX_DAYS_OFF_LENGTH = 366


def hours_errors(hours: Sequence[Mapping[str, int]]) -> Errors:
    """Return by position what is wrong with hours of a week; each has `weekday`, `from_minute`, `until_minute`."""
    errors: Errors = {}
    for position, each in enumerate(hours):
        wrong: Errors = {}
        if each["until_minute"] <= each["from_minute"]:
            wrong["until"] = ["ends_before_start_of_day"]
        same_day = [earlier for earlier in hours[:position] if earlier["weekday"] == each["weekday"]]
        for earlier in same_day:
            if each["from_minute"] < earlier["until_minute"] and earlier["from_minute"] < each["until_minute"]:
                wrong["from"] = [f"overlaps_session {clock(earlier['from_minute'])}–{clock(earlier['until_minute'])}"]
        if len(same_day) == MAX_HOURS_A_WEEKDAY:
            wrong["weekday"] = [f"too_many_a_day {MAX_HOURS_A_WEEKDAY}"]
        if wrong:
            errors[str(position)] = wrong
    return errors


def days_off_errors(days_off: Sequence[Mapping[str, date]], today: date) -> Errors:
    """Return by position what is wrong with days off; each has `first_day` and `last_day`."""
    errors: Errors = {}
    for position, each in enumerate(days_off):
        wrong: Errors = {}
        earliest = max(each["first_day"], today)
        if each["last_day"] < earliest:
            wrong["to"] = [f"not_before {earliest}"]
        elif (each["last_day"] - each["first_day"]).days >= MAX_DAYS_OFF_LENGTH:
            wrong["to"] = [f"too_many_days {MAX_DAYS_OFF_LENGTH}"]
        for earlier in days_off[:position]:
            if each["first_day"] <= earlier["last_day"] and earlier["first_day"] <= each["last_day"]:
                wrong["from"] = [f"overlaps_session {earlier['first_day']}–{earlier['last_day']}"]
        if wrong:
            errors[str(position)] = wrong
    return errors


def check(
    hours: Sequence[Mapping[str, int]] | None, days_off: Sequence[Mapping[str, date]] | None, today: date
) -> None:
    """Raise Invalid for hours that overlap or leave the day, and for days off that are over or overlap."""
    errors = {"hours": hours_errors(hours or ()), "days_off": days_off_errors(days_off or (), today)}
    wrong = {name: found for name, found in errors.items() if found}
    if wrong:
        raise Invalid("invalid_input", errors=wrong)


async def put(
    conn: Connection,
    volunteer_id: UUID,
    hours: Sequence[Mapping[str, int]] | None,
    days_off: Sequence[Mapping[str, date]] | None,
) -> None:
    """Replace what is given by what was checked; the caller's transaction holds the volunteer's row."""
    if hours is not None:
        await sql.volunteers.forget_hours(conn, volunteer_id=volunteer_id)
        await sql.volunteers.add_hours(
            conn,
            volunteer_id=volunteer_id,
            weekdays=[each["weekday"] for each in hours],
            from_minutes=[each["from_minute"] for each in hours],
            until_minutes=[each["until_minute"] for each in hours],
        )
    if days_off is not None:
        await sql.volunteers.forget_days_off(conn, volunteer_id=volunteer_id)
        await sql.volunteers.add_days_off(
            conn,
            volunteer_id=volunteer_id,
            first_days=[each["first_day"] for each in days_off],
            last_days=[each["last_day"] for each in days_off],
        )
