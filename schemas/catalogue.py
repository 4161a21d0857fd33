from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import Assurance, ProviderKind, ServiceKind, Sex
from schemas.fields import Cursor, Day, Limit, Text, Word
from schemas.policies import Rules
from schemas.services import Question


class ProviderQuery(Schema):
    kind = Word(ProviderKind, load_default=None)
    area_id = fields.UUID(data_key="area", load_default=None)
    search = Text(60, shortest=0, data_key="q", load_default=None)
    limit = Limit()
    after = Cursor()


class ServiceQuery(Schema):
    provider_id = fields.UUID(data_key="provider", load_default=None)
    kind = Word(ServiceKind, load_default=None)
    search = Text(60, shortest=0, data_key="q", load_default=None)
    limit = Limit()
    after = Cursor()


class Provider(Schema):
    id = fields.UUID()
    area_id = fields.UUID()
    area_name = fields.String()
    kind = Word(ProviderKind)
    name = fields.String()
    address = fields.String()
    phone = fields.String()
    summary = fields.String()


class ServiceInList(Schema):
    id = fields.UUID()
    provider_id = fields.UUID()
    provider_name = fields.String()
    department = fields.String()
    name = fields.String()
    kind = Word(ServiceKind)
    summary = fields.String()
    duration_minutes = fields.Integer()


class Sentence(Schema):
    title = fields.String()
    detail = fields.String()


class PolicyShown(Rules):
    """The rules in force today, as fields and as sentences in the client's language."""

    effective_from = Day()
    words = fields.List(fields.Nested(Sentence))


class Service(ServiceInList):
    """`eligibility` says in words who may come; what is checked are `min_age`, `max_age`, `sex`, `assurance`."""

    address = fields.String()
    phone = fields.String()
    requirements = fields.List(fields.String())
    eligibility = fields.String()
    min_age = fields.Integer(allow_none=True)
    max_age = fields.Integer(allow_none=True)
    sex = Word(Sex, allow_none=True)
    assurance = Word(Assurance)
    questions = fields.List(fields.Nested(Question))
    policy = fields.Nested(PolicyShown)
