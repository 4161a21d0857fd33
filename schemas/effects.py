from __future__ import annotations

from marshmallow import Schema, fields, validate

from domain.vocabulary import LONGEST_ANSWER_HOURS, BookingStatus, Channel, Otherwise, Treatment
from schemas.fields import LocalTime, Text, Whole, Word

HEX_DIGEST = r"[0-9a-f]{64}\Z"


class Decided(Schema):
    """What is done with standing bookings, as the preview with this digest showed them.

    `otherwise`: what becomes of those without an equal place. `answer_hours`: how long an offer stands, at the
    longest until the offered slot begins. `reason` is shown to residents.
    """

    digest = fields.String(required=True, validate=validate.Regexp(HEX_DIGEST, error="not_a_digest"))
    treatment = Word(Treatment, required=True)
    otherwise = Word(Otherwise, load_default=Otherwise.PHONE)
    answer_hours = Whole(1, LONGEST_ANSWER_HOURS, load_default=24)
    reason = Text(100, required=True)


class EffectCounts(Schema):
    """`present`: who is checked in already, and is left to the desk."""

    slots = fields.Integer()
    bookings = fields.Integer()
    with_place = fields.Integer()
    without_place = fields.Integer()
    present = fields.Integer()


class EqualPlace(Schema):
    """The nearest equal place; a slot that the change itself would make has no id yet."""

    slot_id = fields.UUID(allow_none=True)
    starts_at = LocalTime()
    ends_at = LocalTime()
    resource = fields.String()


class MetBooking(Schema):
    id = fields.UUID()
    status = Word(BookingStatus)
    person_id = fields.UUID()
    person_name = fields.String(metadata={"description": "masked"})
    slot_id = fields.UUID()
    channel = Word(Channel)
    number = fields.Integer()
    starts_at = LocalTime()
    ends_at = LocalTime()
    resource = fields.String()
    service_id = fields.UUID()
    service_name = fields.String()
    department = fields.String()
    place = fields.Nested(EqualPlace, allow_none=True)


class Effect(Schema):
    """What a change would do to standing bookings; `digest` stands for all of it."""

    digest = fields.String()
    counts = fields.Nested(EffectCounts)
    bookings = fields.List(fields.Nested(MetBooking))
