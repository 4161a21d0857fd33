"""A place in a nursery: a round is announced, families apply with their papers, and two persons decide on a refusal.

Each run makes classes and a round of its own, so that runs do not meet. What takes weeks in life takes seconds here;
how many, is measured by what came before, so that a slow machine has more.
"""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timedelta
from typing import Any

from demo.client import Client, check
from demo.invent import photo
from demo.journey import LOCAL, Household, Journey, register, sign_in_from_wechat, sign_in_with

SHORTEST = 6.0
"""Seconds that families have to apply, and reviewers to review, on a quick machine."""
GROUP = "resettled"


def hire_staff(journey: Journey) -> str:
    """The administrator makes accounts for two people of the zone's office and for the head of a nursery."""
    nurseries = journey.phone.get("/v1/nurseries", area=journey.ids["zone"]).expect(200)["items"]
    check(len(nurseries) > 1, "two nurseries in the zone", nurseries)
    for name, nursery in zip(("nursery", "other_nursery"), nurseries, strict=False):
        journey.ids[name] = nursery["id"]
    zone, nursery = {"area_id": journey.ids["zone"]}, {"provider_id": journey.ids["nursery"]}
    for device, name, where in (
        (journey.zone_office, "示范区托育专员", zone),
        (journey.second_office, "示范区托育主管", zone),
        (journey.nursery_head, "托育园园长", nursery),
    ):
        body = {
            "login": f"demo.{secrets.token_hex(6)}",
            "display_name": f"{name}（演示）",
            "grants": [{"role": "manager"} | where],
        }
        made = journey.admin.post("/v1/staff/accounts", body).expect(201)
        journey.staff_accounts.append(made["account"]["id"])
        sign_in_with(device, made["secrets"])
    return f"示范区有 {len(nurseries)} 家托育园，专员、主管和园长登录"


def open_classes(journey: Journey) -> str:
    """Two nurseries open a class each; more children than the norm allows would need a reason."""
    form = {
        "name": f"演示托大班 {secrets.token_hex(4)}",
        "kind": "senior",
        "from_months": 24,
        "until_months": 36,
        "seats": 20,
        "carers": 3,
    }
    path = f"/v1/staff/nurseries/{journey.ids['nursery']}/classes"
    refusal = journey.nursery_head.post(path, form | {"seats": 30}).expect(*NORM_REFUSAL)
    journey.ids["class"] = journey.nursery_head.post(path, form).expect(201)["id"]
    path = f"/v1/staff/nurseries/{journey.ids['other_nursery']}/classes"
    journey.nursery_head.post(path, form).expect(404, "provider_not_found")
    journey.ids["other_class"] = journey.zone_office.post(path, form).expect(201)["id"]
    return f"两家托育园各开一个托大班；超过标准要说明原因：{refusal['detail']}"


def gather_families(journey: Journey) -> str:
    """Four families register, take their children into care, and photograph their papers."""
    begun = time.monotonic()
    for family in families(journey):
        sign_in_from_wechat(family.phone, family.parent)
        register(family.phone, family.parent, journey.consents)
        body = {
            "name": family.child.name,
            "id_number": family.child.id_number,
            "relation": "child",
            "consents": journey.child_consents,
        }
        family.child_id = family.phone.post("/v1/people", body).expect(201)["id"]
        family.household_file = add_photo(family.phone)
    journey.seconds_to_prepare = time.monotonic() - begun
    return "、".join(f"{family.parent.name}带着{family.child.name}" for family in families(journey))


def families(journey: Journey) -> tuple[Household, ...]:
    return journey.resettled, journey.hopeful, journey.patient, journey.refused


def add_photo(device: Client) -> str:
    file_id: str = device.upload("/v1/files", {"purpose": "enrolment_document"}, photo()).expect(201)["id"]
    return file_id


def announce(journey: Journey) -> str:
    """The zone's office announces a round: seats, who comes first, all dates, and where the public value comes from."""
    span = timedelta(seconds=max(SHORTEST, 2 * journey.seconds_to_prepare))
    opens_at = datetime.now(LOCAL) + timedelta(seconds=2)
    due_at = opens_at + 2 * span
    today = opens_at.date()
    form = {
        "area_id": journey.ids["zone"],
        "name": f"演示入托招生 {secrets.token_hex(4)}",
        "reference_date": today.isoformat(),
        "starts_on": (today + timedelta(days=7)).isoformat(),
        "opens_at": opens_at.isoformat(),
        "closes_at": (opens_at + span).isoformat(),
        "review_until": due_at.isoformat(),
        "value_source": "演示：当众掷十次骰子，按先后写下点数",
        "value_due_at": due_at.isoformat(),
        "max_ranks": 2,
        "groups": [{"code": GROUP, "name": "示范区移民搬迁家庭", "proof": "搬迁安置协议"}],
        "programmes": [
            {
                "class_id": journey.ids["class"],
                "seats": 2,
                "reserves": [{"group": GROUP, "seats": 1, "falls_to": [""]}],
            },
            {"class_id": journey.ids["other_class"], "seats": 1, "reserves": []},
        ],
    }
    path = "/v1/staff/enrolment-rounds"
    draft = journey.zone_office.post(path, form).expect(201)
    journey.ids["round"] = draft["id"]
    journey.zone_office.post(f"{path}/{draft['id']}/announce", {"version": draft["version"]}).expect(200)
    journey.round = journey.phone.get(f"/v1/enrolment-rounds/{journey.ids['round']}").expect(200)
    for programme in journey.round["programmes"]:
        known = "programme" if programme["class_id"] == journey.ids["class"] else "other_programme"
        journey.ids[known] = programme["id"]
    journey.ids["group"] = journey.round["groups"][0]["id"]
    return (
        f"公布招生：3 个学位，其中 1 个留给移民搬迁家庭；{_second(opens_at)} 开始报名，"
        f"{_second(opens_at + span)} 截止；摇号数值来源：{journey.round['value_source']}"
    )


def _second(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}"


def consent_first(journey: Journey) -> str:
    """Applying shares a child's data with the nurseries: without the guardian's consent to that nothing is taken."""
    wait_until(journey.round["opens_at"])
    family = journey.resettled
    refusal = family.phone.post("/v1/enrolments", _application(journey, family)).expect(400, "consent_required")
    for each in families(journey):
        body = {"person_id": each.child_id, "consents": journey.enrolment_consent}
        each.phone.put("/v1/me/consents", body).expect(200)
    return f"报名先要监护人单独同意：{refusal['detail']}"


def wait_until(moment: str) -> None:
    """Wait for a moment of the round, and a little more: the hour is the database's."""
    wait = (datetime.fromisoformat(moment) - datetime.now(LOCAL)).total_seconds()
    if wait > -1:
        time.sleep(max(wait, 0) + 0.3)


def _application(journey: Journey, family: Household) -> dict[str, Any]:
    return {
        "round_id": journey.ids["round"],
        "person_id": family.child_id,
        "choices": [journey.ids["programme"], journey.ids["other_programme"]],
        "claims": [journey.ids["group"]] if family is journey.resettled else [],
    }


def apply(journey: Journey) -> str:
    """Each family ranks the nurseries, hands in its papers, and submits."""
    for family in families(journey):
        form = _application(journey, family)
        made = family.phone.post("/v1/enrolments", form).expect(201)
        check((made["state"], made.get("number")) == ("draft", None), "a draft without a number", made)
        family.enrolment, family.public_id = made["id"], made["public_id"]
        documents = [{"file_id": family.household_file, "kind": "household"}]
        if form["claims"]:
            claim = {"file_id": add_photo(family.phone), "kind": "claim", "group_id": journey.ids["group"]}
            documents.append(claim)
        family.phone.put(_path(family), _changed(form, documents)).expect(200)
        submitted = family.phone.post(f"{_path(family)}/submit").expect(200)
        check(submitted["state"] == "submitted", "submitted", submitted)
    again = _application(journey, journey.hopeful)
    refusal = journey.hopeful.phone.post("/v1/enrolments", again).expect(409, "enrolment_exists")
    return f"四家都提交了志愿和材料；同一个孩子再报一次被拒绝：{refusal['detail']}"


def _path(family: Household) -> str:
    return f"/v1/enrolments/{family.enrolment}"


def _changed(form: dict[str, Any], documents: list[dict[str, str]]) -> dict[str, Any]:
    return {"choices": form["choices"], "claims": form["claims"], "documents": documents}


def come_too_late(journey: Journey) -> str:
    """The deadline is the database's clock: a moment later nothing changes any more."""
    wait_until(journey.round["closes_at"])
    family = journey.hopeful
    change = _changed(_application(journey, family), [{"file_id": family.household_file, "kind": "household"}])
    refusal = family.phone.put(_path(family), change).expect(409, "enrolment_closed")
    return f"到点截止：{refusal['detail']}"


def review(journey: Journey) -> str:
    """A reviewer takes each application, reads its papers (each reading is recorded), and accepts three."""
    office = journey.zone_office
    for family in families(journey):
        path = f"/v1/staff{_path(family).removeprefix('/v1')}"
        office.post(f"{path}/take").expect(200)
        read = office.download(f"{path}/documents/{family.household_file}")
        check(read.startswith(b"\x89PNG"), "the photo", read[:20])
        if family is journey.refused:
            continue
        accepted = office.post(f"{path}/verdict", {"kind": "accept"}).expect(200)
        check(accepted["state"] == "accepted", "accepted", accepted)
    return "专员审核：三家通过，搬迁家庭的优先资格认定"


def refuse_by_two(journey: Journey) -> str:
    """A refusal takes two persons: who proposes it cannot confirm it."""
    path = f"/v1/staff{_path(journey.refused).removeprefix('/v1')}"
    reason = "户口簿和居住证都不在示范区。"
    proposed = journey.zone_office.post(f"{path}/verdict", {"kind": "refuse", "reason": reason}).expect(200)
    path = f"{path}/verdicts/{proposed['verdicts'][-1]['id']}/confirm"
    refusal = journey.zone_office.post(path).expect(403, "second_reviewer_needed")
    refused = journey.second_office.post(path).expect(200)
    check(refused["state"] == "refused", "refused", refused)
    told = {notice["kind"] for notice in journey.refused.phone.get("/v1/notices").expect(200)["items"]}
    check("enrolment_refused" in told, "told of it", told)
    return f"不予通过要两个人：{refusal['detail']}主管复核后生效，家里收到通知"


NORM_REFUSAL = (409, "nursery_class_beyond_norm")

STEPS = (
    hire_staff,
    open_classes,
    gather_families,
    announce,
    consent_first,
    apply,
    come_too_late,
    review,
    refuse_by_two,
)
