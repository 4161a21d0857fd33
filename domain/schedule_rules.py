"""What no schedule can be, by field and naming the rows that are in each other's way. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.errors import Conflict, Invalid
from domain.schedule_plan import clashes
from domain.vocabulary import (
    MAX_EXCEPTION_DAYS,
    MAX_SCHEDULE_DAYS_AHEAD,
    MOST_SLOTS_NAMED,
    ExceptionKind,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, time

    from domain.schedule_plan import Calendar, Template

Errors = dict[str, Any]


def check_template(given: Mapping[str, Any], today: date, known_from: date | None = None) -> None:
    """Raise Invalid for a template that makes no sense; `known_from` is the day since which it holds already."""
    errors: Errors = {}
    if given["valid_from"] < today and given["valid_from"] != known_from:
        errors["valid_from"] = [f"not_before {today}"]
    elif (given["valid_from"] - today).days > MAX_SCHEDULE_DAYS_AHEAD:
        errors["valid_from"] = [f"too_many_days_ahead {MAX_SCHEDULE_DAYS_AHEAD}"]
    if given["valid_to"] is not None:
        earliest = max(given["valid_from"], today)
        if given["valid_to"] < earliest:
            errors["valid_to"] = [f"not_before {earliest}"]
        elif (given["valid_to"] - today).days > MAX_SCHEDULE_DAYS_AHEAD:
            errors["valid_to"] = [f"too_many_days_ahead {MAX_SCHEDULE_DAYS_AHEAD}"]
    if of_sessions := _session_errors(given["sessions"]):
        errors["sessions"] = of_sessions
    _refuse(errors)


def check_exception(given: Mapping[str, Any], template: Template, today: date) -> None:
    """Raise Invalid for an exception that makes no sense, or lies where its schedule does not hold."""
    errors: Errors = {}
    earliest = max(today, template.valid_from)
    if given["first_day"] < earliest:
        errors["from"] = [f"not_before {earliest}"]
    if given["last_day"] < given["first_day"]:
        errors["to"] = [f"not_before {given['first_day']}"]
    elif (given["last_day"] - given["first_day"]).days >= MAX_EXCEPTION_DAYS:
        errors["to"] = [f"too_many_days {MAX_EXCEPTION_DAYS}"]
    elif template.valid_to is not None and given["last_day"] > template.valid_to:
        errors["to"] = [f"not_after {template.valid_to}"]
    closed = given["kind"] == ExceptionKind.CLOSED
    if closed == bool(given["sessions"]):
        errors["sessions"] = ["closed_has_no_sessions" if closed else "required"]
    elif of_sessions := _session_errors(given["sessions"]):
        errors["sessions"] = of_sessions
    _refuse(errors)


def check_clashes(template: Template, calendar: Calendar, first: date, last: date) -> None:
    """Raise Conflict where an extra session would overlap others of its day."""
    found = list(clashes(template, calendar, first, last))
    if found:
        raise Conflict(
            "extra_overlaps",
            field="sessions",
            days=len({clash.day for clash in found}),
            clashes=[
                {
                    "day": clash.day,
                    "exception_id": clash.exception_id,
                    "extra": _span(clash.extra.starts, clash.extra.ends),
                    "session": _span(clash.other.starts, clash.other.ends),
                }
                for clash in found[:MOST_SLOTS_NAMED]
            ],
        )


def _session_errors(sessions: Sequence[Mapping[str, Any]]) -> Errors:
    """Return by position what is wrong with sessions; those of an exception have no weekday."""
    errors: Errors = {}
    for position, each in enumerate(sessions):
        length = _minute(each["ends"]) - _minute(each["starts"])
        wrong: Errors = {}
        if length <= 0:
            wrong["ends"] = ["ends_before_start"]
        elif each["slot_minutes"] > length:
            wrong["slot_minutes"] = [f"not_more_than {length}"]
        if each["assisted"] > each["capacity"]:
            wrong["assisted"] = [f"not_more_than {each['capacity']}"]
        elif each["assisted"] + each["counter"] > each["capacity"]:
            wrong["counter"] = [f"not_more_than {each['capacity'] - each['assisted']}"]
        for earlier in sessions[:position]:
            if (
                each.get("weekday") == earlier.get("weekday")
                and each["starts"] < earlier["ends"]
                and earlier["starts"] < each["ends"]
            ):
                wrong["starts"] = [f"overlaps_session {_span(earlier['starts'], earlier['ends'])}"]
        if wrong:
            errors[str(position)] = wrong
    return errors


def _refuse(errors: Errors) -> None:
    if errors:
        raise Invalid("invalid_input", errors=errors)


def _minute(of_day: time) -> int:
    return of_day.hour * 60 + of_day.minute


def _span(starts: time, ends: time) -> str:
    return f"{starts:%H:%M}–{ends:%H:%M}"
