"""Whether one booking may be made, rule by rule, in the order in which a resident wants to be told.

Pure: everything has been fetched before. The places themselves are counted in `domain.bookings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from domain import eligibility, intake
from domain.booking_limits import (
    Acted,
    Held,
    check_account_limit,
    check_acts,
    check_person_limits,
    check_volunteer_limit,
)
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from domain.suspension_ladder import suspended
from domain.vocabulary import Channel, MandateStatus, VolunteerStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """What one caller wants.

    `desk`: staff books at the counter, for whoever stands there or calls. `only`: the one pool to book in, where a
    place of it was kept for this request. `despite_suspension`: why the desk books for somebody who is suspended.
    """

    account_id: UUID
    slot_id: UUID
    person_id: UUID
    mandate_id: UUID | None
    answers: Mapping[str, Any]
    key: str
    desk: bool = False
    only: Channel | None = None
    despite_suspension: str = ""
    request_id: str | None = None

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return the pools to try, in order."""
        if self.only is not None:
            return (self.only,)
        if self.desk:
            return (Channel.COUNTER, Channel.PUBLIC)
        if self.mandate_id is not None:
            return (Channel.ASSISTED, Channel.PUBLIC)
        return (Channel.PUBLIC,)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was fetched for one request. None is what there is not, or what the caller may not see.

    `for_other`: an account books for somebody else in its care, as it has `account_bookings` times for that day.
    `mandate_uses`: those granted in this batch, beside those that `mandate` tells of.
    """

    slot: Row | None
    person: Row | None
    cares: bool
    at_desk: bool
    mandate: Row | None
    volunteer: Row | None
    held: Sequence[Held]
    volunteer_bookings: int
    acted: Acted | None = None
    for_other: bool = False
    account_bookings: int = 0
    mandate_uses: int = 0
    suspension: Row | None = None


class Acting(Protocol):
    """What a mandate is used for: somebody."""

    @property
    def person_id(self) -> UUID: ...


class MandateFacts(Protocol):
    """What was fetched for the use of a mandate."""

    @property
    def person(self) -> Row | None: ...

    @property
    def mandate(self) -> Row | None: ...

    @property
    def volunteer(self) -> Row | None: ...


def refusal(request: BookingRequest, facts: Facts, now: datetime) -> Refusal | None:
    """Return why the request may not be booked, or None."""
    if facts.slot is None:
        return NotFound("slot_not_found")
    return (
        check_permission(request, facts, facts.slot, now)
        or check_suspension(request, facts)
        or check_times(request, facts.slot, now)
        or check_person(request, facts, facts.slot)
        or check_limits(facts, facts.slot)
    )


def check_permission(request: BookingRequest, facts: Facts, slot: Row, now: datetime) -> Refusal | None:
    """Only for a person in one's care, under a live mandate, or at a desk of the slot's provider."""
    if request.desk:
        if not facts.at_desk:
            return NotFound("slot_not_found")
    elif request.mandate_id is not None:
        return check_mandate(request, facts, slot, now)
    elif not facts.cares:
        return NotFound("person_not_found")
    return None if facts.person is not None else NotFound("person_not_found")


def check_mandate(request: Acting, facts: MandateFacts, slot: Row, now: datetime) -> Refusal | None:
    """Check what Civil Code 165, 171 and 173 ask: this agent, this person, this matter, still in force.

    `slot` may be anything that has a `kind`.
    """
    mandate, volunteer = facts.mandate, facts.volunteer
    if mandate is None or volunteer is None or volunteer["id"] not in mandate["holders"]:
        return NotFound("mandate_not_found")
    if mandate["person_id"] != request.person_id or facts.person is None:
        return NotFound("mandate_not_found")
    if volunteer["status"] != VolunteerStatus.APPROVED:
        return Forbidden("volunteer_not_approved")
    if mandate["status"] == MandateStatus.PENDING:
        return Conflict("mandate_not_confirmed")
    if mandate["status"] == MandateStatus.REVOKED:
        return Conflict("mandate_revoked")
    if mandate["expires_at"] <= now:
        return Conflict("mandate_expired", expired_at=mandate["expires_at"])
    if slot["kind"] not in mandate["matters"]:
        return Forbidden("mandate_other_matter", matters=mandate["matters"])
    return None


def check_uses(mandate: Row, more: int = 0) -> Refusal | None:
    """Check that a mandate for so many bookings has one left; `more` are made, but not counted in it yet."""
    most = mandate["max_uses"]
    if most is None or mandate["uses"] + more < most:
        return None
    return Conflict("mandate_used_up", max_uses=most)


def check_suspension(request: BookingRequest, facts: Facts) -> Refusal | None:
    """Who missed too many numbers of the provider waits; the desk may still book, and says why."""
    if facts.suspension is None or (request.desk and request.despite_suspension):
        return None
    return suspended(facts.suspension)


def check_times(request: BookingRequest, slot: Row, now: datetime) -> Refusal | None:
    """Released, and not too late; the desk may still give a number on the day, until the slot begins."""
    if now < slot["release_at"]:
        return Conflict("not_released", release_at=slot["release_at"])
    if now >= slot["starts_at"]:
        return Conflict("slot_begun", starts_at=slot["starts_at"])
    if now >= slot["order_until"] and not request.desk:
        return Conflict("ordering_ended", order_until=slot["order_until"])
    return None


def hindrance(request: BookingRequest, facts: Facts, now: datetime) -> Refusal | None:
    """Return what `refusal` would, but for the answers, which are not given yet."""
    if facts.slot is None:
        return NotFound("slot_not_found")
    return (
        check_permission(request, facts, facts.slot, now)
        or check_suspension(request, facts)
        or check_times(request, facts.slot, now)
        or check_eligible(facts, facts.slot)
        or check_limits(facts, facts.slot)
    )


def check_eligible(facts: Facts, slot: Row) -> Refusal | None:
    """Check that the service is for persons like this one."""
    person = facts.person
    if person is None:
        return NotFound("person_not_found")
    unfit = eligibility.refusal(slot, person["birth_date"], person["sex"], person["assurance"], slot["day"])
    if unfit is None:
        return None
    code, facts_behind = unfit
    return Conflict(code, **facts_behind)


def check_person(request: BookingRequest, facts: Facts, slot: Row) -> Refusal | None:
    """Check that the service is for persons like this one, and that its questions are answered."""
    unfit = check_eligible(facts, slot)
    if unfit is not None:
        return unfit
    if not slot["questions"] and not request.answers:
        return None
    errors = intake.check_answers(slot["questions"], request.answers)
    return Invalid("invalid_input", errors={"answers": errors}) if errors else None


def check_limits(facts: Facts, slot: Row) -> Refusal | None:
    """Check the person's limits, and those of whoever acts: the volunteer's, or an account's that books for others."""
    wanted = Held(slot["id"], slot["day"], slot["provider_id"], slot["department"])
    too_many = check_person_limits(facts.held, wanted, slot)
    if too_many is None and facts.mandate is not None:
        return (
            check_uses(facts.mandate, facts.mandate_uses)
            or check_volunteer_limit(facts.volunteer_bookings, slot)
            or check_acts(facts.acted, facts.mandate["person_id"])
        )
    if too_many is None and facts.for_other:
        return check_account_limit(facts.account_bookings, slot)
    return too_many
