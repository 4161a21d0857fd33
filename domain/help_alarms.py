"""What a team's leader and staff must look at: raised once a day at most for one cause, and told to the leaders.

Nobody sees or closes an alarm about oneself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

import sql
from domain import audit
from domain.errors import NotFound
from domain.identifiers import new_id
from domain.notices import Notice, tell_all
from domain.permissions import require_team
from domain.vocabulary import CLERKS, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.help_vocabulary import AlarmKind
    from domain.rows import Row


@dataclass(frozen=True, slots=True)
class Alarm:
    """About a help request, a volunteer, or both. `day`: of two of one cause on one day, only one is raised.

    `facts` hold no personal data.
    """

    kind: AlarmKind
    team_id: UUID
    day: date
    request_id: UUID | None = None
    volunteer_id: UUID | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


async def raise_all(conn: Connection, now: datetime, alarms: Sequence[Alarm]) -> int:
    """Raise what has not been raised yet and tell the teams' leaders; return how many that were.

    A leader is not told of an alarm about the leader; staff see it.
    """
    raised: Sequence[Row] = await sql.help_alarms.add(
        conn,
        ids=[new_id() for _ in alarms],
        kinds=[alarm.kind for alarm in alarms],
        teams=[alarm.team_id for alarm in alarms],
        requests=[alarm.request_id for alarm in alarms],
        volunteers=[alarm.volunteer_id for alarm in alarms],
        days=[alarm.day for alarm in alarms],
        facts=[orjson.dumps(alarm.facts, default=str).decode() for alarm in alarms],
        now=now,
    )
    if raised:
        leaders = await sql.teams.leaders(conn, teams=[alarm["team_id"] for alarm in raised])
        told = [
            Notice(leader["person_id"], NoticeKind.HELP_ALARMED, alarm["request_id"] or alarm["id"], _facts(alarm))
            for alarm in raised
            for leader in leaders
            if leader["team_id"] == alarm["team_id"] and leader["volunteer_id"] != alarm["volunteer_id"]
        ]
        await tell_all(conn, now, told)
    return len(raised)


async def list_of_team(
    conn: Connection, ctx: Context, team_id: UUID, *, closed: bool | None, before: UUID | None, most: int
) -> list[Row]:
    """List a team's alarms, newest first: those that are open, those that are closed, or all."""
    caller = await require_team(conn, ctx, team_id, *CLERKS)
    found: list[Row] = await sql.help_alarms.of_team(
        conn, team_id=team_id, account_id=caller.account_id, closed=closed, before=before, limit=most
    )
    return found


async def close(conn: Connection, ctx: Context, team_id: UUID, alarm_id: UUID, outcome: str) -> None:
    """Say what has become of it. What is closed stays as it was closed."""
    caller = await require_team(conn, ctx, team_id, *CLERKS)
    closed = await sql.help_alarms.close(
        conn, id=alarm_id, team_id=team_id, account_id=caller.account_id, outcome=outcome, now=ctx.now
    )
    if closed is not None:
        await audit.record(conn, ctx, "help_alarms.closed", alarm_id, team_id=str(team_id))
    elif not await sql.help_alarms.is_seen(conn, id=alarm_id, team_id=team_id, account_id=caller.account_id):
        raise NotFound("alarm_not_found")


def _facts(alarm: Row) -> dict[str, Any]:
    facts = {"way": alarm["kind"]}
    return facts if alarm["volunteer_id"] is None else facts | {"volunteer_id": alarm["volunteer_id"]}
