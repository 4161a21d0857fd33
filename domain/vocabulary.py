"""Words and limits that every layer uses. A leaf: it imports nothing of ours."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import date, datetime

LOCAL_ZONE = ZoneInfo("Asia/Shanghai")


def local_day(moment: datetime) -> date:
    """Return the day that it is in Alxa at a moment."""
    return moment.astimezone(LOCAL_ZONE).date()


def clock(minute: int) -> str:
    """Say a minute of the day as clocks do; the day's end is 24:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


class Role(StrEnum):
    RESIDENT = "resident"
    VOLUNTEER = "volunteer"
    ADMIN = "admin"
    MANAGER = "manager"
    CLERK = "clerk"
    AUDITOR = "auditor"


ADMINS = (Role.ADMIN,)
MANAGERS = (Role.ADMIN, Role.MANAGER)
CLERKS = (Role.ADMIN, Role.MANAGER, Role.CLERK)
STAFF_ROLES = (Role.ADMIN, Role.MANAGER, Role.CLERK, Role.AUDITOR)


class Relation(StrEnum):
    SELF = "self"
    CHILD = "child"
    PARENT = "parent"
    OTHER = "other"


class DocumentKind(StrEnum):
    """Kinds of identity document; only the resident identity card is read today."""

    RESIDENT_ID = "resident_id"


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"


class Assurance(StrEnum):
    """How sure we are of a person's identity, weakest first."""

    DECLARED = "declared"
    DESK_VERIFIED = "desk_verified"
    CHECKED = "checked"


class ConsentKind(StrEnum):
    PRIVACY = "privacy"
    SENSITIVE_DATA = "sensitive_data"
    CHILD_GUARDIAN = "child_guardian"
    CHILD_ENROLMENT = "child_enrolment"


class AreaLevel(StrEnum):
    LEAGUE = "league"
    BANNER = "banner"
    ZONE = "zone"
    TOWN = "town"
    COMMUNITY = "community"


class ProviderKind(StrEnum):
    HOSPITAL = "hospital"
    ELDER_CARE = "elder_care"
    GOVERNMENT = "government"
    EMPLOYMENT = "employment"
    NURSERY = "nursery"
    COMMUNITY = "community"
    SCHOOL = "school"


class ServiceKind(StrEnum):
    """What a service is about; the matters of a mandate are of the same words."""

    MEDICAL = "medical"
    ELDER_CARE = "elder_care"
    INSURANCE = "insurance"
    EMPLOYMENT = "employment"
    HOUSING = "housing"
    ASSISTANCE = "assistance"
    NURSERY = "nursery"
    EDUCATION = "education"
    OTHER = "other"


class CatalogueState(StrEnum):
    ACTIVE = "active"
    HIDDEN = "hidden"


class QuestionKind(StrEnum):
    TEXT = "text"
    CHOICE = "choice"
    BOOLEAN = "boolean"
    NUMBER = "number"
    DATE = "date"


class SlotState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class ShownState(StrEnum):
    """What a slot or a day is to a resident."""

    NONE = "none"
    OPEN = "open"
    FULL = "full"
    NOT_RELEASED = "not_released"
    CLOSED = "closed"


class ClosedBecause(StrEnum):
    ORDER_STOPPED = "order_stopped"
    PROVIDER = "provider"


class Channel(StrEnum):
    """Who a part of a slot's places is kept for."""

    PUBLIC = "public"
    ASSISTED = "assisted"
    COUNTER = "counter"


class DayKind(StrEnum):
    """What a day of the calendar is where it is not what its weekday says."""

    HOLIDAY = "holiday"
    WORKDAY = "workday"


class DaySource(StrEnum):
    """Who says so: the library of holidays, or staff."""

    LIBRARY = "library"
    STAFF = "staff"


class OnHolidays(StrEnum):
    """What a schedule does on a holiday."""

    CLOSED = "closed"
    OPEN = "open"


class ScheduleState(StrEnum):
    ACTIVE = "active"
    ENDED = "ended"


class ExceptionKind(StrEnum):
    """No slots; other sessions in place of the template's; sessions beside them."""

    CLOSED = "closed"
    CHANGED = "changed"
    EXTRA = "extra"


class SlotEffect(StrEnum):
    """What a change of a schedule does to a slot, or where it cannot make one."""

    MADE = "made"
    REOPENED = "reopened"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    LEFT_OUT = "left_out"


class BookingStatus(StrEnum):
    BOOKED = "booked"
    CHECKED_IN = "checked_in"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    MOVED = "moved"


class CorrectedStatus(StrEnum):
    """What a no-show that was none is instead."""

    CHECKED_IN = "checked_in"
    COMPLETED = "completed"


class AppealStatus(StrEnum):
    OPEN = "open"
    GRANTED = "granted"
    REJECTED = "rejected"


class AppealDecision(StrEnum):
    """How staff answer an appeal."""

    GRANTED = "granted"
    REJECTED = "rejected"


class LateRule(StrEnum):
    """What becomes of who comes late: called behind those in time, or refused."""

    REQUEUE = "requeue"
    REFUSE = "refuse"


class KeptBecause(StrEnum):
    """Why a place is kept back for who waits."""

    CANCELLED = "cancelled"
    MOVED = "moved"
    ADDED = "added"
    OFFER_ENDED = "offer_ended"
    FALLEN_BACK = "fallen_back"


class TicketStatus(StrEnum):
    """Where somebody who has come stands in the queue."""

    WAITING = "waiting"
    CALLED = "called"
    SKIPPED = "skipped"
    DONE = "done"


class Treatment(StrEnum):
    """What happens to bookings whose slot is no more: offered the nearest equal place, moved there, or cancelled."""

    OFFER = "offer"
    MOVE = "move"
    CANCEL = "cancel"


class Otherwise(StrEnum):
    """And to those for whom there is no equal place."""

    CANCEL = "cancel"
    PHONE = "phone"


class WaitlistStatus(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    ENDED = "ended"


class EndedBecause(StrEnum):
    """Why somebody waits no longer without having got a place."""

    LEFT = "left"
    DAYS_OVER = "days_over"
    BOOKED_ELSEWHERE = "booked_elsewhere"
    MANDATE_OVER = "mandate_over"
    CARE_OVER = "care_over"
    SERVICE_HIDDEN = "service_hidden"
    SUSPENDED = "suspended"
    NOT_ELIGIBLE = "not_eligible"
    OFFERS_MISSED = "offers_missed"


class OfferStatus(StrEnum):
    """Of a place that is kept for somebody."""

    LIVE = "live"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


class WaitStatus(StrEnum):
    """Where somebody who has booked for today stands, as it is told to that person."""

    EXPECTED = "expected"
    WAITING = "waiting"
    CALLED = "called"
    SKIPPED = "skipped"
    DONE = "done"
    OVER = "over"


class ConsentWay(StrEnum):
    """How the person or the family agreed to a mandate."""

    FAMILY = "family"
    SMS = "sms"
    DESK = "desk"


class MandateStatus(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    REVOKED = "revoked"


class MandateState(StrEnum):
    """A mandate's status as it is shown: time has done its part."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class FilePurpose(StrEnum):
    MANDATE_PAPER = "mandate_paper"
    ENROLMENT_DOCUMENT = "enrolment_document"
    NURSERY_PAPER = "nursery_paper"


class ExportFormat(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


class ShownNames(StrEnum):
    """How names of persons stand in an export."""

    MASKED = "masked"
    FULL = "full"


class NoticeKind(StrEnum):
    """What a person or the family is told about."""

    MANDATE_REQUESTED = "mandate_requested"
    MANDATE_GIVEN = "mandate_given"
    MANDATE_REVOKED = "mandate_revoked"
    MANDATE_USED = "mandate_used"
    MANDATE_USE_CANCELLED = "mandate_use_cancelled"
    MANDATE_QUEUED = "mandate_queued"
    CARE_REQUESTED = "care_requested"
    CARE_JOINED = "care_joined"
    BOOKING_MOVED = "booking_moved"
    BOOKING_CANCELLED = "booking_cancelled"
    BOOKING_STANDS = "booking_stands"
    REBOOKING_OFFERED = "rebooking_offered"
    REBOOKING_LAPSED = "rebooking_lapsed"
    REBOOKING_BY_PHONE = "rebooking_by_phone"
    NO_SHOW = "no_show"
    NO_SHOW_CORRECTED = "no_show_corrected"
    SUSPENDED = "suspended"
    SUSPENSION_LIFTED = "suspension_lifted"
    APPEAL_DECIDED = "appeal_decided"
    PLACE_OFFERED = "place_offered"
    OFFER_LAPSED = "offer_lapsed"
    WAITLIST_ENDED = "waitlist_ended"
    HELP_ASKED = "help_asked"
    HELP_OFFERED = "help_offered"
    HELP_WITHDRAWN = "help_withdrawn"
    HELP_ACCEPTED = "help_accepted"
    HELP_HANDED_BACK = "help_handed_back"
    HELP_BOOKED = "help_booked"
    HELP_MOVED = "help_moved"
    HELP_STARTED = "help_started"
    HELP_COMPLETED = "help_completed"
    HELP_CANCELLED = "help_cancelled"
    HELP_EXPIRED = "help_expired"
    HELP_ALARMED = "help_alarmed"
    HELP_THANKED = "help_thanked"
    HELP_HOURS_CORRECTED = "help_hours_corrected"
    COMPLAINT_ANSWERED = "complaint_answered"
    VOLUNTEER_APPLIED = "volunteer_applied"
    VOLUNTEER_APPROVED = "volunteer_approved"
    VOLUNTEER_SUSPENDED = "volunteer_suspended"
    VOLUNTEER_REINSTATED = "volunteer_reinstated"
    VOLUNTEER_DISMISSED = "volunteer_dismissed"
    EMERGENCY_CONTACT_CHANGED = "emergency_contact_changed"
    ENROLMENT_SUBMITTED = "enrolment_submitted"
    ENROLMENT_WITHDRAWN = "enrolment_withdrawn"
    ENROLMENT_RETURNED = "enrolment_returned"
    ENROLMENT_ACCEPTED = "enrolment_accepted"
    ENROLMENT_REFUSED = "enrolment_refused"
    ENROLMENT_ROUND_CHANGED = "enrolment_round_changed"
    ENROLMENT_DRAWN = "enrolment_drawn"
    ENROLMENT_OFFERED = "enrolment_offered"
    ENROLMENT_OFFER_LAPSED = "enrolment_offer_lapsed"
    NURSERY_PLACE_CHANGED = "nursery_place_changed"
    NURSERY_PAPERS_DUE = "nursery_papers_due"


class VolunteerStatus(StrEnum):
    APPLIED = "applied"
    APPROVED = "approved"
    SUSPENDED = "suspended"
    LEFT = "left"


class Language(StrEnum):
    CHINESE = "zh"
    MONGOLIAN = "mn"
    CHINESE_SIGN = "csl"


class CareRequestStatus(StrEnum):
    """Of a request to join the care of a person; `expired` is never stored, see `expires_at`."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class DecidedWay(StrEnum):
    """Who let a further account join the care of a person."""

    CARER = "carer"
    PHONE = "phone"
    DESK = "desk"


class Fate(StrEnum):
    """What becomes of a person whom an account lets go."""

    ERASED = "erased"
    KEPT_BY_OTHERS = "kept_by_others"
    KEPT_BY_DESK = "kept_by_desk"


LARGEST_PARTY = 5
"""Who wait together for places in one slot."""

MAX_PEOPLE_IN_CARE = 10
MAX_PEOPLE_ADDED_A_DAY = 10
MAX_VISITED_A_DAY = 30
"""Persons whose cards one account reads in on visits."""
MAX_CARE_REQUESTS_A_DAY = 5
CARE_REQUEST_DAYS = 7
MAX_CODES_A_PERSON_A_DAY = 10

LONGEST_LIMIT_DAYS = 90
"""The longest span that a limit of bookings counts over: so long a document is remembered after erasure."""

MAX_AREAS_SERVED = 20
MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_MANDATE_DAYS = 366
MAX_MANDATES_OF_PERSON = 3
MAX_PERSONS_OF_VOLUNTEER = 30
MANDATE_PENDING_MINUTES = 60
MANDATE_PAPER_DAYS = 7
"""How long a paper waits for a second person."""
MAX_MANDATE_USES = 1000
ASKS_A_DAY_OF_PERSON = 5
ASKS_A_DAY_BY_VOLUNTEER = 20
WRONG_PERSONS_AN_HOUR = 5
CODES_SENT = 3
CODE_PAUSE_SECONDS = 60
CODE_VALID_MINUTES = 10
CODE_ATTEMPTS = 5

LONGEST_ANSWER = 500
"""Of an intake question of kind text that sets no shorter one, and the longest that it may set."""

MAX_QUESTIONS = 20
MAX_CHOICES = 30
MAX_CAPACITY = 10_000
MAX_SLOT_HOURS = 24
MAX_DAYS_AHEAD = 366
MAX_DAYS_SHOWN = 62
MAX_DAYS_CHANGED = 92
MAX_DAYS_REPORTED = 92
"""In one export, and in one look at the figures."""
MAX_BOOKINGS_EXPORTED = 50_000
MAX_SLOTS_MADE = 20_000
"""Of one pattern."""
MAX_SLOTS_CHANGED = 5_000
MAX_BOOKINGS_TREATED = 2_000
"""By one closure or change of a schedule: it holds their slots and persons locked until it is done."""
REHOUSING_DAYS = 31
"""How far from its day a booking is given another place; what is further off helps nobody who needs this one."""
LONGEST_ANSWER_HOURS = 168
MOST_BOOKINGS_NAMED = 1_000
"""In the answer to closing slots; it counts them all."""

MOST_SLOTS_NAMED = 100
"""In a refusal that names slots, schedules or sessions in the way; it counts them all."""
MAX_SESSIONS = 100
"""Of one schedule's week, or of one exception's day."""
MAX_EXCEPTION_DAYS = 366
MAX_EXCEPTIONS = 500
"""Live ones of one schedule."""
MAX_SCHEDULE_DAYS_AHEAD = 3 * 366
"""How far ahead a schedule may begin or, where it says so, end."""
