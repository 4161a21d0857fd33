"""Areas, providers, services and policies: the part of the demo data that is real knowledge of Alxa."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain.identifiers import new_id
from domain.vocabulary import LOCAL_ZONE
from server.seed import data

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

DAYS_IN_EFFECT = 30
"""Policies begin before the oldest slot."""


async def add_areas(conn: Connection) -> int:
    """Add the areas whose official code is not known yet."""
    ids: dict[str, UUID | str] = {row["code"]: row["id"] for row in await sql.seed.areas(conn)}
    rows: list[dict[str, Any]] = []
    for area in data.areas():
        if area["code"] not in ids:
            ids[area["code"]] = new_id()
            rows.append({**area, "id": ids[area["code"]], "parent_id": ids.get(area["parent"])})
    added: int = await sql.seed.add_areas(conn, rows=rows)
    return added


async def add_catalogue(conn: Connection, now: datetime) -> dict[str, int]:
    """Add providers with their services and policies, unless any of them is known: staff may have changed them."""
    providers = data.providers()
    if await sql.seed.providers(conn, names=[provider["name"] for provider in providers]):
        return {"providers": 0, "services": 0, "policies": 0}
    areas = {row["code"]: row["id"] for row in await sql.seed.areas(conn)}
    rows = [provider | {"id": new_id(), "area_id": areas[provider["area"]]} for provider in providers]
    services = [
        service | {"id": new_id(), "provider_id": provider["id"]}
        for provider in rows
        for service in data.services(provider)
    ]
    ids = {provider["name"]: provider["id"] for provider in rows}
    return {
        "providers": await sql.seed.add_providers(conn, rows=rows),
        "services": await sql.seed.add_services(conn, rows=services),
        "policies": await sql.seed.add_policies(
            conn,
            rows=[_policy(policy, ids) for policy in data.read("policies")["policy"]],
            effective_from=now.astimezone(LOCAL_ZONE).date() - timedelta(days=DAYS_IN_EFFECT),
            now=now,
        ),
    }


def _policy(policy: dict[str, Any], providers: dict[str, UUID]) -> dict[str, Any]:
    limits = policy["limits"]
    stop, cancel = policy.get("order_stop", {}), policy.get("cancel", {})
    return {
        "id": new_id(),
        "provider_id": providers[policy["provider"]],
        "window_days": policy["window_days"],
        "release_time": policy["release_time"],
        "order_stop_days": stop.get("days", 0),
        "order_stop_time": stop.get("time"),
        "cancel_days": cancel.get("days", 0),
        "cancel_time": cancel.get("time"),
        "limit_department_day": limits["department_day"],
        "limit_day": limits["day"],
        "limit_7_days": limits["seven_days"],
        "limit_90_days": limits["ninety_days"],
        "limit_volunteer_day": limits["volunteer_day"],
        "limit_account_day": limits["account_day"],
        "return_minutes_min": policy["returned"]["least"],
        "return_minutes_max": policy["returned"]["most"],
        "fallback_days": policy["fallback"]["days"],
        "fallback_time": policy["fallback"]["time"],
        "offer_quiet_from": policy["quiet"]["from"],
        "offer_quiet_until": policy["quiet"]["until"],
        "suspension_days": policy["suspension_days"],
    }
