from __future__ import annotations

from marshmallow import Schema, fields, validate

from domain.nursery_vocabulary import MAX_GROUPS, MAX_PROGRAMMES, MAX_RANKS, ClassKind, RoundState
from schemas.fields import Cursor, Day, Limit, LocalTime, Text, Whole, Word, at_most

MOST_MONTHS = 84
MOST_SEATS = 200
CODE = validate.Regexp(r"[a-z][a-z0-9_]{1,39}\Z", error="not_a_key")
CODE_OR_EVERYBODY = validate.Regexp(r"([a-z][a-z0-9_]{1,39})?\Z", error="not_a_key")
MOST_FALLS = 21
"""Each group, and everybody."""


class RoundQuery(Schema):
    area_id = fields.UUID(data_key="area", load_default=None)
    limit = Limit()
    after = Cursor()


class Group(Schema):
    """A priority group of one round. `proof`: which document shows that a child belongs to it."""

    code = fields.String(required=True, validate=CODE)
    name = Text(40, required=True)
    proof = Text(300, required=True)


class Reserve(Schema):
    """Seats kept for a group.

    `falls_to`: who has a seat of them that the group does not need, in order: codes of groups, and last `""` for
    everybody; without it, such a seat stays empty.
    """

    group = fields.String(required=True, validate=CODE)
    seats = Whole(1, MOST_SEATS, required=True)
    falls_to = fields.List(
        fields.String(validate=CODE_OR_EVERYBODY), validate=at_most(MOST_FALLS), load_default=lambda: [""]
    )


class Programme(Schema):
    """A class as one round offers it; the ages are those of the class unless told."""

    class_id = fields.UUID(required=True)
    from_months = Whole(0, MOST_MONTHS, load_default=None, allow_none=True)
    until_months = Whole(1, MOST_MONTHS, load_default=None, allow_none=True)
    seats = Whole(1, MOST_SEATS, required=True)
    reserves = fields.List(fields.Nested(Reserve), validate=at_most(MAX_GROUPS), load_default=list)


class RoundCreate(Schema):
    """A round as a draft; everything can still be changed until it is announced.

    `reference_date`: the day on which a child's age counts. `starts_on`: the first day in the nursery.
    `value_source`: which public value the seed is mixed with, named before anybody can know it, and how it is read off
    for the moment `value_due_at`. `max_ranks`: how many programmes a family may rank. `answer_hours`: how long a family
    has for an offer; `repair_hours`: to complete an application. `document_days`: so long after the end the documents
    of those without a place are kept.
    """

    area_id = fields.UUID(required=True)
    name = Text(60, required=True)
    notes = Text(2000, shortest=0, lines=True, load_default="")
    reference_date = Day(required=True)
    starts_on = Day(required=True)
    opens_at = LocalTime(required=True)
    closes_at = LocalTime(required=True)
    review_until = LocalTime(required=True)
    value_source = Text(300, required=True)
    value_due_at = LocalTime(required=True)
    max_ranks = Whole(1, MAX_RANKS, load_default=5)
    answer_hours = Whole(1, 720, load_default=72)
    repair_hours = Whole(1, 720, load_default=72)
    document_days = Whole(1, 3650, load_default=90)
    groups = fields.List(fields.Nested(Group), validate=at_most(MAX_GROUPS), load_default=list)
    programmes = fields.List(fields.Nested(Programme), validate=at_most(MAX_PROGRAMMES), load_default=list)


class RoundChange(RoundCreate):
    version = Whole(1, 2**31 - 1, required=True)


class RoundAnnounce(Schema):
    """`version`: of the draft as it was looked through."""

    version = Whole(1, 2**31 - 1, required=True)


class RoundPostpone(Schema):
    """Later times, and why; what is left out stays as it is."""

    closes_at = LocalTime(load_default=None, allow_none=True)
    review_until = LocalTime(load_default=None, allow_none=True)
    value_due_at = LocalTime(load_default=None, allow_none=True)
    reason = Text(300, required=True)


class RoundCancel(Schema):
    reason = Text(300, required=True)


class GroupShown(Group):
    id = fields.UUID()


class ProgrammeShown(Programme):
    id = fields.UUID()
    class_name = fields.String()
    kind = Word(ClassKind)
    nursery_id = fields.UUID()
    nursery_name = fields.String()


class RoundInList(Schema):
    id = fields.UUID()
    area_id = fields.UUID()
    area_name = fields.String()
    name = fields.String()
    state = Word(RoundState)
    reference_date = Day()
    starts_on = Day()
    opens_at = LocalTime()
    closes_at = LocalTime()


class Round(RoundInList):
    """A round as everybody sees it.

    `frozen_sha256`: of the list of those who take part in the draw, once it is frozen; `public_value` is shown once
    the result is published. `stage_reason`: why the round was postponed or cancelled.
    """

    notes = fields.String()
    review_until = LocalTime()
    value_source = fields.String()
    value_due_at = LocalTime()
    max_ranks = fields.Integer()
    answer_hours = fields.Integer()
    repair_hours = fields.Integer()
    document_days = fields.Integer()
    stage_reason = fields.String()
    announced_at = LocalTime(allow_none=True)
    ended_at = LocalTime(allow_none=True)
    frozen_at = LocalTime(allow_none=True)
    frozen_sha256 = fields.String(allow_none=True)
    published_at = LocalTime(allow_none=True)
    public_value = fields.String(allow_none=True)
    groups = fields.List(fields.Nested(GroupShown))
    programmes = fields.List(fields.Nested(ProgrammeShown))


class StaffRound(Round):
    version = fields.Integer()
