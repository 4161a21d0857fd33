"""Access tokens: what each check of design §4 keeps out."""

from __future__ import annotations

import base64
import hmac
from dataclasses import replace

import jwt
import orjson
import pytest
from aiohttp.test_utils import TestClient

from domain.errors import Unauthorized
from domain.identifiers import new_id
from server.app import build_app
from server.auth import AUDIENCE, AUTHENTICATION, ISSUER, MOST_CACHED, SKEW_SECONDS, Authentication
from server.config import Keys
from tests import make
from tests.conftest import Served, key

NOW_KEY = {"test1": key("token")}
HEADER = {"typ": "at+jwt", "kid": "test1"}


@pytest.fixture
def authentication(clock):
    return Authentication(Keys(NOW_KEY), clock)


@pytest.fixture
def claims(clock):
    now = int(clock.now.timestamp())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(new_id()),
        "sid": str(new_id()),
        "jti": "a" * 32,
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "roles": ["resident"],
        "ver": 1,
    }


def sign(claims, header=HEADER, secret=NOW_KEY["test1"], algorithm="HS256"):
    return jwt.encode(claims, secret, algorithm=algorithm, headers=header)


def raw(header, payload, secret=NOW_KEY["test1"], digest="sha256"):
    """Sign whatever bytes, past what a library would let through."""
    parts = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
    mac = hmac.digest(secret, parts, digest)
    return (parts + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def refused(authentication, token, code="token_invalid"):
    with pytest.raises(Unauthorized) as refusal:
        authentication._verify(token)
    assert refusal.value.code == code
    assert not authentication._verified


def test_what_is_issued_is_read_back(authentication):
    account_id, session_id = new_id(), new_id()
    caller = authentication._verify(authentication.issue(account_id, session_id, ["clerk", "admin"], 7))
    assert (caller.account_id, caller.session_id) == (account_id, session_id)
    assert (caller.roles, caller.version) == ({"admin", "clerk"}, 7)


def test_a_token_has_the_header_and_the_claims_of_the_design(authentication):
    token = authentication.issue(new_id(), new_id(), ["resident"], 1)
    assert jwt.get_unverified_header(token) == {"typ": "at+jwt", "kid": "test1", "alg": "HS256"}
    found = jwt.decode(token, options={"verify_signature": False})
    assert set(found) == {"iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "roles", "ver"}
    assert found["exp"] - found["iat"] == 600


def test_the_claims_of_these_tests_are_good_as_they_are(authentication, claims):
    assert authentication._verify(sign(claims)).version == 1
    payload = orjson.dumps(claims)
    assert authentication._verify(raw(b'{"typ":"at+jwt","kid":"test1","alg":"HS256"}', payload)).version == 1


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "roles", "ver"])
def test_every_claim_is_required(authentication, claims, name):
    del claims[name]
    refused(authentication, sign(claims))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iss", "somebody"),
        ("iss", ["xiaotuo"]),
        ("aud", "another-api"),
        ("aud", ["xiaotuo-api", "another-api"]),
        ("sub", "nobody"),
        ("sub", 5),
        ("sid", "none"),
        ("sid", None),
        ("jti", 5),
        ("roles", "admin"),
        ("roles", [["admin"]]),
        ("roles", {"admin": True}),
        ("ver", "1"),
        ("ver", True),
        ("ver", 1.0),
        ("exp", "9999999999"),
        ("exp", 1e300),
        ("nbf", None),
        ("iat", "now"),
    ],
)
def test_every_claim_is_checked(authentication, claims, name, value):
    refused(authentication, raw(orjson.dumps({**HEADER, "alg": "HS256"}), orjson.dumps(claims | {name: value})))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT", "kid": "test1"},
        {"typ": "rt+jwt", "kid": "test1"},
        {"typ": None, "kid": "test1"},
        {"typ": "at+jwt"},
        {"typ": "at+jwt", "kid": "unknown"},
        {"typ": "at+jwt", "kid": ""},
        {"typ": "at+jwt", "kid": "test1", "crit": ["exp"]},
        {"typ": "at+jwt", "kid": "test1", "jwk": {"kty": "oct", "k": "AAAA"}},
        {"typ": "at+jwt", "kid": "test1", "b64": True},
    ],
)
def test_every_field_of_the_header_is_checked(authentication, claims, header):
    refused(authentication, raw(orjson.dumps({**header, "alg": "HS256"}), orjson.dumps(claims)))


@pytest.mark.parametrize(
    "header",
    [
        b'{"typ":"at+jwt","kid":"test1","alg":"HS512"}',
        b'{"typ":"at+jwt","kid":"test1","alg":"hs256"}',
        b'{"typ":"at+jwt","kid":"test1","alg":"none"}',
        b'{"typ":"at+jwt","kid":["test1"],"alg":"HS256"}',
        b'{"typ":["at+jwt"],"kid":"test1","alg":"HS256"}',
        b'{"typ":"at+jwt","kid":"test1"}',
        b"[" * 5000,
        b"\xff\xfe",
        b"null",
        b"5",
    ],
)
def test_a_header_of_any_other_kind_is_refused(authentication, claims, header):
    refused(authentication, raw(header, orjson.dumps(claims)))


@pytest.mark.parametrize("payload", [b"[" * 5000, b"null", b"[]", b'"text"', b"\xff", b"", b"{"])
def test_a_payload_of_any_other_kind_is_refused(authentication, payload):
    refused(authentication, raw(orjson.dumps({**HEADER, "alg": "HS256"}), payload))


def test_no_other_algorithm_under_the_same_key(authentication, claims):
    for algorithm, digest in (("HS384", "sha384"), ("HS512", "sha512")):
        header = orjson.dumps({**HEADER, "alg": algorithm})
        refused(authentication, raw(header, orjson.dumps(claims), digest=digest))


def test_without_a_signature_nothing_is_believed(authentication, claims):
    unsigned = sign(claims, secret=None, algorithm="none")
    refused(authentication, unsigned)
    signed = sign(claims)
    head, body, _ = signed.split(".")
    refused(authentication, f"{head}.{body}.")
    refused(authentication, f"{head}.{body}")
    refused(authentication, f"{head}.{body}.AAAA")


def test_another_secret_is_refused(authentication, claims):
    refused(authentication, sign(claims, secret=key("another")))


def test_a_changed_claim_is_refused(authentication, claims):
    head, _, mac = sign(claims).split(".")
    body = base64.urlsafe_b64encode(orjson.dumps(claims | {"roles": ["admin"]})).rstrip(b"=").decode()
    refused(authentication, f"{head}.{body}.{mac}")


@pytest.mark.parametrize("change", ["{}=", "{}==", " {}", "{} ", "{}.", "{}\n", ".{}", "{}.{}"])
def test_a_token_has_one_text_only(authentication, claims, change):
    token = sign(claims)
    refused(authentication, change.format(token, token))


def test_a_token_ends_after_ten_minutes_also_when_it_is_remembered(authentication, clock):
    token = authentication.issue(new_id(), new_id(), ["resident"], 1)
    clock.move(seconds=599)
    assert authentication._verify(token)
    assert token in authentication._verified
    clock.move(seconds=1)
    with pytest.raises(Unauthorized, match="token_expired"):
        authentication._verify(token)


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_token_from_the_future_is_refused(authentication, claims, clock, name):
    now = int(clock.now.timestamp())
    refused(authentication, sign(claims | {name: now + SKEW_SECONDS + 1}))
    assert authentication._verify(sign(claims | {name: now + SKEW_SECONDS}))


def test_a_verified_token_is_not_verified_again(authentication, monkeypatch):
    token = authentication.issue(new_id(), new_id(), ["resident"], 1)
    first = authentication._verify(token)
    monkeypatch.setattr(jwt, "decode", None)
    assert authentication._verify(token) is first


def test_what_is_remembered_is_bounded(authentication, monkeypatch):
    monkeypatch.setattr("server.auth.MOST_CACHED", 3)
    for _ in range(10):
        authentication._verify(authentication.issue(new_id(), new_id(), ["resident"], 1))
        assert len(authentication._verified) <= 3
    assert MOST_CACHED <= 100_000


def test_a_previous_key_still_verifies_and_a_dropped_one_does_not(clock):
    before = Authentication(Keys({"old": key("old")}), clock)
    token = before.issue(new_id(), new_id(), ["resident"], 1)
    between = Authentication(Keys({"old": key("old"), "new": key("new")}), clock)
    assert between._verify(token)
    assert jwt.get_unverified_header(between.issue(new_id(), new_id(), [], 1))["kid"] == "new"
    refused(Authentication(Keys({"new": key("new")}), clock), token)


def test_the_key_of_one_id_does_not_verify_another(clock, claims):
    authentication = Authentication(Keys({"test1": key("token"), "test2": key("second")}), clock)
    refused(authentication, sign(claims, {"typ": "at+jwt", "kid": "test1"}, key("second")))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic eDp4"},
        {"Authorization": "{token}"},
    ],
)
async def test_without_a_bearer_token_nobody_is_signed_in(client, app, conn, headers):
    resident = await make.resident(conn, app)
    filled = {name: value.replace("{token}", resident.token) for name, value in headers.items()}
    response = await client.get("/v1/sessions", headers=filled)
    assert (response.status, (await response.json())["code"]) == (401, "sign_in_required")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("value", ["Bearer x", "Bearer é", "Bearer a.b.c", f"Bearer {'A' * 7000}", "bearer \x80"])
async def test_nonsense_is_a_401_and_never_a_500(client, value):
    response = await client.get("/v1/sessions", headers={"Authorization": value})
    assert (response.status, (await response.json())["code"]) == (401, "token_invalid")


async def test_the_text_with_an_equals_sign_gains_nothing_after_signing_out(client, app, conn):
    resident = await make.resident(conn, app)
    await client.delete("/v1/sessions/current", headers=resident.headers)
    for text in (resident.token, f"{resident.token}=", f"{resident.token}=="):
        response = await client.get("/v1/sessions", headers={"Authorization": f"Bearer {text}"})
        assert response.status == 401


async def test_a_service_with_a_new_key_takes_the_tokens_of_the_old(client, app, conn, settings, clock):
    resident = await make.resident(conn, app)
    keys = Keys({**settings.token_keys.by_id, "test2": key("second")})
    renewed = build_app(replace(settings, token_keys=keys), clock)
    async with TestClient(Served(renewed)) as other:
        response = await other.get("/v1/sessions", headers=resident.headers)
        assert response.status == 200
        newer = renewed[AUTHENTICATION].issue(resident.account_id, new_id(), ["resident"], 1)
        response = await client.get("/v1/sessions", headers={"Authorization": f"Bearer {newer}"})
        assert response.status == 401
