"""Volunteers: a resident applies, says what it can do and when, and leaves; families see who it is.

Whoever becomes or ceases to be a volunteer has another role: a trigger on the status raises the account's
version, and tokens made before are refused at their next use. Who decides is in `domain.volunteer_decisions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sql
from domain import audit, help_release, mandates, notices, teams, volunteer_times
from domain.constraints import refusing
from domain.errors import Conflict, NotFound
from domain.help_vocabulary import Ability, Because
from domain.identifiers import new_id
from domain.notices import Notice
from domain.permissions import require_registered, require_signed_in
from domain.vocabulary import NoticeKind, VolunteerStatus, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context

APPLIED, APPROVED, SUSPENDED, LEFT = (
    VolunteerStatus.APPLIED,
    VolunteerStatus.APPROVED,
    VolunteerStatus.SUSPENDED,
    VolunteerStatus.LEFT,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a volunteer serves, where, how and when; None: as usual for who applies, as it was for who changes."""

    team_id: UUID
    areas: Sequence[UUID]
    languages: Sequence[str]
    abilities: Sequence[str] | None = None
    hours: Sequence[Mapping[str, int]] | None = None
    days_off: Sequence[Mapping[str, date]] | None = None


async def apply(conn: Connection, ctx: Context, entry: Entry) -> Record:
    """Enter the caller as a volunteer to be; the team's leader or staff of its area are to approve."""
    await require_registered(conn, ctx)
    account_id = require_signed_in(ctx).account_id
    volunteer_times.check(entry.hours, entry.days_off, local_day(ctx.now))
    with refusing(volunteer_team_id_fkey=NotFound("team_not_found")):
        volunteer_id = await sql.volunteers.apply(
            conn,
            id=new_id(),
            account_id=account_id,
            team_id=entry.team_id,
            languages=sorted(set(entry.languages)),
            abilities=sorted(set(entry.abilities or (Ability.BOOK,))),
            now=ctx.now,
        )
    if volunteer_id is None:
        raise Conflict("volunteer_already")
    await _serve(conn, volunteer_id, entry.areas)
    hours = volunteer_times.USUAL_HOURS if entry.hours is None else entry.hours
    await volunteer_times.put(conn, volunteer_id, hours, entry.days_off or ())
    await _tell_leaders(conn, ctx, entry.team_id, volunteer_id)
    made = await one(conn, ctx, volunteer_id)
    await audit.record(conn, ctx, "volunteers.applied", volunteer_id, team_id=str(entry.team_id))
    return made


async def own(conn: Connection, ctx: Context) -> Record:
    account_id = require_signed_in(ctx).account_id
    entry = await sql.volunteers.by_account(conn, account_id=account_id)
    if entry is None:
        raise NotFound("volunteer_not_found")
    return await one(conn, ctx, entry["id"])


async def change(conn: Connection, ctx: Context, entry: Entry) -> Record:
    """Change what the caller serves; in another team the caller is a volunteer only once approved there.

    What the caller has taken over stays with the team that it was asked of; who is out with somebody changes no team.
    """
    await require_registered(conn, ctx)
    account_id = require_signed_in(ctx).account_id
    volunteer_times.check(entry.hours, entry.days_off, local_day(ctx.now))
    with refusing(volunteer_team_id_fkey=NotFound("team_not_found")):
        changed = await sql.volunteers.change(
            conn,
            account_id=account_id,
            team_id=entry.team_id,
            languages=sorted(set(entry.languages)),
            abilities=entry.abilities and sorted(set(entry.abilities)),
            now=ctx.now,
        )
    if changed is None:
        raise await _why_not(conn, account_id)
    volunteer_id: UUID = changed["id"]
    await _serve(conn, volunteer_id, entry.areas)
    await volunteer_times.put(conn, volunteer_id, entry.hours, entry.days_off)
    if changed["left_team"]:
        await _require_nobody_left_alone(conn, account_id)
        await teams.end_leaderships(conn, ctx, volunteer_id)
        await help_release.release_of_volunteer(conn, ctx, volunteer_id, Because.VOLUNTEER_LEFT)
        await _tell_leaders(conn, ctx, entry.team_id, volunteer_id)
    shown = await one(conn, ctx, volunteer_id)
    await audit.record(conn, ctx, "volunteers.changed", volunteer_id, team_id=str(entry.team_id))
    return shown


async def leave(conn: Connection, ctx: Context) -> Record:
    """Stop being a volunteer; every mandate that the caller holds is revoked, for every task somebody else is sought.

    Not while the caller is out with somebody: who freezes a volunteer does not ask, who leaves can wait.
    """
    account_id = require_signed_in(ctx).account_id
    await _require_nobody_left_alone(conn, account_id)
    volunteer_id = await end(conn, ctx, (APPLIED, APPROVED))
    if volunteer_id is None:
        raise await _why_not(conn, account_id)
    shown = await one(conn, ctx, volunteer_id)
    await audit.record(conn, ctx, "volunteers.left", volunteer_id)
    return shown


async def end(
    conn: Connection, ctx: Context, before: Sequence[VolunteerStatus] = (APPLIED, APPROVED, SUSPENDED)
) -> UUID | None:
    """End what the caller is as a volunteer, with every mandate, for a rule that writes the audit of it."""
    caller = require_signed_in(ctx)
    volunteer_id: UUID | None = await sql.volunteers.end(conn, account_id=caller.account_id, before=before, now=ctx.now)
    if volunteer_id is not None:
        await take_everything(conn, ctx, volunteer_id, "volunteer")
    return volunteer_id


async def take_everything(conn: Connection, ctx: Context, volunteer_id: UUID, by: str) -> None:
    """Take from a volunteer whose row says `left` what came with it: leadership, mandates, tasks, offers."""
    await teams.end_leaderships(conn, ctx, volunteer_id)
    await mandates.revoke_all(conn, ctx, volunteer_id=volunteer_id, by=by)
    await help_release.release_of_volunteer(conn, ctx, volunteer_id, Because.VOLUNTEER_LEFT)


async def card(conn: Connection, ctx: Context, volunteer_id: UUID) -> Record:
    """Show who an approved volunteer is, to whoever was given the id and thinks of a mandate."""
    await require_registered(conn, ctx)
    found: Record | None = await sql.volunteers.card(conn, id=volunteer_id)
    if found is None:
        raise NotFound("volunteer_not_found")
    return found


async def one(conn: Connection, ctx: Context, volunteer_id: UUID) -> Record:
    """Return a volunteer that there is, whole, for a rule that has checked who asks."""
    found: Record
    (found,) = await sql.volunteers.shown(conn, ids=[volunteer_id], today=local_day(ctx.now))
    return found


async def _tell_leaders(conn: Connection, ctx: Context, team_id: UUID, volunteer_id: UUID) -> None:
    """Tell who leads a team that somebody applies, once a day; where nobody leads, staff find it in their list."""
    facts = {"volunteer_id": volunteer_id, "team_id": team_id}
    leaders = await sql.teams.leaders(conn, teams=[team_id])
    persons = [leader["person_id"] for leader in leaders]
    lately = await sql.notices.told(
        conn,
        persons=persons,
        kind=NoticeKind.VOLUNTEER_APPLIED,
        subject_id=volunteer_id,
        since=ctx.now - timedelta(days=1),
    )
    untold = set(persons) - {row["person_id"] for row in lately}
    told = [Notice(person_id, NoticeKind.VOLUNTEER_APPLIED, volunteer_id, facts) for person_id in sorted(untold)]
    await notices.tell_all(conn, ctx.now, told)


async def _require_nobody_left_alone(conn: Connection, account_id: UUID) -> None:
    under_way = await sql.erasure.help_under_way_by(conn, account_id=account_id)
    if under_way:
        raise Conflict("live_help", help_requests=[row["id"] for row in under_way])


async def _serve(conn: Connection, volunteer_id: UUID, areas: Sequence[UUID]) -> None:
    with refusing(volunteer_area_area_id_fkey=NotFound("area_not_found")):
        await sql.volunteers.set_areas(conn, volunteer_id=volunteer_id, areas=list(areas))


async def _why_not(conn: Connection, account_id: UUID) -> Conflict | NotFound:
    entry = await sql.volunteers.by_account(conn, account_id=account_id)
    if entry is None or entry["status"] == LEFT:
        return NotFound("volunteer_not_found")
    return Conflict("volunteer_in_other_state", state=entry["status"])
