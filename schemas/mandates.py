from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from domain.vocabulary import (
    MAX_MANDATE_USES,
    BookingStatus,
    ConsentWay,
    EndedBecause,
    MandateState,
    ServiceKind,
    WaitlistStatus,
)
from schemas.fields import Cursor, Limit, LocalTime, Text, Word, at_least, at_most, between


class MandateTerms(Schema):
    """Who may act, a volunteer or a team, in which matters, until when and for how many bookings (null: no limit).

    For whom: by id, or by number and name of the card. A team's mandate empowers whoever of it has taken a help request
    of the person, until that is done.
    """

    person_id = fields.UUID(load_default=None)
    id_number = Text(40, load_default=None)
    name = Text(60, load_default=None)
    volunteer_id = fields.UUID(load_default=None)
    team_id = fields.UUID(load_default=None)
    matters = fields.List(Word(ServiceKind), required=True, validate=[at_least(1), at_most(len(ServiceKind))])
    expires_at = LocalTime(required=True)
    max_uses = fields.Integer(strict=True, load_default=None, validate=between(1, MAX_MANDATE_USES))

    @validates_schema
    def _one_person(self, data: dict[str, Any], **_options: Any) -> None:
        by_card = [name for name in ("id_number", "name") if data.get(name) is None]
        if data.get("person_id") is not None:
            if len(by_card) < 2:  # noqa: PLR2004  # either the id or the two words of the card
                raise ValidationError("not_valid", "person_id")
        elif by_card:
            raise ValidationError({name: ["required"] for name in by_card})

    @validates_schema
    def _one_holder(self, data: dict[str, Any], **_options: Any) -> None:
        if data.get("volunteer_id") is None and data.get("team_id") is None:
            raise ValidationError("required", "volunteer_id")
        if data.get("volunteer_id") is not None and data.get("team_id") is not None:
            raise ValidationError("not_valid", "team_id")


class NewMandate(MandateTerms):
    """`family`: whoever cares for the person consents; `sms`: a code goes to the person's phone."""

    consent = fields.String(
        required=True, validate=validate.OneOf([str(ConsentWay.FAMILY), str(ConsentWay.SMS)], error="not_a_choice")
    )


class NewStaffMandate(MandateTerms):
    """`desk`: signed on paper, whose photo is `file_id`, and pending until a second person has looked at it.

    `sms`: a code goes to the person's phone.
    """

    consent = fields.String(
        required=True, validate=validate.OneOf([str(ConsentWay.DESK), str(ConsentWay.SMS)], error="not_a_choice")
    )
    file_id = fields.UUID(load_default=None)

    @validates_schema
    def _paper(self, data: dict[str, Any], **_options: Any) -> None:
        if (data.get("consent") == ConsentWay.DESK) != (data.get("file_id") is not None):
            raise ValidationError("required" if data.get("file_id") is None else "not_valid", "file_id")


class Confirmation(Schema):
    code = fields.String(required=True, validate=validate.Regexp(r"\A[0-9]{6}\Z", error="not_six_digits"))


class Revocation(Schema):
    reason = Text(200, shortest=0, load_default="")


class MandatePerson(Schema):
    id = fields.UUID()
    name = fields.String()
    id_number = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)


class MandateVolunteer(Schema):
    """`serves`: approved, so that the mandate can be used."""

    id = fields.UUID()
    name = fields.String()
    team = fields.String()
    serves = fields.Boolean()


class MandateTeam(Schema):
    id = fields.UUID()
    name = fields.String()


class MandateUser(Schema):
    """Which volunteer did it; null where the account is gone, or where staff did."""

    id = fields.UUID()
    name = fields.String()
    team = fields.String()


class MandateUse(Schema):
    """A booking made under the mandate, and what became of it; one that was moved is followed by its successor."""

    booking_id = fields.UUID()
    volunteer = fields.Nested(MandateUser, allow_none=True)
    status = Word(BookingStatus)
    reason = fields.String()
    moved_from = fields.UUID(allow_none=True)
    created_at = LocalTime()
    changed_at = LocalTime()
    starts_at = LocalTime()
    provider = fields.String()
    department = fields.String()
    service = fields.String()


class MandateWait(Schema):
    """A queue joined under the mandate."""

    entry_id = fields.UUID()
    volunteer = fields.Nested(MandateUser, allow_none=True)
    status = Word(WaitlistStatus)
    ended_because = Word(EndedBecause, allow_none=True)
    created_at = LocalTime()
    provider = fields.String()
    department = fields.String()
    service = fields.String()


class Mandate(Schema):
    """`person`, `uses` and `waits` are hidden from a volunteer who may not act under the mandate now.

    `volunteer` or `team`, whichever holds it; `uses_left` is null where there is no number.
    """

    id = fields.UUID()
    status = Word(MandateState)
    consent = Word(ConsentWay)
    matters = fields.List(Word(ServiceKind))
    expires_at = LocalTime()
    created_at = LocalTime()
    consented_at = LocalTime(allow_none=True)
    revoked_at = LocalTime(allow_none=True)
    revoke_reason = fields.String()
    code_expires_at = LocalTime(allow_none=True)
    attempts_left = fields.Integer()
    person = fields.Nested(MandatePerson, allow_none=True)
    volunteer = fields.Nested(MandateVolunteer, allow_none=True)
    team = fields.Nested(MandateTeam, allow_none=True)
    max_uses = fields.Integer(allow_none=True)
    uses_left = fields.Integer(allow_none=True)
    uses = fields.List(fields.Nested(MandateUse))
    waits = fields.List(fields.Nested(MandateWait))


class StaffMandate(Mandate):
    file_id = fields.UUID(allow_none=True)


class MandateQuery(Schema):
    person = fields.UUID(load_default=None)
    limit = Limit()
    after = Cursor()


class MandateLookQuery(Schema):
    """All at one look: who has more than a hundred reads on."""

    limit = fields.Integer(load_default=100, validate=between(1, 100))
    after = Cursor()


class PaperQuery(Schema):
    limit = Limit()
    after = Cursor()


class StaffMandateQuery(MandateQuery):
    volunteer = fields.UUID(load_default=None)
    team = fields.UUID(load_default=None)


class MandatePage(Schema):
    items = fields.List(fields.Nested(Mandate))
    next = fields.String(allow_none=True)


class StaffMandatePage(Schema):
    items = fields.List(fields.Nested(StaffMandate))
    next = fields.String(allow_none=True)
