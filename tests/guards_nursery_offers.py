"""Guards of offers of nursery seats and of the queues behind the draw."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
    Guard(
        "the queues of a round move one at a time",
        "sql/enrolment_offers.sql",
        "where id = (select round_id from enrolment where id = :enrolment_id)\nfor no key update;",
        "test_enrolment_offer_races.py::test_two_who_let_go_at_once_leave_two_seats_to_two",
        "where id = (select round_id from enrolment where id = :enrolment_id);",
    ),
    Guard(
        "the lapse of offers waits for answers of the round",
        "domain/enrolment_offers.py",
        "    await sql.enrolment_offers.hold_round_by_id(conn, round_id=round_id)\n",
        "test_enrolment_offer_races.py::test_a_lapse_beside_an_answer_hands_two_seats_to_two",
    ),
    Guard(
        "what was answered in time does not lapse",
        "sql/enrolment_offers.sql",
        "where id = any(:ids::uuid[]) and status = 'live' and answer_by <= :now",
        "test_enrolment_offer_races.py::test_an_answer_in_time_holds_against_the_lapse_behind_it",
        "where id = any(:ids::uuid[]) and answer_by <= :now",
    ),
    Guard(
        "an offer is answered once",
        "domain/enrolment_answers.py",
        'if offer["status"] != SeatOfferStatus.LIVE or',
        "test_enrolment_offer_races.py::test_two_carers_who_answer_at_once_have_one_answer",
        "if",
    ),
    Guard(
        "no seat is promised twice",
        "sql/migrations/0006_nursery.sql",
        "create unique index enrolment_offer_seat on",
        "test_enrolment_offer_races.py::test_no_seat_is_promised_twice",
        "create index enrolment_offer_seat on",
    ),
    Guard(
        "no child has two seats",
        "sql/migrations/0006_nursery.sql",
        "create unique index enrolment_offer_accepted on",
        "test_enrolment_offer_races.py::test_no_child_has_two_seats",
        "create index enrolment_offer_accepted on",
    ),
    Guard(
        "an unanswered offer keeps nobody from a better seat",
        "sql/migrations/0006_nursery.sql",
        "bool_or(offer.status in ('live', 'accepted') and held.rank <= choice.rank",
        "test_enrolment_stories.py::test_whatever_families_do_nobody_who_waits_is_passed_over",
        "bool_or(offer.status = 'live' or offer.status = 'accepted' and held.rank <= choice.rank",
    ),
    Guard(
        "a seat that becomes free chooses among those with a later one too",
        "sql/enrolment_offers.sql",
        "and other.number > seat.number and other.tiers <> seat.tiers",
        "test_enrolment_stories.py::test_whatever_families_do_nobody_who_waits_is_passed_over",
        "and false",
    ),
    Guard(
        "who has let go waits for less as well",
        "domain/enrolment_offers.py",
        "hand_on(conn, ctx, freed, returned=[enrolment_id])",
        "test_enrolment_stories.py::test_whatever_families_do_nobody_who_waits_is_passed_over",
        "hand_on(conn, ctx, freed, returned=[])",
    ),
    Guard(
        "who takes a better seat leaves the worse offers to the next",
        "domain/enrolment_answers.py",
        "await enrolment_offers.end(conn, ctx, worse, SeatOfferStatus.WITHDRAWN)",
        "test_enrolment_stories.py::test_whatever_families_do_nobody_who_waits_is_passed_over",
        "pass",
    ),
)
