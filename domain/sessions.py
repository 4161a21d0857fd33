"""Sessions: begun by a sign-in, kept by refresh tokens that work once, ended by whoever may."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sql
from domain import audit, refresh_tokens
from domain.audit import Entry
from domain.errors import Forbidden, NotFound, Unauthorized
from domain.identifiers import new_id
from domain.permissions import require_signed_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from asyncpg import Connection, Record

    from domain.audit import Fact
    from domain.context import Context

ACCESS_SECONDS = 600
GRACE = timedelta(seconds=10)
"""For so long a used refresh token is answered with the same successor: mini-programs lose answers."""

MOST_SESSIONS = 20
"""Of one account at once; the oldest gives way."""

KEPT = timedelta(days=30)
"""How long ended sessions and used tokens stay, to be looked into."""

PRUNED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Life:
    """How long a session lasts unused, and at most."""

    idle: timedelta
    absolute: timedelta


LIVES = {
    "resident": Life(timedelta(days=30), timedelta(days=180)),
    "staff": Life(timedelta(minutes=30), timedelta(hours=12)),
}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a client gets, but for the access token, which is made from this."""

    session_id: UUID
    account_id: UUID
    roles: tuple[str, ...]
    version: int
    registered: bool
    access_seconds: int
    refresh_token: str = field(repr=False)
    ended: tuple[UUID, ...] = ()
    """Older sessions of the account that gave way to this one."""


class FamilyEnded(Unauthorized):
    """A refresh token came back too late: somebody has a copy of it, and the session is over for both."""

    def __init__(self, session_id: UUID) -> None:
        super().__init__("refresh_token_reused")
        self.session_id = session_id


async def sign_in_wechat(conn: Connection, ctx: Context, openid: str, unionid: str | None, device: str) -> SignedIn:
    """Begin a session of whom WeChat vouches for: open to everybody, an account is made at first sight."""
    account_id = new_id()
    found = await sql.sessions.resident(conn, openid=openid) or await sql.sessions.make_resident(
        conn, account_id=account_id, openid=openid, unionid=unionid, now=ctx.now
    )
    is_new, account_id = found["account_id"] == account_id, found["account_id"]
    await lock(conn, account_id)
    if unionid is not None and unionid != found["unionid"]:
        await sql.sessions.learn_unionid(conn, account_id=account_id, unionid=unionid)
    return await begin(conn, ctx, account_id, device, way="wechat", new_account=is_new)


async def lock(conn: Connection, account_id: UUID) -> None:
    """Hold an account as it is; it comes before its sessions in the order of locks."""
    await sql.sessions.lock_account(conn, account_id=account_id)


async def begin(conn: Connection, ctx: Context, account_id: UUID, device: str, **facts: Fact) -> SignedIn:
    """Begin a session for a locked account that has proved itself; the last thing that its transaction does."""
    account = await _active_account(conn, account_id)
    life = LIVES[account["kind"]]
    session_id, token = new_id(), refresh_tokens.new_token()
    expires_at = ctx.now + life.absolute
    await sql.sessions.begin(
        conn,
        session_id=session_id,
        account_id=account_id,
        device=device,
        now=ctx.now,
        idle_until=ctx.now + life.idle,
        expires_at=expires_at,
        token_hash=refresh_tokens.stored_hash(token),
    )
    displaced = await sql.sessions.end_surplus(conn, account_id=account_id, most=MOST_SESSIONS, now=ctx.now)
    entries = [Entry("sessions.begun", session_id, facts, account_id, ctx.request_id)]
    entries += [_ended_entry(ctx, row["id"], account_id, "displaced", by=account_id) for row in displaced]
    await audit.record_all(conn, ctx.vault, ctx.now, entries)
    return _signed_in(ctx, account, session_id, expires_at, token, tuple(row["id"] for row in displaced))


async def account_of(conn: Connection, refresh_token: str) -> UUID | None:
    """Return the account that a refresh token was given to, so that its attempts can be counted."""
    token = refresh_tokens.from_text(refresh_token)
    if token is None:
        return None
    found = await sql.sessions.account_of_token(conn, token_hash=refresh_tokens.stored_hash(token))
    return None if found is None else UUID(int=found.int)


async def refresh(conn: Connection, ctx: Context, refresh_token: str) -> SignedIn:
    """Trade a refresh token for its successor: open to whoever holds it.

    Raises FamilyEnded, and keeps the end of the session, when the token was used before the grace.
    """
    token = refresh_tokens.from_text(refresh_token)
    if token is None:
        raise Unauthorized("refresh_token_invalid")
    token_hash, successor = refresh_tokens.stored_hash(token), refresh_tokens.new_token()
    used = await sql.sessions.use_token(
        conn,
        token_hash=token_hash,
        successor_sealed=refresh_tokens.seal_successor(token, successor),
        now=ctx.now,
    )
    row = await sql.sessions.token(conn, token_hash=token_hash)
    if row is None:
        raise Unauthorized("refresh_token_invalid")
    if row["ended_at"] is not None:
        raise Unauthorized("session_ended")
    if ctx.now >= row["idle_until"]:
        raise Unauthorized("session_expired")
    account = await _active_account(conn, row["account_id"])
    if used is None:
        successor = await _successor_again(conn, ctx, token, row)
    else:
        await _extend(conn, ctx, row, LIVES[account["kind"]], successor)
    return _signed_in(ctx, account, row["session_id"], row["expires_at"], successor)


async def _successor_again(conn: Connection, ctx: Context, token: bytes, row: Record) -> bytes:
    if row["successor_sealed"] is not None and ctx.now <= row["used_at"] + GRACE:
        successor = refresh_tokens.open_successor(token, row["successor_sealed"])
        if successor is not None:
            return successor
    session_id, account_id = row["session_id"], row["account_id"]
    await sql.sessions.end(conn, session_id=session_id, account_id=account_id, reason="token_reused", now=ctx.now)
    entry = _ended_entry(ctx, session_id, account_id, "token_reused", by=None)
    await audit.record_all(conn, ctx.vault, ctx.now, [entry])
    raise FamilyEnded(session_id).keeping()


async def _extend(conn: Connection, ctx: Context, row: Record, life: Life, successor: bytes) -> None:
    await sql.sessions.extend(
        conn,
        session_id=row["session_id"],
        token_hash=refresh_tokens.stored_hash(successor),
        now=ctx.now,
        idle_until=min(ctx.now + life.idle, row["expires_at"]),
    )
    await sql.sessions.forget_successors(conn, session_id=row["session_id"], before=ctx.now - GRACE)


async def end_one(conn: Connection, ctx: Context, session_id: UUID) -> None:
    """End one of the caller's own sessions; others' do not exist for the caller."""
    caller = require_signed_in(ctx)
    ended = await sql.sessions.end(
        conn, session_id=session_id, account_id=caller.account_id, reason="signed_out", now=ctx.now
    )
    if ended is None:
        raise NotFound("session_not_found")
    await audit.record(conn, ctx, "sessions.ended", session_id, reason="signed_out")


async def end_all(conn: Connection, ctx: Context, account_id: UUID, reason: str) -> list[UUID]:
    """End every session of an account, for a rule that has checked its own permission and does the audit."""
    return [row["id"] for row in await sql.sessions.end_all(conn, account_id=account_id, reason=reason, now=ctx.now)]


async def live(conn: Connection, ctx: Context, limit: int, after: UUID | None) -> Sequence[Record]:
    """Return the caller's own live sessions, newest first; one more than `limit` where there are more."""
    caller = require_signed_in(ctx)
    rows: Sequence[Record] = await sql.sessions.live(
        conn, account_id=caller.account_id, now=ctx.now, after=after, limit=limit + 1
    )
    return rows


async def prune(conn: Connection, now: datetime) -> dict[str, int]:
    """Delete what nobody needs any more, at most PRUNED_AT_ONCE of each kind; return how many, to go on by."""
    most = PRUNED_AT_ONCE
    return {
        "successors": await sql.sessions.prune_successors(conn, before=now - GRACE, most=most),
        "staff_sign_ins": await sql.sessions.prune_staff_sign_ins(conn, before=now - KEPT, most=most),
        "tokens": await sql.sessions.prune_tokens(conn, before=now - KEPT, most=most),
        "sessions": await sql.sessions.prune_sessions(conn, before=now - KEPT, most=most),
    }


async def _active_account(conn: Connection, account_id: UUID) -> Record:
    account: Record = await sql.sessions.account(conn, account_id=account_id)
    if account["status"] != "active":
        raise Forbidden(f"account_{account['status']}")
    return account


def _ended_entry(ctx: Context, session_id: UUID, account_id: UUID, reason: str, *, by: UUID | None) -> Entry:
    facts: dict[str, Fact] = {"reason": reason, "account_id": account_id}
    return Entry("sessions.ended", session_id, facts, by, ctx.request_id)


def _signed_in(
    ctx: Context, account: Record, session_id: UUID, expires_at: datetime, token: bytes, ended: tuple[UUID, ...] = ()
) -> SignedIn:
    left = int((expires_at - ctx.now).total_seconds())
    return SignedIn(
        session_id=session_id,
        account_id=account["id"],
        roles=tuple(account["roles"]),
        version=account["version"],
        registered=account["registered"],
        access_seconds=min(ACCESS_SECONDS, left),
        refresh_token=refresh_tokens.to_text(token),
        ended=ended,
    )
