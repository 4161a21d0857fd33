from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from schemas.consents import GivenConsents
from schemas.emergency_contacts import MaskedEmergencyContact, NewEmergencyContact
from schemas.fields import LocalTime, Text
from schemas.people import MOST_TYPED


class Carer(Schema):
    id = fields.UUID()
    account_id = fields.UUID()
    account_name = fields.String(allow_none=True)
    relation = fields.String()
    since = LocalTime()


class FoundPerson(Schema):
    id = fields.UUID()
    name = fields.String()
    document_kind = fields.String()
    id_number = fields.String(metadata={"description": "masked"})
    birth_date = fields.Date()
    sex = fields.String()
    phone = fields.String(allow_none=True, metadata={"description": "masked"})
    assurance = fields.String()
    created_at = LocalTime()


class FoundPersonPage(Schema):
    items = fields.List(fields.Nested(FoundPerson))
    next = fields.String(allow_none=True)


class StaffPerson(FoundPerson):
    carers = fields.List(fields.Nested(Carer))
    emergency_contact = fields.Nested(MaskedEmergencyContact, allow_none=True)


class NewStaffPerson(Schema):
    name = Text(MOST_TYPED, required=True)
    id_number = Text(MOST_TYPED, required=True)
    phone = Text(MOST_TYPED, load_default=None, allow_none=True)
    emergency_contact = fields.Nested(NewEmergencyContact, load_default=None, allow_none=True)
    consents = GivenConsents()


class Verification(Schema):
    name = Text(MOST_TYPED, required=True)
    id_number = Text(MOST_TYPED, required=True)
    phone = Text(MOST_TYPED, load_default=None, allow_none=True)


class PersonSearch(Schema):
    """Exactly one of: id_number; phone; name with birth_date."""

    id_number = Text(MOST_TYPED)
    phone = Text(MOST_TYPED)
    name = Text(MOST_TYPED)
    birth_date = fields.Date()

    @validates_schema
    def one_mark(self, data: dict[str, Any], **_options: Any) -> None:
        if set(data) not in ({"id_number"}, {"phone"}, {"name", "birth_date"}):
            raise ValidationError("one_mark_only")
