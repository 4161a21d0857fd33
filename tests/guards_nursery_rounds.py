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
)
