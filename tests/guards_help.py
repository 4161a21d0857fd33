"""Guards of help requests: asked, taken, given and bound to their booking."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
    Guard(
        "one request of a person is asked at a time",
        "domain/help_requests.py",
        "locked = await sql.people.lock(conn, ids=[person_id])",
        "test_help_requests.py::test_the_fifth_is_given_once",
        'locked = await conn.fetch("select * from person where id = $1", person_id)',
    ),
    Guard(
        "nobody comes along to a booking that is just being cancelled",
        "sql/help_requests.sql",
        "status = 'booked' for share;",
        "test_help_requests.py::test_a_booking_that_is_just_being_cancelled_is_seen",
        "status = 'booked';",
    ),
    Guard(
        "who cancels a request sees who has just taken it",
        "domain/help_ends.py",
        "(request,) = await help_states.lock(conn, [request_id])",
        "test_help_ends.py::test_cancelled_just_as_it_is_taken_it_is_not_cancelled_behind_the_volunteers_back",
        '(request,) = await conn.fetch("select * from help_request where id = $1", request_id)',
    ),
    Guard(
        "wrong cards of one account are counted one after the other",
        "domain/help_requests.py",
        "await care.lock_caller(conn, ctx)",
        "test_help_for_others.py::test_wrong_cards_at_once_are_counted",
        "pass",
    ),
    Guard(
        "two helps of a volunteer never overlap",
        "sql/migrations/0005_help.sql",
        """    check (ended_at >= started_at),
    constraint help_hours_apart exclude using gist (
        (volunteer_id::text) with =, tstzrange(started_at, ended_at) with &&)
""",
        "test_help_progress.py::test_two_helps_begun_at_once_are_one",
        "    check (ended_at >= started_at)\n",
    ),
    Guard(
        "who is just being suspended begins nothing",
        "sql/help_progress.sql",
        "where account_id = :account_id and status = 'approved' for no key update;",
        "test_help_progress.py::test_a_start_waits_for_a_suspension_that_is_just_being_made",
        "where account_id = :account_id and status = 'approved';",
    ),
    Guard(
        "what is just being cancelled is not begun",
        "sql/help_progress.sql",
        "where id = :id and volunteer_id = :volunteer_id\nfor no key update;",
        "test_help_progress.py::test_a_start_waits_for_a_cancelling_that_is_just_being_made",
        "where id = :id and volunteer_id = :volunteer_id;",
    ),
    Guard(
        "hours of one day are corrected one after the other",
        "sql/help_progress.sql",
        "select from volunteer where id = any(:ids::uuid[]) order by id for no key update;",
        "test_help_hours.py::test_a_correction_waits_for_another_of_the_day_and_counts_it",
        "select from volunteer where id = any(:ids::uuid[]) order by id;",
    ),
    Guard(
        "one acceptance of a request wins",
        "sql/help_states.sql",
        "where help_request.id = was.id and was.state = any(:before::text[])",
        "test_help_tasks.py::test_fifty_accept_one_request_and_one_has_it",
        "where help_request.id = was.id",
    ),
    Guard(
        "who hands back takes nothing from the next",
        "sql/help_states.sql",
        "select * from help_request where id = any(:ids::uuid[]) order by id for no key update;",
        "test_help_tasks.py::test_a_second_handing_back_does_not_take_it_from_the_next",
        "select * from help_request where id = any(:ids::uuid[]) order by id;",
    ),
    Guard(
        "a request stays with who books for it",
        "sql/help_states.sql",
        "select * from help_request where id = any(:ids::uuid[]) order by id for no key update;",
        "test_help_unit.py::test_no_booking_is_made_under_a_request_that_somebody_else_has_meanwhile",
        "select * from help_request where id = any(:ids::uuid[]) order by id;",
    ),
    Guard(
        "who is just being suspended takes nothing",
        "sql/bookings.sql",
        "order by volunteer.id\nfor no key update;",
        "test_help_tasks.py::test_who_is_just_being_suspended_takes_nothing",
        "order by volunteer.id;",
    ),
    Guard(
        "tasks of a volunteer are counted one after the other",
        "sql/bookings.sql",
        "order by volunteer.id\nfor no key update;",
        "test_help_tasks.py::test_two_at_once_are_one_too_many",
        "order by volunteer.id;",
    ),
    Guard(
        "cancelling holds the help first",
        "domain/booking_changes.py",
        "        await help_unit.hold(conn, cancelling | missed)\n",
        "test_help_unit.py::test_cancelling_waits_for_the_request_before_it_takes_the_booking",
        "        pass\n",
    ),
    Guard(
        "moving holds the help first",
        "domain/moving.py",
        "    await help_unit.hold(conn, [booking_id])\n",
        "test_help_unit.py::test_moving_waits_for_the_request_before_it_takes_the_booking",
    ),
    Guard(
        "a closure holds the help first",
        "domain/effects.py",
        '    await help_unit.hold(conn, [booking["id"] for booking in effect.bookings])\n',
        "test_help_unit.py::test_a_closure_waits_for_the_requests_before_it_takes_the_bookings",
    ),
    Guard(
        "an answer to another place holds the help first",
        "domain/rebooking.py",
        "    await help_unit.hold(conn, [booking_id])\n",
        "test_help_unit.py::test_an_answered_offer_waits_for_the_request_before_it_takes_the_booking",
    ),
    Guard(
        "a request is looked for behind the lock of its booking",
        "domain/booking_changes.py",
        'if facts[id]["has_help"]}',
        "test_help_unit.py::test_a_request_that_is_asked_during_the_cancelling_is_cancelled_too",
        "if False}",
    ),
    Guard(
        "a volunteer is bound by one at a time",
        "sql/help_unit.sql",
        "select pg_advisory_xact_lock(hashtextextended('help work of volunteer ' || id, 0))",
        "test_help_unit.py::test_who_binds_her_elsewhere_at_this_moment_is_waited_for",
        "select id",
    ),
)
