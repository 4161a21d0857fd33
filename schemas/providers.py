from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import CatalogueState, ProviderKind
from schemas.fields import Cursor, Limit, Position, Text, Whole, Word


class StaffProviderQuery(Schema):
    state = Word(CatalogueState, load_default=None)
    limit = Limit()
    after = Cursor()


class ProviderCreate(Schema):
    """`position`: where a volunteer's start or end of help can be confirmed; without it, only by code."""

    area_id = fields.UUID(required=True)
    kind = Word(ProviderKind, required=True)
    name = Text(80, required=True)
    address = Text(200, required=True)
    phone = Text(60, required=True)
    summary = Text(2000, shortest=0, lines=True, required=True)
    state = Word(CatalogueState, load_default=CatalogueState.ACTIVE)
    position = fields.Nested(Position, load_default=None, allow_none=True)


class ProviderChange(ProviderCreate):
    version = Whole(1, 2**31 - 1, required=True)
    state = Word(CatalogueState, required=True)


class StaffProvider(Schema):
    id = fields.UUID()
    area_id = fields.UUID()
    kind = Word(ProviderKind)
    name = fields.String()
    address = fields.String()
    phone = fields.String()
    summary = fields.String()
    state = Word(CatalogueState)
    position = fields.Nested(Position, allow_none=True)
    version = fields.Integer()
