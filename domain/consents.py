"""What people agree to: versioned texts, and a row for each agreement given and withdrawn."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sql
from domain import audit
from domain.errors import Conflict, Invalid
from domain.identifiers import new_id
from domain.identity import is_child
from domain.permissions import require_care, require_signed_in
from domain.vocabulary import ConsentKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context

    Consents = Mapping[ConsentKind, str]


@dataclass(frozen=True, slots=True)
class Text:
    """One text as it is in force; `withdrawal` says what taking the consent back leads to."""

    kind: ConsentKind
    version: str
    title: str
    text: str
    withdrawal: str


TEXTS = {
    ConsentKind(kind): Text(ConsentKind(kind), text["version"], text["title"], text["text"].strip(), text["withdrawal"])
    for kind, text in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")).items()
}

ALWAYS = frozenset({ConsentKind.PRIVACY, ConsentKind.SENSITIVE_DATA})


def require(given: Consents, birth_date: date, day: date) -> None:
    """Refuse unless everything needed for a person of this age is agreed to, in the words in force."""
    needed = ALWAYS | {ConsentKind.CHILD_GUARDIAN} if is_child(birth_date, day) else ALWAYS
    missing = sorted(needed - given.keys())
    if missing:
        raise Invalid("consent_required", kinds=missing)
    require_current(given)


def require_current(given: Consents) -> None:
    outdated = sorted(kind for kind, version in given.items() if version != TEXTS[kind].version)
    if outdated:
        raise Conflict("consent_outdated", kinds=outdated)


async def record(conn: Connection, account_id: UUID, person_id: UUID, given: Consents, at: datetime) -> None:
    """Write down what an account agreed to for a person; what stands already stays as it is."""
    await sql.consents.give(
        conn,
        ids=[new_id() for _ in given],
        account_id=account_id,
        person_id=person_id,
        kinds=list(given.keys()),
        versions=list(given.values()),
        at=at,
    )


async def give(conn: Connection, ctx: Context, person_id: UUID, given: Consents) -> Sequence[Record]:
    """Agree to texts that are new or were changed, for a person in care; return what is agreed to now."""
    await require_care(conn, ctx, person_id)
    caller = require_signed_in(ctx)
    require_current(given)
    await sql.people.lock_account(conn, account_id=caller.account_id)
    await require_care(conn, ctx, person_id)
    await record(conn, caller.account_id, person_id, given, ctx.now)
    standing: list[Record] = await sql.consents.of_account(conn, account_id=caller.account_id)
    await audit.record(conn, ctx, "consents.given", person_id, kinds=sorted(given))
    return standing


async def given_by(conn: Connection, ctx: Context) -> Sequence[Record]:
    """Return what the caller agrees to, for each person."""
    caller = require_signed_in(ctx)
    standing: list[Record] = await sql.consents.of_account(conn, account_id=caller.account_id)
    return standing
