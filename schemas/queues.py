from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import TicketStatus
from schemas.fields import Day, LocalTime, Text, Word

RESOURCE_LENGTH = 40


class NextCall(Schema):
    """Which doctor's or counter's queue, and which room or counter the next one is to come to."""

    resource = Text(RESOURCE_LENGTH, shortest=0, load_default="")
    counter = Text(RESOURCE_LENGTH, shortest=0, load_default="")


class RepeatedCall(Schema):
    counter = Text(RESOURCE_LENGTH, load_default=None, allow_none=True)


class Ticket(Schema):
    booking_id = fields.UUID(required=True)
    service_id = fields.UUID(required=True)
    resource = fields.String(required=True)
    number = fields.Integer(required=True)
    status = Word(TicketStatus, required=True)
    late = fields.Boolean(required=True)
    calls = fields.Integer(required=True)
    counter = fields.String(required=True)
    person_name = fields.String(required=True)
    starts_at = LocalTime(required=True)
    checked_in_at = LocalTime(required=True)
    called_at = LocalTime(required=True, allow_none=True)
    done_at = LocalTime(required=True, allow_none=True)


class ClinicDayQuery(Schema):
    resource = Text(RESOURCE_LENGTH, shortest=0, load_default="")
    day = Day(load_default=None)


class ClinicDay(Schema):
    """A clinic as the desk sees it: `tickets` with those called first, then those waiting, in their order."""

    service_id = fields.UUID(required=True)
    resource = fields.String(required=True)
    day = fields.Date(required=True)
    expected = fields.Integer(required=True)
    tickets = fields.List(fields.Nested(Ticket), required=True)


class ClinicsQuery(Schema):
    provider = fields.UUID(required=True)


class Clinic(Schema):
    service_id = fields.UUID(required=True)
    service_name = fields.String(required=True)
    department = fields.String(required=True)
    resource = fields.String(required=True)
    waiting = fields.Integer(required=True)
    called = fields.Integer(required=True)
    skipped = fields.Integer(required=True)
    done = fields.Integer(required=True)


class Clinics(Schema):
    items = fields.List(fields.Nested(Clinic), required=True)
    next = fields.String(required=True, allow_none=True)
