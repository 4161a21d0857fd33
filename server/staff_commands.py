"""`python -m server staff …`: the first administrator, and help when nobody can sign in any more."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from marshmallow import ValidationError

from domain import staff
from domain.context import Context
from domain.errors import Refusal
from domain.vocabulary import Role
from schemas.staff import LOGIN
from server.config import SettingError
from server.errors import field_messages, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import TextIO

    from asyncpg import Connection

    from domain.staff import Secrets
    from domain.vault import Vault

SHORTEST_PASSWORD = 12


async def create_admin(
    conn: Connection, vault: Vault, now: datetime, login: str, display_name: str, password: str | None
) -> str:
    """Make an administrator of everything; return what to print, once."""
    try:
        LOGIN(login)
    except ValidationError:
        raise SettingError(field_messages("en")["not_a_login"]) from None
    ctx, grants = Context(None, now, vault), [staff.Grant(Role.ADMIN)]
    with _in_words():
        async with conn.transaction():
            made = await staff.create_by_operator(conn, ctx, login, display_name, grants, password)
    return _told(made.secrets, shows_password=password is None)


async def reset(conn: Connection, vault: Vault, now: datetime, login: str, password: str | None) -> str:
    """Make new secrets, lift a lock and end every session of an account; return what to print, once."""
    ctx = Context(None, now, vault)
    with _in_words():
        async with conn.transaction():
            changed = await staff.reset_by_operator(conn, ctx, login, password)
    return _told(changed.secrets, shows_password=password is None)


async def list_accounts(conn: Connection, vault: Vault, now: datetime) -> str:
    """Return one line an account: login, status, roles, name."""
    rows = await staff.list_by_operator(conn, Context(None, now, vault))
    lines = [
        f"{row['login']:<40} {row['status']:<10} {','.join(row['roles']):<30} {row['display_name']}"
        + (" (demo)" if row["demo"] else "")
        for row in rows
    ]
    return "\n".join(lines) or "There are no staff accounts yet."


def read_password(stream: TextIO = sys.stdin) -> str | None:
    """Read a password that is piped in; None, and one is made, when nobody pipes."""
    if stream.isatty():
        return None
    password = stream.readline().rstrip("\r\n")
    if not password:
        return None
    if len(password) < SHORTEST_PASSWORD:
        raise SettingError(f"The password must have {SHORTEST_PASSWORD} characters or more.")
    return password


@contextmanager
def _in_words() -> Iterator[None]:
    """Say a refusal in the sentence that a request would get."""
    try:
        yield
    except Refusal as refusal:
        raise SettingError(sentences(refusal.code, refusal.facts, "en")[1]) from None


def _told(secrets: Secrets | None, *, shows_password: bool) -> str:
    if secrets is None:
        return ""
    password = f"password    {secrets.password}\n" if shows_password else ""
    return (
        f"login       {secrets.login}\n{password}otp secret  {secrets.otp_secret}\notp uri     {secrets.otp_uri}\n"
        "This is shown once."
    )
