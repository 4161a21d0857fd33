"""Refresh tokens as text, as what is stored of them, and the sealing of each one's successor.

Only whoever holds a token can open its successor: the key is derived from the token, of which the database
knows a hash alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TOKEN_BYTES = 32
NONCE_BYTES = 12
PURPOSE = b"xiaotuo successor of a refresh token"


def new_token() -> bytes:
    return os.urandom(TOKEN_BYTES)


def to_text(token: bytes) -> str:
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def from_text(text: str) -> bytes | None:
    """Read a token; None for what was never one of ours. Each token has exactly one text."""
    try:
        token = base64.urlsafe_b64decode(text + "=")
    except (binascii.Error, ValueError):
        return None
    return token if len(token) == TOKEN_BYTES and to_text(token) == text else None


def stored_hash(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _cipher(token: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(token))


def seal_successor(token: bytes, successor: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(token).encrypt(nonce, successor, None)


def open_successor(token: bytes, sealed: bytes) -> bytes | None:
    """Return the successor, or None where `sealed` was made under another token or was changed."""
    try:
        return _cipher(token).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
    except (InvalidTag, ValueError):
        return None
