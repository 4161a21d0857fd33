"""The day itself: a pass on the telephone, a place in the queue, a call, and the screen in the hall."""

from __future__ import annotations

from datetime import timedelta

from demo.client import Client, check
from demo.journey import Journey, clock
from demo.staff import in_two_minutes

COUNTER = "3 诊室"


def book_for_today(journey: Journey) -> str:
    """The clinic has a number left for today; the neighbour who gave hers back takes it."""
    starts_at = in_two_minutes()
    slot = {
        "service_id": journey.ids["clinic"],
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(minutes=30)).isoformat(),
        "capacity": {"public": 1},
    }
    slot_id = journey.office.post("/v1/staff/slots", slot).expect(201)["id"]
    body = {"slot_id": slot_id, "person_id": journey.ids["early"], "answers": {}}
    journey.booking = journey.early_phone.post("/v1/bookings", body).expect(201)
    return f"{journey.early.name}约上今天的号：{clock(journey.booking['starts_at'])}"


def show_pass(journey: Journey) -> str:
    """Her telephone shows a pass: a signed code that the desk can check even without a network."""
    shown = journey.early_phone.get(f"/v1/bookings/{journey.booking['id']}/pass").expect(200)
    check(shown["qr_svg"].startswith("<svg"), "a QR code", shown["qr_svg"][:40])
    journey.ids["pass"] = shown["pass"]
    return f"手机出示凭证，{len(shown['pass'])} 个字，有效到 {clock(shown['expires_at'])}"


def check_in_by_pass(journey: Journey) -> str:
    """The desk scans it and checks her in; she gets her number in the queue."""
    body = {"provider_id": journey.ids["hospital"], "pass": journey.ids["pass"]}
    visit = journey.desk.post("/v1/staff/check-ins", body).expect(200)
    check((visit["id"], visit["status"]) == (journey.booking["id"], "checked_in"), "checked in", visit)
    journey.queue_number = visit["queue_number"]
    return f"窗口扫码签到，排队号 {journey.queue_number}"


def see_the_queue(journey: Journey) -> str:
    """She sees how many are before her."""
    place = journey.early_phone.get(f"/v1/bookings/{journey.booking['id']}/queue").expect(200)
    check((place["number"], place["before"]) == (journey.queue_number, 0), "nobody before her", place)
    journey.queue_version = place["version"]
    return f"手机上看到：{place['title']}——{place['detail']}"


def call_next(journey: Journey) -> str:
    """The doctor calls the next one."""
    path = f"/v1/staff/queues/{journey.ids['clinic']}/call"
    ticket = journey.desk.post(path, {"counter": COUNTER}).expect(201)
    check(ticket["booking_id"] == journey.booking["id"], "her ticket", ticket)
    return f"医生叫号：请 {ticket['number']} 号到{ticket['counter']}"


def watch_the_screen(journey: Journey) -> str:
    """The screen in the hall, which waited for a change, shows the number and never a name."""
    screen = Client().get(f"/v1/queues/{journey.ids['clinic']}", after=journey.queue_version).expect(200)
    called = [(one["number"], one["counter"]) for one in screen["called"]]
    check(called == [(journey.queue_number, COUNTER)], "her number called", screen)
    check(journey.early.name not in str(screen), "no name on the screen", screen)
    return f"大屏显示：{called[0][0]} 号，{called[0][1]}"


def end_the_visit(journey: Journey) -> str:
    """The visit is over."""
    done = journey.desk.post(f"/v1/staff/bookings/{journey.booking['id']}/complete").expect(200)
    check(done["status"] == "completed", "completed", done)
    return "就诊结束"


STEPS = (
    book_for_today,
    show_pass,
    check_in_by_pass,
    see_the_queue,
    call_next,
    watch_the_screen,
    end_the_visit,
)
