from __future__ import annotations

from marshmallow import Schema, fields

from schemas.fields import Cursor, Digits, Limit, LocalTime, Opaque, Text


class WeChatSignIn(Schema):
    code = Opaque(512, required=True)


class StaffSignIn(Schema):
    login = Text(100, required=True)
    password = Opaque(200, required=True)
    otp = Digits(6, required=True)


class Refresh(Schema):
    refresh_token = Opaque(200, required=True)


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
