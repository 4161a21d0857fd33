from __future__ import annotations

from marshmallow import Schema, fields

from domain.nursery_vocabulary import ClassKind, ClassState
from schemas.fields import Cursor, Day, Limit, LocalTime, Text, Whole, Word

MOST_MONTHS = 84
MOST_SEATS = 200


class NurseryQuery(Schema):
    area_id = fields.UUID(data_key="area", load_default=None)
    search = Text(60, shortest=0, data_key="q", load_default=None)
    limit = Limit()
    after = Cursor()


class NurseryClass(Schema):
    """Children of `from_months` full months and more, but fewer than `until_months`."""

    id = fields.UUID()
    name = fields.String()
    kind = Word(ClassKind)
    from_months = fields.Integer()
    until_months = fields.Integer()
    seats = fields.Integer()
    carers = fields.Integer()


class Nursery(Schema):
    id = fields.UUID()
    area_id = fields.UUID()
    area_name = fields.String()
    name = fields.String()
    address = fields.String()
    phone = fields.String()
    summary = fields.String()
    classes = fields.List(fields.Nested(NurseryClass))


class ClassQuery(Schema):
    state = Word(ClassState, load_default=None)
    limit = Limit()
    after = Cursor()


class ClassCreate(Schema):
    """`override_reason`: why the class is other than the norm; without it such a class is refused."""

    name = Text(40, required=True)
    kind = Word(ClassKind, required=True)
    from_months = Whole(0, 72, required=True)
    until_months = Whole(1, MOST_MONTHS, required=True)
    seats = Whole(1, MOST_SEATS, required=True)
    carers = Whole(1, 100, required=True)
    override_reason = Text(500, shortest=0, lines=True, load_default="")


class ClassChange(ClassCreate):
    version = Whole(1, 2**31 - 1, required=True)
    state = Word(ClassState, required=True)


class Departure(Schema):
    """Where a class is other than the norm: what it has, and the limit."""

    what = fields.String()
    has = fields.Integer()
    limit = fields.Integer()


class StaffClass(NurseryClass):
    provider_id = fields.UUID()
    override_reason = fields.String()
    state = Word(ClassState)
    departures = fields.List(fields.Nested(Departure))
    version = fields.Integer()


class NormQuery(Schema):
    kind = Word(ClassKind, load_default=None)
    limit = Limit()
    after = Cursor()


class NormCreate(Schema):
    """The next version of what a class of a kind may be, for the whole deployment.

    `children_per_carer`: at most so many children for each carer; null: the norm says nothing.
    `recheck_days`: a child that was away for longer needs a new health check.
    """

    kind = Word(ClassKind, required=True)
    effective_from = Day(required=True)
    from_months = Whole(0, 72, required=True)
    until_months = Whole(1, MOST_MONTHS, required=True)
    most_seats = Whole(1, MOST_SEATS, required=True)
    children_per_carer = Whole(1, MOST_SEATS, required=True, allow_none=True)
    recheck_days = Whole(1, 366, required=True)
    source = Text(300, required=True)


class Norm(NormCreate):
    id = fields.UUID()
    created_at = LocalTime()
