"""Guards of applications: the round is held while one is handed in, and a child has one live application in it."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
    Guard(
        "an application does not overtake who has taken its round",
        "sql/enrolment_states.sql",
        "    for key share\n), was as (",
        "test_enrolment_states.py::test_who_freezes_is_not_overtaken_by_who_applies",
        "), was as (",
    ),
    Guard(
        "nobody applies for a child that is just being erased",
        "domain/enrolments.py",
        "    (person,) = await sql.people.lock(conn, ids=[person_id])",
        "test_enrolment_erasure.py::test_who_begins_while_the_child_is_being_erased_meets_nobody",
        "    person = await sql.people.one(conn, id=person_id)",
    ),
    Guard(
        "a child has one live application in a round",
        "sql/migrations/0006_nursery.sql",
        "create unique index enrolment_live on",
        "test_enrolment_storm.py::test_the_database_itself_lets_a_child_apply_once_in_a_round",
        "create index enrolment_live on",
    ),
)
