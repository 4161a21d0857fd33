"""Staff accounts: made, given roles, reset and suspended by those whose own grants cover them.

An account may manage another when it holds a role at least as high at a place that holds the other's, for
each grant of the other. So nobody reaches above himself, neither by giving nor by resetting a password.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import sql
from domain import audit, credentials, sessions, staff_sign_in
from domain.constraints import refusing
from domain.errors import Conflict, Forbidden, NotFound
from domain.identifiers import new_id
from domain.permissions import require_signed_in, require_staff_somewhere
from domain.vocabulary import MANAGERS, STAFF_ROLES, Role

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from asyncpg import Connection

    from domain.callers import Caller
    from domain.context import Context
    from domain.rows import Row

ACCOUNTS_LOCK = 0x78_69_61_6F_73_74_66


class Grant(NamedTuple):
    """A role at one provider, in one area with all below it, or (both None) everywhere."""

    role: Role
    provider_id: UUID | None = None
    area_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a person needs to sign in; shown once, and kept by us only hashed and sealed."""

    login: str
    password: str = field(repr=False)
    otp_secret: str = field(repr=False)
    otp_uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Changed:
    """An account as it is now, and which of its sessions have ended; `secrets` where new ones were made."""

    account: Row
    ended: Sequence[UUID] = ()
    secrets: Secrets | None = None


async def me(conn: Connection, ctx: Context) -> Row:
    """Return the caller's own account."""
    caller = await require_staff_somewhere(conn, ctx, *STAFF_ROLES)
    return await _show(conn, caller.account_id)


async def list_accounts(conn: Connection, ctx: Context, after: UUID | None, limit: int) -> Sequence[Row]:
    """Return the accounts that the caller may manage; one more than `limit` where there are more."""
    caller = await require_staff_somewhere(conn, ctx, *MANAGERS)
    rows: Sequence[Row] = await sql.staff.list_for(conn, actor_id=caller.account_id, after=after, limit=limit + 1)
    return rows


async def show(conn: Connection, ctx: Context, account_id: UUID) -> Row:
    await _require_may_manage(conn, ctx, account_id)
    return await _show(conn, account_id)


async def create(conn: Connection, ctx: Context, login: str, display_name: str, grants: Collection[Grant]) -> Changed:
    """Make an account with new secrets."""
    await _lock(conn)
    caller = await _require_may_grant(conn, ctx, grants)
    return await _create(conn, ctx, login, display_name, grants, None, granted_by=caller.account_id)


async def put_grants(conn: Connection, ctx: Context, account_id: UUID, grants: Collection[Grant]) -> Changed:
    """Give an account exactly these grants; its tokens are outdated from the commit on."""
    await _lock(conn)
    await _require_may_manage(conn, ctx, account_id)
    caller = await _require_may_grant(conn, ctx, grants)
    await _replace_grants(conn, ctx, account_id, grants, caller.account_id)
    await _require_an_admin(conn)
    account = await _show(conn, account_id)
    await audit.record(conn, ctx, "staff.grants_changed", account_id, grants=account["grants"])
    return Changed(account)


async def reset(conn: Connection, ctx: Context, account_id: UUID) -> Changed:
    """Make new secrets, lift a lock and end every session."""
    await _lock(conn)
    await _require_may_manage(conn, ctx, account_id)
    return await _reset(conn, ctx, account_id, None)


async def suspend(conn: Connection, ctx: Context, account_id: UUID) -> Changed:
    """Let an account do nothing any more, from the commit on."""
    await _lock(conn)
    await _require_may_manage(conn, ctx, account_id)
    await _change_status(conn, account_id, "active", "suspended")
    await _require_an_admin(conn)
    ended = await sessions.end_all(conn, ctx, account_id, "suspended")
    account = await _show(conn, account_id)
    await audit.record(conn, ctx, "staff.suspended", account_id, sessions=ended)
    return Changed(account, ended)


async def reinstate(conn: Connection, ctx: Context, account_id: UUID) -> Changed:
    """Let a suspended account sign in again."""
    await _lock(conn)
    await _require_may_manage(conn, ctx, account_id)
    await _change_status(conn, account_id, "suspended", "active")
    account = await _show(conn, account_id)
    await audit.record(conn, ctx, "staff.reinstated", account_id)
    return Changed(account)


async def end_sessions(conn: Connection, ctx: Context, account_id: UUID) -> Changed:
    """Sign an account out everywhere."""
    await _require_may_manage(conn, ctx, account_id)
    ended = await sessions.end_all(conn, ctx, account_id, "ended_by_staff")
    account = await _show(conn, account_id)
    await audit.record(conn, ctx, "staff.sessions_ended", account_id, sessions=ended)
    return Changed(account, ended)


async def create_by_operator(
    conn: Connection, ctx: Context, login: str, display_name: str, grants: Collection[Grant], password: str | None
) -> Changed:
    """Make an account from the command line, where there are no administrators yet."""
    _require_operator(ctx)
    return await _create(conn, ctx, login, display_name, grants, password, granted_by=None)


async def reset_by_operator(conn: Connection, ctx: Context, login: str, password: str | None) -> Changed:
    """Make new secrets from the command line, where no administrator can sign in."""
    _require_operator(ctx)
    account_id = await sql.staff.id_of(conn, login=login)
    if account_id is None:
        raise NotFound("account_not_found")
    return await _reset(conn, ctx, UUID(int=account_id.int), password)


async def list_by_operator(conn: Connection, ctx: Context) -> Sequence[Row]:
    _require_operator(ctx)
    rows: Sequence[Row] = await sql.staff.all(conn)
    return rows


def _require_operator(ctx: Context) -> None:
    """Only who runs the service, and so reaches the database anyway: no request ever gets past."""
    if ctx.caller is not None or ctx.request_id is not None:
        raise Forbidden("role_required", roles=["operator"])


async def _lock(conn: Connection) -> None:
    """Manage accounts one at a time: the permission that is checked next still holds when it is used."""
    await sql.staff.lock_accounts(conn, key=ACCOUNTS_LOCK)


async def _require_may_manage(conn: Connection, ctx: Context, account_id: UUID) -> None:
    caller = require_signed_in(ctx)
    if not await sql.staff.may_manage(conn, actor_id=caller.account_id, account_id=account_id):
        raise NotFound("account_not_found")


async def _require_may_grant(conn: Connection, ctx: Context, grants: Collection[Grant]) -> Caller:
    caller = require_signed_in(ctx)
    if not await sql.staff.may_grant(conn, actor_id=caller.account_id, **_columns(grants)):
        raise Forbidden("grant_beyond_own")
    return caller


def _columns(grants: Collection[Grant]) -> dict[str, list[object]]:
    return {
        "roles": [grant.role for grant in grants],
        "provider_ids": [grant.provider_id for grant in grants],
        "area_ids": [grant.area_id for grant in grants],
    }


async def _require_an_admin(conn: Connection) -> None:
    """Nobody locks everybody out: the transaction is undone when no administrator of everything is left."""
    if not await sql.staff.an_admin_remains(conn):
        raise Conflict("last_admin")


async def _show(conn: Connection, account_id: UUID) -> Row:
    row: Row = await sql.staff.show(conn, account_id=account_id)
    return row


async def _new_secrets(login: str, password: str | None) -> tuple[Secrets, str]:
    otp_secret = credentials.new_otp_secret()
    password = password or credentials.new_password()
    secrets = Secrets(login, password, otp_secret, credentials.otp_uri(login, otp_secret))
    return secrets, await credentials.hash_password(password)


async def _create(
    conn: Connection,
    ctx: Context,
    login: str,
    display_name: str,
    grants: Collection[Grant],
    password: str | None,
    *,
    granted_by: UUID | None,
) -> Changed:
    secrets, password_hash = await _new_secrets(login, password)
    account_id = new_id()
    with refusing(staff_login_key=Conflict("login_taken")):
        await sql.staff.create(
            conn,
            account_id=account_id,
            login=login,
            display_name=display_name,
            password_hash=password_hash,
            otp_secret_sealed=_sealed(ctx, account_id, secrets),
            now=ctx.now,
        )
    await _replace_grants(conn, ctx, account_id, grants, granted_by)
    account = await _show(conn, account_id)
    await audit.record(conn, ctx, "staff.created", account_id, grants=account["grants"])
    return Changed(account, (), secrets)


async def _replace_grants(
    conn: Connection, ctx: Context, account_id: UUID, grants: Collection[Grant], granted_by: UUID | None
) -> None:
    wanted = set(grants)
    unknown = {
        "staff_grant_provider_id_fkey": NotFound("provider_not_found"),
        "staff_grant_area_id_fkey": NotFound("area_not_found"),
    }
    with refusing(**unknown):
        await sql.staff.replace_grants(
            conn,
            account_id=account_id,
            ids=[new_id() for _ in wanted],
            granted_by=granted_by,
            now=ctx.now,
            **_columns(wanted),
        )


async def _reset(conn: Connection, ctx: Context, account_id: UUID, password: str | None) -> Changed:
    login = (await _show(conn, account_id))["login"]
    secrets, password_hash = await _new_secrets(login, password)
    sealed = _sealed(ctx, account_id, secrets)
    await sql.staff.change_secrets(conn, account_id=account_id, password_hash=password_hash, otp_secret_sealed=sealed)
    await staff_sign_in.lift_lock(conn, ctx, login)
    ended = await sessions.end_all(conn, ctx, account_id, "secrets_reset")
    account = await _show(conn, account_id)
    await audit.record(conn, ctx, "staff.secrets_reset", account_id, sessions=ended)
    return Changed(account, ended, secrets)


def _sealed(ctx: Context, account_id: UUID, secrets: Secrets) -> bytes:
    return ctx.vault.seal("staff", "otp_secret_sealed", account_id, secrets.otp_secret.encode())


async def _change_status(conn: Connection, account_id: UUID, before: str, after: str) -> None:
    if await sql.staff.change_status(conn, account_id=account_id, before=before, after=after) is None:
        raise Conflict("account_in_other_status", account_status=(await _show(conn, account_id))["status"])
