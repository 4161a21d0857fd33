from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import BookingStatus, Channel
from schemas.fields import Cursor, Day, Digits, Limit, LocalTime, Text, Word


class BookingCreate(Schema):
    slot_id = fields.UUID(required=True)
    person_id = fields.UUID(required=True)
    mandate_id = fields.UUID(load_default=None, allow_none=True)
    answers = fields.Dict(keys=fields.String(), load_default=dict)


class CounterBookingCreate(Schema):
    """`despite_suspension`: why somebody who is suspended is booked for all the same."""

    slot_id = fields.UUID(required=True)
    person_id = fields.UUID(required=True)
    answers = fields.Dict(keys=fields.String(), load_default=dict)
    despite_suspension = Text(200, shortest=0, load_default="")


class BookingCancel(Schema):
    reason = Text(200, shortest=0, load_default="")


class BookingMove(Schema):
    """`answers`: those of the booking that is moved, unless given."""

    slot_id = fields.UUID(required=True)
    answers = fields.Dict(keys=fields.String(), load_default=None, allow_none=True)


class LateAdmission(Schema):
    reason = Text(200, required=True)


class Booking(Schema):
    id = fields.UUID(required=True)
    status = Word(BookingStatus, required=True)
    number = fields.Integer(required=True)
    code = fields.String(required=True)
    channel = Word(Channel, required=True)
    slot_id = fields.UUID(required=True)
    starts_at = LocalTime(required=True)
    ends_at = LocalTime(required=True)
    cancel_until = LocalTime(required=True)
    resource = fields.String(required=True)
    service_id = fields.UUID(required=True)
    service_name = fields.String(required=True)
    department = fields.String(required=True)
    provider_id = fields.UUID(required=True)
    provider_name = fields.String(required=True)
    person_id = fields.UUID(required=True)
    person_name = fields.String(required=True)
    mandate_id = fields.UUID(required=True, allow_none=True)
    moved_from = fields.UUID(required=True, allow_none=True)
    booked_by = fields.UUID(required=True)
    answers = fields.Dict(required=True)
    reason = fields.String(required=True)
    queue_number = fields.Integer(required=True, allow_none=True)
    created_at = LocalTime(required=True)
    changed_at = LocalTime(required=True)


class BookingQuery(Schema):
    status = Word(BookingStatus, load_default=None)
    person = fields.UUID(load_default=None)
    limit = Limit()
    after = Cursor()


class DaySearch(Schema):
    """In a body, not a query: a code shows who comes, and addresses are logged on the way."""

    provider_id = fields.UUID(required=True)
    day = Day(required=True)
    service_id = fields.UUID(load_default=None)
    person_id = fields.UUID(load_default=None)
    code = Digits(6, load_default=None)
    status = Word(BookingStatus, load_default=None)
    limit = Limit()
    after = Cursor()


class CodeCheckIn(Schema):
    provider_id = fields.UUID(required=True)
    code = Digits(6, required=True)
