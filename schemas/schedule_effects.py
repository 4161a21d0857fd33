from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from schemas.effects import Decided, Effect
from schemas.schedules import ExceptionCreate, Schedule, ScheduleChange, ScheduleEnd, SlotCounts

if TYPE_CHECKING:
    from collections.abc import Mapping

WAYS = ("change", "end", "exception", "withdraw")


class ScheduleWish(Schema):
    """What is wanted of a schedule: exactly one of these. `withdraw`: an exception's id."""

    change = fields.Nested(ScheduleChange, load_default=None)
    end = fields.Nested(ScheduleEnd, load_default=None)
    exception = fields.Nested(ExceptionCreate, load_default=None)
    withdraw = fields.UUID(load_default=None)

    @validates_schema
    def _one_way(self, data: Mapping[str, Any], **_options: Any) -> None:
        given = [way for way in WAYS if data.get(way) is not None]
        if len(given) != 1:
            raise ValidationError("one_change_only", given[-1] if given else WAYS[0])


class ScheduleDecided(ScheduleWish, Decided):
    """What is wanted of a schedule, and what is done with the bookings that it meets."""


class ScheduleEffect(Effect):
    """What a change would do to the slots that are made already, and to standing bookings."""

    slots = fields.Nested(SlotCounts)


class Treated(Schema):
    offered = fields.Integer()
    moved = fields.Integer()
    cancelled = fields.Integer()
    left_to_phone = fields.Integer()


class ScheduleApplied(Schedule):
    """The schedule as it is then; `slots` and `bookings` are null in the answer to a repeat."""

    slots = fields.Nested(SlotCounts, allow_none=True)
    bookings = fields.Nested(Treated, allow_none=True)
