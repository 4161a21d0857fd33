"""What a person and the family are told, written in the transaction of its cause.

A notice holds ids, never names: whoever reads it sees the names as they are then, or that they were erased.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

import sql
from domain.identifiers import new_id
from domain.permissions import require_signed_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context
    from domain.vocabulary import NoticeKind


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell.

    The subject of `mandate_used`, `mandate_use_cancelled` and all kinds of bookings is the booking (of one that
    was moved, the new one), of the other kinds of mandates the mandate, of the kinds of care the request, of the
    kinds of waiting the entry, of the kinds of volunteers the volunteer, of the emergency contact the person, of the
    kinds of enrolment the application (fact `class_id` where the sentence names a class), of the kinds of nurseries
    the place.
    `facts` hold no personal data.
    """

    person_id: UUID
    kind: NoticeKind
    subject_id: UUID
    facts: Mapping[str, Any] = field(default_factory=dict)


async def tell(
    conn: Connection, ctx: Context, person_id: UUID, kind: NoticeKind, subject_id: UUID, **facts: Any
) -> None:
    await tell_all(conn, ctx.now, [Notice(person_id, kind, subject_id, facts)])


async def tell_all(conn: Connection, now: datetime, notices: Sequence[Notice]) -> None:
    await sql.notices.add(
        conn,
        ids=[new_id() for _ in notices],
        persons=[notice.person_id for notice in notices],
        kinds=[notice.kind for notice in notices],
        subjects=[notice.subject_id for notice in notices],
        facts=[orjson.dumps(notice.facts, default=str).decode() for notice in notices],
        now=now,
    )


async def list_for_family(conn: Connection, ctx: Context, after: UUID | None, limit: int) -> list[Record]:
    """List what concerns the persons in the caller's care, newest first."""
    caller = require_signed_in(ctx)
    found: list[Record] = await sql.notices.for_family(conn, account_id=caller.account_id, after=after, limit=limit + 1)
    return found
