"""Takes each guard of the races away, one at a time in a copy of the project, and looks whether its test turns red.

`python -m tests.guards [part of a name …]`, or `make guards`. A guard that can go without a test noticing is none.
`docs/guards.md` says of each what it is for.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "var", "__pycache__", ".*_cache", ".hypothesis")


@dataclass(frozen=True, slots=True)
class Guard:
    """`taken` stands once in the file; with `instead` in its place the test must fail."""

    name: str
    path: str
    taken: str
    test: str
    instead: str = ""


GUARDS = (
    Guard(
        "one booking of a person at a time",
        "sql/bookings.sql",
        "and (select count(taken) from turn) >= 0\norder by id\nfor no key update;",
        "test_booking_locks.py::test_a_persons_limit_holds_while_another_booking_of_the_person_is_stuck",
        "and (select count(taken) from turn) >= 0\norder by id;",
    ),
    Guard(
        "one booking for others of an account at a time",
        "sql/bookings.sql",
        "select pg_advisory_xact_lock(hashtextextended('bookings of account ' || account_id, 0)) as taken",
        "test_account_limit.py::test_ten_at_once_for_ten_children_are_two",
        "select account_id as taken",
    ),
    Guard(
        "one booking of a volunteer at a time",
        "sql/bookings.sql",
        "order by volunteer.id\nfor no key update;",
        "test_booking_locks.py::test_a_volunteers_limit_holds_while_another_booking_of_the_volunteer_is_stuck",
        "order by volunteer.id;",
    ),
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
        "who serves no more sees nothing",
        "domain/help_views.py",
        'if entry is None or entry["status"] != VolunteerStatus.APPROVED:',
        "test_volunteer_outside.py::test_an_outsider_sees_and_does_nothing",
        "if entry is None:",
    ),
    Guard(
        "places are counted under the pool's lock",
        "sql/bookings.sql",
        "order by slot_id, channel\nfor no key update of slot_pool;",
        "test_booking_locks.py::test_the_last_place_is_given_once_while_its_booking_is_stuck",
        "order by slot_id, channel;",
    ),
    Guard(
        "a pool says itself whether it is open",
        "sql/bookings.sql",
        "capacity - taken as free, issued, open,",
        "test_booking_locks.py::test_a_booking_waits_for_a_slot_that_is_just_being_closed",
        "capacity - taken as free, issued, true as open,",
    ),
    Guard(
        "one change of a booking at a time",
        "sql/bookings.sql",
        "select id from booking where id = any(:ids::uuid[]) order by id for no key update;",
        "test_booking_locks.py::test_a_second_change_waits_for_the_first",
        "select id from booking where id = any(:ids::uuid[]) order by id;",
    ),
    Guard(
        "nothing is booked before its release",
        "domain/booking_rules.py",
        'if now < slot["release_at"]:',
        "test_database_clock.py::test_nothing_happens_at_the_release_but_that_the_time_has_come",
        'if slot["release_at"] is None:',
    ),
    Guard(
        "the database's clock decides",
        "server/app.py",
        "clock = clock or DatabaseClock(metrics)",
        "test_database_clock.py::test_hosts_with_wrong_clocks_release_at_the_moment_of_the_database",
        "clock = clock or (lambda: datetime.fromtimestamp(time.time(), UTC))",
    ),
    Guard(
        "one worker leads",
        "sql/worker.sql",
        "select pg_try_advisory_lock(:key);",
        "test_worker.py::test_one_leads_and_another_follows_when_it_is_gone",
        "select :key::bigint is not null;",
    ),
    Guard(
        "a leader without its lock stops",
        "server/worker.py",
        "await sql.worker.beat(conn)",
        "test_worker.py::test_a_leader_that_loses_its_connection_stops_and_stands_by_again",
        "pass",
    ),
    Guard(
        "a booking is moved or cancelled, not both",
        "domain/moving.py",
        "    await sql.bookings.lock_bookings(conn, ids=[booking_id])\n",
        "test_moving.py::test_moving_and_cancelling_race_to_one_end",
    ),
    Guard(
        "a move takes the person before anything that comes later",
        "domain/moving.py",
        'conn, ids=[seen["person_id"]], accounts=[account_id for _ in counting], people=counting',
        "test_moving.py::test_a_move_that_waits_for_its_person_holds_nothing_that_comes_later",
        "conn, ids=[], accounts=[], people=[]",
    ),
    Guard(
        "nobody books while being suspended",
        "domain/booking_changes.py",
        "        await suspensions.hold_people(conn, missed)\n",
        "test_suspensions.py::test_a_booking_waits_for_a_miss_that_is_just_being_marked",
        "        pass\n",
    ),
    Guard(
        "what an appeal has forgiven counts no more",
        "sql/suspensions.sql",
        "and (suspension.lifted_at is null or appeal.status = 'granted'))",
        "test_suspensions.py::test_a_granted_appeal_lifts_and_forgives",
        "and suspension.lifted_at is null)",
    ),
    Guard(
        "a moved booking gives its place back",
        "domain/moving.py",
        'await places.give_back(conn, [places.Returned(old["slot_id"], old["channel"], KeptBecause.MOVED)], ctx.now)',
        "test_moving.py::test_the_new_place_is_taken_and_the_old_one_given_back",
        "pass",
    ),
    Guard(
        "a place that comes back waits for who is just joining",
        "sql/places.sql",
        "where booking.id = any(:bookings::uuid[]))\norder by service_id\nfor share;",
        "test_places.py::test_cancelling_waits_for_who_is_just_joining_the_queue",
        "where booking.id = any(:bookings::uuid[]))\norder by service_id;",
    ),
    Guard(
        "when a place is free again cannot be foreseen",
        "domain/places.py",
        "chances=[_random.random() for _ in places]",
        "test_places.py::test_a_cancelled_place_is_kept_back_for_a_random_time_of_the_range",
        "chances=[0.5 for _ in places]",
    ),
    Guard(
        "the person of a booking never changes",
        "sql/migrations/0004_fair_numbers.sql",
        "for each row when (old.person_id <> new.person_id) execute function booking_person_stays();",
        "test_moving.py::test_the_person_of_a_booking_never_changes",
        "for each row when (false) execute function booking_person_stays();",
    ),
    Guard(
        "two counters that call at once call two people",
        "domain/queues.py",
        "    await sql.queues.raise_version(conn, **clinic)\n    called = await",
        "test_queues.py::test_two_counters_that_call_at_once_call_two_people",
        "    called = await",
    ),
    Guard(
        "a change that is heard wakes who waits",
        "handlers/queue_boards.py",
        "            watched.heard = int(version)\n            watched.wake()",
        "test_queue_boards.py::test_a_call_in_one_process_wakes_those_who_wait_in_the_other",
        "            watched.heard = int(version)",
    ),
    Guard(
        "what happened while nobody heard is looked at again",
        "handlers/queue_boards.py",
        "            watched.board = None\n            watched.wake()",
        "test_queue_boards.py::test_a_change_while_the_listener_was_away_is_seen_when_it_is_back",
        "            watched.board = None",
    ),
    Guard(
        "an old reading is not taken for a new one",
        "handlers/queue_boards.py",
        "            if board.version >= watched.heard:\n                return board",
        "test_queue_boards.py::test_a_reading_that_was_begun_before_the_change_is_not_its_answer",
        "            return board",
    ),
    Guard(
        "who hangs up waits no more",
        "server/connection.py",
        "            request[HANG_UP]()",
        "test_queue_boards.py::test_who_hangs_up_leaves_nothing_behind",
        "            pass",
    ),
    Guard(
        "who waits is answered when the process stops",
        "handlers/queue_boards.py",
        "        self._ended = True",
        "test_queue_boards.py::test_a_graceful_stop_answers_those_who_wait_at_once",
        "        self._ended = False",
    ),
    Guard(
        "a schedule takes no slot from a booking that is being made",
        "sql/schedules.sql",
        "where slot_id = any(:ids::uuid[])\norder by slot_id, channel\nfor no key update;",
        "test_schedules.py::test_a_booking_that_is_being_made_is_waited_for",
        "where slot_id = any(:ids::uuid[])\norder by slot_id, channel;",
    ),
    Guard(
        "a schedule under change makes no slots",
        "sql/schedules.sql",
        "where id = :id and state = 'active'\nfor no key update skip locked;",
        "test_schedule_generation.py::test_a_schedule_that_is_being_changed_is_left_for_the_next_turn",
        "where id = :id and state = 'active';",
    ),
    Guard(
        "what changed since a preview is seen under the locks",
        "domain/effects.py",
        "    effect = await foresee(conn, await change(), now)\n    _require_same(effect, digest)\n    return effect",
        "test_closure_races.py::test_a_closure_waits_for_a_booking_that_has_its_place_and_sees_it",
        "    return before",
    ),
    Guard(
        "an offered place that its booking needs no more comes back",
        "domain/rehousing.py",
        "KeptBecause.OFFER_ENDED) for each in offers]\n    await give_back(conn, returned, now)",
        "test_closures.py::test_an_offered_place_that_is_closed_in_turn_is_replaced",
        "KeptBecause.OFFER_ENDED) for each in offers]\n    del returned, now",
    ),
    Guard(
        "a booking whose slot is open again stands",
        "domain/rebooking.py",
        'elif is_open[booking["slot_id"], booking["channel"]]:',
        "test_rebooking.py::test_a_slot_that_is_opened_by_hand_keeps_its_booking",
        "elif False:",
    ),
    Guard(
        "a slot that is made on a closed day is closed",
        "sql/slots.sql",
        "case when shut.id is null then 'open' else 'closed' end, shut.reason, shut.id",
        "test_closures.py::test_slots_that_are_made_later_are_closed_too",
        "'open', null::text, null::uuid",
    ),
    Guard(
        "who loses a place goes before who waits",
        "domain/schedule_effects.py",
        "        await _make_room(conn, effect)\n",
        "test_schedule_effects.py::test_who_loses_a_place_goes_before_who_waits",
    ),
    Guard(
        "who joins waits for a place that is just coming back",
        "domain/waitlist.py",
        "queues = await sql.waitlist.lock_queues(conn, services=wanted)",
        "test_waitlist_races.py::test_who_joins_waits_for_a_cancelling_and_is_told_that_there_is_a_place",
        'queues = await conn.fetch("select service_id, last_place from waitlist")',
    ),
    Guard(
        "who has an offer is offered nothing else",
        "domain/waitlist_dispatch.py",
        'for entry in locked if entry["status"] == WaitlistStatus.WAITING}',
        "test_waitlist_races.py::test_nobody_is_offered_two_places_by_two_dispatchers",
        "for entry in locked}",
    ),
    Guard(
        "an offer that has run out is accepted no more",
        "domain/waitlist_offers.py",
        ' or live[0]["expires_at"] <= now',
        "test_waitlist.py::test_an_offer_that_runs_out_goes_to_the_next_and_the_second_one_ends_the_waiting",
    ),
    Guard(
        "what one has let go is offered to the next",
        "sql/waitlist.sql",
        "and missed.status in ('declined', 'lapsed')",
        "test_waitlist.py::test_declining_gives_the_place_on_at_once",
        "and false",
    ),
    Guard(
        "nobody is offered what a limit forbids",
        "domain/waitlist_dispatch.py",
        "        if verdict is None:\n            fit",
        "test_waitlist.py::test_nobody_is_offered_what_a_limit_forbids",
        "        if verdict is None or True:\n            fit",
    ),
    Guard(
        "places that are offered keep a slot's times",
        "domain/slots.py",
        '        if any(pool["taken"] for pool in pools):\n            raise Conflict("slot_has_offers")\n',
        "test_fallback.py::test_a_raised_capacity_is_first_for_who_waits",
    ),
    Guard(
        "a closure does what was shown",
        "domain/effects.py",
        "if effect.digest != digest:",
        "test_closure_races.py::test_of_two_at_once_one_is_carried_out",
        "if not digest:",
    ),
    Guard(
        "a closure waits for bookings that have their place",
        "domain/effects.py",
        "    await _lock(conn, before)\n",
        "test_closure_races.py::test_a_closure_waits_for_a_booking_that_has_its_place_and_sees_it",
    ),
    Guard(
        "a change takes the queues of its slots before their pools",
        "domain/effects.py",
        "    await hold_queues_of_slots(conn, [*effect.change.closing, *effect.change.touching])",
        "test_schedule_effects.py::test_whoever_takes_slots_out_waits_for_their_queue_before_taking_their_pools",
    ),
    Guard(
        "who is suspended books nothing",
        "domain/booking_rules.py",
        "return suspended(facts.suspension)",
        "test_suspensions.py::test_the_third_miss_suspends_in_the_same_step_and_the_refusal_says_until_when",
        "return None",
    ),
    Guard(
        "places of an extra slot are first for who waits",
        "domain/slots.py",
        "    await places.add(conn, added, ctx.now)\n",
        "test_fallback.py::test_an_extra_slot_is_first_for_who_waits",
        "    del conn, ctx, added\n",
    ),
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
        "nobody is asked for what has been taken or cancelled",
        "domain/dispatch.py",
        'all(look.row[name] == locked[look.row["id"]][name] for name in ("state", "changed_at", "next_round_at"))',
        "test_dispatch.py::test_nobody_is_asked_for_what_is_just_being_cancelled",
        'look.row["id"] in locked',
    ),
    Guard(
        "two dispatchers ask once",
        "domain/dispatch.py",
        '("state", "changed_at", "next_round_at"))',
        "test_dispatch.py::test_two_dispatchers_at_once_ask_once",
        '("area_id",))',
    ),
    Guard(
        "who is just being suspended is not asked",
        "sql/dispatch.sql",
        "and status = 'approved' order by id for share;",
        "test_dispatch.py::test_a_volunteer_who_is_just_being_suspended_is_not_asked",
        "and status = 'approved' order by id;",
    ),
    Guard(
        "no chain of swaps would even the load further",
        "domain/dispatch_choice.py",
        "    loads.even_out()\n",
        "test_dispatch_choice.py::test_a_crowd_is_spread_along_chains",
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
        "what a volunteer sees of others is recorded",
        "domain/looks.py",
        "    await audit.record_all(conn, ctx.vault, ctx.now, looks)\n",
        "test_looks.py::test_each_look_of_a_volunteer_is_recorded_and_none_of_the_family",
    ),
    Guard(
        "no member of a team consents for it",
        "domain/mandates.py",
        "    if await is_empowered(conn, terms, account_id):",
        "test_team_mandates.py::test_no_member_consents_for_the_team",
        "    if terms is None:",
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
        "who is just being frozen takes nothing",
        "domain/help_tasks.py",
        "await sql.bookings.lock_volunteers(conn, account_ids=[account_id])",
        "test_freezing_races.py::test_who_is_just_being_frozen_takes_nothing",
        'await conn.fetch("select id, status from volunteer where account_id = $1", account_id)',
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


def turns_red(guard: Guard, copy: Path) -> bool:
    """Whether the test fails, rather than pass or not run at all, while the guard is gone."""
    path = copy / guard.path
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(guard.taken, guard.instead), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"tests/{guard.test}"]
    try:
        run = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    finally:
        path.write_text(whole, encoding="utf-8")
    return run.returncode == 1 and "FAILED" in run.stdout


def main(wanted: list[str]) -> int:
    unnoticed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        for guard in GUARDS:
            if wanted and not any(word in guard.name for word in wanted):
                continue
            red = turns_red(guard, copy)
            unnoticed += not red
            sys.stdout.write(f"{'red ' if red else 'NOT RED'} {guard.name}: {guard.test}\n")
            sys.stdout.flush()
    return unnoticed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
