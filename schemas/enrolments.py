from __future__ import annotations

from marshmallow import Schema, fields

from domain.nursery_vocabulary import (
    MAX_DOCUMENTS,
    MAX_GROUPS,
    MAX_RANKS,
    ClaimStatus,
    EnrolmentActor,
    EnrolmentBecause,
    EnrolmentState,
    RoundState,
)
from schemas.enrolment_documents import Document, DocumentWanted
from schemas.fields import Cursor, Limit, LocalTime, Word, at_most
from schemas.volunteers import Named


class EnrolmentForm(Schema):
    """What is asked for: programmes in the order of the family's wishes, and the priority groups that it claims.

    `documents`: all that it shall have; those that stand are left alone where the list is not there.
    """

    choices = fields.List(fields.UUID(), required=True, validate=at_most(MAX_RANKS))
    claims = fields.List(fields.UUID(), validate=at_most(MAX_GROUPS), load_default=list)
    documents = fields.List(
        fields.Nested(DocumentWanted), validate=at_most(MAX_DOCUMENTS), load_default=None, allow_none=True
    )


class EnrolmentBegun(EnrolmentForm):
    round_id = fields.UUID(required=True)
    person_id = fields.UUID(required=True)


class EnrolmentHandedIn(Schema):
    """`late`: also if the deadline has passed; a late application takes part in no draw and waits behind all others."""

    late = fields.Boolean(truthy={True}, falsy={False}, load_default=False)


class EnrolmentQuery(Schema):
    person = fields.UUID(load_default=None)
    round = fields.UUID(load_default=None)
    state = Word(EnrolmentState, load_default=None)
    limit = Limit()
    after = Cursor()


class EnrolmentRoundNamed(Named):
    state = Word(RoundState)


class EnrolmentChoice(Schema):
    """`drawn`: the draw gave a seat of it."""

    rank = fields.Integer()
    programme_id = fields.UUID()
    nursery = fields.Nested(Named)
    nursery_class = fields.Nested(Named)
    from_months = fields.Integer()
    until_months = fields.Integer()
    drawn = fields.Boolean()


class EnrolmentClaim(Schema):
    """`proof`: which document shows it; `words`: why it was denied."""

    group_id = fields.UUID()
    code = fields.String()
    name = fields.String()
    proof = fields.String()
    status = Word(ClaimStatus)
    words = fields.String()


class EnrolmentDocument(Document):
    """`destroyed_at`: when the content was destroyed; that there was one stays."""

    destroyed_at = LocalTime(allow_none=True)


class EnrolmentEvent(Schema):
    """One change: when, from what to what, why, and by whom."""

    at = LocalTime()
    was = Word(EnrolmentState, allow_none=True)
    state = Word(EnrolmentState)
    because = Word(EnrolmentBecause)
    by = Word(EnrolmentActor)


class EnrolmentLine(Schema):
    """`months`: the child's age in full months on the reference date. `reason`: of a refusal.

    `public_id`: what is published instead of a name. `number`: of the draw, once its result is published; the lower
    comes first.
    """

    id = fields.UUID()
    public_id = fields.String()
    state = Word(EnrolmentState)
    late = fields.Boolean()
    person = fields.Nested(Named)
    months = fields.Integer(allow_none=True)
    round = fields.Nested(EnrolmentRoundNamed)
    closes_at = LocalTime()
    reference_date = fields.Date()
    starts_on = fields.Date()
    choices = fields.List(fields.Nested(EnrolmentChoice))
    claims = fields.List(fields.Nested(EnrolmentClaim))
    repair_by = LocalTime(allow_none=True)
    repair_words = fields.String()
    reason = fields.String()
    listed_at = LocalTime(allow_none=True)
    number = fields.String(allow_none=True)
    settled = fields.Boolean()
    version = fields.Integer()
    submitted_at = LocalTime(allow_none=True)
    created_at = LocalTime()
    changed_at = LocalTime()


class Enrolment(EnrolmentLine):
    documents = fields.List(fields.Nested(EnrolmentDocument))
    events = fields.List(fields.Nested(EnrolmentEvent))
