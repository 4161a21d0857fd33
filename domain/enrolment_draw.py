"""The draw of a round in its three steps: the list is frozen, the lot is drawn, the result is published.

Each is done once, which triggers hold (`0006_nursery.sql`); `domain.draw` says what is computed, and
`docs/verify_draw.py` lets everybody compute it again. Between the draw and its publication nobody but staff of the
zone sees the result; before the list is frozen there is no number.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

import sql
from domain import audit, draw, enrolment_states, notices
from domain.allocation import Programme, Reserve
from domain.draw import Applicant, Terms
from domain.enrolment_states import Note
from domain.errors import Conflict, Forbidden, NotFound
from domain.nursery_vocabulary import UNDECIDED, EnrolmentBecause, EnrolmentState, RoundState
from domain.permissions import require_care_of_enrolment, require_staff_of_round
from domain.vocabulary import CLERKS, MANAGERS, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def freeze(conn: Connection, ctx: Context, round_id: UUID) -> Row:
    """Freeze the list of a round: everybody who was accepted in time, before anybody can know the public value."""
    caller = await require_staff_of_round(conn, ctx, round_id, *MANAGERS)
    taken = await _taken(conn, ctx, round_id, RoundState.CLOSED)
    if ctx.now >= taken["value_due_at"]:
        raise Conflict("draw_value_due_passed", value_due_at=taken["value_due_at"])
    waiting = await sql.enrolment_draw.waiting(conn, round_id=round_id, states=UNDECIDED)
    if waiting:
        raise Conflict("draw_round_not_decided", waiting=waiting)
    listed = await sql.enrolment_draw.list_accepted(conn, round_id=round_id, now=ctx.now)
    inputs = await _inputs(conn, taken)
    frozen = await asyncio.to_thread(inputs.frozen)
    sha256 = draw.frozen_hash(orjson.loads(frozen))
    await sql.enrolment_draw.freeze(
        conn, round_id=round_id, frozen=frozen, frozen_sha256=sha256, now=ctx.now, account_id=caller.account_id
    )
    notes = [Note(row["id"], EnrolmentBecause.LISTED, caller.account_id) for row in listed]
    await enrolment_states.record(conn, notes, ctx.now)
    shown = await _shown(conn, round_id)
    await audit.record(conn, ctx, "enrolment_draw.frozen", round_id, sha256=sha256, applicants=len(listed))
    return shown


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a draw is made of."""

    terms: Terms
    programmes: Sequence[Programme]
    applicants: Sequence[Applicant]

    def frozen(self) -> bytes:
        return draw.canonical(draw.freeze(self.terms, self.programmes, self.applicants))

    def drawn(self, frozen: bytes, public_value: str) -> dict[str, Any]:
        return draw.draw(orjson.loads(frozen), self.terms, self.programmes, self.applicants, public_value)


async def drawn(conn: Connection, ctx: Context, round_id: UUID, public_value: str) -> dict[str, Any]:
    """Return what comes of the draw with this public value, and write nothing; `keep` does.

    Call it outside a transaction: it may take a second, and of what it reads nothing can change any more.
    """
    await _require_another(conn, ctx, round_id)
    held = await enrolment_states.share_round(conn, round_id, ctx.now)
    _require_state(held, RoundState.REVIEWED)
    if ctx.now < held["value_due_at"]:
        raise Conflict("draw_value_not_due", value_due_at=held["value_due_at"])
    inputs = await _inputs(conn, held)
    frozen = await sql.enrolment_draw.frozen(conn, round_id=round_id)
    return await asyncio.to_thread(inputs.drawn, frozen["frozen"], public_value)


async def keep(conn: Connection, ctx: Context, round_id: UUID, result: Mapping[str, Any]) -> Row:
    """Write the result of a round's draw, which nobody can do twice."""
    caller = await _require_another(conn, ctx, round_id)
    await _taken(conn, ctx, round_id, RoundState.REVIEWED)
    await sql.enrolment_draw.draw(
        conn,
        round_id=round_id,
        public_value=result["public_value"],
        seed=result["seed"],
        result=draw.canonical(result),
        now=ctx.now,
        account_id=caller,
    )
    shown = await _shown(conn, round_id)
    await audit.record(
        conn, ctx, "enrolment_draw.drawn", round_id, public_value=result["public_value"], seed=result["seed"]
    )
    return shown


async def publish(conn: Connection, ctx: Context, round_id: UUID) -> Row:
    """Publish the result of a round's draw, give the children their numbers and seats, and tell the families."""
    caller = await require_staff_of_round(conn, ctx, round_id, *MANAGERS)
    await _taken(conn, ctx, round_id, RoundState.DRAWN)
    found = await sql.enrolment_draw.result(conn, round_id=round_id)
    results = orjson.loads(found["result"])["results"]
    given = await sql.enrolment_draw.give(
        conn,
        round_id=round_id,
        public_ids=[one["id"] for one in results],
        numbers=[one["number"] for one in results],
        seats=_seats(results, await sql.enrolment_draw.seats(conn, round_id=round_id)),
        now=ctx.now,
    )
    await sql.enrolment_draw.publish(conn, round_id=round_id, now=ctx.now)
    notes = [Note(row["id"], EnrolmentBecause.DRAWN, caller.account_id, {"seat_id": row["seat_id"]}) for row in given]
    await enrolment_states.record(conn, notes, ctx.now)
    told = [
        notices.Notice(row["person_id"], NoticeKind.ENROLMENT_DRAWN, row["id"])
        for row in given
        if row["state"] == EnrolmentState.ACCEPTED
    ]
    await notices.tell_all(conn, ctx.now, told)
    shown = await _shown(conn, round_id)
    await audit.record(conn, ctx, "enrolment_draw.published", round_id, applicants=len(given))
    return shown


def _seats(results: Sequence[Mapping[str, Any]], seats: Sequence[Row]) -> list[UUID | None]:
    """Return for each result the seat it stands for: of its programme and kind, the lower number gets the first."""
    free: dict[tuple[str, str], list[UUID]] = defaultdict(list)
    for seat in reversed(seats):
        free[str(seat["programme_id"]), seat["kind"]].append(seat["id"])
    return [free[one["outcome"], one["seat"]].pop() if one["outcome"] is not None else None for one in results]


async def show(conn: Connection, ctx: Context, round_id: UUID) -> Row:
    await require_staff_of_round(conn, ctx, round_id, *CLERKS)
    return await _shown(conn, round_id)


async def result_for_staff(conn: Connection, ctx: Context, round_id: UUID) -> Row:
    """Return the result as it will be published, or was."""
    await require_staff_of_round(conn, ctx, round_id, *CLERKS)
    return _there(await sql.enrolment_draw.result(conn, round_id=round_id), NotFound("draw_result_not_there"))


async def show_to_everybody(conn: Connection, round_id: UUID) -> Row:
    return _there(await sql.enrolment_draw.show_to_everybody(conn, round_id=round_id), NotFound("draw_list_not_frozen"))


async def frozen_list(conn: Connection, round_id: UUID) -> Row:
    """Return the very bytes whose SHA-256 is published."""
    return _there(await sql.enrolment_draw.frozen(conn, round_id=round_id), NotFound("draw_list_not_frozen"))


async def published_result(conn: Connection, round_id: UUID) -> Row:
    return _there(await sql.enrolment_draw.published_result(conn, round_id=round_id), NotFound("draw_result_not_there"))


async def line(conn: Connection, ctx: Context, enrolment_id: UUID) -> dict[str, Any]:
    """Return what stands behind the line of one child in the frozen list, to its family alone."""
    await require_care_of_enrolment(conn, ctx, enrolment_id)
    found = _there(await sql.enrolment_draw.line(conn, enrolment_id=enrolment_id), NotFound("draw_not_listed"))
    opened = _applicant(found)
    return {**found, "groups": sorted(opened.groups), "ranks": opened.ranks, "commitment": draw.commitment(opened)}


async def _taken(conn: Connection, ctx: Context, round_id: UUID, state: RoundState) -> Row:
    taken = await enrolment_states.take_round(conn, round_id, ctx.now)
    _require_state(taken, state)
    return taken


def _require_state(found: Row, state: RoundState) -> None:
    if found["state"] != state:
        raise Conflict("enrolment_round_in_other_state", round_state=found["state"])


async def _require_another(conn: Connection, ctx: Context, round_id: UUID) -> UUID:
    """Only somebody else than who froze the list draws the lot."""
    caller = await require_staff_of_round(conn, ctx, round_id, *MANAGERS)
    frozen = await sql.enrolment_draw.frozen(conn, round_id=round_id)
    if frozen is not None and frozen["frozen_by"] == caller.account_id:
        raise Forbidden("draw_by_another")
    return caller.account_id


async def _inputs(conn: Connection, found: Row) -> Inputs:
    programmes = [
        Programme(
            str(row["id"]),
            row["seats"],
            tuple(Reserve(one["group"], one["seats"], tuple(one["then"])) for one in row["reserves"]),
        )
        for row in await sql.enrolment_draw.programmes(conn, round_id=found["id"])
    ]
    applicants = [_applicant(row) for row in await sql.enrolment_draw.applicants(conn, round_id=found["id"])]
    return Inputs(Terms(str(found["id"]), found["value_source"], found["value_due_at"]), programmes, applicants)


def _applicant(row: Row) -> Applicant:
    return Applicant(row["public_id"], row["salt"], frozenset(row["groups"]), tuple(map(str, row["ranks"])))


async def _shown(conn: Connection, round_id: UUID) -> Row:
    return _there(await sql.enrolment_draw.show(conn, round_id=round_id), NotFound("draw_list_not_frozen"))


def _there(found: Row | None, refusal: NotFound) -> Row:
    if found is None:
        raise refusal
    return found
