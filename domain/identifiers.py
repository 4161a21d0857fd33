"""UUIDv7 keys: ordered by time of making, so that new rows of an index lie together (RFC 9562, 5.7)."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from asyncpg.pgproto.pgproto import UUID as QUICK_UUID  # a class of C, four times as quick, and a UUID

if TYPE_CHECKING:
    from uuid import UUID


def new_id() -> UUID:
    """Make a UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    random = os.urandom(10)
    version, variant = 0x70 | random[0] & 0x0F, 0x80 | random[2] & 0x3F
    moment = (time.time_ns() // 1_000_000).to_bytes(6)
    made: UUID = QUICK_UUID(moment + bytes((version, random[1], variant)) + random[3:])
    return made


def read_id(text: str) -> UUID:
    """Read an id's text; raises ValueError."""
    read: UUID = QUICK_UUID(text)
    return read
