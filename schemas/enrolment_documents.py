from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from domain.nursery_vocabulary import DocumentKind
from schemas.fields import LocalTime, Word

if TYPE_CHECKING:
    from collections.abc import Mapping


class DocumentWanted(Schema):
    """A stored file as what it is handed in; `group_id` is there for the document of a claim, and only then."""

    file_id = fields.UUID(required=True)
    kind = Word(DocumentKind, required=True)
    group_id = fields.UUID(load_default=None, allow_none=True)

    @validates_schema(skip_on_field_errors=True)
    def _group_of_claim(self, data: Mapping[str, Any], **_: Any) -> None:
        claims, names = data["kind"] == DocumentKind.CLAIM, data["group_id"] is not None
        if claims != names:
            raise ValidationError("required" if claims else "not_valid", "group_id")


class Document(Schema):
    """What was handed in, without its content."""

    file_id = fields.UUID()
    kind = Word(DocumentKind)
    group_id = fields.UUID(allow_none=True)
    media_type = fields.String()
    size = fields.Integer()
    added_at = LocalTime()
