"""A further account asks to care for a person who exists already.

Knowing a name and an ID number proves nothing. Whoever asks learns nothing until somebody who may has
agreed: a request under a wrong name, and one that was refused, look like one that is still open.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, care, notices
from domain.care import DAY, Joining
from domain.errors import Conflict, NotFound, TooMany
from domain.identifiers import new_id
from domain.identity import mask_id_number, mask_phone, same_name
from domain.permissions import require_signed_in, require_staff_somewhere
from domain.person_records import open_document, phone_index, seal_phone
from domain.vocabulary import (
    CARE_REQUEST_DAYS,
    CLERKS,
    MAX_CARE_REQUESTS_A_DAY,
    CareRequestStatus,
    ConsentKind,
    DecidedWay,
    NoticeKind,
    Relation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.consents import Consents
    from domain.context import Context


async def ask(
    conn: Connection,
    ctx: Context,
    person: Record,
    name: str,
    relation: Relation,
    given: Consents,
    phone: str | None = None,
) -> Mapping[str, Any]:
    """Ask on behalf of the caller, whose account is locked like the person; `name` is what the caller says it is.

    `phone` is the number that WeChat has verified, where the caller asks to be the person.
    """
    caller = require_signed_in(ctx)
    recent = await sql.care_requests.recent(conn, account_id=caller.account_id, since=ctx.now - DAY)
    if recent["requests"] >= MAX_CARE_REQUESTS_A_DAY:
        wait = care.seconds_until(ctx, recent["oldest"] + DAY)
        raise TooMany("care_requests_limit_day", limit=MAX_CARE_REQUESTS_A_DAY, retry_after=wait)
    of_both = {"account_id": caller.account_id, "person_id": person["id"]}
    refused = await sql.care_requests.refused_lately(conn, **of_both, now=ctx.now)
    await sql.care_requests.withdraw_older(conn, **of_both)
    told = same_name(name, person["name"]) and not refused
    request_id = new_id()
    await sql.care_requests.add(
        conn,
        id=request_id,
        **of_both,
        relation=relation,
        name_matches=told,
        consents={str(kind): version for kind, version in given.items()},
        phone_sealed=_seal_phone(ctx, request_id, phone),
        now=ctx.now,
        expires_at=ctx.now + timedelta(days=CARE_REQUEST_DAYS),
    )
    if told:
        await notices.tell(conn, ctx, person["id"], NoticeKind.CARE_REQUESTED, request_id, relation=relation)
    request = await made(conn, ctx, request_id)
    await audit.record(conn, ctx, "care_requests.made", person["id"], care_request_id=request_id, relation=relation)
    return request


async def made(conn: Connection, ctx: Context, request_id: UUID) -> Mapping[str, Any]:
    """Return a request of the caller's own, as the caller may see it."""
    caller = require_signed_in(ctx)
    row = await sql.care_requests.made_one(conn, account_id=caller.account_id, id=request_id)
    if row is None:
        raise NotFound("care_request_not_found")
    return _as_asked(ctx, row)


async def waiting_self(conn: Connection, ctx: Context) -> Mapping[str, Any] | None:
    """Return the caller's open request to be a person who exists already, if there is one."""
    caller = require_signed_in(ctx)
    row = await sql.care_requests.waiting_self(conn, account_id=caller.account_id, now=ctx.now)
    return None if row is None else _as_asked(ctx, row)


async def list_made(conn: Connection, ctx: Context, after: UUID | None, limit: int) -> Sequence[Mapping[str, Any]]:
    """List what the caller has asked for, newest first."""
    caller = require_signed_in(ctx)
    rows = await sql.care_requests.made(conn, account_id=caller.account_id, after=after, limit=limit + 1)
    return [_as_asked(ctx, row) for row in rows]


async def list_to_decide(conn: Connection, ctx: Context, after: UUID | None, limit: int) -> Sequence[Mapping[str, Any]]:
    """List what others ask for persons that the caller decides for."""
    caller = require_signed_in(ctx)
    rows = await sql.care_requests.to_decide(
        conn, account_id=caller.account_id, now=ctx.now, after=after, limit=limit + 1
    )
    return [_with_phone(ctx, row) for row in rows]


async def list_at_desk(
    conn: Connection, ctx: Context, person_id: UUID, after: UUID | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """List what is asked for a person, also under a wrong name: the desk has the documents before it."""
    await require_staff_somewhere(conn, ctx, *CLERKS)
    rows = await sql.care_requests.of_person(conn, person_id=person_id, now=ctx.now, after=after, limit=limit + 1)
    listed = [_with_phone(ctx, row) for row in rows]
    await audit.record(conn, ctx, "care_requests.listed", person_id)
    return listed


async def withdraw(conn: Connection, ctx: Context, request_id: UUID) -> None:
    """Take back a request of the caller's own; once more is no error."""
    caller = require_signed_in(ctx)
    row = await sql.care_requests.made_one(conn, account_id=caller.account_id, id=request_id)
    if row is None:
        raise NotFound("care_request_not_found")
    if row["status"] == CareRequestStatus.APPROVED:
        raise Conflict("care_request_closed")
    await sql.care_requests.withdraw(conn, account_id=caller.account_id, id=request_id)
    await audit.record(conn, ctx, "care_requests.withdrawn", row["person_id"], care_request_id=request_id)


async def decide(conn: Connection, ctx: Context, request_id: UUID, status: CareRequestStatus) -> None:
    """Approve or refuse as the one who decides for the person; the same once more is no error."""
    request = await _request(conn, request_id)
    if not request["name_matches"]:
        raise NotFound("care_request_not_found")
    caller = require_signed_in(ctx)
    if await sql.care.decider(conn, person_id=request["person_id"]) != caller.account_id:
        raise NotFound("care_request_not_found")
    await lock(conn, request)
    # Between the two, somebody who comes before the caller may have joined.
    if await sql.care.decider(conn, person_id=request["person_id"]) != caller.account_id:
        raise NotFound("care_request_not_found")
    await settle(conn, ctx, request, status, DecidedWay.CARER)


async def decide_at_desk(conn: Connection, ctx: Context, request_id: UUID, status: CareRequestStatus) -> None:
    """Approve or refuse as a clerk who has seen the documents of both."""
    await require_staff_somewhere(conn, ctx, *CLERKS)
    request = await _request(conn, request_id)
    await lock(conn, request)
    await settle(conn, ctx, request, status, DecidedWay.DESK)


async def _request(conn: Connection, request_id: UUID) -> Record:
    request: Record | None = await sql.care_requests.one(conn, id=request_id)
    if request is None:
        raise NotFound("care_request_not_found")
    return request


async def lock(conn: Connection, request: Record) -> None:
    """Lock the account that asks, then the person: the order in which everybody takes them."""
    if await sql.people.lock_account(conn, account_id=request["account_id"]) is None:
        raise NotFound("care_request_not_found")
    await sql.people.lock(conn, ids=[request["person_id"]])


async def settle(conn: Connection, ctx: Context, request: Record, status: CareRequestStatus, way: DecidedWay) -> None:
    """Decide a request once, and let the account join where it is approved. Needs both locks."""
    by = require_signed_in(ctx).account_id
    decided = await sql.care_requests.decide(conn, id=request["id"], status=status, decided_by=by, way=way, now=ctx.now)
    if decided is None:
        standing = await _request(conn, request["id"])
        if standing["status"] == status:
            return
        raise Conflict("care_request_closed")
    if status == CareRequestStatus.APPROVED:
        await _join(conn, ctx, decided, way)
    await audit.record(
        conn, ctx, f"care_requests.{status}", decided["person_id"], care_request_id=decided["id"], way=way
    )


async def _join(conn: Connection, ctx: Context, request: Record, way: DecidedWay) -> None:
    relation = Relation(request["relation"])
    given = {ConsentKind(kind): version for kind, version in request["consents"].items()}
    joining = Joining(request["account_id"], request["person_id"], relation, given, request["created_at"])
    if relation != Relation.SELF:
        await care.require_room(conn, ctx, joining.account_id)
    if not await care.join(conn, ctx, joining):
        await care.refuse_join(conn, joining)
    if request["phone_sealed"] is not None:
        phone = _open_phone(ctx, request)
        await sql.people.change_phone(
            conn,
            id=joining.person_id,
            phone_sealed=seal_phone(ctx.vault, joining.person_id, phone),
            phone_index=phone_index(ctx.vault, phone),
        )
    await notices.tell(conn, ctx, joining.person_id, NoticeKind.CARE_JOINED, request["id"], relation=relation, way=way)


def _as_asked(ctx: Context, row: Record) -> Mapping[str, Any]:
    """Show a request to whoever made it. What was refused looks open, then expired: a refusal tells something."""
    status = CareRequestStatus(row["status"])
    if status == CareRequestStatus.REFUSED:
        status = CareRequestStatus.PENDING
    if status == CareRequestStatus.PENDING and row["expires_at"] <= ctx.now:
        status = CareRequestStatus.EXPIRED
    sealed = row["document_sealed"]
    number = None if sealed is None else open_document(ctx.vault, {**row, "id": row["person_id"]})
    return {
        **row,
        "status": status,
        "person_id": row["person_id"] if status == CareRequestStatus.APPROVED else None,
        "id_number": None if number is None else mask_id_number(number),
    }


def _with_phone(ctx: Context, row: Record) -> Mapping[str, Any]:
    phone = _open_phone(ctx, row)
    return {**row, "account_phone": None if phone is None else mask_phone(phone)}


def _seal_phone(ctx: Context, request_id: UUID, phone: str | None) -> bytes | None:
    return None if phone is None else ctx.vault.seal("care_request", "phone_sealed", request_id, phone.encode())


def _open_phone(ctx: Context, row: Record) -> str | None:
    sealed = row["phone_sealed"]
    return None if sealed is None else ctx.vault.unseal("care_request", "phone_sealed", row["id"], sealed).decode()
