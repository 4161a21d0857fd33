"""`python -m server keys rotate`: everything that is sealed comes under the newest key of SEALING_KEYS.

In this order: name the new key first in the list and restart every process, so that all can read it; move it
to the end and restart, so that all seal with it; rotate; take the old key out once no backup needs it. The
service runs on all the while, and a run that was stopped is run again. The blind index and the audit have
keys of their own, which stay.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from domain import files, sealing_rotation

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from asyncpg import Connection

    from domain.file_store import FileStore
    from domain.vault import Vault

    Say = Callable[[str], None]


MOST_NAMED = 20


async def rotate(conn: Connection, vault: Vault, store: FileStore, say: Say) -> int:
    """Reseal whatever is not under the newest key; return 0 when no other key is needed any more."""
    broken = await _rotate_columns(conn, vault, say) + await _rotate_files(conn, store, say)
    left = await _show_keys(conn, vault, say)
    if left:
        say(f"{left} values are still sealed under other keys: a process that runs with older settings, perhaps.")
    if broken:
        more = f" and {len(broken) - MOST_NAMED} more" if len(broken) > MOST_NAMED else ""
        named = ", ".join(broken[:MOST_NAMED])
        say(f"{len(broken)} values do not open with any key of SEALING_KEYS: {named}{more}.")
    if left or broken:
        say("Keep all keys, mend what is said above, and run this again.")
        return 1
    say(f"Everything is sealed under {vault.current_key_id}. Keep older keys as long as backups need them.")
    return 0


async def _rotate_columns(conn: Connection, vault: Vault, say: Say) -> list[str]:
    broken: list[str] = []
    done: Counter[str] = Counter()
    async for progress in sealing_rotation.rotate(conn, vault):
        place = str(progress.place)
        done[place] += progress.resealed
        broken += _named(place, progress.broken)
        say(f"{place:<28} {done[place]:>9} resealed")
    return broken


async def _rotate_files(conn: Connection, store: FileStore, say: Say) -> list[str]:
    walked = await files.reseal(conn, store)
    if walked.resealed:
        say(f"{'files':<28} {walked.resealed:>9} resealed")
    return _named("file", walked.broken)


def _named(place: str, ids: tuple[UUID, ...]) -> list[str]:
    return [f"{place} of {row_id}" for row_id in ids]


async def _show_keys(conn: Connection, vault: Vault, say: Say) -> int:
    left = 0
    for row in await sealing_rotation.keys_in_use(conn):
        say(f"{row['place']:<28} {row['count']:>9} under {row['key_id']}")
        if row["key_id"] != vault.current_key_id:
            left += row["count"]
    return left
