"""Guards of the dispatch."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
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
)
