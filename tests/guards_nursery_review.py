"""Guards of the review of applications."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
    Guard(
        "one reviewer has an application at a time",
        "domain/enrolment_review.py",
        "    await enrolment_states.lock(conn, [enrolment_id])\n",
        "test_enrolment_review_races.py::test_a_second_reviewer_waits_for_the_first_and_has_nothing",
    ),
    Guard(
        "nothing is proposed of what is just being put back",
        "domain/enrolment_review.py",
        "    await enrolment_states.lock(conn, [enrolment_id])\n",
        "test_enrolment_review_races.py::test_nothing_is_proposed_of_what_is_just_being_put_back",
    ),
    Guard(
        "nothing is refused that is just being withdrawn",
        "domain/enrolment_review.py",
        "    await enrolment_states.lock(conn, [enrolment_id])\n",
        "test_enrolment_review_races.py::test_nothing_is_refused_that_is_just_being_withdrawn",
    ),
    Guard(
        "a review waits for a round that is just being changed",
        "sql/enrolment_states.sql",
        "where id in (select round_id from enrolment where id = any(:ids::uuid[]))\norder by id\nfor key share;",
        "test_enrolment_review_races.py::test_no_review_begins_while_the_deadline_is_just_being_moved",
        "where id in (select round_id from enrolment where id = any(:ids::uuid[]))\norder by id;",
    ),
    Guard(
        "what is repaired at the last moment is not late",
        "domain/enrolment_review.py",
        'if enrolment["state"] == EnrolmentState.RETURNED and enrolment["repair_by"] <= ctx.now:',
        "test_enrolment_review_races.py::test_what_is_repaired_at_the_last_moment_is_not_marked_as_late",
        "if True:",
    ),
    Guard(
        "no row lets one person take something from a family",
        "sql/migrations/0006_nursery.sql",
        "confirmed is not true or decided_by <> proposed_by or (kind = 'accept' and denied = '{}')",
        "test_enrolment_review.py::test_no_row_lets_one_person_take_something_from_a_family",
        "true",
    ),
    Guard(
        "nobody confirms what the same person has proposed",
        "domain/enrolment_review.py",
        'if found["proposed_by"] == account_id:',
        "test_enrolment_review.py::test_a_refusal_holds_once_another_person_has_confirmed_it",
        "if False:",
    ),
)
