"""What a family has to say against a help: for the volunteer's leader and staff, never for the volunteer.

Who leads the team does not see complaints about oneself; another leader and staff of the team's area do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit, notices
from domain.errors import Conflict, NotFound
from domain.help_vocabulary import MAX_COMPLAINTS_OF_REQUEST
from domain.identifiers import new_id
from domain.notices import Notice
from domain.permissions import require_care_of_request, require_signed_in, require_team
from domain.vocabulary import MANAGERS, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def complain(conn: Connection, ctx: Context, request_id: UUID, given: Mapping[str, str]) -> Row:
    """Complain of who has or last had the request, to that volunteer's team; of nobody, to the request's."""
    await require_care_of_request(conn, ctx, request_id)
    complaint_id = new_id()
    made: Row | None = await sql.help_complaints.add(
        conn,
        id=complaint_id,
        request_id=request_id,
        account_id=require_signed_in(ctx).account_id,
        words_sealed=ctx.vault.seal("help_complaint", "words_sealed", complaint_id, given["words"].encode()),
        most=MAX_COMPLAINTS_OF_REQUEST,
        now=ctx.now,
    )
    if made is None:
        raise Conflict("complaints_enough", limit=MAX_COMPLAINTS_OF_REQUEST)
    await _tell_leaders(conn, ctx, made)
    await audit.record(
        conn, ctx, "help_complaints.made", complaint_id, request_id=request_id, volunteer_id=made["volunteer_id"]
    )
    return _told(ctx, made)


async def own(conn: Connection, ctx: Context, request_id: UUID, complaint_id: UUID) -> Row:
    """Return a complaint of the caller's own."""
    await require_care_of_request(conn, ctx, request_id)
    account_id = require_signed_in(ctx).account_id
    found: Sequence[Row] = await sql.help_complaints.of_account(conn, request_id=request_id, account_id=account_id)
    return next(_told(ctx, row) for row in found if row["id"] == complaint_id)


async def list_own(conn: Connection, ctx: Context, request_id: UUID) -> list[Row]:
    """List what the caller has complained of in one request, with the answers."""
    await require_care_of_request(conn, ctx, request_id)
    account_id = require_signed_in(ctx).account_id
    found = await sql.help_complaints.of_account(conn, request_id=request_id, account_id=account_id)
    return [_told(ctx, row) for row in found]


async def list_of_team(
    conn: Connection, ctx: Context, team_id: UUID, *, answered: bool | None, after: UUID | None, limit: int
) -> list[Row]:
    """List a team's complaints, oldest first, but for those about the caller; each reading is an audit row."""
    caller = await require_team(conn, ctx, team_id, *MANAGERS)
    found: Sequence[Row] = await sql.help_complaints.of_team(
        conn, team_id=team_id, account_id=caller.account_id, answered=answered, after=after, limit=limit + 1
    )
    read = [audit.entry(ctx, "help_complaints.read", row["id"], team_id=team_id) for row in found[:limit]]
    await audit.record_all(conn, ctx.vault, ctx.now, read)
    return [_told(ctx, row) for row in found]


async def answer(conn: Connection, ctx: Context, team_id: UUID, complaint_id: UUID, given: Mapping[str, str]) -> Row:
    """Answer a complaint once; whoever cares for the person is told."""
    caller = await require_team(conn, ctx, team_id, *MANAGERS)
    text = given["answer"]
    complaint: Row | None = await sql.help_complaints.lock(
        conn, id=complaint_id, team_id=team_id, account_id=caller.account_id
    )
    if complaint is None:
        raise NotFound("complaint_not_found")
    if complaint["answered_at"] is not None:
        if complaint["answer"] != text:
            raise Conflict("complaint_answered_already")
        return _told(ctx, complaint)
    answered: Row = await sql.help_complaints.answer(
        conn, id=complaint_id, account_id=caller.account_id, answer=text, now=ctx.now
    )
    await notices.tell(
        conn, ctx, complaint["person_id"], NoticeKind.COMPLAINT_ANSWERED, complaint["request_id"], reason=text
    )
    await audit.record(conn, ctx, "help_complaints.answered", complaint_id, request_id=complaint["request_id"])
    return _told(ctx, {**complaint, **answered})


async def _tell_leaders(conn: Connection, ctx: Context, complaint: Row) -> None:
    leaders = await sql.teams.leaders(conn, teams=[complaint["team_id"]])
    told = [
        Notice(leader["person_id"], NoticeKind.HELP_ALARMED, complaint["request_id"], {"way": "complaint"})
        for leader in leaders
        if leader["volunteer_id"] != complaint["volunteer_id"]
    ]
    await notices.tell_all(conn, ctx.now, told)


def _told(ctx: Context, row: Mapping[str, Any]) -> Row:
    """Open the words, where they are not erased."""
    sealed = row["words_sealed"]
    words = sealed and ctx.vault.unseal("help_complaint", "words_sealed", row["id"], sealed).decode()
    return {**row, "words": words}
