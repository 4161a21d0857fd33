"""Every refusal of a booking by its name and facts, and which of two is told: the one that stands first here."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.booking_limits import Held
from domain.booking_rules import BookingRequest, Facts, refusal
from domain.errors import Conflict, Forbidden, Invalid, NotFound

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
DAY = date(2026, 11, 25)
STARTS = datetime(2026, 11, 25, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACCOUNT, SLOT, PERSON, MANDATE, VOLUNTEER, PROVIDER, OTHER = (UUID(int=n) for n in range(1, 8))
QUESTION = {"key": "symptom", "kind": "text", "label": "哪里不舒服", "required": True}


@dataclass
class Case:
    """A request that may be booked, and all that is known; a breaker changes it."""

    request: BookingRequest
    slot: dict[str, Any] | None
    person: dict[str, Any] | None
    mandate: dict[str, Any] | None = None
    volunteer: dict[str, Any] | None = None
    cares: bool = False
    at_desk: bool = False
    held: list[Held] = field(default_factory=list)
    volunteer_bookings: int = 0
    for_other: bool = False
    account_bookings: int = 0
    suspension: dict[str, Any] | None = None
    now: datetime = NOW

    def change(self, row, **changes):
        """Change a row where an earlier breaker has left one."""
        found = getattr(self, row)
        if found is not None:
            found.update(changes)

    def hold(self, day=DAY, provider_id=PROVIDER, department="内科"):
        booking = Held(UUID(int=1000 + len(self.held)), day, provider_id, department)
        self.held.append(booking)

    def answer(self):
        facts = Facts(
            slot=self.slot,
            person=self.person,
            cares=self.cares,
            at_desk=self.at_desk,
            mandate=self.mandate,
            volunteer=self.volunteer,
            held=self.held,
            volunteer_bookings=self.volunteer_bookings,
            for_other=self.for_other,
            account_bookings=self.account_bookings,
            suspension=self.suspension,
        )
        return refusal(self.request, facts, self.now)


def case(kind):
    request = BookingRequest(ACCOUNT, SLOT, PERSON, None, {}, "a-key-of-a-test")
    slot = {
        "id": SLOT,
        "day": DAY,
        "starts_at": STARTS,
        "ends_at": STARTS + HOUR,
        "release_at": NOW - HOUR,
        "order_until": NOW + HOUR,
        "cancel_until": STARTS,
        "provider_id": PROVIDER,
        "department": "内科",
        "kind": "medical",
        "min_age": None,
        "max_age": None,
        "sex": None,
        "assurance": "declared",
        "questions": [],
        "limit_department_day": 1,
        "limit_day": 2,
        "limit_7_days": 3,
        "limit_90_days": 5,
        "limit_volunteer_day": 20,
        "limit_account_day": 6,
    }
    person = {"birth_date": date(1960, 11, 25), "sex": "female", "assurance": "desk_verified", "name": "测试甲"}
    made = Case(request, slot, person)
    if kind == "own":
        made.cares = True
    elif kind == "mandate":
        made.request = replace(request, mandate_id=MANDATE)
        made.mandate = {
            "id": MANDATE,
            "person_id": PERSON,
            "holders": {VOLUNTEER},
            "status": "active",
            "expires_at": NOW + HOUR,
            "max_uses": None,
            "matters": ["insurance", "medical"],
        }
        made.volunteer = {"id": VOLUNTEER, "status": "approved"}
    else:
        made.request = replace(request, desk=True)
        made.at_desk = True
    return made


def hold_same_department(case):
    case.hold()


def hold_same_day(case):
    case.hold(department="外科")
    case.hold(provider_id=OTHER)


def hold_three_in_a_week(case):
    for before in (1, 2, 3):
        case.hold(DAY - timedelta(days=before))


def hold_five_in_a_season(case):
    for week in range(1, 6):
        case.hold(DAY - timedelta(weeks=week))


def suspend(case):
    case.suspension = {"suspension_id": OTHER, "suspended_until": NOW + HOUR, "appeal_status": None}


def book_six_for_others(case):
    case.for_other, case.account_bookings = True, 6


ALL, OWN, UNDER, DESK = ("own", "mandate", "desk"), ("own",), ("mandate",), ("desk",)

RULES: list[tuple[str, tuple[str, ...], Any, type, dict[str, Any]]] = [
    # the code, for whom, what breaks the rule, the kind, the facts; in the order in which they are told
    ("slot_not_found", ALL, lambda case: setattr(case, "slot", None), NotFound, {}),
    ("slot_not_found", DESK, lambda case: setattr(case, "at_desk", False), NotFound, {}),
    ("mandate_not_found", UNDER, lambda case: setattr(case, "mandate", None), NotFound, {}),
    ("mandate_not_found", UNDER, lambda case: setattr(case, "volunteer", None), NotFound, {}),
    ("mandate_not_found", UNDER, lambda case: case.change("mandate", holders={OTHER}), NotFound, {}),
    ("mandate_not_found", UNDER, lambda case: case.change("mandate", person_id=OTHER), NotFound, {}),
    ("mandate_not_found", UNDER, lambda case: setattr(case, "person", None), NotFound, {}),
    ("person_not_found", OWN, lambda case: setattr(case, "cares", False), NotFound, {}),
    ("person_not_found", (*OWN, *DESK), lambda case: setattr(case, "person", None), NotFound, {}),
    ("volunteer_not_approved", UNDER, lambda case: case.change("volunteer", status="suspended"), Forbidden, {}),
    ("mandate_not_confirmed", UNDER, lambda case: case.change("mandate", status="pending"), Conflict, {}),
    ("mandate_revoked", UNDER, lambda case: case.change("mandate", status="revoked"), Conflict, {}),
    ("mandate_expired", UNDER, lambda case: case.change("mandate", expires_at=NOW), Conflict, {"expired_at": NOW}),
    (
        "mandate_other_matter",
        UNDER,
        lambda case: case.change("mandate", matters=["housing"]),
        Forbidden,
        {"matters": ["housing"]},
    ),
    (
        "suspended",
        ALL,
        suspend,
        Conflict,
        {"until": NOW + HOUR, "appeal": {"suspension_id": OTHER, "status": "possible"}},
    ),
    (
        "not_released",
        ALL,
        lambda case: case.change("slot", release_at=NOW + HOUR),
        Conflict,
        {"release_at": NOW + HOUR},
    ),
    ("slot_begun", ALL, lambda case: case.change("slot", starts_at=NOW), Conflict, {"starts_at": NOW}),
    (
        "ordering_ended",
        (*OWN, *UNDER),
        lambda case: case.change("slot", order_until=NOW),
        Conflict,
        {"order_until": NOW},
    ),
    ("too_young", ALL, lambda case: case.change("slot", min_age=67), Conflict, {"min_age": 67}),
    ("too_old", ALL, lambda case: case.change("slot", max_age=65), Conflict, {"max_age": 65}),
    ("other_sex_only", ALL, lambda case: case.change("slot", sex="male"), Conflict, {"sex": "male"}),
    (
        "assurance_too_low",
        ALL,
        lambda case: case.change("slot", assurance="checked"),
        Conflict,
        {"assurance": "checked"},
    ),
    (
        "invalid_input",
        ALL,
        lambda case: case.change("slot", questions=[QUESTION]),
        Invalid,
        {"errors": {"answers": {"symptom": ["required"]}}},
    ),
    ("limit_department_day", ALL, hold_same_department, Conflict, {"limit": 1, "bookings": [UUID(int=1000)]}),
    ("limit_day", ALL, hold_same_day, Conflict, {"limit": 2, "bookings": [UUID(int=1000), UUID(int=1001)]}),
    (
        "limit_7_days",
        ALL,
        hold_three_in_a_week,
        Conflict,
        {"limit": 3, "bookings": [UUID(int=n) for n in (1002, 1001, 1000)]},
    ),
    (
        "limit_90_days",
        ALL,
        hold_five_in_a_season,
        Conflict,
        {"limit": 5, "bookings": [UUID(int=n) for n in (1004, 1003, 1002, 1001, 1000)]},
    ),
    (
        "limit_volunteer_day",
        UNDER,
        lambda case: setattr(case, "volunteer_bookings", 20),
        Conflict,
        {"limit": 20},
    ),
    ("limit_account_day", OWN, book_six_for_others, Conflict, {"limit": 6}),
]
LIMITS = [rule[0] for rule in RULES if rule[0].startswith("limit_")]

SINGLE = [pytest.param(kind, rule, id=f"{kind}-{n}-{rule[0]}") for n, rule in enumerate(RULES) for kind in rule[1]]
PAIRS = [
    pytest.param(kind, first, second, id=f"{kind}-{n}-{first[0]}-before-{m}-{second[0]}")
    for (n, first), (m, second) in itertools.combinations(enumerate(RULES), 2)
    for kind in first[1]
    if kind in second[1]
]


@pytest.mark.parametrize("kind", ALL)
def test_what_breaks_no_rule_is_not_refused(kind):
    assert case(kind).answer() is None


@pytest.mark.parametrize(("kind", "rule"), SINGLE)
def test_each_refusal_has_its_name_and_its_facts(kind, rule):
    code, _kinds, breaks, refusal_type, facts = rule
    broken = case(kind)
    breaks(broken)
    answer = broken.answer()
    assert (type(answer), answer.code, answer.facts) == (refusal_type, code, facts)


@pytest.mark.parametrize(("kind", "first", "second"), PAIRS)
def test_of_two_refusals_the_first_is_told(kind, first, second):
    broken = case(kind)
    second[2](broken)
    first[2](broken)
    answer = broken.answer()
    assert answer.code == first[0]
    if first[0] not in LIMITS:  # those count the bookings of the other, too
        assert answer.facts == first[4]


def test_the_desk_books_for_who_is_suspended_when_it_says_why():
    excused = case("desk")
    suspend(excused)
    excused.request = replace(excused.request, despite_suspension="术后复查")
    assert excused.answer() is None
    own = case("own")
    suspend(own)
    own.request = replace(own.request, despite_suspension="术后复查")
    assert own.answer().code == "suspended"


@pytest.mark.parametrize("status", ["open", "rejected"])
def test_what_became_of_an_appeal_is_said(status):
    appealing = case("own")
    suspend(appealing)
    appealing.suspension["appeal_status"] = status
    assert appealing.answer().facts["appeal"]["status"] == status


def test_an_account_has_no_limit_for_itself_and_one_more_for_others_below_it():
    own = case("own")
    own.account_bookings = 99
    assert own.answer() is None
    below = case("own")
    below.for_other, below.account_bookings = True, 5
    assert below.answer() is None


def test_edges_of_time():
    """At its very moment a slot is released, and at theirs ordering has ended and the slot has begun."""
    at_release = case("own")
    at_release.change("slot", release_at=NOW)
    assert at_release.answer() is None
    for name in ("order_until", "starts_at"):
        before = case("own")
        before.change("slot", **{name: NOW + timedelta(microseconds=1)})
        assert before.answer() is None


def test_the_desk_still_books_after_ordering_has_ended():
    late = case("desk")
    late.change("slot", order_until=NOW - HOUR)
    assert late.answer() is None


def test_a_mandate_holds_until_its_very_moment():
    last = case("mandate")
    last.change("mandate", expires_at=NOW + timedelta(microseconds=1))
    assert last.answer() is None


def test_age_is_that_of_the_slots_day():
    """Born on 25 November 1960: 65 until the day before the slot, 66 on it."""
    grown = case("own")
    grown.change("slot", min_age=66, max_age=66)
    assert grown.answer() is None
    grown.change("slot", day=DAY - timedelta(days=1))
    assert grown.answer().code == "too_young"


def test_answers_to_questions_that_nobody_asked_are_refused():
    talkative = case("own")
    talkative.request = replace(talkative.request, answers={"extra": "x"})
    assert talkative.answer().facts == {"errors": {"answers": {"extra": ["unknown_field"]}}}


def test_care_is_no_mandate_and_a_mandate_no_care():
    """Whoever names a mandate is judged by it alone, whoever names none by care alone."""
    carer = case("mandate")
    carer.cares = True
    carer.change("mandate", status="revoked")
    assert carer.answer().code == "mandate_revoked"
    volunteer = case("mandate")
    volunteer.request = replace(volunteer.request, mandate_id=None)
    assert volunteer.answer().code == "person_not_found"
