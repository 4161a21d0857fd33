"""Whoever has nothing to do with a child's enrolment sees and does nothing of it: over every route of the nursery.

Each outsider makes every call of it, aimed at one child of somebody else's. No answer shows anything of the child, and
no row of the child's changes. A route that is added is called as well, by its good call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.identifiers import new_id
from domain.vocabulary import Role
from handlers.request import CLOCK
from server.access import Access
from server.routes import ROUTES
from tests import drawing, make
from tests.calls import GOOD
from tests.help_world import helper
from tests.nursery_world import (
    NOW,
    Family,
    Offered,
    application,
    child,
    enrolment_round,
    nursery,
    nursery_class,
    place,
    seat_offer,
)
from tests.town import id_number

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from tests.nursery_world import Round

CHILD, PARENT, PHONE = "阿拉坦乌拉", "娜仁托娅", "13955550009"
REPAIR, DENIAL, REASON = "请补交搬迁协议第三页", "协议上没有户主签名", "孩子户口不在本区"
OF_NURSERY = re.compile(r"nurser|enrolment|^/v1/files")
CALLS = [(route.method, route.path) for route in ROUTES if OF_NURSERY.search(route.path)]
PUBLIC = {(route.method, route.path) for route in ROUTES if route.access == Access.PUBLIC}

ROWS = """
    select (select coalesce(sum(hashtextextended(x::text, 0)), 0) from enrolment x where person_id = $1),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from enrolment_choice x where enrolment_id = any($2)),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from enrolment_claim x where enrolment_id = any($2)),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from enrolment_document x where enrolment_id = any($2)),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from enrolment_event x where enrolment_id = any($2)),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from enrolment_verdict x where enrolment_id = any($2)),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from enrolment_offer x where enrolment_id = any($2)),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from nursery_place x where person_id = $1),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from nursery_leave x
         where place_id in (select id from nursery_place where person_id = $1)),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from file x where id = any($3)),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from consent x where person_id = $1),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from care x where person_id = $1),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from person x where id = $1),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from notice x where person_id = $1),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from enrolment_round x where id = any($4)),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from enrolment_draw x where round_id = any($4)),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from nursery_class x where id = $5)
"""
"""All rows that are the child's, its rounds' or its class's."""


@dataclass(frozen=True, slots=True)
class Case:
    """A child with one application in a round, and everything that comes of it there."""

    within: Round
    enrolment_id: UUID
    file_id: UUID
    salt: str


class Nurseries:
    """A nursery with the child's class, another one that the child wants less, and all kinds of outsiders."""

    def __init__(self, town):
        self.town, self.conn, self.app = town, town.conn, town.app

    async def build(self):
        conn = self.conn
        self.nursery_id, self.other_id = await nursery(conn, self.town.area_id), await nursery(conn, self.town.area_id)
        self.class_id, other = await nursery_class(conn, self.nursery_id), await nursery_class(conn, self.other_id)
        self.offers = [Offered(self.class_id, reserves={"resettled": 1}), Offered(other)]
        parent = await make.resident(conn, self.app, name=PARENT, number=id_number(), phone=PHONE)
        self.family = Family(parent, await child(conn, self.app, parent, name=CHILD))
        self.returned = await self.case("closed", {"resettled": "claimed"}, state="returned")
        self.seated = await self.case("closed", {"resettled": "denied"}, state="accepted")
        await self.settle()
        return self

    async def case(self, stage: str, claims: dict[str, str], **more: Any) -> Case:
        conn = self.conn
        times: dict[str, Any] = {"closes_at": NOW - timedelta(days=2), "review_until": NOW, "value_due_at": NOW}
        within = await enrolment_round(conn, self.town.area_id, self.offers, stage=stage, **times)
        if more["state"] == "returned":
            more |= {"repair_words": REPAIR, "repair_by": NOW + timedelta(days=2)}
        enrolment_id = await application(conn, self.family, within, None, claims, **more)
        await conn.execute("update enrolment_claim set words = $2 where enrolment_id = $1", enrolment_id, DENIAL)
        file_id = new_id()
        await conn.execute(
            """insert into file (id, account_id, purpose, media_type, size, created_at)
               values ($1, $2, 'enrolment_document', 'image/png', 70, $3)""",
            file_id,
            self.family.account_id,
            make.EPOCH,
        )
        await conn.execute(
            """insert into enrolment_document (file_id, enrolment_id, kind, media_type, size, added_at)
               values ($1, $2, 'household', 'image/png', 70, $3)""",
            file_id,
            enrolment_id,
            make.EPOCH,
        )
        salt = await conn.fetchval("select salt from enrolment where id = $1", enrolment_id)
        return Case(within, enrolment_id, file_id, salt)

    async def settle(self):
        """Let the second application have an offer and a planned place; let a refusal of the first be proposed."""
        conn, seated = self.conn, self.seated
        await drawing.drawn(conn, self.app, seated.within.round_id)
        await conn.execute("update enrolment_round set stage = 'offers' where id = $1", seated.within.round_id)
        seat_id = await conn.fetchval("select seat_id from enrolment where id = $1", seated.enrolment_id)
        self.offer_id = await seat_offer(conn, seated.enrolment_id, seat_id)
        self.place_id = await place(
            conn, self.family.child_id, self.class_id, status="planned", starts_on=NOW.date() + timedelta(days=90)
        )
        await conn.execute(
            """insert into enrolment_verdict (id, enrolment_id, kind, reason, words, proposed_by, proposed_at)
               values ($1, $2, 'refuse', 'other', $3, $4, $5)""",
            new_id(),
            self.returned.enrolment_id,
            REASON,
            await make.account(conn, "staff"),
            NOW,
        )

    def secrets(self) -> list[str]:
        """Return what nobody else sees; the published result opens the salt of who took part in the draw."""
        ids = (
            self.family.child_id,
            self.family.account_id,
            self.family.resident.person_id,
            self.offer_id,
            self.place_id,
            *(case.enrolment_id for case in self.cases),
            *(case.file_id for case in self.cases),
        )
        words = (CHILD, PARENT, PHONE, REPAIR, DENIAL, REASON, self.returned.salt)
        return [*map(str, ids), *words]

    @property
    def cases(self) -> tuple[Case, Case]:
        return self.returned, self.seated

    async def rows(self):
        found = await self.conn.fetchrow(
            ROWS,
            self.family.child_id,
            [case.enrolment_id for case in self.cases],
            [case.file_id for case in self.cases],
            [case.within.round_id for case in self.cases],
            self.class_id,
        )
        return tuple(found)


async def another_family(world):
    """Applies in the same round for a child of its own."""
    parent = await make.resident(world.conn, world.app, name="别家", number=id_number())
    own = Family(parent, await child(world.conn, world.app, parent, name="别家孩子"))
    await application(world.conn, own, world.returned.within)
    await application(world.conn, own, world.seated.within)
    return parent


async def not_registered(world):
    account_id = await make.account(world.conn)
    return make.Resident(
        account_id, account_id, await make.session(world.conn, world.app, account_id, [Role.RESIDENT])
    )  # fmt: skip


async def who_cared_once(world):
    """Began the applications and handed in the papers, and lets the child go to another carer since."""
    former = await make.resident(world.conn, world.app, name="前照护人", number=id_number())
    care_id = await make.care(world.conn, former.account_id, world.family.child_id, "child")
    await world.conn.execute("update care set ended_at = $2 where id = $1", care_id, NOW)
    return former


async def who_asks_to_care(world):
    """Has asked to join the care of the child, and was not answered."""
    asking = await make.resident(world.conn, world.app, name="想照护", number=id_number())
    await world.conn.execute(
        """insert into care_request (id, account_id, person_id, relation, name_matches, consents, created_at,
                                     expires_at)
           values ($1, $2, $3, 'child', true, '[]', $4, $5)""",
        new_id(),
        asking.account_id,
        world.family.child_id,
        NOW,
        NOW + timedelta(days=7),
    )
    return asking


async def volunteer_with_a_mandate(world):
    """May book for the child in matters of nurseries; the enrolment itself is its guardians' alone."""
    found = await helper(world.conn, world.app, team_id=world.town.team_id, areas=[world.town.area_id])
    await make.mandate(
        world.conn, world.family.child_id, found.volunteer_id, world.family.account_id,
        matters=("nursery",), expires_at=world.app[CLOCK]() + timedelta(days=30),
    )  # fmt: skip
    return found.resident


async def head_of_the_second_choice(world):
    return await make.staff(world.conn, world.app, Role.MANAGER, provider_id=world.other_id)


async def carer_of_the_second_choice(world):
    return await make.staff(world.conn, world.app, Role.CLERK, provider_id=world.other_id)


async def manager_of_a_hospital(world):
    """Works in the same area, at another kind of provider."""
    return await make.staff(world.conn, world.app, Role.MANAGER, provider_id=world.town.provider_id)


async def manager_elsewhere(world):
    return await make.staff(world.conn, world.app, Role.MANAGER, area_id=await make.area(world.conn, name="别的区"))


async def auditor(world):
    return await make.staff(world.conn, world.app, Role.AUDITOR)


OUTSIDERS: dict[str, Callable[[Nurseries], Awaitable[Any]]] = {
    each.__name__: each
    for each in (
        another_family,
        not_registered,
        who_cared_once,
        who_asks_to_care,
        volunteer_with_a_mandate,
        head_of_the_second_choice,
        carer_of_the_second_choice,
        manager_of_a_hospital,
        manager_elsewhere,
        auditor,
    )
}


def aimed_at(path, given, world, case):
    """Aim a call at the child: what stands in the path and in the body is the child's."""
    whole = {
        "/v1/enrolments/": case.enrolment_id,
        "/v1/staff/enrolments/": case.enrolment_id,
        "/v1/enrolment-rounds/": case.within.round_id,
        "/v1/staff/enrolment-rounds/": case.within.round_id,
        "/v1/nurseries/": world.nursery_id,
        "/v1/staff/nurseries/": world.nursery_id,
        "/v1/staff/nursery-classes/": world.class_id,
        "/v1/staff/nursery-places/": world.place_id,
        "/v1/people/": world.family.child_id,
        "/v1/files/": case.file_id,
    }
    ids = dict(given.ids)
    for prefix, id_ in whole.items():
        if path.startswith(f"{prefix}{{id}}"):
            ids["id"] = id_
    if "file_id" in ids:
        ids["file_id"] = case.file_id
    first, second = case.within.programmes
    parts = {
        "person_id": str(world.family.child_id),
        "round_id": str(case.within.round_id),
        "enrolment_id": str(case.enrolment_id),
        "class_id": str(world.class_id),
        "choices": [str(second.programme_id), str(first.programme_id)],
        "documents": [{"file_id": str(case.file_id), "kind": "household"}],
        "agreement_file_id": str(case.file_id),
        "claims": [],
    }
    body = given.body
    if isinstance(body, dict):
        body = body | {name: value for name, value in parts.items() if name in body and path != "/v1/enrolment-rounds"}
    return type(given)(body, ids, given.query, given.form)


@pytest.fixture
async def calls(town):
    """Make a good call of every route once; it is aimed at the child later."""
    return {key: await GOOD[key](town) for key in CALLS}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(2))
async def test_an_outsider_sees_and_does_nothing(town, calls, part):
    world = await Nurseries(town).build()
    secrets, wrong = world.secrets(), []
    for name in list(OUTSIDERS)[part::2]:
        outsider = await OUTSIDERS[name](world)
        before = await world.rows()
        for (method, path), given in calls.items():
            for case in world.cases if "{" in path or method != "GET" else world.cases[:1]:
                aimed = aimed_at(path, given, world, case)
                status, answer = await town.send(method, path, aimed, headers=outsider.headers)
                text = str(answer)
                seen = [secret for secret in secrets if secret in text]
                after = await world.rows()
                if seen or status >= 500 or after != before:
                    wrong.append((name, method, path, case.within.round_id, status, seen, after != before, text[:300]))
                before = after
    assert wrong == [], "\n".join(map(str, wrong))


@pytest.mark.timeout(120)
async def test_who_it_concerns_sees_all_of_that(town):
    """Else the test above might look for what nobody ever sees."""
    world = await Nurseries(town).build()
    zone = await make.staff(town.conn, town.app, Role.MANAGER, area_id=town.area_id)
    head = await make.staff(town.conn, town.app, Role.MANAGER, provider_id=world.nursery_id)
    shown = ""
    for who, path in (
        (world.family, "/v1/enrolments"),
        *((world.family, f"/v1/enrolments/{case.enrolment_id}") for case in world.cases),
        (world.family, f"/v1/enrolments/{world.seated.enrolment_id}/queues"),
        *((zone, f"/v1/staff/enrolments/{case.enrolment_id}") for case in world.cases),
        (head, f"/v1/staff/enrolments/{world.seated.enrolment_id}"),
        (world.family, f"/v1/people/{world.family.child_id}/nursery-places"),
    ):
        async with town.client.get(path, headers=who.headers) as response:
            assert response.status == 200, (path, await response.text())
            shown += await response.text()
    hidden = {PHONE, str(world.family.account_id), str(world.family.resident.person_id)}
    hidden |= {case.salt for case in world.cases}
    assert [secret for secret in world.secrets() if secret not in shown and secret not in hidden] == []
