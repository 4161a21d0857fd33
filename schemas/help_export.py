"""What an account takes along of help, asked for and given, named field by field."""

from __future__ import annotations

from marshmallow import Schema, fields

from schemas.emergency_contacts import EmergencyContact
from schemas.fields import LocalTime


class ExportedContact(EmergencyContact):
    person_id = fields.UUID()


class ExportedHelp(Schema):
    id = fields.UUID()
    person_id = fields.UUID()
    matter = fields.String()
    service_id = fields.UUID(allow_none=True)
    needs_booking = fields.Boolean()
    needs_companion = fields.Boolean()
    needs_ride = fields.Boolean()
    need = fields.String(allow_none=True)
    language = fields.String()
    pickup = fields.String(allow_none=True)
    mobility = fields.String(allow_none=True)
    contact_phone = fields.String(allow_none=True)
    wished_days = fields.List(fields.Date())
    part_of_day = fields.String()
    starts_at = LocalTime(allow_none=True)
    ends_at = LocalTime(allow_none=True)
    booking_id = fields.UUID(allow_none=True)
    state = fields.String()
    asked_way = fields.String()
    asked_by_me = fields.Boolean()
    created_at = LocalTime()
    team_name = fields.String()
    minutes = fields.Integer(allow_none=True)
    stars = fields.Integer(allow_none=True)
    thanks = fields.String(allow_none=True)


class ExportedHelpEvent(Schema):
    request_id = fields.UUID()
    at = LocalTime()
    state = fields.String()
    because = fields.String()
    by_me = fields.Boolean(allow_none=True, metadata={"description": "null: time or the dispatch did it"})


class ExportedHours(Schema):
    weekday = fields.Integer()
    from_minute = fields.Integer()
    until_minute = fields.Integer()


class ExportedDaysOff(Schema):
    first_day = fields.Date()
    last_day = fields.Date()


class ExportedLeadership(Schema):
    team_name = fields.String()
    since = LocalTime()
    ended_at = LocalTime(allow_none=True)


class ExportedOffer(Schema):
    request_id = fields.UUID()
    round = fields.Integer()
    status = fields.String()
    reasons = fields.Raw()
    offered_at = LocalTime()
    answer_by = LocalTime()
    answered_at = LocalTime(allow_none=True)


class ExportedTask(Schema):
    request_id = fields.UUID()
    team_name = fields.String()
    matter = fields.String()
    started_at = LocalTime()
    ended_at = LocalTime(allow_none=True)
    travel_minutes = fields.Integer()
    minutes = fields.Integer(allow_none=True)
    stars = fields.Integer(allow_none=True)
    thanks = fields.String(allow_none=True)


class ExportedCorrection(Schema):
    request_id = fields.UUID()
    corrected_at = LocalTime()
    minutes_before = fields.Integer()
    minutes_after = fields.Integer()
    reason = fields.String()


class ExportedVolunteer(Schema):
    id = fields.UUID()
    status = fields.String()
    languages = fields.List(fields.String())
    abilities = fields.List(fields.String())
    applied_at = LocalTime()
    suspended_at = LocalTime(allow_none=True)
    team_name = fields.String()
    areas = fields.List(fields.String())
    hours = fields.List(fields.Nested(ExportedHours))
    days_off = fields.List(fields.Nested(ExportedDaysOff))
    leads = fields.List(fields.Nested(ExportedLeadership))
    offers = fields.List(fields.Nested(ExportedOffer))
    tasks = fields.List(fields.Nested(ExportedTask))
    corrections = fields.List(fields.Nested(ExportedCorrection))
