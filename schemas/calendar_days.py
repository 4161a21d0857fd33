from __future__ import annotations

from marshmallow import Schema, fields, validate

from domain.vocabulary import DayKind, DaySource
from schemas.fields import Day, LocalTime, Text, Word
from schemas.schedules import SlotCounts


class CalendarDaySet(Schema):
    """A day off, or a make-up workday that may follow another weekday's sessions (Monday is 1)."""

    kind = Word(DayKind, required=True)
    follows_weekday = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(range(1, 8), error="not_a_weekday"),
    )
    name = Text(40, required=True)


class CalendarDay(Schema):
    """A day that is not what its weekday says, and who says so; `kind` null: an ordinary day."""

    day = Day()
    kind = Word(DayKind, allow_none=True)
    follows_weekday = fields.Integer(allow_none=True)
    name = fields.String()
    source = Word(DaySource, allow_none=True)
    set_by = fields.UUID(allow_none=True)
    set_at = LocalTime(allow_none=True)


class CalendarDayChanged(CalendarDay):
    slots = fields.Nested(SlotCounts)


class CalendarYear(Schema):
    """A year's days as they will be used. Not confirmed: nobody has compared them with the official notice."""

    year = fields.Integer()
    confirmed_at = LocalTime(allow_none=True)
    confirmed_by = fields.UUID(allow_none=True)
    days = fields.List(fields.Nested(CalendarDay))
