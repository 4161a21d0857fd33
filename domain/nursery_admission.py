"""How a child comes into a class: entered by the nursery or planned from an offer, then the papers, then the day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, notices
from domain.errors import Conflict, Invalid, NotFound
from domain.identifiers import new_id
from domain.nursery_place_views import entry
from domain.nursery_places import acting, hold, hold_classes, note, one_class_a_day, require_active, within_seats
from domain.nursery_vocabulary import Paper, PlaceStatus
from domain.permissions import require_signed_in, require_staff_of_class, require_staff_of_place
from domain.vocabulary import CLERKS, FilePurpose, NoticeKind, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

DAYS = ("agreement_on", "health_check_on", "vaccination_on")


async def enter(conn: Connection, ctx: Context, class_id: UUID, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Enter a child that comes by no round, or came before there were any; with all its papers it is confirmed."""
    await require_staff_of_class(conn, ctx, class_id, *CLERKS)
    locked = await sql.people.lock(conn, ids=[given["person_id"]])
    if not locked or locked[0]["erased_at"] is not None:
        raise NotFound("person_unknown")
    classes = await hold_classes(conn, [class_id])
    require_active(classes[class_id])
    await require_age(conn, given["person_id"], classes[class_id], given["starts_on"])
    await _require_known(conn, ctx, given)
    confirmed = not missing(given)
    if confirmed:
        await require_fresh(conn, classes[class_id], given["health_check_on"], given["starts_on"])
    with within_seats(), one_class_a_day():
        place_id: UUID = await sql.nursery_admission.enter(
            conn,
            id=new_id(),
            class_id=class_id,
            status=PlaceStatus.CONFIRMED if confirmed else PlaceStatus.PLANNED,
            changed_by=acting(ctx),
            now=ctx.now,
            **given,
        )
    way = "confirmed" if confirmed else "entered"
    await notices.tell(conn, ctx, given["person_id"], NoticeKind.NURSERY_PLACE_CHANGED, place_id, way=way)
    made = await entry(conn, place_id)
    await audit.record(conn, ctx, "nursery_places.entered", place_id, class_id=class_id)
    return made


async def entered(conn: Connection, ctx: Context, class_id: UUID, place_id: UUID) -> Mapping[str, Any]:
    """Return what `enter` returned, as it is now."""
    await require_staff_of_class(conn, ctx, class_id, *CLERKS)
    return await entry(conn, place_id)


async def put_papers(conn: Connection, ctx: Context, place_id: UUID, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write down which papers the nursery has; what is left out it has not."""
    await require_staff_of_place(conn, ctx, place_id, *CLERKS)
    place, _ = await hold(conn, place_id)
    await _require_known(conn, ctx, given, place["agreement_file_id"])
    if place["status"] == PlaceStatus.CANCELLED:
        raise Conflict("nursery_place_in_other_state", place_status=place["status"])
    if place["status"] != PlaceStatus.PLANNED and missing(given):
        raise Conflict("nursery_papers_missing", papers=missing(given))
    await sql.nursery_admission.put_papers(conn, id=place_id, changed_by=acting(ctx), now=ctx.now, **given)
    await note(conn, ctx, place, papers=missing(given))
    changed = await entry(conn, place_id)
    await audit.record(conn, ctx, "nursery_places.papers_put", place_id, missing=missing(given))
    return changed


async def confirm(conn: Connection, ctx: Context, place_id: UUID, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fix the class and the first day, once all papers are there."""
    await require_staff_of_place(conn, ctx, place_id, *CLERKS)
    class_id, starts_on = given["class_id"], given["starts_on"]
    if class_id is not None:
        await require_staff_of_class(conn, ctx, class_id, *CLERKS)
    place, classes = await hold(conn, place_id, [] if class_id is None else [class_id])
    class_id = class_id or place["class_id"]
    if place["status"] != PlaceStatus.PLANNED:
        raise Conflict("nursery_place_in_other_state", place_status=place["status"])
    if missing(place):
        raise Conflict("nursery_papers_missing", papers=missing(place))
    require_active(classes[class_id])
    if place["ends_on"] is not None and starts_on > place["ends_on"]:
        raise Conflict("nursery_place_ends_before", ends_on=place["ends_on"])
    await require_fresh(conn, classes[class_id], place["health_check_on"], starts_on)
    if class_id != place["class_id"]:
        await require_age(conn, place["person_id"], classes[class_id], starts_on)
    with within_seats(), one_class_a_day():
        await sql.nursery_admission.confirm(
            conn, id=place_id, class_id=class_id, starts_on=starts_on, changed_by=acting(ctx), now=ctx.now
        )
    await note(conn, ctx, place, status=PlaceStatus.CONFIRMED, starts_on=starts_on)
    await notices.tell(conn, ctx, place["person_id"], NoticeKind.NURSERY_PLACE_CHANGED, place_id, way="confirmed")
    confirmed = await entry(conn, place_id)
    await audit.record(conn, ctx, "nursery_places.confirmed", place_id, class_id=class_id, starts_on=starts_on)
    return confirmed


def missing(papers: Mapping[str, Any]) -> list[Paper]:
    """Return which papers the nursery has not, in the order in which families are told."""
    return [paper for paper in Paper if papers[f"{paper}_on"] is None]


async def require_age(conn: Connection, person_id: UUID, found: Row, day: date) -> None:
    """Raise unless the child is, on the day, of an age that the class is for."""
    months = await sql.nursery_admission.months_of(conn, person_id=person_id, day=day)
    if months is None or not found["from_months"] <= months < found["until_months"]:
        raise Conflict(
            "age_outside_class", months=months, from_months=found["from_months"], until_months=found["until_months"]
        )


async def _require_known(conn: Connection, ctx: Context, given: Mapping[str, Any], known: UUID | None = None) -> None:
    """Raise unless the papers are of today or before, and the agreement's scan is what the caller has added."""
    today = local_day(ctx.now)
    if errors := {name: [f"not_after {today}"] for name in DAYS if (given[name] or today) > today}:
        raise Invalid("invalid_input", errors=errors)
    file_id = given["agreement_file_id"]
    if file_id is None or file_id == known:
        return
    if given["agreement_on"] is None:
        raise Invalid("invalid_input", errors={"agreement_on": ["required"]})
    account_id = require_signed_in(ctx).account_id
    purpose = FilePurpose.NURSERY_PAPER
    if not await sql.nursery_admission.hold_file(conn, id=file_id, account_id=account_id, purpose=purpose):
        raise NotFound("file_not_found")


async def require_fresh(conn: Connection, found: Row, checked_on: date, starts_on: date) -> None:
    """Raise where the health check is of after the first day, or so old that the norm wants a new one."""
    days = await sql.nursery_admission.recheck_days(conn, kind=found["kind"], day=starts_on)
    earliest = starts_on - timedelta(days=days)
    if not earliest <= checked_on <= starts_on:
        raise Conflict("health_check_out_of_date", checked_on=checked_on, earliest=earliest, latest=starts_on)
