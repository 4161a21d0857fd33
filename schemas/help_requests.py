from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from domain.help_vocabulary import (
    MAX_WISHED_DAYS,
    AskedWay,
    Because,
    ConfirmedWay,
    HelpActor,
    HelpState,
    PartOfDay,
)
from domain.vocabulary import Language, ServiceKind
from schemas.bookings import Booking
from schemas.fields import Cursor, Day, Limit, LocalTime, Text, Word, at_most
from schemas.people import MOST_TYPED
from schemas.volunteers import Named


def truth() -> fields.Boolean:
    """Return a field of true or false, where neither text nor a number is one."""
    return fields.Boolean(truthy={True}, falsy={False}, load_default=False)


class HelpWish(Schema):
    """What is asked for. A booking of one's own in `booking_id` says service and day; else `wished_days` do.

    `need`: in words, where no service of the catalogue says it. `matter`: the service's unless given.
    `area_id`: the township where the person is met. `contact_phone`: whom to call back, mobile or landline.
    """

    area_id = fields.UUID(required=True)
    matter = Word(ServiceKind, load_default=None, allow_none=True)
    service_id = fields.UUID(load_default=None, allow_none=True)
    booking_id = fields.UUID(load_default=None, allow_none=True)
    needs_booking = truth()
    needs_companion = truth()
    needs_ride = truth()
    need = Text(500, lines=True, load_default=None, allow_none=True)
    language = Word(Language, load_default=Language.CHINESE)
    pickup = Text(200, load_default=None, allow_none=True)
    mobility = Text(300, lines=True, load_default=None, allow_none=True)
    contact_phone = Text(MOST_TYPED, load_default=None, allow_none=True)
    wished_days = fields.List(Day(), validate=at_most(MAX_WISHED_DAYS), load_default=list)
    part_of_day = Word(PartOfDay, load_default=PartOfDay.ANY)


class FamilyAsk(HelpWish):
    """`team_id`: who is to answer for it; the nearest team unless given."""

    person_id = fields.UUID(required=True)
    team_id = fields.UUID(load_default=None, allow_none=True)


class TeamAsk(HelpWish):
    """The person by id, or by number and name as they stand on the card."""

    person_id = fields.UUID(load_default=None)
    id_number = Text(MOST_TYPED, load_default=None)
    name = Text(MOST_TYPED, load_default=None)

    @validates_schema
    def one_person(self, data: dict[str, Any], **_options: Any) -> None:
        of_card = [name for name in ("id_number", "name") if data.get(name) is not None]
        if data.get("person_id") is not None:
            if of_card:
                raise ValidationError("not_valid", "person_id")
        elif len(of_card) == 0:
            raise ValidationError("required", "person_id")
        elif len(of_card) == 1:
            raise ValidationError("required", "name" if "id_number" in of_card else "id_number")


class StaffAsk(TeamAsk):
    team_id = fields.UUID(load_default=None, allow_none=True)


class HelpQuery(Schema):
    """`live`: those that are not over."""

    person = fields.UUID(load_default=None)
    state = Word(HelpState, load_default=None)
    live = fields.Boolean(load_default=False)
    limit = Limit()
    after = Cursor()


class PersonHelpQuery(Schema):
    limit = Limit()
    after = Cursor()


class TeamHelpQuery(Schema):
    state = Word(HelpState, load_default=None)
    live = fields.Boolean(load_default=False)
    limit = Limit()
    after = Cursor()


class StaffHelpQuery(TeamHelpQuery):
    """At most one of `team`, `area` and `person`."""

    team = fields.UUID()
    area = fields.UUID()
    person = fields.UUID()

    @validates_schema
    def one_way(self, data: dict[str, Any], **_options: Any) -> None:
        if len({"team", "area", "person"} & set(data)) > 1:
            raise ValidationError("one_filter_only")


class HelpService(Schema):
    """What the help is for, with what to bring."""

    id = fields.UUID()
    name = fields.String()
    department = fields.String()
    requirements = fields.List(fields.String())
    provider = fields.Nested(Named)


class HelpVolunteer(Schema):
    """Who has it; the telephone only until it is over."""

    id = fields.UUID()
    name = fields.String(allow_none=True)
    team = fields.Nested(Named)
    phone = fields.String(allow_none=True)


class HelpLine(Schema):
    """What lists of the team and of staff show of a request; in them the name is masked."""

    id = fields.UUID(required=True)
    state = Word(HelpState, required=True)
    person = fields.Nested(Named, required=True)
    team = fields.Nested(Named, required=True)
    area = fields.Nested(Named, required=True)
    asked_way = Word(AskedWay, required=True)
    matter = Word(ServiceKind, required=True)
    service = fields.Nested(HelpService, required=True, allow_none=True)
    needs_booking = fields.Boolean(required=True)
    needs_companion = fields.Boolean(required=True)
    needs_ride = fields.Boolean(required=True)
    language = Word(Language, required=True)
    wished_days = fields.List(Day(), required=True)
    part_of_day = Word(PartOfDay, required=True)
    starts_at = LocalTime(required=True, allow_none=True)
    ends_at = LocalTime(required=True, allow_none=True)
    booking_id = fields.UUID(required=True, allow_none=True)
    volunteer = fields.Nested(HelpVolunteer, required=True, allow_none=True)
    round = fields.Integer(required=True)
    alarmed_at = LocalTime(required=True, allow_none=True)
    expires_at = LocalTime(required=True)
    created_at = LocalTime(required=True)
    changed_at = LocalTime(required=True)


class HelpEvent(Schema):
    """One change: when, from what to what, why, and by whom; `volunteer_name` is of whom it is about."""

    at = LocalTime()
    was = Word(HelpState, allow_none=True)
    state = Word(HelpState)
    because = Word(Because)
    by = Word(HelpActor)
    volunteer_id = fields.UUID(allow_none=True)
    volunteer_name = fields.String(allow_none=True)


class HelpHours(Schema):
    started_at = LocalTime()
    started_way = Word(ConfirmedWay)
    ended_at = LocalTime(allow_none=True)
    ended_way = Word(ConfirmedWay, allow_none=True)
    minutes = fields.Integer(allow_none=True)


class HelpRating(Schema):
    stars = fields.Integer()
    thanks = fields.String()


class HelpPerson(Named):
    """`phone` only for who answers for the team."""

    phone = fields.String(allow_none=True)


class HelpRequest(HelpLine):
    """A request whole. The codes are the family's: the volunteer is told them to confirm start and end.

    `codes_sent_at`: when they went by text to somebody whom no account cares for; null where they did not.
    """

    person = fields.Nested(HelpPerson, required=True)
    need = fields.String(required=True, allow_none=True)
    pickup = fields.String(required=True, allow_none=True)
    mobility = fields.String(required=True, allow_none=True)
    contact_phone = fields.String(required=True, allow_none=True)
    booking = fields.Nested(Booking, required=True, allow_none=True)
    start_code = fields.String(required=True, allow_none=True)
    end_code = fields.String(required=True, allow_none=True)
    codes_sent_at = LocalTime(required=True, allow_none=True)
    hours = fields.Nested(HelpHours, required=True, allow_none=True)
    rating = fields.Nested(HelpRating, required=True, allow_none=True)
    events = fields.List(fields.Nested(HelpEvent), required=True)
