from __future__ import annotations

from marshmallow import Schema, fields

from domain.nursery_vocabulary import Paper, PlaceStatus
from schemas.fields import Cursor, Day, Limit, LocalTime, Month, Text, Word

MOST_WORDS = 200


class Papers(Schema):
    """Which papers the nursery has of a child: when the agreement was signed, the child checked, the record seen.

    `agreement_file_id`: a scan that the caller has added as `nursery_paper`.
    """

    agreement_on = Day(load_default=None, allow_none=True)
    agreement_file_id = fields.UUID(load_default=None, allow_none=True)
    health_check_on = Day(load_default=None, allow_none=True)
    vaccination_on = Day(load_default=None, allow_none=True)


class PlaceEnter(Papers):
    """A child that comes by no round; with all three papers the place is confirmed at once."""

    person_id = fields.UUID(required=True)
    starts_on = Day(required=True)


class PlaceConfirm(Schema):
    """`class_id`: another class of the same nursery than the planned one."""

    class_id = fields.UUID(load_default=None, allow_none=True)
    starts_on = Day(required=True)


class PlaceTransfer(Schema):
    """`on`: the first day in the other class."""

    class_id = fields.UUID(required=True)
    on = Day(required=True)


class PlaceLeave(Schema):
    """Without `last_day` the child is away until it returns, or as long as it has the place."""

    first_day = Day(required=True)
    last_day = Day(load_default=None, allow_none=True)
    words = Text(MOST_WORDS, shortest=0, load_default="")


class PlaceReturn(Schema):
    """`on`: the first day back. `rechecked_on`: the new health check, where the child was away for long."""

    on = Day(required=True)
    rechecked_on = Day(load_default=None, allow_none=True)


class PlaceEnd(Schema):
    """`on`: the last day in the nursery."""

    on = Day(required=True)
    reason = Text(MOST_WORDS, required=True)


class PlaceCancel(Schema):
    reason = Text(MOST_WORDS, required=True)


class ClassPlacesQuery(Schema):
    """`over`: those that have ended or were cancelled, in the place of those that stand."""

    over = fields.Boolean(load_default=False)
    limit = Limit()
    after = Cursor()


class Leave(Schema):
    first_day = fields.Date()
    last_day = fields.Date(allow_none=True)
    rechecked_on = fields.Date(allow_none=True)
    words = fields.String()


class NurseryPlace(Schema):
    """A child's time in one class; days include the first and the last.

    `status`: planned until all papers are there and the day is fixed; ended as soon as the last day is settled, be it
    still to come; cancelled if the child never came. `missing`: papers that the nursery has not. `moved_from`: the
    place from which the child was transferred.
    """

    id = fields.UUID()
    person_id = fields.UUID()
    person_name = fields.String(allow_none=True)
    provider_id = fields.UUID()
    provider_name = fields.String()
    class_id = fields.UUID()
    class_name = fields.String()
    enrolment_id = fields.UUID(allow_none=True)
    moved_from = fields.UUID(allow_none=True)
    status = Word(PlaceStatus)
    starts_on = fields.Date()
    ends_on = fields.Date(allow_none=True)
    end_reason = fields.String()
    agreement_on = fields.Date(allow_none=True)
    health_check_on = fields.Date(allow_none=True)
    vaccination_on = fields.Date(allow_none=True)
    missing = fields.List(Word(Paper))
    leaves = fields.List(fields.Nested(Leave))
    changed_at = LocalTime()


class StaffNurseryPlace(NurseryPlace):
    agreement_file_id = fields.UUID(allow_none=True)


class NurseryPlaceList(Schema):
    items = fields.List(fields.Nested(NurseryPlace))
    next = fields.String(allow_none=True)


class OccupancyQuery(Schema):
    """Months, the first and the last."""

    first = Month(data_key="from", required=True)
    last = Month(data_key="to", required=True)


class ClassMonth(Schema):
    """Children of a class on the busiest day of a month: planned, confirmed, and most of both together.

    Who is on leave keeps the seat and counts. `free`: seats that nobody has on any day of the month.
    """

    month = fields.Date(metadata={"description": "its first day"})
    class_id = fields.UUID()
    class_name = fields.String()
    seats = fields.Integer()
    planned = fields.Integer()
    confirmed = fields.Integer()
    most = fields.Integer()
    free = fields.Integer()


class Occupancy(Schema):
    items = fields.List(fields.Nested(ClassMonth))
    next = fields.String(allow_none=True)
