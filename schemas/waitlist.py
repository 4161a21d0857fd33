from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import LARGEST_PARTY, Channel, EndedBecause, WaitlistStatus
from schemas.bookings import Booking
from schemas.fields import Cursor, Day, Limit, LocalTime, Word, at_most


class WaitlistJoin(Schema):
    """Who waits for which service on which days; with companions, for places in one slot."""

    service_id = fields.UUID(required=True)
    person_id = fields.UUID(required=True)
    companions = fields.List(fields.UUID(), validate=at_most(LARGEST_PARTY - 1), load_default=list)
    first = Day(required=True, data_key="from")
    last = Day(required=True, data_key="to")
    mandate_id = fields.UUID(load_default=None, allow_none=True)


class WaitlistAccept(Schema):
    """Answers to the service's questions: of everybody, or of one person in particular."""

    answers = fields.Dict(keys=fields.String(), load_default=dict)
    answers_of = fields.Dict(keys=fields.UUID(), values=fields.Dict(keys=fields.String()), load_default=dict)


class WaitlistQuery(Schema):
    live = fields.Boolean(load_default=False)
    limit = Limit()
    after = Cursor()


class QueueQuery(Schema):
    status = Word(WaitlistStatus, load_default=None)
    limit = Limit()
    after = Cursor()


class WaitingPerson(Schema):
    person_id = fields.UUID(required=True)
    person_name = fields.String(required=True)


class PlaceOffer(Schema):
    id = fields.UUID(required=True)
    slot_id = fields.UUID(required=True)
    starts_at = LocalTime(required=True)
    ends_at = LocalTime(required=True)
    resource = fields.String(required=True)
    channel = Word(Channel, required=True)
    expires_at = LocalTime(required=True)


class WaitlistEntry(Schema):
    """`people_before` are those who wait before this entry; `offer` is the place that is kept for it now."""

    id = fields.UUID(required=True)
    service_id = fields.UUID(required=True)
    service_name = fields.String(required=True)
    department = fields.String(required=True)
    provider_id = fields.UUID(required=True)
    provider_name = fields.String(required=True)
    first_day = Day(required=True, data_key="from")
    last_day = Day(required=True, data_key="to")
    party = fields.Integer(required=True)
    people = fields.List(fields.Nested(WaitingPerson), required=True)
    mandate_id = fields.UUID(required=True, allow_none=True)
    status = Word(WaitlistStatus, required=True)
    ended_because = Word(EndedBecause, required=True, allow_none=True)
    people_before = fields.Integer(required=True)
    missed = fields.Integer(required=True)
    offer = fields.Nested(PlaceOffer, required=True, allow_none=True)
    created_at = LocalTime(required=True)
    ended_at = LocalTime(required=True, allow_none=True)


class WaitlistAccepted(Schema):
    """The entry that was accepted, and what it booked."""

    id = fields.UUID(required=True)
    bookings = fields.List(fields.Nested(Booking), required=True)
