"""Staff accounts: who may make, give, reset and suspend what; and the command line."""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace

import pyotp
import pytest

from domain import staff
from domain.context import Context
from domain.errors import Forbidden
from domain.vocabulary import Role
from server import staff_commands
from server.config import SettingError
from tests import make
from tests.test_session_guard import status_of, without_notifications

ACCOUNTS = "/v1/staff/accounts"


@pytest.fixture
async def admin(conn, app, client):
    return await make.staff(conn, app, Role.ADMIN)


@pytest.fixture
async def place(conn, app, client):
    """Two leagues; in the first a zone with a hospital, a manager each of zone and hospital, and a clerk."""
    league, elsewhere = await make.area(conn, level="league"), await make.area(conn, level="league")
    zone = await make.area(conn, parent_id=league)
    hospital = await make.provider(conn, area_id=zone)
    return SimpleNamespace(
        league=league,
        zone=zone,
        hospital=hospital,
        elsewhere=elsewhere,
        league_admin=await make.staff(conn, app, Role.ADMIN, area_id=league),
        zone_manager=await make.staff(conn, app, Role.MANAGER, area_id=zone),
        hospital_manager=await make.staff(conn, app, Role.MANAGER, provider_id=hospital),
        clerk=await make.staff(conn, app, Role.CLERK, provider_id=hospital),
        stranger=await make.staff(conn, app, Role.MANAGER, area_id=elsewhere),
    )


def grant(role, provider_id=None, area_id=None):
    return {
        "role": role,
        "provider_id": provider_id and str(provider_id),
        "area_id": area_id and str(area_id),
    }


async def call(client, method, path, caller, body=None, **headers):
    response = await client.request(method, path, json=body, headers=caller.headers | headers)
    return response.status, await response.json()


async def create(client, caller, *grants, login="new.clerk", headers=None):
    body = {"login": login, "display_name": "新员工", "grants": list(grants)}
    return await call(client, "POST", ACCOUNTS, caller, body, **(headers or make.key()))


async def put_grants(client, caller, account_id, *grants):
    return await call(client, "PUT", f"{ACCOUNTS}/{account_id}/grants", caller, {"grants": list(grants)})


async def act(client, caller, account_id, action):
    return await call(client, "POST", f"{ACCOUNTS}/{account_id}/{action}", caller)


async def sign_in(client, clock, secrets):
    otp = pyotp.TOTP(secrets["otp_secret"]).at(clock.now)
    body = {"login": secrets["login"], "password": secrets["password"], "otp": otp}
    response = await client.post("/v1/sessions/staff", json=body)
    return response.status, await response.json()


async def test_a_new_account_signs_in_with_the_secrets_of_the_answer(client, admin, clock, conn, place):
    status, made = await create(client, admin, grant("clerk", place.hospital))
    assert status == 201
    assert made["account"]["grants"] == [grant("clerk", place.hospital)]
    assert made["secrets"]["otp_uri"].startswith("otpauth://totp/")
    status, answer = await sign_in(client, clock, made["secrets"])
    assert (status, answer["user"]["roles"]) == (200, ["clerk"])
    row = await conn.fetchrow("select * from staff where login = 'new.clerk'")
    assert row["password_hash"].startswith("$argon2id$")
    assert made["secrets"]["otp_secret"].encode() not in row["otp_secret_sealed"]
    audited = str([tuple(row) for row in await conn.fetch("select action, facts from audit")])
    assert "staff.created" in audited
    assert made["secrets"]["password"] not in audited
    assert made["secrets"]["otp_secret"] not in audited


async def test_a_repeated_creation_makes_one_account_and_shows_no_secret_again(client, admin):
    key = make.key()
    _, first = await create(client, admin, grant("clerk"), headers=key)
    status, again = await create(client, admin, grant("clerk"), headers=key)
    assert status == 201
    assert again == {"account": first["account"], "secrets": None}


async def test_answers_with_secrets_are_not_cached(client, admin):
    body = {"login": "new.clerk", "display_name": "新员工", "grants": [grant("clerk")]}
    response = await client.post(ACCOUNTS, json=body, headers=admin.headers | make.key())
    assert response.headers["Cache-Control"] == "no-store"
    account_id = (await response.json())["account"]["id"]
    response = await client.post(f"{ACCOUNTS}/{account_id}/reset", headers=admin.headers)
    assert response.headers["Cache-Control"] == "no-store"


async def test_a_login_is_taken_once(client, admin):
    await create(client, admin, grant("clerk"))
    status, problem = await create(client, admin, grant("clerk"))
    assert (status, problem["code"]) == (409, "login_taken")


@pytest.mark.parametrize(
    "change",
    [
        {"login": "UPPER"},
        {"login": "ab"},
        {"login": "x" * 41},
        {"login": "新员工"},
        {"display_name": "  "},
        {"grants": [{"role": "resident"}]},
        {"grants": [{"role": "clerk", "provider_id": "x"}]},
        {"grants": [grant("clerk", "0" * 8 + "-0000-0000-0000-" + "0" * 12, "0" * 8 + "-0000-0000-0000-" + "0" * 12)]},
        {"grants": [{"role": "clerk"}] * 51},
        {"password": "chosen"},
    ],
)
async def test_what_is_no_account_is_refused(client, admin, change):
    body = {"login": "new.clerk", "display_name": "新员工", "grants": [grant("clerk")]} | change
    status, problem = await call(client, "POST", ACCOUNTS, admin, body, **make.key())
    assert (status, problem["code"]) == (400, "invalid_input")


async def test_places_that_do_not_exist_are_not_found(client, admin, place):
    status, problem = await create(client, admin, grant("clerk", place.zone))
    assert (status, problem["code"]) == (404, "provider_not_found")
    status, problem = await create(client, admin, grant("clerk", None, place.hospital))
    assert (status, problem["code"]) == (404, "area_not_found")


def reaches(place):
    """Who may give which grant."""
    clerk_here, manager_here = grant("clerk", place.hospital), grant("manager", place.hospital)
    clerk_zone, manager_zone = grant("clerk", None, place.zone), grant("manager", None, place.zone)
    manager_league = grant("manager", None, place.league)
    auditor_zone, admin_zone = grant("auditor", None, place.zone), grant("admin", None, place.zone)
    elsewhere, everywhere = grant("clerk", None, place.elsewhere), grant("clerk")
    every = [
        clerk_here,
        manager_here,
        clerk_zone,
        manager_zone,
        manager_league,
        auditor_zone,
        admin_zone,
        elsewhere,
        everywhere,
    ]
    return every, [
        (place.league_admin, every[:7]),
        (place.zone_manager, every[:4]),
        (place.hospital_manager, every[:2]),
        (place.clerk, []),
        (place.stranger, [elsewhere]),
    ]


async def test_nobody_gives_more_than_he_holds(client, admin, place):
    every, table = reaches(place)
    number = 0
    for caller, allowed in table:
        for wanted in every:
            number += 1
            status, problem = await create(client, caller, wanted, login=f"login{number}")
            assert (status == 201) == (wanted in allowed), (caller, wanted)
            assert status == 201 or (status, problem["code"]) == (403, "grant_beyond_own")
        # One grant too many spoils the others, and an account without any is for administrators of everything.
        nothing: list[dict[str, str | None]] = []
        for grants in (every, nothing):
            status, problem = await create(client, caller, *grants, login="too.much")
            assert (status, problem["code"]) == (403, "grant_beyond_own")
    assert (await create(client, admin, login="nothing.yet"))[0] == 201


async def test_nobody_manages_an_account_that_reaches_beyond_him(client, admin, place):
    """Above all, nobody resets the password of somebody higher and signs in with it."""
    table = [
        (place.league_admin, {"league_admin", "zone_manager", "hospital_manager", "clerk"}),
        (place.zone_manager, {"zone_manager", "hospital_manager", "clerk"}),
        (place.hospital_manager, {"hospital_manager", "clerk"}),
        (place.stranger, {"stranger"}),
    ]
    everybody = vars(place) | {"admin": admin}
    for caller, managed in table:
        listed = {item["id"] for item in (await call(client, "GET", ACCOUNTS, caller))[1]["items"]}
        assert listed == {str(everybody[name].account_id) for name in managed}
        for name in ("admin", "league_admin", "zone_manager", "hospital_manager", "clerk", "stranger"):
            account_id = everybody[name].account_id
            status, _ = await call(client, "GET", f"{ACCOUNTS}/{account_id}", caller)
            assert status == (200 if name in managed else 404), (caller, name)
            if name not in managed:
                for action in ("reset", "suspend", "reinstate", "end-sessions"):
                    status, problem = await act(client, caller, account_id, action)
                    assert (status, problem["code"]) == (404, "account_not_found"), (caller, name, action)
                status, _ = await put_grants(client, caller, account_id)
                assert status == 404
    status, listed = await call(client, "GET", ACCOUNTS, admin)
    assert len(listed["items"]) == 6


async def test_who_is_no_manager_lists_nothing(client, app, conn, place):
    assert (await call(client, "GET", ACCOUNTS, place.clerk))[0] == 403
    assert (await call(client, "GET", ACCOUNTS, await make.staff(conn, app, Role.AUDITOR)))[0] == 403
    resident = await make.resident(conn, app)
    status, problem = await call(client, "GET", ACCOUNTS, resident)
    assert (status, problem["code"]) == (403, "staff_only")
    assert (await client.get(ACCOUNTS)).status == 401


async def test_accounts_come_in_pages(client, admin, place):
    seen: set[str] = set()
    after: dict[str, str] = {}
    for expected in (4, 2):
        response = await client.get(ACCOUNTS, params={"limit": 4} | after, headers=admin.headers)
        found = await response.json()
        assert len(found["items"]) == expected
        seen |= {item["id"] for item in found["items"]}
        after = {"after": found["next"]}
    assert len(seen) == 6
    assert found["next"] is None


async def test_everybody_of_the_staff_sees_himself(client, place):
    status, account = await call(client, "GET", "/v1/staff/me", place.clerk)
    assert status == 200
    assert (account["id"], account["status"]) == (str(place.clerk.account_id), "active")
    assert account["grants"] == [grant("clerk", place.hospital)]
    assert set(account) == {"id", "login", "display_name", "status", "demo", "created_at", "grants"}


async def test_another_role_bites_on_the_next_request(client, second_client, admin, place):
    status, account = await put_grants(client, admin, place.clerk.account_id, grant("auditor"), grant("auditor"))
    assert status == 200
    assert account["grants"] == [grant("auditor")]
    assert await status_of(client, place.clerk.headers) == (401, "token_outdated")
    for _ in range(100):
        if (answer := await status_of(second_client, place.clerk.headers)) == (401, "token_outdated"):
            break
        await asyncio.sleep(0.01)
    assert answer == (401, "token_outdated")


async def test_in_this_process_it_bites_before_any_notification(client, admin, place, conn):
    await without_notifications(conn)
    await put_grants(client, admin, place.clerk.account_id, grant("auditor"))
    assert await status_of(client, place.clerk.headers) == (401, "token_outdated")
    await act(client, admin, place.stranger.account_id, "end-sessions")
    assert await status_of(client, place.stranger.headers) == (401, "session_ended")


async def test_the_same_grants_again_change_nothing(client, admin, place, conn):
    before = await conn.fetchrow("select * from staff_grant where account_id = $1", place.clerk.account_id)
    await put_grants(client, admin, place.clerk.account_id, grant("clerk", place.hospital))
    assert await conn.fetchrow("select * from staff_grant where account_id = $1", place.clerk.account_id) == before
    assert (await status_of(client, place.clerk.headers))[0] == 200


async def test_nobody_raises_himself(client, place):
    for caller in (place.hospital_manager, place.zone_manager, place.league_admin):
        for wanted in (grant("admin"), grant("admin", None, place.elsewhere), grant("manager", None, place.elsewhere)):
            status, problem = await put_grants(client, caller, caller.account_id, wanted)
            assert (status, problem["code"]) == (403, "grant_beyond_own")


async def test_a_suspended_account_is_out_at_once_and_back_when_reinstated(client, admin, clock, conn):
    _, made = await create(client, admin, grant("manager"))
    account_id = made["account"]["id"]
    _, answer = await sign_in(client, clock, made["secrets"])
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    status, account = await act(client, admin, account_id, "suspend")
    assert (status, account["status"]) == (200, "suspended")
    assert await status_of(client, headers) == (401, "session_ended")
    clock.move(seconds=30)
    assert (await sign_in(client, clock, made["secrets"]))[1]["code"] == "account_suspended"
    status, problem = await act(client, admin, account_id, "suspend")
    assert (status, problem["code"], problem["account_status"]) == (409, "account_in_other_status", "suspended")
    status, account = await act(client, admin, account_id, "reinstate")
    assert (status, account["status"]) == (200, "active")
    assert (await act(client, admin, account_id, "reinstate"))[0] == 409
    assert await status_of(client, headers) == (401, "session_ended")
    assert (await sign_in(client, clock, made["secrets"]))[0] == 200
    actions = [row["action"] for row in await conn.fetch("select action from audit where subject_id = $1", account_id)]
    assert {"staff.created", "staff.suspended", "staff.reinstated"} <= set(actions)


async def test_a_reset_gives_new_secrets_lifts_the_lock_and_ends_every_session(client, admin, clock):
    _, made = await create(client, admin, grant("manager"))
    account_id, old = made["account"]["id"], made["secrets"]
    _, answer = await sign_in(client, clock, old)
    for _ in range(6):
        status, problem = await sign_in(client, clock, old | {"password": "wrong"})
    assert (status, problem["code"]) == (429, "sign_in_locked")
    status, changed = await act(client, admin, account_id, "reset")
    assert status == 200
    assert await status_of(client, {"Authorization": f"Bearer {answer['access_token']}"}) == (401, "session_ended")
    clock.move(seconds=30)
    new = changed["secrets"]
    assert (await sign_in(client, clock, old))[0] == 401
    assert (await sign_in(client, clock, old | {"password": new["password"]}))[0] == 401
    assert (await sign_in(client, clock, old | {"otp_secret": new["otp_secret"]}))[0] == 401
    assert (await sign_in(client, clock, new))[0] == 200


async def test_sessions_of_an_account_are_ended(client, admin, place):
    status, _ = await act(client, admin, place.clerk.account_id, "end-sessions")
    assert status == 200
    assert await status_of(client, place.clerk.headers) == (401, "session_ended")
    assert (await status_of(client, place.hospital_manager.headers))[0] == 200


async def test_the_last_administrator_of_everything_stays(client, admin, place):
    for status, problem in (
        await put_grants(client, admin, admin.account_id, grant("clerk")),
        await put_grants(client, admin, admin.account_id),
        await put_grants(client, admin, admin.account_id, grant("admin", None, place.league)),
        await act(client, admin, admin.account_id, "suspend"),
    ):
        assert (status, problem["code"]) == (409, "last_admin")
    assert (await status_of(client, admin.headers))[0] == 200


async def test_two_administrators_cannot_take_each_other_out(client, second_client, app, conn, admin):
    other = await make.staff(conn, app, Role.ADMIN)
    answers = await asyncio.gather(
        act(client, admin, other.account_id, "suspend"), act(second_client, other, admin.account_id, "suspend")
    )
    # Whoever is second has lost the role or the session, or would be the last.
    first, second = sorted(status for status, _ in answers)
    assert first == 200
    assert second in {401, 404, 409}
    left = "select count(*) from account where kind = 'staff' and status = 'active'"
    assert await conn.fetchval(left) == 1


async def test_a_suspended_administrator_does_not_count(client, app, conn, admin):
    other = await make.staff(conn, app, Role.ADMIN)
    assert (await act(client, admin, other.account_id, "suspend"))[0] == 200
    status, problem = await put_grants(client, admin, admin.account_id, grant("clerk"))
    assert (status, problem["code"]) == (409, "last_admin")


# The command line


async def test_the_command_line_makes_the_first_administrator(client, conn, vault, clock):
    told = await staff_commands.create_admin(conn, vault, clock.now, "first.admin", "管理员", None)
    words = dict(line.split(maxsplit=1) for line in told.replace("otp ", "otp_").splitlines())
    secrets = {"login": words["login"], "password": words["password"], "otp_secret": words["otp_secret"]}
    assert "otpauth://totp/" in told
    status, answer = await sign_in(client, clock, secrets)
    assert (status, answer["user"]["roles"]) == (200, ["admin"])
    listed = await staff_commands.list_accounts(conn, vault, clock.now)
    assert "first.admin" in listed
    assert "admin" in listed
    with pytest.raises(SettingError, match="taken"):
        await staff_commands.create_admin(conn, vault, clock.now, "first.admin", "管理员", None)


async def test_a_password_that_was_given_is_not_printed(client, conn, vault, clock):
    told = await staff_commands.create_admin(conn, vault, clock.now, "first.admin", "管理员", "a long enough one")
    assert "a long enough one" not in told
    secret = next(line.split()[-1] for line in told.splitlines() if line.startswith("otp secret"))
    secrets = {"login": "first.admin", "password": "a long enough one", "otp_secret": secret}
    assert (await sign_in(client, clock, secrets))[0] == 200
    told = await staff_commands.reset(conn, vault, clock.now, "first.admin", None)
    clock.move(seconds=30)
    assert (await sign_in(client, clock, secrets))[0] == 401
    assert "password" in told


async def test_the_command_line_says_what_is_wrong(conn, vault, clock):
    with pytest.raises(SettingError, match="3 to 40"):
        await staff_commands.create_admin(conn, vault, clock.now, "No Login", "管理员", None)
    with pytest.raises(SettingError, match="no such staff account"):
        await staff_commands.reset(conn, vault, clock.now, "nobody", None)
    assert "no staff accounts" in await staff_commands.list_accounts(conn, vault, clock.now)


def test_a_password_is_read_from_what_is_piped_in():
    assert staff_commands.read_password(io.StringIO("a long enough one\n")) == "a long enough one"
    assert staff_commands.read_password(io.StringIO("")) is None
    with pytest.raises(SettingError, match="12"):
        staff_commands.read_password(io.StringIO("short\n"))


async def test_what_the_command_line_may_no_request_may(conn, vault, clock, app, admin):
    for ctx in (Context(None, clock.now, vault, "a-request"), context_of(admin, vault, clock)):
        with pytest.raises(Forbidden):
            await staff.create_by_operator(conn, ctx, "some.login", "某人", [staff.Grant(Role.ADMIN)], None)
        with pytest.raises(Forbidden):
            await staff.reset_by_operator(conn, ctx, "some.login", None)
        with pytest.raises(Forbidden):
            await staff.list_by_operator(conn, ctx)


def context_of(caller, vault, clock):
    return Context(caller, clock.now, vault)
