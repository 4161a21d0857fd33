"""Fair numbers: released to the minute, sold out, waited for, and given anew when a clinic has to close."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from demo.client import Unexpected, check
from demo.journey import LOCAL, Journey, clock, register, sign_in_from_wechat

WINDOW_DAYS = 3
SECONDS_TO_PREPARE = 5
SECONDS_TO_OFFER = 20


def open_clinic(journey: Journey) -> str:
    """The manager opens a clinic with rules of its own: three days ahead, numbers come out at the next full minute."""
    service = {
        "provider_id": journey.ids["hospital"],
        "department": "演示科",
        "name": f"专家门诊 {journey.caller.id_number[-8:]}",
        "kind": "medical",
        "summary": "演示用：一天只有一个号。",
        "duration_minutes": 30,
        "requirements": ["身份证"],
        "eligibility": "",
        "questions": [],
    }
    journey.ids["clinic"] = journey.office.post("/v1/staff/services", service).expect(201)["id"]
    released = _next_minute()
    rules = {
        "service_id": journey.ids["clinic"],
        "effective_from": released.date().isoformat(),
        "window_days": WINDOW_DAYS,
        "release_time": f"{released:%H:%M}",
        "order_stop_days": 0,
        "order_stop_time": None,
        "cancel_days": 0,
        "cancel_time": None,
        "limit_department_day": 1,
        "limit_day": 2,
        "limit_7_days": 3,
        "limit_90_days": 5,
        "limit_volunteer_day": 6,
    }
    journey.office.post("/v1/staff/policies", rules).expect(201)
    journey.released = released
    journey.ids["rare"] = _add_slot(journey, WINDOW_DAYS, 9)
    return f"医院开了一个专家门诊，{released:%H:%M} 放号，只有一个号"


def _next_minute() -> datetime:
    """Return the next full minute that leaves time to get ready and stays within the day."""
    while True:
        now = datetime.now(LOCAL)
        full = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        if (full - now).total_seconds() > SECONDS_TO_PREPARE and full.date() == now.date():
            return full
        time.sleep(1)


def _add_slot(journey: Journey, days_ahead: int, hour: int) -> str:
    day = journey.released.date() + timedelta(days=days_ahead)
    starts_at = datetime(day.year, day.month, day.day, hour, tzinfo=LOCAL)
    body = {
        "service_id": journey.ids["clinic"],
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(minutes=30)).isoformat(),
        "capacity": {"public": 1},
    }
    slot_id: str = journey.office.post("/v1/staff/slots", body).expect(201)["id"]
    return slot_id


def meet_neighbours(journey: Journey) -> str:
    """Two neighbours want that number; both register."""
    for device, who, role in (
        (journey.early_phone, journey.early, "early"),
        (journey.late_phone, journey.late, "late"),
    ):
        sign_in_from_wechat(device, who)
        journey.ids[role] = register(device, who, journey.consents)["person"]["id"]
    return f"{journey.early.name}和{journey.late.name}都想要这个号"


def try_before_release(journey: Journey) -> str:
    """Before the hour nobody gets it, however often they press."""
    if datetime.now(LOCAL) >= journey.released:
        return "已经到点了，这一步来不及演示"
    refusal = journey.early_phone.post("/v1/bookings", _wish(journey, "early")).expect(409, "not_released")
    check(datetime.fromisoformat(refusal["release_at"]) == journey.released, journey.released, refusal)
    return f"没到点约不了：{refusal['detail']}"


def _wish(journey: Journey, who: str, slot: str = "rare") -> dict[str, Any]:
    return {"slot_id": journey.ids[slot], "person_id": journey.ids[who], "answers": {}}


def book_at_release(journey: Journey) -> str:
    """At the hour the first one gets it."""
    wait = (journey.released - datetime.now(LOCAL)).total_seconds()
    if wait > 0:
        time.sleep(wait)
    for _ in range(10):  # the hour is the database's: a few milliseconds beside this machine's
        reply = journey.early_phone.post("/v1/bookings", _wish(journey, "early"))
        if reply.status == 201:  # noqa: PLR2004
            break
        reply.expect(409, "not_released")
        time.sleep(0.2)
    journey.ids["number"] = reply.expect(201)["id"]
    return f"{journey.released:%H:%M} 一到，{journey.early.name}约上了"


def find_it_sold_out(journey: Journey) -> str:
    """The second one finds it sold out."""
    refusal = journey.late_phone.post("/v1/bookings", _wish(journey, "late")).expect(409, "slot_full")
    return f"{journey.late.name}晚了一步：{refusal['detail']}"


def wait_in_line(journey: Journey) -> str:
    """She joins the waiting list for that day, and sees her place in it."""
    day = (journey.released.date() + timedelta(days=WINDOW_DAYS)).isoformat()
    body = {"service_id": journey.ids["clinic"], "person_id": journey.ids["late"], "from": day, "to": day}
    entry = journey.late_phone.post("/v1/waitlist", body).expect(201)
    check((entry["status"], entry["people_before"]) == ("waiting", 0), "first in line", entry)
    journey.ids["entry"] = entry["id"]
    return f"她排队候补，前面有 {entry['people_before']} 人"


def give_it_back(journey: Journey) -> str:
    """The first one cannot come and cancels; the number is offered to who waits, with a deadline."""
    journey.early_phone.post(f"/v1/bookings/{journey.ids['number']}/cancel", {"reason": "临时有事"}).expect(200)
    path = f"/v1/waitlist/{journey.ids['entry']}"
    until = time.monotonic() + SECONDS_TO_OFFER
    while time.monotonic() < until:
        entry = journey.late_phone.get(path).expect(200)
        if entry["status"] == "offered":
            return f"{journey.early.name}退号，号先给候补的人，留到 {clock(entry['offer']['expires_at'])}"
        time.sleep(0.3)
    raise Unexpected("an offer within seconds", entry)


def accept_the_offer(journey: Journey) -> str:
    """She takes it: the offer becomes a booking in one step."""
    accepted = journey.late_phone.post(f"/v1/waitlist/{journey.ids['entry']}/accept", {"answers": {}}).expect(201)
    (booking,) = accepted["bookings"]
    check(booking["slot_id"] == journey.ids["rare"], "the number that came back", booking)
    journey.booking = booking
    return f"{journey.late.name}候补成功：{clock(booking['starts_at'])}，{booking['number']} 号"


def preview_closure(journey: Journey) -> str:
    """The doctor falls ill. Before anything is closed the manager sees whom it would meet, and where they could go."""
    journey.ids["instead"] = _add_slot(journey, WINDOW_DAYS - 1, 10)
    effect = journey.office.post("/v1/staff/closures/preview", _closure(journey)).expect(200)
    (met,) = effect["bookings"]
    check(met["place"]["slot_id"] == journey.ids["instead"], "the nearest equal slot", met)
    journey.ids["digest"] = effect["digest"]
    return f"停诊会影响 {met['person_name']} 的号，最近的同样的号是 {clock(met['place']['starts_at'])}"


def _closure(journey: Journey) -> dict[str, Any]:
    day = (journey.released.date() + timedelta(days=WINDOW_DAYS)).isoformat()
    return {"provider_id": journey.ids["hospital"], "service_id": journey.ids["clinic"], "from": day, "to": day}


def close_clinic(journey: Journey) -> str:
    """The manager closes the day: just what was shown is done, and everybody is offered the nearest equal number."""
    decided = {"digest": journey.ids["digest"], "treatment": "offer", "reason": "医生生病"}
    closure = journey.office.post("/v1/staff/closures", _closure(journey) | decided).expect(201)
    check(closure["bookings"]["offered"] == 1, "one offer", closure)
    offer = journey.late_phone.get(f"/v1/bookings/{journey.booking['id']}").expect(200)["offer"]
    told = journey.late_phone.get("/v1/notices").expect(200)["items"][0]
    check(told["kind"] == "rebooking_offered", "a notice of the offer", told)
    return f"她收到通知：{told['text']}（留到 {clock(offer['expires_at'])}）"


def accept_rebooking(journey: Journey) -> str:
    """She accepts, and has a number again."""
    moved = journey.late_phone.post(f"/v1/bookings/{journey.booking['id']}/offer/accept").expect(200)
    check((moved["status"], moved["slot_id"]) == ("booked", journey.ids["instead"]), "booked in its place", moved)
    return f"她同意改期：{clock(moved['starts_at'])}，{moved['number']} 号"


STEPS = (
    open_clinic,
    meet_neighbours,
    try_before_release,
    book_at_release,
    find_it_sold_out,
    wait_in_line,
    give_it_back,
    accept_the_offer,
    preview_closure,
    close_clinic,
    accept_rebooking,
)
