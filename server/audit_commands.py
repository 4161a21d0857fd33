"""`python -m server audit verify`: walks the audit's chains and says whether a row was changed or is missing.

The heads of a walk that found nothing wrong are kept in a file outside the database. The next walk holds
them against what it finds: rows cut off at the end together with the head would not be missed otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from domain import audit
from domain.audit import Broken, Head
from server.config import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from asyncpg import Connection

    from domain.vault import Vault

HEADS_FILE = "audit-heads.json"


async def verify(conn: Connection, vault: Vault, heads_file: Path, say: Callable[[str], None]) -> int:
    """Walk every chain; return 0 when all rows fit together and none is missing."""
    kept = _read(heads_file)
    heads: list[Head] = []
    broken: list[Broken] = []
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        async for found in audit.verify(conn, vault, kept):
            if isinstance(found, Head):
                heads.append(found)
            else:
                broken.append(found)
                say(f"Chain {found.chain} is broken at row {found.seq}: {found.why}.")
    if broken:
        say(f"{len(broken)} of {audit.CHAINS} chains are broken. Keep the database and {heads_file} as they are.")
        return 1
    _write(heads_file, heads)
    before = sum(head.seq for head in kept.values())
    compared = f"nothing of the {before} rows of the last walk is missing" if kept else "there was no earlier walk"
    say(f"{sum(head.seq for head in heads)} rows in {len(heads)} chains fit together; {compared}.")
    say(f"The heads are in {heads_file}; a copy elsewhere proves later that these rows stood.")
    return 0


def _read(heads_file: Path) -> Mapping[int, Head]:
    if not heads_file.exists():
        return {}
    try:
        return {
            chain: Head(chain, seq, bytes.fromhex(mac)) for chain, seq, mac in orjson.loads(heads_file.read_bytes())
        }
    except (ValueError, TypeError):
        raise SettingError(f"{heads_file} does not hold heads of the audit; put back the one that was kept.") from None


def _write(heads_file: Path, heads: Sequence[Head]) -> None:
    """Put the new heads in the old ones' place, at once or not at all."""
    draft = heads_file.with_suffix(".draft")
    draft.write_bytes(orjson.dumps([(head.chain, head.seq, head.mac.hex()) for head in heads]))
    draft.replace(heads_file)
