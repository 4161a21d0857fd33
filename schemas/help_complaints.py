from __future__ import annotations

from marshmallow import Schema, fields

from schemas.fields import Cursor, Limit, LocalTime, Text


class ComplaintForm(Schema):
    words = Text(2000, lines=True, required=True)


class Complaint(Schema):
    """`words` is null once the person was erased."""

    id = fields.UUID()
    request_id = fields.UUID()
    made_at = LocalTime()
    words = fields.String(allow_none=True)
    answered_at = LocalTime(allow_none=True)
    answer = fields.String()


class OwnComplaintPage(Schema):
    items = fields.List(fields.Nested(Complaint))
    next = fields.String(allow_none=True)


class TeamComplaint(Complaint):
    volunteer_id = fields.UUID(allow_none=True)
    volunteer_name = fields.String(allow_none=True)


class ComplaintQuery(Schema):
    answered = fields.Boolean(load_default=None)
    limit = Limit()
    after = Cursor()


class AnswerForm(Schema):
    answer = Text(1000, lines=True, required=True)
