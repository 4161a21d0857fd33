from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from marshmallow import Schema, ValidationError, fields

from domain.vocabulary import LOCAL_ZONE, ExportFormat
from schemas.fields import Day, Limit, LocalTime, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Row = Mapping[str, Any]

SHEET = "志愿者记录"

COLUMNS: Mapping[str, Callable[[Row], str | int]] = {
    "时间": lambda row: f"{row['at'].astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M:%S}",
    "事项": lambda row: str(row["what"]),
    "老人": lambda row: str(row["person_name"] or ""),
    "老人编号": lambda row: str(row["person_id"] or ""),
    "对象编号": lambda row: str(row["subject_id"] or ""),
    "说明": lambda row: orjson.dumps(row["facts"], default=str).decode(),
}
"""The columns of a volunteer's record, in order: heading and cell."""


class RecordCursor(fields.Field[tuple[datetime, str]]):
    """Where the next page begins: when and which, opaque on the wire."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_options: Any
    ) -> tuple[datetime, str]:
        del attr, data
        try:
            at, key = base64.urlsafe_b64decode(str(value) + "==").decode().split("|")
            return datetime.fromisoformat(at).astimezone(UTC), _storable(key)
        except (binascii.Error, ValueError, OverflowError):
            raise ValidationError("cursor_not_ours") from None


def _storable(key: str) -> str:
    if not key.isprintable():
        raise ValueError(key)
    return key


def record_cursor_at(row: Row) -> str:
    return base64.urlsafe_b64encode(f"{row['at'].isoformat()}|{row['key']}".encode()).decode().rstrip("=")


class RecordSpan(Schema):
    first = Day(data_key="from", required=True)
    last = Day(data_key="to", required=True)


class RecordQuery(RecordSpan):
    limit = Limit()
    after = RecordCursor(load_default=None)


class RecordExportQuery(RecordSpan):
    format = Word(ExportFormat, load_default=ExportFormat.CSV)


class Act(Schema):
    """One thing that was done; `person_name` is a mask."""

    at = LocalTime()
    what = fields.String()
    subject_id = fields.UUID(allow_none=True)
    person_id = fields.UUID(allow_none=True)
    person_name = fields.String(allow_none=True)
    facts = fields.Raw()


class RecordPage(Schema):
    items = fields.List(fields.Nested(Act))
    next = fields.String(allow_none=True)
