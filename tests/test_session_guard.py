"""What ended or changed in one process is refused by all, whatever becomes of the listening connection."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from aiohttp.test_utils import TestClient, TestServer

import sql
from domain import sessions
from domain.callers import Caller
from domain.errors import Unauthorized
from domain.identifiers import new_id
from domain.vocabulary import Role
from handlers.request import POOL
from server import listener, session_guard
from server.app import build_app
from server.listener import APPLICATION_NAME, LISTENER, TRUSTED_SECONDS
from server.metrics import Metrics
from server.session_guard import KEPT_SECONDS, SESSION_GUARD, SessionGuard
from tests import make

END = "update session set ended_at = now(), end_reason = 'test' where account_id = $1 and ended_at is null"


@pytest.fixture
async def resident(conn, app, client):
    return await make.resident(conn, app)


async def status_of(client, headers):
    response = await client.get("/v1/sessions", headers=headers)
    return response.status, (await response.json()).get("code")


async def eventually(client, headers, expected):
    """Ask until the answer is as expected: a notification takes a millisecond or so."""
    for _ in range(200):
        if (answer := await status_of(client, headers)) == expected:
            return
        await asyncio.sleep(0.01)
    assert answer == expected


async def kill_listeners(conn, database):
    """End the connection of every guard as a restart of the database does, and wait until it is gone."""
    found = "from pg_stat_activity where application_name = $1 and datname = current_database()"
    for row in await conn.fetch(f"select pid, pg_terminate_backend(pid) {found}", APPLICATION_NAME):
        assert row["pg_terminate_backend"]


def forbid_asking(monkeypatch):
    def connection(_request):
        raise AssertionError("asked the database")

    monkeypatch.setattr(session_guard, "connection", connection)


async def test_a_session_ended_in_one_process_is_refused_by_the_other(client, second_client, resident, monkeypatch):
    forbid_asking(monkeypatch)
    assert (await status_of(second_client, resident.headers))[0] == 200
    response = await client.delete("/v1/sessions/current", headers=resident.headers)
    assert response.status == 204
    await eventually(second_client, resident.headers, (401, "session_ended"))


async def without_notifications(conn):
    """As if every notification came late."""
    await conn.execute("drop trigger session_announce on session; drop trigger account_announce on account")


async def test_an_end_in_this_process_bites_at_once_without_any_notification(client, resident, conn, monkeypatch):
    await without_notifications(conn)
    forbid_asking(monkeypatch)
    await client.delete("/v1/sessions/current", headers=resident.headers)
    assert await status_of(client, resident.headers) == (401, "session_ended")


async def test_so_does_the_end_of_a_family(client, outside, clock, conn, monkeypatch):
    await without_notifications(conn)
    forbid_asking(monkeypatch)
    code = await outside.code("甲")
    first = await (await client.post("/v1/sessions/wechat", json={"code": code})).json()
    presented = {"refresh_token": first["refresh_token"]}
    await client.post("/v1/sessions/refresh", json=presented)
    clock.move(seconds=11)
    await client.post("/v1/sessions/refresh", json=presented)
    headers = {"Authorization": f"Bearer {first['access_token']}"}
    assert await status_of(client, headers) == (401, "session_ended")


async def test_so_does_giving_way_to_newer_sessions(client, outside, conn, monkeypatch):
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 1)
    await without_notifications(conn)
    forbid_asking(monkeypatch)
    body = {"code": await outside.code("甲")}
    first = await (await client.post("/v1/sessions/wechat", json=body)).json()
    await client.post("/v1/sessions/wechat", json={"code": await outside.code("甲")})
    headers = {"Authorization": f"Bearer {first['access_token']}"}
    assert await status_of(client, headers) == (401, "session_ended")


async def test_whoever_ends_a_session_is_heard(client, resident, conn, monkeypatch):
    forbid_asking(monkeypatch)
    await conn.execute(END, resident.account_id)
    await eventually(client, resident.headers, (401, "session_ended"))


async def test_an_end_that_is_rolled_back_is_not_heard(client, resident, conn):
    transaction = conn.transaction()
    await transaction.start()
    await conn.execute(END, resident.account_id)
    await transaction.rollback()
    await asyncio.sleep(0.1)
    assert (await status_of(client, resident.headers))[0] == 200


@pytest.mark.parametrize("status", ["suspended", "deleted"])
async def test_tokens_of_an_account_that_is_no_longer_active_are_refused(client, resident, conn, monkeypatch, status):
    forbid_asking(monkeypatch)
    await conn.execute("update account set status = $2 where id = $1", resident.account_id, status)
    await eventually(client, resident.headers, (401, "token_outdated"))


async def test_a_token_of_the_new_version_passes(client, app, conn):
    staff = await make.staff(conn, app, Role.CLERK)
    await conn.execute("update staff_grant set role = 'manager' where account_id = $1", staff.account_id)
    await eventually(client, staff.headers, (401, "token_outdated"))
    token = await make.session(conn, app, staff.account_id, [Role.MANAGER])
    assert (await status_of(client, {"Authorization": f"Bearer {token}"}))[0] == 200


@pytest.mark.parametrize(
    "change",
    [
        "update staff_grant set role = 'auditor' where account_id = $1",
        "delete from staff_grant where account_id = $1",
        "insert into staff_grant (id, account_id, role, granted_at) values (gen_random_uuid(), $1, 'auditor', now())",
        "update account set status = 'suspended' where id = $1",
        "update account set version = version + 1 where id = $1",
    ],
)
async def test_every_change_of_a_staff_accounts_roles_raises_its_version(app, conn, client, change):
    staff = await make.staff(conn, app, Role.CLERK)
    version = "select version from account where id = $1"
    before = await conn.fetchval(version, staff.account_id)
    await conn.execute(change, staff.account_id)
    assert await conn.fetchval(version, staff.account_id) == before + 1


async def test_a_volunteers_approval_and_its_end_raise_the_version(resident, conn):
    version = "select version from account where id = $1"
    volunteer_id = await make.volunteer(conn, resident.account_id, status="applied")
    assert await conn.fetchval(version, resident.account_id) == 1
    for status, expected in (("approved", 2), ("suspended", 3), ("left", 3)):
        await conn.execute("update volunteer set status = $2 where id = $1", volunteer_id, status)
        assert await conn.fetchval(version, resident.account_id) == expected


async def test_a_version_never_falls(resident, conn):
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute("update account set version = 0 where id = $1", resident.account_id)


async def test_with_the_listener_killed_the_database_is_asked(client, app, resident, conn, database, monkeypatch):
    """The connection dies and cannot be made again: still nobody gets past."""
    guard = app[SESSION_GUARD]
    other = await make.resident(conn, app)
    monkeypatch.setattr(app[LISTENER], "_database_url", "postgresql://127.0.0.1:1/nowhere")
    await kill_listeners(conn, database)
    await conn.execute(END, resident.account_id)
    await conn.execute("update account set status = 'suspended' where id = $1", other.account_id)
    # From the very next request on: the loss of the connection is noticed before or with it.
    await eventually_distrusting(guard)
    assert await status_of(client, resident.headers) == (401, "session_ended")
    assert await status_of(client, other.headers) == (401, "token_outdated")
    third = await make.resident(conn, app)
    assert (await status_of(client, third.headers))[0] == 200


async def eventually_distrusting(guard):
    for _ in range(200):
        if guard._trusted_until == 0:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the loss of the connection was not noticed")


async def test_a_listener_that_reconnects_catches_up(client, app, resident, conn, database, monkeypatch):
    guard = app[SESSION_GUARD]
    staff = await make.staff(conn, app)
    url = app[LISTENER]._database_url
    monkeypatch.setattr(app[LISTENER], "_database_url", "postgresql://127.0.0.1:1/nowhere")
    await kill_listeners(conn, database)
    await eventually_distrusting(guard)
    # Nobody hears this.
    await conn.execute(END.replace("now()", "$2"), resident.account_id, guard._clock())
    await conn.execute("delete from staff_grant where account_id = $1", staff.account_id)
    monkeypatch.setattr(app[LISTENER], "_database_url", url)
    assert await guard.wait_until_listening(10)
    forbid_asking(monkeypatch)
    assert await status_of(client, resident.headers) == (401, "session_ended")
    assert await status_of(client, staff.headers) == (401, "token_outdated")


async def test_no_failure_to_connect_ends_the_listening(client, app, resident, conn, database, monkeypatch):
    guard = app[SESSION_GUARD]
    with monkeypatch.context() as failing:
        failing.setattr(asyncpg, "connect", odd_failure)
        failing.setattr(listener, "RECONNECT_SECONDS", 0.01)
        await kill_listeners(conn, database)
        await eventually_distrusting(guard)
        await asyncio.sleep(0.1)
    assert await guard.wait_until_listening(10)


async def odd_failure(*_, **__):
    raise asyncpg.TargetServerAttributeNotMatched("no primary just now")


async def test_a_process_that_starts_later_knows_what_ended_before(client, settings, clock, resident, monkeypatch):
    await client.delete("/v1/sessions/current", headers=resident.headers)
    forbid_asking(monkeypatch)
    async with TestClient(TestServer(build_app(settings, clock))) as later:
        assert await status_of(later, resident.headers) == (401, "session_ended")


async def test_a_silent_connection_is_not_trusted_for_long(client, app, resident, conn, monkeypatch):
    """The network swallows everything: no notification, no answer to a beat, and no end of the connection."""
    guard = app[SESSION_GUARD]
    await without_notifications(conn)
    monkeypatch.setattr(guard, "trust_until", lambda _: None)
    await conn.execute(END, resident.account_id)
    seconds = guard._seconds
    monkeypatch.setattr(guard, "_seconds", lambda: seconds() + TRUSTED_SECONDS)
    assert await status_of(client, resident.headers) == (401, "session_ended")


def lone_guard(clock, **options):
    guard = SessionGuard(clock, Metrics(), **options)
    guard.trust_until(guard._seconds() + 1000)
    return guard


def caller(session_id=None, account_id=None, version=1):
    return Caller(account_id or new_id(), session_id or new_id(), frozenset(), version)


async def test_what_no_token_lives_for_is_forgotten(clock):
    guard = lone_guard(clock)
    first, second, account = new_id(), new_id(), new_id()
    guard.session_ended(first)
    guard.version_raised(account, 2)
    clock.move(seconds=KEPT_SECONDS - 1)
    with pytest.raises(Unauthorized, match="session_ended"):
        await guard.require_live(None, caller(session_id=first))
    guard.version_raised(account, 3)
    clock.move(seconds=1)
    guard.session_ended(second)
    assert list(guard._ended) == [second]
    assert guard._versions[account][0] == 3
    clock.move(seconds=KEPT_SECONDS)
    guard._forget(clock.now.timestamp())
    assert not guard._ended
    assert not guard._versions
    assert not guard._order


async def test_a_full_map_trusts_nothing_until_the_overflow_is_over(clock, monkeypatch):
    guard = lone_guard(clock, most_known=3)
    for _ in range(3):
        guard.session_ended(new_id())
    lost = new_id()
    guard.session_ended(lost)
    assert len(guard._ended) == 3
    asked: list[bool] = []
    monkeypatch.setattr(session_guard, "connection", lambda _: asking(asked))
    monkeypatch.setattr(sql.queries("sessions"), "state", ended_state)
    with pytest.raises(Unauthorized, match="session_ended"):
        await guard.require_live(None, caller(session_id=lost))
    assert asked == [True]
    # A beat does not restore the trust before the last token that was lost sight of has expired.
    guard.trust_until(guard._seconds() + 1000)
    assert guard._trusted_until == 0
    clock.move(seconds=KEPT_SECONDS)
    guard.trust_until(guard._seconds() + 1000)
    assert guard._trusted_until > 0


class asking:  # noqa: N801  # stands in for a function
    def __init__(self, asked):
        asked.append(True)

    async def __aenter__(self):
        return None

    async def __aexit__(self, *_):
        return None


async def ended_state(_conn, *, session_id):
    return {"ended": True, "version": 1}


async def test_a_session_that_is_no_longer_there_is_refused_when_asked(client, app, resident, conn, monkeypatch):
    guard = app[SESSION_GUARD]
    monkeypatch.setattr(guard, "trust_until", lambda _: None)
    guard.distrust()
    await conn.execute("delete from session where account_id = $1", resident.account_id)
    assert await status_of(client, resident.headers) == (401, "session_ended")


async def test_words_on_the_channel_that_mean_nothing_do_no_harm(client, resident, conn, caplog):
    for words in ("", "session", "session nonsense", "account 1", "account x y"):
        await conn.execute("select pg_notify('revocation', $1)", words)
    await conn.execute("select pg_notify('revocation', $1)", f"account {resident.account_id} nonsense")
    await asyncio.sleep(0.1)
    assert (await status_of(client, resident.headers))[0] == 200
    assert caplog.records == []
    await conn.execute(END, resident.account_id)
    await eventually(client, resident.headers, (401, "session_ended"))


async def test_the_listening_connection_is_none_of_the_pools(client, app, conn):
    async with asyncio.timeout(5):
        while app[POOL].get_idle_size() != app[POOL].get_size():  # figures are read at the start
            await conn.execute("select pg_sleep(0.01)")
    listeners = "select count(*) from pg_stat_activity where application_name = $1 and datname = current_database()"
    assert await conn.fetchval(listeners, APPLICATION_NAME) == 1
