"""Somebody to help: a telephone call becomes a request, a volunteer, a number, a ride, and hours that count."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from demo.client import Unexpected, check
from demo.journey import LOCAL, Journey, clock, register, sign_in_as_staff, sign_in_from_wechat
from demo.staff import in_two_minutes

SECONDS_TO_OFFER = 20
ADDRESS = "孪井滩示范区幸福巷 3 号（演示）"


def take_the_call(journey: Journey) -> str:
    """An old herdswoman calls the hotline: no smartphone, poor legs, speaks Mongolian. The clerk registers her."""
    sign_in_as_staff(journey.hotline, "demo.hotline")
    elder = journey.elder
    body = {
        "name": elder.name,
        "id_number": elder.id_number,
        "phone": elder.phone,
        "emergency_contact": {"name": journey.son.name, "phone": journey.son.phone},
        "consents": journey.consents,
    }
    journey.ids["elder"] = journey.hotline.post("/v1/staff/people", body).expect(201)["id"]
    return f"{elder.name}打来电话，热线给她登记，紧急联系人是儿子{journey.son.name}"


def ask_for_help(journey: Journey) -> str:
    """The clerk writes down what she needs: a number at the hospital, somebody to go with her, and a ride."""
    body = {
        "person_id": journey.ids["elder"],
        "team_id": journey.ids["team"],
        "area_id": journey.ids["zone"],
        "service_id": journey.ids["clinic"],
        "needs_booking": True,
        "needs_companion": True,
        "needs_ride": True,
        "language": "mn",
        "pickup": ADDRESS,
        "mobility": "腿脚不便，拄拐",
        "wished_days": [datetime.now(LOCAL).date().isoformat(), _tomorrow()],
    }
    request = journey.hotline.post("/v1/staff/help-requests", body).expect(201)
    check(request["state"] in {"open", "offered"}, "open", request)
    journey.ids["request"] = request["id"]
    return "热线记下求助：约号、陪诊、接送，说蒙古语"


def _tomorrow() -> str:
    return (datetime.now(LOCAL).date() + timedelta(days=1)).isoformat()


def be_asked(journey: Journey) -> str:
    """The volunteer is asked, and why; of the person he sees nothing but the township."""
    until = time.monotonic() + SECONDS_TO_OFFER
    while True:
        items = journey.volunteer_phone.get("/v1/volunteers/me/help-requests", view="asked").expect(200)["items"]
        asked = next((item for item in items if item["id"] == journey.ids["request"]), None)
        if asked is not None:
            break
        if time.monotonic() > until:
            raise Unexpected(f"an offer within {SECONDS_TO_OFFER} seconds", items)
        time.sleep(0.5)
    path = f"/v1/volunteers/me/help-requests/{journey.ids['request']}"
    shown = str(journey.volunteer_phone.get(path).expect(200))
    for private in (journey.elder.name, journey.elder.phone, ADDRESS, journey.ids["elder"]):
        check(private not in shown, "nothing about the person", shown)
    return f"{journey.volunteer.name}收到询问：{asked['township']}，请在 {clock(asked['answer_by'])} 前回答"


def accept(journey: Journey) -> str:
    """He accepts; whoever accepts after him comes too late."""
    path = f"/v1/help-requests/{journey.ids['request']}/accept"
    journey.volunteer_phone.post(path).expect(200)
    refusal = journey.leader_phone.post(path).expect(409, "help_request_taken")
    return f"他接下了；队长晚了一步：{refusal['detail']}"


def see_whom_to_help(journey: Journey) -> str:
    """Now he sees name, telephone and address; each such look is recorded."""
    path = f"/v1/volunteers/me/help-requests/{journey.ids['request']}"
    whole = journey.volunteer_phone.get(path).expect(200)["whole"]
    seen = (whole["person"]["name"], whole["person"]["phone"], whole["pickup"])
    check(seen == (journey.elder.name, journey.elder.phone, ADDRESS), "name, phone and address", whole)
    return f"他现在看得到：{whole['person']['name']}，{whole['pickup']}，{whole['mobility']}"


def get_mandate_by_sms(journey: Journey) -> str:
    """He calls her and asks for a mandate; she reads the code that her old telephone shows."""
    expires_at = (datetime.now(LOCAL) + timedelta(days=7)).replace(microsecond=0)
    terms = {
        "volunteer_id": journey.ids["volunteer"],
        "person_id": journey.ids["elder"],
        "matters": ["medical"],
        "expires_at": expires_at.isoformat(),
        "max_uses": 1,
        "consent": "sms",
    }
    mandate = journey.volunteer_phone.post("/v1/mandates", terms).expect(201)
    code = _code(journey)
    confirmed = journey.volunteer_phone.post(f"/v1/mandates/{mandate['id']}/confirm", {"code": code}).expect(200)
    check(confirmed["status"] == "active", "active", confirmed)
    return f"她念了短信里的验证码，委托生效：只管看病，只用一次，到 {clock(confirmed['expires_at'])}"


def _code(journey: Journey) -> str:
    messages = journey.phone.get("/sandbox/messages", to=journey.elder.phone).expect(200)["items"]
    newest: dict[str, Any] = max(messages, key=lambda message: message["sent_at"])
    return str(newest["data"]["code"])


def book_for_her(journey: Journey) -> str:
    """He books one of the numbers kept for elders; companion and ride are bound to it."""
    starts_at = in_two_minutes()
    slot = {
        "service_id": journey.ids["clinic"],
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(minutes=30)).isoformat(),
        "resource": f"老年门诊 {journey.elder.id_number[-4:]}",
        "capacity": {"public": 0, "assisted": 1},
    }
    slot_id = journey.office.post("/v1/staff/slots", slot).expect(201)["id"]
    path = f"/v1/help-requests/{journey.ids['request']}/book"
    task = journey.volunteer_phone.post(path, {"slot_id": slot_id, "answers": {}}).expect(201)
    booking = task["whole"]["booking"]
    check((task["state"], booking["status"]) == ("booked", "booked"), "booked", task)
    journey.ids["help_code"] = booking["code"]
    return f"他用留给老人的号约上 {clock(booking['starts_at'])}，从 {clock(task['starts_at'])} 起接送陪同"


def join_the_care(journey: Journey) -> str:
    """Her son in the city takes over her care, by a code that her telephone shows."""
    device, elder = journey.son_phone, journey.elder
    sign_in_from_wechat(device, journey.son)
    register(device, journey.son, journey.consents)
    body = {
        "name": elder.name,
        "id_number": elder.id_number,
        "relation": "parent",
        "consents": journey.consents,
    }
    asked = device.post("/v1/people", body).expect(202)
    device.post(f"/v1/care-requests/{asked['id']}/code").expect(200)
    path = f"/v1/care-requests/{asked['id']}/confirm"
    joined = device.post(path, {"code": _code(journey)}).expect(200)
    check(joined["person_id"] == journey.ids["elder"], "her person", joined)
    return f"儿子{journey.son.name}凭她手机上的验证码接过照护"


def meet_her(journey: Journey) -> str:
    """The volunteer comes with his car; the son reads out the start code, and the hours begin."""
    path = f"/v1/help-requests/{journey.ids['request']}"
    request = journey.son_phone.get(path).expect(200)
    journey.ids["end_code"] = request["end_code"]
    started = journey.volunteer_phone.post(f"{path}/start", {"code": request["start_code"]}).expect(200)
    check(started["state"] == "under_way", "under way", started)
    return f"{journey.volunteer.name}开车来接，家里人报开始码，从 {clock(started['started_at'])} 起算时长"


def check_in_with_her(journey: Journey) -> str:
    """At the hospital she is checked in by the code."""
    body = {"provider_id": journey.ids["hospital"], "code": journey.ids["help_code"]}
    visit = journey.desk.post("/v1/staff/check-ins", body).expect(200)
    check(visit["status"] == "checked_in", "checked in", visit)
    return "到了医院，窗口凭取号码签到"


def bring_her_home(journey: Journey) -> str:
    """Home again: the end code ends it. The drive does not count, and what he saw of her is gone."""
    path = f"/v1/help-requests/{journey.ids['request']}"
    body = {"code": journey.ids["end_code"], "travel_minutes": 0}
    done = journey.volunteer_phone.post(f"{path}/complete", body).expect(200)
    check(done["state"] == "completed", "completed", done)
    shown = str(journey.volunteer_phone.get(f"/v1/volunteers/me{path.removeprefix('/v1')}").expect(200))
    for private in (journey.elder.name, journey.elder.phone, ADDRESS):
        check(private not in shown, "nothing about the person", shown)
    return f"送到家，报结束码，计 {done['minutes']} 分钟；他再也看不到她的姓名、电话和地址"


def give_thanks(journey: Journey) -> str:
    """The son says thank you; the volunteer reads it."""
    path = f"/v1/help-requests/{journey.ids['request']}"
    journey.son_phone.post(f"{path}/rate", {"stars": 5, "thanks": "谢谢您，比亲人还亲。"}).expect(200)
    task = journey.volunteer_phone.get(f"/v1/volunteers/me{path.removeprefix('/v1')}").expect(200)
    check(task["stars"] == 5, "five stars", task)  # noqa: PLR2004  # those that were given
    return f"儿子给了 {task['stars']} 颗星：“{task['thanks']}”"


def count_the_hours(journey: Journey) -> str:
    """The volunteer sees his hours of the month, the leader those of the troop."""
    month = f"{datetime.now(LOCAL):%Y-%m}"
    own = journey.volunteer_phone.get("/v1/volunteers/me/hours", month=month).expect(200)
    team = journey.leader_phone.get(f"/v1/teams/{journey.ids['team']}/hours", month=month).expect(200)
    check(len(team["items"]) == 1, "one volunteer's hours", team)
    return f"本月时长：本人 {own['minutes']} 分钟，{own['tasks']} 次；队长看得到全队"


def see_all_of_it(journey: Journey) -> str:
    """The family sees at one look what happened, who helped and every use of the mandate, and ends it by one call."""
    device, person = journey.son_phone, journey.ids["elder"]
    (request,) = device.get(f"/v1/people/{person}/help").expect(200)["items"]
    steps = [event["state"] for event in request["events"]]
    check(steps[-4:] == ["accepted", "booked", "under_way", "completed"], "the whole way", steps)
    (mandate,) = device.get(f"/v1/people/{person}/mandates").expect(200)["items"]
    check(len(mandate["uses"]) == 1, "one use", mandate)
    told = {notice["kind"] for notice in device.get("/v1/notices").expect(200)["items"]}
    check(told >= {"help_accepted", "help_booked", "help_completed", "mandate_used"}, "told of all of it", told)
    device.post(f"/v1/people/{person}/mandates/revoke", {"reason": "事情办完了"}).expect(200)
    return "家里人一眼看到全过程：" + " → ".join(steps) + "；一键撤销全部委托"


def leave_the_troop(journey: Journey) -> str:
    """The demo's volunteers leave, so that nobody waits for an answer of theirs."""
    for device in (journey.volunteer_phone, journey.leader_phone):
        device.delete("/v1/volunteers/me").expect(204)
    return "演示的志愿者退出队伍"


STEPS = (
    take_the_call,
    ask_for_help,
    be_asked,
    accept,
    see_whom_to_help,
    get_mandate_by_sms,
    book_for_her,
    join_the_care,
    meet_her,
    check_in_with_her,
    bring_her_home,
    give_thanks,
    count_the_hours,
    see_all_of_it,
)

LAST_STEPS = (leave_the_troop,)
