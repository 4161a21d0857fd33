"""The volunteer's part: approved by staff, trusted by the family, stopped the moment the trust ends."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from demo.client import Client, Unexpected, check
from demo.journey import LOCAL, TEAM, Journey, clock, register, sign_in_as_staff, sign_in_from_wechat
from demo.resident import booking_of


def found_troop(journey: Journey) -> str:
    """An administrator signs in with password and one-time code, and founds a troop of the volunteers' team."""
    sign_in_as_staff(journey.admin, "demo.admin")
    body = {
        "area_id": journey.ids["zone"],
        "name": f"{TEAM}第{secrets.randbelow(10**6):06}分队",
        "organisation": "孪井社区党群服务中心",
    }
    team = journey.admin.post("/v1/staff/teams", body).expect(201)
    journey.ids["team"] = team["id"]
    return f"管理员建了{team['name']}"


def apply_as_volunteers(journey: Journey) -> str:
    """Two neighbours register and apply: what they speak, what they can do, and when."""
    for device, who, role in (
        (journey.leader_phone, journey.leader, "leader"),
        (journey.volunteer_phone, journey.volunteer, "volunteer"),
    ):
        sign_in_from_wechat(device, who)
        journey.ids[f"{role}_person"] = register(device, who, journey.consents)["person"]["id"]
        body = {
            "team_id": journey.ids["team"],
            "areas": [journey.ids["zone"]],
            "languages": ["zh", "mn"],
            "abilities": ["book", "accompany", "drive"],
            "hours": [{"weekday": weekday, "from": "00:00", "until": "24:00"} for weekday in range(1, 8)],
        }
        volunteer = device.post("/v1/volunteers", body).expect(201)
        check(volunteer["status"] == "applied", "applied", volunteer)
        journey.ids[role] = volunteer["id"]
    return f"{journey.leader.name}和{journey.volunteer.name}申请当志愿者：会蒙汉两种话，能约号、能陪、能开车"


def approve_leader(journey: Journey) -> str:
    """The administrator approves the first and makes her the troop's leader."""
    admin, leader = journey.admin, journey.ids["leader"]
    approved = admin.post(f"/v1/staff/volunteers/{leader}/approve").expect(200)
    check(approved["status"] == "approved", "approved", approved)
    admin.put(f"/v1/staff/teams/{journey.ids['team']}/leaders/{leader}").expect(200)
    device = journey.leader_phone
    device.keep(device.post("/v1/sessions/refresh", {"refresh_token": device.refresh_token}).expect(200))
    return f"管理员批准{journey.leader.name}，请她当队长"


def approve_volunteer(journey: Journey) -> str:
    """The leader knows the second one and approves him."""
    path = f"/v1/teams/{journey.ids['team']}/volunteers/{journey.ids['volunteer']}/approve"
    approved = journey.leader_phone.post(path).expect(200)
    check(approved["status"] == "approved", "approved", approved)
    return f"队长批准{journey.volunteer.name}"


def become_volunteer(journey: Journey) -> str:
    """The volunteer's old token is refused, for the roles have changed; refreshing brings the new one."""
    device = journey.volunteer_phone
    device.get("/v1/volunteers/me").expect(401, "token_outdated")
    signed_in = device.post("/v1/sessions/refresh", {"refresh_token": device.refresh_token}).expect(200)
    device.keep(signed_in)
    check("volunteer" in signed_in["user"]["roles"], "the role volunteer", signed_in["user"])
    return f"{journey.volunteer.name}现在是志愿者"


def be_refused_without_mandate(journey: Journey) -> str:
    """Without a mandate a volunteer books nothing for anybody."""
    journey.volunteer_phone.post("/v1/bookings", booking_of(journey, journey.slots[0])).expect(404, "person_not_found")
    return "没有委托，志愿者不能替任何人约"


def give_mandate(journey: Journey) -> str:
    """The daughter gives the volunteer a mandate for her mother: medical matters, thirty days."""
    mandate = journey.phone.post("/v1/mandates", _terms(journey) | {"person_id": journey.ids["mother"]}).expect(201)
    check(mandate["status"] == "active", "active", mandate)
    journey.ids["mandate"] = mandate["id"]
    return f"家人委托{journey.volunteer.name}替{journey.mother.name}看病约号，到 {clock(mandate['expires_at'])} 为止"


def _terms(journey: Journey) -> dict[str, Any]:
    expires_at = (datetime.now(LOCAL) + timedelta(days=30)).replace(microsecond=0)
    return {
        "volunteer_id": journey.ids["volunteer"],
        "matters": ["medical"],
        "expires_at": expires_at.isoformat(),
        "consent": "family",
    }


def book_for_the_elder(journey: Journey) -> str:
    """The volunteer books for the mother, on the places kept for elders."""
    slot = _slot_of_another_day(journey, journey.volunteer_phone)
    body = booking_of(journey, slot) | {"mandate_id": journey.ids["mandate"]}
    booking = journey.volunteer_phone.post("/v1/bookings", body).expect(201)
    check(booking["channel"] == "assisted", "the assisted channel", booking)
    journey.ids["assisted"] = booking["id"]
    return f"志愿者用留给老人的号约上 {clock(booking['starts_at'])}，{booking['number']} 号"


def _slot_of_another_day(journey: Journey, device: Client) -> dict[str, Any]:
    """Return a slot of a later day than the family's own booking, with a place kept for elders."""
    first = datetime.fromisoformat(journey.booking["starts_at"]).date() + timedelta(days=1)
    path = f"/v1/services/{journey.service['id']}"
    days = device.get(f"{path}/days", **{"from": first, "to": first + timedelta(days=4)}).expect(200)["items"]
    for day in days:
        for slot in device.get(f"{path}/slots", date=day["date"]).expect(200)["items"]:
            if slot["state"] == "open" and slot["remaining"]["assisted"] > 0:
                return dict(slot)
    raise Unexpected("a later slot with a place for elders", days)


def tell_the_family(journey: Journey) -> str:
    """The family is told of the mandate and of its use, and sees the booking."""
    notices = journey.phone.get("/v1/notices").expect(200)["items"]
    told = {notice["kind"]: notice["text"] for notice in notices if notice["person_id"] == journey.ids["mother"]}
    check({"mandate_given", "mandate_used"} == set(told), "mandate_given and mandate_used", notices)
    mandate = journey.phone.get(f"/v1/mandates/{journey.ids['mandate']}").expect(200)
    check([use["booking_id"] for use in mandate["uses"]] == [journey.ids["assisted"]], "one use", mandate)
    return f"家人收到通知：{told['mandate_used']}"


def ask_by_sms(journey: Journey) -> str:
    """For the father the volunteer asks by SMS: his phone shows who asks for what, and a code."""
    terms = _terms(journey) | {"consent": "sms"}
    named = {"id_number": journey.father.id_number, "name": journey.father.name}
    mandate = journey.volunteer_phone.post("/v1/mandates", terms | named).expect(201)
    check(mandate["status"] == "pending", "pending", mandate)
    journey.ids["sms_mandate"] = mandate["id"]
    message = _last_message(journey)
    return f"{journey.father.name}的手机收到短信：{message['text']}"


def _last_message(journey: Journey) -> dict[str, Any]:
    messages = journey.phone.get("/sandbox/messages", to=journey.father.phone).expect(200)["items"]
    check(len(messages) == 1, "one message", messages)
    return dict(messages[0])


def confirm_by_code(journey: Journey) -> str:
    """A wrong code counts; the right one, read out by the father, makes the mandate hold."""
    code = _last_message(journey)["data"]["code"]
    path = f"/v1/mandates/{journey.ids['sms_mandate']}/confirm"
    wrong = journey.volunteer_phone.post(path, {"code": f"{(int(code) + 1) % 10**6:06}"}).expect(409, "code_wrong")
    mandate = journey.volunteer_phone.post(path, {"code": code}).expect(200)
    check(mandate["status"] == "active", "active", mandate)
    journey.ids["father_seen"] = mandate["person"]["id"]
    return f"说错一次（{wrong['detail']}），说对验证码，委托生效"


def revoke(journey: Journey) -> str:
    """The daughter revokes the father's mandate; from that moment on it books nothing."""
    journey.phone.post(f"/v1/mandates/{journey.ids['sms_mandate']}/revoke", {"reason": "家里人自己去"}).expect(200)
    body = booking_of(journey, journey.slots[0], "father") | {"mandate_id": journey.ids["sms_mandate"]}
    refusal = journey.volunteer_phone.post("/v1/bookings", body).expect(409, "mandate_revoked")
    return f"女儿撤回了父亲的委托，志愿者再约被拒绝：{refusal['detail']}"


STEPS = (
    found_troop,
    apply_as_volunteers,
    approve_leader,
    approve_volunteer,
    become_volunteer,
    be_refused_without_mandate,
    give_mandate,
    book_for_the_elder,
    tell_the_family,
    ask_by_sms,
    confirm_by_code,
    revoke,
)
