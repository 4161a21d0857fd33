"""Guards of rounds of enrolment: what is announced, of which class, and once."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
    Guard(
        "a class that just shrinks is not promised as it was",
        "domain/enrolment_announcing.py",
        "await sql.enrolment_rounds.lock_classes(conn, id=round_id)",
        "test_enrolment_round_races.py::test_a_class_that_just_shrinks_is_not_promised_as_it_was",
        "pass",
    ),
    Guard(
        "a class keeps what is just being announced of it",
        "domain/nurseries.py",
        "await sql.nurseries.lock_class(conn, id=class_id)",
        "test_enrolment_round_races.py::test_a_class_keeps_what_is_just_being_announced_of_it",
        "pass",
    ),
    Guard(
        "a round is announced once",
        "sql/enrolment_rounds.sql",
        "from enrolment_round where id = :id for update;",
        "test_enrolment_round_races.py::test_a_round_is_announced_once",
        "from enrolment_round where id = :id;",
    ),
    Guard(
        "a nursery fills no seat that a round has promised",
        "sql/migrations/0006_nursery.sql",
        "where programme.class_id = of_class and has_been.until is distinct from 'infinity'",
        "test_nursery_promises.py::test_a_nursery_enters_nobody_into_a_promised_seat",
        "where false and programme.class_id = of_class and has_been.until is distinct from 'infinity'",
    ),
    Guard(
        "a seat is not promised while whoever gave it up is still there",
        "sql/migrations/0006_nursery.sql",
        "select greatest(enrolment_round.starts_on, has_been.until + 1), null",
        "test_nursery_promises.py::test_a_seat_is_not_promised_while_whoever_gave_it_up_is_still_there",
        "select enrolment_round.starts_on, null",
    ),
)
