"""What staff prove themselves by: a password (argon2id) and one-time codes by time (RFC 6238)."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

Hashed = TypeVar("Hashed")

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's figures: some 30 ms and 19 MiB each, so two at a time harm nobody else on a small machine."""

HASHES_AT_ONCE = 2
MOST_WAITING = 64
OTP_SECONDS = 30
ISSUER = "小驼帮办"
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are mistaken for each other."""


class _Hashing:
    """Keeps hashing off the loop, and the memory for it bounded."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(HASHES_AT_ONCE, thread_name_prefix="argon2")
        self.waiting = 0

    async def run(self, hashing: Callable[..., Hashed], *arguments: str | None) -> Hashed:
        if self.waiting >= MOST_WAITING:
            raise Unavailable("busy", retry_after=5)
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, hashing, *arguments)
        finally:
            self.waiting -= 1


_hashing = _Hashing()


@cache
def _nobodys_hash() -> str:
    return HASHER.hash(secrets.token_hex())


def _matches(stored: str | None, password: str) -> bool:
    nobodys = _nobodys_hash()
    try:
        return HASHER.verify(stored or nobodys, password) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


async def password_matches(stored: str | None, password: str) -> bool:
    """Say whether the password is right. Takes as long where there is no such account (None)."""
    return await _hashing.run(_matches, stored, password)


async def hash_password(password: str) -> str:
    return await _hashing.run(HASHER.hash, password)


def new_password() -> str:
    """Make a password of 98 random bits that can be read out over the phone."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(4))


def new_otp_secret() -> str:
    return pyotp.random_base32()


def otp_uri(login: str, secret: str) -> str:
    """Return what an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def otp_step(secret: str, code: str, at: float) -> int | None:
    """Return the time step that the code belongs to, at most one before or after now, or None."""
    now = int(at) // OTP_SECONDS
    totp = pyotp.TOTP(secret)
    steps = [
        step for step in (now, now - 1, now + 1) if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode())
    ]
    return steps[0] if steps else None
