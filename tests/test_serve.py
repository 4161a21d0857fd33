"""The service as a process: how it starts, what it says, how it stops, and what becomes of work under way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
from dataclasses import replace
from datetime import date, timedelta

import aiohttp
import asyncpg
import pytest

from server import serve
from server.app import build_app, system_clock
from server.config import SettingError
from server.connection import Runner
from tests import make
from tests.command_line import environment, run_here
from tests.running import hold_port, is_running
from tests.visitors import consents
from tests.wire import Wire

ACKNOWLEDGED_BEFORE_THE_END = 25
NEVER_ENDING = (
    b"POST /v1/sessions/refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
)


async def code_of(web, url):
    async with web.get(url) as response:
        answer = await response.json()
        return response.status, answer.get("code", answer.get("status"))


async def until_waiting(session, served, wanted):
    """Wait until so many bookings wait for a transaction."""
    async with asyncio.timeout(60):
        waiting = -1.0
        while waiting != wanted:
            await asyncio.sleep(0.1)
            async with session.get(f"http://127.0.0.1:{served.metrics_port}/metrics") as response:
                (said,) = re.findall(
                    r'^xiaotuo_group_commit_waiting\{group="book"\} ([0-9.]+)$', await response.text(), re.MULTILINE
                )
            waiting = float(said)


async def until_held_up(conn, wanted):
    """Wait until so many transactions of this database wait for a lock."""
    async with asyncio.timeout(60):
        held_up = -1
        while held_up != wanted:
            await asyncio.sleep(0.05)
            held_up = await conn.fetchval(
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            )


async def test_bookings_under_way_are_finished_and_answered_when_told_to_stop(served, conn, database, parts):
    """Let somebody hold the slot, so that all requests are under way when the process is told to stop."""
    starts_at = system_clock().replace(microsecond=0) + timedelta(days=2)
    slot_id = await make.slot(conn, starts_at=starts_at, public=1000)
    residents = [await make.resident(conn, parts) for _ in range(100)]
    idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", served.port)
    idle_writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    await idle_reader.readuntil(b"}")
    holder = await asyncpg.connect(database)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def book(resident):
            body = {"slot_id": str(slot_id), "person_id": str(resident.person_id)}
            headers = {**resident.headers, **make.key()}
            async with session.post(f"{served.url}/v1/bookings", json=body, headers=headers) as response:
                return response.status, (await response.json())["id"]

        async with holder.transaction():
            await holder.execute("select from slot_pool where slot_id = $1 for update", slot_id)
            under_way = []
            for resident in residents[:2]:  # each of the two drainers has one, so that all others wait
                under_way.append(asyncio.create_task(book(resident)))
                await until_held_up(conn, len(under_way))
            under_way += [asyncio.create_task(book(resident)) for resident in residents[2:]]
            await until_waiting(session, served, len(residents) - 2)
            served.process.terminate()
            await asyncio.sleep(0.3)
            assert await idle_reader.read() == b""
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", served.port)
        answers = await asyncio.gather(*under_way)
    await holder.close()
    idle_writer.close()
    assert await served.ended(10) == 0
    assert {status for status, _ in answers} == {201}
    stored = {str(row["id"]) for row in await conn.fetch("select id from booking where status = 'booked'")}
    assert {booking_id for _, booking_id in answers} == stored
    pool = await conn.fetchrow("select * from slot_pool where slot_id = $1 and channel = 'public'", slot_id)
    assert pool["taken"] == pool["issued"] == len(stored) == len(residents)
    assert await conn.fetchval("select count(*) from audit where action = 'bookings.booked'") == len(stored)
    assert "Traceback" not in served.said


async def test_what_was_acknowledged_before_a_stop_in_full_flow_is_there(served, conn, parts):
    starts_at = system_clock().replace(microsecond=0) + timedelta(days=2)
    slot_id = await make.slot(conn, starts_at=starts_at, public=1000)
    residents = [await make.resident(conn, parts) for _ in range(200)]
    acknowledged, enough = set(), asyncio.Event()

    async def book(session, resident):
        body = {"slot_id": str(slot_id), "person_id": str(resident.person_id)}
        headers = {**resident.headers, **make.key()}
        with contextlib.suppress(aiohttp.ClientError):
            async with session.post(f"{served.url}/v1/bookings", json=body, headers=headers) as response:
                assert response.status == 201
                acknowledged.add((await response.json())["id"])
        if len(acknowledged) >= ACKNOWLEDGED_BEFORE_THE_END:
            enough.set()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20)) as session:
        flow = [asyncio.create_task(book(session, resident)) for resident in residents]
        await enough.wait()
        served.process.terminate()
        await asyncio.gather(*flow)
    assert await served.ended(10) == 0
    stored = {str(row["id"]) for row in await conn.fetch("select id from booking where status = 'booked'")}
    assert ACKNOWLEDGED_BEFORE_THE_END <= len(acknowledged) < len(residents)
    assert acknowledged == stored
    pool = await conn.fetchrow("select * from slot_pool where slot_id = $1 and channel = 'public'", slot_id)
    assert pool["taken"] == pool["issued"] == len(stored)


async def test_what_hangs_does_not_hold_the_end(settings, monkeypatch):
    """Stop with a body on its way that never comes, by the cut lifeline of a process in a group."""
    for name, value in (("STOP_SECONDS", 0.2), ("spare_the_collector", lambda: None)):
        monkeypatch.setattr(serve, name, value)
    ours, parents = os.pipe()
    listeners, serving = serve.listen(settings), asyncio.Event()
    running = asyncio.create_task(serve.serve(settings, listeners, lambda _address: serving.set(), lifeline=ours))
    await serving.wait()
    reader, writer = await asyncio.open_connection(*listeners.main.getsockname())
    writer.write(NEVER_ENDING)
    await asyncio.sleep(0.1)
    os.close(parents)
    await asyncio.wait_for(running, 5)
    assert await reader.read() == b""
    writer.close()
    os.close(ours)


async def test_the_end_comes_even_where_closing_hangs(settings, monkeypatch, capsys):
    async def never(_runner):
        await asyncio.sleep(3600)

    monkeypatch.setattr(serve, "STOP_LIMIT_SECONDS", 0.2)
    monkeypatch.setattr(Runner, "cleanup", never)
    await asyncio.wait_for(serve.end(Runner(build_app(settings))), 5)
    assert "stopped before everything was closed" in capsys.readouterr().out


async def test_figures_have_a_port_of_their_own(served, web):
    async with web.get(f"http://127.0.0.1:{served.metrics_port}/metrics") as response:
        assert response.status == 200
        assert "xiaotuo_answers_total" in await response.text()
    assert await code_of(web, f"{served.url}/metrics") == (404, "not_found")
    async with web.get(f"http://127.0.0.1:{served.metrics_port}/v1/areas") as response:
        assert response.status == 404


async def test_it_is_ready_only_while_the_database_is(start, conn, web, database):
    async with Wire(database) as wire:
        served = await start(DATABASE_URL=wire.dsn)
        await served.says("Serving")
        ready = f"{served.url}/readyz"
        assert await code_of(web, ready) == (200, "ready")
        forgotten = await conn.fetchrow("delete from migration where name = '0003_booking' returning *")
        assert await code_of(web, ready) == (503, "not_migrated")
        await conn.execute("insert into migration select ($1::migration).*", forgotten)
        assert await code_of(web, ready) == (200, "ready")
        wire.down = True
        wire.cut_all()
        assert await code_of(web, ready) == (503, "database_unavailable")
        assert await code_of(web, f"{served.url}/healthz") == (200, "ok")
        wire.down = False
        assert await code_of(web, ready) == (200, "ready")
        served.process.terminate()
        assert await served.ended() == 0


async def test_processes_share_a_port_and_one_that_dies_is_started_anew(start, web, outside, stack):
    metrics_port = hold_port_pair(stack)
    parent = await start(PROCESSES="2", WECHAT_URL=outside.wechat_url, METRICS_PORT=str(metrics_port))
    await parent.says("Serving", times=2)
    first = parent.children()
    assert len(first) == 2
    for port in (metrics_port, metrics_port + 1):
        async with web.get(f"http://127.0.0.1:{port}/metrics") as response:
            assert response.status == 200
    os.kill(first[0], signal.SIGKILL)
    for _ in range(20):
        assert await code_of(web, f"{parent.url}/healthz") == (200, "ok")
    await parent.says("Serving", times=3)
    assert "process ended, starting it anew" in parent.said
    assert len(parent.children()) == 2
    assert first[1] in parent.children()
    parent.process.terminate()
    assert await parent.ended() == 0
    assert not any(is_running(pid) for pid in first)


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


def hold_port_pair(stack):
    """Return a port whose neighbour is free as well."""
    while True:
        port = hold_port(stack)
        with contextlib.suppress(OSError):
            hold_port(stack, port + 1)
            return port


async def test_processes_end_with_their_parent_however_it_ends(start, outside):
    parent = await start(PROCESSES="2", WECHAT_URL=outside.wechat_url, METRICS_PORT="0")
    await parent.says("Serving", times=2)
    children = parent.children()
    parent.process.kill()
    await parent.ended()
    for _ in range(400):
        if not any(is_running(pid) for pid in children):
            break
        await asyncio.sleep(0.05)
    assert not any(is_running(pid) for pid in children)


BAD_SETTINGS = [
    ("HOST", "no-such-host.invalid"),
    ("WECHAT_URL", "nonsense"),
    ("SMS_URL", "ftp://somewhere"),
    ("DATABASE_URL", "nonsense"),
    ("DATABASE_URL", "postgresql://127.0.0.1:1/nothing"),
    ("DATABASE_URL", None),
    ("PROCESSES", "2"),
]
BAD_WHERE_IT_SERVES = [("FILES_URL", "nonsense"), ("THROTTLE_URL", "nonsense")]


@pytest.mark.parametrize(("name", "value"), BAD_SETTINGS)
def test_a_bad_setting_is_told_in_one_sentence(database, tmp_path, name, value):
    ended = run_here(("serve",), environment(database, tmp_path, **{"PORT": "0", "METRICS_PORT": "0", name: value}))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.fullmatch(r"[^\n]+\.\n", ended.stderr), ended.stderr
    assert name in ended.stderr


@pytest.mark.parametrize(("name", "value"), [*BAD_WHERE_IT_SERVES, ("ENVIRONMENT", "production")])
async def test_a_bad_setting_stops_the_start_with_one_sentence(start, name, value):
    process = await start(**{name: value})
    assert await process.ended() == 1
    assert re.fullmatch(r"[^\n]+\.\n", process.said), process.said
    assert ("WECHAT_APPID" if value == "production" else name) in process.said


@pytest.mark.parametrize(("name", "processes"), [("PORT", "1"), ("PORT", "2"), ("METRICS_PORT", "1")])
def test_a_taken_port_is_named(database, tmp_path, name, processes):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        settings = {"PORT": "0", "METRICS_PORT": "0", "PROCESSES": processes, "WECHAT_URL": "http://127.0.0.1:9"}
        ended = run_here(("serve",), environment(database, tmp_path, **settings | {name: port}))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"{name} {port} cannot be listened on at HOST 127.0.0.1: "
        f"another program, perhaps this one, has it; stop that or set {name}.\n"
    )


async def test_two_that_start_at_once_do_not_both_get_the_port(settings):
    first = serve.listen(settings)
    port = first.main.getsockname()[1]
    with pytest.raises(SettingError, match=f"PORT {port}"):
        serve.listen(replace(settings, port=port))
    with pytest.raises(SettingError, match=f"METRICS_PORT {port}"):
        serve.listen(replace(settings, metrics_port=port))
    first.main.close()


async def test_an_unexpected_error_is_told_by_its_number_and_logged_without_its_text(served, conn, web):
    await conn.execute("alter table provider rename column summary to summary_of_somebody_private")
    async with web.get(f"{served.url}/v1/providers", headers={"Accept-Language": "en"}) as response:
        assert response.status == 500
        problem = await response.json()
        request_id = response.headers["X-Request-Id"]
    assert problem["code"] == "internal_error"
    assert problem["request_id"] == request_id
    assert request_id in problem["detail"]
    assert "summary" not in str(problem)
    served.process.terminate()
    await served.ended()
    (logged,) = [line for line in served.lines if "unexpected error" in line]
    assert request_id in logged
    assert "UndefinedColumnError" in logged
    assert "catalogue.py" in logged
    assert "somebody_private" not in served.said
    assert "does not exist" not in served.said


NAME, NUMBER, PHONE = "诺敏其其格", "99999919900517", "13987650001"
USER = "wechat-user-of-nomin"


async def test_no_personal_data_is_logged_whatever_happens(served, web, tmp_path):
    """Walk through registration, a family member, mistakes and refusals; then look for all of it in all output."""
    secrets = [NAME, NUMBER, PHONE, USER, "openid", "Nomin"]

    async def call(method, path, body=None, token=None, **more):
        headers = {**make.key(), **more.pop("headers", {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        async with web.request(method, served.url + path, json=body, headers=headers, **more) as response:
            raw = await response.read()
            return response.status, await response.json(content_type=None) if raw.startswith(b"{") else raw

    _, code = await call("POST", "/sandbox/wechat/codes", {"user": USER})
    status, session = await call("POST", "/v1/sessions/wechat", {"code": code["code"]})
    assert status == 200, session
    token = session["access_token"]
    secrets += [code["code"], token, token.split(".")[2], session["refresh_token"]]
    _, phone_code = await call("POST", "/sandbox/wechat/phone-codes", {"user": USER, "phone": PHONE})
    secrets.append(phone_code["code"])
    number = make.id_number(date(1990, 5, 17))
    secrets.append(number)
    form = {"name": NAME, "id_number": number, "phone_code": phone_code["code"], "consents": consents()}
    status, me = await call("PUT", "/v1/me/registration", form, token)
    assert status == 200, me
    status, added = await call(
        "POST",
        "/v1/people",
        {
            "name": NAME,
            "id_number": make.id_number(date(1950, 5, 17)),
            "relation": "parent",
            "consents": consents(),
        },
        token,
    )
    assert status == 201, added
    assert (await call("GET", "/v1/me/export", None, token))[0] == 200
    assert (await call("GET", "/v1/me/id-number", None, token))[0] == 200
    refused = [
        await call("PUT", "/v1/me/registration", {**form, "name": NAME * 40}, token),
        await call("PUT", "/v1/me/registration", {**form, "id_number": NUMBER}, token),
        await call("PUT", "/v1/me/registration", {**form, NAME: PHONE}, token),
        await call("POST", "/v1/people", None, token, data=f'{{"name": "{NAME}", '.encode()),
        await call("POST", "/v1/people", None, token, data=NAME.encode(), headers={"Content-Type": "application/json"}),
        await call("GET", f"/v1/people/{NUMBER}?name={NAME}", None, token),
        await call("GET", f"/v1/providers?q={NAME}&q={PHONE}"),
        await call("GET", f"/{NAME}/{PHONE}"),
        await call("GET", "/v1/me", None, f"{token}{NAME}".encode().decode("latin-1")),
        await call("POST", "/v1/sessions/wechat", {"code": f"Nomin-{PHONE}"}),
        await call("POST", "/v1/sessions/refresh", {"refresh_token": f"Nomin-{PHONE}"}),
        await call("POST", "/v1/sessions/staff", {"login": "Nomin", "password": "Nomin" * 4, "otp": "123456"}),
    ]
    assert all(400 <= status < 500 for status, _ in refused), refused
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"GET /v1/people?name={NAME} HTTP/1.1\r\nX-Name: {NAME}\x00{PHONE}\r\n\r\n".encode())
    assert b" 400 " in await reader.readline()
    writer.close()
    assert (await call("DELETE", "/v1/me", None, token))[0] == 200
    served.process.terminate()
    assert await served.ended() == 0
    assert served.said.count('"event":"access"') > 15
    assert set(re.findall(r'"request_id":"([0-9a-f]{16})"', served.said))
    assert [secret for secret in secrets if secret in served.said] == []
    assert "Traceback" not in served.said
