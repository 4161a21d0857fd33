"""The rules of help of an area and all below it, or of everywhere: versions that are followed, never changed.

The newest version of the nearest area upwards rules from the moment it is published; whoever is asked or has taken
something keeps what was promised, since each reads the rules at the time of the act.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.errors import Invalid, NotFound
from domain.identifiers import new_id
from domain.permissions import (
    require_signed_in,
    require_staff_everywhere,
    require_staff_in,
    require_staff_somewhere,
)
from domain.vocabulary import ADMINS, CLERKS, MANAGERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

ADVISORY_LOCK = 0x68_65_6C_70_70_6F
"""The letters of `helppo`: versions of one area are counted one after the other."""

QUIET = ("quiet_from", "quiet_until")


def contradictions(policy: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what no rules of help can mean, by field."""
    errors: dict[str, list[str]] = {}
    missing = [name for name in QUIET if policy[name] is None]
    if len(missing) == 1:
        errors[missing[0]] = ["required"]
    elif not missing and policy["quiet_from"] == policy["quiet_until"]:
        errors["quiet_until"] = ["quiet_all_day"]
    if policy["night_from"] == policy["night_until"]:
        errors["night_until"] = ["night_all_day"]
    if policy["limit_uses_day"] < policy["limit_persons_day"]:
        errors["limit_uses_day"] = [f"not_less_than {policy['limit_persons_day']}"]
    shortest = policy["before_minutes"] + policy["after_minutes"] + 1
    if policy["limit_minutes_day"] < shortest:
        errors["limit_minutes_day"] = [f"not_less_than {shortest}"]
    reachable = policy["limit_persons_day"] * policy["odd_days"]
    for name in ("odd_persons", "odd_same_address"):
        if policy[name] > max(reachable, 2):
            errors[name] = [f"not_more_than {max(reachable, 2)}"]
    return errors


async def ruling(conn: Connection, ctx: Context, area_id: UUID) -> Row:
    """Return the rules that hold in an area now; the schema has some that hold where no others do."""
    await require_staff_in(conn, ctx, area_id, *CLERKS)
    row: Row = await sql.help_policies.ruling(conn, area_id=area_id)
    return row


async def list_of_staff(
    conn: Connection, ctx: Context, area_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Return versions that bear on the caller's work; one more than `limit` where there are more."""
    caller = await require_staff_somewhere(conn, ctx, *CLERKS)
    rows: Sequence[Row] = await sql.help_policies.list_of_staff(
        conn, account_id=caller.account_id, roles=CLERKS, area_id=area_id, after=after, limit=limit + 1
    )
    return rows


async def show(conn: Connection, ctx: Context, policy_id: UUID) -> Row:
    caller = await require_staff_somewhere(conn, ctx, *CLERKS)
    row: Row | None = await sql.help_policies.show_to_staff(
        conn, id=policy_id, account_id=caller.account_id, roles=CLERKS
    )
    if row is None:
        raise NotFound("help_policy_not_found")
    return row


async def publish(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Row:
    """Follow the rules of an area, or of everywhere, by a new version that holds at once."""
    if given["area_id"] is None:
        await require_staff_everywhere(conn, ctx, *ADMINS)
    else:
        await require_staff_in(conn, ctx, given["area_id"], *MANAGERS)
    if errors := contradictions(given):
        raise Invalid("invalid_input", errors=errors)
    await sql.help_policies.take(conn, lock=ADVISORY_LOCK)
    account_id = require_signed_in(ctx).account_id
    row: Row = await sql.help_policies.publish(conn, id=new_id(), now=ctx.now, account_id=account_id, **given)
    await audit.record(
        conn, ctx, "help_policies.published", row["id"], area_id=given["area_id"], version=row["version"]
    )
    return row
