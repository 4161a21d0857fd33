"""One good call of every operation, for whoever may make it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyotp

from domain.credentials import HASHER
from domain.identifiers import new_id
from domain.vocabulary import LOCAL_ZONE
from handlers.request import CLOCK, VAULT
from tests import (
    calls_enrolment_documents,
    calls_enrolment_offers,
    calls_enrolment_rounds,
    calls_enrolments,
    calls_help_alarms,
    calls_help_hours,
    calls_help_requests,
    calls_help_tasks,
    make,
)
from tests.calls_enrolment_draw import ENROLMENT_DRAW
from tests.calls_enrolment_review import ENROLMENT_REVIEW
from tests.calls_mandates import MANDATES
from tests.calls_nursery_figures import NURSERY_FIGURES
from tests.calls_nursery_places import NURSERY_PLACES
from tests.calls_people import PEOPLE
from tests.calls_safety import SAFETY
from tests.calls_volunteers import VOLUNTEERS
from tests.giving import fixed, nothing, same, with_id
from tests.town import Given, count, id_number, paper, person_form, terms, wechat_code
from tests.visitors import consents, phone_number

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.town import Town

PASSWORD = "correct horse battery"
DAY = "2026-12-10"
OTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


async def staff_words(town):
    login = f"signs-in-{next(count)}"
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
    code = f"{next(count):06}"
    await town.conn.execute("update booking set code = $1 where id = $2", code, booking_id)
    return Given({"provider_id": str(town.provider_id), "code": code})


async def next_call(town):
    booking_id = await town.ticket("waiting")
    clinic = await town.conn.fetchrow("select service_id, resource from queue_ticket where booking_id = $1", booking_id)
    return Given({"resource": clinic["resource"]}, {"id": clinic["service_id"]})


async def bookings_of_days(town):
    await town.booking()
    return Given(query={"provider": str(town.provider_id), "from": "2026-11-24", "to": "2026-11-26"})


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
        "name": f"新医院 {next(count)}",
        "address": "测试路 2 号",
        "phone": "0483-0000001",
        "summary": "",
        **more,
    }


def service_form(**more):
    return {
        "department": "外科",
        "name": f"新门诊 {next(count)}",
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
        "effective_from": f"2027-01-{next(count) % 28 + 1:02}",
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
    start = datetime(2026, 12, 1, tzinfo=LOCAL_ZONE) + timedelta(minutes=5 * next(count))
    return {
        "service_id": str(town.service_id),
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(minutes=5)).isoformat(),
        "capacity": {"public": 3, "assisted": 1},
    }


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
        "delete from volunteer_hours where volunteer_id in (select id from volunteer where account_id = any($1))",
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


async def leaving(town):
    """Let there be accounts whose end takes nothing from the calls that follow."""
    await town.add_resident("leaver")
    await town.add_strangers()
    return Given()


async def registration(town):
    """Renew the family's registration."""
    body = {
        "name": town.names["family"],
        "id_number": town.numbers["family"],
        "phone_code": await town.outside.phone_code(town.users["family"], phone_number()),
        "consents": consents(),
    }
    return Given(body)


async def adding(town):
    await town.add_resident("adder")
    return person_form()


async def an_elder(town):
    person_id, _, _ = await town.elder()
    return person_id


async def a_care_request(town):
    request_id, _ = await town.care_request()
    return request_id


async def care_code(town):
    request_id, phone = await town.care_request()
    status, answer = await town.send("POST", f"/v1/care-requests/{request_id}/code", Given(), "asker")
    assert status == 200, answer
    code = (await town.outside.messages(phone))[0]["data"]["code"]
    return Given({"code": code}, {"id": request_id})


async def booking_to_move(town):
    return Given({"slot_id": str(await town.slot())}, {"id": await town.booking()})


async def wish_to_wait(town):
    service_id = await make.service(town.conn, provider_id=town.provider_id)
    days = {"from": "2026-11-23", "to": "2026-11-30"}
    return Given({"service_id": str(service_id), "person_id": str(town.person_id), "companions": []} | days)


def person_of_desk():
    given = person_form()
    del given.body["relation"]
    return given


async def verification(town):
    person_id, number, _ = await town.elder()
    return Given({"name": "巴特尔", "id_number": number}, {"id": person_id})


async def care_to_end(town):
    person_id, _, _ = await town.elder()
    care_id = await town.conn.fetchval("select id from care where person_id = $1", person_id)
    return Given(ids={"id": person_id, "care_id": care_id})


async def regrant(town):
    return Given({"grants": [town.grant("clerk")]}, {"id": await town.colleague()})


def closure_form(town):
    return {"provider_id": str(town.provider_id), "service_id": str(town.service_id), "from": DAY, "to": DAY}


async def closing(town):
    """Make a closure that was previewed and not carried out."""
    status, effect = await town.send("POST", "/v1/staff/closures/preview", Given(closure_form(town)), "manager")
    assert status == 200, effect
    decided = {"digest": effect["digest"], "treatment": "cancel", "reason": "停诊"}
    return Given(closure_form(town) | decided)


async def closure(town):
    status, made = await town.send("POST", "/v1/staff/closures", await closing(town), "manager")
    assert status == 201, made
    return made["id"]


WEEKLY = {
    "valid_from": "2026-12-01",
    "sessions": [{"weekday": 1, "starts": "08:00", "ends": "09:00", "slot_minutes": 30, "capacity": 3}],
}


async def exception_to_withdraw(town):
    schedule_id, exception_id = await town.schedule(), new_id()
    await town.conn.execute(
        """insert into schedule_exception (id, schedule_id, kind, first_day, last_day, reason, created_by, created_at)
           values ($1, $2, 'closed', '2026-12-07', '2026-12-07', '停诊', $3, now())""",
        exception_id,
        schedule_id,
        town.accounts["manager"][0],
    )
    return Given(ids={"id": schedule_id, "exception_id": exception_id})


async def day_to_unset(town):
    await town.conn.execute(
        """insert into calendar_day values ('2027-07-21', 'holiday', null, '那达慕', $1, now())
           on conflict (day) do nothing""",
        town.accounts["admin"][0],
    )
    return Given(ids={"day": "2027-07-21"})


async def schedule_effect(town):
    """Make a change of a schedule that was previewed and not carried out."""
    ids, wish = {"id": await town.schedule()}, {"end": {"version": 1}}
    status, effect = await town.send("POST", "/v1/staff/schedules/{id}/preview", Given(wish, ids), "manager")
    assert status == 200, effect
    return Given({**wish, "digest": effect["digest"], "treatment": "cancel", "reason": "停诊"}, ids)


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
    ("GET", "/v1/bookings/{id}/calendar"): with_id(lambda town: town.booking()),
    ("POST", "/v1/bookings/{id}/cancel"): with_id(lambda town: town.booking(), {"reason": "来不了"}),
    ("POST", "/v1/bookings/{id}/move"): booking_to_move,
    ("POST", "/v1/staff/bookings/{id}/move"): booking_to_move,
    ("GET", "/v1/bookings/{id}/pass"): with_id(lambda town: town.booking()),
    ("GET", "/v1/staff/pass-keys"): nothing,
    ("POST", "/v1/bookings/{id}/offer/accept"): with_id(lambda town: town.offered_booking()),
    ("POST", "/v1/bookings/{id}/offer/decline"): with_id(lambda town: town.offered_booking()),
    ("POST", "/v1/staff/bookings/{id}/correct"): with_id(
        lambda town: town.booking("no_show", minutes_from_now=-60), {"status": "completed", "reason": "来过"}
    ),
    ("GET", "/v1/suspensions"): nothing,
    ("POST", "/v1/suspensions/{id}/appeal"): with_id(lambda town: town.suspension(), {"statement": "我来过"}),
    ("GET", "/v1/staff/appeals"): nothing,
    ("POST", "/v1/staff/appeals/{id}/decide"): with_id(
        lambda town: town.appeal(), {"decision": "granted", "reason": "核实来过"}
    ),
    ("GET", "/v1/waitlist"): nothing,
    ("POST", "/v1/waitlist"): wish_to_wait,
    ("GET", "/v1/waitlist/{id}"): with_id(lambda town: town.waiting()),
    ("DELETE", "/v1/waitlist/{id}"): with_id(lambda town: town.waiting()),
    ("POST", "/v1/waitlist/{id}/accept"): with_id(lambda town: town.waiting(offered=True), {"answers": {}}),
    ("POST", "/v1/waitlist/{id}/decline"): with_id(lambda town: town.waiting(offered=True)),
    ("GET", "/v1/staff/services/{id}/waitlist"): with_id(lambda town: same(town.service_id)),
    ("POST", "/v1/staff/bookings"): desk_booking,
    ("POST", "/v1/staff/bookings/search"): fixed(
        lambda town: Given({"provider_id": str(town.provider_id), "day": "2026-11-24"})
    ),
    ("POST", "/v1/staff/bookings/{id}/check-in"): with_id(lambda town: town.booking(**soon)),
    ("POST", "/v1/staff/bookings/{id}/admit"): with_id(lambda town: town.booking(**soon), {"reason": "路上堵车"}),
    ("POST", "/v1/staff/bookings/{id}/complete"): with_id(lambda town: town.booking("checked_in", **soon)),
    ("POST", "/v1/staff/bookings/{id}/no-show"): with_id(lambda town: town.booking(minutes_from_now=-60)),
    ("POST", "/v1/staff/bookings/{id}/cancel"): with_id(lambda town: town.booking(), {"reason": "医生出诊"}),
    ("GET", "/v1/staff/figures"): bookings_of_days,
    ("GET", "/v1/staff/exports/bookings"): bookings_of_days,
    ("POST", "/v1/staff/check-ins"): code_check_in,
    ("GET", "/v1/queues/{id}"): with_id(lambda town: same(town.service_id)),
    ("GET", "/v1/bookings/{id}/queue"): with_id(lambda town: town.booking(**soon)),
    ("GET", "/v1/staff/queues"): fixed(lambda town: Given(query={"provider": str(town.provider_id)})),
    ("GET", "/v1/staff/queues/{id}"): with_id(lambda town: same(town.service_id)),
    ("POST", "/v1/staff/queues/{id}/call"): next_call,
    ("POST", "/v1/staff/tickets/{id}/call"): with_id(lambda town: town.ticket("called"), {}),
    ("POST", "/v1/staff/tickets/{id}/skip"): with_id(lambda town: town.ticket("called")),
    ("POST", "/v1/staff/tickets/{id}/return"): with_id(lambda town: town.ticket("skipped")),
    ("POST", "/v1/staff/tickets/{id}/undo"): with_id(lambda town: town.ticket("skipped")),
    ("GET", "/v1/staff/areas"): nothing,
    ("POST", "/v1/staff/areas"): fixed(
        lambda town: Given(
            {"parent_id": str(town.area_id), "level": "community", "code": f"new-{next(count)}", "name": "新区"}
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
    ("GET", "/v1/staff/schedules"): fixed(lambda town: Given(query={"service": str(town.service_id)})),
    ("POST", "/v1/staff/schedules"): fixed(
        lambda town: Given({"service_id": str(town.service_id), "resource": f"{next(count)}", **WEEKLY})
    ),
    ("GET", "/v1/staff/schedules/{id}"): with_id(lambda town: town.schedule()),
    ("PUT", "/v1/staff/schedules/{id}"): with_id(lambda town: town.schedule(), {"version": 1, **WEEKLY}),
    ("POST", "/v1/staff/schedules/{id}/end"): with_id(lambda town: town.schedule(), {"version": 1}),
    ("POST", "/v1/staff/schedules/{id}/preview"): with_id(lambda town: town.schedule(), {"end": {"version": 1}}),
    ("POST", "/v1/staff/schedules/{id}/apply"): schedule_effect,
    ("GET", "/v1/staff/schedules/{id}/differences"): with_id(
        lambda town: town.schedule(), None, **{"from": "2026-12-01", "to": "2026-12-02"}
    ),
    ("POST", "/v1/staff/schedules/{id}/exceptions"): with_id(
        lambda town: town.schedule(),
        {"kind": "closed", "from": "2026-12-02", "to": "2026-12-03", "reason": "医生外出"},
    ),
    ("DELETE", "/v1/staff/schedules/{id}/exceptions/{exception_id}"): exception_to_withdraw,
    ("GET", "/v1/staff/calendar/{year}"): fixed(lambda _town: Given(ids={"year": 2027})),
    ("POST", "/v1/staff/calendar/{year}/confirm"): fixed(lambda _town: Given(ids={"year": 2027})),
    ("PUT", "/v1/staff/calendar/days/{day}"): fixed(
        lambda _town: Given({"kind": "holiday", "name": "那达慕"}, {"day": "2027-07-20"})
    ),
    ("DELETE", "/v1/staff/calendar/days/{day}"): day_to_unset,
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
                resource=f"{next(count)}",
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
    ("GET", "/v1/staff/closures"): fixed(lambda town: Given(query={"provider": str(town.provider_id)})),
    ("POST", "/v1/staff/closures"): closing,
    ("POST", "/v1/staff/closures/preview"): fixed(lambda town: Given(closure_form(town))),
    ("GET", "/v1/staff/closures/{id}"): with_id(closure),
    ("POST", "/v1/staff/closures/{id}/lift"): with_id(closure),
    ("GET", "/v1/staff/me"): nothing,
    ("GET", "/v1/staff/accounts"): nothing,
    ("POST", "/v1/staff/accounts"): fixed(
        lambda town: Given(
            {"login": f"new-clerk-{next(count)}", "display_name": "新窗口", "grants": [town.grant("clerk")]}
        )
    ),
    ("GET", "/v1/staff/accounts/{id}"): with_id(lambda town: town.colleague()),
    ("PUT", "/v1/staff/accounts/{id}/grants"): regrant,
    ("POST", "/v1/staff/accounts/{id}/reset"): with_id(lambda town: town.colleague()),
    ("POST", "/v1/staff/accounts/{id}/suspend"): with_id(lambda town: town.colleague()),
    ("POST", "/v1/staff/accounts/{id}/reinstate"): with_id(lambda town: town.colleague("suspended")),
    ("POST", "/v1/staff/accounts/{id}/end-sessions"): with_id(lambda town: town.colleague()),
    ("GET", "/v1/consents"): nothing,
    ("GET", "/v1/me"): nothing,
    ("DELETE", "/v1/me"): leaving,
    ("PUT", "/v1/me/registration"): registration,
    ("GET", "/v1/me/id-number"): nothing,
    ("GET", "/v1/me/export"): nothing,
    ("PUT", "/v1/me/consents"): fixed(lambda town: Given({"person_id": str(town.person_id), "consents": consents()})),
    ("DELETE", "/v1/me/consents/{kind}"): fixed(lambda _town: Given(ids={"kind": "child_guardian"})),
    ("GET", "/v1/people"): nothing,
    ("POST", "/v1/people"): adding,
    ("GET", "/v1/people/{id}"): with_id(lambda town: same(town.person_id)),
    ("PUT", "/v1/people/{id}"): with_id(an_elder, {"relation": "other"}),
    ("DELETE", "/v1/people/{id}"): with_id(an_elder),
    ("GET", "/v1/care-requests"): nothing,
    ("GET", "/v1/care-requests/received"): nothing,
    ("DELETE", "/v1/care-requests/{id}"): with_id(a_care_request),
    ("POST", "/v1/care-requests/{id}/approve"): with_id(a_care_request),
    ("POST", "/v1/care-requests/{id}/refuse"): with_id(a_care_request),
    ("POST", "/v1/care-requests/{id}/code"): with_id(a_care_request),
    ("POST", "/v1/care-requests/{id}/confirm"): care_code,
    ("POST", "/v1/staff/people"): fixed(lambda _town: person_of_desk()),
    ("POST", "/v1/staff/people/search"): fixed(lambda town: Given({"id_number": town.numbers["family"]})),
    ("GET", "/v1/staff/people/{id}"): with_id(lambda town: same(town.person_id)),
    ("GET", "/v1/staff/people/{id}/id-number"): with_id(lambda town: same(town.person_id)),
    ("POST", "/v1/staff/people/{id}/verify"): verification,
    ("POST", "/v1/staff/people/{id}/erase"): with_id(
        lambda town: make.person(town.conn, town.app[VAULT], number=id_number())
    ),
    ("DELETE", "/v1/staff/people/{id}/care/{care_id}"): care_to_end,
    ("GET", "/v1/staff/care-requests"): fixed(lambda town: Given(query={"person": str(town.person_id)})),
    ("POST", "/v1/staff/care-requests/{id}/approve"): with_id(a_care_request),
    ("POST", "/v1/staff/care-requests/{id}/refuse"): with_id(a_care_request),
    **PEOPLE,
    **MANDATES,
    **ENROLMENT_DRAW,
    **ENROLMENT_REVIEW,
    **NURSERY_FIGURES,
    **NURSERY_PLACES,
    **VOLUNTEERS,
    ("GET", "/v1/staff/audit"): nothing,
    ("GET", "/v1/teams"): nothing,
    ("POST", "/v1/volunteers"): not_yet_volunteers,
    ("GET", "/v1/volunteers/me"): nothing,
    ("PUT", "/v1/volunteers/me"): serving,
    ("DELETE", "/v1/volunteers/me"): serving,
    ("GET", "/v1/volunteers/{id}"): with_id(lambda town: same(town.helper_id)),
    ("GET", "/v1/staff/teams"): nothing,
    ("POST", "/v1/staff/teams"): fixed(
        lambda town: Given({"area_id": str(town.area_id), "name": f"新队 {next(count)}", "organisation": "联盟"})
    ),
    ("GET", "/v1/staff/volunteers"): nothing,
    ("POST", "/v1/staff/volunteers/{id}/approve"): with_id(lambda town: town.applicant(), {"reason": "说明"}),
    ("POST", "/v1/staff/volunteers/{id}/suspend"): with_id(lambda town: town.applicant("approved"), {"reason": "说明"}),
    ("POST", "/v1/staff/volunteers/{id}/reinstate"): with_id(
        lambda town: town.applicant("suspended"), {"reason": "说明"}
    ),
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
    ("POST", "/v1/files"): fixed(lambda _town: paper("enrolment_document")),
    ("GET", "/v1/files/{id}"): with_id(lambda town: town.file()),
    **calls_help_requests.GOOD,
    **calls_help_hours.GOOD,
    **calls_enrolment_documents.GOOD,
    **calls_enrolment_offers.GOOD,
    **calls_enrolment_rounds.GOOD,
    **calls_enrolments.GOOD,
    **calls_help_alarms.GOOD,
    **SAFETY,
    **calls_help_tasks.GOOD,
}
"""What makes a call of each operation good, for whoever may. A new route needs a line here."""
