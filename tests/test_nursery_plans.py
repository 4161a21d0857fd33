"""What each statement of enrolment touches beside 30,000 applications in three rounds: by index, and little.

What families do in the last minute, and what a family or a reviewer looks at, touches what is theirs. What moves a
queue touches the queue of one programme; what is counted for staff reads a round once.
"""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from domain.nursery_vocabulary import EnrolmentState
from domain.vocabulary import CLERKS, LOCAL_ZONE
from tests.nursery_plans import CHILDREN, GROWING, NOW_ROUND, PROGRAMMES, SEATS, fill, of
from tests.plans import explain_all, made, prepare, settle, too_much
from tests.test_plans import say

if TYPE_CHECKING:
    from tests.plans import Touched

NOW = datetime(2026, 11, 23, 7, tzinfo=LOCAL_ZONE)
SOMEBODY, UNSEATED = 1_234, PROGRAMMES * SEATS + 1_234
ACCOUNT, PERSON, STAFF, HEAD = made(1, SOMEBODY), made(2, SOMEBODY), made(1, 1), made(1, 2)
ROUND = made(9, NOW_ROUND)
SEATED = made(13, of(NOW_ROUND, SOMEBODY))
WAITING = made(13, of(NOW_ROUND, UNSEATED))
SEAT = made(12, of(NOW_ROUND, 7_003))
OFFER = made(16, of(NOW_ROUND, SOMEBODY))
NEW = [made(99, n) for n in range(2)]

REVIEWED: dict[str, Any] = {
    "roles": list(CLERKS),
    "round_id": ROUND,
    "provider_id": None,
    "state": EnrolmentState.ACCEPTED,
    "reviewer_id": None,
    "to_confirm": False,
    "after": None,
    "limit": 21,
}

SMALL: dict[str, dict[str, Any]] = {
    "permissions.cares_for_enrolment": {"account_id": ACCOUNT, "enrolment_id": SEATED},
    "permissions.staff_of_enrolment": {"account_id": STAFF, "roles": list(CLERKS), "enrolment_id": SEATED},
    "permissions.staff_of_enrolment at a nursery": {
        "account_id": HEAD,
        "roles": list(CLERKS),
        "enrolment_id": SEATED,
    },
    "permissions.staff_of_round": {"account_id": STAFF, "roles": list(CLERKS), "round_id": ROUND},
    "enrolment_states.share_round": {"id": ROUND, "now": NOW},
    "enrolment_states.share_rounds_of": {"ids": [SEATED, WAITING]},
    "enrolment_states.lock": {"ids": [SEATED, WAITING]},
    "enrolment_states.step": {
        "id": WAITING,
        "event_id": NEW[0],
        "before": [EnrolmentState.ACCEPTED],
        "after": EnrolmentState.WITHDRAWN,
        "during": None,
        "because": "withdrawn",
        "actor_id": ACCOUNT,
        "reviewer_id": None,
        "submitted_at": None,
        "late": None,
        "repair_by": None,
        "repair_words": None,
        "facts": "{}",
        "now": NOW,
    },
    "enrolment_states.record": {
        "event_ids": NEW,
        "ids": [SEATED, WAITING],
        "causes": ["offered", "offered"],
        "actors": [None, None],
        "facts": ["{}", "{}"],
        "now": NOW,
    },
    "enrolment_offers.hold_round": {"enrolment_id": SEATED},
    "enrolment_offers.free_seats": {"seat_ids": [SEAT]},
    "enrolment_offers.described": {"offer_ids": [OFFER]},
    "enrolment_offers.held": {"enrolment_id": SEATED},
    "enrolment_offers.find": {"enrolment_id": SEATED, "id": OFFER},
    "enrolment_offers.answer": {"ids": [OFFER], "status": "declined", "account_id": ACCOUNT, "now": NOW},
    "enrolment_offers.due": {"now": NOW, "most": 50},
    "enrolment_offers.due when many are": {"now": NOW + timedelta(days=30), "most": 50},
    "enrolment_offers.lapse": {"ids": [OFFER], "now": NOW + timedelta(days=30)},
    "enrolment_offers.settle": {"enrolment_id": SEATED, "now": NOW},
    "enrolment_offers.has_begun": {"enrolment_id": SEATED, "today": NOW.date()},
    "enrolment_queues.application": {"enrolment_id": SEATED},
    "enrolment_queues.choices": {"enrolment_id": SEATED},
    "enrolment_review.queue": REVIEWED | {"account_id": STAFF},
    "enrolment_review.one": {"id": SEATED, "now": NOW},
    "enrolment_review.choices": {"id": SEATED},
    "enrolment_review.claims": {"id": SEATED},
    "enrolment_review.verdicts": {"id": SEATED},
    "enrolment_review.events": {"id": SEATED},
    "enrolment_review.overdue": {"now": NOW, "limit": 100},
    "nursery_places.standing_of": {"enrolment_id": SEATED, "today": NOW.date()},
    "nursery_places.plan": {
        "id": NEW[0],
        "person_id": PERSON,
        "class_id": made(8, SOMEBODY % PROGRAMMES + 1),
        "enrolment_id": SEATED,
        "starts_on": date(2027, 3, 1),
        "changed_by": ACCOUNT,
        "now": NOW,
    },
    "notices.for_family": {"account_id": ACCOUNT, "after": None, "limit": 21},
}

OF_QUEUES: dict[str, dict[str, Any]] = {
    "nursery_places.first_day": {
        "class_id": made(8, SOMEBODY % PROGRAMMES + 1),
        "earliest": date(2027, 3, 1),
        "enrolment_id": SEATED,
    },
    "enrolment_offers.free_seats_wanted": {"enrolment_ids": [WAITING]},
    "enrolment_offers.take_turn": {"seat_id": SEAT, "offer_id": NEW[0], "answer_by": NOW, "now": NOW},
    "enrolment_queues.queues": {"enrolment_id": WAITING},
    "enrolment_review.queue of a later page": REVIEWED | {"account_id": STAFF, "after": SEATED},
    "enrolment_review.queue at a nursery": REVIEWED | {"account_id": HEAD},
    "enrolment_review.queue of one reviewer": REVIEWED | {"account_id": STAFF, "reviewer_id": STAFF},
    "enrolment_review.queue to confirm": REVIEWED | {"account_id": STAFF, "to_confirm": True},
}
"""Whoever ranks one programme, or one of five; and a class with its seats that are promised, 150 here."""
MOST_OF_QUEUE = 5 * CHILDREN * 5
"""Rows that five programmes' queues may look at: the planner reads a round from end to end rather than row by row."""

OF_ROUND: dict[str, dict[str, Any]] = {
    "enrolment_figures.applications": {"round_id": ROUND},
    "enrolment_figures.areas": {"round_id": ROUND},
    "enrolment_figures.ages": {"round_id": ROUND},
    "enrolment_figures.groups": {"round_id": ROUND},
    "enrolment_figures.wishes": {"round_id": ROUND},
    "enrolment_figures.offers": {"round_id": ROUND},
    "enrolment_figures.programmes": {"round_id": ROUND, "today": NOW.date()},
}
MOST_MILLISECONDS = 1_000
"""Of what is counted for staff, which reads a round of 10,000 and may read the others beside it."""


def rows(each: Touched) -> int:
    return sum(each.rows.values())


async def test_every_statement_goes_by_index_and_touches_little(conn):
    begun = time.monotonic()
    await fill(conn)
    say(f"three rounds of {CHILDREN} children made in {time.monotonic() - begun:.0f} s", {})
    await conn.execute("update enrolment_offer set status = 'lapsed', answered_at = now() where seat_id = $1", SEAT)
    small, queues = await prepare(conn, SMALL), await prepare(conn, OF_QUEUES)
    for mode in ("force_generic_plan", "force_custom_plan"):
        await settle(conn, {"plan_cache_mode": mode})
        found = await explain_all(conn, small, GROWING)
        say(f"of one application, {mode}", found)
        assert too_much(found) == {}, mode
        found = await explain_all(conn, queues, GROWING)
        say(f"of a queue, {mode}", found)
        assert {name: each for name, each in found.items() if rows(each) > MOST_OF_QUEUE} == {}, mode
    await conn.execute("reset all")
    found = await explain_all(conn, await prepare(conn, OF_ROUND), GROWING)
    say("of a whole round", found)
    assert {name: each for name, each in found.items() if each.milliseconds > MOST_MILLISECONDS} == {}
