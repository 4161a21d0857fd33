"""A stateful model: whatever residents, volunteers, staff, the worker and the clock do in any order, the books hold.

Each step is one call of the rules on a real database, and after each of them: what is taken in every pool is what is
booked, offered or kept back; nobody is over a limit; nobody who waits was passed over; no place is offered twice;
no booking was made on a slot that was not open; and what was refused changed nothing.

`MODEL_EXAMPLES` says how many stories are told, of `MODEL_STEPS` steps each.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from domain import (
    booking_changes,
    bookings,
    closures,
    identifiers,
    moving,
    no_shows,
    rebooking,
    schedule_effects,
    slots,
    waitlist,
    waitlist_offers,
)
from domain.booking_changes import ChangeRequest
from domain.booking_rules import BookingRequest
from domain.callers import Caller
from domain.context import Context
from domain.errors import Refusal
from domain.identifiers import new_id
from domain.vocabulary import BookingStatus, Otherwise, Treatment, local_day
from domain.waitlist_rules import JoinRequest
from server.app import build_app, build_file_store, build_vault
from server.chores import CHORES
from server.database import prepare_connection
from server.metrics import Metrics
from server.worker import Worker
from tests import model_world
from tests.books import assert_balanced
from tests.conftest import MovableClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import date, datetime
    from uuid import UUID

    from domain.vault import Vault

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "25"))
STEPS = int(os.environ.get("MODEL_STEPS", "50"))

NUMBER = st.integers(min_value=0, max_value=11)
DAYS = st.sampled_from(
    [
        (model_world.TOMORROW, model_world.TOMORROW),
        (model_world.TOMORROW, model_world.DAY_AFTER),
        (model_world.DAY_AFTER, model_world.DAY_AFTER),
    ]
)
MINUTES = st.sampled_from([1, 10, 31, 31])
PRUNING = ("sessions", "idempotency_keys", "erased_people", "files", "reconcile")
AT_WORK = tuple(chore for chore in CHORES if chore.name not in PRUNING)


MUST_BE_REACHED = (
    "bookings booked",
    "bookings cancelled",
    "bookings moved",
    "kept back",
    "free again",
    "entries waiting",
    "entries ended",
    "offers live",
    "slot_full",
    "slot_closed",
    "not_released",
    "schedule changed",
    "limit_department_day",
)
"""Else the stories have missed what they are for."""


class CountedIds:
    """Stands in for the clock and the dice that ids are made of: a story told twice is the same story."""

    def __init__(self) -> None:
        self.count = 0

    def time_ns(self) -> int:
        self.count += 1
        return (1_000_000_000_000 + self.count) * 1_000_000

    def urandom(self, size: int) -> bytes:
        return bytes(size)


class Stage:
    """What all stories share: a loop, a connection and the town, which each story finds as it was built."""

    def __init__(self, runner: asyncio.Runner, settings: Any) -> None:
        self.runner = runner
        self.clock = MovableClock()
        self.start = self.clock.now
        self.vault: Vault = build_vault(settings)
        self.settings = settings
        self.ids = CountedIds()
        self.reached: Counter[str] = Counter()
        self.conn: asyncpg.Connection
        self.town: model_world.Town

    async def build(self, database: str) -> None:
        self.conn = await asyncpg.connect(database)
        await prepare_connection(self.conn)
        self.town = await model_world.build(self.conn, build_app(self.settings, self.clock))
        self.first_id = self.ids.count


class Model(RuleBasedStateMachine):
    stage: ClassVar[Stage]

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.town, self.conn, self.vault = (
            self.stage.clock,
            self.stage.town,
            self.stage.conn,
            self.stage.vault,
        )
        self.clock.now, self.stage.ids.count = self.stage.start, self.stage.first_id
        self.story = self.conn.transaction()
        self.metrics, store = Metrics(), build_file_store(self.stage.settings, self.vault)
        self.worker = Worker("", store, self.vault, self.clock, self.metrics, AT_WORK)
        self.run(self.story.start())
        self.books: model_world.Books = self.run(model_world.read(self.conn))
        self.keys = self.steps = 0
        self.closures: list[UUID] = []
        self.schedule_changes = 0

    def teardown(self) -> None:
        self.run(self.story.rollback())

    def run(self, work: Any) -> Any:
        return self.stage.runner.run(work)

    @property
    def now(self) -> datetime:
        return self.clock.now

    def context(self, account_id: UUID) -> Context:
        return Context(Caller(account_id, new_id(), frozenset(), 1), self.now, self.vault, "model")

    def key(self) -> str:
        self.keys += 1
        return f"model-{self.keys:06}"

    def step(self, act: Callable[[], Awaitable[Any]], *, dispatched: bool = False) -> Any:
        """Take one step in a transaction of its own, and return what came of it with the books as they were."""

        async def taken() -> tuple[Any, model_world.Books]:
            try:
                async with self.conn.transaction():
                    outcome = await act()
            except Refusal as refusal:
                outcome = refusal
            await assert_balanced(self.conn)
            return outcome, await model_world.read(self.conn)

        self.steps += 1
        before = self.books
        outcome, self.books = self.run(taken())
        self.stage.reached.update(model_world.happened(before, self.books))
        if isinstance(outcome, Refusal):
            self.stage.reached[outcome.code] += 1
            assert self.books == before, f"{outcome.code} changed something"
        model_world.check_limits(self.books)
        model_world.check_bookings(before, self.books, self.now)
        model_world.check_suspensions(self.books)
        assert model_world.passed_over(before, self.books, self.now, dispatched=dispatched) == []
        return outcome, before

    def pick(self, of: Any, number: int) -> Any:
        return of[number % len(of)]

    def carer_of(self, booking: Any) -> UUID:
        """Return who made a booking, unless that was the desk: then the person's own account."""
        if booking["booked_by"] != self.town.manager.account_id:
            return booking["booked_by"]  # type: ignore[no-any-return]
        return next(each.account_id for each in self.town.residents if each.person_id == booking["person_id"])

    def live(self) -> list[UUID]:
        return [id for id, row in self.books.bookings.items() if row["status"] == "booked"]

    # Booking.

    def book(self, request: BookingRequest) -> None:
        async def act() -> Any:
            return (await bookings.book(self.conn, self.vault, [request], self.now))[0]

        outcome, before = self.step(act)
        model_world.check_outcome(before, request, outcome, self.now)

    @rule(who=NUMBER, slot=NUMBER)
    def book_for_oneself(self, who: int, slot: int) -> None:
        resident = self.pick(self.town.residents, who)
        slot_id = self.pick(self.town.slots, slot)
        self.book(BookingRequest(resident.account_id, slot_id, resident.person_id, None, {}, self.key()))

    book_again = book_and_again = book_once_more = book_for_oneself  # the more names, the more often

    @rule(who=NUMBER, slot=NUMBER)
    def book_under_a_mandate(self, who: int, slot: int) -> None:
        person_id, mandate_id = self.pick(list(self.town.mandates.items()), who)
        slot_id, account_id = self.pick(self.town.slots, slot), self.town.volunteer.account_id
        self.book(BookingRequest(account_id, slot_id, person_id, mandate_id, {}, self.key()))

    @rule(who=NUMBER, slot=NUMBER)
    def book_at_the_desk(self, who: int, slot: int) -> None:
        person_id, slot_id = self.pick(self.town.residents, who).person_id, self.pick(self.town.slots, slot)
        self.book(BookingRequest(self.town.manager.account_id, slot_id, person_id, None, {}, self.key(), desk=True))

    @precondition(lambda self: self.live())
    @rule(which=NUMBER, desk=st.booleans())
    def cancel(self, which: int, *, desk: bool) -> None:
        self.change(self.pick(self.live(), which), BookingStatus.CANCELLED, desk=desk)

    def change(self, booking_id: UUID, to: BookingStatus, *, desk: bool) -> Any:
        account_id = self.town.manager.account_id if desk else self.carer_of(self.books.bookings[booking_id])

        async def act() -> Any:
            request = ChangeRequest(account_id, booking_id, to, desk=desk)
            return (await booking_changes.change(self.conn, self.vault, [request], self.now))[0]

        return self.step(act)[0]

    def expected_today(self) -> list[UUID]:
        today = local_day(self.now)
        return [id for id in self.live() if self.books.bookings[id]["day"] == today]

    @precondition(lambda self: self.expected_today())
    @rule(which=NUMBER)
    def check_in(self, which: int) -> None:
        self.change(self.pick(self.expected_today(), which), BookingStatus.CHECKED_IN, desk=True)

    def missed(self) -> list[UUID]:
        return [id for id, row in self.books.bookings.items() if row["status"] == "no_show"]

    @precondition(lambda self: self.missed())
    @rule(which=NUMBER)
    def correct_a_no_show(self, which: int) -> None:
        booking_id, ctx = self.pick(self.missed(), which), self.context(self.town.manager.account_id)
        self.step(lambda: no_shows.correct(self.conn, ctx, booking_id, BookingStatus.COMPLETED, "人已到过"))
        assert self.books.bookings[booking_id]["status"] == "completed"

    @precondition(lambda self: self.live())
    @rule(which=NUMBER, slot=NUMBER, desk=st.booleans())
    def move(self, which: int, slot: int, *, desk: bool) -> None:
        old = self.books.bookings[self.pick(self.live(), which)]
        service_id = self.books.slots[old["slot_id"]]["service_id"]
        others = [id for id in self.town.slots if self.books.slots[id]["service_id"] == service_id]
        slot_id = self.pick([id for id in others if id != old["slot_id"]] or others, slot)
        ctx = self.context(self.town.manager.account_id if desk else self.carer_of(old))
        moved, before = self.step(lambda: moving.move(self.conn, ctx, old["id"], slot_id, desk=desk))
        if isinstance(moved, Refusal):
            return
        assert before.person_may_have(old["person_id"], slot_id, self.now, instead_of=old["id"])
        assert self.books.bookings[old["id"]]["status"] == "moved"
        new = self.books.bookings[moved["id"]]
        assert (new["person_id"], new["moved_from"], new["slot_id"]) == (old["person_id"], old["id"], slot_id)

    move_again = move

    # Staff.

    @rule(slot=NUMBER)
    def close_or_reopen_a_slot(self, slot: int) -> None:
        slot_id = self.pick(self.town.slots, slot)
        ctx = self.context(self.town.manager.account_id)
        closed = [id for id, row in self.books.slots.items() if row["state"] == "closed"]
        if not closed:
            self.step(lambda: slots.close(self.conn, ctx, slot_id, "停诊"))
        else:
            slot_id = self.pick(closed, slot)
            self.step(lambda: slots.reopen(self.conn, ctx, slot_id))

    @rule(slot=NUMBER, channel=st.sampled_from(["public", "assisted", "counter"]), capacity=st.integers(0, 3))
    def change_capacity(self, slot: int, channel: str, capacity: int) -> None:
        slot_id = self.pick(self.town.slots, slot)
        ctx = self.context(self.town.manager.account_id)
        given = {
            "version": self.books.slots[slot_id]["version"],
            "starts_at": None,
            "ends_at": None,
            "capacity": {channel: capacity},
        }
        self.step(lambda: slots.change(self.conn, ctx, slot_id, given))

    @precondition(lambda self: not self.closures)
    @rule(
        service=st.integers(-1, 2),
        days=DAYS,
        treatment=st.sampled_from([*Treatment, Treatment.OFFER, Treatment.OFFER]),
        otherwise=st.sampled_from(Otherwise),
        meanwhile=st.booleans(),
    )
    def close_some_days(
        self, service: int, days: tuple[date, date], treatment: Treatment, otherwise: Otherwise, *, meanwhile: bool
    ) -> None:
        """Preview, let something happen in between or not, and apply: what is done is what was shown."""
        ctx = self.context(self.town.manager.account_id)
        scope = {
            "provider_id": self.town.provider_id,
            "service_id": None if service < 0 else self.town.services[service],
            "resource": None,
            "first": days[0],
            "last": days[1],
        }
        shown, _ = self.step(lambda: closures.preview(self.conn, ctx, scope))
        if isinstance(shown, Refusal):
            return
        if meanwhile and self.live():
            self.cancel(0, desk=True)
        decision = {
            "digest": shown["digest"],
            "treatment": treatment,
            "otherwise": otherwise,
            "answer_hours": 24,
            "reason": "停诊",
        }
        applied, before = self.step(lambda: closures.apply(self.conn, ctx, scope | decision))
        if isinstance(applied, Refusal):
            assert applied.code == "world_changed"
            assert meanwhile
            return
        self.closures.append(applied["id"])
        assert not any(
            slot["state"] == "open" and slot["ends_at"] > self.now and days[0] <= slot["day"] <= days[1]
            for slot in self.books.slots.values()
            if service < 0 or slot["service_id"] == self.town.services[service]
        )
        for row in shown["bookings"]:
            if row["status"] != "booked":
                assert self.books.bookings[row["id"]] == before.bookings[row["id"]]
            elif treatment is Treatment.CANCEL or (row["place"] is None and otherwise is Otherwise.CANCEL):
                assert self.books.bookings[row["id"]]["status"] == "cancelled"
            elif row["place"] is not None and treatment is Treatment.MOVE:
                assert self.books.bookings[row["id"]]["status"] == "moved"
            else:
                assert self.books.bookings[row["id"]]["status"] == "booked"

    @precondition(lambda self: self.closures)
    @rule()
    def lift_a_closure(self) -> None:
        closure_id, ctx = self.closures.pop(), self.context(self.town.manager.account_id)
        self.step(lambda: closures.lift(self.conn, ctx, closure_id))

    @precondition(lambda self: self.schedule_changes < 2)
    @rule(
        day=st.sampled_from([model_world.TOMORROW, model_world.DAY_AFTER]),
        treatment=st.sampled_from(Treatment),
        otherwise=st.sampled_from(Otherwise),
        meanwhile=st.booleans(),
    )
    def change_the_schedule(self, day: date, treatment: Treatment, otherwise: Otherwise, *, meanwhile: bool) -> None:
        """Shut a day of the third clinic by an exception of its schedule, or take the exception back."""
        ctx, schedule_id = self.context(self.town.manager.account_id), self.town.schedule_id
        exception = {"kind": "closed", "first_day": day, "last_day": day, "reason": "外出学习", "sessions": []}
        given: dict[str, Any] = {"change": None, "end": None, "exception": exception, "withdraw": None}
        shown, _ = self.step(lambda: schedule_effects.preview(self.conn, ctx, schedule_id, given))
        if isinstance(shown, Refusal):
            return
        if meanwhile and self.live():
            self.cancel(0, desk=True)
        given |= {
            "digest": shown["digest"],
            "treatment": treatment,
            "otherwise": otherwise,
            "answer_hours": 24,
            "reason": "外出学习",
        }
        applied, _ = self.step(lambda: schedule_effects.apply(self.conn, ctx, schedule_id, given))
        if isinstance(applied, Refusal):
            self.stage.reached[f"schedule: {applied.code}"] += 1
            return
        self.schedule_changes += 1
        self.stage.reached["schedule changed"] += 1
        for slot in self.books.slots.values():
            if slot["schedule_id"] == schedule_id and slot["day"] == day and slot["starts_at"] > self.now:
                assert slot["state"] == "closed"

    def offered_elsewhere(self) -> list[Any]:
        return [row for row in self.books.offers.values() if row["booking_id"] and row["status"] == "live"]

    @precondition(lambda self: self.offered_elsewhere())
    @rule(which=NUMBER, accepting=st.sampled_from([True, True, False]))
    def answer_the_offer_of_another_place(self, which: int, *, accepting: bool) -> None:
        offer = self.pick(self.offered_elsewhere(), which)
        old = self.books.bookings[offer["booking_id"]]
        [account_id] = [each.account_id for each in self.town.residents if each.person_id == old["person_id"]]
        answer = rebooking.accept if accepting else rebooking.decline
        done, before = self.step(lambda: answer(self.conn, self.context(account_id), old["id"]))
        if isinstance(done, Refusal):
            return
        assert self.now < offer["expires_at"]
        assert self.books.bookings[old["id"]]["status"] == ("moved" if accepting else "cancelled")
        if accepting:
            new = self.books.bookings[done["id"]]
            assert (new["slot_id"], new["channel"], new["person_id"]) == (
                offer["slot_id"],
                offer["channel"],
                old["person_id"],
            )
            assert done["id"] not in before.bookings

    answer_again = answer_the_offer_of_another_place

    # Waiting.

    def join(self, request: JoinRequest) -> None:
        async def act() -> Any:
            return (await waitlist.join(self.conn, self.vault, [request], self.now))[0]

        outcome, before = self.step(act)
        model_world.check_joining(before, request, outcome, self.now)

    @rule(who=NUMBER, service=NUMBER, days=DAYS, party=st.integers(1, 3))
    def join_the_queue(self, who: int, service: int, days: tuple[date, date], party: int) -> None:
        """The first resident looks after the next two: they may want to go together."""
        resident = self.pick(self.town.residents, who)
        people = tuple(
            each.person_id for each in self.town.residents[: party if resident is self.town.residents[0] else 0]
        )
        service_id = self.pick(self.town.services, service)
        people = people or (resident.person_id,)
        self.join(JoinRequest(resident.account_id, service_id, people, *days, None, self.key()))

    join_again = join_the_queue

    @rule(who=NUMBER, service=NUMBER, days=DAYS)
    def join_under_a_mandate(self, who: int, service: int, days: tuple[date, date]) -> None:
        person_id, mandate_id = self.pick(list(self.town.mandates.items()), who)
        service_id = self.pick(self.town.services, service)
        account_id = self.town.volunteer.account_id
        self.join(JoinRequest(account_id, service_id, (person_id,), *days, mandate_id, self.key()))

    def entries(self, *statuses: str) -> list[Any]:
        return [row for row in self.books.entries.values() if row["status"] in statuses]

    @precondition(lambda self: self.entries("offered"))
    @rule(which=NUMBER)
    def accept_an_offer(self, which: int) -> None:
        entry = self.pick(self.entries("offered"), which)
        [offer] = [
            row for row in self.books.offers.values() if row["entry_id"] == entry["id"] and row["status"] == "live"
        ]
        ctx = self.context(entry["booked_by"])
        accepted, before = self.step(lambda: waitlist_offers.accept(self.conn, ctx, entry["id"], {}, {}))
        if isinstance(accepted, Refusal):
            return
        assert self.now < offer["expires_at"]
        made = [row for id, row in self.books.bookings.items() if id not in before.bookings]
        assert sorted(row["person_id"] for row in made) == sorted(entry["people"])
        assert {(row["slot_id"], row["channel"]) for row in made} == {(offer["slot_id"], offer["channel"])}

    accept_again = accept_once_more = accept_an_offer

    @precondition(lambda self: self.entries("offered"))
    @rule(which=NUMBER)
    def decline_an_offer(self, which: int) -> None:
        entry = self.pick(self.entries("offered"), which)
        self.step(lambda: waitlist_offers.decline(self.conn, self.context(entry["booked_by"]), entry["id"]))

    @precondition(lambda self: self.entries("offered", "waiting"))
    @rule(which=NUMBER)
    def leave_the_queue(self, which: int) -> None:
        entry = self.pick(self.entries("offered", "waiting"), which)
        self.step(lambda: waitlist_offers.leave(self.conn, self.context(entry["booked_by"]), entry["id"]))

    # Time, and what comes with it.

    @rule(minutes=MINUTES)
    def time_passes(self, minutes: int) -> None:
        self.clock.move(minutes=minutes)

    @precondition(lambda self: self.steps > STEPS // 2)
    @rule()
    def half_a_day_passes(self) -> None:
        self.clock.move(hours=12, minutes=20)

    @precondition(lambda _: bool(AT_WORK))
    @rule()
    def the_worker_has_its_turn(self) -> None:
        """Two turns: what one chore keeps back for who waits is offered a second later, in the next turn."""

        async def act() -> None:
            for _ in range(2):
                await self.worker.turn(self.conn, AT_WORK)

        self.step(act, dispatched=True)
        failed = [
            sample for family in self.metrics.chore_failures.collect() for sample in family.samples if sample.value
        ]
        assert failed == []

    the_worker_again = the_worker_and_again = the_worker_once_more = the_worker_has_its_turn


@pytest.mark.timeout(0)
def test_the_books_hold_whatever_happens(database: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with asyncio.Runner() as runner:
        Model.stage = Stage(runner, settings)
        monkeypatch.setattr(identifiers, "time", Model.stage.ids)
        monkeypatch.setattr(identifiers, "os", Model.stage.ids)
        runner.run(Model.stage.build(database))
        try:
            run_state_machine_as_test(Model, settings=_profile)
        finally:
            runner.run(Model.stage.conn.close())
        assert [event for event in MUST_BE_REACHED if not Model.stage.reached[event]] == [], Model.stage.reached


_profile = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=os.environ.get("MODEL_EXAMPLES") is None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)
