"""A code to the person's registered phone, by which a further account may join the care.

What is answered is the same whether the name is right, the person has a phone, or neither: else asking
would tell who is known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import sql
from domain import audit, care, care_requests
from domain.care import DAY
from domain.codes import new_code
from domain.errors import Conflict, NotFound, TooMany
from domain.permissions import require_signed_in
from domain.person_records import open_phone
from domain.vocabulary import (
    CODE_ATTEMPTS,
    CODE_PAUSE_SECONDS,
    CODE_VALID_MINUTES,
    CODES_SENT,
    MAX_CODES_A_PERSON_A_DAY,
    CareRequestStatus,
    DecidedWay,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context

OPEN = (CareRequestStatus.PENDING, CareRequestStatus.REFUSED)
PAUSE = timedelta(seconds=CODE_PAUSE_SECONDS)


@dataclass(frozen=True, slots=True)
class Code:
    """What the caller is told, and what is to be sent once the transaction stands; no phone: nothing."""

    request_id: UUID
    expires_at: datetime
    again_at: datetime
    phone: str | None = field(repr=False)
    code: str = field(repr=False)
    code_hash: bytes = field(repr=False)


async def draw(conn: Connection, ctx: Context, request_id: UUID) -> Code:
    """Draw a code for a request of the caller's own; the one before is void."""
    await care.lock_caller(conn, ctx)
    request = await _own(conn, ctx, request_id)
    (person,) = await sql.people.lock(conn, ids=[request["person_id"]])
    sent = await sql.care_requests.codes_sent(conn, person_id=person["id"], since=ctx.now - DAY)
    if sent >= MAX_CODES_A_PERSON_A_DAY:
        raise TooMany("codes_limit_day", retry_after=int(DAY.total_seconds()))
    code = new_code()
    code_hash = ctx.vault.hash_code(request_id, code)
    expires_at = ctx.now + timedelta(minutes=CODE_VALID_MINUTES)
    drawn = await sql.care_requests.set_code(
        conn,
        id=request_id,
        account_id=request["account_id"],
        code_hash=code_hash,
        code_expires_at=expires_at,
        attempts=CODE_ATTEMPTS,
        most=CODES_SENT,
        now=ctx.now,
        sent_before=ctx.now - PAUSE,
    )
    if drawn is None:
        raise _why_no_code(ctx, request)
    # Who has written the number down on a visit proves nothing by reading a code from it.
    registered = person["team_id"] is not None and await sql.permissions.same_human(
        conn, one_account=person["created_by"], other_account=request["account_id"]
    )
    phone = open_phone(ctx.vault, person) if drawn["to_be_sent"] and not registered else None
    await audit.record(conn, ctx, "care_requests.code_drawn", person["id"], care_request_id=request_id)
    return Code(request_id, expires_at, ctx.now + PAUSE, phone, code, code_hash)


def _why_no_code(ctx: Context, request: Record) -> Conflict | TooMany:
    if request["status"] not in OPEN or request["expires_at"] <= ctx.now:
        return Conflict("care_request_closed")
    if request["codes_sent"] >= CODES_SENT:
        return Conflict("code_spent")
    return TooMany("code_too_soon", retry_after=care.seconds_until(ctx, request["code_sent_at"] + PAUSE))


async def take_back(conn: Connection, code: Code) -> None:
    """Forget a code that could not be sent, so that the next try may send another at once."""
    await sql.care_requests.take_code_back(conn, id=code.request_id, code_hash=code.code_hash)


async def confirm(conn: Connection, ctx: Context, request_id: UUID, code: str) -> Mapping[str, Any]:
    """Join by the code; a wrong one costs an attempt, which the refusal keeps."""
    await care.lock_caller(conn, ctx)
    request = await _own(conn, ctx, request_id)
    if request["status"] == CareRequestStatus.APPROVED:
        return await care_requests.made(conn, ctx, request_id)
    await sql.people.lock(conn, ids=[request["person_id"]])
    guess = await sql.care_requests.spend_attempt(
        conn,
        id=request_id,
        account_id=request["account_id"],
        code_hash=ctx.vault.hash_code(request_id, code),
        now=ctx.now,
    )
    if guess is None:
        raise Conflict("code_spent" if request["code_hash"] and not request["attempts_left"] else "code_expired")
    if not guess["is_right"]:
        await audit.record(conn, ctx, "care_requests.code_wrong", request["person_id"], care_request_id=request_id)
        raise Conflict("code_wrong", attempts_left=guess["attempts_left"]).keeping()
    await care_requests.settle(conn, ctx, request, CareRequestStatus.APPROVED, DecidedWay.PHONE)
    return await care_requests.made(conn, ctx, request_id)


async def _own(conn: Connection, ctx: Context, request_id: UUID) -> Record:
    """Return a request of the caller's own; others' do not exist for the caller."""
    request: Record | None = await sql.care_requests.one(conn, id=request_id)
    if request is None or request["account_id"] != require_signed_in(ctx).account_id:
        raise NotFound("care_request_not_found")
    return request
