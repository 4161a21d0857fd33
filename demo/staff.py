"""The hospital's part: slots are made, closed and reopened, and who calls on the telephone gets a place too."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from demo.client import Client, check
from demo.journey import LOCAL, Journey, answers, clock, sign_in_as_staff


def sign_in_manager(journey: Journey) -> str:
    """The hospital's manager signs in with password and one-time code."""
    user = sign_in_as_staff(journey.office, "demo.manager")["user"]
    check(user["roles"] == ["manager"], ["manager"], user)
    return "医院主管用密码和动态口令登录"


def read_policy(journey: Journey) -> str:
    """The manager reads the rules of booking that the hospital has set itself."""
    policies = journey.office.get("/v1/staff/policies", provider=journey.ids["hospital"]).expect(200)["items"]
    check(len(policies) == 1, "the hospital's own policy", policies)
    policy = policies[0]
    return f"预约规则：提前 {policy['window_days']} 天放号，同一科室一天最多 {policy['limit_department_day']} 次"


def make_slot(journey: Journey) -> str:
    """The manager makes one more slot today, for a doctor who can stay longer."""
    starts_at = in_two_minutes()
    body = {
        "service_id": journey.service["id"],
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(minutes=20)).isoformat(),
        "resource": f"加号 {journey.caller.id_number[-4:]}",
        "capacity": {"public": 1, "assisted": 0, "counter": 2},
    }
    slot = journey.office.post("/v1/staff/slots", body).expect(201)
    journey.ids["slot"] = slot["id"]
    return f"加开一个时段：{clock(slot['starts_at'])}"


def in_two_minutes() -> datetime:
    """Return a moment two minutes ahead on the same day; who calls just before midnight waits for the new day."""
    while True:
        now = datetime.now(LOCAL)
        shortly = now.replace(second=0, microsecond=0) + timedelta(minutes=2)
        if shortly.date() == now.date():
            return shortly
        time.sleep((shortly - now).total_seconds())


def close_slot(journey: Journey) -> str:
    """The manager closes the slot: residents can book it no more."""
    path = f"/v1/staff/slots/{journey.ids['slot']}/close"
    closed = journey.office.post(path, {"reason": "医生出急诊"}).expect(200)
    check(closed["slot"]["state"] == "closed", "closed", closed)
    body = {"slot_id": journey.ids["slot"], "person_id": journey.ids["father"], "answers": answers(journey.service)}
    refusal = journey.phone.post("/v1/bookings", body).expect(409, "slot_closed")
    return f"停诊后居民约不了：{refusal['detail']}"


def reopen_slot(journey: Journey) -> str:
    """The manager opens it again."""
    opened = journey.office.post(f"/v1/staff/slots/{journey.ids['slot']}/reopen").expect(200)
    check(opened["state"] == "open", "open", opened)
    return "恢复出诊"


def stay_at_own_provider(journey: Journey) -> str:
    """The clerk of another provider does not find this hospital's slots."""
    stranger = Client()
    sign_in_as_staff(stranger, "demo.other")
    stranger.post(f"/v1/staff/slots/{journey.ids['slot']}/close", {"reason": "试一试"}).expect(404, "slot_not_found")
    stranger.delete("/v1/sessions/current").expect(204)
    return "别的单位的工作人员动不了这家医院的号"


def register_caller(journey: Journey) -> str:
    """An old lady without a smartphone calls; the clerk registers her."""
    sign_in_as_staff(journey.desk, "demo.clerk")
    caller = journey.caller
    body = {
        "name": caller.name,
        "id_number": caller.id_number,
        "phone": caller.phone,
        "consents": journey.consents,
    }
    person = journey.desk.post("/v1/staff/people", body).expect(201)
    journey.ids["caller"] = person["id"]
    return f"{caller.name}打电话来，窗口给她登记"


def book_at_the_counter(journey: Journey) -> str:
    """The clerk books for her, from the places kept for telephone and desk."""
    body = {
        "slot_id": journey.ids["slot"],
        "person_id": journey.ids["caller"],
        "answers": answers(journey.service),
    }
    journey.booking = journey.desk.post("/v1/staff/bookings", body).expect(201)
    check(journey.booking["channel"] == "counter", "the counter channel", journey.booking)
    return f"窗口替她约上 {clock(journey.booking['starts_at'])}，取号码 {journey.booking['code']}"


def check_in(journey: Journey) -> str:
    """She comes, says her code, and is checked in."""
    body = {"provider_id": journey.ids["hospital"], "code": journey.booking["code"]}
    visit = journey.desk.post("/v1/staff/check-ins", body).expect(200)
    check((visit["id"], visit["status"]) == (journey.booking["id"], "checked_in"), "checked in", visit)
    return f"她到窗口报取号码，已签到，{visit['number']} 号"


STEPS = (
    sign_in_manager,
    read_policy,
    make_slot,
    close_slot,
    reopen_slot,
    stay_at_own_provider,
    register_caller,
    book_at_the_counter,
    check_in,
)
