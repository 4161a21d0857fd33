from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import WaitStatus
from schemas.fields import LocalTime, Text, Word, between
from schemas.queues import RESOURCE_LENGTH

LARGEST = 2**62


class PlaceQuery(Schema):
    """`after`: the version that is known already; the answer waits until there is another, or some 25 seconds."""

    after = fields.Integer(load_default=None, validate=between(0, LARGEST))


class BoardQuery(PlaceQuery):
    resource = Text(RESOURCE_LENGTH, shortest=0, load_default="")


class CalledNumber(Schema):
    number = fields.Integer(required=True)
    counter = fields.String(required=True)
    calls = fields.Integer(required=True)
    called_at = LocalTime(required=True)


class Board(Schema):
    """Numbers for a screen: who was called, the last first; who comes next; who missed the call."""

    service_id = fields.UUID(required=True)
    service_name = fields.String(required=True)
    provider_name = fields.String(required=True)
    resource = fields.String(required=True)
    day = fields.Date(required=True)
    version = fields.Integer(required=True)
    called = fields.List(fields.Nested(CalledNumber), required=True)
    coming = fields.List(fields.Integer(), required=True)
    waiting = fields.Integer(required=True)
    missed = fields.List(fields.Integer(), required=True)


class Place(Schema):
    """Where somebody stands in the queue. `where` is the counter, the doctor or the service to go to."""

    booking_id = fields.UUID(required=True)
    service_id = fields.UUID(required=True)
    resource = fields.String(required=True)
    day = fields.Date(required=True)
    version = fields.Integer(required=True)
    status = Word(WaitStatus, required=True)
    number = fields.Integer(required=True, allow_none=True)
    position = fields.Integer(required=True, allow_none=True)
    before = fields.Integer(required=True, allow_none=True)
    calls = fields.Integer(required=True)
    where = fields.String(required=True)
    title = fields.String(required=True)
    detail = fields.String(required=True, metadata={"description": "what to do now, for the person"})
