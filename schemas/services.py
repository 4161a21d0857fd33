from __future__ import annotations

from marshmallow import Schema, fields, validate

from domain.vocabulary import (
    LONGEST_ANSWER,
    MAX_CHOICES,
    MAX_QUESTIONS,
    Assurance,
    CatalogueState,
    QuestionKind,
    ServiceKind,
    Sex,
)
from schemas.fields import Cursor, Limit, Text, Whole, Word, at_most

KEY = validate.Regexp(r"[a-z][a-z0-9_]{0,39}\Z", error="not_a_key")
LARGEST_NUMBER = 1_000_000_000
OLDEST = 150


class Question(Schema):
    """One question of an intake form; `choices`, `max_length`, `min` and `max` as its kind allows."""

    key = fields.String(required=True, validate=KEY)
    kind = Word(QuestionKind, required=True)
    label = Text(100, required=True)
    required = fields.Boolean(required=True, truthy={True}, falsy={False})
    choices = fields.List(Text(50), validate=at_most(MAX_CHOICES))
    max_length = Whole(1, LONGEST_ANSWER)
    min = Whole(-LARGEST_NUMBER, LARGEST_NUMBER)
    max = Whole(-LARGEST_NUMBER, LARGEST_NUMBER)


class StaffServiceQuery(Schema):
    provider_id = fields.UUID(data_key="provider", load_default=None)
    state = Word(CatalogueState, load_default=None)
    search = Text(60, shortest=0, data_key="q", load_default=None)
    limit = Limit()
    after = Cursor()


class ServiceFields(Schema):
    """What staff write of a service, making or changing it."""

    department = Text(60, required=True)
    name = Text(80, required=True)
    kind = Word(ServiceKind, required=True)
    summary = Text(2000, shortest=0, lines=True, required=True)
    duration_minutes = Whole(1, 1440, required=True)
    requirements = fields.List(Text(100), validate=at_most(30), required=True)
    min_age = Whole(0, OLDEST, allow_none=True, load_default=None)
    max_age = Whole(0, OLDEST, allow_none=True, load_default=None)
    sex = Word(Sex, allow_none=True, load_default=None)
    assurance = Word(Assurance, load_default=Assurance.DECLARED)
    eligibility = Text(500, shortest=0, lines=True, required=True)
    questions = fields.List(fields.Nested(Question), validate=at_most(MAX_QUESTIONS), required=True)


class ServiceCreate(ServiceFields):
    provider_id = fields.UUID(required=True)
    state = Word(CatalogueState, load_default=CatalogueState.ACTIVE)


class ServiceChange(ServiceFields):
    version = Whole(1, 2**31 - 1, required=True)
    state = Word(CatalogueState, required=True)


class StaffService(Schema):
    id = fields.UUID()
    provider_id = fields.UUID()
    department = fields.String()
    name = fields.String()
    kind = Word(ServiceKind)
    summary = fields.String()
    duration_minutes = fields.Integer()
    requirements = fields.List(fields.String())
    min_age = fields.Integer(allow_none=True)
    max_age = fields.Integer(allow_none=True)
    sex = Word(Sex, allow_none=True)
    assurance = Word(Assurance)
    eligibility = fields.String()
    questions = fields.List(fields.Nested(Question))
    state = Word(CatalogueState)
    version = fields.Integer()
