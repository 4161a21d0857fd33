"""Seals personal data, finds it again without opening it, and signs the audit.

A sealed value is `version (1 byte) | length of key id (1) | key id | nonce (12) | ciphertext and tag`,
AES-256-GCM with `table|column|row id|key id` as associated data: a ciphertext that is moved to another
row or column does not open. The blind index is HMAC-SHA-256 under a key of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

FORMAT = 1
NONCE_BYTES = 12


class VaultError(Exception):
    """A sealed value does not open: wrong key, changed, or moved from where it belongs."""


class Vault:
    """All secret keys of data at rest. Knows no tables; callers name the place of each value."""

    def __init__(
        self, sealing_keys: Mapping[str, bytes], current: str, blind_index_key: bytes, audit_key: bytes
    ) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in sealing_keys.items()}
        self.current_key_id = current
        self._blind_index_key = blind_index_key
        self._audit_key = audit_key

    def seal(self, table: str, column: str, row_id: UUID, clear: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        place = _place(table, column, row_id, self.current_key_id.encode())
        return self.current_prefix + nonce + self._ciphers[self.current_key_id].encrypt(nonce, clear, place)

    def unseal(self, table: str, column: str, row_id: UUID, sealed: bytes) -> bytes:
        """Raise VaultError, which says nothing of the value, where it does not open."""
        key_id = self.key_id_of(sealed)
        body = sealed[2 + len(key_id) :]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise VaultError("sealed under a key that is not configured")
        try:
            return cipher.decrypt(
                body[:NONCE_BYTES], body[NONCE_BYTES:], _place(table, column, row_id, key_id.encode())
            )
        except (InvalidTag, ValueError):
            raise VaultError("sealed value does not open where it stands") from None

    @property
    def current_prefix(self) -> bytes:
        """What every value begins with that is sealed under the current key, and no other."""
        return bytes((FORMAT, len(self.current_key_id))) + self.current_key_id.encode()

    @staticmethod
    def key_id_of(sealed: bytes) -> str:
        if len(sealed) < 2 or sealed[0] != FORMAT:  # noqa: PLR2004
            raise VaultError("not a sealed value of a known format")
        return sealed[2 : 2 + sealed[1]].decode("ascii", "replace")

    def blind(self, kind: str, clear: str) -> bytes:
        """Return the blind index of a value: equal values of a kind are equal, and nothing else is learnt."""
        return hmac.digest(self._blind_index_key, f"{kind}|{clear}".encode(), hashlib.sha256)

    def hash_code(self, row_id: UUID, code: str) -> bytes:
        """Hash a short one-time code, bound to its row: six digits need a key, not only a hash."""
        return self.blind(f"code|{row_id}", code)

    def fingerprint(self, request: bytes) -> bytes:
        """Hash a whole request, to know it again: names and numbers in it could be guessed from a bare hash."""
        return hmac.digest(self._blind_index_key, b"request|" + request, hashlib.sha256)

    def audit_mac(self, message: bytes) -> bytes:
        return hmac.digest(self._audit_key, message, hashlib.sha256)


def _place(table: str, column: str, row_id: UUID, key_id: bytes) -> bytes:
    return f"{table}|{column}|{row_id}|".encode() + key_id
