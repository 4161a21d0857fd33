"""Guards of waiting for a place."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
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
)
