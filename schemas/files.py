from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import FilePurpose
from schemas.fields import LocalTime, Word


class Upload(Schema):
    """The parts of a multipart form; the file is a JPEG, PNG or PDF."""

    purpose = Word(FilePurpose, required=True)
    file = fields.Raw(required=True, metadata={"type": "string", "format": "binary"})


class File(Schema):
    id = fields.UUID()
    purpose = Word(FilePurpose)
    media_type = fields.String()
    size = fields.Integer()
    created_at = LocalTime()
