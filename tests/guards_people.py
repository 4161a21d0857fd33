"""Guards of people's data: who enters, sees and erases it."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
    Guard(
        "who leaves takes mandates before help, and all help at once",
        "domain/erasure.py",
        "    await sql.erasure.lock_mandates(conn, **both)\n    await sql.erasure.lock_help(conn, **both)\n",
        "test_help_erasure.py::test_mandates_are_locked_before_help_and_all_help_at_once",
        "    await sql.erasure.lock_help(conn, **both)\n    await sql.erasure.lock_mandates(conn, **both)\n",
    ),
    Guard(
        "nobody is erased while a volunteer is there",
        "domain/erasure.py",
        '    if under_way:\n        raise Conflict("live_help", help_requests=under_way)\n',
        "test_help_erasure.py::test_while_a_volunteer_is_with_somebody_nobody_is_erased",
    ),
    Guard(
        "whom to call is not written behind an erasure",
        "domain/emergency_contacts.py",
        "locked = await sql.people.lock(conn, ids=[person_id])",
        "test_emergency_contacts.py::test_what_is_written_waits_for_an_erasure_that_is_under_way",
        "locked = await conn.fetch('select erased_at from person where id = $1', person_id)",
    ),
    Guard(
        "cards read in a day are counted one after the other",
        "domain/team_people.py",
        "    await care.lock_caller(conn, ctx)\n",
        "test_team_people.py::test_the_limit_of_a_day_holds_at_once",
    ),
    Guard(
        "no code goes to who wrote the number down",
        "domain/care_codes.py",
        ' if drawn["to_be_sent"] and not registered else None',
        "test_team_people.py::test_who_wrote_the_number_down_does_not_take_over_by_it",
        ' if drawn["to_be_sent"] else None',
    ),
    Guard(
        "what a volunteer sees of others is recorded",
        "domain/looks.py",
        "    await audit.record_all(conn, ctx.vault, ctx.now, looks)\n",
        "test_looks.py::test_each_look_of_a_volunteer_is_recorded_and_none_of_the_family",
    ),
)
