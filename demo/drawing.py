"""The draw that a family recomputes, the seats that are offered, and the child's first day."""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.client import Client, check
from demo.enrolling import families, wait_until
from demo.journey import LOCAL, Journey, clock

if TYPE_CHECKING:
    from demo.journey import Household

SECONDS_TO_VERIFY = 30


def freeze(journey: Journey) -> str:
    """The list of applicants is frozen and its SHA-256 published, before anybody can know the public value."""
    journey.zone_office.post(f"{_of_staff(journey)}/freeze").expect(200)
    journey.frozen = Client().download(f"{_of_all(journey)}/frozen")
    sha256 = hashlib.sha256(journey.frozen).hexdigest()
    published = journey.phone.get(_of_all(journey)).expect(200)["frozen_sha256"]
    check(published == sha256, sha256, published)
    for family in families(journey):
        for private in (family.child.name, family.child.id_number, family.child_id, family.enrolment):
            check(private.encode() not in journey.frozen, "no child in the frozen list", journey.frozen)
    return f"名单封存，谁都能下载、自己算：SHA-256 {sha256}"


def _of_staff(journey: Journey) -> str:
    return f"/v1/staff/enrolment-rounds/{journey.ids['round']}"


def _of_all(journey: Journey) -> str:
    return f"/v1/enrolment-rounds/{journey.ids['round']}"


def draw(journey: Journey) -> str:
    """When the public value is there, another person than the one who froze enters it, and the draw is computed."""
    wait_until(journey.round["value_due_at"])
    value = "".join(str(1 + secrets.randbelow(6)) for _ in range(10))
    body, path = {"public_value": value, "public_value_again": value}, f"{_of_staff(journey)}/draw"
    journey.second_office.post(path, body | {"public_value_again": value[::-1] + "1"}).expect(400, "invalid_input")
    refusal = journey.zone_office.post(path, body).expect(403, "draw_by_another")
    journey.second_office.post(path, body).expect(200)
    journey.second_office.post(path, body).expect(409, "enrolment_round_in_other_state")
    return f"骰子掷出 {value}；{refusal['detail']}主管录入，摇号只有这一次"


def publish(journey: Journey) -> str:
    """The result is published: public ids, priorities, numbers, wishes and outcomes, and no child's name."""
    Client().get(f"{_of_all(journey)}/result").expect(404, "draw_result_not_there")
    journey.second_office.post(f"{_of_staff(journey)}/publish").expect(200)
    result = Client().download(f"{_of_all(journey)}/result").decode()
    for family in families(journey):
        check(family.child.name not in result, "no child's name", result)
    outcomes = {one["id"]: one["outcome"] for one in json.loads(result)["results"]}
    check(outcomes[journey.resettled.public_id] == journey.ids["programme"], "the seat kept for them", outcomes)
    check(journey.refused.public_id not in outcomes, "nobody that was refused", outcomes)
    if outcomes[journey.hopeful.public_id] != journey.ids["programme"]:
        journey.hopeful, journey.patient = journey.patient, journey.hopeful
    return (
        f"结果公布：{journey.resettled.child.name}得到留给搬迁家庭的学位，{journey.hopeful.child.name}号码在前，"
        f"得第一志愿，{journey.patient.child.name}得第二志愿"
    )


def verify(journey: Journey) -> str:
    """One family downloads the result and a page of Python, and recomputes everything; a changed result is caught."""
    result = Client().download(f"{_of_all(journey)}/result")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "verify_draw.py").write_bytes(Client().download(f"{_of_all(journey)}/verifier"))
        (folder / "frozen.json").write_bytes(journey.frozen)
        (folder / "result.json").write_bytes(result)
        status, printed = _run(folder)
        check(status == 0, "verify_draw.py: the result is as the rules say", printed)
        tampered = json.loads(result)
        outcomes = [one["outcome"] for one in tampered["results"]]
        for one, outcome in zip(tampered["results"], [*outcomes[1:], outcomes[0]], strict=True):
            one["outcome"] = outcome
        (folder / "result.json").write_text(json.dumps(tampered), encoding="utf-8")
        caught, said = _run(folder)
        check(caught == 1, "verify_draw.py: the result is NOT as the rules say", said)
    indented = "\n".join(f"      | {line}" for line in printed.splitlines())
    return f"{journey.patient.parent.name}在自己电脑上运行 verify_draw.py（改动过的结果会被识破）：\n{indented}"


def _run(folder: Path) -> tuple[int, str]:
    """Run it as a family does, knowing nothing of this service."""
    ran = subprocess.run(
        [sys.executable, "-I", "-X", "utf8", "verify_draw.py", "result.json", "frozen.json"],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=SECONDS_TO_VERIFY, check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout + ran.stderr


def offer(journey: Journey) -> str:
    """Each family that was drawn is offered its seat, with a deadline; no answer is a no."""
    journey.zone_office.post(f"{_of_staff(journey)}/offer").expect(200)
    given = ((journey.resettled, "programme"), (journey.hopeful, "programme"), (journey.patient, "other_programme"))
    offers = [_live_offer(journey, family, programme) for family, programme in given]
    for family, one in ((journey.resettled, offers[0]), (journey.patient, offers[2])):
        family.phone.post(f"/v1/enrolments/{family.enrolment}/accept", {"offer_id": one["id"]}).expect(200)
    return f"三家收到学位，{clock(offers[0]['answer_by'])} 前回答；两家接受了"


def _choice(journey: Journey, family: Household, programme: str) -> dict[str, Any]:
    """Return how a family stands with a programme that it has ranked."""
    shown = family.phone.get(f"/v1/enrolments/{family.enrolment}/queues").expect(200)
    return next(dict(one) for one in shown["choices"] if one["programme_id"] == journey.ids[programme])


def _live_offer(journey: Journey, family: Household, programme: str) -> dict[str, Any]:
    choice = _choice(journey, family, programme)
    check(choice["offer"] is not None and choice["offer"]["status"] == "live", "an offer", choice)
    return dict(choice["offer"])


def see_the_order(journey: Journey) -> str:
    """Who has the second wish sees the place in the queues for the first one, and why."""
    choice = _choice(journey, journey.patient, "programme")
    places = [queue["place"] for queue in choice["queues"]]
    check(1 in places, "the first place in a queue", choice)
    why = "".join(queue["why"] for queue in choice["queues"])
    return f"{journey.patient.parent.name}看到第一志愿的排队：{choice['why']}{why}"


def move_up(journey: Journey) -> str:
    """One family declines; in the same moment the seat goes to the next by the same order."""
    declining, family = journey.hopeful, journey.patient
    path, body = f"/v1/enrolments/{declining.enrolment}/decline", _live_offer(journey, declining, "programme")["id"]
    declining.phone.post(path, {"offer_id": body}).expect(200)
    body = _live_offer(journey, family, "programme")["id"]
    family.phone.post(f"/v1/enrolments/{family.enrolment}/accept", {"offer_id": body}).expect(200)
    left = _choice(journey, family, "other_programme")
    check(left["offer"]["status"] == "exchanged", "the old seat given back", left)
    body = _live_offer(journey, declining, "other_programme")["id"]
    declining.phone.post(path, {"offer_id": body}).expect(200)
    return (
        f"{declining.parent.name}放弃，学位马上给下一家；{family.parent.name}换到第一志愿，让出的学位又问"
        f"{declining.parent.name}，也不要"
    )


def start(journey: Journey) -> str:
    """Agreement, health check and vaccination are handed in; then the head of the nursery confirms the first day."""
    family = journey.patient
    places = family.phone.get(f"/v1/people/{family.child_id}/nursery-places").expect(200)["items"]
    (planned,) = [place for place in places if place["status"] == "planned"]
    path = f"/v1/staff/nursery-places/{planned['id']}"
    confirm = {"class_id": journey.ids["class"], "starts_on": planned["starts_on"]}
    refusal = journey.nursery_head.post(f"{path}/confirm", confirm).expect(409, "nursery_papers_missing")
    today = datetime.now(LOCAL).date().isoformat()
    papers = {"agreement_on": today, "health_check_on": today, "vaccination_on": today}
    journey.nursery_head.put(f"{path}/papers", papers).expect(200)
    confirmed = journey.nursery_head.post(f"{path}/confirm", confirm).expect(200)
    check(confirmed["status"] == "confirmed", "confirmed", confirmed)
    return f"{refusal['detail']}材料齐了，{family.child.name} {confirmed['starts_on']} 入托"


def count(journey: Journey) -> str:
    """The zone's office sees what became of the round, and downloads what is filed with the authority."""
    figures = journey.zone_office.get(f"{_of_staff(journey)}/figures").expect(200)
    check(figures["seats"] == {"seats": 3, "offered": 0, "taken": 2, "empty": 1}, "two seats taken", figures["seats"])
    report = journey.zone_office.download(f"{_of_staff(journey)}/report")
    check(report.startswith(b"PK"), "a workbook", report[:20])
    return (
        f"{figures['applications']['handed_in']} 份申请，{figures['seats']['taken']} 个学位已接受，"
        f"{figures['seats']['empty']} 个空余；报备表 {len(report)} 字节"
    )


def end(journey: Journey) -> str:
    """The round ends, and the demo's staff go home."""
    journey.zone_office.post(f"{_of_staff(journey)}/end").expect(200)
    for account in journey.staff_accounts:
        journey.admin.post(f"/v1/staff/accounts/{account}/suspend").expect(200)
    journey.admin.delete("/v1/sessions/current").expect(204)
    return "招生结束，演示账号停用"


STEPS = (
    freeze,
    draw,
    publish,
    verify,
    offer,
    see_the_order,
    move_up,
    start,
    count,
    end,
)
