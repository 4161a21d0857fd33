"""What residents may find: public, since it is what hangs on the wall of every desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain.errors import NotFound
from domain.search import words
from domain.vocabulary import LOCAL_ZONE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


async def areas(conn: Connection) -> Sequence[Row]:
    rows: Sequence[Row] = await sql.catalogue.areas(conn)
    return rows


async def providers(
    conn: Connection, kind: str | None, area_id: UUID | None, search: str | None, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Return providers, those of an area with all below it; one more than `limit` where there are more."""
    rows: Sequence[Row] = await sql.catalogue.providers(
        conn, kind=kind, area_id=area_id, words=words(search), after=after, limit=limit + 1
    )
    return rows


async def provider(conn: Connection, provider_id: UUID) -> Row:
    row: Row | None = await sql.catalogue.provider(conn, id=provider_id)
    if row is None:
        raise NotFound("provider_not_found")
    return row


async def services(
    conn: Connection, provider_id: UUID | None, kind: str | None, search: str | None, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Return services; one more than `limit` where there are more."""
    rows: Sequence[Row] = await sql.catalogue.services(
        conn, provider_id=provider_id, kind=kind, words=words(search), after=after, limit=limit + 1
    )
    return rows


async def service(conn: Connection, ctx: Context, service_id: UUID) -> Row:
    """Return one service with the policy that rules its slots of today."""
    row: Row | None = await sql.catalogue.service(conn, id=service_id, day=ctx.now.astimezone(LOCAL_ZONE).date())
    if row is None:
        raise NotFound("service_not_found")
    return row
