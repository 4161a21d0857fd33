"""A storm of help: volunteers, families, the leader and the worker do everything at once; then the books in SQL.

Two applications on one database, as two processes are. `STORM_SECONDS` says for how long.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections import Counter
from typing import TYPE_CHECKING

import asyncpg
import pytest

from domain.dispatch import dispatch
from handlers.request import CLOCK, VAULT
from server.database import prepare_connection
from tests import make
from tests.booking_world import GENEROUS, act_freely, check_acts
from tests.books import assert_balanced
from tests.help_world import help_request, helper, leads

if TYPE_CHECKING:
    from uuid import UUID

SECONDS = float(os.environ.get("STORM_SECONDS", "8"))
CLIENTS = 20
ID = re.compile("[0-9a-f]{8}-[0-9a-f-]{27}")
MUST_HAPPEN = (
    "POST /v1/help-requests/{id}/accept 200 ",
    "POST /v1/help-requests/{id}/release 200 ",
    "POST /v1/help-requests/{id}/book 201 ",
    "POST /v1/teams/{id}/help-requests/{id}/assign 204 ",
    "POST /v1/teams/{id}/volunteers/{id}/suspend 200 ",
    "POST /v1/mandates/{id}/revoke 200 ",
    "POST /v1/bookings/{id}/cancel 200 ",
    "POST /v1/bookings/{id}/move 201 ",
)
"""Else the storm has missed what it is for."""


class Storm:
    def __init__(self, clients, conn, app):
        self.clients, self.conn, self.app = clients, conn, app
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def build(self):
        conn, app = self.conn, self.app
        await act_freely(conn)
        self.area_id = area_id = await make.area(conn, level="town")
        self.team_id = await make.team(conn, area_id=area_id)
        self.helpers = [await helper(conn, app, team_id=self.team_id, areas=[area_id]) for _ in range(8)]
        self.leader = (await helper(conn, app, team_id=self.team_id)).resident
        await leads(conn, await self.volunteer_of(self.leader), self.team_id)
        self.service_id = service_id = await make.service(conn)
        policy_id = await make.policy(conn, service_id=service_id, limit_volunteer_day=999, **(GENEROUS))
        self.slots = [
            await make.slot(conn, service_id, policy_id=policy_id, resource=f"诊室 {n}", assisted=3, public=3)
            for n in range(6)
        ]
        self.elders = []
        for _ in range(8):
            family = await make.resident(conn, app, name="女儿")
            person_id = await make.person(conn, app[VAULT], phone="13900001111")
            await make.care(conn, family.account_id, person_id)
            self.elders.append((family, person_id))
            for one in self.helpers[:6]:
                await make.mandate(conn, person_id, one.volunteer_id, family.account_id)
        self.requests: list[UUID] = []
        for family, person_id in self.elders * 2:
            await self.ask_for_help(conn, family, person_id)
        return self

    async def ask_for_help(self, conn, family, person_id):
        request_id = await help_request(
            conn,
            self.app[VAULT],
            person_id,
            team_id=self.team_id,
            area_id=self.area_id,
            service_id=self.service_id,
            needs=("book", "accompany") if len(self.requests) % 3 else ("accompany",),
            asked_by=family.account_id,
            next_round_at=self.app[CLOCK](),
        )
        self.requests.append(request_id)

    async def volunteer_of(self, resident):
        return await self.conn.fetchval("select id from volunteer where account_id = $1", resident.account_id)

    async def ask(self, method, path, who, body=None):
        headers = {**who.headers, **make.key()}
        async with random.choice(self.clients).request(method, path, json=body, headers=headers) as response:
            answer = await response.json() if response.status != 204 else {}
        name = ID.sub("{id}", f"{method} {path} {response.status}")
        self.answers[f"{name} {answer['code'] if response.status >= 400 else ''}"] += 1
        if response.status >= 500:
            self.wrong.append(f"{method} {path}: {response.status} {answer}")
        return response.status, answer

    async def act(self, conn):
        """Do one thing at random; who was frozen signs in again."""
        n = random.randrange(len(self.helpers))
        one = self.helpers[n]
        chosen = random.choices((self.of_volunteer, self.of_family, self.of_leader), (8, 5, 1))[0]
        given = await chosen(conn, one)
        if given is None:
            return
        status, _ = await self.ask(*given)
        if status == 401 and given[2] is one.resident:
            resident = await make.signed_in_again(conn, self.app, one.resident)
            self.helpers[n] = type(one)(one.volunteer_id, resident)

    async def of_volunteer(self, conn, one):
        deed = random.choice(("accept", "accept", "accept", "decline", "release", "release", "book", "book"))
        asked = "select request_id from help_offer where volunteer_id = $1 and status = 'live' limit 1"
        held = "select id from help_request where volunteer_id = $1 order by state limit 1"
        likely = await conn.fetchval(asked if deed == "accept" else held, one.volunteer_id)
        if likely is None and deed in ("release", "book") and random.random() < 0.8:
            deed = "accept"
        path = f"/v1/help-requests/{likely or random.choice(self.requests)}/{deed}"
        bodies = {"release": {"reason": "ill"}, "book": {"slot_id": str(random.choice(self.slots))}}
        return "POST", path, one.resident, bodies.get(deed)

    async def of_leader(self, _conn, one):
        team, request_id = f"/v1/teams/{self.team_id}", random.choice(self.requests)
        return random.choice(
            (
                ("POST", f"{team}/help-requests/{request_id}/assign", self.leader,
                 {"volunteer_id": str(one.volunteer_id)}),
                ("POST", f"{team}/help-requests/{request_id}/release", self.leader, {"reason": "other"}),
                ("POST", f"{team}/volunteers/{one.volunteer_id}/suspend", self.leader, {"reason": "核实"}),
                ("POST", f"{team}/volunteers/{one.volunteer_id}/reinstate", self.leader, {"reason": "核实"}),
                ("POST", f"{team}/volunteers/{one.volunteer_id}/reinstate", self.leader, {"reason": "核实"}),
            )
        )  # fmt: skip

    async def of_family(self, conn, one):
        """Let a family give and revoke mandates; and it, or a volunteer, cancel and move bookings."""
        family, person_id = random.choice(self.elders)
        terms = {"person_id": str(person_id), "volunteer_id": str(one.volunteer_id), "matters": ["medical"],
                 "expires_at": "2027-03-01T00:00:00+08:00", "consent": "family"}  # fmt: skip
        deed = random.choice(("ask", "give", "give", "revoke", "cancel", "move", "move", "move"))
        if deed == "ask":
            return await self.ask_for_help(conn, family, person_id)
        if deed == "give":
            return "POST", "/v1/mandates", family, terms
        table, status = ("mandate", "active") if deed == "revoke" else ("booking", "booked")
        found = await conn.fetchval(
            f"select id from {table} where person_id = $1 and status = '{status}' limit 1", person_id
        )
        if found is None:
            return None
        body = {"slot_id": str(random.choice(self.slots))} if deed == "move" else {"reason": "有事"}
        who = family if deed == "revoke" else random.choice((family, family, one.resident))
        return "POST", f"/v1/{table}s/{found}/{deed}", who, body

    def goes_on(self, ends):
        """Go on for the time that was given, and on a slow machine until everything has happened, within reason."""
        now = asyncio.get_running_loop().time()
        missing = any(self.answers[name] == 0 for name in MUST_HAPPEN)
        return now < ends or (missing and now < ends + 40)

    async def client(self, database, ends):
        conn = await asyncpg.connect(database)
        await prepare_connection(conn)
        try:
            while self.goes_on(ends):
                await self.act(conn)
        finally:
            await conn.close()

    async def worker(self, database, ends):
        conn = await asyncpg.connect(database)
        await prepare_connection(conn)
        try:
            while self.goes_on(ends):
                await dispatch(conn, self.app[CLOCK]())
                await asyncio.sleep(0.05)
        finally:
            await conn.close()


BOOKS = {
    "a held request has a serving volunteer": """
        select help_request.id from help_request join volunteer on volunteer.id = volunteer_id
        where state in ('accepted', 'booked') and volunteer.status <> 'approved'""",
    "who is bound has the request, at its time": """
        select work.id from help_work as work join help_request as request on request.id = work.request_id
        where work.state = 'held' and (request.volunteer_id is distinct from work.volunteer_id
            or request.state not in ('booked', 'under_way')
            or (request.starts_at, request.ends_at) is distinct from (work.starts_at, work.ends_at))""",
    "who accompanies at a known time is bound": """
        select request.id from help_request as request
        where state = 'booked' and (needs_companion or needs_ride) and not exists (
            select from help_work where request_id = request.id and state = 'held')""",
    "an offer lives only where somebody is sought": """
        select offer.id from help_offer as offer join help_request as request on request.id = request_id
        where offer.status = 'live' and request.state <> 'offered'""",
    "who serves no more is asked nothing": """
        select offer.id from help_offer as offer join volunteer on volunteer.id = volunteer_id
        where offer.status = 'live' and volunteer.status <> 'approved'""",
    "the booking of a request stands and is the person's": """
        select request.id from help_request as request join booking on booking.id = booking_id
        where request.state not in ('cancelled', 'expired', 'completed')
          and (booking.status <> 'booked' or booking.person_id <> request.person_id)""",
    "each event follows from the one before, and the last is the state": """
        select request_id from (
            select request_id, was, state, lag(state) over story as before,
                n = max(n) over (partition by request_id) as last
            from help_event window story as (partition by request_id order by n)) as told
        join help_request as request on request.id = request_id
        where told.was is distinct from told.before or (last and request.state <> told.state)""",
    "nobody has more tasks than the rules let one": """
        select volunteer_id from help_request
        where state in ('accepted', 'booked', 'under_way')
        group by volunteer_id having count(*) > (select limit_tasks from help_policy)""",
    "what is sought waits for the dispatch": """
        select id from help_request where state = 'open' and next_round_at is null""",
}


@pytest.mark.timeout(SECONDS + 120)
async def test_the_books_of_help_agree_after_a_storm(client, second_client, database, conn, app):
    storm = await Storm((client, second_client), conn, app).build()
    ends = asyncio.get_running_loop().time() + SECONDS
    await asyncio.gather(
        storm.worker(database, ends),
        storm.worker(database, ends),
        *(storm.client(database, ends) for _ in range(CLIENTS)),
    )
    told = "\n".join(f"{count:6} {name}" for name, count in sorted(storm.answers.items()))
    assert storm.wrong == [], told
    broken = {name: rows for name, query in BOOKS.items() if (rows := await conn.fetch(query))}
    assert broken == {}, told
    await assert_balanced(conn)
    await check_acts(conn)
    for name in MUST_HAPPEN:
        assert storm.answers[name] > 0, told
