from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import Channel
from schemas.fields import Day, LocalTime, Word


class FiguresQuery(Schema):
    provider_id = fields.UUID(data_key="provider", required=True)
    first = Day(data_key="from", required=True)
    last = Day(data_key="to", required=True)


class BookingCounts(Schema):
    """By what became of them."""

    booked = fields.Integer()
    checked_in = fields.Integer()
    completed = fields.Integer()
    no_show = fields.Integer()
    cancelled = fields.Integer()
    moved = fields.Integer()


class ChannelFigures(Schema):
    """`places`: as planned, in open slots; of them `fallen_back` went over to the public channel unused.

    `used`: bookings that were not cancelled or moved; among those of `public` are places that fell back to it.
    `kept`: offered to who waits, or kept back for a while. `free`: to be booked now.
    """

    channel = Word(Channel)
    places = fields.Integer()
    closed_places = fields.Integer()
    fallen_back = fields.Integer()
    used = fields.Integer()
    kept = fields.Integer()
    free = fields.Integer()
    bookings = fields.Nested(BookingCounts)


class WaitlistFigures(Schema):
    """`joined` is what became of who joined in these days, `offered` of what was offered of the slots of these days."""

    joined = fields.Integer()
    still_waiting = fields.Integer()
    served = fields.Integer()
    ended = fields.Integer()
    offered = fields.Integer()
    open = fields.Integer()
    accepted = fields.Integer()
    declined = fields.Integer()
    lapsed = fields.Integer()
    withdrawn = fields.Integer()


class ServiceFigures(Schema):
    id = fields.UUID()
    department = fields.String()
    name = fields.String()
    channels = fields.List(fields.Nested(ChannelFigures))
    waitlist = fields.Nested(WaitlistFigures)


class LastReconciliation(Schema):
    """Of all providers: counters that differ from their rows are a fault that the operators must look into."""

    finished_at = LocalTime()
    pools = fields.Integer()
    drifts = fields.Integer()


class Figures(Schema):
    """`unconfirmed_years`: schedules have slots in them by holidays that nobody has compared with the notice."""

    provider_id = fields.UUID()
    first = Day(data_key="from")
    last = Day(data_key="to")
    services = fields.List(fields.Nested(ServiceFigures))
    last_reconciliation = fields.Nested(LastReconciliation, allow_none=True)
    unconfirmed_years = fields.List(fields.Integer())
