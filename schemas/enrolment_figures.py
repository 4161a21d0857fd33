from __future__ import annotations

from marshmallow import Schema, fields

from domain.nursery_vocabulary import ClassKind, RoundState
from schemas.fields import Day, LocalTime, Word


class RoundOfFigures(Schema):
    id = fields.UUID()
    name = fields.String()
    area_id = fields.UUID()
    area_name = fields.String()
    state = Word(RoundState)
    reference_date = Day()
    starts_on = Day()


class ApplicationStates(Schema):
    submitted = fields.Integer()
    in_review = fields.Integer()
    returned = fields.Integer()
    accepted = fields.Integer()
    refused = fields.Integer()
    withdrawn = fields.Integer()


class ApplicationCounts(Schema):
    """Of applications that were handed in, withdrawn ones too; drafts are nobody's business."""

    handed_in = fields.Integer()
    late = fields.Integer()
    states = fields.Nested(ApplicationStates)


class AreaFigures(Schema):
    """By the area of the nursery that is wished for first: where a family lives is not asked."""

    id = fields.UUID()
    name = fields.String()
    applications = fields.Integer()
    accepted = fields.Integer()
    seated = fields.Integer()


class AgeFigures(Schema):
    """Full months on the day that counts; both null: the child's data are erased; the second null: and older."""

    from_months = fields.Integer(allow_none=True)
    until_months = fields.Integer(allow_none=True)
    applications = fields.Integer()
    accepted = fields.Integer()
    seated = fields.Integer()


class GroupFigures(Schema):
    """`seated`: of the granted ones, those who have said yes to a seat."""

    id = fields.UUID()
    code = fields.String()
    name = fields.String()
    claimed = fields.Integer()
    granted = fields.Integer()
    denied = fields.Integer()
    seated = fields.Integer()


class RankFigures(Schema):
    """`wishes` for a programme at this rank; `drawn`: seats that the draw gave at it.

    `accepted`: a yes to an offer, also where the seat was given up or exchanged later.
    """

    rank = fields.Integer()
    wishes = fields.Integer()
    drawn = fields.Integer()
    offered = fields.Integer()
    open = fields.Integer()
    accepted = fields.Integer()
    declined = fields.Integer()
    lapsed = fields.Integer()
    withdrawn = fields.Integer()


class ProgrammeFigures(Schema):
    """`empty`: seats that are neither `taken` nor `offered` to anybody now.

    `planned`, `confirmed`: places from this round. `children`: in the class today.
    """

    id = fields.UUID()
    class_id = fields.UUID()
    class_name = fields.String()
    kind = Word(ClassKind)
    provider_id = fields.UUID()
    nursery_name = fields.String()
    from_months = fields.Integer()
    until_months = fields.Integer()
    seats = fields.Integer()
    wishes = fields.Integer()
    first_wishes = fields.Integer()
    drawn = fields.Integer()
    offered = fields.Integer()
    taken = fields.Integer()
    empty = fields.Integer()
    planned = fields.Integer()
    confirmed = fields.Integer()
    children = fields.Integer()


class SeatCounts(Schema):
    seats = fields.Integer()
    offered = fields.Integer()
    taken = fields.Integer()
    empty = fields.Integer()


class EnrolmentFigures(Schema):
    round = fields.Nested(RoundOfFigures)
    counted_at = LocalTime()
    applications = fields.Nested(ApplicationCounts)
    areas = fields.List(fields.Nested(AreaFigures))
    ages = fields.List(fields.Nested(AgeFigures))
    groups = fields.List(fields.Nested(GroupFigures))
    ranks = fields.List(fields.Nested(RankFigures))
    programmes = fields.List(fields.Nested(ProgrammeFigures))
    seats = fields.Nested(SeatCounts)
