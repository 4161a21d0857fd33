"""What becomes of a child's place while it has one: moved to another class, away and back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sql
from domain import audit, notices
from domain.constraints import refusing
from domain.errors import Conflict, Invalid
from domain.identifiers import new_id
from domain.nursery_admission import require_age
from domain.nursery_place_views import entry
from domain.nursery_places import acting, hold, note, one_class_a_day, require_active, within_seats
from domain.nursery_vocabulary import PlaceStatus
from domain.permissions import require_staff_of_class, require_staff_of_place
from domain.vocabulary import CLERKS, NoticeKind, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

BEGUN = (PlaceStatus.CONFIRMED, PlaceStatus.ENDED)


async def transfer(conn: Connection, ctx: Context, place_id: UUID, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Move a child to another class from a day on; on its first day or before, the place itself moves."""
    await require_staff_of_place(conn, ctx, place_id, *CLERKS)
    class_id, on = given["class_id"], given["on"]
    await require_staff_of_class(conn, ctx, class_id, *CLERKS)
    place, classes = await hold(conn, place_id, [class_id])
    require_active(classes[class_id])
    if class_id == place["class_id"]:
        raise Conflict("same_class")
    require_begun(place)
    if on > (place["ends_on"] or on):
        raise Conflict("nursery_place_ends_before", ends_on=place["ends_on"])
    if await sql.nursery_stays.away_on(conn, place_id=place_id, day=on):
        raise Conflict("on_leave_then")
    await require_age(conn, place["person_id"], classes[class_id], max(on, place["starts_on"]))
    with within_seats(), one_class_a_day():
        moved_id = await _move(conn, ctx, place, class_id, on)
    await note(conn, ctx, place, moved_to=moved_id, class_id=class_id, on=on)
    await notices.tell(conn, ctx, place["person_id"], NoticeKind.NURSERY_PLACE_CHANGED, moved_id, way="transferred")
    moved = await entry(conn, moved_id)
    await audit.record(conn, ctx, "nursery_places.transferred", place_id, to=moved_id, class_id=class_id, on=on)
    return moved


async def _move(conn: Connection, ctx: Context, place: Row, class_id: UUID, on: date) -> UUID:
    who = {"changed_by": acting(ctx), "now": ctx.now}
    if on <= place["starts_on"]:
        await sql.nursery_stays.change_class(conn, id=place["id"], class_id=class_id, **who)
        return UUID(int=place["id"].int)
    moved_id = new_id()
    await sql.nursery_stays.end(conn, id=place["id"], on=on - timedelta(days=1), reason="", **who)
    await sql.nursery_stays.go_on(
        conn,
        id=moved_id,
        place_id=place["id"],
        class_id=class_id,
        status=place["status"],
        starts_on=on,
        ends_on=place["ends_on"],
        reason=place["end_reason"],
        **who,
    )
    await sql.nursery_stays.move_leaves(conn, place_id=place["id"], to=moved_id, day=on)
    return moved_id


async def leave(conn: Connection, ctx: Context, place_id: UUID, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write down that a child is away and keeps its place."""
    await require_staff_of_place(conn, ctx, place_id, *CLERKS)
    first_day, last_day = given["first_day"], given["last_day"]
    if last_day is not None and last_day < first_day:
        raise Invalid("invalid_input", errors={"last_day": [f"not_before {first_day}"]})
    place, _ = await hold(conn, place_id)
    require_begun(place)
    ends_on = place["ends_on"]
    if first_day < place["starts_on"] or (ends_on is not None and (last_day or first_day) > ends_on):
        raise Conflict("leave_outside_place", starts_on=place["starts_on"], ends_on=ends_on)
    with refusing(nursery_leave_apart=Conflict("leave_overlaps")):
        await sql.nursery_stays.leave(
            conn,
            id=new_id(),
            place_id=place_id,
            first_day=first_day,
            last_day=last_day or ends_on,
            words=given["words"],
            recorded_by=acting(ctx),
        )
    return await _attended(conn, ctx, place, "left", first_day=first_day, last_day=last_day)


async def come_back(conn: Connection, ctx: Context, place_id: UUID, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """End an absence; who was away for longer than the norm allows has been checked again."""
    await require_staff_of_place(conn, ctx, place_id, *CLERKS)
    on, rechecked_on = given["on"], given["rechecked_on"]
    today = local_day(ctx.now)
    if rechecked_on is not None and rechecked_on > min(on, today):
        raise Invalid("invalid_input", errors={"rechecked_on": [f"not_after {min(on, today)}"]})
    place, classes = await hold(conn, place_id)
    require_begun(place)
    away = await sql.nursery_stays.latest_leave(conn, place_id=place_id, on=on)
    most = await sql.nursery_admission.recheck_days(conn, kind=classes[place["class_id"]]["kind"], day=on)
    if away is None or (away["over"] and (away["days"] <= most or away["rechecked_on"] is not None)):
        raise Conflict("not_on_leave")
    if away["days"] > most and (rechecked_on is None or rechecked_on < away["since"]):
        raise Conflict("recheck_required", away_days=away["days"], most_days=most)
    await sql.nursery_stays.come_back(conn, id=away["id"], on=on, rechecked_on=rechecked_on)
    return await _attended(conn, ctx, place, "returned", on=on, away_days=away["days"])


def require_begun(place: Row) -> None:
    if place["status"] not in BEGUN:
        raise Conflict("nursery_place_in_other_state", place_status=place["status"])


async def _attended(conn: Connection, ctx: Context, place: Row, way: str, **facts: Any) -> Mapping[str, Any]:
    await note(conn, ctx, place, way=way, **facts)
    await notices.tell(conn, ctx, place["person_id"], NoticeKind.NURSERY_PLACE_CHANGED, place["id"], way=way)
    shown = await entry(conn, place["id"])
    await audit.record(conn, ctx, f"nursery_places.{way}", place["id"], **facts)
    return shown
