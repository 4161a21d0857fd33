from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import Treatment
from schemas.effects import Decided
from schemas.fields import Cursor, Day, Limit, LocalTime, Text, Word


class ClosureScope(Schema):
    """What is shut on which days: a whole provider, a service of it, or one doctor or counter of the service."""

    provider_id = fields.UUID(required=True)
    service_id = fields.UUID(load_default=None, allow_none=True)
    resource = Text(40, shortest=0, load_default=None, allow_none=True)
    first = Day(data_key="from", required=True)
    last = Day(data_key="to", required=True)


class ClosureApply(ClosureScope, Decided):
    """A closure, and what is done with the bookings that it meets."""


class ClosureQuery(Schema):
    provider_id = fields.UUID(data_key="provider", required=True)
    limit = Limit()
    after = Cursor()


class ClosureOfList(Schema):
    id = fields.UUID()
    provider_id = fields.UUID()
    service_id = fields.UUID(allow_none=True)
    resource = fields.String(allow_none=True)
    first = fields.Date(data_key="from", attribute="first_day")
    last = fields.Date(data_key="to", attribute="last_day")
    reason = fields.String()
    treatment = Word(Treatment)
    created_by = fields.UUID()
    created_at = LocalTime()
    lifted_by = fields.UUID(allow_none=True)
    lifted_at = LocalTime(allow_none=True)


class ClosureBookings(Schema):
    """What has become of the bookings that a closure met, as of now; `standing`: to be telephoned, or at the desk."""

    offered = fields.Integer()
    moved = fields.Integer()
    cancelled = fields.Integer()
    standing = fields.Integer()


class Closure(ClosureOfList):
    slots = fields.Integer()
    bookings = fields.Nested(ClosureBookings)
