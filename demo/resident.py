"""The family's part: a daughter with a phone signs in, takes her parents into care, and books for her mother."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from demo.client import Client, Unexpected, check, new_key
from demo.journey import HOSPITAL, LOCAL, Journey, answers, clock, register, sign_in_from_wechat

if TYPE_CHECKING:
    from demo.invent import Person


def wait_for_server(journey: Journey) -> str:
    """The server is ready."""
    journey.phone.get("/readyz").expect(200)
    return "服务已就绪"


def sign_in(journey: Journey) -> str:
    """The daughter signs in from the mini-program, with a code from WeChat."""
    user = sign_in_from_wechat(journey.phone, journey.daughter)["user"]
    check(user["registered"] is False, "not registered yet", user)
    return f"{journey.daughter.name}从小程序登录，还没有实名"


def read_consents(journey: Journey) -> str:
    """She reads what she is asked to agree to."""
    texts = journey.phone.get("/v1/consents").expect(200)["items"]
    given = {text["kind"]: {"kind": text["kind"], "version": text["version"]} for text in texts}
    journey.consents = [given["privacy"], given["sensitive_data"]]
    journey.child_consents = [*journey.consents, given["child_guardian"]]
    journey.enrolment_consent = [given["child_enrolment"]]
    return "她看了" + "、".join(f"《{text['title']}》" for text in texts)


def register_by_real_name(journey: Journey) -> str:
    """She registers by real name; the answer shows her ID number masked."""
    me = register(journey.phone, journey.daughter, journey.consents)
    check(me["person"]["id_number"] == journey.daughter.masked_id_number, journey.daughter.masked_id_number, me)
    return f"她完成实名登记，证件号只显示 {me['person']['id_number']}"


def add_parents(journey: Journey) -> str:
    """She takes her mother and her father into her care."""
    for role, parent in (("mother", journey.mother), ("father", journey.father)):
        journey.ids[role] = _add_parent(journey, parent)
    return f"她添加了母亲{journey.mother.name}、父亲{journey.father.name}"


def _add_parent(journey: Journey, parent: Person) -> str:
    body = {
        "name": parent.name,
        "id_number": parent.id_number,
        "relation": "parent",
        "phone": parent.phone,
        "consents": journey.consents,
    }
    added = journey.phone.post("/v1/people", body).expect(201)
    check(added["name"] == parent.name, parent.name, added)
    person_id: str = added["id"]
    return person_id


def find_hospital(journey: Journey) -> str:
    """She finds the hospitals of the zone."""
    areas = journey.phone.get("/v1/areas").expect(200)["items"]
    zone = next(area for area in areas if area["level"] == "zone" and area["name"].startswith("孪井滩"))
    journey.ids["zone"] = zone["id"]
    hospitals = journey.phone.get("/v1/providers", kind="hospital", area=zone["id"]).expect(200)["items"]
    found = {hospital["name"]: hospital["id"] for hospital in hospitals}
    check(HOSPITAL in found, HOSPITAL, list(found))
    journey.ids["hospital"] = found[HOSPITAL]
    return f"{zone['name']}的医院：{'、'.join(found)}"


def read_service(journey: Journey) -> str:
    """She reads what the clinic is for and what to bring."""
    services = journey.phone.get("/v1/services", provider=journey.ids["hospital"], q="内科").expect(200)["items"]
    service = next(service for service in services if service["name"] == "内科门诊")
    journey.service = journey.phone.get(f"/v1/services/{service['id']}").expect(200)
    check(bool(journey.service["requirements"]), "what to bring", journey.service)
    return f"{journey.service['name']}要带：{'；'.join(journey.service['requirements'])}"


def find_slots(journey: Journey) -> str:
    """She looks for a day with places, the day after tomorrow or later."""
    today = datetime.now(LOCAL).date()
    first, last = today + timedelta(days=2), today + timedelta(days=12)
    path = f"/v1/services/{journey.service['id']}"
    days = journey.phone.get(f"{path}/days", **{"from": first, "to": last}).expect(200)["items"]
    for day in days:
        slots = journey.phone.get(f"{path}/slots", date=day["date"]).expect(200)["items"]
        free = [slot for slot in slots if slot["state"] == "open" and slot["remaining"]["public"] > 0]
        if len(free) > 1:
            journey.slots = free
            return f"{day['date']} 有 {len(free)} 个时段有号，最早 {clock(free[0]['starts_at'])}"
    raise Unexpected("a day with two free slots", days)


def book(journey: Journey) -> str:
    """She books a place for her mother."""
    body = booking_of(journey, journey.slots[0])
    journey.booking_request = (body, new_key())
    journey.booking = journey.phone.post("/v1/bookings", *journey.booking_request).expect(201)
    return f"{journey.mother.name}约上了：{clock(journey.booking['starts_at'])}，{journey.booking['number']} 号"


def booking_of(journey: Journey, slot: dict[str, Any], who: str = "mother") -> dict[str, Any]:
    return {"slot_id": slot["id"], "person_id": journey.ids[who], "answers": answers(journey.service)}


def repeat(journey: Journey) -> str:
    """The network was lost and the same request is sent again: the same booking comes back."""
    again = journey.phone.post("/v1/bookings", *journey.booking_request).expect(201)
    check(again == journey.booking, journey.booking, again)
    return "网断了，同样的请求再发一次，还是同一个预约"


def show_code(journey: Journey) -> str:
    """The booking shows the code and the number for the desk."""
    shown = journey.phone.get(f"/v1/bookings/{journey.booking['id']}").expect(200)
    check((shown["code"], shown["number"]) == (journey.booking["code"], journey.booking["number"]), "the code", shown)
    return f"到了窗口出示：取号码 {shown['code']}，{shown['number']} 号"


def meet_limit(journey: Journey) -> str:
    """A second place in the department on that day is refused, with the reason and the booking that stands."""
    refusal = journey.phone.post("/v1/bookings", booking_of(journey, journey.slots[1])).expect(
        409, "limit_department_day"
    )
    check(refusal["bookings"] == [journey.booking["id"]], [journey.booking["id"]], refusal)
    return f"同一天同一科室再约，被拒绝：{refusal['detail']}"


def cancel(journey: Journey) -> str:
    """She cancels in time."""
    path = f"/v1/bookings/{journey.booking['id']}/cancel"
    cancelled = journey.phone.post(path, {"reason": "临时有事"}).expect(200)
    check(cancelled["status"] == "cancelled", "cancelled", cancelled)
    return f"在 {clock(cancelled['cancel_until'])} 之前取消了"


def book_again(journey: Journey) -> str:
    """She books another time of that day: the cancelled booking counts no more."""
    journey.booking = journey.phone.post("/v1/bookings", booking_of(journey, journey.slots[1])).expect(201)
    return f"改约 {clock(journey.booking['starts_at'])}，{journey.booking['number']} 号"


def stay_unseen(journey: Journey) -> str:
    """A stranger's phone does not see the booking at all."""
    stranger = Client()
    stranger.get(f"/v1/bookings/{journey.booking['id']}").expect(401, "sign_in_required")
    return "没有登录的人什么也看不到"


def refresh(journey: Journey) -> str:
    """Back at the family's phone: the ten-minute token is traded for a new one."""
    old = journey.phone.refresh_token
    journey.phone.keep(journey.phone.post("/v1/sessions/refresh", {"refresh_token": old}).expect(200))
    check(journey.phone.refresh_token != old, "another refresh token", "the same")
    journey.phone.get("/v1/me").expect(200)
    return "登录凭证换新，不用重新登录"


def export(journey: Journey) -> str:
    """She takes a copy of all that is kept of her and her family."""
    copy = journey.phone.get("/v1/me/export").expect(200)
    names = {person["name"] for person in copy["people"]}
    check({journey.daughter.name, journey.mother.name, journey.father.name} <= names, "her family", names)
    return f"她导出了自己的数据：{len(copy['people'])} 个人，{len(copy['bookings'])} 个预约"


def sign_out(journey: Journey) -> str:
    """She signs out, and the token is refused at once."""
    journey.phone.delete("/v1/sessions/current").expect(204)
    refusal = journey.phone.get("/v1/me").expect(401, "session_ended")
    return f"退出以后，旧凭证马上失效：{refusal['detail']}"


STEPS = (
    wait_for_server,
    sign_in,
    read_consents,
    register_by_real_name,
    add_parents,
    find_hospital,
    read_service,
    find_slots,
    book,
    repeat,
    show_code,
    meet_limit,
    cancel,
    book_again,
    stay_unseen,
)
LAST_STEPS = (
    refresh,
    export,
    sign_out,
)
