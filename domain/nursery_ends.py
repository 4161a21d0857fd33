"""How a child's place ends: its last day is settled, or it is cancelled since the child never came.

Locks: the round of its seat first; with that nobody else moves offers, so those may follow the place.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, enrolment_offers, notices
from domain.errors import Conflict
from domain.nursery_place_views import entry
from domain.nursery_places import acting, hold, note, one_class_a_day, within_seats
from domain.nursery_stays import require_begun
from domain.nursery_vocabulary import NEVER_CAME_DAYS, PlaceStatus
from domain.permissions import require_staff_of_place
from domain.vocabulary import MANAGERS, NoticeKind, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def end(conn: Connection, ctx: Context, place_id: UUID, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settle the last day of a child; a seat of a round whose offers still go out goes to the next."""
    await require_staff_of_place(conn, ctx, place_id, *MANAGERS)
    on = given["on"]
    place = await _hold_with_seat(conn, place_id)
    require_begun(place)
    if place["ends_on"] is not None and place["ends_on"] < local_day(ctx.now):
        raise Conflict("nursery_place_in_other_state", place_status=place["status"])
    if on < place["starts_on"]:
        raise Conflict("ends_before_place", starts_on=place["starts_on"])
    if await sql.nursery_stays.was_moved(conn, id=place_id):
        raise Conflict("nursery_place_moved")
    with within_seats(), one_class_a_day():
        await sql.nursery_stays.end(
            conn, id=place_id, on=on, reason=given["reason"], changed_by=acting(ctx), now=ctx.now
        )
    await sql.nursery_places.fit_leaves(conn, places=[place_id])
    return await _left(conn, ctx, place, "ended", given["reason"])


async def cancel(conn: Connection, ctx: Context, place_id: UUID, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Cancel the place of a child that never came; its seat in a round goes to the next."""
    await require_staff_of_place(conn, ctx, place_id, *MANAGERS)
    place = await _hold_with_seat(conn, place_id)
    if place["status"] not in (PlaceStatus.PLANNED, PlaceStatus.CONFIRMED):
        raise Conflict("nursery_place_in_other_state", place_status=place["status"])
    begun = local_day(ctx.now) - place["starts_on"]
    if place["status"] == PlaceStatus.CONFIRMED and begun > timedelta(days=NEVER_CAME_DAYS):
        raise Conflict("nursery_place_in_use", starts_on=place["starts_on"])
    await sql.nursery_stays.cancel(conn, id=place_id, reason=given["reason"], changed_by=acting(ctx), now=ctx.now)
    await sql.nursery_places.fit_leaves(conn, places=[place_id])
    return await _left(conn, ctx, place, "cancelled", given["reason"])


async def _hold_with_seat(conn: Connection, place_id: UUID) -> Row:
    """Lock a place behind the round of its seat."""
    enrolment_id = await sql.nursery_stays.enrolment_of(conn, id=place_id)
    if enrolment_id is not None:
        await enrolment_offers.hold(conn, enrolment_id)
    place, _ = await hold(conn, place_id)
    return place


async def _left(conn: Connection, ctx: Context, place: Row, way: str, reason: str) -> Mapping[str, Any]:
    """Give the seat to the next where the child stands nowhere else, and tell the family."""
    place_id, enrolment_id = place["id"], place["enrolment_id"]
    await note(conn, ctx, place, status=way)
    await notices.tell(
        conn, ctx, place["person_id"], NoticeKind.NURSERY_PLACE_CHANGED, place_id, way=way, reason=reason
    )
    if enrolment_id is not None:
        standing = await sql.nursery_places.standing_of(conn, enrolment_id=enrolment_id, today=local_day(ctx.now))
        if all(row["id"] == place_id for row in standing):
            await enrolment_offers.give_up(conn, ctx, enrolment_id)
    left = await entry(conn, place_id)
    await audit.record(conn, ctx, f"nursery_places.{way}", place_id)
    return left
