from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from schemas.fields import LocalTime

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_VALUE = 512


class PublicValue(Schema):
    """The value that was announced, as its source gives it: digits and small letters, nothing between them.

    Were blanks or signs allowed, whoever types it in could choose between ways of writing it, and so between draws.
    It is typed twice, since a mistake in it would stand for ever: nothing is drawn a second time.
    """

    public_value = fields.String(
        required=True,
        validate=validate.Regexp(rf"[0-9a-z]{{1,{LONGEST_VALUE}}}\Z", error="not_a_public_value"),
    )
    public_value_again = fields.String(required=True)

    @validates_schema(skip_on_field_errors=True)
    def _typed_alike(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["public_value"] != data["public_value_again"]:
            raise ValidationError("not_the_same_value", "public_value_again")


class EnrolmentDraw(Schema):
    """How far the draw of a round is. `applicants`: how many children stand in the frozen list."""

    round_id = fields.UUID()
    frozen_sha256 = fields.String()
    frozen_at = LocalTime()
    applicants = fields.Integer()
    value_source = fields.String()
    value_due_at = LocalTime()
    public_value = fields.String(allow_none=True)
    seed = fields.String(allow_none=True)
    published_at = LocalTime(allow_none=True)


class EnrolmentDrawOfStaff(EnrolmentDraw):
    """`seated`: how many children were given a seat, once the result is published."""

    frozen_by = fields.UUID()
    drawn_at = LocalTime(allow_none=True)
    drawn_by = fields.UUID(allow_none=True)
    seated = fields.Integer()


class DrawLine(Schema):
    """What stands behind the line of a child in the frozen list.

    `commitment` is the SHA-256 of `[public_id, salt, groups, ranks]`, written as JSON without blanks; the list has it
    beside the `public_id`. `number` is there once the result is published.
    """

    public_id = fields.String()
    salt = fields.String()
    groups = fields.List(fields.String())
    ranks = fields.List(fields.UUID())
    commitment = fields.String()
    frozen_sha256 = fields.String()
    number = fields.String(allow_none=True)


class FrozenReserve(Schema):
    """Seats for one group first. `then`: the groups to which an unused one falls open; the empty one is everybody."""

    group = fields.String()
    seats = fields.Integer()
    then = fields.List(fields.String())


class FrozenProgramme(Schema):
    """What children are allocated to; the reserves choose in this order, then the open seats."""

    id = fields.UUID()
    seats = fields.Integer()
    reserves = fields.List(fields.Nested(FrozenReserve))


class FrozenList(Schema):
    """The very bytes of which the SHA-256 is published. `applicants`: public id and commitment of each child."""

    format = fields.String()
    round = fields.UUID()
    value_source = fields.String()
    value_due_at = LocalTime()
    programmes = fields.List(fields.Nested(FrozenProgramme))
    applicants = fields.List(fields.List(fields.String()))


class DrawnChild(Schema):
    """A child under its public id. `outcome`: the programme that it got; `seat`: as whose seat, empty for open ones."""

    id = fields.String()
    salt = fields.String()
    groups = fields.List(fields.String())
    ranks = fields.List(fields.UUID())
    number = fields.String()
    outcome = fields.UUID(allow_none=True)
    seat = fields.String(allow_none=True)


class DrawResult(Schema):
    """All that the program of `…/verifier` needs to compute the draw again; in the order of the numbers."""

    frozen = fields.Nested(FrozenList)
    frozen_sha256 = fields.String()
    public_value = fields.String()
    seed = fields.String()
    results = fields.List(fields.Nested(DrawnChild))
