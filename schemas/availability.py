from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import ClosedBecause, ShownState
from schemas.fields import Day, LocalTime, Word


class DaysQuery(Schema):
    first = Day(data_key="from", load_default=None)
    last = Day(data_key="to", load_default=None)


class SlotsQuery(Schema):
    day = Day(data_key="date", required=True)


class Remaining(Schema):
    public = fields.Integer()
    assisted = fields.Integer()


class DayOffer(Schema):
    """What a day offers. `release_at`: when the first numbers of a day without open ones come."""

    date = Day()
    state = Word(ShownState)
    open_slots = fields.Integer()
    remaining = fields.Nested(Remaining)
    release_at = LocalTime(allow_none=True)


class DayOffers(Schema):
    items = fields.List(fields.Nested(DayOffer))
    next = fields.String(allow_none=True)


class SlotOffer(Schema):
    """A slot as a resident sees it. `closed_reason` is what the provider says of closing it."""

    id = fields.UUID()
    starts_at = LocalTime()
    ends_at = LocalTime()
    release_at = LocalTime()
    order_until = LocalTime()
    state = Word(ShownState)
    closed_because = Word(ClosedBecause, allow_none=True)
    closed_reason = fields.String(allow_none=True)
    remaining = fields.Nested(Remaining)
    resource = fields.String()


class SlotOffers(Schema):
    items = fields.List(fields.Nested(SlotOffer))
    next = fields.String(allow_none=True)
