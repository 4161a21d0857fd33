"""One good call of every operation, in a small town of people who may and people who may not."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pyotp
import pytest

from domain.credentials import HASHER
from domain.identifiers import new_id
from domain.vocabulary import LOCAL_ZONE, Role
from handlers.request import CLOCK, VAULT
from tests import make
from tests.pictures import png

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

PASSWORD = "correct horse battery"
OTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
UNTIL = "2027-03-01T00:00:00+08:00"
_count = itertools.count(1)


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
        await self.add_resident("stranger")
        helper, volunteer = await self.add_resident("helper"), await self.add_resident("volunteer")
        self.helper_id = await make.volunteer(conn, helper.account_id, team_id=self.team_id)
        self.other_helper_id = await make.volunteer(conn, volunteer.account_id, team_id=self.team_id)
        await self.add_staff("admin", Role.ADMIN)
        await self.add_staff("manager", Role.MANAGER, provider_id=self.provider_id)
        await self.add_staff("clerk", Role.CLERK, provider_id=self.provider_id)
        await self.add_staff("area_manager", Role.MANAGER, area_id=self.area_id)
        await self.add_staff("area_clerk", Role.CLERK, area_id=self.area_id)
        await self.add_staff("auditor", Role.AUDITOR)
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
        return self

    async def add_resident(self, name):
        made = await make.resident(self.conn, self.app, name=name.translate(CHINESE), phone=f"139{next(_count):08}")
        self.accounts[name] = made.account_id, [Role.RESIDENT]
        return made

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

    async def state(self):
        """Return a digest of every row of every table."""
        if not hasattr(self, "_digest"):
            tables = await self.conn.fetch(
                "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
            )
            parts = (
                f"""select '{row["name"]}' as name, count(*), sum(hashtextextended(x::text, 0)) as rows
                    from "{row["name"]}" as x"""
                for row in tables
            )
            self._digest = " union all ".join(parts)
        return {row["name"]: (row["count"], row["rows"]) for row in await self.conn.fetch(self._digest)}

    def grant(self, role):
        return {"role": role, "provider_id": str(self.provider_id)}

    # What the calls need to be there.

    async def slot(self, minutes_from_now=None, **options):
        """Make a slot of its own hour, so that no two are in each other's way; a few minutes ahead if asked."""
        starts_at = datetime(2026, 11, 24, tzinfo=LOCAL_ZONE) + timedelta(minutes=5 * next(_count))
        if minutes_from_now is not None:
            starts_at = self.app[CLOCK]() + timedelta(minutes=minutes_from_now)
        options = {"public": 5, "assisted": 5, "counter": 5, "minutes": 5, **options}
        return await make.slot(
            self.conn,
            self.service_id,
            policy_id=self.policy_id,
            starts_at=starts_at,
            resource=f"{next(_count)}",
            **options,
        )

    async def booking(self, status="booked", **slot):
        account_id, _ = self.accounts["family"]
        family = make.Resident(account_id, self.person_id, "")
        return await make.booking(self.conn, await self.slot(**slot), family, status=status)

    async def applicant(self, status="applied"):
        made = await make.resident(self.conn, self.app)
        return await make.volunteer(self.conn, made.account_id, team_id=self.team_id, status=status)

    async def mandate(self):
        """Make a mandate to a volunteer of its own, since a pair has one at a time."""
        account_id, _ = self.accounts["family"]
        person_id = await make.person(self.conn, self.app[VAULT], name="老人")
        await make.care(self.conn, account_id, person_id)
        return await make.mandate(self.conn, person_id, self.helper_id, account_id)

    async def elder(self):
        """Make a person whom only the family cares for, and whose phone takes codes."""
        phone, number = f"138{next(_count):08}", make.id_number()
        person_id = await make.person(self.conn, self.app[VAULT], name="巴特尔", number=number, phone=phone)
        await make.care(self.conn, self.accounts["family"][0], person_id)
        return person_id, number, phone

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


def terms(volunteer_id, **more):
    return {"volunteer_id": str(volunteer_id), "matters": ["medical"], "expires_at": UNTIL, **more}


def paper():
    def form():
        data = aiohttp.FormData()
        data.add_field("purpose", "mandate_paper")
        data.add_field("file", png(), filename="paper.png", content_type="image/png")
        return data

    return Given(form=form)


async def wechat_code(town):
    return Given({"code": await town.outside.code(f"somebody {next(_count)}")})


async def staff_words(town):
    login = f"signs-in-{next(_count)}"
    account_id = await make.account(town.conn, "staff")
    await town.conn.execute(
        """insert into staff (account_id, login, display_name, password_hash, otp_secret_sealed)
           values ($1, $2, '测试员', $3, $4)""",
        account_id,
        login,
        HASHER.hash(PASSWORD),
        town.app[VAULT].seal("staff", "otp_secret_sealed", account_id, OTP_SECRET.encode()),
    )
    otp = pyotp.TOTP(OTP_SECRET).at(town.app[CLOCK]())
    return Given({"login": login, "password": PASSWORD, "otp": otp})


async def desk_booking(town):
    return Given({"slot_id": str(await town.slot()), "person_id": str(town.person_id)})


async def family_mandate(town):
    person_id, _, _ = await town.elder()
    return Given(terms(town.helper_id, person_id=str(person_id), consent="family"))


async def desk_mandate(town):
    person_id, _, _ = await town.elder()
    return Given(terms(town.helper_id, person_id=str(person_id), consent="desk", file_id=await town.file()))


async def mandate_code(town):
    mandate_id, code = await town.asked_mandate()
    return Given({"code": code}, {"id": mandate_id})


async def mandate_resend(town):
    mandate_id, _ = await town.asked_mandate()
    await town.conn.execute("update mandate set code_sent_at = '2026-01-01' where id = $1", mandate_id)
    return Given(ids={"id": mandate_id})


async def code_check_in(town):
    booking_id = await town.booking(minutes_from_now=60)
    code = f"{next(_count):06}"
    await town.conn.execute("update booking set code = $1 where id = $2", code, booking_id)
    return Given({"provider_id": str(town.provider_id), "code": code})


async def own_session(town):
    await town.headers("family")
    account_id, _ = town.accounts["family"]
    newest = await town.conn.fetchval(
        "select id from session where account_id = $1 and ended_at is null order by id desc limit 1", account_id
    )
    return Given(ids={"id": newest})


def provider_form(town, **more):
    return {
        "area_id": str(town.area_id),
        "kind": "hospital",
        "name": f"新医院 {next(_count)}",
        "address": "测试路 2 号",
        "phone": "0483-0000001",
        "summary": "",
        **more,
    }


def service_form(**more):
    return {
        "department": "外科",
        "name": f"新门诊 {next(_count)}",
        "kind": "medical",
        "summary": "",
        "duration_minutes": 15,
        "requirements": ["身份证"],
        "eligibility": "",
        "questions": [{"key": "first_visit", "kind": "boolean", "label": "是初诊吗", "required": False}],
        **more,
    }


def policy_form(town):
    return {
        "service_id": str(town.service_id),
        "effective_from": f"2027-01-{next(_count) % 28 + 1:02}",
        "window_days": 14,
        "release_time": "07:00",
        "order_stop_days": 1,
        "order_stop_time": "16:00",
        "cancel_days": 1,
        "cancel_time": "14:00",
        "limit_department_day": 1,
        "limit_day": 2,
        "limit_7_days": 3,
        "limit_90_days": 5,
        "limit_volunteer_day": 20,
    }


def slot_form(town):
    start = datetime(2026, 12, 1, tzinfo=LOCAL_ZONE) + timedelta(minutes=5 * next(_count))
    return {
        "service_id": str(town.service_id),
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(minutes=5)).isoformat(),
        "capacity": {"public": 3, "assisted": 1},
    }


async def same(made):
    return made


async def refresh_token(town):
    return Given({"refresh_token": await town.wechat_session()})


async def provider_change(town):
    provider_id = await make.provider(town.conn, area_id=town.area_id)
    await town.conn.execute(
        "insert into staff_grant (id, account_id, role, provider_id, granted_at) values ($1, $2, 'manager', $3, now())",
        new_id(),
        town.accounts["manager"][0],
        provider_id,
    )
    return Given(provider_form(town, state="active", version=1), {"id": provider_id})


async def service_change(town):
    service_id = await make.service(town.conn, provider_id=town.provider_id)
    return Given(service_form(state="active", version=1), {"id": service_id})


def span(town, **more):
    return {"service_id": str(town.service_id), "from": "2026-12-07", "to": "2026-12-08", **more}


async def not_yet_volunteers(town):
    """Let the family and the stranger be able to apply, whatever they did before."""
    accounts = [town.accounts[name][0] for name in ("family", "stranger")]
    for statement in (
        "delete from volunteer_area where volunteer_id in (select id from volunteer where account_id = any($1))",
        "delete from idempotency_key where account_id = any($1)",
        "delete from volunteer where account_id = any($1)",
    ):
        await town.conn.execute(statement, accounts)
    return volunteer_form(town)


async def serving(town):
    """Let the volunteer be one, whatever they did before."""
    await town.conn.execute("update volunteer set status = 'approved' where id = $1", town.other_helper_id)
    return volunteer_form(town)


def volunteer_form(town):
    return Given({"team_id": str(town.team_id), "areas": [str(town.area_id)], "languages": ["zh"]})


def with_id(make_id, body=None, **query):
    """Make a call to something that `make_id` makes first."""

    async def given(town):
        return Given(body, {"id": await make_id(town)}, query)

    return given


def fixed(build):
    """Make a call whose body needs nothing but the town."""

    async def given(town):
        return build(town)

    return given


async def regrant(town):
    return Given({"grants": [town.grant("clerk")]}, {"id": await town.colleague()})


nothing = fixed(lambda _town: Given())
soon = {"minutes_from_now": 60}


GOOD: dict[tuple[str, str], Callable[[Town], Awaitable[Given]]] = {
    ("GET", "/healthz"): nothing,
    ("GET", "/readyz"): nothing,
    ("GET", "/openapi.json"): nothing,
    ("GET", "/docs"): nothing,
    ("GET", "/docs/problems"): nothing,
    ("POST", "/v1/sessions/wechat"): wechat_code,
    ("POST", "/v1/sessions/staff"): staff_words,
    ("POST", "/v1/sessions/refresh"): refresh_token,
    ("GET", "/v1/sessions"): nothing,
    ("DELETE", "/v1/sessions/current"): nothing,
    ("DELETE", "/v1/sessions/{id}"): own_session,
    ("GET", "/v1/areas"): nothing,
    ("GET", "/v1/providers"): nothing,
    ("GET", "/v1/providers/{id}"): with_id(lambda town: same(town.provider_id)),
    ("GET", "/v1/services"): nothing,
    ("GET", "/v1/services/{id}"): with_id(lambda town: same(town.service_id)),
    ("GET", "/v1/services/{id}/days"): with_id(
        lambda town: same(town.service_id), None, **{"from": "2026-11-23", "to": "2026-11-30"}
    ),
    ("GET", "/v1/services/{id}/slots"): with_id(lambda town: same(town.service_id), None, date="2026-11-24"),
    ("POST", "/v1/bookings"): desk_booking,
    ("GET", "/v1/bookings"): nothing,
    ("GET", "/v1/bookings/{id}"): with_id(lambda town: town.booking()),
    ("POST", "/v1/bookings/{id}/cancel"): with_id(lambda town: town.booking(), {"reason": "来不了"}),
    ("POST", "/v1/staff/bookings"): desk_booking,
    ("POST", "/v1/staff/bookings/search"): fixed(
        lambda town: Given({"provider_id": str(town.provider_id), "day": "2026-11-24"})
    ),
    ("POST", "/v1/staff/bookings/{id}/check-in"): with_id(lambda town: town.booking(**soon)),
    ("POST", "/v1/staff/bookings/{id}/complete"): with_id(lambda town: town.booking("checked_in", **soon)),
    ("POST", "/v1/staff/bookings/{id}/no-show"): with_id(lambda town: town.booking(minutes_from_now=-60)),
    ("POST", "/v1/staff/bookings/{id}/cancel"): with_id(lambda town: town.booking(), {"reason": "医生出诊"}),
    ("POST", "/v1/staff/check-ins"): code_check_in,
    ("GET", "/v1/staff/areas"): nothing,
    ("POST", "/v1/staff/areas"): fixed(
        lambda town: Given(
            {"parent_id": str(town.area_id), "level": "community", "code": f"new-{next(_count)}", "name": "新区"}
        )
    ),
    ("GET", "/v1/staff/areas/{id}"): with_id(lambda town: same(town.area_id)),
    ("PUT", "/v1/staff/areas/{id}"): with_id(
        lambda town: make.area(town.conn, parent_id=town.area_id), {"version": 1, "level": "town", "name": "改名区"}
    ),
    ("GET", "/v1/staff/providers"): nothing,
    ("POST", "/v1/staff/providers"): fixed(lambda town: Given(provider_form(town))),
    ("GET", "/v1/staff/providers/{id}"): with_id(lambda town: same(town.provider_id)),
    ("PUT", "/v1/staff/providers/{id}"): provider_change,
    ("GET", "/v1/staff/services"): nothing,
    ("POST", "/v1/staff/services"): fixed(lambda town: Given(service_form(provider_id=str(town.provider_id)))),
    ("GET", "/v1/staff/services/{id}"): with_id(lambda town: same(town.service_id)),
    ("PUT", "/v1/staff/services/{id}"): service_change,
    ("GET", "/v1/staff/policies"): nothing,
    ("POST", "/v1/staff/policies"): fixed(lambda town: Given(policy_form(town))),
    ("GET", "/v1/staff/policies/{id}"): with_id(lambda town: same(town.policy_id)),
    ("GET", "/v1/staff/slots"): fixed(
        lambda town: Given(query={"service": str(town.service_id), "from": "2026-11-23", "to": "2026-11-30"})
    ),
    ("POST", "/v1/staff/slots"): fixed(lambda town: Given(slot_form(town))),
    ("POST", "/v1/staff/slots/pattern"): fixed(
        lambda town: Given(
            span(
                town,
                weekdays=[1, 2],
                sessions=[{"start": "08:00", "end": "09:00", "minutes": 30}],
                resource=f"{next(_count)}",
                capacity={"public": 2},
            )
        )
    ),
    ("POST", "/v1/staff/slots/close"): fixed(lambda town: Given(span(town, reason="停诊"))),
    ("POST", "/v1/staff/slots/reopen"): fixed(lambda town: Given(span(town))),
    ("GET", "/v1/staff/slots/{id}"): with_id(lambda town: town.slot()),
    ("PUT", "/v1/staff/slots/{id}"): with_id(lambda town: town.slot(), {"version": 1, "capacity": {"public": 9}}),
    ("POST", "/v1/staff/slots/{id}/close"): with_id(lambda town: town.slot(), {"reason": "停诊"}),
    ("POST", "/v1/staff/slots/{id}/reopen"): with_id(lambda town: town.slot(state="closed")),
    ("GET", "/v1/staff/me"): nothing,
    ("GET", "/v1/staff/accounts"): nothing,
    ("POST", "/v1/staff/accounts"): fixed(
        lambda town: Given(
            {"login": f"new-clerk-{next(_count)}", "display_name": "新窗口", "grants": [town.grant("clerk")]}
        )
    ),
    ("GET", "/v1/staff/accounts/{id}"): with_id(lambda town: town.colleague()),
    ("PUT", "/v1/staff/accounts/{id}/grants"): regrant,
    ("POST", "/v1/staff/accounts/{id}/reset"): with_id(lambda town: town.colleague()),
    ("POST", "/v1/staff/accounts/{id}/suspend"): with_id(lambda town: town.colleague()),
    ("POST", "/v1/staff/accounts/{id}/reinstate"): with_id(lambda town: town.colleague("suspended")),
    ("POST", "/v1/staff/accounts/{id}/end-sessions"): with_id(lambda town: town.colleague()),
    ("GET", "/v1/teams"): nothing,
    ("POST", "/v1/volunteers"): not_yet_volunteers,
    ("GET", "/v1/volunteers/me"): nothing,
    ("PUT", "/v1/volunteers/me"): serving,
    ("DELETE", "/v1/volunteers/me"): serving,
    ("GET", "/v1/volunteers/{id}"): with_id(lambda town: same(town.helper_id)),
    ("GET", "/v1/staff/teams"): nothing,
    ("POST", "/v1/staff/teams"): fixed(
        lambda town: Given({"area_id": str(town.area_id), "name": f"新队 {next(_count)}", "organisation": "联盟"})
    ),
    ("GET", "/v1/staff/volunteers"): nothing,
    ("POST", "/v1/staff/volunteers/{id}/approve"): with_id(lambda town: town.applicant()),
    ("POST", "/v1/staff/volunteers/{id}/suspend"): with_id(lambda town: town.applicant("approved")),
    ("POST", "/v1/staff/volunteers/{id}/reinstate"): with_id(lambda town: town.applicant("suspended")),
    ("GET", "/v1/mandates"): nothing,
    ("POST", "/v1/mandates"): family_mandate,
    ("GET", "/v1/mandates/{id}"): with_id(lambda town: town.mandate()),
    ("POST", "/v1/mandates/{id}/code"): mandate_resend,
    ("POST", "/v1/mandates/{id}/confirm"): mandate_code,
    ("POST", "/v1/mandates/{id}/revoke"): with_id(lambda town: town.mandate(), {"reason": "不用了"}),
    ("GET", "/v1/staff/mandates"): nothing,
    ("POST", "/v1/staff/mandates"): desk_mandate,
    ("GET", "/v1/staff/mandates/{id}"): with_id(lambda town: town.mandate()),
    ("POST", "/v1/staff/mandates/{id}/revoke"): with_id(lambda town: town.mandate(), {"reason": "不用了"}),
    ("GET", "/v1/notices"): nothing,
    ("POST", "/v1/files"): fixed(lambda _town: paper()),
    ("GET", "/v1/files/{id}"): with_id(lambda town: town.file()),
}
"""What makes a call of each operation good, for whoever may. A new route needs a line here."""


@pytest.fixture
async def town(client, conn, app, outside):
    return await Town(client, conn, app, outside).build()
