"""Who takes part in the journey, the devices they hold, and what they have found out on the way."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from demo.client import Client, Unexpected
from demo.invent import Person, child, person, seconds_to_next_totp, totp

LOCAL = timezone(timedelta(hours=8))
HOSPITAL = "孪井滩示范区医院"
TEAM = "党建联盟志愿服务队"
"""The demo's own volunteers are a troop of it, made anew each time: no other run's volunteers are asked for help."""

VAR_DIR = Path(os.environ.get("VAR_DIR", "var"))


@dataclass
class Household:
    """A family that wants a place in a nursery, and what the service calls it."""

    parent: Person
    child: Person
    phone: Client = field(default_factory=Client)
    child_id: str = ""
    household_file: str = ""
    enrolment: str = ""
    public_id: str = ""


def household(parent: str, name: str, sex: str) -> Household:
    """Invent a family with a child of some two years and a half."""
    return Household(person(parent, "female", 1993), child(name, sex, 800, 1000))


@dataclass
class Journey:
    """Everybody is invented anew for each run, so that runs do not meet each other's limits."""

    daughter: Person = field(default_factory=lambda: person("沈月牙", "female", 1985))
    mother: Person = field(default_factory=lambda: person("李秀英", "female", 1950))
    father: Person = field(default_factory=lambda: person("孛儿只斤·孟克", "male", 1948))
    volunteer: Person = field(default_factory=lambda: person("那日苏", "male", 1996))
    caller: Person = field(default_factory=lambda: person("周沙柳", "female", 1944))

    early: Person = field(default_factory=lambda: person("贺早霞", "female", 1979))
    late: Person = field(default_factory=lambda: person("乌云其木格", "female", 1958))

    elder: Person = field(default_factory=lambda: person("额尔敦其其格", "female", 1941))
    son: Person = field(default_factory=lambda: person("巴特尔", "male", 1968))
    leader: Person = field(default_factory=lambda: person("高娃", "female", 1975))

    phone: Client = field(default_factory=Client)
    volunteer_phone: Client = field(default_factory=Client)
    office: Client = field(default_factory=Client)
    desk: Client = field(default_factory=Client)
    early_phone: Client = field(default_factory=Client)
    late_phone: Client = field(default_factory=Client)
    son_phone: Client = field(default_factory=Client)
    leader_phone: Client = field(default_factory=Client)
    hotline: Client = field(default_factory=Client)
    admin: Client = field(default_factory=Client)

    resettled: Household = field(default_factory=lambda: household("萨仁", "阿古达木", "male"))
    hopeful: Household = field(default_factory=lambda: household("李娜", "李一诺", "female"))
    patient: Household = field(default_factory=lambda: household("乌日娜", "苏日娜", "female"))
    refused: Household = field(default_factory=lambda: household("王芳", "王小川", "male"))
    zone_office: Client = field(default_factory=Client)
    second_office: Client = field(default_factory=Client)
    nursery_head: Client = field(default_factory=Client)

    consents: list[dict[str, str]] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    service: dict[str, Any] = field(default_factory=dict)
    slots: list[dict[str, Any]] = field(default_factory=list)
    booking: dict[str, Any] = field(default_factory=dict)
    released: datetime = field(default_factory=lambda: datetime.now(LOCAL))
    queue_number: int = 0
    queue_version: int = 0
    enrolment_consent: list[dict[str, str]] = field(default_factory=list)
    child_consents: list[dict[str, str]] = field(default_factory=list)
    round: dict[str, Any] = field(default_factory=dict)
    staff_accounts: list[str] = field(default_factory=list)
    seconds_to_prepare: float = 0
    frozen: bytes = b""
    booking_request: tuple[dict[str, Any], str] = field(default_factory=lambda: ({}, ""))


def clock(moment: str) -> str:
    """Return a moment of an answer as a person writes it."""
    return datetime.fromisoformat(moment).astimezone(LOCAL).strftime("%m月%d日 %H:%M")


def answers(service: dict[str, Any]) -> dict[str, Any]:
    """Answer the questions of a service that have to be answered, each by its kind."""
    return {
        question["key"]: {
            "boolean": True,
            "number": 1,
            "date": "2026-01-01",
            "text": "演示",
            "choice": (question.get("choices") or [None])[0],
        }[question["kind"]]
        for question in service["questions"]
        if question["required"]
    }


def sign_in_from_wechat(device: Client, who: Person) -> dict[str, Any]:
    """Do what the mini-program does: take a code from WeChat (here its sandbox) and send it."""
    code = device.post("/sandbox/wechat/codes", {"user": who.user}).expect(200)["code"]
    signed_in: dict[str, Any] = device.post("/v1/sessions/wechat", {"code": code}).expect(200)
    device.keep(signed_in)
    return signed_in


def register(device: Client, who: Person, consents: list[dict[str, str]]) -> dict[str, Any]:
    """Register by real name; the phone number comes from WeChat's button, not from typing."""
    phone_code = device.post("/sandbox/wechat/phone-codes", {"user": who.user, "phone": who.phone}).expect(200)["code"]
    body = {"name": who.name, "id_number": who.id_number, "phone_code": phone_code, "consents": consents}
    me: dict[str, Any] = device.put("/v1/me/registration", body).expect(200)
    return me


def sign_in_as_staff(device: Client, login: str) -> dict[str, Any]:
    """Sign in with the password of `demo.json` and the code an authenticator app shows."""
    file = VAR_DIR / "demo.json"
    try:
        staff = {one["login"]: one for one in json.loads(file.read_text(encoding="utf-8"))["staff"]}
    except OSError as error:
        raise Unexpected(f"demo staff in {file} (is VAR_DIR the server's?)", error) from None
    return sign_in_with(device, staff[login])


def sign_in_with(device: Client, account: dict[str, str]) -> dict[str, Any]:
    """Sign in with a password and a one-time code.

    A code works once. A second run within half a minute takes the next code, which the server accepts from
    clocks that are ahead; a third one waits for it.
    """
    for wait, ahead in ((False, 0), (False, 1), (True, 1)):
        if wait:
            time.sleep(seconds_to_next_totp())
        body = {name: account[name] for name in ("login", "password")} | {"otp": totp(account["otp_secret"], ahead)}
        reply = device.post("/v1/sessions/staff", body)
        if reply.status != 401:  # noqa: PLR2004
            break
    signed_in: dict[str, Any] = reply.expect(200)
    device.keep(signed_in)
    return signed_in
