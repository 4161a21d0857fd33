"""Schedules between their rows and what `domain.schedule_plan` makes slots of."""

from __future__ import annotations

from datetime import date, time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sql
from domain.schedule_plan import ExceptionDays, Session, Template
from domain.vocabulary import ExceptionKind, OnHolidays

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from asyncpg import Connection


async def active(conn: Connection, service_id: UUID, resource: str) -> list[Template]:
    """Return the schedules of one doctor or counter of a service, each with its live exceptions."""
    rows = await sql.schedules.active_of(conn, service_id=service_id, resource=resource)
    return [template(row) for row in rows]


async def hold(conn: Connection, service_id: UUID, resource: str) -> None:
    """Let nobody change these schedules, or make slots of them, until the transaction ends; after `policies.hold`."""
    await sql.schedules.lock(conn, service_id=service_id, resource=resource)


def template(row: Mapping[str, Any]) -> Template:
    """Read a schedule's row with its sessions and live exceptions."""
    return Template(
        row["id"],
        row["valid_from"],
        row["valid_to"],
        OnHolidays(row["on_holidays"]),
        by_weekday(row["sessions"]),
        tuple(exception(each) for each in row["exceptions"] if each["withdrawn_at"] is None),
    )


def exception(given: Mapping[str, Any]) -> ExceptionDays:
    """Read an exception, of a row's JSON or of an input with the id that it would have."""
    return ExceptionDays(
        ExceptionKind(given["kind"]),
        _day(given["first_day"]),
        _day(given["last_day"]),
        sessions(given["sessions"]),
        UUID(given["id"]) if isinstance(given["id"], str) else given["id"],
    )


def by_weekday(given: Iterable[Mapping[str, Any]]) -> Mapping[int, tuple[Session, ...]]:
    """Return a template's sessions by their weekday, each day's in order."""
    of_day: dict[int, list[Mapping[str, Any]]] = {}
    for each in given:
        of_day.setdefault(each["weekday"], []).append(each)
    return {weekday: sessions(of_day[weekday]) for weekday in sorted(of_day)}


def sessions(given: Sequence[Mapping[str, Any]]) -> tuple[Session, ...]:
    """Return sessions in order of their start."""
    read = [
        Session(
            _time(each["starts"]),
            _time(each["ends"]),
            each["slot_minutes"],
            each["capacity"],
            each["assisted"],
            each["counter"],
        )
        for each in given
    ]
    return tuple(sorted(read, key=lambda session: session.starts))


def _day(given: date | str) -> date:
    return date.fromisoformat(given) if isinstance(given, str) else given


def _time(given: time | str) -> time:
    return time.fromisoformat(given) if isinstance(given, str) else given
