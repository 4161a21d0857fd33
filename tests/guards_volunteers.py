"""Guards of volunteers, their leaders and the rules of help."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
    Guard(
        "who serves no more sees nothing",
        "domain/help_views.py",
        'if entry is None or entry["status"] != VolunteerStatus.APPROVED:',
        "test_volunteer_outside.py::test_an_outsider_sees_and_does_nothing",
        "if entry is None:",
    ),
    Guard(
        "versions of rules of help are counted one after the other",
        "sql/help_policies.sql",
        "select pg_advisory_xact_lock(:lock);",
        "test_help_policies.py::test_publishing_at_once_counts_one_after_the_other",
        "select :lock::bigint;",
    ),
    Guard(
        "an appointment waits for who is leaving",
        "sql/teams.sql",
        "select status from volunteer where id = :volunteer_id and team_id = :team_id for no key update;",
        "test_volunteer_decisions.py::test_an_appointment_waits_for_who_is_just_leaving",
        "select status from volunteer where id = :volunteer_id and team_id = :team_id;",
    ),
    Guard(
        "who leaves leads no more after coming back",
        "domain/volunteers.py",
        "    await teams.end_leaderships(conn, ctx, volunteer_id)\n    await mandates",
        "test_volunteer_decisions.py::test_dismissal_takes_everything_for_good",
        "    await mandates",
    ),
    Guard(
        "nobody decides about oneself",
        "domain/volunteer_decisions.py",
        "    await require_not_oneself(conn, ctx, volunteer_id)\n",
        "test_volunteer_decisions.py::test_nobody_decides_about_oneself_but_another_leader_does",
    ),
    Guard(
        "a frozen volunteer keeps no task",
        "domain/volunteer_decisions.py",
        "        await help_release.release_of_volunteer(conn, ctx, volunteer_id, Because.VOLUNTEER_SUSPENDED)",
        "test_volunteer_decisions.py::test_a_leader_or_staff_freeze_a_volunteer_with_one_call",
        "        pass",
    ),
    Guard(
        "who is just being frozen takes nothing",
        "domain/help_tasks.py",
        "await sql.bookings.lock_volunteers(conn, account_ids=[account_id])",
        "test_freezing_races.py::test_who_is_just_being_frozen_takes_nothing",
        'await conn.fetch("select id, status from volunteer where account_id = $1", account_id)',
    ),
)
