"""Guards of children's places: no day has more of them in a class than seats."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
    Guard(
        "children who come at once are counted one after the other",
        "sql/migrations/0006_nursery.sql",
        "select seats into most from nursery_class where id = new.class_id for no key update;",
        "test_nursery_places.py::test_two_rows_at_once_are_counted_by_the_database_itself",
        "select seats into most from nursery_class where id = new.class_id;",
    ),
    Guard(
        "a class keeps the seats of who is still to come",
        "sql/migrations/0006_nursery.sql",
        "    for each row when (new.seats < old.seats) execute function nursery_class_shrunk();",
        "test_nursery_places.py::test_a_class_keeps_the_seats_of_who_is_still_to_come",
        "    for each row when (false) execute function nursery_class_shrunk();",
    ),
    Guard(
        "who plans a place has the class for itself before it looks for a free day",
        "sql/nursery_places.sql",
        "where id = any(:ids::uuid[])\norder by id\nfor no key update;",
        "test_nursery_places.py::test_who_is_just_entered_for_some_days_is_seen_by_who_plans",
        "where id = any(:ids::uuid[])\norder by id;",
    ),
    Guard(
        "a child is in one class a day",
        "sql/migrations/0006_nursery.sql",
        "    constraint nursery_place_once exclude using gist (\n"
        "        person_id with =, daterange(starts_on, ends_on, '[]') with &&) "
        "where (status in ('confirmed', 'ended')),\n",
        "test_nursery_admission.py::test_a_child_is_in_one_class_a_day",
        "    check (true),\n",
    ),
    Guard(
        "a seat is given up once",
        "domain/nursery_ends.py",
        'if place["status"] not in (PlaceStatus.PLANNED, PlaceStatus.CONFIRMED):',
        "test_nursery_stays.py::test_a_seat_is_given_up_once_however_often_it_is_asked_for",
        "if False:",
    ),
    Guard(
        "a family is told once which papers are missing",
        "sql/nursery_papers_due.sql",
        "where status = 'planned' and papers_told_at is null and",
        "test_nursery_admission.py::test_a_family_is_told_once_and_in_time_which_papers_are_missing",
        "where status = 'planned' and",
    ),
)
