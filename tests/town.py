"""A small town of people who may and people who may not, and what happens there."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from domain.identifiers import new_id
from domain.vocabulary import LOCAL_ZONE, Role
from handlers import care_requests
from handlers.request import CLOCK, VAULT
from server.sandbox_wechat import openid_of
from tests import help_world, make
from tests.pictures import png
from tests.visitors import consents

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

UNTIL = "2027-03-01T00:00:00+08:00"
count = itertools.count(1)


@dataclass
class Given:
    """What one call sends. `ids` stand in the path; `form` makes a multipart body."""

    body: Any = None
    ids: dict[str, Any] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    form: Callable[[], aiohttp.FormData] | None = None


class Town:
    """Two areas with a provider each. Whoever belongs to the second has nothing to do with the first."""

    def __init__(self, client, conn, app, outside):
        self.client, self.conn, self.app, self.outside = client, conn, app, outside
        self.accounts: dict[str, tuple[UUID, list[str]]] = {}
        self.numbers: dict[str, str] = {}
        self.users: dict[str, str] = {}
        self.names: dict[str, str] = {}

    async def build(self):
        conn = self.conn
        self.area_id, elsewhere = await make.area(conn), await make.area(conn)
        self.provider_id = await make.provider(conn, area_id=self.area_id)
        self.other_provider_id = await make.provider(conn, area_id=elsewhere)
        self.service_id = await make.service(conn, provider_id=self.provider_id)
        self.policy_id = await make.policy(
            conn, service_id=self.service_id, limit_department_day=99, limit_day=99, limit_7_days=99, limit_90_days=99
        )
        self.team_id = await make.team(conn, area_id=self.area_id)
        self.person_id = (await self.add_resident("family")).person_id
        helper = await self.add_resident("helper")
        self.helper_id = await make.volunteer(conn, helper.account_id, team_id=self.team_id)
        await self.add_strangers()
        await self.add_staff("admin", Role.ADMIN)
        await self.add_staff("manager", Role.MANAGER, provider_id=self.provider_id)
        await self.add_staff("clerk", Role.CLERK, provider_id=self.provider_id)
        await self.add_staff("area_manager", Role.MANAGER, area_id=self.area_id)
        await self.add_staff("area_clerk", Role.CLERK, area_id=self.area_id)
        await self.add_staff("auditor", Role.AUDITOR)
        leader = await self.add_resident("leader")
        self.leader_id = await make.volunteer(conn, leader.account_id, team_id=self.team_id)
        await help_world.leads(conn, self.leader_id, self.team_id)
        other = await self.add_staff("other", Role.ADMIN, provider_id=self.other_provider_id)
        await conn.execute(
            """insert into staff_grant (id, account_id, role, area_id, granted_at)
               values ($1, $2, 'admin', $3, '2026-01-01T00:00:00Z')""",
            new_id(),
            other,
            elsewhere,
        )
        self.of_the_first = [
            self.area_id,
            self.provider_id,
            self.service_id,
            self.policy_id,
            self.team_id,
            self.person_id,
            *(account_id for name, (account_id, _) in self.accounts.items() if name != "other"),
        ]
        await self.watch()
        return self

    async def add_resident(self, name):
        """Make a registered resident, who goes by this name until another one is made."""
        number = id_number()
        phone = f"139{next(count):08}"
        made = await make.resident(self.conn, self.app, name=name.translate(CHINESE), number=number, phone=phone)
        self.accounts[name] = made.account_id, [Role.RESIDENT]
        self.numbers[name], self.names[name] = number, name.translate(CHINESE)
        user = f"{name} {next(count)}"
        self.users[name] = user
        await self.conn.execute(
            "update wechat_identity set openid = $1 where account_id = $2",
            openid_of(self.outside.appid, user),
            made.account_id,
        )
        return made

    async def add_strangers(self):
        await self.add_resident("stranger")
        volunteer = await self.add_resident("volunteer")
        self.other_helper_id = await make.volunteer(self.conn, volunteer.account_id, team_id=self.team_id)

    async def add_staff(self, name, role, **where):
        made = await make.staff(self.conn, self.app, role, **where)
        self.accounts[name] = made.account_id, [role]
        return made.account_id

    async def headers(self, name):
        """Sign somebody in anew: no call depends on what an earlier one did to a session."""
        if name is None:
            return {}
        account_id, roles = self.accounts[name]
        return {"Authorization": f"Bearer {await make.session(self.conn, self.app, account_id, roles)}"}

    async def send(self, method, path, given, who=None, **more):
        headers = {**await self.headers(who), **make.key(), **more.pop("headers", {})}
        if given.form is not None:
            more["data"] = given.form()
        elif given.body is not None and "data" not in more:
            more["json"] = given.body
        url = path.format(**given.ids)
        async with self.client.request(method, url, params=given.query, headers=headers, **more) as response:
            raw = await response.read()
            is_json = response.content_type.endswith("json")
            return response.status, json.loads(raw) if is_json and raw else raw

    async def watch(self):
        """Have every change of a row of any table noted, with the change or not at all."""
        await self.conn.execute("""
            create table written (place text);
            create function note() returns trigger language plpgsql as $$
            begin
                if old is distinct from new then
                    insert into written values (tg_table_name);
                end if;
                return null;
            end $$""")
        await self.conn.execute("""
            do $$ declare place regclass; begin
                for place in select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
                    and relname <> 'written'
                loop execute format('create trigger noted after insert or update or delete on %s
                    for each row execute function note()', place);
                end loop;
            end $$""")

    async def state(self):
        """Return how many rows of each table were written since the town was built."""
        rows = await self.conn.fetch("select place, count(*) from written group by place")
        return Counter({row["place"]: row["count"] for row in rows})

    def grant(self, role):
        return {"role": role, "provider_id": str(self.provider_id)}

    # What the calls need to be there.

    async def slot(self, minutes_from_now=None, **options):
        """Make a slot of its own hour, so that no two are in each other's way; a few minutes ahead if asked."""
        starts_at = datetime(2026, 11, 24, tzinfo=LOCAL_ZONE) + timedelta(minutes=5 * next(count))
        if minutes_from_now is not None:
            starts_at = self.app[CLOCK]() + timedelta(minutes=minutes_from_now)
        options = {"public": 5, "assisted": 5, "counter": 5, "minutes": 5, **options}
        return await make.slot(
            self.conn,
            self.service_id,
            policy_id=self.policy_id,
            starts_at=starts_at,
            resource=f"{next(count)}",
            **options,
        )

    async def schedule(self):
        """Make a schedule of its own counter from December on."""
        sessions = {1: [("08:00", "09:00", 30, 5)]}
        valid_from = date(2026, 12, 1)
        return await make.schedule(
            self.conn, self.service_id, sessions, valid_from=valid_from, resource=f"{next(count)}"
        )

    async def booking(self, status="booked", **slot):
        account_id, _ = self.accounts["family"]
        family = make.Resident(account_id, self.person_id, "")
        return await make.booking(self.conn, await self.slot(**slot), family, status=status)

    async def waiting(self, *, offered=False):
        """Let the person of the family wait for a service of its own, with a place offered if asked."""
        account_id, _ = self.accounts["family"]
        family = make.Resident(account_id, self.person_id, "")
        service_id = await make.service(self.conn, provider_id=self.provider_id)
        entry_id = await make.waiting(self.conn, service_id, family)
        if offered:
            slot_id = await make.slot(self.conn, service_id, policy_id=self.policy_id)
            await make.offer(self.conn, slot_id, entry_id, self.app[CLOCK]() + timedelta(minutes=30))
        return entry_id

    async def ticket(self, status):
        """Make a ticket of today in a queue of its own."""
        booking_id = await self.booking("checked_in", minutes_from_now=60)
        await make.ticket(self.conn, booking_id, self.app[CLOCK](), status=status)
        return booking_id

    async def offered_booking(self):
        """Make a booking on a closed slot, for which a place in another is kept."""
        booking_id = await self.booking()
        await make.rebooking_offer(self.conn, booking_id, await self.slot())
        return booking_id

    async def suspension(self):
        """Suspend somebody of the family's, for whom nothing else is done here."""
        person_id, _, _ = await self.elder()
        return await make.suspension(self.conn, person_id, self.provider_id, self.app[CLOCK]())

    async def appeal(self):
        return await make.appeal(self.conn, await self.suspension(), self.accounts["family"][0])

    async def applicant(self, status="applied"):
        made = await make.resident(self.conn, self.app, number=id_number())
        return await make.volunteer(self.conn, made.account_id, team_id=self.team_id, status=status)

    async def mandate(self):
        """Make a mandate to a volunteer of its own, since a pair has one at a time."""
        account_id, _ = self.accounts["family"]
        person_id = await make.person(self.conn, self.app[VAULT], name="老人", number=id_number())
        await make.care(self.conn, account_id, person_id)
        return await make.mandate(self.conn, person_id, self.helper_id, account_id)

    async def elder(self):
        """Make a person whom only the family cares for, and whose phone takes codes."""
        phone, number = f"138{next(count):08}", id_number()
        person_id = await make.person(self.conn, self.app[VAULT], name="巴特尔", number=number, phone=phone)
        await make.care(self.conn, self.accounts["family"][0], person_id)
        return person_id, number, phone

    async def care_request(self):
        """Let somebody new ask to care for an elder of the family; return the request and the elder's phone."""
        _, number, phone = await self.elder()
        await self.add_resident("asker")
        status, made = await self.send("POST", "/v1/people", person_form(id_number=number, name="巴特尔"), "asker")
        assert status == 202, made
        return made["id"], phone

    async def asked_mandate(self):
        """Let the helper ask for a mandate; return it and the code on the elder's phone."""
        _, number, phone = await self.elder()
        status, made = await self.send(
            "POST",
            "/v1/mandates",
            Given(terms(self.helper_id, id_number=number, name="巴特尔", consent="sms")),
            "helper",
        )
        assert status == 201, made
        return made["id"], (await self.outside.messages(phone))[0]["data"]["code"]

    async def colleague(self, status="active"):
        """Make a clerk at the first provider, whom its manager may manage."""
        made = await make.staff(self.conn, self.app, Role.CLERK, provider_id=self.provider_id)
        await self.conn.execute("update account set status = $1 where id = $2", status, made.account_id)
        return made.account_id

    async def file(self):
        status, made = await self.send("POST", "/v1/files", paper(), "area_clerk")
        assert status == 201, made
        return made["id"]

    async def wechat_session(self):
        _, answer = await self.send("POST", "/v1/sessions/wechat", await wechat_code(self))
        return answer["refresh_token"]


CHINESE = str.maketrans("abcdefghijklmnopqrstuvwxyz_", "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥天地玄黄宇")


def id_number():
    """Return a number of somebody whose day of birth nobody else here has: of one day there are only so many."""
    return make.id_number(date(1940, 1, 1) + timedelta(days=next(count)))


def terms(volunteer_id, **more):
    return {"volunteer_id": str(volunteer_id), "matters": ["medical"], "expires_at": UNTIL, **more}


def paper(purpose="mandate_paper"):
    def form():
        data = aiohttp.FormData()
        data.add_field("purpose", purpose)
        data.add_field("file", png(), filename="paper.png", content_type="image/png")
        return data

    return Given(form=form)


async def wechat_code(town):
    return Given({"code": await town.outside.code(f"somebody {next(count)}")})


def person_form(**more):
    body = {"name": "测试乙", "id_number": id_number(), "relation": "parent", "consents": consents(), **more}
    return Given(body)


@pytest.fixture
async def town(client, conn, app, outside, monkeypatch):
    monkeypatch.setattr(care_requests, "LEAST_SECONDS", 0.0)
    return await Town(client, conn, app, outside).build()
