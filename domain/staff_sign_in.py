"""How staff sign in: a password and a one-time code, with few attempts, and never a word on which was wrong.

Three steps, since a connection is not held while the password is hashed: `begin` counts the attempt,
`check` proves it, `finish` uses the code up and opens the session. Each does the same work for a login that
does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sql
from domain import audit, credentials, sessions
from domain.audit import Entry
from domain.errors import TooMany, Unauthorized

if TYPE_CHECKING:
    from asyncpg import Connection

    from domain.context import Context
    from domain.sessions import SignedIn

MOST_ATTEMPTS = 5
WINDOW = timedelta(minutes=15)
NOBODY = UUID(int=0)
NOBODYS_SECRET = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"  # noqa: S105  # its codes prove nothing, see `check`


@dataclass(frozen=True, slots=True)
class Attempt:
    """A counted attempt; `account_id` is NOBODY for a login that does not exist."""

    login_index: bytes
    account_id: UUID
    password_hash: str | None = field(repr=False)
    otp_secret: str = field(repr=False)


def login_index(ctx: Context, login: str) -> bytes:
    return ctx.vault.blind("login", login)


async def begin(conn: Connection, ctx: Context, login: str) -> Attempt:
    """Count an attempt, whoever makes it. Its transaction has to be committed before `check`."""
    index = login_index(ctx, login)
    counted = await sql.sessions.count_staff_attempt(
        conn, login_index=index, now=ctx.now, window_start=ctx.now - WINDOW
    )
    found = await sql.sessions.staff_credentials(conn, login=login)
    if counted["attempts"] > MOST_ATTEMPTS:
        left = counted["since"] + WINDOW - ctx.now
        raise TooMany("sign_in_locked", retry_after=int(left.total_seconds()) + 1)
    if found is None:
        return Attempt(index, NOBODY, None, NOBODYS_SECRET)
    account_id = UUID(int=found["account_id"].int)
    secret = ctx.vault.unseal("staff", "otp_secret_sealed", account_id, found["otp_secret_sealed"])
    return Attempt(index, account_id, found["password_hash"], secret.decode())


async def check(ctx: Context, attempt: Attempt, password: str, otp: str) -> int | None:
    """Return the time step of the code when both are right. Takes some 30 ms, none of them on the loop."""
    matches = await credentials.password_matches(attempt.password_hash, password)
    step = credentials.otp_step(attempt.otp_secret, otp, ctx.now.timestamp())
    return step if matches else None


async def finish(conn: Connection, ctx: Context, attempt: Attempt, step: int | None, device: str) -> SignedIn:
    """Open the session, or refuse and keep the record of it. A code works once."""
    used = await sql.sessions.use_otp_step(
        conn, account_id=attempt.account_id, step=step or 0, password_hash=attempt.password_hash or ""
    )
    if used is None:
        subject = None if attempt.account_id == NOBODY else attempt.account_id
        entry = Entry("sessions.refused", subject, {"way": "staff"}, None, ctx.request_id)
        await audit.record_all(conn, ctx.vault, ctx.now, [entry])
        raise Unauthorized("sign_in_failed").keeping()
    await sql.sessions.forget_staff_attempts(conn, login_index=attempt.login_index)
    await sessions.lock(conn, attempt.account_id)
    return await sessions.begin(conn, ctx, attempt.account_id, device, way="staff")


async def lift_lock(conn: Connection, ctx: Context, login: str) -> None:
    """Begin counting anew, for a rule that has checked its own permission."""
    await sql.sessions.forget_staff_attempts(conn, login_index=login_index(ctx, login))
