from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from domain.vocabulary import BookingStatus, Channel, CorrectedStatus
from schemas.fields import Cursor, Day, Digits, Limit, LocalTime, Opaque, Text, Word
from schemas.people import MOST_TYPED

MOST_PASS = 400
"""Letters of a pass, with white space that a scanner may add."""


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


class RebookingOffer(Schema):
    """A place that is kept for a booking whose slot was closed, until `expires_at`."""

    slot_id = fields.UUID(required=True)
    starts_at = LocalTime(required=True)
    ends_at = LocalTime(required=True)
    resource = fields.String(required=True)
    expires_at = LocalTime(required=True)


class BookingShown(Booking):
    offer = fields.Nested(RebookingOffer, required=True, allow_none=True)


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


class BookingCorrect(Schema):
    status = Word(CorrectedStatus, required=True)
    reason = Text(200, required=True)


class CheckIn(Schema):
    """By exactly one of `code`, `id_number` and `pass`; of a pass that was scanned without a network, when."""

    provider_id = fields.UUID(required=True)
    code = Digits(6)
    id_number = Text(MOST_TYPED)
    text = Opaque(MOST_PASS, data_key="pass")
    scanned_at = LocalTime()

    @validates_schema
    def one_way(self, data: dict[str, Any], **_options: Any) -> None:
        if len({"code", "id_number", "text"} & set(data)) != 1:
            raise ValidationError("one_way_only")
        if "scanned_at" in data and "text" not in data:
            raise ValidationError("with_pass_only", "scanned_at")
