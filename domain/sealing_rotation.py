"""Brings everything that is sealed under the newest key, a batch at a time, while the service runs.

What is done stands in each value's own header, so a run that was killed goes on where it was. A value that
changes meanwhile is left alone: whoever changed it sealed it anew. Contents of files lie outside of the
database; `domain.file_store` reseals those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sql
from domain.vault import VaultError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.vault import Vault

BATCH = 500


@dataclass(frozen=True, slots=True)
class Place:
    """A sealed column, and what its two queries are called."""

    table: str
    column: str
    queries: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


PLACES = (
    Place("person", "document_sealed", "person_document"),
    Place("person", "phone_sealed", "person_phone"),
    Place("care_request", "phone_sealed", "care_request_phone"),
    Place("staff", "otp_secret_sealed", "staff_otp_secret"),
    Place("emergency_contact", "name_sealed", "emergency_contact_name"),
    Place("emergency_contact", "phone_sealed", "emergency_contact_phone"),
    Place("help_request", "need_sealed", "help_request_need"),
    Place("help_request", "pickup_sealed", "help_request_pickup"),
    Place("help_request", "mobility_sealed", "help_request_mobility"),
    Place("help_request", "contact_phone_sealed", "help_request_contact_phone"),
    Place("help_complaint", "words_sealed", "help_complaint_words"),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """One batch: how many values were resealed, were changed by somebody else meanwhile, or do not open."""

    place: Place
    resealed: int
    overtaken: int
    broken: tuple[UUID, ...]


async def rotate(conn: Connection, vault: Vault, batch: int = BATCH) -> AsyncGenerator[Progress, None]:
    """Reseal whatever is not under the current key; each batch is a transaction of its own."""
    for place in PLACES:
        async for progress in _rotate_place(conn, vault, place, batch):
            yield progress


async def _rotate_place(conn: Connection, vault: Vault, place: Place, batch: int) -> AsyncGenerator[Progress, None]:
    queries = sql.queries("sealing_rotation")
    find, put = getattr(queries, f"{place.queries}_stale"), getattr(queries, f"{place.queries}_reseal")
    after = None
    while rows := await find(conn, prefix=vault.current_prefix, after=after, limit=batch):
        after = rows[-1]["id"]
        fresh, broken = _reseal(vault, place, rows)
        resealed: int = await put(
            conn,
            ids=[row["id"] for row, _ in fresh],
            before=[row["sealed"] for row, _ in fresh],
            after=[sealed for _, sealed in fresh],
        )
        yield Progress(place, resealed, len(fresh) - resealed, broken)


def _reseal(vault: Vault, place: Place, rows: list[Record]) -> tuple[list[tuple[Record, bytes]], tuple[UUID, ...]]:
    fresh, broken = [], []
    for row in rows:
        try:
            clear = vault.unseal(place.table, place.column, row["id"], row["sealed"])
        except VaultError:
            broken.append(row["id"])
        else:
            fresh.append((row, vault.seal(place.table, place.column, row["id"], clear)))
    return fresh, tuple(broken)


async def keys_in_use(conn: Connection) -> list[Record]:
    """Return how many values of each place are sealed under which key: none under an old one, and it may go."""
    rows: list[Record] = await sql.sealing_rotation.keys_in_use(conn)
    return rows
