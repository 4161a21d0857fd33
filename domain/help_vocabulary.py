"""Words and limits of volunteers and help. A leaf: it imports nothing of ours."""

from __future__ import annotations

from enum import StrEnum


class Ability(StrEnum):
    """What a volunteer can do."""

    BOOK = "book"
    ACCOMPANY = "accompany"
    DRIVE = "drive"


class AskedWay(StrEnum):
    """Who asked for help: the elder's own account, the family, a clerk for a phone call, a leader on a visit."""

    SELF = "self"
    FAMILY = "family"
    PHONE = "phone"
    VISIT = "visit"


class PartOfDay(StrEnum):
    ANY = "any"
    MORNING = "morning"
    AFTERNOON = "afternoon"


class HelpState(StrEnum):
    OPEN = "open"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    BOOKED = "booked"
    UNDER_WAY = "under_way"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


SOUGHT = (HelpState.OPEN, HelpState.OFFERED)
"""Nobody has it yet."""
TAKEN = (HelpState.ACCEPTED, HelpState.BOOKED, HelpState.UNDER_WAY)
"""A volunteer has it and sees whom it is about."""
LIVE = (*SOUGHT, *TAKEN)


class Because(StrEnum):
    """Why a help request came into its state."""

    ASKED = "asked"
    ROUND = "round"
    ROUND_UNANSWERED = "round_unanswered"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    HANDED_BACK = "handed_back"
    VOLUNTEER_SUSPENDED = "volunteer_suspended"
    VOLUNTEER_LEFT = "volunteer_left"
    MANDATE_REVOKED = "mandate_revoked"
    RELEASED_BY_LEADER = "released_by_leader"
    BOOKED = "booked"
    TIME_AGREED = "time_agreed"
    TIME_KNOWN = "time_known"
    BOOKING_MOVED = "booking_moved"
    BOOKING_CANCELLED = "booking_cancelled"
    CLASH = "clash"
    STARTED = "started"
    COMPLETED = "completed"
    COMPLETED_BY_LEADER = "completed_by_leader"
    CANCELLED_BY_FAMILY = "cancelled_by_family"
    CANCELLED_BY_DESK = "cancelled_by_desk"
    NO_SHOW = "no_show"
    PERSON_ERASED = "person_erased"
    TIME_OVER = "time_over"
    NEVER_CONFIRMED = "never_confirmed"


class HelpActor(StrEnum):
    """Who brought a help request into its state, as it is told."""

    FAMILY = "family"
    VOLUNTEER = "volunteer"
    LEADER = "leader"
    STAFF = "staff"
    TIME = "time"


class ReleaseReason(StrEnum):
    """Why a request is handed back, or taken from who has it."""

    ILL = "ill"
    NO_TIME = "no_time"
    ROAD = "road"
    NOT_FITTING = "not_fitting"
    OTHER = "other"


class TaskView(StrEnum):
    """How a volunteer meets a request: asked for it, having it, or done with it."""

    ASKED = "asked"
    TAKEN = "taken"
    OVER = "over"


class OfferAnswer(StrEnum):
    """Where an offer of a help request to one volunteer stands."""

    LIVE = "live"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


class WorkState(StrEnum):
    HELD = "held"
    DONE = "done"
    RELEASED = "released"


class ConfirmedWay(StrEnum):
    """How start or end of a task was confirmed; by time alone an end that nobody confirmed."""

    CODE = "code"
    POSITION = "position"
    LEADER = "leader"
    TIME = "time"


class HoursRows(StrEnum):
    """What a line of a spreadsheet of hours is about."""

    VOLUNTEER = "volunteer"
    TASK = "task"


class AlarmKind(StrEnum):
    NOBODY_TOOK = "nobody_took"
    UNCONFIRMED = "unconfirmed"
    MANY_PERSONS = "many_persons"
    SAME_ADDRESS = "same_address"
    CANCELLED_AND_RETAKEN = "cancelled_and_retaken"
    NIGHT_USE = "night_use"


class AlarmState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Reach(StrEnum):
    """How far a round of dispatch goes: the team of the request, all who serve its area, all around."""

    TEAM = "team"
    AREA = "area"
    AROUND = "around"


class Misfit(StrEnum):
    """Why a volunteer cannot have a help request, in the order in which it is looked at."""

    NOT_APPROVED = "not_approved"
    HAD_IT_BEFORE = "had_it_before"
    CARES_FOR_PERSON = "cares_for_person"
    OTHER_TEAM = "other_team"
    OTHER_AREA = "other_area"
    LANGUAGE = "language"
    ABILITIES = "abilities"
    MANDATE = "mandate"
    TOO_MANY_TASKS = "too_many_tasks"
    HOURS = "hours"
    OTHER_WORK = "other_work"
    TOO_MUCH_THAT_DAY = "too_much_that_day"


class MandateFit(StrEnum):
    """How a volunteer stands with the mandate that a help request takes."""

    NOT_NEEDED = "not_needed"
    IN_PLACE = "in_place"
    OBTAINABLE = "obtainable"
    NONE = "none"


MAX_WISHED_DAYS = 14
MAX_WISHED_DAYS_AHEAD = 90
MAX_LIVE_REQUESTS_OF_PERSON = 5
MAX_UNKNOWN_CARDS_A_DAY = 5
"""Cards of persons whom nobody has registered, named by one account on visits."""
MAX_HOURS_A_WEEKDAY = 6
"""Spans of availability on one weekday."""
MAX_AGREED_HOURS = 16
"""From the start to the end of a time that family and volunteer agree on."""
MAX_DAYS_OFF = 50
"""Spans still to come."""
MAX_COMPLAINTS_OF_REQUEST = 5
MAX_CODE_TEXTS = 5
"""Texts with the codes of a request since somebody took it."""
