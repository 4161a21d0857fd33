"""Password and one-time code: few attempts, each code once, and no word on which of them was wrong."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

import pyotp
import pytest

from domain import credentials, staff_sign_in
from domain.context import Context
from domain.errors import Unauthorized, Unavailable
from server.throttle import Throttle
from tests import make

if TYPE_CHECKING:
    from uuid import UUID

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PASSWORD = "correct horse battery"
OTHER_CODE = "000000"


class Clerk(NamedTuple):
    account_id: UUID
    login: str


@pytest.fixture(scope="session")
def password_hash():
    return credentials.HASHER.hash(PASSWORD)


@pytest.fixture
async def clerk(conn, app, password_hash):
    made = await make.staff(conn, app)
    row = await conn.fetchrow(
        "update staff set password_hash = $2 where account_id = $1 returning login", made.account_id, password_hash
    )
    return Clerk(made.account_id, row["login"])


@pytest.fixture
def code(clock):
    """Return the code of now, or of so many steps away."""
    return lambda steps=0: pyotp.TOTP(SECRET).at(clock.now, counter_offset=steps)


async def sign_in(client, login, password=PASSWORD, otp=OTHER_CODE, **headers):
    body = {"login": login, "password": password, "otp": otp}
    response = await client.post("/v1/sessions/staff", json=body, headers=headers)
    return response.status, await response.json()


async def test_with_password_and_code_staff_are_in(client, clerk, code, conn):
    status, answer = await sign_in(client, clerk.login, otp=code())
    assert status == 200
    assert answer["user"] == {"id": str(clerk.account_id), "registered": False, "roles": ["clerk"]}
    response = await client.get("/v1/staff/me", headers={"Authorization": f"Bearer {answer['access_token']}"})
    assert (await response.json())["login"] == clerk.login
    begun = await conn.fetchrow("select actor_id, facts from audit where action = 'sessions.begun'")
    assert (begun["actor_id"], begun["facts"]["way"]) == (clerk.account_id, "staff")


async def test_the_login_may_be_written_in_capitals(client, clerk, code):
    status, _ = await sign_in(client, f" {clerk.login.upper()} ", otp=code())
    assert status == 200


@pytest.mark.parametrize("steps", [-1, 1])
async def test_a_code_of_the_step_before_or_after_is_taken(client, clerk, code, steps):
    status, _ = await sign_in(client, clerk.login, otp=code(steps))
    assert status == 200


@pytest.mark.parametrize("steps", [-2, 2])
async def test_a_code_of_any_other_step_is_not(client, clerk, code, steps):
    status, _ = await sign_in(client, clerk.login, otp=code(steps))
    assert status == 401


async def test_a_code_works_once(client, clerk, code, clock):
    assert (await sign_in(client, clerk.login, otp=code()))[0] == 200
    status, problem = await sign_in(client, clerk.login, otp=code())
    assert (status, problem["code"]) == (401, "sign_in_failed")
    # Nor does one that is older than the newest used.
    assert (await sign_in(client, clerk.login, otp=code(-1)))[0] == 401
    clock.move(seconds=30)
    assert (await sign_in(client, clerk.login, otp=code()))[0] == 200


async def test_of_parallel_uses_of_one_code_one_gets_in(client, second_client, clerk, code, conn):
    answers = await asyncio.gather(
        *(sign_in(each, clerk.login, otp=code()) for each in (client, second_client, client, second_client))
    )
    assert sorted(status for status, _ in answers) == [200, 401, 401, 401]
    assert await conn.fetchval("select count(*) from session where device <> 'test'") == 1


async def test_a_failed_sign_in_does_not_use_the_code_up(client, clerk, code):
    assert (await sign_in(client, clerk.login, "wrong", code()))[0] == 401
    assert (await sign_in(client, clerk.login, otp=code()))[0] == 200


async def test_a_password_that_is_reset_while_it_is_checked_opens_nothing(conn, clerk, code, vault, clock):
    ctx = Context(None, clock.now, vault)
    attempt = await staff_sign_in.begin(conn, ctx, clerk.login)
    step = await staff_sign_in.check(ctx, attempt, PASSWORD, code())
    assert step is not None
    await conn.execute("update staff set password_hash = 'another' where account_id = $1", clerk.account_id)
    with pytest.raises(Unauthorized, match="sign_in_failed"):
        await staff_sign_in.finish(conn, ctx, attempt, step, "")


async def test_no_answer_says_what_was_wrong(client, clerk, code):
    answers = [
        await sign_in(client, clerk.login, "wrong", code()),
        await sign_in(client, clerk.login, PASSWORD, OTHER_CODE),
        await sign_in(client, "nobody-at-all", PASSWORD, code()),
        await sign_in(client, "not a login!", PASSWORD, code()),
    ]
    for _, problem in answers:
        del problem["request_id"]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][1]["code"] == "sign_in_failed"


async def test_an_unknown_login_costs_the_same_hashing(client, clerk, monkeypatch):
    hashed: list[str] = []
    monkeypatch.setattr(credentials, "HASHER", SpyHasher(hashed))
    for login in (clerk.login, "nobody-at-all"):
        await sign_in(client, login, "wrong")
    assert len(hashed) == 2
    parameters = {stored.rsplit("$", 2)[0] for stored in hashed}
    assert len(parameters) == 1


class SpyHasher:
    def __init__(self, hashed):
        self.hashed = hashed
        self.real = credentials.HASHER
        self.hash = self.real.hash

    def verify(self, stored, password):
        self.hashed.append(stored)
        return self.real.verify(stored, password)


async def test_an_unknown_login_takes_the_same_time(client, clerk, monkeypatch):
    """Hashing apart, which the test before looks at: the rest does the same statements for both."""
    monkeypatch.setattr(credentials, "_matches", lambda _stored, _password: False)
    monkeypatch.setattr(staff_sign_in, "MOST_ATTEMPTS", 1000)
    monkeypatch.setattr(Throttle, "hit", unlimited)
    times: dict[str, list[float]] = {clerk.login: [], "nobody-at-all": []}
    for _ in range(60):
        for login, seen in times.items():
            began = time.perf_counter()
            assert (await sign_in(client, login))[0] == 401
            seen.append(time.perf_counter() - began)
    known, unknown = (statistics.median(seen[5:]) for seen in times.values())
    assert abs(known - unknown) < 0.5 * max(known, unknown)


async def unlimited(*_):
    pass


@pytest.mark.parametrize("known", [True, False])
async def test_five_failures_lock_a_login_for_a_quarter_of_an_hour(client, clerk, code, clock, known):
    login = clerk.login if known else "nobody-at-all"
    for _ in range(5):
        clock.move(seconds=10)
        assert (await sign_in(client, login))[0] == 401
    status, problem = await sign_in(client, login, otp=code())
    assert (status, problem["code"], problem["retry_after"]) == (429, "sign_in_locked", 15 * 60 - 40 + 1)
    clock.move(minutes=14, seconds=19)
    assert (await sign_in(client, login, otp=code()))[0] == 429
    clock.move(seconds=1)
    assert (await sign_in(client, login, otp=code()))[0] == (200 if known else 401)


async def test_parallel_guesses_get_no_more_attempts(client, second_client, clerk, conn):
    answers = await asyncio.gather(*(sign_in(each, clerk.login) for each in [client, second_client] * 8))
    assert sorted(status for status, _ in answers) == [401] * 5 + [429] * 11
    assert await conn.fetchval("select attempts from staff_sign_in") == 5


async def test_a_success_begins_the_count_anew(client, clerk, code, clock):
    for _ in range(3):
        for _ in range(4):
            assert (await sign_in(client, clerk.login))[0] == 401
        clock.move(seconds=60)
        assert (await sign_in(client, clerk.login, otp=code()))[0] == 200


async def test_failures_are_on_record_without_what_was_typed(client, clerk, conn):
    await sign_in(client, clerk.login, "wrong password")
    await sign_in(client, "a-password-in-the-wrong-field", "wrong password")
    rows = await conn.fetch("select * from audit where action = 'sessions.refused' order by subject_id nulls last")
    assert [row["subject_id"] for row in rows] == [clerk.account_id, None]
    dump = str([tuple(row) for row in rows]) + str(await conn.fetch("select * from staff_sign_in"))
    assert "wrong" not in dump


async def test_a_suspended_account_is_told_only_after_it_has_proved_itself(client, clerk, code, conn):
    await conn.execute("update account set status = 'suspended' where id = $1", clerk.account_id)
    assert (await sign_in(client, clerk.login, "wrong", code()))[1]["code"] == "sign_in_failed"
    status, problem = await sign_in(client, clerk.login, otp=code())
    assert (status, problem["code"]) == (403, "account_suspended")
    assert await conn.fetchval("select count(*) from session where device <> 'test'") == 0


async def test_the_loop_goes_on_while_a_password_is_hashed(client, clerk, code):
    longest = 0.0
    ticking = True

    async def tick():
        nonlocal longest
        while ticking:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - began)

    ticker = asyncio.create_task(tick())
    began = time.perf_counter()
    await asyncio.gather(*(credentials.password_matches(None, "x") for _ in range(8)))
    took = time.perf_counter() - began
    ticking = False
    await ticker
    assert longest < took / 2


async def test_waiting_for_hashes_is_bounded(monkeypatch):
    monkeypatch.setattr(credentials, "MOST_WAITING", 2)
    results = await asyncio.gather(*(credentials.password_matches(None, "x") for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [bool, bool, Unavailable, Unavailable, Unavailable]
    assert credentials._hashing.waiting == 0


async def test_a_hash_that_is_none_matches_nothing():
    assert not await credentials.password_matches("none", "none")
    assert not await credentials.password_matches(None, "x")


async def test_the_hash_is_argon2id():
    assert (await credentials.hash_password("x")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_half_an_hour_idle_ends_a_staff_session(client, clerk, code, clock):
    _, answer = await sign_in(client, clerk.login, otp=code())
    token = answer["refresh_token"]
    clock.move(minutes=29, seconds=59)
    response = await client.post("/v1/sessions/refresh", json={"refresh_token": token})
    assert response.status == 200
    clock.move(minutes=30)
    response = await client.post(
        "/v1/sessions/refresh", json={"refresh_token": (await response.json())["refresh_token"]}
    )
    assert (response.status, (await response.json())["code"]) == (401, "session_expired")


async def test_after_twelve_hours_staff_sign_in_again(client, clerk, code, clock):
    _, answer = await sign_in(client, clerk.login, otp=code())
    for _ in range(28):
        clock.move(minutes=25)
        response = await client.post("/v1/sessions/refresh", json={"refresh_token": answer["refresh_token"]})
        answer = await response.json()
        assert response.status == 200
    clock.move(minutes=19)
    response = await client.post("/v1/sessions/refresh", json={"refresh_token": answer["refresh_token"]})
    answer = await response.json()
    assert answer["expires_in"] == 60
    clock.move(minutes=1)
    response = await client.post("/v1/sessions/refresh", json={"refresh_token": answer["refresh_token"]})
    assert (response.status, (await response.json())["code"]) == (401, "session_expired")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"login": "x", "password": "y"},
        {"login": "x", "password": "y", "otp": 123456},
        {"login": "x", "password": "y", "otp": "12345"},
        {"login": "x", "password": "y", "otp": "１２３４５６"},
        {"login": "x", "password": "", "otp": "123456"},
        {"login": "x", "password": "y" * 201, "otp": "123456"},
        {"login": ["x"], "password": "y", "otp": "123456"},
        {"login": "x", "password": "y", "otp": "123456", "more": 1},
    ],
)
async def test_what_is_no_sign_in_is_refused_before_it_counts(client, conn, body):
    response = await client.post("/v1/sessions/staff", json=body)
    assert (response.status, (await response.json())["code"]) == (400, "invalid_input")
    assert await conn.fetchval("select count(*) from staff_sign_in") == 0
