"""Fields that more than one shape is made of.

A message of an input error is a code of `server/messages/` with its values behind it (`too_long 50`); it
becomes a sentence in the client's language on its way out.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from datetime import UTC, date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate

from domain.vocabulary import LOCAL_ZONE, clock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from enum import StrEnum

ID_BYTES = 16
MINUTES_A_DAY = 24 * 60
CLOCK = re.compile(r"[0-9]{2}:[0-5][0-9]")
FIRST_YEAR, LAST_YEAR = 2000, 2199
"""Of days that anybody books: beyond them, arithmetic on days meets the end of the calendar."""

MONTH = re.compile(r"2[01][0-9]{2}-(0[1-9]|1[0-2])", re.ASCII)

MESSAGES: Mapping[type[fields.Field[Any]], dict[str, Any]] = {
    fields.Field: {"required": "required", "null": "not_null", "validator_failed": "not_valid"},
    fields.String: {"invalid": "not_text", "invalid_utf8": "not_text"},
    fields.UUID: {"invalid_uuid": "not_an_id"},
    fields.Number: {"invalid": "not_a_number", "too_large": "not_a_number"},
    fields.Integer: {"invalid": "not_whole_number"},
    fields.Float: {"special": "not_a_number"},
    fields.Boolean: {"invalid": "not_true_or_false"},
    fields.Date: {"invalid": "not_a_date", "invalid_awareness": "not_a_date", "format": "not_a_date"},
    fields.AwareDateTime: {
        "invalid": "not_a_time",
        "invalid_awareness": "time_without_offset",
        "format": "not_a_time",
    },
    fields.Time: {
        "invalid": "not_a_clock_time",
        "invalid_awareness": "not_a_clock_time",
        "format": "not_a_clock_time",
    },
    fields.List: {"invalid": "not_a_list"},
    fields.Mapping: {"invalid": "not_an_object"},
    fields.Nested: {"type": "not_an_object"},
}
for _field, _codes in MESSAGES.items():
    _field.default_error_messages = _codes
Schema._default_error_messages.update({"type": "not_an_object", "unknown": "unknown_field"})  # noqa: SLF001  # what marshmallow documents reaches one schema at a time


def at_least(least: int) -> validate.Length:
    return validate.Length(min=least, error="too_few {min}")


def at_most(most: int) -> validate.Length:
    return validate.Length(max=most, error="too_many {max}")


def between(least: int, most: int) -> validate.Range:
    return validate.Range(least, most, error="not_between {min} {max}")


class Text(fields.String):
    """Words by a person: white space around them is dropped, then the length is checked.

    Control characters are refused; line breaks stand only where `lines` allows them.
    """

    def __init__(self, longest: int, *, shortest: int = 1, lines: bool = False, **options: Any) -> None:
        self.lines = lines
        length = [
            validate.Length(min=shortest, error="too_short {min}"),
            validate.Length(max=longest, error="too_long {max}"),
        ]
        super().__init__(validate=length, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options).replace("\r\n", "\n").strip()
        if not text.isprintable() and any(
            unicodedata.category(char) == "Cc" and not (self.lines and char == "\n") for char in text
        ):
            raise ValidationError("control_character")
        return text


class Opaque(fields.String):
    """Text that means nothing to a person, or that must stay as it was typed: a token, a password."""

    def __init__(self, longest: int, **options: Any) -> None:
        length = [validate.Length(min=1, error="required"), validate.Length(max=longest, error="too_long {max}")]
        super().__init__(validate=length, **options)


class Digits(fields.String):
    """So many digits, of which the first may be 0."""

    def __init__(self, many: int, **options: Any) -> None:
        super().__init__(validate=validate.Regexp(rf"[0-9]{{{many}}}\Z", error=f"not_digits {many}"), **options)


class Word(fields.String):
    """One word of a vocabulary, text on both sides: marshmallow's own Enum cannot write what a row holds."""

    def __init__(self, words: type[StrEnum], **options: Any) -> None:
        super().__init__(validate=validate.OneOf([str(word) for word in words], error="not_a_choice"), **options)


class Whole(fields.Integer):
    """A whole number in a body, where neither text nor a fraction is one."""

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(strict=True, validate=between(least, most), **options)


class Day(fields.Date):
    """A day on which something may be booked."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> date:
        day = super()._deserialize(value, attr, data, **options)
        if str(day) != value or not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise self.make_error("invalid")
        return day


class Month(fields.Field[date]):
    """A month, as its first day."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_options: Any) -> date:
        del attr, data
        if not MONTH.fullmatch(str(value)):
            raise self.make_error("invalid")
        return date.fromisoformat(f"{value}-01")

    default_error_messages = {"invalid": "not_a_month"}  # noqa: RUF012  # marshmallow's own way


class ClockTime(fields.Time):
    """A time of day, to the minute."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="%H:%M", **options)


class DayMinute(fields.Field[int]):
    """A minute of a local day, as clocks say it; 24:00 is the day's end."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> int:
        del attr, data, options
        if not isinstance(value, str) or not CLOCK.fullmatch(value):
            raise ValidationError("not_a_clock_time")
        hour, minute = value.split(":")
        found = int(hour) * 60 + int(minute)
        if found > MINUTES_A_DAY:
            raise ValidationError("beyond_the_day")
        return found

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str | None:
        del attr, obj, options
        return None if value is None else clock(value)


class LocalTime(fields.AwareDateTime):
    """A moment: read with whatever offset it has, shown as it is in Alxa."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> datetime:
        try:
            return super()._deserialize(value, attr, data, **options).astimezone(UTC)
        except OverflowError:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from None

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **options: Any) -> Any:
        return super()._serialize(value and value.astimezone(LOCAL_ZONE), attr, obj, **options)


class Limit(fields.Integer):
    """How many items a page holds."""

    def __init__(self) -> None:
        super().__init__(load_default=20, validate=between(1, 100))


class Cursor(fields.Field[UUID]):
    """Where the next page begins: an id, opaque on the wire."""

    def __init__(self) -> None:
        super().__init__(load_default=None)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_options: Any) -> UUID:
        del attr, data
        try:
            raw = base64.urlsafe_b64decode(str(value) + "==")
        except (binascii.Error, ValueError):
            raise self.make_error("invalid") from None
        if len(raw) != ID_BYTES:
            raise self.make_error("invalid")
        return UUID(bytes=raw)

    default_error_messages = {"invalid": "cursor_not_ours"}  # noqa: RUF012  # marshmallow's own way


class Degrees(fields.Float):
    """Degrees of latitude or longitude, as a number."""

    def __init__(self, most: int) -> None:
        super().__init__(required=True, validate=between(-most, most))

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> float:
        if type(value) not in {int, float}:
            raise self.make_error("invalid", input=value)
        return float(super()._deserialize(value, attr, data, **options))


class Position(Schema):
    """WGS 84, as `wx.getLocation` gives it where it is asked for no other."""

    latitude = Degrees(90)
    longitude = Degrees(180)


def cursor_at(row: Mapping[str, Any]) -> str:
    """Return the cursor behind a row that a list is ordered by the `id` of."""
    return base64.urlsafe_b64encode(row["id"].bytes).decode().rstrip("=")
