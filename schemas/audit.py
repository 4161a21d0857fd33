from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields

from schemas.fields import Limit, LocalTime, Text

if TYPE_CHECKING:
    from collections.abc import Mapping


class AuditCursor(fields.Field[tuple[datetime, int, int]]):
    """Where the next page begins: time, chain and number of a row, opaque on the wire."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_options: Any
    ) -> tuple[datetime, int, int]:
        del attr, data
        try:
            at, chain, seq = base64.urlsafe_b64decode(str(value) + "==").decode().split("|")
            return datetime.fromisoformat(at).astimezone(UTC), _number(chain, 2**15), _number(seq, 2**63)
        except (binascii.Error, ValueError, OverflowError):
            raise ValidationError("cursor_not_ours") from None


def _number(text: str, below: int) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) >= below:
        raise ValueError(text)
    return int(text)


def audit_cursor_at(row: Mapping[str, Any]) -> str:
    text = f"{row['at'].isoformat()}|{row['chain']}|{row['seq']}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


class AuditQuery(Schema):
    subject = fields.UUID(load_default=None)
    actor = fields.UUID(load_default=None)
    action = Text(60, load_default=None)
    begins = LocalTime(data_key="from", load_default=None)
    ends = LocalTime(data_key="to", load_default=None)
    limit = Limit()
    after = AuditCursor(load_default=None)


class AuditEntry(Schema):
    at = LocalTime()
    chain = fields.Integer()
    seq = fields.Integer()
    actor_id = fields.UUID(allow_none=True)
    action = fields.String()
    subject_id = fields.UUID(allow_none=True)
    facts = fields.Raw()
    request_id = fields.String(allow_none=True)


class AuditPage(Schema):
    items = fields.List(fields.Nested(AuditEntry))
    next = fields.String(allow_none=True)
