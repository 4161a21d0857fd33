from __future__ import annotations

from marshmallow import Schema, fields

from schemas.fields import ClockTime, Cursor, Day, Limit, LocalTime, Whole

MOST_BOOKINGS = 1000


class PolicyQuery(Schema):
    provider_id = fields.UUID(data_key="provider", load_default=None)
    service_id = fields.UUID(data_key="service", load_default=None)
    limit = Limit()
    after = Cursor()


class Rules(Schema):
    """When numbers are released, when ordering stops and until when one may cancel, and the limits.

    A time of day counts so many days before the slot's; without one it is the slot's own start.
    """

    window_days = Whole(0, 365, required=True)
    release_time = ClockTime(required=True)
    order_stop_days = Whole(0, 30, required=True)
    order_stop_time = ClockTime(required=True, allow_none=True)
    cancel_days = Whole(0, 30, required=True)
    cancel_time = ClockTime(required=True, allow_none=True)
    limit_department_day = Whole(1, MOST_BOOKINGS, required=True)
    limit_day = Whole(1, MOST_BOOKINGS, required=True)
    limit_7_days = Whole(1, MOST_BOOKINGS, required=True)
    limit_90_days = Whole(1, MOST_BOOKINGS, required=True)


class PolicyCreate(Rules):
    """The next version for one service, one provider, or (neither) everywhere."""

    provider_id = fields.UUID(load_default=None, allow_none=True)
    service_id = fields.UUID(load_default=None, allow_none=True)
    effective_from = Day(required=True)
    limit_volunteer_day = Whole(1, MOST_BOOKINGS, required=True)


class Policy(PolicyCreate):
    id = fields.UUID()
    version = fields.Integer()
    slots_touched = fields.Integer()
    created_at = LocalTime()
