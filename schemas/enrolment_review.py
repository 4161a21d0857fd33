from __future__ import annotations

from marshmallow import Schema, fields

from domain.nursery_vocabulary import (
    MAX_GROUPS,
    ClaimStatus,
    EnrolmentBecause,
    EnrolmentState,
    ReviewView,
    RoundState,
    VerdictKind,
)
from domain.vocabulary import Relation
from schemas.enrolment_documents import Document
from schemas.fields import Cursor, Limit, LocalTime, Text, Word, at_most

MOST_WORDS = 500


class ReviewQuery(Schema):
    """`provider`: only those whose first choice is this nursery."""

    round_id = fields.UUID(data_key="round", required=True)
    provider_id = fields.UUID(data_key="provider", load_default=None)
    view = Word(ReviewView, load_default=ReviewView.WAITING)
    limit = Limit()
    after = Cursor()


class ReviewReturn(Schema):
    """`words`: what the family has to add or change."""

    words = Text(MOST_WORDS, required=True, lines=True)


class ReviewVerdict(Schema):
    """`denied`: claimed groups that are not shown; all others are granted. `reason` is told to the family."""

    kind = Word(VerdictKind, required=True)
    denied = fields.List(fields.UUID(), validate=at_most(MAX_GROUPS), load_default=list)
    reason = Text(MOST_WORDS, shortest=0, lines=True, load_default="")


class ReviewReject(Schema):
    """`words`: why, for the reviewer."""

    words = Text(MOST_WORDS, required=True, lines=True)


class ReviewItem(Schema):
    """An application in a queue, without a name. Nursery and class are those of the first choice.

    `months`: the child's age at the reference date. `claims`: codes of groups. `repair`: whether it came back from
    the family, or was not repaired in time. `proposed`: what waits for a second person.
    """

    id = fields.UUID()
    public_id = fields.String()
    round_id = fields.UUID()
    state = Word(EnrolmentState)
    late = fields.Boolean()
    submitted_at = LocalTime()
    months = fields.Integer(allow_none=True)
    nursery_id = fields.UUID(allow_none=True)
    nursery_name = fields.String(allow_none=True)
    class_id = fields.UUID(allow_none=True)
    class_name = fields.String(allow_none=True)
    claims = fields.List(fields.String())
    repair = Word(EnrolmentBecause, allow_none=True)
    repair_by = LocalTime(allow_none=True)
    reviewer_id = fields.UUID(allow_none=True)
    reviewer_name = fields.String(allow_none=True)
    proposed = Word(VerdictKind, allow_none=True)


class ReviewedPerson(Schema):
    id = fields.UUID()
    name = fields.String()
    birth_date = fields.Date()
    sex = fields.String()
    id_number = fields.String(metadata={"description": "masked"})
    phone = fields.String(allow_none=True, metadata={"description": "masked"})
    assurance = fields.String()


class ReviewedChoice(Schema):
    rank = fields.Integer()
    programme_id = fields.UUID()
    class_id = fields.UUID()
    class_name = fields.String()
    nursery_id = fields.UUID()
    nursery_name = fields.String()
    from_months = fields.Integer()
    until_months = fields.Integer()


class ReviewedClaim(Schema):
    """`proof`: which document shows it. `words`: why it was denied."""

    group_id = fields.UUID()
    code = fields.String()
    name = fields.String()
    proof = fields.String()
    status = Word(ClaimStatus)
    words = fields.String()


class GivenVerdict(Schema):
    """`confirmed`: whether it holds; none: it waits for a second person. `words`: why it was rejected."""

    id = fields.UUID()
    kind = Word(VerdictKind)
    denied = fields.List(fields.UUID())
    reason = fields.String()
    words = fields.String()
    proposed_by = fields.UUID()
    proposed_by_name = fields.String(allow_none=True)
    proposed_at = LocalTime()
    decided_by = fields.UUID(allow_none=True)
    decided_by_name = fields.String(allow_none=True)
    decided_at = LocalTime(allow_none=True)
    confirmed = fields.Boolean(allow_none=True)


class ReviewedEvent(Schema):
    """`staff_name`: who of the staff did it; none: the family, or time."""

    at = LocalTime()
    was = Word(EnrolmentState, allow_none=True)
    state = Word(EnrolmentState)
    because = Word(EnrolmentBecause)
    facts = fields.Dict(keys=fields.String())
    staff_name = fields.String(allow_none=True)


class ReviewedEnrolment(Schema):
    """An application as its reviewers see it. `person`: the child; `applicant`: who applied, if still registered."""

    id = fields.UUID()
    public_id = fields.String()
    round_id = fields.UUID()
    round_name = fields.String()
    round_state = Word(RoundState)
    reference_date = fields.Date()
    state = Word(EnrolmentState)
    late = fields.Boolean()
    created_at = LocalTime()
    submitted_at = LocalTime()
    changed_at = LocalTime()
    repair_by = LocalTime(allow_none=True)
    repair_words = fields.String()
    reviewer_id = fields.UUID(allow_none=True)
    reviewer_name = fields.String(allow_none=True)
    months = fields.Integer(allow_none=True)
    person = fields.Nested(ReviewedPerson, allow_none=True)
    applicant = fields.Nested(ReviewedPerson, allow_none=True)
    relation = Word(Relation, allow_none=True)
    choices = fields.List(fields.Nested(ReviewedChoice))
    claims = fields.List(fields.Nested(ReviewedClaim))
    documents = fields.List(fields.Nested(Document))
    verdicts = fields.List(fields.Nested(GivenVerdict))
    events = fields.List(fields.Nested(ReviewedEvent))
