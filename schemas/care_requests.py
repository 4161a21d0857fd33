from __future__ import annotations

from marshmallow import Schema, fields, validate

from schemas.fields import Cursor, Limit, LocalTime
from schemas.people import CareRequest


class CareRequestQuery(Schema):
    limit = Limit()
    after = Cursor()


class CareRequestPage(Schema):
    items = fields.List(fields.Nested(CareRequest))
    next = fields.String(allow_none=True)


class ReceivedRequest(Schema):
    """A request as whoever decides about it sees it."""

    id = fields.UUID()
    relation = fields.String()
    person_id = fields.UUID()
    person_name = fields.String()
    account_name = fields.String(allow_none=True, metadata={"description": "of who asks, where registered"})
    account_phone = fields.String(allow_none=True, metadata={"description": "masked; verified by WeChat"})
    created_at = LocalTime()
    expires_at = LocalTime()


class ReceivedRequestPage(Schema):
    items = fields.List(fields.Nested(ReceivedRequest))
    next = fields.String(allow_none=True)


class DeskRequestQuery(CareRequestQuery):
    person = fields.UUID(required=True)


class DeskRequest(ReceivedRequest):
    name_matches = fields.Boolean()


class DeskRequestPage(Schema):
    items = fields.List(fields.Nested(DeskRequest))
    next = fields.String(allow_none=True)


class CodeDrawn(Schema):
    """Said alike whether a message goes out or not."""

    expires_at = LocalTime()
    again_at = LocalTime()


class CodeGuess(Schema):
    code = fields.String(required=True, validate=validate.Regexp(r"[0-9]{6}\Z", error="not_valid"))
