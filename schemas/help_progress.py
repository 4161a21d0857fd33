from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import Schema, ValidationError, fields, validates_schema

from domain.help_vocabulary import ConfirmedWay, HelpState
from schemas.fields import Digits, LocalTime, Position, Text, Whole, Word

if TYPE_CHECKING:
    from typing import Any

DAY_MINUTES = 1440


class StartForm(Schema):
    """The code that the family reads out, or where one is; one of the two."""

    code = Digits(6, load_default=None)
    position = fields.Nested(Position, load_default=None)

    @validates_schema
    def _one_proof(self, data: dict[str, Any], **_options: Any) -> None:
        if (data["code"] is None) == (data["position"] is None):
            raise ValidationError("required" if data["code"] is None else "code_or_position", "code")


class CompletionForm(StartForm):
    """`travel_minutes`: of the way, which do not count."""

    travel_minutes = Whole(0, DAY_MINUTES, load_default=0)


class LeaderCompletionForm(Schema):
    """How a help went that nobody confirmed; `started_at` only where its start was not confirmed."""

    started_at = LocalTime(load_default=None)
    ended_at = LocalTime(required=True)
    travel_minutes = Whole(0, DAY_MINUTES, load_default=0)
    reason = Text(300, required=True)


class ConfirmedHours(Schema):
    """`minutes`: what counts, without the way and no more than a day has; null until the end."""

    request_id = fields.UUID()
    state = Word(HelpState)
    started_at = LocalTime()
    started_way = Word(ConfirmedWay)
    ended_at = LocalTime(allow_none=True)
    ended_way = Word(ConfirmedWay, allow_none=True)
    travel_minutes = fields.Integer()
    minutes = fields.Integer(allow_none=True)
