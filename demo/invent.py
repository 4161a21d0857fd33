"""Invents people who were never here: valid ID numbers of a birth place that does not exist, numbers nobody has."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
import time
import zlib
from dataclasses import dataclass
from datetime import date, timedelta

NO_SUCH_PLACE = "999999"
NO_SUCH_PREFIX = "154"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
TOTP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    id_number: str
    phone: str

    @property
    def user(self) -> str:
        """Return the name at the WeChat sandbox."""
        return f"demo-{self.id_number}"

    @property
    def masked_id_number(self) -> str:
        return f"{self.id_number[:6]}********{self.id_number[-4:]}"


def person(name: str, sex: str, born: int) -> Person:
    """Invent somebody of the year `born`; the day and the serial number are random, so that runs do not meet."""
    return _born_on(name, sex, date(born, 1, 1) + timedelta(days=secrets.randbelow(365)))


def child(name: str, sex: str, youngest: int, oldest: int) -> Person:
    """Invent a child that is so many days old today, at least and at most."""
    return _born_on(name, sex, date.today() - timedelta(days=youngest + secrets.randbelow(oldest - youngest + 1)))  # noqa: DTZ011  # weeks from every border


def _born_on(name: str, sex: str, birth_date: date) -> Person:
    serial = secrets.randbelow(499) * 2 + (1 if sex == "male" else 2)
    digits = f"{NO_SUCH_PLACE}{birth_date:%Y%m%d}{serial:03}"
    phone = f"{NO_SUCH_PREFIX}{secrets.randbelow(10**8):08}"
    return Person(name, digits + check_digit(digits), phone)


def check_digit(digits: str) -> str:
    """GB 11643: the weighted sum of the seventeen digits, modulo 11, names the eighteenth."""
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True)) % 11]


def totp(secret: str, ahead: int = 0) -> str:
    """RFC 6238: the six digits that an authenticator app would show now, or `ahead` half minutes later."""
    counter = int(time.time()) // TOTP_SECONDS + ahead
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, counter.to_bytes(8), hashlib.sha1)
    offset = digest[-1] & 0xF
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 10**6:06}"


def seconds_to_next_totp() -> float:
    return TOTP_SECONDS - time.time() % TOTP_SECONDS


def photo() -> bytes:
    """Make a picture of a paper: a grey PNG with noise, so that no two are the same."""
    side = 64
    rows = b"".join(b"\0" + secrets.token_bytes(side) for _ in range(side))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
