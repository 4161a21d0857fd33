from __future__ import annotations

from marshmallow import Schema, fields

from schemas.emergency_contacts import MaskedEmergencyContact
from schemas.fields import Cursor, Limit
from schemas.staff_people import FoundPerson


class VisitedPerson(FoundPerson):
    """Somebody whom the leader of a team has registered on a visit."""

    emergency_contact = fields.Nested(MaskedEmergencyContact, allow_none=True)


class VisitedPeopleQuery(Schema):
    limit = Limit()
    after = Cursor()
