from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from domain.vocabulary import STAFF_ROLES
from schemas.fields import Cursor, Limit, LocalTime, Text, at_most

LOGIN = validate.Regexp(r"[a-z0-9][a-z0-9._-]{2,39}\Z", error="not_a_login")
ROLE = validate.OneOf([str(role) for role in STAFF_ROLES], error="not_a_choice")
MOST_GRANTS = 50


class AccountsQuery(Schema):
    limit = Limit()
    after = Cursor()


class Grant(Schema):
    """A role at one provider, in one area with all below it, or, with neither, everywhere."""

    role = fields.String(required=True, validate=ROLE)
    provider_id = fields.UUID(load_default=None, allow_none=True)
    area_id = fields.UUID(load_default=None, allow_none=True)

    @validates_schema
    def is_at_one_place(self, data: dict[str, Any], **_: Any) -> None:
        if data["provider_id"] is not None and data["area_id"] is not None:
            raise ValidationError("one_place_only", "area_id")


class Grants(Schema):
    grants = fields.List(fields.Nested(Grant), required=True, validate=at_most(MOST_GRANTS))


class AccountCreate(Grants):
    login = fields.String(required=True, validate=LOGIN)
    display_name = Text(50, required=True)


class Account(Schema):
    id = fields.UUID()
    login = fields.String()
    display_name = fields.String()
    status = fields.String()
    demo = fields.Boolean(metadata={"description": "made with the demo data"})
    created_at = LocalTime()
    grants = fields.List(fields.Nested(Grant))


class Secrets(Schema):
    """What the person needs to sign in; nobody can ask for it again."""

    login = fields.String()
    password = fields.String()
    otp_secret = fields.String()
    otp_uri = fields.String(metadata={"description": "for the QR code of an authenticator app"})


class AccountWithSecrets(Schema):
    account = fields.Nested(Account)
    secrets = fields.Nested(Secrets, allow_none=True, metadata={"description": "null in the answer to a repeat"})
