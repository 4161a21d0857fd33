"""Guards of applications: the round is held while one is handed in, and a child has one live application in it."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
    Guard(
        "an application does not overtake who has taken its round",
        "sql/enrolment_states.sql",
        "    for key share\n), was as (",
        "test_enrolment_states.py::test_who_freezes_is_not_overtaken_by_who_applies",
        "), was as (",
    ),
)
