"""Guards of bookings: places, persons' turns and suspensions."""

from __future__ import annotations

from tests.guard import Guard

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
        "who is suspended books nothing",
        "domain/booking_rules.py",
        "return suspended(facts.suspension)",
        "test_suspensions.py::test_the_third_miss_suspends_in_the_same_step_and_the_refusal_says_until_when",
        "return None",
    ),
)
