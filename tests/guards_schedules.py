"""Guards of schedules, closures and other changes of slots."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
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
        "places of an extra slot are first for who waits",
        "domain/slots.py",
        "    await places.add(conn, added, ctx.now)\n",
        "test_fallback.py::test_an_extra_slot_is_first_for_who_waits",
        "    del conn, ctx, added\n",
    ),
)
