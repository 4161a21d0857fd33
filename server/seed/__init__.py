"""The demo data of Alxa: what `make run` and `python -m server seed` put into a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from domain import audit
from domain.audit import Entry
from server.seed.catalogue import add_areas, add_catalogue
from server.seed.nurseries import add_nurseries
from server.seed.people import add_people
from server.seed.schedules import add_schedules, add_slots
from server.seed.staff import make_demo_staff, write_demo_file

if TYPE_CHECKING:
    from datetime import datetime

    from asyncpg import Connection

    from domain.vault import Vault

__all__ = ["demo_accounts_exist", "make_demo_staff", "seed", "write_demo_file"]

LOCK = 0x73_65_65_64
"""The letters of `seed`."""


async def seed(conn: Connection, vault: Vault, now: datetime) -> dict[str, int]:
    """Add what is missing of the demo data and return how many rows of each kind that was.

    A second run adds no more than the slots of the days that have come into the window since, as the worker does.
    What staff or residents have changed stays as it is.
    """
    async with conn.transaction():
        await sql.seed.lock(conn, key=LOCK)
        counts = {"areas": await add_areas(conn)}
        counts |= await add_catalogue(conn, now)
        counts |= await add_nurseries(conn, now)
        counts |= {"schedules": await add_schedules(conn, now)}
        counts |= await add_people(conn, vault, now)
        if any(counts.values()):
            await audit.record_all(conn, vault, now, [Entry("seed.added", None, counts)])
    return counts | {"slots": await add_slots(conn, now)}


async def demo_accounts_exist(conn: Connection) -> bool:
    """Say whether anybody could sign in with a password that stands in a file of the demo."""
    exist: bool = await sql.seed.demo_accounts_exist(conn)
    return exist
