"""Everything about an account, named field by field."""

from __future__ import annotations

from marshmallow import Schema, fields

from schemas.enrolment_export import (
    ExportedEnrolment,
    ExportedEnrolmentDocument,
    ExportedEnrolmentEvent,
    ExportedLeave,
    ExportedPlace,
    ExportedSeatOffer,
)
from schemas.fields import LocalTime
from schemas.help_complaints import Complaint
from schemas.help_export import (
    ExportedContact,
    ExportedHelp,
    ExportedHelpEvent,
    ExportedVolunteer,
)
from schemas.people import CareRequest, Person


class ExportedAccount(Schema):
    id = fields.UUID()
    created_at = LocalTime()
    openid = fields.String(allow_none=True)


class ExportedCare(Schema):
    person_id = fields.UUID()
    relation = fields.String()
    since = LocalTime()
    ended_at = LocalTime(allow_none=True)


class ExportedConsent(Schema):
    person_id = fields.UUID()
    kind = fields.String()
    version = fields.String(attribute="document_version")
    given_at = LocalTime()
    withdrawn_at = LocalTime(allow_none=True)


class ExportedBooking(Schema):
    id = fields.UUID()
    person_id = fields.UUID(allow_none=True, metadata={"description": "null: somebody not in one's care"})
    status = fields.String()
    number = fields.Integer(allow_none=True)
    code = fields.String(allow_none=True)
    channel = fields.String()
    provider_name = fields.String()
    department = fields.String()
    service_name = fields.String()
    starts_at = LocalTime()
    ends_at = LocalTime()
    answers = fields.Raw(allow_none=True)
    reason = fields.String(allow_none=True)
    created_at = LocalTime()
    changed_at = LocalTime()
    booked_by_me = fields.Boolean()
    mandate_id = fields.UUID(allow_none=True)


class ExportedWaiting(Schema):
    id = fields.UUID()
    people = fields.List(fields.UUID())
    provider_name = fields.String()
    department = fields.String()
    service_name = fields.String()
    first_day = fields.Date()
    last_day = fields.Date()
    status = fields.String()
    ended_because = fields.String(allow_none=True)
    missed = fields.Integer()
    created_at = LocalTime()
    ended_at = LocalTime(allow_none=True)
    booked_by_me = fields.Boolean()
    mandate_id = fields.UUID(allow_none=True)


class ExportedMandate(Schema):
    id = fields.UUID()
    person_id = fields.UUID(allow_none=True, metadata={"description": "null: somebody not in one's care"})
    matters = fields.List(fields.String())
    consent_way = fields.String()
    status = fields.String()
    created_at = LocalTime()
    consented_at = LocalTime(allow_none=True)
    expires_at = LocalTime()
    max_uses = fields.Integer(allow_none=True)
    revoked_at = LocalTime(allow_none=True)
    held_by_me = fields.Boolean()


class ExportedSuspension(Schema):
    id = fields.UUID()
    person_id = fields.UUID()
    provider_name = fields.String()
    step = fields.Integer()
    booking_ids = fields.List(fields.UUID())
    starts_at = LocalTime()
    ends_at = LocalTime()
    lifted_at = LocalTime(allow_none=True)
    lifted_because = fields.String(allow_none=True)
    appeal_status = fields.String(allow_none=True)
    statement = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    appealed_at = LocalTime(allow_none=True)
    decided_at = LocalTime(allow_none=True)


class ExportedNotice(Schema):
    id = fields.UUID()
    person_id = fields.UUID()
    kind = fields.String()
    subject_id = fields.UUID()
    facts = fields.Raw()
    created_at = LocalTime()


class ExportedSession(Schema):
    device = fields.String()
    created_at = LocalTime()
    refreshed_at = LocalTime()
    ended_at = LocalTime(allow_none=True)
    end_reason = fields.String(allow_none=True)


class ExportedAccess(Schema):
    at = LocalTime()
    action = fields.String()
    by_kind = fields.String(allow_none=True)


class Export(Schema):
    exported_at = LocalTime()
    account = fields.Nested(ExportedAccount)
    people = fields.List(fields.Nested(Person))
    care = fields.List(fields.Nested(ExportedCare))
    care_requests = fields.List(fields.Nested(CareRequest))
    consents = fields.List(fields.Nested(ExportedConsent))
    bookings = fields.List(fields.Nested(ExportedBooking))
    waitlist = fields.List(fields.Nested(ExportedWaiting))
    mandates = fields.List(fields.Nested(ExportedMandate))
    volunteer = fields.Nested(ExportedVolunteer, allow_none=True)
    emergency_contacts = fields.List(fields.Nested(ExportedContact))
    help_requests = fields.List(fields.Nested(ExportedHelp))
    help_events = fields.List(fields.Nested(ExportedHelpEvent))
    help_complaints = fields.List(fields.Nested(Complaint))
    enrolments = fields.List(fields.Nested(ExportedEnrolment))
    enrolment_documents = fields.List(fields.Nested(ExportedEnrolmentDocument))
    enrolment_events = fields.List(fields.Nested(ExportedEnrolmentEvent))
    enrolment_offers = fields.List(fields.Nested(ExportedSeatOffer))
    nursery_places = fields.List(fields.Nested(ExportedPlace))
    nursery_leaves = fields.List(fields.Nested(ExportedLeave))
    suspensions = fields.List(fields.Nested(ExportedSuspension))
    notices = fields.List(fields.Nested(ExportedNotice))
    sessions = fields.List(fields.Nested(ExportedSession))
    accesses = fields.List(fields.Nested(ExportedAccess))
