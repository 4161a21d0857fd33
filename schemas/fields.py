"""Fields that more than one shape is made of."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC
from typing import TYPE_CHECKING, Any
from uuid import UUID

from marshmallow import fields, validate

from domain.vocabulary import LOCAL_ZONE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ID_BYTES = 16


class Text(fields.String):
    """Words by a person: white space around them is dropped, then the length is checked."""

    def __init__(self, longest: int, *, shortest: int = 1, **options: Any) -> None:
        length = validate.Length(min=shortest, max=longest)
        super().__init__(validate=length, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        return super()._deserialize(value, attr, data, **options).strip()


class LocalTime(fields.AwareDateTime):
    """A moment: read with whatever offset it has, shown as it is in Alxa."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> datetime:
        try:
            return super()._deserialize(value, attr, data, **options).astimezone(UTC)
        except OverflowError:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from None

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **options: Any) -> Any:
        return super()._serialize(value and value.astimezone(LOCAL_ZONE), attr, obj, **options)


class Limit(fields.Integer):
    """How many items a page holds."""

    def __init__(self) -> None:
        super().__init__(load_default=20, validate=validate.Range(1, 100))


class Cursor(fields.Field[UUID]):
    """Where the next page begins: an id, opaque on the wire."""

    def __init__(self) -> None:
        super().__init__(load_default=None)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_options: Any) -> UUID:
        del attr, data
        try:
            raw = base64.urlsafe_b64decode(str(value) + "==")
        except (binascii.Error, ValueError):
            raise self.make_error("invalid") from None
        if len(raw) != ID_BYTES:
            raise self.make_error("invalid")
        return UUID(bytes=raw)

    default_error_messages = {"invalid": "Not a cursor of this list."}  # noqa: RUF012  # marshmallow's own way


def cursor_at(row: Mapping[str, Any]) -> str:
    """Return the cursor behind a row that a list is ordered by the `id` of."""
    return base64.urlsafe_b64encode(row["id"].bytes).decode().rstrip("=")
