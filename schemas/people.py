from __future__ import annotations

from marshmallow import Schema, fields, validate

from domain.vocabulary import Relation
from schemas.consents import Consent, GivenConsents
from schemas.fields import LocalTime, Text

MOST_TYPED = 100
"""Longer than any name, number or phone, with whatever spaces were typed in; the rules say what is right."""

OTHERS = [str(relation) for relation in Relation if relation != Relation.SELF]


def relation_to_another(**options: object) -> fields.String:
    return fields.String(validate=validate.OneOf(OTHERS, error="not_a_choice"), **options)  # type: ignore[arg-type]


class Person(Schema):
    id = fields.UUID()
    name = fields.String()
    document_kind = fields.String()
    id_number = fields.String(metadata={"description": "masked: 152921********1234"})
    birth_date = fields.Date()
    sex = fields.String()
    phone = fields.String(allow_none=True, metadata={"description": "masked: 138****0000"})
    assurance = fields.String()
    relation = fields.String()
    since = LocalTime()


class PersonPage(Schema):
    items = fields.List(fields.Nested(Person))
    next = fields.String(allow_none=True)


class NewPerson(Schema):
    name = Text(MOST_TYPED, required=True)
    id_number = Text(MOST_TYPED, required=True)
    relation = relation_to_another(required=True)
    phone = Text(MOST_TYPED, load_default=None, allow_none=True)
    consents = GivenConsents()


class PersonChange(Schema):
    """What is left out stays; a phone of null is removed."""

    name = Text(MOST_TYPED)
    relation = relation_to_another()
    phone = Text(MOST_TYPED, allow_none=True)


class CareRequest(Schema):
    """A request as whoever made it sees it: nothing of the person but what was typed, until it is approved."""

    id = fields.UUID()
    status = fields.String()
    relation = fields.String()
    id_number = fields.String(allow_none=True, metadata={"description": "masked, as it was typed"})
    person_id = fields.UUID(allow_none=True, metadata={"description": "once approved"})
    created_at = LocalTime()
    expires_at = LocalTime()


class Registration(Schema):
    name = Text(MOST_TYPED, required=True)
    id_number = Text(MOST_TYPED, required=True)
    phone_code = Text(512, required=True, metadata={"description": "of WeChat's phone button"})
    consents = GivenConsents()


class Me(Schema):
    id = fields.UUID()
    registered = fields.Boolean()
    person = fields.Nested(Person, allow_none=True)
    care_request = fields.Nested(CareRequest, allow_none=True)
    consents = fields.List(fields.Nested(Consent))


class IdNumber(Schema):
    id_number = fields.String()
    phone = fields.String(allow_none=True)
