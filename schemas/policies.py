from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import LateRule
from schemas.fields import ClockTime, Cursor, Day, Limit, LocalTime, Whole, Word, at_most

MOST_BOOKINGS = 1000
MOST_SUSPENSIONS = 10
SUSPENSION_DAYS = (30, 60, 90)


class PolicyQuery(Schema):
    provider_id = fields.UUID(data_key="provider", load_default=None)
    service_id = fields.UUID(data_key="service", load_default=None)
    limit = Limit()
    after = Cursor()


class Rules(Schema):
    """When numbers are released, when ordering stops and until when one may cancel, the limits, and what follows.

    A time of day counts so many days before the slot's; without one it is the slot's own start.
    What may be left out has the value that is named as its default.
    `limit_account_day`: how many bookings for one day an account makes for others in its care.
    `return_minutes_min` and `_max`: a returned place goes to everybody after a random time between them.
    `fallback_days` and `_time`: from when free assisted and counter places are public; without them never.
    `offer_quiet_from` and `_until`: the hours in which no time runs of an offered place, which is kept for
    `offer_minutes`; `offers_missed` that ran out or were declined end the waiting.
    `suspension_days`: for how long whoever missed `no_show_count` numbers within `no_show_window_days` books none at
    the provider, the first time, the second, and so on; empty: never. One is missed `no_show_minutes` after its end.
    `late_rule`: who comes more than `late_minutes` late waits behind the others (`requeue`) or is refused.
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
    limit_account_day = Whole(1, MOST_BOOKINGS, load_default=6)
    limit_waitlist = Whole(1, 100, load_default=3)
    return_minutes_min = Whole(0, 1440, load_default=0)
    return_minutes_max = Whole(0, 1440, load_default=0)
    fallback_days = Whole(0, 30, load_default=None, allow_none=True)
    fallback_time = ClockTime(load_default=None, allow_none=True)
    offer_minutes = Whole(1, 1440, load_default=30)
    offers_missed = Whole(1, 100, load_default=2)
    offer_quiet_from = ClockTime(load_default=None, allow_none=True)
    offer_quiet_until = ClockTime(load_default=None, allow_none=True)
    no_show_minutes = Whole(0, 10080, load_default=120)
    no_show_count = Whole(1, MOST_BOOKINGS, load_default=3)
    no_show_window_days = Whole(1, 366, load_default=90)
    suspension_days = fields.List(
        Whole(1, 366), validate=at_most(MOST_SUSPENSIONS), load_default=lambda: list(SUSPENSION_DAYS)
    )
    late_minutes = Whole(0, 1440, load_default=15)
    late_rule = Word(LateRule, load_default=str(LateRule.REQUEUE))
    pass_hours = Whole(1, 168, load_default=24)


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
