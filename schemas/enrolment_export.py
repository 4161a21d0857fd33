"""What an account takes along of nursery enrolment, named field by field."""

from __future__ import annotations

from marshmallow import Schema, fields

from schemas.fields import LocalTime


class ExportedClaim(Schema):
    group = fields.String()
    status = fields.String()
    words = fields.String()


class ExportedEnrolment(Schema):
    id = fields.UUID()
    person_id = fields.UUID()
    public_id = fields.String()
    round_name = fields.String()
    state = fields.String()
    late = fields.Boolean()
    created_at = LocalTime()
    submitted_at = LocalTime(allow_none=True)
    choices = fields.List(fields.String())
    claims = fields.List(fields.Nested(ExportedClaim))
    repair_words = fields.String()
    reason = fields.String(allow_none=True)
    listed_at = LocalTime(allow_none=True)
    number = fields.String(allow_none=True)
    settled = fields.Boolean()


class ExportedEnrolmentDocument(Schema):
    file_id = fields.UUID()
    enrolment_id = fields.UUID()
    kind = fields.String()
    media_type = fields.String()
    size = fields.Integer()
    added_at = LocalTime()
    destroyed_at = LocalTime(allow_none=True)


class ExportedEnrolmentEvent(Schema):
    enrolment_id = fields.UUID()
    at = LocalTime()
    state = fields.String()
    because = fields.String()
    by_me = fields.Boolean(allow_none=True, metadata={"description": "null: time or the draw did it"})


class ExportedSeatOffer(Schema):
    id = fields.UUID()
    enrolment_id = fields.UUID()
    class_name = fields.String()
    status = fields.String()
    offered_at = LocalTime()
    answer_by = LocalTime()
    answered_at = LocalTime(allow_none=True)


class ExportedPlace(Schema):
    id = fields.UUID()
    person_id = fields.UUID()
    class_name = fields.String()
    status = fields.String()
    starts_on = fields.Date()
    ends_on = fields.Date(allow_none=True)
    agreement_on = fields.Date(allow_none=True)
    health_check_on = fields.Date(allow_none=True)
    vaccination_on = fields.Date(allow_none=True)
    end_reason = fields.String()


class ExportedLeave(Schema):
    place_id = fields.UUID()
    first_day = fields.Date()
    last_day = fields.Date(allow_none=True)
    rechecked_on = fields.Date(allow_none=True)
    words = fields.String()
