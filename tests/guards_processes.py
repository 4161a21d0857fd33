"""Guards of the processes: whose clock decides and which worker leads."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
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
)
