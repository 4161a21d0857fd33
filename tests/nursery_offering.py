"""A published round of two nurseries, and what staff and families do with its seats."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain import enrolment_offers
from domain.context import Context
from handlers.request import VAULT
from tests import make
from tests.nursery_world import NOW, drawn


class Offering:
    """A published round of two nurseries, star and moon, with one seat each unless told; families by their letters."""

    def __init__(self, zone, clock):
        self.zone, self.conn, self.clock = zone, zone.conn, clock
        self.who, self.ids = {}, {}

    async def lay(self, *, seats=1, reserves=None, draw, late=(), stage="published", **more):
        """`draw`: by letter in the order of numbers, the choices (s, m), groups and the seat (s1: star's first)."""
        self.within = await self.zone.round(stage, seats=seats, reserves=reserves or {}, **more)
        star, moon = self.within.programmes
        named = {"s": star, "m": moon}
        given = {}
        for name, (choices, groups, seat) in draw.items():
            await self._apply(name, choices, groups, named, "accepted")
            if seat:
                given[self.ids[name]] = named[seat[0]].seats[int(seat[1:]) - 1]
        await drawn(self.conn, self.within, [self.ids[name] for name in draw], given)
        for place_in_line, name in enumerate(late):
            at = NOW + timedelta(minutes=place_in_line - 60)
            await self._apply(name, "sm", (), named, "accepted", late=True, at=at)
        return self

    async def _apply(self, name, choices, groups, named, state, **more):
        ranks = [named[one].programme_id for one in choices]
        claims = dict.fromkeys(groups, "granted")
        who, enrolment_id = await self.zone.application(self.within, None, ranks, claims, state=state, **more)
        self.who[name], self.ids[name] = who.resident, enrolment_id

    async def begin(self, who=None):
        path = f"/v1/staff/enrolment-rounds/{self.within.round_id}/offer"
        return await self.zone.post(path, who or self.zone.manager)

    async def live(self, name):
        """Return what can be answered: the letter of the programme and the offer's id."""
        rows = await self.conn.fetch(
            """select offer.id, seat.programme_id from enrolment_offer as offer
               join programme_seat as seat on seat.id = offer.seat_id
               where offer.enrolment_id = $1 and offer.status = 'live'""",
            self.ids[name],
        )
        letters = {each.programme_id: letter for each, letter in zip(self.within.programmes, "sm", strict=True)}
        return {letters[row["programme_id"]]: str(row["id"]) for row in rows}

    async def answer(self, name, act, offer_id=None):
        offer_id = offer_id or next(iter((await self.live(name)).values()))
        return await self.act(name, act, {"offer_id": offer_id})

    async def act(self, name, act, body=None):
        return await self.zone.post(f"/v1/enrolments/{self.ids[name]}/{act}", await self._again(name), body)

    async def queues(self, name):
        return await self.zone.get(f"/v1/enrolments/{self.ids[name]}/queues", await self._again(name))

    async def _again(self, name):
        """Sign a family in again: offers stand for longer than a token does."""
        who = self.who[name]
        return replace(who, token=await make.session(self.conn, self.zone.app, who.account_id, ["resident"]))

    async def statuses(self, name):
        rows = await self.conn.fetch(
            "select status from enrolment_offer where enrolment_id = $1 order by id", self.ids[name]
        )
        return [row["status"] for row in rows]

    async def places(self, name):
        rows = await self.conn.fetch(
            "select class_id, status, starts_on from nursery_place where enrolment_id = $1 order by id", self.ids[name]
        )
        classes = {self.zone.star_class: "s", self.zone.moon_class: "m"}
        return [(classes[row["class_id"]], row["status"], str(row["starts_on"])) for row in rows]

    async def told(self, name):
        _, answer = await self.zone.get("/v1/notices", await self._again(name))
        return [(item["kind"], item["text"]) for item in answer["items"]]

    async def events(self, name):
        rows = await self.conn.fetch(
            "select because from enrolment_event where enrolment_id = $1 order by n", self.ids[name]
        )
        return [row["because"] for row in rows][2:]

    def ctx(self):
        return Context(None, self.clock.now, self.zone.app[VAULT])

    async def lapse(self):
        async with self.conn.transaction():
            return await enrolment_offers.lapse(self.conn, self.ctx())


@pytest.fixture
def offering(zone, clock):
    return Offering(zone, clock)
