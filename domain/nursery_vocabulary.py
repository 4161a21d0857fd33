"""Words and limits of nurseries and enrolment. A leaf: it imports nothing of ours."""

from __future__ import annotations

from enum import StrEnum


class ClassKind(StrEnum):
    """乳儿班, 托小班, 托大班, 混合班."""

    INFANT = "infant"
    JUNIOR = "junior"
    SENIOR = "senior"
    MIXED = "mixed"


class ClassState(StrEnum):
    ACTIVE = "active"
    CLOSED = "closed"


class RoundState(StrEnum):
    """Announced, open and closed go by the database's clock, the others by what staff have done.

    Reviewed: every application is decided, the list is frozen and its hash published.
    """

    DRAFT = "draft"
    ANNOUNCED = "announced"
    OPEN = "open"
    CLOSED = "closed"
    REVIEWED = "reviewed"
    DRAWN = "drawn"
    PUBLISHED = "published"
    OFFERS = "offers"
    ENDED = "ended"
    CANCELLED = "cancelled"


class EnrolmentState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


LIVE = (
    EnrolmentState.DRAFT,
    EnrolmentState.SUBMITTED,
    EnrolmentState.IN_REVIEW,
    EnrolmentState.RETURNED,
    EnrolmentState.ACCEPTED,
)
"""A child has one such application in a round."""
UNDECIDED = (EnrolmentState.SUBMITTED, EnrolmentState.IN_REVIEW, EnrolmentState.RETURNED)
"""The list is not frozen while one of these is there."""


class EnrolmentBecause(StrEnum):
    """Why an application, its offers or its place came to be as they are."""

    BEGUN = "begun"
    CHANGED = "changed"
    SUBMITTED = "submitted"
    REOPENED = "reopened"
    WITHDRAWN = "withdrawn"
    PERSON_ERASED = "person_erased"
    REVIEW_BEGUN = "review_begun"
    REVIEW_LEFT = "review_left"
    RETURNED = "returned"
    REPAIRED = "repaired"
    REPAIR_LATE = "repair_late"
    REFUSAL_PROPOSED = "refusal_proposed"
    DENIAL_PROPOSED = "denial_proposed"
    PROPOSAL_REJECTED = "proposal_rejected"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    LISTED = "listed"
    DRAWN = "drawn"
    OFFERED = "offered"
    OFFER_ACCEPTED = "offer_accepted"
    OFFER_DECLINED = "offer_declined"
    OFFER_LAPSED = "offer_lapsed"
    SETTLED = "settled"
    SEAT_GIVEN_UP = "seat_given_up"
    PLACE_CHANGED = "place_changed"


class EnrolmentActor(StrEnum):
    """Who did something about an application, as the family is told; family: another who cares for the child."""

    SELF = "self"
    FAMILY = "family"
    STAFF = "staff"
    TIME = "time"


class ClaimStatus(StrEnum):
    CLAIMED = "claimed"
    GRANTED = "granted"
    DENIED = "denied"


class DocumentKind(StrEnum):
    """What a family hands in: who they are, where they are registered, what shows a priority."""

    IDENTITY = "identity"
    HOUSEHOLD = "household"
    CLAIM = "claim"
    OTHER = "other"


class VerdictKind(StrEnum):
    ACCEPT = "accept"
    REFUSE = "refuse"


class ReviewView(StrEnum):
    """What reviewers look for. Mine: what the caller has taken. To confirm: what others propose."""

    WAITING = "waiting"
    MINE = "mine"
    TO_CONFIRM = "to_confirm"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class OfferWay(StrEnum):
    """How a family comes to an offer: by the draw itself, or from the queue for what others gave up."""

    DRAW = "draw"
    QUEUE = "queue"


class SeatOfferStatus(StrEnum):
    """Given up: accepted first and given back later. Exchanged: accepted first and left for a better one."""

    LIVE = "live"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    GIVEN_UP = "given_up"
    EXCHANGED = "exchanged"


class QueueStanding(StrEnum):
    """What an application is in the queue of a programme that it ranks.

    Let go: it declined a seat there, did not answer in time, or gave it back. Not taken: the seats there take no child
    of its groups. Over: the round has ended.
    """

    ACCEPTED = "accepted"
    OFFERED = "offered"
    WAITING = "waiting"
    HAS_BETTER = "has_better"
    SETTLED = "settled"
    LET_GO = "let_go"
    NOT_TAKEN = "not_taken"
    OVER = "over"


class PlaceStatus(StrEnum):
    PLANNED = "planned"
    CONFIRMED = "confirmed"
    ENDED = "ended"
    CANCELLED = "cancelled"


class Paper(StrEnum):
    """Without which no child begins: the signed agreement, the health check, the vaccination record."""

    AGREEMENT = "agreement"
    HEALTH_CHECK = "health_check"
    VACCINATION = "vaccination"


MAX_RANKS = 20
MAX_PROGRAMMES = 200
"""Of one round."""
MAX_GROUPS = 20
"""Of one round."""
MAX_DOCUMENTS = 20
"""Of one application."""
MAX_UNUSED_FILES = 40
"""Files of one account that are attached to nothing yet."""
NEVER_CAME_DAYS = 31
"""So long after its first day a confirmed place can still be cancelled, since the child never came."""
PAPERS_DUE_DAYS = 14
"""So long before the first day the family is told which papers are missing."""
MAX_MONTHS_SHOWN = 24
"""Of occupancy, at once."""
