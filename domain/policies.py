"""The rules that an institution sets for its slots: versions that are followed, never changed.

Slots carry their policy and the times it gives them. Whoever makes or changes slots therefore holds all
policies still (`hold`), and publishing waits until nobody does: no slot is left under a policy that had
been followed before the slot was committed. This lock is the first of a transaction.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import sql
from domain import audit
from domain.errors import Invalid, NotFound
from domain.identifiers import new_id
from domain.permissions import (
    require_staff_at,
    require_staff_at_service,
    require_staff_everywhere,
    require_staff_somewhere,
)
from domain.vocabulary import ADMINS, CLERKS, LOCAL_ZONE, MANAGERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

ADVISORY_LOCK = 0x70_6F_6C_69_63_79
"""The letters of `policy`."""

LIMITS = ("limit_department_day", "limit_day", "limit_7_days", "limit_90_days")
"""From the narrowest span to the widest; each holds the one before it."""

PAIRS = (("fallback_days", "fallback_time"), ("offer_quiet_from", "offer_quiet_until"))
"""Both or neither."""


class Times(NamedTuple):
    """What a policy says of a day's slots; none of it comes after a slot's start.

    None is that start, and of `fall_back_at` never.
    """

    release_at: datetime
    order_until: datetime | None
    cancel_until: datetime | None
    fall_back_at: datetime | None


def times(policy: Mapping[str, Any], day: date) -> Times:
    """Resolve a policy for the slots of a day."""

    def moment(days_before: int | None, of_day: time | None) -> datetime | None:
        if days_before is None or of_day is None:
            return None
        return datetime.combine(day - timedelta(days=days_before), of_day, LOCAL_ZONE)

    return Times(
        datetime.combine(day - timedelta(days=policy["window_days"]), policy["release_time"], LOCAL_ZONE),
        moment(policy["order_stop_days"], policy["order_stop_time"]),
        moment(policy["cancel_days"], policy["cancel_time"]),
        moment(policy["fallback_days"], policy["fallback_time"]),
    )


def contradictions(policy: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what no policy can mean, by field."""
    errors = {
        f"{name}_time": ["required"]
        for name in ("order_stop", "cancel")
        if policy[f"{name}_time"] is None and policy[f"{name}_days"] > 0
    }
    release = -policy["window_days"], policy["release_time"]
    order_stop = -policy["order_stop_days"], policy["order_stop_time"] or time.max
    if release >= order_stop:
        errors["order_stop_days"] = ["stops_before_release"]
    ascending = (*pairwise(LIMITS), ("limit_day", "limit_account_day"), ("return_minutes_min", "return_minutes_max"))
    for narrow, wide in ascending:
        if policy[wide] < policy[narrow]:
            errors[wide] = [f"not_less_than {policy[narrow]}"]
    for pair in PAIRS:
        missing = [name for name in pair if policy[name] is None]
        if len(missing) == 1:
            errors[missing[0]] = ["required"]
    if policy["fallback_days"] is not None and policy["fallback_time"] is not None and release < order_stop:
        fallback = -policy["fallback_days"], policy["fallback_time"]
        if not release <= fallback < order_stop:
            early = fallback < release
            errors["fallback_days"] = ["falls_back_before_release" if early else "falls_back_after_order_stop"]
    return errors | _contradictions_in_hours(policy)


def _contradictions_in_hours(policy: Mapping[str, Any]) -> dict[str, list[str]]:
    errors = {}
    if policy["offer_quiet_from"] is not None and policy["offer_quiet_from"] == policy["offer_quiet_until"]:
        errors["offer_quiet_until"] = ["quiet_all_day"]
    if list(policy["suspension_days"]) != sorted(policy["suspension_days"]):
        errors["suspension_days"] = ["ladder_descends"]
    return errors


def words(policy: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the codes and facts of the sentences that say a policy to a resident."""
    return [
        _in_words("release", policy["window_days"], policy["release_time"]),
        _in_words("order_stop", policy["order_stop_days"], policy["order_stop_time"]),
        _in_words("cancel", policy["cancel_days"], policy["cancel_time"]),
        ("policy_limits", {name: policy[name] for name in LIMITS}),
        *_returned_in_words(policy),
        *_fallback_in_words(policy),
        (f"policy_late_{policy['late_rule']}", {"minutes": policy["late_minutes"]}),
        *_no_shows_in_words(policy),
    ]


def _returned_in_words(policy: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    least, most = policy["return_minutes_min"], policy["return_minutes_max"]
    return [("policy_returned", {"least": least, "most": most})] if most else []


def _fallback_in_words(policy: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if policy["fallback_time"] is None:
        return []
    return [_in_words("fallback", policy["fallback_days"], policy["fallback_time"])]


def _no_shows_in_words(policy: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if not policy["suspension_days"]:
        return []
    first, *further = policy["suspension_days"]
    facts = {"count": policy["no_show_count"], "window": policy["no_show_window_days"], "first": first}
    if not further or further[-1] == first:
        return [("policy_no_shows", facts)]
    return [("policy_no_shows_ladder", facts | {"last": further[-1]})]


def _in_words(what: str, days: int, of_day: time | None) -> tuple[str, dict[str, Any]]:
    if of_day is None:
        return f"policy_{what}_at_start", {}
    clock = f"{of_day:%H:%M}"
    return (f"policy_{what}", {"days": days, "time": clock}) if days else (f"policy_{what}_same_day", {"time": clock})


async def hold(conn: Connection) -> None:
    """Keep every policy as it is until the end of the transaction."""
    await sql.policies.hold(conn, lock=ADVISORY_LOCK)


async def take(conn: Connection) -> None:
    """Wait until nobody makes or changes slots, and let nobody begin, until the end of the transaction."""
    await sql.policies.take(conn, lock=ADVISORY_LOCK)


async def ruling(conn: Connection, service_id: UUID, days: Sequence[date]) -> Mapping[date, Row]:
    """Return the policy that rules a service on each day; the schema holds one that rules where no other does."""
    rows = await sql.policies.ruling(conn, service_id=service_id, days=days)
    return {row["day"]: row for row in rows}


async def list_of_staff(
    conn: Connection, ctx: Context, provider_id: UUID | None, service_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Return policies that bear on the caller's work; one more than `limit` where there are more."""
    caller = await require_staff_somewhere(conn, ctx, *CLERKS)
    rows: Sequence[Row] = await sql.policies.list_of_staff(
        conn,
        account_id=caller.account_id,
        roles=list(CLERKS),
        provider_id=provider_id,
        service_id=service_id,
        after=after,
        limit=limit + 1,
    )
    return rows


async def show(conn: Connection, ctx: Context, policy_id: UUID) -> Row:
    caller = await require_staff_somewhere(conn, ctx, *CLERKS)
    row: Row | None = await sql.policies.show_to_staff(
        conn, id=policy_id, account_id=caller.account_id, roles=list(CLERKS)
    )
    if row is None:
        raise NotFound("policy_not_found")
    return row


async def publish(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> Row:
    """Follow a scope's policy by a new version, and put the slots to come that it rules under it."""
    await _require_scope(conn, ctx, given)
    today = ctx.now.astimezone(LOCAL_ZONE).date()
    errors = contradictions(given)
    if given["effective_from"] < today:
        errors["effective_from"] = [f"not_before {today}"]
    if errors:
        raise Invalid("invalid_input", errors=errors)
    await take(conn)
    scope = {"provider_id": given["provider_id"], "service_id": given["service_id"]}
    account_id = ctx.caller and ctx.caller.account_id
    version = await sql.policies.publish(conn, id=new_id(), now=ctx.now, account_id=account_id, **given)
    last = await sql.policies.last_day(conn, now=ctx.now, **scope)
    days = _days(given["effective_from"], last)
    resolved = [times(given, day) for day in days]
    row: Row = await sql.policies.repoint(
        conn,
        id=version["id"],
        now=ctx.now,
        days=days,
        releases=[each.release_at for each in resolved],
        order_stops=[each.order_until for each in resolved],
        cancels=[each.cancel_until for each in resolved],
        fall_backs=[each.fall_back_at for each in resolved],
        **scope,
    )
    facts = {"version": row["version"], "effective_from": given["effective_from"], "slots": row["slots_touched"]}
    await audit.record(conn, ctx, "policies.published", row["id"], **scope, **facts)
    return row


async def _require_scope(conn: Connection, ctx: Context, given: Mapping[str, Any]) -> None:
    if given["provider_id"] is not None and given["service_id"] is not None:
        raise Invalid("invalid_input", errors={"service_id": ["one_scope_only"]})
    if given["service_id"] is not None:
        await require_staff_at_service(conn, ctx, given["service_id"], *MANAGERS)
    elif given["provider_id"] is not None:
        await require_staff_at(conn, ctx, given["provider_id"], *MANAGERS)
    else:
        await require_staff_everywhere(conn, ctx, *ADMINS)


def _days(first: date, last: date | None) -> list[date]:
    if last is None:
        return []
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
