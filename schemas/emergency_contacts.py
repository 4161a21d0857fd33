from __future__ import annotations

from marshmallow import Schema, fields

from schemas.fields import LocalTime, Text
from schemas.people import MOST_TYPED


class EmergencyContact(Schema):
    name = fields.String()
    phone = fields.String()
    set_at = LocalTime()


class MaskedEmergencyContact(EmergencyContact):
    phone = fields.String(metadata={"description": "masked"})


class NewEmergencyContact(Schema):
    name = Text(MOST_TYPED, required=True)
    phone = Text(MOST_TYPED, required=True)
