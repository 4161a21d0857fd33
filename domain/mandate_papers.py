"""Consent on paper: a clerk enters what was signed, somebody else looks at the paper, and then it holds.

The second person is another account of the staff, or the leader of the team; never whom the mandate would empower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.errors import Conflict, Forbidden, NotFound
from domain.mandate_terms import (
    PersonNamed,
    Terms,
    activate,
    add,
    begin,
    find_person,
    is_empowered,
    pending_since,
    record,
    require_room,
)
from domain.mandate_views import has_lapsed, require_staff_of_mandate, show_to_staff, whole
from domain.permissions import (
    require_signed_in,
    require_staff_in,
    require_staff_of_volunteer,
    require_staff_somewhere,
    require_team,
)
from domain.vocabulary import CLERKS, ConsentWay, MandateStatus

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context


async def require_staff_of_holder(conn: Connection, ctx: Context, terms: Terms) -> None:
    """Only clerks of the area of the team whose volunteer, or which itself, is to hold the mandate."""
    if terms.volunteer_id is not None:
        await require_staff_of_volunteer(conn, ctx, terms.volunteer_id, *CLERKS)
        return
    team = await sql.mandates.team(conn, id=terms.team_id)
    if team is None:
        raise NotFound("team_not_found")
    try:
        await require_staff_in(conn, ctx, team["area_id"], *CLERKS)
    except NotFound:
        raise NotFound("team_not_found") from None


async def register(conn: Connection, ctx: Context, named: PersonNamed, terms: Terms, file_id: UUID) -> dict[str, Any]:
    """Enter a mandate that was signed on paper, whose photo the same clerk has stored; somebody else is to confirm."""
    await require_staff_of_holder(conn, ctx, terms)
    account_id = require_signed_in(ctx).account_id
    await begin(conn, ctx, terms)
    person = await find_person(conn, ctx, named)
    if person is None:
        raise NotFound("person_unknown")
    if not await sql.files.added_by(conn, id=file_id, account_id=account_id):
        raise NotFound("file_not_found")
    standing = await require_room(conn, ctx, person["id"], terms, ConsentWay.DESK)
    if standing["pending_id"] is not None:
        raise Conflict("paper_pending", mandate_id=standing["pending_id"])
    mandate_id = await add(conn, ctx, person["id"], terms, ConsentWay.DESK, consented=False, file_id=file_id)
    made = await show_to_staff(conn, ctx, mandate_id)
    await record(conn, ctx, "mandates.registered", mandate_id, person["id"], terms, file_id=str(file_id))
    return made


async def list_waiting(conn: Connection, ctx: Context, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    """List, oldest first, the papers in the caller's areas that wait for a second person, whom the caller may be."""
    await require_staff_somewhere(conn, ctx, *CLERKS)
    rows = await sql.mandate_papers.waiting_for_staff(
        conn,
        account_id=require_signed_in(ctx).account_id,
        roles=CLERKS,
        since=pending_since(ConsentWay.DESK, ctx.now),
        now=ctx.now,
        after=after,
        limit=limit + 1,
    )
    return _oldest_first(await whole(conn, ctx, [row["id"] for row in rows], to_staff=True))


async def list_waiting_of_team(
    conn: Connection, ctx: Context, team_id: UUID, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """List the papers that wait for a second person, for the leader too: but for those that would empower him."""
    caller = await require_team(conn, ctx, team_id, *CLERKS)
    rows = await sql.mandate_papers.waiting_of_team(
        conn,
        account_id=caller.account_id,
        team_id=team_id,
        since=pending_since(ConsentWay.DESK, ctx.now),
        now=ctx.now,
        after=after,
        limit=limit + 1,
    )
    ids = [row["id"] for row in rows]
    shown = _oldest_first(await whole(conn, ctx, ids, to_staff=True))
    await audit.record(conn, ctx, "mandates.papers_listed", team_id, mandates=ids[:limit])
    return shown


async def read(conn: Connection, ctx: Context, team_id: UUID, mandate_id: UUID) -> Record:
    """Return the file of a paper, for the leader of the team too; each reading is recorded."""
    paper = await _of_team(conn, ctx, team_id, mandate_id)
    found: Record = await sql.files.one(conn, id=paper["file_id"])
    await audit.record(conn, ctx, "files.read", paper["file_id"], mandate_id=str(mandate_id))
    return found


async def confirm(conn: Connection, ctx: Context, mandate_id: UUID) -> dict[str, Any]:
    """Make a paper hold, as another of the staff than who entered it."""
    await require_staff_of_mandate(conn, ctx, mandate_id)
    return await _confirm(conn, ctx, await _paper(conn, mandate_id))


async def confirm_in_team(conn: Connection, ctx: Context, team_id: UUID, mandate_id: UUID) -> dict[str, Any]:
    """Make a paper hold, as the team's leader or as another of the staff than who entered it."""
    return await _confirm(conn, ctx, await _of_team(conn, ctx, team_id, mandate_id))


async def _confirm(conn: Connection, ctx: Context, paper: Record) -> dict[str, Any]:
    account_id, mandate_id, terms = require_signed_in(ctx).account_id, paper["id"], Terms.of(paper)
    if paper["requested_by"] == account_id:
        raise Forbidden("second_person_needed")
    if paper["status"] != MandateStatus.ACTIVE:
        await begin(conn, ctx, terms)
        paper = await _paper(conn, mandate_id)  # as whoever came first has left it
    if paper["status"] == MandateStatus.ACTIVE:
        return await _shown(conn, ctx, mandate_id)
    _require_waiting(ctx, paper)
    if not await sql.mandate_papers.has_read(
        conn, account_id=account_id, file_id=paper["file_id"], since=paper["created_at"]
    ):
        raise Conflict("paper_not_read", file_id=paper["file_id"])
    await require_room(conn, ctx, paper["person_id"], terms, ConsentWay.DESK)
    if not await activate(conn, ctx, mandate_id, paper["person_id"], ConsentWay.DESK, account_id):
        raise Conflict("mandate_not_pending", state=MandateStatus.REVOKED)
    shown = await _shown(conn, ctx, mandate_id)
    await record(conn, ctx, "mandates.paper_confirmed", mandate_id, paper["person_id"], terms)
    return shown


def _require_waiting(ctx: Context, paper: Record) -> None:
    if paper["status"] != MandateStatus.PENDING:
        raise Conflict("mandate_not_pending", state=paper["status"])
    if has_lapsed(paper, ctx.now):
        raise Conflict("paper_lapsed")


async def _paper(conn: Connection, mandate_id: UUID) -> Record:
    paper: Record | None = await sql.mandate_papers.one(conn, id=mandate_id)
    if paper is None:
        raise NotFound("mandate_not_found")
    return paper


async def _of_team(conn: Connection, ctx: Context, team_id: UUID, mandate_id: UUID) -> Record:
    """Return a paper of a team to who answers for the team, unless it would empower the caller."""
    caller = await require_team(conn, ctx, team_id, *CLERKS)
    paper = await _paper(conn, mandate_id)
    if paper["of_team"] != team_id:
        raise NotFound("mandate_not_found")
    if await is_empowered(conn, Terms.of(paper), caller.account_id):
        raise Forbidden("not_about_oneself")
    return paper


async def _shown(conn: Connection, ctx: Context, mandate_id: UUID) -> dict[str, Any]:
    return (await whole(conn, ctx, [mandate_id], to_staff=True))[0]


def _oldest_first(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(shown, key=lambda mandate: mandate["id"].int)
