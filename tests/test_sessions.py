"""Sign-in from the mini-program, refresh families, ends of sessions; over HTTP on real rows."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import urlsafe_b64decode

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

import sql
from domain import refresh_tokens, sessions
from domain.identifiers import new_id
from tests import make


async def sign_in(client, outside, user="甲", **options):
    response = await client.post("/v1/sessions/wechat", json={"code": await outside.code(user)}, **options)
    return response.status, await response.json()


async def refresh(client, token):
    response = await client.post("/v1/sessions/refresh", json={"refresh_token": token})
    return response.status, await response.json()


def bearer(answer):
    return {"Authorization": f"Bearer {answer['access_token']}"}


async def live_status(client, answer):
    response = await client.get("/v1/sessions", headers=bearer(answer))
    return response.status, (await response.json()).get("code")


async def count(conn, table):
    return await conn.fetchval(f"select count(*) from {table}")


async def test_first_sight_makes_an_account_and_the_second_finds_it(client, outside, conn):
    status, first = await sign_in(client, outside)
    assert status == 200
    assert set(first) == {"access_token", "token_type", "expires_in", "refresh_token", "user"}
    assert first["token_type"] == "Bearer"
    assert first["expires_in"] == 600
    assert first["user"]["registered"] is False
    assert first["user"]["roles"] == ["resident"]
    _, second = await sign_in(client, outside)
    assert second["user"]["id"] == first["user"]["id"]
    assert await count(conn, "account") == 1
    assert await count(conn, "session") == 2


async def test_parallel_first_sights_make_one_account(client, outside, conn):
    answers = await asyncio.gather(*(sign_in(client, outside) for _ in range(8)))
    assert {status for status, _ in answers} == {200}
    assert len({answer["user"]["id"] for _, answer in answers}) == 1
    assert await count(conn, "account") == 1


async def test_an_answer_with_tokens_is_not_cached(client, outside):
    response = await client.post("/v1/sessions/wechat", json={"code": await outside.code("甲")})
    assert response.headers["Cache-Control"] == "no-store"


async def test_a_code_that_wechat_refuses_makes_nothing(client, outside, conn):
    response = await client.post("/v1/sessions/wechat", json={"code": "no-such-code"})
    assert (response.status, (await response.json())["code"]) == (400, "wechat_code_invalid")
    assert await count(conn, "account") == 0


async def test_registered_and_volunteer_show_in_user(client, outside, conn, vault):
    _, answer = await sign_in(client, outside)
    account_id = answer["user"]["id"]
    await make.care(conn, account_id, await make.person(conn, vault), "self")
    await make.volunteer(conn, account_id)
    _, again = await refresh(client, answer["refresh_token"])
    assert again["user"] == {"id": account_id, "registered": True, "roles": ["resident", "volunteer"]}


@pytest.mark.parametrize("status", ["suspended", "deleted"])
async def test_an_account_that_is_not_active_gets_no_session(client, outside, conn, status):
    _, answer = await sign_in(client, outside)
    await conn.execute("update account set status = $1", status)
    refused, problem = await sign_in(client, outside)
    assert (refused, problem["code"]) == (403, f"account_{status}")
    refused, problem = await refresh(client, answer["refresh_token"])
    assert (refused, problem["code"]) == (403, f"account_{status}")
    assert await count(conn, "session") == 1


async def test_only_a_hash_of_the_refresh_token_is_stored(client, outside, conn):
    _, answer = await sign_in(client, outside)
    token = urlsafe_b64decode(answer["refresh_token"] + "=")
    assert len(token) == 32
    assert await conn.fetchval("select token_hash from refresh_token") == hashlib.sha256(token).digest()


async def test_a_refresh_gives_new_tokens_and_moves_the_idle_limit(client, outside, conn, clock):
    _, first = await sign_in(client, outside)
    clock.move(days=29)
    status, second = await refresh(client, first["refresh_token"])
    assert status == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    clock.move(days=29)
    status, _ = await refresh(client, second["refresh_token"])
    assert status == 200
    assert await count(conn, "session") == 1


async def test_fifty_parallel_refreshes_give_one_family_and_no_logout(client, second_client, outside, conn):
    _, first = await sign_in(client, outside)
    clients = [client, second_client] * 25
    answers = await asyncio.gather(*(refresh(each, first["refresh_token"]) for each in clients))
    assert {status for status, _ in answers} == {200}
    assert len({answer["refresh_token"] for _, answer in answers}) == 1
    assert len({answer["access_token"] for _, answer in answers}) == 50
    assert await count(conn, "session where ended_at is null") == 1
    assert await count(conn, "refresh_token") == 2
    status, _ = await refresh(client, answers[0][1]["refresh_token"])
    assert status == 200


async def test_the_same_successor_for_ten_seconds_and_then_the_end_of_the_family(client, outside, conn, clock):
    _, first = await sign_in(client, outside)
    _, second = await refresh(client, first["refresh_token"])
    clock.move(seconds=10)
    status, again = await refresh(client, first["refresh_token"])
    assert (status, again["refresh_token"]) == (200, second["refresh_token"])
    clock.move(seconds=1)
    status, problem = await refresh(client, first["refresh_token"])
    assert (status, problem["code"]) == (401, "refresh_token_reused")
    # The refusal is committed: the newest token and both access tokens are worth nothing from now on.
    assert await live_status(client, second) == (401, "session_ended")
    assert await live_status(client, again) == (401, "session_ended")
    status, problem = await refresh(client, second["refresh_token"])
    assert (status, problem["code"]) == (401, "session_ended")
    assert await conn.fetchval("select end_reason from session") == "token_reused"
    facts = await conn.fetchval("select facts from audit where action = 'sessions.ended'")
    assert facts["reason"] == "token_reused"


async def test_a_dump_does_not_open_successors(client, outside, conn):
    _, first = await sign_in(client, outside)
    _, second = await refresh(client, first["refresh_token"])
    row = await conn.fetchrow("select * from refresh_token where used_at is not null")
    presented, successor = (urlsafe_b64decode(answer["refresh_token"] + "=") for answer in (first, second))
    sealed = row["successor_sealed"]
    assert successor not in sealed
    for known in (row["token_hash"], hashlib.sha256(row["token_hash"]).digest()):
        key = HKDF(SHA256(), 32, salt=None, info=refresh_tokens.PURPOSE).derive(known)
        with pytest.raises(InvalidTag):
            AESGCM(key).decrypt(sealed[:12], sealed[12:], None)
    assert refresh_tokens.open_successor(presented, sealed) == successor


async def test_an_old_token_with_a_later_dump_opens_nothing(client, outside, conn, clock):
    _, first = await sign_in(client, outside)
    _, second = await refresh(client, first["refresh_token"])
    clock.move(minutes=10)
    await refresh(client, second["refresh_token"])
    assert await count(conn, "refresh_token where successor_sealed is not null") == 1
    clock.move(seconds=11)
    await sessions.prune(conn, clock.now)
    assert await count(conn, "refresh_token where successor_sealed is not null") == 0


@pytest.mark.parametrize(
    "token", ["x", "é" * 43, "A" * 43, "A" * 42 + "B", "A" * 43 + "=", "A" * 200, " " + "A" * 42, "A" * 20 + "\n" * 23]
)
async def test_what_was_never_a_refresh_token_is_refused(client, token):
    status, problem = await refresh(client, token)
    assert (status, problem["code"]) == (401, "refresh_token_invalid")


async def test_each_token_has_one_text_only():
    token = bytes(range(32))
    text = refresh_tokens.to_text(token)
    assert refresh_tokens.from_text(text) == token
    twin = text[:-1] + chr(ord(text[-1]) + 1)
    assert urlsafe_b64decode(twin + "=") == token
    assert refresh_tokens.from_text(twin) is None


async def test_a_resident_is_out_after_thirty_idle_days(client, outside, clock):
    _, answer = await sign_in(client, outside)
    clock.move(days=30)
    status, problem = await refresh(client, answer["refresh_token"])
    assert (status, problem["code"]) == (401, "session_expired")


async def test_a_resident_is_out_after_180_days_whatever_happens(client, outside, clock):
    _, answer = await sign_in(client, outside)
    for _ in range(8):
        clock.move(days=20)
        status, answer = await refresh(client, answer["refresh_token"])
        assert status == 200
    clock.move(days=20, seconds=-60)
    status, answer = await refresh(client, answer["refresh_token"])
    assert status == 200
    assert answer["expires_in"] == 60
    clock.move(seconds=61)
    assert await live_status(client, answer) == (401, "token_expired")
    status, problem = await refresh(client, answer["refresh_token"])
    assert (status, problem["code"]) == (401, "session_expired")


async def test_signing_out_bites_on_the_next_request(client, outside, conn):
    _, answer = await sign_in(client, outside)
    response = await client.delete("/v1/sessions/current", headers=bearer(answer))
    assert response.status == 204
    assert await live_status(client, answer) == (401, "session_ended")
    status, problem = await refresh(client, answer["refresh_token"])
    assert (status, problem["code"]) == (401, "session_ended")
    response = await client.delete("/v1/sessions/current", headers=bearer(answer))
    assert response.status == 401
    assert await count(conn, "audit where action = 'sessions.ended'") == 1


async def test_own_sessions_are_listed_with_device_and_times(client, outside, clock):
    _, phone = await sign_in(client, outside, headers={"User-Agent": "Phone/1.0 é\x80"})
    clock.move(minutes=5)
    _, tablet = await sign_in(client, outside, headers={"User-Agent": "Tablet/2.0"})
    await sign_in(client, outside, user="乙")
    response = await client.get("/v1/sessions", headers=bearer(phone))
    listed = await response.json()
    assert listed["next"] is None
    assert [(item["device"], item["current"]) for item in listed["items"]] == [
        ("Tablet/2.0", False),
        ("Phone/1.0 ", True),
    ]
    assert listed["items"][1]["created_at"] == "2026-11-23T06:30:00+08:00"
    other = listed["items"][0]["id"]
    response = await client.delete(f"/v1/sessions/{other}", headers=bearer(phone))
    assert response.status == 204
    assert await live_status(client, tablet) == (401, "session_ended")
    assert await live_status(client, phone) == (200, None)


async def test_lists_of_sessions_come_in_pages_and_without_the_expired(client, outside, clock):
    await sign_in(client, outside)
    clock.move(days=31)
    _, answer = [await sign_in(client, outside) for _ in range(3)][-1]
    seen: list[str] = []
    after: dict[str, str] = {}
    for _ in range(2):
        response = await client.get("/v1/sessions", params={"limit": 2, **after}, headers=bearer(answer))
        found = await response.json()
        seen += [item["id"] for item in found["items"]]
        after = {"after": found["next"]}
    assert len(seen) == len(set(seen)) == 3
    assert after == {"after": None}


async def test_others_sessions_do_not_exist(client, outside):
    _, mine = await sign_in(client, outside)
    _, theirs = await sign_in(client, outside, user="乙")
    listed = await (await client.get("/v1/sessions", headers=bearer(theirs))).json()
    for session_id in (listed["items"][0]["id"], str(new_id()), "nonsense"):
        response = await client.delete(f"/v1/sessions/{session_id}", headers=bearer(mine))
        assert response.status == 404
    assert await live_status(client, theirs) == (200, None)


async def test_the_oldest_session_gives_way_to_the_twenty_first(client, outside, conn, clock):
    _, oldest = await sign_in(client, outside)
    for _ in range(sessions.MOST_SESSIONS):
        clock.move(seconds=28)
        status, newest = await sign_in(client, outside)
        assert status == 200
    assert await count(conn, "session where ended_at is null") == sessions.MOST_SESSIONS
    assert await live_status(client, oldest) == (401, "session_ended")
    assert await live_status(client, newest) == (200, None)


async def test_housekeeping_deletes_what_is_long_over(client, outside, conn, clock):
    _, gone = await sign_in(client, outside)
    await client.delete("/v1/sessions/current", headers=bearer(gone))
    _, kept = await sign_in(client, outside)
    clock.move(days=29)
    _, kept = await refresh(client, kept["refresh_token"])
    await sessions.prune(conn, clock.now)
    assert await count(conn, "session") == 2
    clock.move(days=2)
    pruned = await sessions.prune(conn, clock.now)
    assert (pruned["sessions"], pruned["tokens"]) == (1, 0)
    clock.move(days=10)
    await refresh(client, kept["refresh_token"])
    clock.move(days=20)
    assert (await sessions.prune(conn, clock.now))["tokens"] == 1
    clock.move(days=50)
    assert (await sessions.prune(conn, clock.now))["sessions"] == 1
    assert await count(conn, "refresh_token") == 0


async def test_the_queries_of_a_refresh_use_their_indexes(conn):
    await conn.execute("set enable_seqscan = off")
    for name in ("account_of_token", "token", "end_all", "state", "ended_since", "versions_raised_within"):
        query = getattr(sql.sessions, name).sql
        statement = await conn.prepare(query)
        nulls = ", ".join("null" for _ in statement.get_parameters())
        await conn.execute(f"prepare q as {query}")
        plan = await conn.fetch(f"explain execute q ({nulls})" if nulls else "explain execute q")
        await conn.execute("deallocate q")
        text = "\n".join(row[0] for row in plan)
        assert "Seq Scan" not in text, text


async def test_a_refresh_and_a_suspension_do_not_wait_for_each_other_crosswise(client, outside, conn):
    """A suspension takes the account and then its sessions; a refresh that came between holds no account."""
    _, answer = await sign_in(client, outside)
    suspension = conn.transaction()
    await suspension.start()
    await conn.execute("update account set status = 'suspended'")
    refreshing = asyncio.create_task(refresh(client, answer["refresh_token"]))
    await asyncio.wait({refreshing}, timeout=0.3)
    await conn.execute("update session set ended_at = now(), end_reason = 'test' where ended_at is null")
    await suspension.commit()
    status, refreshed = await refreshing
    assert status == 200
    # What it gave is worth nothing, as soon as the process has heard of what another connection committed.
    assert (await refresh(client, refreshed["refresh_token"]))[0] == 401
    async with asyncio.timeout(10):
        while (await client.get("/v1/sessions", headers=bearer(refreshed))).status != 401:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("status", ["suspended", "deleted"])
async def test_no_session_begins_beside_a_suspension(client, outside, conn, status):
    await sign_in(client, outside)
    suspension = conn.transaction()
    await suspension.start()
    await conn.execute("update account set status = $1", status)
    signing_in = asyncio.create_task(sign_in(client, outside))
    await asyncio.wait({signing_in}, timeout=0.3)
    await conn.execute("update session set ended_at = now(), end_reason = 'test' where ended_at is null")
    await suspension.commit()
    refused, problem = await signing_in
    assert (refused, problem["code"]) == (403, f"account_{status}")
    assert await count(conn, "session where ended_at is null") == 0


async def test_the_id_across_programs_is_learnt_when_wechat_tells_it(client, outside, conn):
    await sign_in(client, outside)
    assert await conn.fetchval("select unionid from wechat_identity") is None
    code = await outside.code("甲", unionid="across-programs")
    await client.post("/v1/sessions/wechat", json={"code": code})
    await sign_in(client, outside)
    assert await conn.fetchval("select unionid from wechat_identity") == "across-programs"
