from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from domain.vocabulary import (
    MAX_CAPACITY,
    MAX_SESSIONS,
    ExceptionKind,
    OnHolidays,
    ScheduleState,
    SlotEffect,
)
from schemas.fields import ClockTime, Cursor, Day, Limit, LocalTime, Text, Whole, Word, at_least, at_most

if TYPE_CHECKING:
    from collections.abc import Mapping

MINUTES_A_DAY = 1440


class ScheduleQuery(Schema):
    service_id = fields.UUID(data_key="service", required=True)
    state = Word(ScheduleState, load_default=None)
    limit = Limit()
    after = Cursor()


class DaySession(Schema):
    """A stretch of a day in local time, cut into slots; assisted and counter places are kept from `capacity`."""

    starts = ClockTime(required=True)
    ends = ClockTime(required=True)
    slot_minutes = Whole(1, MINUTES_A_DAY, required=True)
    capacity = Whole(1, MAX_CAPACITY, required=True)
    assisted = Whole(0, MAX_CAPACITY, load_default=0)
    counter = Whole(0, MAX_CAPACITY, load_default=0)


class WeeklySession(DaySession):
    weekday = fields.Integer(strict=True, required=True, validate=validate.OneOf(range(1, 8), error="not_a_weekday"))


class ScheduleTemplate(Schema):
    """A weekly template: which sessions on which weekday (Monday is 1), from when on, and until when if at all."""

    valid_from = Day(required=True)
    valid_to = Day(load_default=None, allow_none=True)
    on_holidays = Word(OnHolidays, load_default=OnHolidays.CLOSED.value)
    sessions = fields.List(fields.Nested(WeeklySession), required=True, validate=[at_least(1), at_most(MAX_SESSIONS)])


class ScheduleCreate(ScheduleTemplate):
    service_id = fields.UUID(required=True)
    resource = Text(40, shortest=0, load_default="")


class ScheduleChange(ScheduleTemplate):
    version = Whole(1, 2**31 - 1, required=True)


class ScheduleEnd(Schema):
    """The last day on which it holds; without one it holds no longer."""

    version = Whole(1, 2**31 - 1, required=True)
    last_day = Day(load_default=None, allow_none=True)


class ExceptionCreate(Schema):
    """Days that are closed, have other sessions, or extra ones; `reason` is shown to residents of closed slots."""

    kind = Word(ExceptionKind, required=True)
    first_day = Day(data_key="from", required=True)
    last_day = Day(data_key="to", required=True)
    reason = Text(100, required=True)
    sessions = fields.List(fields.Nested(DaySession), load_default=list, validate=at_most(MAX_SESSIONS))


class ShownTime(fields.String):
    """A time of day out of a row's JSON, to the minute."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str | None:
        del attr, obj, options
        return str(value)[:5]


class ShownSession(Schema):
    starts = ShownTime()
    ends = ShownTime()
    slot_minutes = fields.Integer()
    capacity = fields.Integer()
    assisted = fields.Integer()
    counter = fields.Integer()


class ShownWeeklySession(ShownSession):
    weekday = fields.Integer()


class SlotCounts(Schema):
    """How many slots were made, opened again, changed and withdrawn; and planned but left out, as others are there."""

    made = fields.Integer()
    reopened = fields.Integer()
    changed = fields.Integer()
    withdrawn = fields.Integer()
    left_out = fields.Integer()


class ScheduleException(Schema):
    id = fields.UUID()
    kind = Word(ExceptionKind)
    first_day = fields.String(data_key="from")
    last_day = fields.String(data_key="to")
    reason = fields.String()
    sessions = fields.List(fields.Nested(ShownSession))


class ExceptionAdded(ScheduleException):
    """`slots` is null in the answer to a repeat."""

    slots = fields.Nested(SlotCounts, allow_none=True)


class Schedule(Schema):
    """A schedule with its live exceptions. `generated_to`: the last day whose slots were made."""

    id = fields.UUID()
    service_id = fields.UUID()
    resource = fields.String()
    valid_from = Day()
    valid_to = Day(allow_none=True)
    on_holidays = Word(OnHolidays)
    state = Word(ScheduleState)
    version = fields.Integer()
    generated_to = Day(allow_none=True)
    created_at = LocalTime()
    sessions = fields.List(fields.Nested(ShownWeeklySession))
    exceptions = fields.List(fields.Nested(ScheduleException))


class ScheduleChanged(Schedule):
    slots = fields.Nested(SlotCounts)


class DifferenceQuery(Schema):
    first = Day(data_key="from", required=True)
    last = Day(data_key="to", required=True)


class SlotDifference(Schema):
    """A slot that is not as planned: what is to happen to it, or the slot that is in its way."""

    effect = Word(SlotEffect)
    starts_at = LocalTime()
    ends_at = LocalTime()
    slot_id = fields.UUID(allow_none=True)
    bookings = fields.Integer()


class Differences(Schema):
    """The first of them, and whether there are more."""

    items = fields.List(fields.Nested(SlotDifference))
    more = fields.Boolean()


def shown(differences: list[Any]) -> list[Mapping[str, Any]]:
    """Say of each difference which slot it is about."""
    return [
        {
            "effect": each.effect,
            "starts_at": (each.planned or each.standing).starts_at,
            "ends_at": (each.planned or each.standing).ends_at,
            "slot_id": each.standing and each.standing.id,
            "bookings": each.standing.bookings if each.standing else 0,
        }
        for each in differences
    ]
