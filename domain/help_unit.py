"""A help request and its booking stand and fall together: what becomes of a booking becomes of the request.

Locks: the requests of bookings, by id, and then the turns of their volunteers' work, before queues and bookings
(`hold`). Whoever binds a volunteer has that turn; the constraint help_work_apart only proves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sql
from domain import help_release, help_states
from domain.availability import midnight
from domain.dispatch_plan import too_much
from domain.errors import Conflict
from domain.help_states import Step
from domain.help_vocabulary import SOUGHT, Because, HelpState
from domain.identifiers import new_id
from domain.notices import Notice, tell_all
from domain.vocabulary import NoticeKind, local_day

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.rows import Row


@dataclass(frozen=True, slots=True)
class Moved:
    """What a booking became. `by`: the account that moved it; `strict`: it may not take the volunteer's time away."""

    booking_id: UUID
    slot_id: UUID
    by: UUID | None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Who cancelled a booking; where it was the family, nobody needs to come."""

    by: UUID | None
    by_family: bool


async def hold(conn: Connection, booking_ids: Collection[UUID]) -> None:
    """Take the requests of bookings that are going to change; before the queues, behind everything else."""
    held = await sql.help_unit.hold(conn, bookings=list(booking_ids))
    if held:
        await hold_work(conn, [row["volunteer_id"] for row in held])


async def hold_work(conn: Connection, volunteer_ids: Collection[UUID | None]) -> None:
    """Let nobody else bind volunteers until the transaction ends; to be called once for all of them."""
    await sql.help_unit.lock_work(conn, volunteers=[each for each in volunteer_ids if each is not None])


def comes_along(request: Row) -> bool:
    """Say whether the volunteer is bound in person, and not only to book."""
    return bool(request["needs_companion"] or request["needs_ride"])


async def bind(conn: Connection, request: Row, starts_at: datetime, ends_at: datetime) -> Conflict | None:
    """Bind who has a locked request for its time, where it takes that; return why that cannot be.

    The turn of the volunteer's work is held.
    """
    if not comes_along(request):
        return None
    work = await sql.help_unit.work_of_days(
        conn,
        volunteer_id=request["volunteer_id"],
        begins=midnight(local_day(starts_at)),
        ends=midnight(local_day(ends_at) + timedelta(days=1)),
    )
    limit = await sql.help_unit.limit_minutes_day(conn, area_id=request["area_id"])
    if too_much([(row["starts_at"], row["ends_at"]) for row in work], (starts_at, ends_at), limit):
        return Conflict("help_too_much_that_day", minutes=limit)
    made = await sql.help_unit.bind(
        conn,
        id=new_id(),
        request_id=request["id"],
        volunteer_id=request["volunteer_id"],
        starts_at=starts_at,
        ends_at=ends_at,
    )
    return Conflict("help_clashes") if made is None else None


async def follow_moves(conn: Connection, moves: Mapping[UUID, Moved], now: datetime) -> None:
    """Bring the requests of bookings that were just moved to the new ones and their times.

    A volunteer who has other work then loses the request, unless it was the volunteer who moved it: that is refused.
    """
    requests = await _of(conn, moves)
    if not requests:
        return
    slots = [moves[request["booking_id"]].slot_id for request in requests]
    rows = await sql.help_unit.times(conn, requests=[request["id"] for request in requests], slots=slots)
    times = {row["id"]: row for row in rows}
    await sql.help_unit.release_work(conn, ids=[request["id"] for request in requests])
    clashing, told = [], []
    for request in requests:
        moved, time = moves[request["booking_id"]], times[request["id"]]
        await sql.help_unit.set_time(
            conn,
            id=request["id"],
            booking_id=moved.booking_id,
            starts_at=time["starts_at"],
            ends_at=time["ends_at"],
        )
        await _tell_event(conn, request, HelpState(request["state"]), Because.BOOKING_MOVED, moved.by, now)
        if request["volunteer_id"] is None:
            continue
        refusal = await bind(conn, request, time["starts_at"], time["ends_at"])
        if refusal is None or request["state"] == HelpState.UNDER_WAY:
            told += await _to_both(conn, request, NoticeKind.HELP_MOVED)
        elif moved.strict:
            raise refusal
        else:
            clashing.append(request)
    await tell_all(conn, now, told)
    await help_release.hand_back(conn, clashing, Because.CLASH, None, now)


async def follow_cancels(conn: Connection, cancels: Mapping[UUID, Cancelled], now: datetime) -> None:
    """End the requests of bookings that the family cancelled; of others somebody has to book anew."""
    requests = await _of(conn, cancels)
    if not requests:
        return
    told = []
    for request in requests:
        cancelled, state = cancels[request["booking_id"]], HelpState(request["state"])
        if cancelled.by_family and state is not HelpState.UNDER_WAY:
            await help_release.end(conn, [request], HelpState.CANCELLED, Because.CANCELLED_BY_FAMILY, cancelled.by, now)
            await sql.help_unit.lose_booking(conn, id=request["id"])
            told.append(Notice(request["person_id"], NoticeKind.HELP_CANCELLED, request["id"]))
            continue
        after = state if state in SOUGHT or state is HelpState.UNDER_WAY else HelpState.ACCEPTED
        await _tell_event(conn, request, after, Because.BOOKING_CANCELLED, cancelled.by, now)
        await sql.help_unit.lose_booking(conn, id=request["id"])
        if after is HelpState.ACCEPTED:
            await sql.help_unit.release_work(conn, ids=[request["id"]])
            told += await _to_volunteer(conn, request, NoticeKind.HELP_MOVED, "booking_cancelled")
    await tell_all(conn, now, told)


async def follow_no_shows(conn: Connection, booking_ids: Collection[UUID], now: datetime) -> None:
    """End the requests of bookings for which nobody came, unless somebody is under way."""
    requests = [row for row in await _of(conn, booking_ids) if row["state"] != HelpState.UNDER_WAY]
    await help_release.end(conn, requests, HelpState.CANCELLED, Because.NO_SHOW, None, now)
    told = [Notice(row["person_id"], NoticeKind.HELP_CANCELLED, row["id"]) for row in requests]
    await tell_all(conn, now, told)


async def _of(conn: Connection, booking_ids: Collection[UUID]) -> Sequence[Row]:
    requests: Sequence[Row] = await sql.help_unit.of_bookings(conn, bookings=list(booking_ids))
    if requests:
        await hold_work(conn, [request["volunteer_id"] for request in requests])
    return requests


async def _tell_event(
    conn: Connection, request: Row, after: HelpState, because: Because, actor_id: UUID | None, now: datetime
) -> None:
    step = Step(
        request["id"],
        (HelpState(request["state"]),),
        after,
        because,
        volunteer_id=request["volunteer_id"],
        actor_id=actor_id,
    )
    await help_states.take(conn, step, now)


async def _to_both(conn: Connection, request: Row, kind: NoticeKind) -> list[Notice]:
    facts = {"volunteer_id": request["volunteer_id"]}
    family = Notice(request["person_id"], kind, request["id"], facts)
    return [family, *await _to_volunteer(conn, request, kind, "volunteer")]


async def _to_volunteer(conn: Connection, request: Row, kind: NoticeKind, way: str) -> list[Notice]:
    rows = await sql.help_release.own_people(conn, volunteers=[request["volunteer_id"]])
    return [Notice(row["person_id"], kind, request["id"], {"way": way}) for row in rows]
