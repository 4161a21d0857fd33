from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import AppealDecision, AppealStatus
from schemas.fields import Cursor, Limit, LocalTime, Text, Word


class SuspensionQuery(Schema):
    limit = Limit()
    after = Cursor()


class AppealCreate(Schema):
    """`statement`: what happened, in the person's or the family's own words."""

    statement = Text(1000, lines=True, required=True)


class AppealShown(Schema):
    id = fields.UUID()
    status = Word(AppealStatus)
    statement = fields.String()
    reason = fields.String(allow_none=True)
    created_at = LocalTime()
    decided_at = LocalTime(allow_none=True)


class Suspension(Schema):
    """Who books nothing at a provider for a time, for which missed bookings, and what became of an appeal."""

    id = fields.UUID()
    person_id = fields.UUID()
    person_name = fields.String()
    provider_id = fields.UUID()
    provider_name = fields.String()
    provider_phone = fields.String()
    step = fields.Integer()
    booking_ids = fields.List(fields.UUID())
    starts_at = LocalTime()
    ends_at = LocalTime()
    lifted_at = LocalTime(allow_none=True)
    lifted_because = fields.String(allow_none=True)
    appeal = fields.Nested(AppealShown, allow_none=True)


class AppealQuery(Schema):
    provider_id = fields.UUID(data_key="provider", load_default=None)
    status = Word(AppealStatus, load_default=None)
    limit = Limit()
    after = Cursor()


class AppealDecide(Schema):
    """`reason` is told to the family."""

    decision = Word(AppealDecision, required=True)
    reason = Text(500, lines=True, required=True)


class Appeal(AppealShown):
    suspension_id = fields.UUID()
    person_id = fields.UUID()
    person_name = fields.String()
    provider_id = fields.UUID()
    provider_name = fields.String()
    step = fields.Integer()
    booking_ids = fields.List(fields.UUID())
    starts_at = LocalTime()
    ends_at = LocalTime()
    lifted_at = LocalTime(allow_none=True)
    lifted_because = fields.String(allow_none=True)
