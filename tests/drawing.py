"""Brings a round to a step of its draw by the very rules: frozen by one manager, drawn by another."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from domain import enrolment_draw
from domain.callers import Caller
from domain.context import Context
from domain.identifiers import new_id
from domain.vocabulary import Role
from handlers.request import CLOCK, VAULT
from tests import make

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Connection

PUBLIC_VALUE = "03081119243107"


async def manager(conn: Connection, app: web.Application, area_id: UUID, now: datetime | None = None) -> Context:
    made = await make.staff(conn, app, Role.MANAGER, area_id=area_id)
    caller = Caller(made.account_id, new_id(), frozenset({Role.MANAGER}), 1)
    return Context(caller, now or app[CLOCK](), app[VAULT])


async def frozen(conn: Connection, app: web.Application, round_id: UUID, *, days_ago: float = 0) -> None:
    """Let one manager freeze the list of a closed round, some days ago."""
    area_id = await conn.fetchval("select area_id from enrolment_round where id = $1", round_id)
    ctx = await manager(conn, app, area_id, app[CLOCK]() - timedelta(days=days_ago))
    await enrolment_draw.freeze(conn, ctx, round_id)


async def drawn(conn: Connection, app: web.Application, round_id: UUID, *, published: bool = True) -> None:
    """Let one manager freeze the list of a closed round whose value is due now, and another draw and publish."""
    await frozen(conn, app, round_id, days_ago=0.5)
    area_id = await conn.fetchval("select area_id from enrolment_round where id = $1", round_id)
    ctx = await manager(conn, app, area_id)
    await enrolment_draw.keep(conn, ctx, round_id, await enrolment_draw.drawn(conn, ctx, round_id, PUBLIC_VALUE))
    if published:
        await enrolment_draw.publish(conn, ctx, round_id)
