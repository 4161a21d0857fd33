"""The pass: a booking, signed, so that a desk without a network can tell that it is genuine.

Its format stands in `docs/passes.md` with a program that checks it; whoever changes one changes the other.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import sql
from domain import booking_lists
from domain.errors import Conflict, Invalid
from domain.permissions import require_staff_at, require_staff_somewhere
from domain.vocabulary import CLERKS, BookingStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncpg import Connection

    from domain.context import Context

FORMAT = 1
HEAD_BYTES = 2
CONTENT = struct.Struct(">16s16sIII")
SIGNATURE_BYTES = 64
BLOCK = 8
"""Letters of base32 that hold whole bytes."""

SCAN_KEPT = timedelta(days=1)
"""How long after it a scan without a network may be handed in."""

SKEW = timedelta(minutes=2)
"""By how much the clock of a desk's program may be ahead."""

PASSABLE = (BookingStatus.BOOKED, BookingStatus.CHECKED_IN)


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass says: nothing about who comes."""

    booking_id: UUID
    service_id: UUID
    starts_at: datetime
    expires_at: datetime
    number: int


class PublicKey(NamedTuple):
    id: str
    public_key: str
    current: bool


class PassKeys:
    """The last key signs; passes of the others are still good."""

    def __init__(self, seeds: Mapping[str, bytes], current_id: str) -> None:
        self._current_id = current_id
        self._secret = {key_id: Ed25519PrivateKey.from_private_bytes(seed) for key_id, seed in seeds.items()}
        self._public = {key_id: secret.public_key() for key_id, secret in self._secret.items()}

    def write(self, given: Pass) -> str:
        """Return the signed text, in letters and digits that a QR code packs tightly."""
        key_id = self._current_id.encode()
        content = CONTENT.pack(
            given.booking_id.bytes,
            given.service_id.bytes,
            int(given.starts_at.timestamp()),
            int(given.expires_at.timestamp()),
            given.number,
        )
        signed = bytes((FORMAT, len(key_id))) + key_id + content
        return _to_text(signed + self._secret[self._current_id].sign(signed))

    def read(self, text: str) -> Pass:
        """Return what a genuine pass says, expired or not; refuse whatever is none of ours."""
        raw = _from_text(text)
        signed, signature = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
        if len(signed) < HEAD_BYTES + CONTENT.size or signed[0] != FORMAT:
            raise Invalid("pass_unreadable")
        key_id, content = signed[HEAD_BYTES : -CONTENT.size], signed[-CONTENT.size :]
        if len(key_id) != signed[1]:
            raise Invalid("pass_unreadable")
        key = self._public.get(key_id.decode("ascii", "replace"))
        if key is None:
            raise Conflict("pass_forged")
        try:
            key.verify(signature, signed)
        except InvalidSignature:
            raise Conflict("pass_forged") from None
        booking_id, service_id, starts_at, expires_at, number = CONTENT.unpack(content)
        return Pass(
            UUID(bytes=booking_id),
            UUID(bytes=service_id),
            datetime.fromtimestamp(starts_at, UTC),
            datetime.fromtimestamp(expires_at, UTC),
            number,
        )

    def public(self) -> list[PublicKey]:
        return [
            PublicKey(key_id, base64.b64encode(key.public_bytes_raw()).decode(), key_id == self._current_id)
            for key_id, key in self._public.items()
        ]


def _to_text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=")


def _from_text(text: str) -> bytes:
    letters = "".join(text.split()).upper()
    try:
        raw = base64.b32decode(letters + "=" * (-len(letters) % BLOCK))
    except (binascii.Error, ValueError):
        raise Invalid("pass_unreadable") from None
    if _to_text(raw) != letters:
        raise Invalid("pass_unreadable")
    return raw


async def issue(conn: Connection, ctx: Context, keys: PassKeys, booking_id: UUID) -> Mapping[str, Any]:
    """Sign a pass for a booking that the caller may see.

    It is good for the policy's hours, as a booking that was cancelled since still looks good without a network;
    and not longer than somebody may come at all.
    """
    booking = await booking_lists.get(conn, ctx, booking_id)
    if booking["status"] not in PASSABLE:
        raise Conflict("booking_in_other_status", booking_status=booking["status"], needed=BookingStatus.BOOKED)
    policy = await sql.passes.policy_of(conn, slot_id=booking["slot_id"])
    latest = booking["ends_at"] + timedelta(minutes=policy["no_show_minutes"])
    if ctx.now >= latest:
        raise Conflict("pass_too_late", ends_at=booking["ends_at"], phone=policy["phone"])
    expires_at = min(ctx.now + timedelta(hours=policy["pass_hours"]), latest).replace(microsecond=0)
    signed = Pass(booking["id"], booking["service_id"], booking["starts_at"], expires_at, booking["number"])
    return {**booking, "text": keys.write(signed), "expires_at": expires_at, "issued_at": ctx.now}


def words(signed: Mapping[str, Any]) -> str:
    """Return the code of the sentence that says what to do with a pass."""
    return "pass_show" if signed["expires_at"] > signed["starts_at"] else "pass_open_again"


async def public_keys(conn: Connection, ctx: Context, keys: PassKeys) -> Sequence[PublicKey]:
    """Return what a desk needs to check passes without a network."""
    await require_staff_somewhere(conn, ctx, *CLERKS)
    return keys.public()


async def find(
    conn: Connection, ctx: Context, keys: PassKeys, *, provider_id: UUID, text: str, scanned_at: datetime | None
) -> UUID:
    """Return the booking of a pass that was good when it was scanned, at this provider."""
    await require_staff_at(conn, ctx, provider_id, *CLERKS)
    scanned_at = scanned_at or ctx.now
    if not ctx.now - SCAN_KEPT <= scanned_at <= ctx.now + SKEW:
        raise Invalid("scan_not_now", scanned_at=scanned_at)
    shown = keys.read(text)
    if scanned_at >= shown.expires_at:
        raise Conflict("pass_expired", expires_at=shown.expires_at)
    booking = await sql.passes.booking(conn, booking_id=shown.booking_id)
    if booking is None:
        raise Conflict("pass_forged")
    if booking["provider_id"] != provider_id:
        raise Conflict("pass_other_provider", provider_name=booking["provider_name"])
    if booking["status"] in (BookingStatus.CANCELLED, BookingStatus.MOVED, BookingStatus.NO_SHOW):
        raise Conflict("pass_no_longer_good", booking_status=booking["status"])
    return shown.booking_id
