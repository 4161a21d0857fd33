"""Where the contents of files lie, sealed: a local folder, or any store that obstore's URLs name.

No call here belongs into a transaction: each may go over the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from uuid import UUID

from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

    from domain.vault import Vault

SECONDS = 20
HEAD_BYTES = 64
"""Enough of a sealed content to name its key."""

RETRY_AFTER_SECONDS = 30


class FileStoreError(Exception):
    """The address of the store is not one that can be used."""


class FileStore:
    """Objects are sealed for the id they lie under: one that is moved to another id does not open."""

    def __init__(self, url: str, vault: Vault) -> None:
        self._vault = vault
        address = urlsplit(url)
        self._folder = Path(unquote(address.path)) if address.scheme == "file" else None
        try:
            self._store = LocalStore(self._folder, mkdir=True) if self._folder else from_url(url)
        except (BaseError, OSError, ValueError):
            raise FileStoreError from None

    async def put(self, file_id: UUID, content: bytes) -> None:
        """Store a content for good, or raise Unavailable."""
        sealed = await asyncio.to_thread(self._vault.seal, "file", "content", file_id, content)
        with _unavailable():
            async with asyncio.timeout(SECONDS):
                await self._store.put_async(_key(file_id), sealed)
                if self._folder is not None:
                    await asyncio.to_thread(_flush_to_disk, self._folder / _key(file_id))

    async def get(self, file_id: UUID) -> bytes:
        """Return the content; raise Unavailable where the store does not answer or has lost it."""
        with _unavailable():
            async with asyncio.timeout(SECONDS):
                found = await self._store.get_async(_key(file_id))
                sealed = bytes(await found.bytes_async())
        return await asyncio.to_thread(self._vault.unseal, "file", "content", file_id, sealed)

    async def reseal(self, file_id: UUID) -> bool:
        """Bring a content under the current key; False where it lies under it already."""
        with _unavailable():
            async with asyncio.timeout(SECONDS):
                head = bytes(await self._store.get_range_async(_key(file_id), start=0, length=HEAD_BYTES))
        if self._vault.key_id_of(head) == self._vault.current_key_id:
            return False
        await self.put(file_id, await self.get(file_id))
        return True

    async def delete(self, file_id: UUID) -> None:
        """Remove a content; one that is gone already is no mistake."""
        with _unavailable(), contextlib.suppress(FileNotFoundError):
            async with asyncio.timeout(SECONDS):
                await self._store.delete_async(_key(file_id))

    async def stored_before(self, moment: datetime) -> AsyncIterator[list[UUID]]:
        """Yield the ids of older contents, some at a time."""
        with _unavailable():
            async for found in self._store.list("files"):
                yield [UUID(Path(one["path"]).name) for one in found if one["last_modified"] < moment]


def _key(file_id: UUID) -> str:
    return f"files/{file_id}"


def _flush_to_disk(path: Path) -> None:
    """Make the file and its entry in the folder survive a power cut."""
    for place in (path, path.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:  # TimeoutError is an OSError
        raise Unavailable("files_unavailable", retry_after=RETRY_AFTER_SECONDS) from error
