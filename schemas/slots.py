from __future__ import annotations

from marshmallow import Schema, fields, validate

from domain.vocabulary import MAX_CAPACITY, SlotState
from schemas.fields import ClockTime, Cursor, Day, Limit, LocalTime, Text, Whole, Word, at_most

WEEKDAYS = range(1, 8)
MOST_TIMES = 200


class SlotQuery(Schema):
    service_id = fields.UUID(data_key="service", required=True)
    first = Day(data_key="from", required=True)
    last = Day(data_key="to", required=True)
    limit = Limit()
    after = Cursor()


class Capacity(Schema):
    """How many places of a slot are kept for each channel."""

    public = Whole(0, MAX_CAPACITY)
    assisted = Whole(0, MAX_CAPACITY)
    counter = Whole(0, MAX_CAPACITY)


class FullCapacity(Schema):
    public = Whole(0, MAX_CAPACITY, required=True)
    assisted = Whole(0, MAX_CAPACITY, load_default=0)
    counter = Whole(0, MAX_CAPACITY, load_default=0)


class SlotCreate(Schema):
    service_id = fields.UUID(required=True)
    starts_at = LocalTime(required=True)
    ends_at = LocalTime(required=True)
    resource = Text(40, shortest=0, load_default="")
    capacity = fields.Nested(FullCapacity, required=True)


class SlotChange(Schema):
    version = Whole(1, 2**31 - 1, required=True)
    capacity = fields.Nested(Capacity, load_default=dict)
    starts_at = LocalTime(load_default=None)
    ends_at = LocalTime(load_default=None)


class TimeOfDay(Schema):
    start = ClockTime(required=True)
    end = ClockTime(required=True)


class PatternSession(TimeOfDay):
    """A stretch that is cut into slots of so many minutes."""

    minutes = Whole(1, 1439, required=True)


class PatternCreate(Schema):
    """Which slots on which weekdays (Monday is 1) of a range of days; `times`, `sessions` or both."""

    service_id = fields.UUID(required=True)
    first = Day(data_key="from", required=True)
    last = Day(data_key="to", required=True)
    weekdays = fields.List(
        fields.Integer(strict=True, validate=validate.OneOf(WEEKDAYS, error="not_a_weekday")),
        required=True,
        validate=validate.Length(min=1, max=7, error="not_a_weekday"),
    )
    times = fields.List(fields.Nested(TimeOfDay), load_default=list, validate=at_most(MOST_TIMES))
    sessions = fields.List(fields.Nested(PatternSession), load_default=list, validate=at_most(MOST_TIMES))
    resource = Text(40, shortest=0, load_default="")
    capacity = fields.Nested(FullCapacity, required=True)


class Pattern(Schema):
    """How many slots were made, were there already, and would have started before now."""

    made = fields.Integer()
    kept = fields.Integer()
    past = fields.Integer()


class CloseSlot(Schema):
    """`reason` is shown to residents."""

    reason = Text(100, required=True)


class SlotSpan(Schema):
    service_id = fields.UUID(required=True)
    first = Day(data_key="from", required=True)
    last = Day(data_key="to", required=True)


class CloseSpan(SlotSpan):
    """`reason` is shown to residents."""

    reason = Text(100, required=True)


class Pool(Schema):
    capacity = fields.Integer()
    taken = fields.Integer()


class Pools(Schema):
    public = fields.Nested(Pool)
    assisted = fields.Nested(Pool)
    counter = fields.Nested(Pool)


class StaffSlot(Schema):
    id = fields.UUID()
    service_id = fields.UUID()
    policy_id = fields.UUID()
    starts_at = LocalTime()
    ends_at = LocalTime()
    release_at = LocalTime()
    order_until = LocalTime()
    cancel_until = LocalTime()
    resource = fields.String()
    state = Word(SlotState)
    closed_reason = fields.String(allow_none=True)
    pools = fields.Nested(Pools)
    version = fields.Integer()


class SlotClosed(Schema):
    """The closed slot, and the bookings that stand on it: their number, and the ids of the first thousand."""

    slot = fields.Nested(StaffSlot)
    standing_bookings = fields.Integer()
    booking_ids = fields.List(fields.UUID())


class SpanReopened(Schema):
    """How many slots were opened again, and how many were open already or are over."""

    changed = fields.Integer()
    unchanged = fields.Integer()


class SpanClosed(Schema):
    """How many slots were closed, how many were closed already or are over, and the bookings that stand."""

    changed = fields.Integer()
    unchanged = fields.Integer()
    standing_bookings = fields.Integer()
    booking_ids = fields.List(fields.UUID())
