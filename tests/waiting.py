"""What tests of the waitlist share: joining, answering offers, and the worker's turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.waitlist_dispatch import dispatch
from handlers.request import CLOCK, VAULT
from tests import make
from tests.booking_world import Answer, post

if TYPE_CHECKING:
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Connection

FIRST, LAST = "2026-11-23", "2026-12-04"


async def join(client, who, service_id, *, person_id=None, companions=(), key=None, **more) -> Answer:
    body = {
        "service_id": str(service_id),
        "person_id": str(person_id or who.person_id),
        "companions": [str(each) for each in companions],
        "from": FIRST,
        "to": LAST,
    } | {name.rstrip("_"): str(value) for name, value in more.items()}
    return await post(client, "/v1/waitlist", who, body, key or make.key())


async def accept(client, who, entry_id, *, key=None, **body) -> Answer:
    return await post(client, f"/v1/waitlist/{entry_id}/accept", who, body, key or make.key())


async def decline(client, who, entry_id) -> Answer:
    return await post(client, f"/v1/waitlist/{entry_id}/decline", who)


async def leave(client, who, entry_id) -> int:
    async with client.delete(f"/v1/waitlist/{entry_id}", headers=who.headers) as response:
        status: int = response.status
    return status


async def shown(client, who, entry_id) -> dict[str, Any]:
    async with client.get(f"/v1/waitlist/{entry_id}", headers=who.headers) as response:
        assert response.status == 200, await response.text()
        body: dict[str, Any] = await response.json()
    return body


async def turn(conn: Connection, app: web.Application) -> dict[str, int]:
    """Let the worker have its turn now; return what it did."""
    done = await dispatch(conn, app[VAULT], app[CLOCK]())
    return {what: many for what, many in done.items() if many}


async def entry(conn: Connection, entry_id: UUID | str) -> dict[str, Any]:
    row = await conn.fetchrow("select * from waitlist_entry where id = $1::text::uuid", str(entry_id))
    assert row is not None
    return dict(row)


async def offers(conn: Connection, status: str = "live") -> list[Any]:
    return await conn.fetch("select * from place_offer where status = $1 order by id", status)


async def told(conn: Connection, kind: str) -> list[Any]:
    return await conn.fetch("select * from notice where kind = $1 order by id", kind)
