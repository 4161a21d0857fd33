"""The pass: genuine without a network, refused in words once it is not good, and never a server error."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refusal
from domain.identifiers import new_id
from domain.passes import SIGNATURE_BYTES, Pass, PassKeys
from domain.vocabulary import Role
from handlers.passes import PASS_KEYS, draw
from handlers.request import CLOCK
from tests import make
from tests.booking_world import GENEROUS, post
from tests.conftest import key

DOCS = Path(__file__).parents[1] / "docs" / "passes.md"
KEYS = PassKeys({"p1": key("pass")}, "p1")


@pytest.fixture
async def visit(client, conn, app):
    return await Visit().build(client, conn, app)


class Visit:
    """A booking of today by a resident, and the clerk at its provider."""

    async def build(self, client, conn, app, minutes=120):
        self.client, self.conn, self.app = client, conn, app
        self.provider_id = await make.provider(conn)
        self.service_id = await make.service(conn, provider_id=self.provider_id)
        self.policy_id = await make.policy(conn, service_id=self.service_id, **GENEROUS)
        self.number = make.id_number()
        self.resident = await make.resident(conn, app, number=self.number)
        self.booking_id = await self.book(minutes)
        await self.sign_in()
        return self

    async def book(self, minutes, **of_slot):
        slot_id = await make.slot(
            self.conn,
            self.service_id,
            policy_id=self.policy_id,
            starts_at=self.app[CLOCK]() + timedelta(minutes=minutes),
            release_at=self.app[CLOCK]() - timedelta(days=1),
            **of_slot,
        )
        return await make.booking(self.conn, slot_id, self.resident)

    async def sign_in(self):
        self.clerk = await make.staff(self.conn, self.app, Role.CLERK, provider_id=self.provider_id)
        token = await make.session(self.conn, self.app, self.resident.account_id, [Role.RESIDENT])
        self.resident = make.Resident(self.resident.account_id, self.resident.person_id, token)

    async def later(self, **delta):
        self.app[CLOCK].move(**delta)
        await self.sign_in()

    async def get(self, path, who):
        async with self.client.get(path, headers=who.headers) as response:
            return response.status, await response.json()

    async def open_pass(self):
        status, body = await self.get(f"/v1/bookings/{self.booking_id}/pass", self.resident)
        assert status == 200, body
        return body

    async def show(self, text, **more):
        body = {"provider_id": str(self.provider_id), "pass": text, **more}
        return await post(self.client, "/v1/staff/check-ins", self.clerk, body)


async def test_a_pass_says_nothing_of_the_person_and_is_drawn(visit):
    shown = await visit.open_pass()
    raw = base64.b32decode(shown["pass"] + "=" * (-len(shown["pass"]) % 8))
    assert visit.resident.person_id.bytes not in raw
    assert "person" not in str(shown)
    assert len(raw) == 112
    assert re.fullmatch(r"[A-Z2-7]{180}", shown["pass"])
    assert shown["qr_svg"].startswith("<svg")
    assert shown["qr_png"].startswith("data:image/png;base64,")
    assert "二维码" in shown["detail"]


async def test_a_pass_checks_in_and_a_second_showing_changes_nothing(visit):
    text = (await visit.open_pass())["pass"]
    for shown in (text, text.lower(), f" {text[:90]}\n{text[90:]} "):
        answer = await visit.show(shown)
        assert (answer.status, answer.body["status"], answer.body["queue_number"]) == (200, "checked_in", 1)
        assert answer.body["id"] == str(visit.booking_id)


async def test_it_is_good_for_the_policys_hours_and_not_long_after_the_slot(visit, conn, clock):
    expires = datetime.fromisoformat((await visit.open_pass())["expires_at"])
    assert expires == clock.now + timedelta(minutes=120 + 30 + 120), "two hours after the end, as who has not come"
    visit.booking_id = await visit.book(3 * 24 * 60)
    shown = await visit.open_pass()
    assert datetime.fromisoformat(shown["expires_at"]) == clock.now + timedelta(hours=24)
    assert shown["title"] == "出门前请再打开一次"
    await conn.execute("update policy set pass_hours = 100")
    shown = await visit.open_pass()
    assert datetime.fromisoformat(shown["expires_at"]) == clock.now + timedelta(hours=72, minutes=30 + 120)


async def test_an_expired_pass_is_refused_and_a_new_one_is_opened(visit, conn):
    await conn.execute("update policy set pass_hours = 1")
    text = (await visit.open_pass())["pass"]
    await visit.later(hours=1)
    refused = await visit.show(text)
    assert (refused.status, refused.code) == (409, "pass_expired")
    assert (await visit.show((await visit.open_pass())["pass"])).status == 200


async def test_a_pass_that_was_scanned_without_a_network_is_handed_in_later(visit, conn, clock):
    await conn.execute("update policy set pass_hours = 1, late_minutes = 5")
    await visit.later(minutes=110)
    text = (await visit.open_pass())["pass"]
    scanned_at = clock.now
    await visit.later(minutes=100)
    assert (await visit.show(text)).code == "pass_expired"
    answer = await visit.show(text, scanned_at=scanned_at.isoformat())
    assert (answer.status, answer.body["status"]) == (200, "checked_in")
    ticket = await conn.fetchrow("select late, checked_in_at from queue_ticket")
    assert (ticket["late"], ticket["checked_in_at"]) == (False, scanned_at)
    facts = await conn.fetchval("select facts from audit where action = 'bookings.checked_in'")
    assert facts["came_at"] == scanned_at.isoformat()


@pytest.mark.parametrize("delta", [timedelta(minutes=3), -timedelta(hours=25)])
async def test_the_time_of_a_scan_is_neither_ahead_nor_old(visit, clock, delta):
    text = (await visit.open_pass())["pass"]
    answer = await visit.show(text, scanned_at=(clock.now + delta).isoformat())
    assert (answer.status, answer.code) == (400, "scan_not_now")


@pytest.mark.parametrize("status", ["cancelled", "moved", "no_show"])
async def test_the_pass_of_a_booking_that_is_no_more_is_refused(visit, conn, status):
    text = (await visit.open_pass())["pass"]
    await conn.execute("update booking set status = $1", status)
    refused = await visit.show(text)
    assert (refused.status, refused.code, refused.body["booking_status"]) == (409, "pass_no_longer_good", status)
    _, again = await visit.get(f"/v1/bookings/{visit.booking_id}/pass", visit.resident)
    assert again["code"] == "booking_in_other_status"


async def test_no_pass_is_given_once_nobody_may_come_any_more(visit):
    await visit.later(minutes=120 + 30 + 120)
    status, refused = await visit.get(f"/v1/bookings/{visit.booking_id}/pass", visit.resident)
    assert (status, refused["code"]) == (409, "pass_too_late")


async def test_a_pass_of_another_place_names_that_place(visit, conn, app):
    text = (await visit.open_pass())["pass"]
    visit.provider_id = await make.provider(conn)
    visit.clerk = await make.staff(conn, app, Role.CLERK, provider_id=visit.provider_id)
    refused = await visit.show(text)
    assert (refused.status, refused.code) == (409, "pass_other_provider")
    assert "测试医院" in refused.body["detail"]


async def test_a_forged_pass_is_refused(visit, clock):
    raw = base64.b32decode((await visit.open_pass())["pass"] + "====")
    forger = PassKeys({"p1": key("forged")}, "p1")
    unknown = PassKeys({"p9": key("pass")}, "p9")
    wanted = Pass(visit.booking_id, visit.service_id, clock.now, clock.now + timedelta(days=1), 1)
    longer = raw[:-SIGNATURE_BYTES].replace(b"p1", b"p1", 1)
    changed = bytearray(raw)
    changed[-SIGNATURE_BYTES - 5] ^= 1
    for text in (
        forger.write(wanted),
        unknown.write(wanted),
        base64.b32encode(bytes(changed)).decode().rstrip("="),
        base64.b32encode(longer + bytes(64)).decode().rstrip("="),
        KEYS.write(Pass(new_id(), visit.service_id, clock.now, clock.now + timedelta(days=1), 1)),
    ):
        refused = await visit.show(text)
        assert (refused.status, refused.code) == (409, "pass_forged")


async def test_earlier_keys_still_verify_and_the_last_signs(visit, app):
    text = (await visit.open_pass())["pass"]
    app._state[PASS_KEYS] = PassKeys({"p1": key("pass"), "p2": key("newer")}, "p2")
    status, listed = await visit.get("/v1/staff/pass-keys", visit.clerk)
    assert status == 200
    assert [(item["id"], item["current"]) for item in listed["items"]] == [("p1", False), ("p2", True)]
    assert (await visit.show(text)).status == 200
    newer = (await visit.open_pass())["pass"]
    assert base64.b32decode(newer[:8])[2:4] == b"p2"
    assert (await visit.show(newer)).status == 200


GARBAGE = ["", " ", "A", "A" * 8, "二维码", "1" * 40, "A" * 400, "A" * 401, "AEBA" * 45, "\u0000", "=" * 16, "💊"]


@pytest.mark.parametrize("text", GARBAGE)
async def test_garbage_is_refused_in_words(visit, text):
    refused = await visit.show(text)
    assert refused.status in (400, 409)
    assert refused.code in {"invalid_input", "pass_unreadable", "pass_forged", "text_not_storable"}


@given(st.one_of(st.text(max_size=300), st.binary(max_size=200).map(lambda raw: base64.b32encode(raw).decode())))
def test_no_text_does_more_than_be_refused(text):
    with pytest.raises(Refusal):
        KEYS.read(text)


@given(st.integers(0, 111), st.integers(1, 255))
def test_whatever_byte_is_changed_the_pass_is_none(place, change):
    moment = datetime(2026, 11, 23, 8, tzinfo=UTC)
    text = KEYS.write(Pass(new_id(), new_id(), moment, moment, 3))
    raw = bytearray(base64.b32decode(text + "===="))
    raw[place] ^= change
    with pytest.raises(Refusal):
        KEYS.read(base64.b32encode(bytes(raw)).decode().rstrip("="))


@given(st.uuids(), st.uuids(), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_what_is_written_is_read(booking_id, service_id, starts_at, expires_at, number):
    starts_at, expires_at = (datetime.fromtimestamp(each, UTC) for each in (starts_at, expires_at))
    wanted = Pass(booking_id, service_id, starts_at, expires_at, number)
    assert KEYS.read(KEYS.write(wanted)) == wanted


def test_a_long_key_id_still_makes_a_code():
    keys = PassKeys({"k" * 32: key("pass")}, "k" * 32)
    moment = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert draw(keys.write(Pass(new_id(), new_id(), moment, moment, 3)))["qr_svg"]


ALONE = """
import runpy, socket, sys
def none(*_args, **_options): raise AssertionError("asked the network")
socket.socket = socket.create_connection = socket.getaddrinfo = none
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def checked(folder, keys, text, *services):
    """Run the very program of the documentation, in a process of its own that has neither network nor server."""
    (program,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert program.count("\n") <= 25
    (folder / "check_pass.py").write_text(program, encoding="utf-8")
    (folder / "pass-keys.json").write_text(json.dumps(keys), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE, "check_pass.py", "pass-keys.json", *services],
        cwd=folder,
        env={},
        input=text.encode(),
        capture_output=True,
        check=False,
    )
    return ended.returncode, (ended.stdout + ended.stderr).decode().strip()


async def test_the_program_of_the_documentation_checks_passes_alone(client, conn, app, clock, tmp_path):
    clock.now = datetime.now(UTC)
    visit = await Visit().build(client, conn, app, minutes=30)
    text = (await visit.open_pass())["pass"]
    _, keys = await visit.get("/v1/staff/pass-keys", visit.clerk)
    good = checked(tmp_path, keys, f"{text.lower()}\n", str(visit.service_id))
    assert (good[0], str(visit.booking_id) in good[1]) == (0, True)
    assert good[1].startswith("number 1, 20")
    assert checked(tmp_path, keys, text, str(new_id())) == (1, "for another clinic")
    past = clock.now - timedelta(minutes=1)
    expired = KEYS.write(Pass(visit.booking_id, visit.service_id, past, past, 1))
    assert checked(tmp_path, keys, expired) == (1, "expired: have it opened again on the phone")
    forged = PassKeys({"p1": key("forged")}, "p1").write(Pass(visit.booking_id, visit.service_id, past, past, 1))
    for wrong in (
        forged,
        text[:-8],
        "",
        "A",
        "AAAA",
        "二维码",
        text[:20] + ("A" if text[20] != "A" else "B") + text[21:],
    ):
        assert checked(tmp_path, keys, wrong) == (1, "not a pass of ours")


async def test_an_id_number_checks_in_and_among_several_the_desk_chooses(visit, conn):
    body = {"provider_id": str(visit.provider_id), "id_number": visit.number}

    async def check_in():
        return await post(visit.client, "/v1/staff/check-ins", visit.clerk, body)

    second = await visit.book(180)
    several = await check_in()
    assert (several.status, several.code) == (409, "bookings_several")
    assert [each["id"] for each in several.body["bookings"]] == [str(visit.booking_id), str(second)]
    assert {"starts_at", "service_name", "resource", "status"} <= set(several.body["bookings"][0])
    chosen = await post(visit.client, f"/v1/staff/bookings/{second}/check-in", visit.clerk)
    assert chosen.body["queue_number"] == 1
    await conn.execute("update booking set status = 'cancelled' where id = $1", second)
    assert [(await check_in()).body["status"] for _ in range(2)] == ["checked_in"] * 2
    await conn.execute("update booking set status = 'completed'")
    nothing = await check_in()
    assert (nothing.status, nothing.code) == (404, "no_booking_today")
    facts = await conn.fetch("select facts from audit where action = 'bookings.searched' order by at, seq")
    assert [row["facts"]["found"] for row in facts] == [2, 0]
    assert visit.number not in str(facts)


@pytest.mark.parametrize(
    ("given_body", "field"),
    [
        ({}, "_schema"),
        ({"code": "123456", "pass": "A"}, "_schema"),
        ({"code": "123456", "scanned_at": "2026-11-23T08:00:00+08:00"}, "scanned_at"),
        ({"code": "12345"}, "code"),
        ({"pass": 5}, "pass"),
        ({"pass": "A" * 401}, "pass"),
    ],
)
async def test_a_check_in_is_by_one_way_only(visit, given_body, field):
    body = {"provider_id": str(visit.provider_id), **given_body}
    refused = await post(visit.client, "/v1/staff/check-ins", visit.clerk, body)
    assert (refused.status, refused.code) == (400, "invalid_input")
    assert field in refused.body["errors"]


async def test_a_wrong_id_number_is_told(visit):
    body = {"provider_id": str(visit.provider_id), "id_number": "999999199001010017"}
    refused = await post(visit.client, "/v1/staff/check-ins", visit.clerk, body)
    assert (refused.status, refused.code) == (400, "id_number_check_digit")
