"""Schedules: what staff make, change and end. What they do to slots is told by `domain.schedule_changes`.

Nothing here takes a slot or a place from a booking: what would is refused with `change_needs_preview`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, calendar_days, policies, schedule_rules, schedule_templates
from domain.availability import span
from domain.constraints import refusing
from domain.errors import Conflict, Invalid, NotFound
from domain.identifiers import new_id
from domain.permissions import require_signed_in, require_staff_at_schedule, require_staff_at_service
from domain.schedule_changes import planned_difference
from domain.schedule_slots import Counts, carry_out
from domain.vocabulary import (
    CLERKS,
    LOCAL_ZONE,
    MANAGERS,
    MAX_DAYS_SHOWN,
    MAX_EXCEPTIONS,
    MOST_SLOTS_NAMED,
    OnHolidays,
    ScheduleState,
    SlotEffect,
    local_day,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row
    from domain.schedule_changes import Difference
    from domain.schedule_plan import Template

    Find = Callable[[], Awaitable[list[Difference]]]
    How = Callable[[Connection, UUID, str, Find, str, datetime], Awaitable[Counts]]

WITHDRAWN_REASON = "排班调整"
"""Shown to residents on a slot that its schedule has no more."""


async def list_of_service(
    conn: Connection, ctx: Context, service_id: UUID, state: str | None, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Return a service's schedules; one more than `limit` where there are more."""
    await require_staff_at_service(conn, ctx, service_id, *CLERKS)
    rows: Sequence[Row] = await sql.schedules.list_of_service(
        conn, service_id=service_id, state=state, after=after, limit=limit + 1
    )
    return rows


async def show(conn: Connection, ctx: Context, schedule_id: UUID) -> Row:
    await require_staff_at_schedule(conn, ctx, schedule_id, *CLERKS)
    return await _show(conn, schedule_id)


async def _show(conn: Connection, schedule_id: UUID) -> Row:
    row: Row = await sql.schedules.show(conn, id=schedule_id)
    return row


async def create(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Row:
    """Make a schedule; the worker makes its slots. Slots made by hand at other times may not be in its way."""
    service_id, resource = given["service_id"], given["resource"]
    await require_staff_at_service(conn, ctx, service_id, *MANAGERS)
    schedule_rules.check_template(given, local_day(ctx.now))
    await policies.hold(conn)
    await schedule_templates.hold(conn, service_id, resource)
    schedule_id = new_id()
    await insert(conn, schedule_id, given, ctx.now, require_signed_in(ctx).account_id)
    await _refuse_slots_in_the_way(conn, ctx, schedule_id, service_id, resource)
    facts = {"service_id": service_id, "valid_from": given["valid_from"], "valid_to": given["valid_to"]}
    await audit.record(conn, ctx, "schedules.created", schedule_id, **facts, sessions=len(given["sessions"]))
    return await _show(conn, schedule_id)


async def insert(
    conn: Connection, schedule_id: UUID, given: Mapping[str, Any], now: datetime, created_by: UUID | None
) -> None:
    """Write a checked schedule with its sessions. Asks no permission: for `create` and the demo data."""
    days = {"valid_from": given["valid_from"], "valid_to": given["valid_to"]}
    scope = {"service_id": given["service_id"], "resource": given["resource"]}
    await _refuse_overlap(conn, schedule_id, scope, days)
    with refusing(schedule_not_overlapping=Conflict("schedule_overlaps", field="valid_from", schedules=[])):
        more = {"on_holidays": given["on_holidays"], "created_by": created_by}
        await sql.schedules.create(conn, id=schedule_id, **scope, **days, **more, now=now)
    await _write_sessions(conn, schedule_id, given["sessions"])


async def _refuse_overlap(
    conn: Connection, schedule_id: UUID, scope: Mapping[str, Any], days: Mapping[str, date | None]
) -> None:
    rows = await sql.schedules.overlapping(conn, id=schedule_id, **scope, **days)
    if rows:
        schedules = [{name: row[name] for name in ("id", "valid_from", "valid_to")} for row in rows]
        raise Conflict("schedule_overlaps", field="valid_from", schedules=schedules)


async def _write_sessions(conn: Connection, schedule_id: UUID, sessions: Sequence[Mapping[str, Any]]) -> None:
    await sql.schedules.write_sessions(
        conn, id=schedule_id, weekdays=[each["weekday"] for each in sessions], **_columns(sessions)
    )


def _columns(sessions: Sequence[Mapping[str, Any]]) -> Mapping[str, list[Any]]:
    return {
        "starts": [each["starts"] for each in sessions],
        "ends": [each["ends"] for each in sessions],
        "minutes": [each["slot_minutes"] for each in sessions],
        "capacities": [each["capacity"] for each in sessions],
        "assisteds": [each["assisted"] for each in sessions],
        "counters": [each["counter"] for each in sessions],
    }


async def _refuse_slots_in_the_way(
    conn: Connection, ctx: Context, schedule_id: UUID, service_id: UUID, resource: str
) -> None:
    """Raise Conflict where a new schedule would overlap slots made by hand; one of the same start stays as it is."""
    last = await sql.schedules.last_day_by_hand(conn, service_id=service_id, resource=resource)
    if last is None:
        return
    templates = await schedule_templates.active(conn, service_id, resource)
    in_the_way = [
        each
        for each in await _differences(conn, service_id, resource, templates, (local_day(ctx.now), last), ctx.now)
        if each.effect is SlotEffect.LEFT_OUT
        and each.planned
        and each.standing
        and each.planned.schedule_id == schedule_id
        and each.planned.starts_at != each.standing.starts_at
    ]
    if in_the_way:
        slots = {each.standing.id: each.standing for each in in_the_way if each.standing}
        raise Conflict(
            "schedule_overlaps_slots",
            field="sessions",
            count=len(slots),
            slots=[
                {"id": slot.id, "starts_at": slot.starts_at.astimezone(LOCAL_ZONE)}
                for slot in list(slots.values())[:MOST_SLOTS_NAMED]
            ],
        )


async def plainly(conn: Connection, service_id: UUID, resource: str, find: Find, reason: str, now: datetime) -> Counts:
    """Carry out what takes no place from anybody; see `domain.schedule_effects` for what does."""
    return await carry_out(conn, service_id, resource, await find(), reason, now)


async def change(
    conn: Connection, ctx: Context, schedule_id: UUID, given: Mapping[str, Any], *, how: How = plainly
) -> Mapping[str, Any]:
    """Change a schedule with its slots to come, unless bookings would lose their place."""
    await require_staff_at_schedule(conn, ctx, schedule_id, *MANAGERS)
    row, template, others = await take(conn, schedule_id, given["version"])
    counts = await write_change(conn, ctx.now, row, template, given, others, how)
    facts = {"version": given["version"] + 1, "valid_from": given["valid_from"], "valid_to": given["valid_to"]}
    await audit.record(conn, ctx, "schedules.changed", schedule_id, **facts, **counts._asdict())
    return {**await _show(conn, schedule_id), "slots": counts._asdict()}


async def take(conn: Connection, schedule_id: UUID, version: int | None) -> tuple[Row, Template, list[Template]]:
    """Lock a schedule that is still as the caller saw it; return it, and the others of its doctor or counter."""
    await policies.hold(conn)
    known = await _show(conn, schedule_id)
    await schedule_templates.hold(conn, known["service_id"], known["resource"])
    row = await _show(conn, schedule_id)
    if version not in {None, row["version"]}:
        raise Conflict("changed_meanwhile")
    if row["state"] != ScheduleState.ACTIVE:
        raise Conflict("schedule_ended")
    templates = await schedule_templates.active(conn, row["service_id"], row["resource"])
    (template,) = (each for each in templates if each.schedule_id == schedule_id)
    return row, template, [each for each in templates if each.schedule_id != schedule_id]


async def write_change(
    conn: Connection,
    now: datetime,
    row: Row,
    template: Template,
    given: Mapping[str, Any],
    others: list[Template],
    how: How,
) -> Counts:
    """Write a changed template and carry it out on the slots; all locks are held."""
    changed = changed_template(template, given, now)
    scope = {"service_id": row["service_id"], "resource": row["resource"]}
    days = {"valid_from": given["valid_from"], "valid_to": given["valid_to"]}
    await _refuse_overlap(conn, row["id"], scope, days)
    first = local_day(now)
    if extras := [each.last_day for each in template.exceptions]:
        calendar = await calendar_days.calendar(conn, first, max(first, *extras))
        schedule_rules.check_clashes(changed, calendar, first, max(extras))
    await sql.schedules.change(conn, id=row["id"], **days, on_holidays=given["on_holidays"])
    await sql.schedules.clear_sessions(conn, id=row["id"])
    await _write_sessions(conn, row["id"], given["sessions"])
    return await _carry_out(conn, row, [*others, changed], (first, None), WITHDRAWN_REASON, now, how)


def changed_template(template: Template, given: Mapping[str, Any], now: datetime) -> Template:
    """Return a schedule as it would be after a change; raise Invalid for one that makes no sense."""
    schedule_rules.check_template(given, local_day(now), template.valid_from)
    return replace(
        template,
        valid_from=given["valid_from"],
        valid_to=given["valid_to"],
        on_holidays=OnHolidays(given["on_holidays"]),
        sessions=schedule_templates.by_weekday(given["sessions"]),
    )


async def end(
    conn: Connection,
    ctx: Context,
    schedule_id: UUID,
    version: int,
    last_day: date | None,
    *,
    how: How = plainly,
) -> Mapping[str, Any]:
    """Let a schedule hold until a day, or without one no longer; slots after it go unless they are booked."""
    await require_staff_at_schedule(conn, ctx, schedule_id, *MANAGERS)
    row, template, others = await take(conn, schedule_id, version)
    today = local_day(ctx.now)
    if last_day is None:
        await sql.schedules.end(conn, id=schedule_id)
        templates = others
    else:
        earliest = max(today, template.valid_from)
        if last_day < earliest:
            raise Invalid("invalid_input", errors={"last_day": [f"not_before {earliest}"]})
        if template.valid_to is not None and last_day > template.valid_to:
            raise Invalid("invalid_input", errors={"last_day": [f"not_after {template.valid_to}"]})
        days = {"valid_from": template.valid_from, "valid_to": last_day}
        await sql.schedules.change(conn, id=schedule_id, **days, on_holidays=row["on_holidays"])
        templates = [*others, replace(template, valid_to=last_day)]
    counts = await _carry_out(conn, row, templates, (today, None), WITHDRAWN_REASON, ctx.now, how)
    await audit.record(conn, ctx, "schedules.ended", schedule_id, last_day=last_day, **counts._asdict())
    return {**await _show(conn, schedule_id), "slots": counts._asdict()}


async def _carry_out(
    conn: Connection,
    row: Row,
    templates: list[Template],
    days: tuple[date, date | None],
    reason: str,
    now: datetime,
    how: How,
) -> Counts:
    """Bring the slots that were made already to what is planned now; the worker makes those of later days."""
    service_id, resource = row["service_id"], row["resource"]
    first = max(days[0], local_day(now))
    last = await sql.schedules.generated_to(conn, service_id=service_id, resource=resource)
    if last is not None and days[1] is not None:
        last = min(last, days[1])
    if last is None or last < first:
        return Counts()
    until = last

    async def find() -> list[Difference]:
        return await _differences(conn, service_id, resource, templates, (first, until), now)

    return await how(conn, service_id, resource, find, reason, now)


async def _differences(
    conn: Connection,
    service_id: UUID,
    resource: str,
    templates: list[Template],
    days: tuple[date, date],
    now: datetime,
) -> list[Difference]:
    calendar = await calendar_days.calendar(conn, *days)
    found = planned_difference(conn, service_id, resource, templates, calendar, days, now)
    return [each async for each in found]


async def differences(
    conn: Connection, ctx: Context, schedule_id: UUID, first: date, last: date
) -> tuple[list[Difference], bool]:
    """Return where slots are not as their schedule plans them, and whether there is more: what was left out, say.

    Days that the worker has not reached yet are all to be made.
    """
    await require_staff_at_schedule(conn, ctx, schedule_id, *CLERKS)
    span(first, last, MAX_DAYS_SHOWN)
    row = await _show(conn, schedule_id)
    templates = await schedule_templates.active(conn, row["service_id"], row["resource"])
    found = await _differences(conn, row["service_id"], row["resource"], templates, (first, last), ctx.now)
    return found[:MOST_SLOTS_NAMED], len(found) > MOST_SLOTS_NAMED


# Exceptions


async def show_exception(conn: Connection, ctx: Context, exception_id: UUID) -> Mapping[str, Any]:
    """Show an exception; what it did to slots was told when it was added."""
    row: Row | None = await sql.schedules.show_exception(conn, id=exception_id)
    if row is None:
        raise NotFound("exception_not_found")
    await require_staff_at_schedule(conn, ctx, row["schedule_id"], *CLERKS)
    return {**row, "slots": None}


async def add_exception(
    conn: Connection, ctx: Context, schedule_id: UUID, given: Mapping[str, Any], *, how: How = plainly
) -> Mapping[str, Any]:
    """Let a schedule be otherwise on some days, unless bookings would lose their place."""
    await require_staff_at_schedule(conn, ctx, schedule_id, *MANAGERS)
    row, template, others = await take(conn, schedule_id, None)
    exception_id = new_id()
    templates = [*others, await with_exception(conn, ctx.now, template, {**given, "id": exception_id})]
    await write_exception(conn, ctx, schedule_id, exception_id, given)
    days = (given["first_day"], given["last_day"])
    counts = await _carry_out(conn, row, templates, days, given["reason"], ctx.now, how)
    facts = {"exception_id": exception_id, "kind": given["kind"], "first": days[0], "last": days[1]}
    await audit.record(conn, ctx, "schedules.exception_added", schedule_id, **facts, **counts._asdict())
    return {**await sql.schedules.show_exception(conn, id=exception_id), "slots": counts._asdict()}


async def with_exception(conn: Connection, now: datetime, template: Template, given: Mapping[str, Any]) -> Template:
    """Return a schedule as it would be with an exception; raise a refusal for one that cannot be."""
    schedule_rules.check_exception(given, template, local_day(now))
    if len(template.exceptions) >= MAX_EXCEPTIONS:
        raise Conflict("too_many_exceptions", limit=MAX_EXCEPTIONS)
    first, last = given["first_day"], given["last_day"]
    in_the_way = [
        {"id": each.id, "from": each.first_day, "to": each.last_day}
        for each in template.exceptions
        if each.kind == given["kind"] and each.first_day <= last and first <= each.last_day
    ]
    if in_the_way:
        raise Conflict("exception_overlaps", field="from", exceptions=in_the_way[:MOST_SLOTS_NAMED])
    changed = replace(template, exceptions=(*template.exceptions, schedule_templates.exception(given)))
    schedule_rules.check_clashes(changed, await calendar_days.calendar(conn, first, last), first, last)
    return changed


async def write_exception(
    conn: Connection, ctx: Context, schedule_id: UUID, exception_id: UUID, given: Mapping[str, Any]
) -> None:
    """Write a checked exception; the schedule is locked."""
    await sql.schedules.add_exception(
        conn,
        id=exception_id,
        schedule_id=schedule_id,
        kind=given["kind"],
        first_day=given["first_day"],
        last_day=given["last_day"],
        reason=given["reason"],
        created_by=require_signed_in(ctx).account_id,
        now=ctx.now,
    )
    await sql.schedules.write_exception_sessions(conn, id=exception_id, **_columns(given["sessions"]))


async def withdraw_exception(
    conn: Connection, ctx: Context, schedule_id: UUID, exception_id: UUID, *, how: How = plainly
) -> Mapping[str, Any]:
    """Take an exception back, unless bookings would lose their place: those on extra slots, say."""
    await require_staff_at_schedule(conn, ctx, schedule_id, *MANAGERS)
    row, template, others = await take(conn, schedule_id, None)
    gone = next((each for each in template.exceptions if each.id == exception_id), None)
    if gone is None:
        raise NotFound("exception_not_found")
    rest = replace(template, exceptions=tuple(each for each in template.exceptions if each is not gone))
    first, days = local_day(ctx.now), (gone.first_day, gone.last_day)
    calendar = await calendar_days.calendar(conn, *days)
    schedule_rules.check_clashes(rest, calendar, max(first, days[0]), days[1])
    await sql.schedules.withdraw_exception(conn, id=exception_id, now=ctx.now)
    counts = await _carry_out(conn, row, [*others, rest], days, WITHDRAWN_REASON, ctx.now, how)
    facts = {"exception_id": exception_id, **counts._asdict()}
    await audit.record(conn, ctx, "schedules.exception_withdrawn", schedule_id, **facts)
    return {**await _show(conn, schedule_id), "slots": counts._asdict()}
