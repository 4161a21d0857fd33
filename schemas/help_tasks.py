from __future__ import annotations

from marshmallow import Schema, fields

from domain.help_vocabulary import Because, HelpState, PartOfDay, ReleaseReason, TaskView
from domain.vocabulary import BookingStatus, Language, ServiceKind
from schemas.fields import Cursor, Day, Limit, LocalTime, Word


class TaskQuery(Schema):
    """`view`: asked and taken, unless one is wanted."""

    view = Word(TaskView, load_default=None)
    limit = Limit()
    after = Cursor()


class TaskRelease(Schema):
    reason = Word(ReleaseReason, required=True)


class TaskBook(Schema):
    slot_id = fields.UUID(required=True)
    answers = fields.Dict(keys=fields.String(), load_default=dict)


class TaskTime(Schema):
    """When the volunteer meets the person, and when both are back."""

    starts_at = LocalTime(required=True)
    ends_at = LocalTime(required=True)


class TaskAssign(Schema):
    volunteer_id = fields.UUID(required=True)


class TaskPerson(Schema):
    """`phone`: the number given with the request, or else the person's own."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    phone = fields.String(required=True, allow_none=True)


class TaskContact(Schema):
    name = fields.String(required=True)
    phone = fields.String(required=True)


class TaskProvider(Schema):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    address = fields.String(required=True)
    phone = fields.String(required=True)


class TaskService(Schema):
    """`requirements`: what to bring."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    department = fields.String(required=True)
    requirements = fields.List(fields.String(), required=True)
    provider = fields.Nested(TaskProvider, required=True)


class TaskBooking(Schema):
    id = fields.UUID(required=True)
    status = Word(BookingStatus, required=True)
    number = fields.Integer(required=True)
    code = fields.String(required=True)
    starts_at = LocalTime(required=True)
    ends_at = LocalTime(required=True)
    resource = fields.String(required=True)


class TaskWhole(Schema):
    """What only who has the request sees, and only as long. `mandate_id`: what one may book under now."""

    person = fields.Nested(TaskPerson, required=True)
    emergency_contact = fields.Nested(TaskContact, required=True, allow_none=True)
    need = fields.String(required=True, allow_none=True)
    pickup = fields.String(required=True, allow_none=True)
    mobility = fields.String(required=True, allow_none=True)
    service = fields.Nested(TaskService, required=True, allow_none=True)
    booking = fields.Nested(TaskBooking, required=True, allow_none=True)
    mandate_id = fields.UUID(required=True, allow_none=True)


class Task(Schema):
    """A help request as a volunteer meets it: `asked`, `taken` or `over`; what a view does not show is null.

    `reasons` and `answer_by` say why one is asked and until when one may answer; `because`, how it went that one has
    it no more. `whole` is in no list.
    """

    id = fields.UUID(required=True)
    view = Word(TaskView, required=True)
    state = Word(HelpState, required=True, allow_none=True)
    matter = Word(ServiceKind, required=True)
    area_name = fields.String(required=True, data_key="township")
    language = Word(Language, required=True)
    needs_booking = fields.Boolean(required=True)
    needs_companion = fields.Boolean(required=True)
    needs_ride = fields.Boolean(required=True)
    wished_days = fields.List(Day(), required=True, allow_none=True)
    part_of_day = Word(PartOfDay, required=True, allow_none=True)
    starts_at = LocalTime(required=True, allow_none=True)
    ends_at = LocalTime(required=True, allow_none=True)
    reasons = fields.Dict(required=True, allow_none=True)
    answer_by = LocalTime(required=True, allow_none=True)
    day = Day(required=True, allow_none=True)
    because = Word(Because, required=True, allow_none=True)
    minutes = fields.Integer(required=True, allow_none=True)
    stars = fields.Integer(required=True, allow_none=True)
    thanks = fields.String(required=True, allow_none=True)
    whole = fields.Nested(TaskWhole, required=True, allow_none=True)
