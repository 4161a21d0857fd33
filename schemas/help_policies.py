from __future__ import annotations

from datetime import time

from marshmallow import Schema, fields

from schemas.fields import ClockTime, Cursor, Limit, LocalTime, Whole, at_least, at_most

MOST = 1000
MOST_ROUNDS = 10
ROUND_SIZES = (3, 5, 8)
LONGEST_UNCONFIRMED_HOURS = 167
"""A day before what nobody has confirmed is closed."""


class HelpPolicyQuery(Schema):
    area_id = fields.UUID(data_key="area", load_default=None)
    limit = Limit()
    after = Cursor()


class HelpPolicyCreate(Schema):
    """The next version for one area and all below it, or (without `area_id`) everywhere; it holds at once.

    What is left out has the value that is named as its default.
    `round_sizes`: how many volunteers are asked in the first round, the second, and so on; a round waits for
    `round_minutes`, of which none run between `quiet_from` and `quiet_until`.
    `alarm_hours`: so long before its first possible time, a request that nobody has taken alarms the team's leader.
    `load_days`: tasks of so many days back count as a volunteer's load; `limit_tasks`: how many a volunteer has at a
    time. `limit_persons_day`, `limit_uses_day`, `limit_minutes_day`: for how many persons one volunteer acts on a day,
    how often mandates are used, and how many minutes of work are taken on and counted.
    `before_minutes`, `after_minutes`: how long before and after a booked slot a companion or driver is bound.
    `position_metres`: how near to the provider counts as there.
    `unconfirmed_hours`: so long after its end, a task that was not completed alarms the leader.
    `odd_*`: within `odd_days`, so many persons, persons at one address, or bookings cancelled and retaken alarm the
    leader; so does use between `night_from` and `night_until`.
    """

    area_id = fields.UUID(load_default=None, allow_none=True)
    round_sizes = fields.List(
        Whole(1, 100), validate=[at_least(1), at_most(MOST_ROUNDS)], load_default=lambda: list(ROUND_SIZES)
    )
    round_minutes = Whole(1, 1440, load_default=30)
    quiet_from = ClockTime(load_default=time(21), allow_none=True)
    quiet_until = ClockTime(load_default=time(7), allow_none=True)
    alarm_hours = Whole(0, 336, load_default=24)
    load_days = Whole(1, 366, load_default=28)
    limit_tasks = Whole(1, MOST, load_default=5)
    limit_persons_day = Whole(1, MOST, load_default=5)
    limit_uses_day = Whole(1, MOST, load_default=10)
    limit_minutes_day = Whole(1, 1440, load_default=480)
    before_minutes = Whole(0, 720, load_default=60)
    after_minutes = Whole(0, 720, load_default=60)
    position_metres = Whole(10, 10_000, load_default=300)
    unconfirmed_hours = Whole(1, LONGEST_UNCONFIRMED_HOURS, load_default=24)
    odd_days = Whole(1, 90, load_default=7)
    odd_persons = Whole(2, MOST, load_default=10)
    odd_same_address = Whole(2, MOST, load_default=3)
    odd_retaken = Whole(2, MOST, load_default=3)
    night_from = ClockTime(load_default=time(22))
    night_until = ClockTime(load_default=time(6))


class HelpPolicy(HelpPolicyCreate):
    id = fields.UUID()
    version = fields.Integer()
    created_at = LocalTime()
