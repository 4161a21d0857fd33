"""Whether somebody may join a queue, rule by rule, in the order in which a resident wants to be told. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from domain import eligibility
from domain.booking_limits import Acted, check_acts
from domain.booking_rules import check_mandate, check_uses
from domain.errors import Conflict, Invalid, NotFound
from domain.suspension_ladder import suspended
from domain.vocabulary import LARGEST_PARTY, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from domain.errors import Refusal
    from domain.rows import Row


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """Who wants to wait for what. Under a mandate it is for the elder alone; else `people` go together."""

    account_id: UUID
    service_id: UUID
    people: tuple[UUID, ...]
    first: date
    last: date
    mandate_id: UUID | None
    key: str
    request_id: str | None = None

    @property
    def person_id(self) -> UUID:
        """Return whom a mandate is used for."""
        return self.people[0]


@dataclass(frozen=True, slots=True)
class Member:
    """What was fetched for one person of a wish; None is who does not exist (any more)."""

    person: Row | None
    facts: Row


@dataclass(frozen=True, slots=True)
class JoinFacts:
    """What was fetched for one wish. `rules` are those of the policy, with a free slot where there is one."""

    service: Row | None
    rules: Row
    members: Sequence[Member]
    mandate: Row | None
    volunteer: Row | None
    acted: Acted | None = None

    @property
    def person(self) -> Row | None:
        return self.members[0].person


def refusal(request: JoinRequest, facts: JoinFacts, joined: Mapping[UUID, int], now: datetime) -> Refusal | None:
    """Return why the wish may not join, or None. `joined`: how often persons joined earlier in this batch."""
    if facts.service is None:
        return NotFound("service_not_found")
    return (
        check_permission(request, facts, facts.service, now)
        or check_party(request)
        or check_days(request, facts, now)
        or check_people(request, facts, facts.service)
        or check_waiting(facts, joined)
        or check_places(facts)
        or check_acts(facts.acted, request.person_id)
    )


def check_permission(request: JoinRequest, facts: JoinFacts, service: Row, now: datetime) -> Refusal | None:
    """Only for persons in one's care, or for the one person of a live mandate."""
    if request.mandate_id is not None:
        unfit = check_mandate(request, facts, service, now)
        unfit = unfit or (check_uses(facts.mandate) if facts.mandate is not None else None)
        return unfit or (Conflict("mandate_alone") if len(request.people) > 1 else None)
    if all(member.person is not None and member.facts["cares"] for member in facts.members):
        return None
    return NotFound("person_not_found")


def check_party(request: JoinRequest) -> Refusal | None:
    if len(set(request.people)) < len(request.people):
        return Invalid("invalid_input", errors={"companions": ["named_twice"]})
    if len(request.people) > LARGEST_PARTY:
        return Invalid("invalid_input", errors={"companions": [f"too_many {LARGEST_PARTY - 1}"]})
    return None


def check_days(request: JoinRequest, facts: JoinFacts, now: datetime) -> Refusal | None:
    """Check that one may book on these days by now, or may while one waits."""
    today = local_day(now)
    latest = today + timedelta(days=facts.rules["window_days"])
    errors = {}
    if request.first < today:
        errors["from"] = [f"not_before {today}"]
    if request.last < request.first:
        errors["to"] = [f"not_before {request.first}"]
    elif request.last > latest:
        errors["to"] = [f"not_after {latest}"]
    return Invalid("invalid_input", errors=errors) if errors else None


def check_people(request: JoinRequest, facts: JoinFacts, service: Row) -> Refusal | None:
    """Check that each could be given a place on one of the days, and has none there yet."""
    for member in facts.members:
        if member.person is None:
            return NotFound("person_not_found")
        unfit = unfit_for_days(service, member.person, request.first, request.last)
        if unfit is not None:
            code, facts_behind = unfit
            return Conflict(code, **facts_behind)
        if member.facts["suspension_id"] is not None:
            return suspended(member.facts)
        if member.facts["booking_id"] is not None:
            return Conflict("booked_already", booking_id=member.facts["booking_id"])
    return None


def unfit_for_days(service: Row, person: Row, first: date, last: date) -> tuple[str, dict[str, object]] | None:
    """Return why a service is not for a person on any of some days: whoever is too young may be old enough in time."""
    who = person["birth_date"], person["sex"], person["assurance"]
    on_first = eligibility.refusal(service, *who, first)
    return on_first and eligibility.refusal(service, *who, last)


def check_waiting(facts: JoinFacts, joined: Mapping[UUID, int]) -> Refusal | None:
    limit = facts.rules["limit_waitlist"]
    for member in facts.members:
        if member.facts["here_id"] is not None:
            return Conflict("waiting_already", entry_id=member.facts["here_id"])
        earlier = joined.get(member.person["id"], 0) if member.person is not None else 0
        if member.facts["entries"] + earlier >= limit:
            return Conflict("limit_waitlist", limit=limit)
    return None


def check_places(facts: JoinFacts) -> Refusal | None:
    """Nobody waits for what everybody can book."""
    if facts.rules["slot_id"] is None:
        return None
    return Conflict("places_free", slot_id=facts.rules["slot_id"], starts_at=facts.rules["starts_at"])
