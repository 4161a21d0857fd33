"""Guards of the queues on the day and of who watches them."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
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
)
