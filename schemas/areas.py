from __future__ import annotations

from marshmallow import Schema, fields, validate

from domain.vocabulary import AreaLevel
from schemas.fields import Cursor, Limit, Text, Whole, Word

CODE = validate.Regexp(r"[a-z0-9-]{2,60}\Z", error="not_a_code")


class AreaQuery(Schema):
    limit = Limit()
    after = Cursor()


class AreaCreate(Schema):
    parent_id = fields.UUID(load_default=None, allow_none=True)
    level = Word(AreaLevel, required=True)
    code = fields.String(required=True, validate=CODE)
    name = Text(60, required=True)


class AreaChange(Schema):
    version = Whole(1, 2**31 - 1, required=True)
    level = Word(AreaLevel, required=True)
    name = Text(60, required=True)


class Area(Schema):
    id = fields.UUID()
    parent_id = fields.UUID(allow_none=True)
    level = Word(AreaLevel)
    code = fields.String()
    name = fields.String()


class StaffArea(Area):
    version = fields.Integer()


class AreaTree(Schema):
    """Every area at once; a client makes the tree by `parent_id`."""

    items = fields.List(fields.Nested(Area))
    next = fields.String(allow_none=True)
