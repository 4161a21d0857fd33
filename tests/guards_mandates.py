"""Guards of mandates: consent, use and revocation."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
    Guard(
        "one act of a volunteer at a time",
        "sql/bookings.sql",
        "order by volunteer.id\nfor no key update;",
        "test_act_limits.py::test_a_day_is_counted_while_another_act_of_the_volunteer_is_stuck",
        "order by volunteer.id;",
    ),
    Guard(
        "what a volunteer cancelled was an act all the same",
        "sql/act_limits.sql",
        "where booked_by = volunteer.account_id and created_at >= :begins and mandate_id is not null\n        union",
        "test_act_limits.py::test_what_was_cancelled_or_moved_was_used_all_the_same",
        "where booked_by = volunteer.account_id and created_at >= :begins and mandate_id is not null "
        "and status = 'booked'\n        union",
    ),
    Guard(
        "a mandate that is used does not end meanwhile",
        "sql/mandate_use.sql",
        "order by mandate.id\nfor share of mandate;",
        "test_mandate_races.py::test_the_end_waits_for_an_act_that_has_begun",
        "order by mandate.id;",
    ),
    Guard(
        "a task is kept while its team's mandate is used",
        "sql/mandate_use.sql",
        "order by help_request.id\nfor share of help_request;",
        "test_mandate_races.py::test_handing_the_task_back_waits_for_an_act_by_the_teams_mandate",
        "order by help_request.id;",
    ),
    Guard(
        "cancelling holds what empowers to it",
        "domain/booking_changes.py",
        "        await mandate_use.hold_for_changes(conn, acting)\n",
        "test_mandate_races.py::test_an_act_waits_for_what_is_just_being_ended_and_is_not_done",
        "        del mandate_use\n",
    ),
    Guard(
        "a cancelling volunteer is not suspended meanwhile",
        "domain/mandate_use.py",
        "        await sql.bookings.lock_volunteers(conn, account_ids=list(accounts))\n",
        "test_mandate_races.py::test_an_act_waits_for_what_is_just_being_ended_and_is_not_done",
    ),
    Guard(
        "moving holds the mandate",
        "domain/moving.py",
        '        await mandate_use.hold_to_act(conn, account_id, seen["mandate_id"])\n',
        "test_mandate_races.py::test_a_move_takes_the_mandate_before_the_queue",
        "        assert account_id\n",
    ),
    Guard(
        "who leaves a queue under a mandate holds it",
        "domain/waitlist_offers.py",
        '        await mandate_use.hold_to_act(conn, require_signed_in(ctx).account_id, seen["mandate_id"])\n',
        "test_mandate_races.py::test_answering_waits_for_what_is_just_being_ended",
    ),
    Guard(
        "who answers for another place under a mandate holds it",
        "domain/rebooking.py",
        "    await mandate_use.hold_for_changes(conn, [(require_signed_in(ctx).account_id, booking_id)])\n",
        "test_mandate_races.py::test_answering_waits_for_what_is_just_being_ended",
    ),
    Guard(
        "a team's mandate is in hand with a task alone",
        "sql/mandate_use.sql",
        "  and help_request.state in ('accepted', 'booked', 'under_way')\norder by help_request.id",
        "test_team_mandates.py::test_it_is_in_hand_while_one_helps_the_person",
        "order by help_request.id",
    ),
    Guard(
        "uses of a batch count against each other",
        "domain/booking_batch.py",
        "            self.mandate_uses[request.mandate_id] += 1\n",
        "test_team_mandates.py::test_uses_of_one_batch_count_against_each_other",
    ),
    Guard(
        "a paper takes a second person",
        "domain/mandate_papers.py",
        '    if paper["requested_by"] == account_id:',
        "test_mandate_papers.py::test_nobody_confirms_what_they_have_entered",
        "    if paper is None:",
    ),
    Guard(
        "no leader consents to what empowers him",
        "domain/mandate_papers.py",
        "    if await is_empowered(conn, Terms.of(paper), caller.account_id):",
        "test_mandate_papers.py::test_a_leader_does_not_consent_for_himself_or_his_team",
        "    if paper is None:",
    ),
    Guard(
        "a paper is looked at before it holds",
        "domain/mandate_papers.py",
        "    if not await sql.mandate_papers.has_read(",
        "test_mandate_papers.py::test_a_paper_holds_once_a_colleague_has_looked_at_it",
        "    if await sql.mandate_papers.has_read(",
    ),
    Guard(
        "a paper is read again behind the lock",
        "domain/mandate_papers.py",
        "        paper = await _paper(conn, mandate_id)  # as whoever came first has left it\n",
        "test_mandate_papers.py::test_two_who_confirm_at_once_tell_once",
    ),
    Guard(
        "a code is no consent on a volunteer's own phone",
        "domain/mandate_codes.py",
        "    return not await sql.mandates.proves_nothing(",
        "test_mandate_papers.py::test_a_code_to_a_volunteers_own_phone_is_no_consent",
        "    return None is not await sql.mandates.proves_nothing(",
    ),
    Guard(
        "no member of a team consents for it",
        "domain/mandates.py",
        "    if await is_empowered(conn, terms, account_id):",
        "test_team_mandates.py::test_no_member_consents_for_the_team",
        "    if terms is None:",
    ),
)
