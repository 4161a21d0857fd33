"""A child's place in a class: planned from an accepted offer, and let go of.

Locks: classes by id, then places; who holds an enrolment, a seat or an offer has taken it before.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg

import sql
from domain import enrolment_states
from domain.constraints import refusing
from domain.enrolment_states import Note
from domain.errors import Conflict, NotFound
from domain.identifiers import new_id
from domain.nursery_vocabulary import ClassState, EnrolmentBecause, SeatOfferStatus
from domain.vocabulary import local_day

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

FULL = "nursery_class_full"
MOST_DAYS_SHOWN = 10


async def plan(conn: Connection, ctx: Context, enrolment: Row, class_id: UUID, starts_on: date) -> Row:
    """Plan the place of a child that has accepted an offer, in exchange for what the enrolment had before.

    It begins on the first day, tomorrow at the earliest, from which on the class has a seat for good: whoever gave the
    seat up may still have some days in it, and until then the child stays where it is. A child that is in a class by
    another way stays there too: that is ended before this place is confirmed. The caller holds the enrolment and has
    checked the permission.
    """
    tomorrow = local_day(ctx.now) + timedelta(days=1)
    before = await sql.nursery_places.standing_of(conn, enrolment_id=enrolment["id"], today=local_day(ctx.now))
    classes = await hold_classes(conn, {class_id, *(row["class_id"] for row in before)})
    require_active(classes[class_id])
    earliest = max(starts_on, tomorrow)
    begins = await sql.nursery_places.first_day(
        conn, class_id=class_id, earliest=earliest, enrolment_id=enrolment["id"]
    )
    await _let_go(conn, ctx, enrolment["id"], SeatOfferStatus.EXCHANGED, begins - timedelta(days=1))
    with within_seats(), one_class_a_day():
        planned: Row = await sql.nursery_places.plan(
            conn,
            id=new_id(),
            person_id=enrolment["person_id"],
            class_id=class_id,
            enrolment_id=enrolment["id"],
            starts_on=begins,
            changed_by=acting(ctx),
            now=ctx.now,
        )
    return planned


async def let_go(conn: Connection, ctx: Context, enrolment_id: UUID, because: EnrolmentBecause) -> list[Row]:
    """Give back what an enrolment has: what has not begun is cancelled, what has ends today.

    Return the places as they are then. The caller holds the enrolment, has checked the permission and tells the family.
    """
    standing = await sql.nursery_places.standing_of(conn, enrolment_id=enrolment_id, today=local_day(ctx.now))
    await hold_classes(conn, {row["class_id"] for row in standing})
    return await _let_go(conn, ctx, enrolment_id, because, local_day(ctx.now))


async def _let_go(conn: Connection, ctx: Context, enrolment_id: UUID, because: str, last_day: date) -> list[Row]:
    gone: list[Row] = await sql.nursery_places.let_go(
        conn,
        enrolment_id=enrolment_id,
        today=local_day(ctx.now),
        last_day=last_day,
        reason=because,
        changed_by=acting(ctx),
        now=ctx.now,
    )
    await sql.nursery_places.fit_leaves(conn, places=[row["id"] for row in gone])
    return gone


async def hold_classes(conn: Connection, class_ids: Collection[UUID]) -> Mapping[UUID, Row]:
    """Lock classes in id order: while they are held, nobody else takes or adds a seat in them."""
    return {row["id"]: row for row in await sql.nursery_places.hold_classes(conn, ids=list(class_ids))}


async def hold(conn: Connection, place_id: UUID, class_ids: Collection[UUID] = ()) -> tuple[Row, Mapping[UUID, Row]]:
    """Lock a place behind its class and others; return it and the classes."""
    found = await sql.nursery_places.one(conn, id=place_id)
    if found is None:
        raise NotFound("nursery_place_not_found")
    classes = await hold_classes(conn, {found["class_id"], *class_ids})
    held: Row = await sql.nursery_places.hold(conn, id=place_id)
    if held["class_id"] != found["class_id"]:
        raise Conflict("nursery_place_changed")
    return held, classes


def require_active(found: Row) -> None:
    if found["state"] != ClassState.ACTIVE:
        raise Conflict("class_closed")


async def note(conn: Connection, ctx: Context, place: Row, **facts: Any) -> None:
    """Write into the history of the application from which a place came what became of it."""
    if place["enrolment_id"] is not None:
        told = {"place_id": place["id"], **facts}
        cause = EnrolmentBecause.PLACE_CHANGED
        await enrolment_states.record(conn, [Note(place["enrolment_id"], cause, acting(ctx), told)], ctx.now)


def acting(ctx: Context) -> UUID | None:
    """Return who changes a place; None for time."""
    return None if ctx.caller is None else ctx.caller.account_id


@contextmanager
def one_class_a_day() -> Iterator[None]:
    """Say that a child would be in two classes on one day, or have two planned for it."""
    refusal = Conflict("child_in_class")
    with refusing(nursery_place_once=refusal, nursery_place_planned_once=refusal):
        yield


@contextmanager
def within_seats() -> Iterator[None]:
    """Say on which days a class would have more children than seats."""
    try:
        yield
    except asyncpg.CheckViolationError as error:
        if error.constraint_name != FULL:
            raise
        days = [date.fromisoformat(day) for day in (error.detail or "").split(",")]
        raise Conflict("class_full", days=days[:MOST_DAYS_SHOWN]) from None
