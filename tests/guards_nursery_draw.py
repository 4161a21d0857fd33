"""Guards of the draw: the list, the lot and the result stand, each made once and in its time."""

from __future__ import annotations

from tests.guard import Guard

MIGRATION = "sql/migrations/0006_nursery.sql"
FROZEN = "test_enrolment_draw.py::test_what_was_frozen_does_not_change_by_any_statement"
DRAWN = "test_enrolment_draw.py::test_what_was_drawn_does_not_change_by_any_statement"

GUARDS = (
    Guard(
        "a list waits for who is just deciding",
        "domain/enrolment_draw.py",
        "taken = await _taken(conn, ctx, round_id, RoundState.CLOSED)",
        "test_enrolment_draw.py::test_freezing_waits_for_a_reviewer_who_is_just_deciding",
        "taken = await enrolment_states.share_round(conn, round_id, ctx.now)",
    ),
    Guard(
        "one lot is drawn",
        "domain/enrolment_draw.py",
        "await _taken(conn, ctx, round_id, RoundState.REVIEWED)",
        "test_enrolment_draw.py::test_two_who_draw_at_once_draw_one_lot",
        "await enrolment_states.share_round(conn, round_id, ctx.now)",
    ),
    Guard(
        "a lot is drawn by somebody else than froze the list",
        "domain/enrolment_draw.py",
        'if frozen is not None and frozen["frozen_by"] == caller.account_id:',
        "test_enrolment_draw.py::test_somebody_else_draws_than_froze",
        "if frozen is None:",
    ),
    Guard(
        "two persons freeze and draw, whatever the code",
        MIGRATION,
        "constraint enrolment_draw_two_persons check (drawn_by <> frozen_by)",
        FROZEN,
        "constraint enrolment_draw_two_persons check (drawn_by <> frozen_by or true)",
    ),
    Guard(
        "a list is frozen before its value is due, and drawn after",
        MIGRATION,
        "if new.frozen_at >= due or new.drawn_at < due or",
        "test_enrolment_draw.py::test_a_list_is_never_frozen_after_its_value_was_due_nor_together_with_a_draw",
        "if",
    ),
    Guard(
        "a frozen list stays as it is",
        MIGRATION,
        "is distinct from (old.round_id, old.frozen, old.frozen_sha256, old.frozen_at, old.frozen_by)",
        FROZEN,
        "is distinct from (new.round_id, new.frozen, new.frozen_sha256, new.frozen_at, new.frozen_by)",
    ),
    Guard(
        "what was drawn stays as it is",
        MIGRATION,
        "or (old.seed is not null and (new.public_value,",
        DRAWN,
        "or (old.seed is null and old.seed is not null and (new.public_value,",
    ),
    Guard(
        "choices and priorities stand once the list is frozen",
        MIGRATION,
        "new.enrolment_id) and listed_at is not null) then",
        FROZEN,
        "new.enrolment_id) and false) then",
    ),
    Guard(
        "nobody is listed once the list is frozen",
        MIGRATION,
        "and exists (select from enrolment_draw where round_id = new.round_id))",
        FROZEN,
        "and false)",
    ),
    Guard(
        "there is no number before the draw",
        MIGRATION,
        "and not exists (select from enrolment_draw where round_id = new.round_id and seed is not null)",
        FROZEN,
        "and false",
    ),
    Guard(
        "a number and its seat stay as they were drawn",
        MIGRATION,
        "and (new.number, new.seat_id) is distinct from (old.number, old.seat_id))",
        DRAWN,
        "and false)",
    ),
)
