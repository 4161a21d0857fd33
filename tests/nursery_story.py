"""A small round after its draw, told on at random, and held beside what its queues promise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from domain import enrolment_answers, enrolment_offering, enrolment_offers, enrolment_states, nursery_places
from domain.allocation import EVERYBODY, Child, Programme, Reserve, allocate
from domain.callers import Caller
from domain.context import Context
from domain.enrolment_states import Step
from domain.identifiers import new_id
from domain.nursery_vocabulary import EnrolmentBecause, EnrolmentState
from domain.vocabulary import Role
from handlers.request import VAULT
from tests import make
from tests.nursery_world import GROUPS, NOW, Family, Offered, application, child, drawn, enrolment_round, nursery_class

HAS = ("live", "accepted")
LET_GO = ("declined", "lapsed", "given_up")


@dataclass
class Applicant:
    enrolment_id: Any
    ranks: list[Any]
    groups: frozenset[str]
    late: bool
    order: tuple[int]
    """Behind the tier: the number, or when it was handed in."""


@dataclass
class Story:
    """What was promised to whom, and since when each child waits."""

    conn: Any
    app: Any
    clock: Any
    parent: Any
    manager: Any
    within: Any
    seats: dict[Any, Any]
    """By id: the programme and the tiers."""
    applicants: dict[Any, Applicant]
    step: int = 0
    since: dict[Any, int] = field(default_factory=dict)
    given: dict[Any, Any] = field(default_factory=dict)

    def ctx(self, account=None):
        caller = None if account is None else Caller(account.account_id, new_id(), frozenset(), 1)
        return Context(caller, self.clock.now, self.app[VAULT])

    async def offers(self):
        return await self.conn.fetch(
            """select offer.* from enrolment_offer as offer
               join enrolment on enrolment.id = offer.enrolment_id where enrolment.round_id = $1 order by offer.id""",
            self.within.round_id,
        )

    async def look(self, *, promises=True, at_once=False):
        """Check everything that has to hold between two acts.

        `promises`: a seat that was promised before somebody began to wait stays promised; else who waits has the
        worse claim to every seat. `at_once`: many acts lie behind, and nobody knows in which order.
        """
        self.step += 1
        offers, applicants, seats = await self.offers(), self.applicants, self.seats
        states = {row["id"]: row for row in await self.conn.fetch("select id, state, settled from enrolment")}
        holds = {row["seat_id"]: row["enrolment_id"] for row in offers if row["status"] in HAS}
        assert len(holds) == sum(row["status"] in HAS for row in offers)
        self.given = {
            seat: self.given[seat] if self.given.get(seat, (None,))[0] == one else (one, self.step)
            for seat, one in holds.items()
        }
        waits: dict[Any, int] = {}
        for one in applicants.values():
            own = [row for row in offers if row["enrolment_id"] == one.enrolment_id]
            ranks = {row["id"]: one.ranks.index(seats[row["seat_id"]][0]) for row in own}
            taken = [ranks[row["id"]] for row in own if row["status"] == "accepted"]
            offered = [ranks[row["id"]] for row in own if row["status"] == "live"]
            gone = {ranks[row["id"]] for row in own if row["status"] in LET_GO}
            assert len(taken) <= 1
            assert len(set(offered)) == len(offered)
            assert not taken or all(rank < taken[0] for rank in offered)
            state = states[one.enrolment_id]
            if state["state"] != "accepted":
                assert not taken
                assert not offered
            elif not state["settled"]:
                best = min(taken + offered, default=len(one.ranks))
                waits |= {(one.enrolment_id, one.ranks[rank]): 0 for rank in range(best) if rank not in gone}
        self.since = {each: self.since.get(each, self.step) for each in waits}
        for seat, (programme, tiers) in seats.items():
            holder = holds.get(seat)
            assert holder is None or claim(applicants[holder], tiers) is not None
            for (enrolment_id, wanted), since in self.since.items():
                mine = claim(applicants[enrolment_id], tiers) if wanted == programme else None
                if mine is None:
                    continue
                assert holder is not None, "a seat is empty and somebody waits for it"
                promised = promises and since > self.given[seat][1] - at_once
                assert promised or claim(applicants[holder], tiers) < mine, "who waits has the better claim"
            self._look_at_later(seat, holds, at_once)

    def _look_at_later(self, seat, holds, at_once):
        """No seat is worse filled than by who has a later one of its programme, which would go on to who waits."""
        programme, tiers = self.seats[seat]
        after = list(self.seats)[list(self.seats).index(seat) + 1 :]
        for later in after:
            of, of_tiers = self.seats[later]
            if of != programme or of_tiers == tiers or later not in holds:
                continue
            theirs = claim(self.applicants[holds[later]], tiers)
            if theirs is not None:
                assert seat in holds, "a seat is empty that somebody with a later one would leave it for"
                promised = self.given[later][1] > self.given[seat][1] - at_once
                assert promised or claim(self.applicants[holds[seat]], tiers) < theirs

    async def begin(self):
        async with self.conn.transaction():
            await enrolment_offering.begin(self.conn, self.ctx(self.manager), self.within.round_id)

    async def answer(self, act, offer):
        async with self.conn.transaction():
            await act(self.conn, self.ctx(self.parent), offer["enrolment_id"], {"offer_id": offer["id"]})

    async def settle(self, enrolment_id):
        async with self.conn.transaction():
            await enrolment_answers.settle(self.conn, self.ctx(self.parent), enrolment_id)

    async def admit(self, enrolment_id):
        """Let a late application be accepted, as a reviewer would."""
        async with self.conn.transaction():
            await enrolment_offers.hold(self.conn, enrolment_id)
            await self._take(enrolment_id, EnrolmentState.SUBMITTED, EnrolmentState.ACCEPTED, "accepted")
            await enrolment_offers.begin_to_wait(self.conn, self.ctx(), [enrolment_id])

    async def withdraw(self, enrolment_id):
        async with self.conn.transaction():
            await enrolment_offers.hold(self.conn, enrolment_id)
            await self._take(enrolment_id, EnrolmentState.ACCEPTED, EnrolmentState.WITHDRAWN, "withdrawn")
            await enrolment_offers.leave(self.conn, self.ctx(), enrolment_id)
            await nursery_places.let_go(self.conn, self.ctx(), enrolment_id, EnrolmentBecause.WITHDRAWN)

    async def lapse(self):
        async with self.conn.transaction():
            return await enrolment_offers.lapse(self.conn, self.ctx())

    async def _take(self, enrolment_id, before, after, because):
        step = Step(enrolment_id, [before], after, EnrolmentBecause(because))
        assert await enrolment_states.take(self.conn, step, self.clock.now) is not None


def claim(one, tiers):
    """Say how good a claim to a seat is, the least the best; None: it does not take this child."""
    for tier, group in enumerate(tiers):
        if group == EVERYBODY or group in one.groups:
            return (one.late, tier, one.order)
    return None


async def make_story(conn, app, clock, chance, *, most=11, late=3):
    """Make a round at random, and draw it."""
    area_id = await make.area(conn)
    manager = await make.staff(conn, app, Role.MANAGER, area_id=area_id)
    parent = await make.resident(conn, app)
    offered = []
    for _ in range(chance.randint(2, 4)):
        seats = chance.randint(1, 3)
        groups = chance.sample(GROUPS, chance.randint(0, min(seats, 2)))
        falls = chance.choice([("",), ("",), (), GROUPS])
        class_id = await nursery_class(conn, await make.provider(conn, kind="nursery"))
        offered.append(Offered(class_id, seats, dict.fromkeys(groups, 1), falls))
    within = await enrolment_round(conn, area_id, offered, stage="published")
    programmes = [each.programme_id for each in within.programmes]
    rows = await conn.fetch(
        "select id, programme_id, number, tiers from programme_seat where programme_id = any($1::uuid[])", programmes
    )
    seats = {row["id"]: (row["programme_id"], row["tiers"]) for row in sorted(rows, key=lambda row: row["number"])}
    applicants = {}
    many = chance.randint(most // 2, most)
    for place in range(many + chance.randint(0, late)):
        is_late = place >= many
        ranks = chance.sample(programmes, chance.randint(1, len(programmes)))
        groups = frozenset(chance.sample(GROUPS, chance.choice([0, 0, 1, 1, 2])))
        who = Family(parent, await child(conn, app, parent, name=f"孩子{place}"))
        enrolment_id = await application(
            conn,
            who,
            within,
            ranks,
            dict.fromkeys(groups, "granted"),
            state="submitted" if is_late else "accepted",
            late=is_late,
            at=NOW.replace(minute=place),
        )
        applicants[enrolment_id] = Applicant(enrolment_id, ranks, groups, is_late, (place,))
    in_draw = [one for one in applicants.values() if not one.late]
    chance.shuffle(in_draw)
    for place, one in enumerate(in_draw):
        one.order = (place,)
    await drawn(conn, within, [one.enrolment_id for one in in_draw], seats_of(within, offered, seats, in_draw))
    return Story(conn, app, clock, parent, manager, within, seats, applicants)


def seats_of(within, offered, seats, in_draw):
    """Let the draw's own rule say who gets which seat."""
    programmes = [
        Programme(
            made.programme_id, each.seats, tuple(Reserve(code, 1, tuple(each.falls_to)) for code in each.reserves)
        )
        for made, each in zip(within.programmes, offered, strict=True)
    ]
    children = [Child(one.enrolment_id, one.order[0], one.ranks, one.groups) for one in in_draw]
    free, given = dict(seats), {}
    for enrolment_id, got in allocate(programmes, children).items():
        seat = next(
            one for one, (programme, tiers) in free.items() if programme == got.programme and tiers[0] == got.kind
        )
        del free[seat]
        given[enrolment_id] = seat
    return given
