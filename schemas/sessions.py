from __future__ import annotations

from marshmallow import Schema, fields, validate

from schemas.fields import Cursor, Limit, LocalTime, Text


class WeChatSignIn(Schema):
    code = fields.String(required=True, validate=validate.Length(min=1, max=512))


class StaffSignIn(Schema):
    login = Text(100, required=True)
    password = fields.String(required=True, validate=validate.Length(min=1, max=200))
    otp = fields.String(required=True, validate=validate.Regexp(r"[0-9]{6}\Z"))


class Refresh(Schema):
    refresh_token = fields.String(required=True, validate=validate.Length(min=1, max=200))


class User(Schema):
    id = fields.UUID(required=True)
    registered = fields.Boolean(required=True, metadata={"description": "whether by real name"})
    roles = fields.List(fields.String(), required=True)


class SignedIn(Schema):
    access_token = fields.String(required=True)
    token_type = fields.String(required=True)
    expires_in = fields.Integer(required=True, metadata={"description": "seconds"})
    refresh_token = fields.String(required=True, metadata={"description": "works once"})
    user = fields.Nested(User, required=True)


class SessionsQuery(Schema):
    limit = Limit()
    after = Cursor()


class Session(Schema):
    id = fields.UUID(required=True)
    device = fields.String(required=True)
    created_at = LocalTime(required=True)
    refreshed_at = LocalTime(required=True)
    idle_until = LocalTime(required=True)
    expires_at = LocalTime(required=True)
    current = fields.Boolean(required=True)
