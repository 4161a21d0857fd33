"""Who cares for whom. Joining needs the locks of the account and of the person, in this order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sql
from domain import consents
from domain.errors import Conflict, TooMany, Unauthorized
from domain.identifiers import new_id
from domain.permissions import require_signed_in
from domain.vocabulary import MAX_PEOPLE_ADDED_A_DAY, MAX_PEOPLE_IN_CARE, Relation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context
    from domain.vocabulary import ConsentKind

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Joining:
    """An account that is to care for a person, and what it agreed to, when."""

    account_id: UUID
    person_id: UUID
    relation: Relation
    consents: Mapping[ConsentKind, str]
    agreed_at: datetime


async def lock_caller(conn: Connection, ctx: Context) -> Record:
    """Let the caller's acts on persons come one after the other; return the account."""
    caller = require_signed_in(ctx)
    account: Record | None = await sql.people.lock_account(conn, account_id=caller.account_id)
    if account is None:
        raise Unauthorized("sign_in_required")
    return account


async def require_room(conn: Connection, ctx: Context, account_id: UUID) -> None:
    """Refuse an account that cares for as many others as one may, or took in too many within a day."""
    counts = await sql.care.counts(conn, account_id=account_id, since=ctx.now - DAY)
    if counts["standing"] >= MAX_PEOPLE_IN_CARE:
        raise Conflict("people_limit", limit=MAX_PEOPLE_IN_CARE)
    if counts["recent"] >= MAX_PEOPLE_ADDED_A_DAY:
        raise TooMany(
            "people_limit_day", limit=MAX_PEOPLE_ADDED_A_DAY, retry_after=seconds_until(ctx, counts["oldest"] + DAY)
        )


def seconds_until(ctx: Context, moment: datetime) -> int:
    """Return how many whole seconds it is until a moment that is to come."""
    return math.ceil((moment - ctx.now).total_seconds())


async def join(conn: Connection, ctx: Context, joining: Joining) -> bool:
    """Let an account care for a person; False where one of the two has its `self` already, or cares already."""
    joined = await sql.care.join(
        conn,
        id=new_id(),
        account_id=joining.account_id,
        person_id=joining.person_id,
        relation=joining.relation,
        now=ctx.now,
    )
    if joined is None:
        return False
    await consents.record(conn, joining.account_id, joining.person_id, joining.consents, joining.agreed_at)
    return True


async def refuse_join(conn: Connection, joining: Joining) -> None:
    """Say why an account could not join."""
    if await sql.care.one(conn, account_id=joining.account_id, person_id=joining.person_id) is not None:
        raise Conflict("already_in_care", person_id=joining.person_id)
    if await sql.care.own(conn, account_id=joining.account_id) is not None:
        raise Conflict("already_registered")
    raise Conflict("person_has_account")
