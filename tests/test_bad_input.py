"""What bad input gets: the one shape of refusal, a known code, nothing written, nothing said of it in the log."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import math
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import Invalid
from handlers import request as handling
from handlers.operation import OPERATIONS
from handlers.request import MAX_BODY_BYTES, load, refuse_unstorable
from server.errors import messages
from server.metrics import METRICS
from server.routes import ROUTES
from tests import make
from tests.calls import GOOD
from tests.contract import document
from tests.test_access import MAY

MARK = "NeverToBeLogged"
WITH_BODY = [
    (method.upper(), path)
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
    if "application/json" in operation.get("requestBody", {}).get("content", {})
]
BODY_OPTIONAL = {
    (method.upper(), path)
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
    if not operation.get("requestBody", {"required": True})["required"]
}
BODIES = {(route.method, route.path): OPERATIONS[route.handler].body for route in ROUTES if route.handler in OPERATIONS}
WITH_QUERY = [
    (method.upper(), path)
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
    if any(parameter["in"] == "query" for parameter in operation["parameters"])
]
RAW_BODIES = {
    "nothing": (b"", "malformed_json"),
    "cut off": (b'{"a": ', "malformed_json"),
    "two values": (b"{}{}", "malformed_json"),
    "single quotes": (b"{'a': 1}", "malformed_json"),
    "NaN": (b'{"a": NaN}', "malformed_json"),
    "invalid UTF-8": (b'{"a": "\xff"}', "malformed_json"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "malformed_json"),
    "lone surrogate in bytes": (b'{"a": "\xed\xa0\x80"}', "malformed_json"),
    "lone surrogate escaped": (b'{"a": "\\ud800"}', "malformed_json"),
    "lone surrogate as a name": (b'{"\\udfff": 1}', "malformed_json"),
    "NUL": (b'{"a": "x\\u0000"}', "text_not_storable"),
    "NUL as a name": (b'{"\\u0000": 1}', "text_not_storable"),
    "a bare NUL": (b'{"a": "\x00"}', "malformed_json"),
    "too deep": (b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}", "nested_too_deep"),
    "far too deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "malformed_json"),
    "a list": (b"[]", "invalid_input"),
    "a text": (b'"x"', "invalid_input"),
    "null": (b"null", "invalid_input"),
    "a number": (b"1", "invalid_input"),
    "an unknown field": (b'{"no_such_field": 1}', "invalid_input"),
    "a number beyond all": (b'{"no_such_field": 1e400}', ("invalid_input", "malformed_json")),
    "a whole number beyond all": (b'{"no_such_field": ' + b"9" * 400 + b"}", ("invalid_input", "malformed_json")),
    "one byte too many": (b'{"a": "' + b"x" * MAX_BODY_BYTES + b'"}', "body_too_large"),
}
COUNTED = {("POST", "/v1/sessions/staff"): {"staff_sign_in", "audit", "audit_chain"}}
"""What is written of a refused attempt, so that attempts can be few."""

WRONG_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    2**53 + 1,
    10**30,
    "",
    " ",
    "x" * 30_000,
    "\U00020bb7\u202e\u200f\u202f",
    "2026-13-45",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "00000000-0000-0000-0000-00000000000g",
    "' or 1=1; --",
    "$1",
    "%s%n{0}",
    [],
    [[]],
    [None],
    {},
    {"a": {}},
)


WRONG_IN_QUERIES = ("", "%00", "%ff", "%ED%A0%80", "-1", "1e400", "9" * 400, "x" * 4000, "%F0%A0%AE%B7", "null", "A==")


UNKNOWN_ID = "0199d7e4-6a00-7000-8000-00000000abcd"


async def send(town, key, good, headers, **more):
    """Send JSON as `town.send` does, or the bytes that are given."""
    status, answer = await town.send(*key, good, headers=headers, **more)
    if status >= 400:
        assert status < 500, (key, more, answer)
        assert answer["code"] in messages("zh"), answer
    return status, answer


async def test_bodies_that_are_none_are_refused(town, capsys):
    for key in WITH_BODY:
        good = await GOOD[key](town)
        headers = {**await town.headers(MAY[key].who), "Content-Type": "application/json"}
        before = await town.state()
        for what, (body, codes) in RAW_BODIES.items():
            if what == "nothing" and key in BODY_OPTIONAL:
                continue
            status, answer = await send(town, key, good, headers, data=body)
            allowed = {codes} if isinstance(codes, str) else set(codes)
            assert status >= 400, (key, what, status, answer)
            assert answer["code"] in allowed | {"too_many_requests"}, (key, what, status, answer)
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"):
            odd = {**headers, "Content-Type": content_type}
            status, answer = await send(town, key, good, odd, data=orjson.dumps(good.body))
            assert (status, answer["code"]) in ((415, "content_type_not_json"), (429, "too_many_requests")), key
        assert await town.state() == before, key
    assert "unexpected error" not in capsys.readouterr().out


async def test_wrong_values_are_refused_or_harmless(town, capsys):
    """Put every wrong value into every field, one at a time; what is not refused may write what it means.

    What the shape refuses already goes the same way for all: one such value a field is sent.
    """
    for key in WITH_BODY:
        good, shape = await GOOD[key](town), BODIES[key]
        headers = {**await town.headers(MAY[key].who), "Content-Type": "application/json"}
        before, refused = await town.state(), True
        for name in fields_of(key):
            for value in worth_sending(shape, good.body, name, WRONG_VALUES):
                body = json.dumps({**good.body, name: value}, ensure_ascii=False).encode()
                status, _ = await send(town, key, good, {**headers, **make.key()}, data=body)
                refused = refused and status >= 400
        if refused:
            after = await town.state()
            changed = set(after - before)
            assert changed <= COUNTED.get(key, set()), key
    assert "unexpected error" not in capsys.readouterr().out


def worth_sending(shape, good, name, values):
    """Leave out all but the first of the values that the shape refuses."""
    one_was_refused = False
    for value in values:
        try:
            given = orjson.loads(json.dumps({**good, name: value}))
            refuse_unstorable(given)
            load(shape, given)
        except (Invalid, orjson.JSONDecodeError):
            if one_was_refused:
                continue
            one_was_refused = True
        yield value


def fields_of(key):
    content = document()["paths"][key[1]][key[0].lower()]["requestBody"]["content"]["application/json"]
    return document()["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]["properties"]


async def test_wrong_queries_are_refused_or_harmless(town, capsys):
    for key in WITH_QUERY:
        good = await GOOD[key](town)
        headers = await town.headers(MAY[key].who)
        parameters = document()["paths"][key[1]][key[0].lower()]["parameters"]
        names = [parameter["name"] for parameter in parameters if parameter["in"] == "query"]
        asked = "&".join(f"{name}={value}" for name, value in good.query.items())
        strange = [f"no_such_parameter=1&{asked}", f"{names[0]}=1&{names[0]}=2"]
        queries = [*strange, "%00=1", "a=%ED%A0%80", "=", "&&;"]
        for name in names:
            rest = "&".join(f"{other}={value}" for other, value in good.query.items() if other != name)
            queries += [f"{name}={value}&{rest}" for value in WRONG_IN_QUERIES]
        for query in queries:
            url = f"{key[1].format(**good.ids)}?{query}"
            async with town.client.request(key[0], url, headers=headers, json=good.body) as response:
                answer = await response.json()
            assert response.status < 500, (key, query, answer)
            assert response.status < 400 or answer["code"] in messages("zh"), (key, query, answer)
            assert query not in strange or answer["code"] in ("invalid_input", "parameter_repeated"), (key, query)
    assert "unexpected error" not in capsys.readouterr().out


async def test_ids_that_name_nothing_are_not_found(town):
    for key in GOOD:
        if "{" not in key[1]:
            continue
        good = await GOOD[key](town)
        headers = await town.headers(MAY[key].who)
        before = await town.state()
        for name in good.ids:
            for value in ("0", "%00", "%ff", "..%2F..", "{}", "'", "9" * 3000, UNKNOWN_ID, f"%7B{UNKNOWN_ID}%7D"):
                odd = replace(good, ids={**good.ids, name: value})
                status, answer = await send(town, key, odd, headers)
                assert status == 404, (key, name, value, status, answer)
        assert await town.state() == before, key


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "x" * 5000,
        "\xff",
        "null",
        "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0Iiwia2lkIjoidGVzdDEifQ.e30.",
    ],
)
async def test_tokens_that_are_none_are_refused(client, token):
    for header in (f"Bearer {token}", f"bearer  {token}", f"Basic {token}", token):
        async with client.get("/v1/bookings", headers={"Authorization": header}) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert (await response.json())["code"] in ("sign_in_required", "token_invalid")


async def test_strange_headers_do_no_harm(town):
    good = await GOOD["POST", "/v1/bookings"](town)
    headers = await town.headers("family")
    for name in ("Idempotency-Key", "Accept-Language", "If-None-Match", "X-Device-Id", "User-Agent"):
        for value in ("", " ", "x" * 8000, "\xff\xfe", '"', "\t", "en;q=x", "W/", "é" * 20):
            for key in (("POST", "/v1/bookings"), ("GET", "/v1/areas"), ("POST", "/v1/sessions/refresh")):
                body = good if key[1] == "/v1/bookings" else await GOOD[key](town)
                status, answer = await town.send(*key, body, headers={**headers, name: value})
                assert status < 500, (key, name, value, answer)


async def test_of_names_given_twice_the_last_counts_as_everywhere_in_javascript(town):
    slot_id = await town.slot()
    body = f'{{"slot_id": "x", "person_id": "{town.person_id}", "slot_id": "{slot_id}"}}'
    headers = {**await town.headers("family"), **make.key(), "Content-Type": "application/json"}
    async with town.client.post("/v1/bookings", data=body, headers=headers) as response:
        assert response.status == 201
        assert (await response.json())["slot_id"] == str(slot_id)


# Below the requests: bytes that aiohttp's parser makes nothing of, and bodies that do not come.


@contextlib.asynccontextmanager
async def line(client):
    """Open a bare connection to the service."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def talk(client, data, wait=2.0):
    """Send bytes; return status and answer of the first response, and whether the service hung up then."""
    async with line(client) as (reader, writer):
        writer.write(data)
        return await read_response(reader, wait)


async def read_response(reader, wait=2.0):
    async with asyncio.timeout(wait):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines[1:])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    assert headers["content-type"].startswith(("application/problem+json", "application/json")), lines
    return int(lines[0].split(" ")[1]), orjson.loads(body), headers


async def hung_up(reader, wait=5.0):
    async with asyncio.timeout(wait):
        try:
            return await reader.read() == b""
        except ConnectionResetError:  # it did not read what we still sent
            return True


HOST = f"Host: a\r\nX-Mark: {MARK}\r\n".encode()
POST = b"POST /v1/sessions/refresh HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
UNREADABLE = {
    "both lengths": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a negative length": POST + b"Content-Length: -3\r\n\r\nabc",
    "a length beyond all": POST + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "a length of words": POST + b"Content-Length: three\r\n\r\nabc",
    "an unknown transfer coding": POST + b"Transfer-Encoding: xchunked\r\n\r\nabc",
    "chunked not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a chunk of no size": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc",
    "a content coding nobody reads": POST + b"Content-Encoding: br\r\nContent-Length: 3\r\n\r\nabc",
    "a NUL in a header": b"GET /healthz HTTP/1.1\r\n" + HOST + b"A: a\x00b\r\n\r\n",
    "a space before the colon": b"GET /healthz HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n",
    "a folded header": b"GET /healthz HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n",
    "too many headers": b"GET /healthz HTTP/1.1\r\n" + HOST + b"".join(b"A%d: b\r\n" % n for n in range(300)) + b"\r\n",
    "no host": b"GET /healthz?" + MARK.encode() + b" HTTP/1.1\r\n\r\n",
    "a NUL in the address": b"GET /healthz\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "bare UTF-8 in the address": f"GET /healthz?q=中{MARK} HTTP/1.1\r\n".encode() + HOST + b"\r\n",
    "an address that is none": b"GET http://[/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "a made-up method": b"FOO /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "line feeds alone": b"GET /healthz HTTP/1.1\nHost: a\n\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "anything": b"\r\n\r\n\x80\x81 nonsense " + MARK.encode() + b"\r\n\r\n",
}
TOO_LONG = {
    "a long address": b"GET /healthz?q=" + b"a" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long header": b"GET /healthz HTTP/1.1\r\n" + HOST + b"A: " + b"a" * 20_000 + b"\r\n\r\n",
    "a long token": b"GET /v1/bookings HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + b"a" * 20_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
async def test_bytes_that_are_no_request_are_refused_in_our_shape(client, data, capfd, caplog):
    async with line(client) as (reader, writer):
        writer.write(data)
        status, answer, _ = await read_response(reader)
        assert (status, answer["code"], answer["status"]) == (400, "bad_request", 400)
        assert answer["detail"] == messages("zh")["bad_request"][1]
        assert await hung_up(reader)
    said = "".join(capfd.readouterr())
    assert MARK not in said + caplog.text
    assert "Traceback" not in said + caplog.text


@pytest.mark.parametrize("data", TOO_LONG.values(), ids=TOO_LONG)
async def test_long_heads_are_refused(client, data):
    status, answer, _ = await talk(client, data)
    assert (status, answer["code"]) == (431, "head_too_large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("PATCH", "/v1/areas", 405, "method_not_allowed"),
        ("M-SEARCH", "/v1/areas", 405, "method_not_allowed"),
        ("TRACE", "/v1/areas", 405, "method_not_allowed"),
        ("DELETE", "/v1/bookings", 405, "method_not_allowed"),
        ("GET", "/v1/nowhere", 404, "not_found"),
        ("GET", "//v1/areas", 404, "not_found"),
        ("GET", "/v1/areas/", 404, "not_found"),
        ("GET", "/v1/../v1/areas%00", 404, "not_found"),
        ("CONNECT", "example.org:80", 404, "not_found"),
        ("OPTIONS", "*", 404, "not_found"),
    ],
)
async def test_other_methods_and_paths_are_refused_in_our_shape(client, method, path, status, code):
    answered, answer, headers = await talk(client, f"{method} {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
    assert (answered, answer["code"]) == (status, code)
    assert (status == 405) == ("allow" in headers)


async def test_methods_do_not_become_labels(client, app):
    for method in ("M-SEARCH", "PROPFIND", "REPORT"):
        await talk(client, f"{method} /v1/{method} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
    labels = {
        (sample.labels["method"], sample.labels["route"])
        for metric in app[METRICS].registry.collect()
        for sample in metric.samples
        if "route" in sample.labels
    }
    assert labels == {("other", "unknown")}


async def test_an_expectation_is_met_or_refused_in_our_shape(client):
    body = b'{"refresh_token": "x"}'
    head = POST + b"Content-Length: %d\r\n" % len(body)
    status, answer, _ = await talk(client, head + b"Expect: a-wonder\r\n\r\n" + body)
    assert (status, answer["code"]) == (417, "bad_request")
    async with line(client) as (reader, writer):
        writer.write(head + b"Expect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        status, answer, _ = await read_response(reader)
        assert (status, answer["code"]) == (401, "refresh_token_invalid")


PACKED = {
    "no gzip at all": (b"no gzip at all", 400, "body_unreadable"),
    "gzip cut off": (gzip.compress(b'{"refresh_token": "x"}')[:20], 400, "malformed_json"),
    "a bomb": (gzip.compress(b" " * 10_000_000), 413, "body_too_large"),
    "gzip": (gzip.compress(b'{"refresh_token": "x"}'), 401, "refresh_token_invalid"),
}


@pytest.mark.parametrize(("body", "status", "code"), PACKED.values(), ids=PACKED)
async def test_packed_bodies_are_read_within_the_limit(client, body, status, code, capfd, caplog):
    head = POST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    answered, answer, _ = await talk(client, head + body)
    assert (answered, answer["code"]) == (status, code)
    assert "Traceback" not in "".join(capfd.readouterr()) + caplog.text


def chunked(body, size=8192):
    parts = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


async def test_the_largest_body_is_read_and_one_byte_more_is_not(client):
    largest = b'{"refresh_token": "x"}'.ljust(MAX_BODY_BYTES)
    for body, expected in ((largest, (401, "refresh_token_invalid")), (largest + b" ", (413, "body_too_large"))):
        lengths = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
        chunks = POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body)
        for data in (lengths, chunks):
            status, answer, headers = await talk(client, data)
            assert (status, answer["code"]) == expected
            assert (headers.get("connection") == "close") == (status == 413)


async def test_a_large_body_is_refused_before_it_comes(client):
    async with line(client) as (reader, writer):
        writer.write(POST + b"Content-Length: 1000000000\r\n\r\n")
        status, answer, _ = await read_response(reader)
        assert (status, answer["code"], answer["limit"]) == (413, "body_too_large", MAX_BODY_BYTES)
        assert await hung_up(reader)


@pytest.mark.parametrize("framing", [b"Content-Length: 60", b"Transfer-Encoding: chunked"])
async def test_a_dripped_body_is_given_up_and_the_connection_ends(client, monkeypatch, framing):
    monkeypatch.setattr(handling, "BODY_SECONDS", 0.3)
    async with line(client) as (reader, writer):
        writer.write(POST + framing + b"\r\n\r\n")

        async def drip():
            with contextlib.suppress(OSError):
                while True:
                    writer.write(b" " if framing.endswith(b"60") else b"1\r\n \r\n")
                    await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        status, answer, headers = await read_response(reader)
        assert (status, answer["code"]) == (408, "body_too_slow")
        assert headers["connection"] == "close"
        assert await hung_up(reader)
        dripping.cancel()


async def test_a_dripped_head_is_hung_up_on(client, monkeypatch):
    monkeypatch.setattr("server.connection.HEAD_SECONDS", 0.3)
    async with line(client) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nA: ")
        assert await hung_up(reader)
    async with line(client) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await read_response(reader))[0] == 200
        await asyncio.sleep(0.5)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await read_response(reader))[0] == 200


async def test_who_hangs_up_in_a_body_is_not_taken_for_a_lost_database(client, app, capfd):
    async with line(client) as (_, writer):
        writer.write(POST + b"Content-Length: 60\r\n\r\n{")
        await writer.drain()
        await asyncio.sleep(0.05)
    for _ in range(100):
        if answers(app):
            break
        await asyncio.sleep(0.02)
    assert answers(app) == {("/v1/sessions/refresh", "400"): 1}
    assert "database" not in "".join(capfd.readouterr())


def answers(app):
    return {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for metric in app[METRICS].registry.collect()
        for sample in metric.samples
        if sample.name == "xiaotuo_answers_total"
    }


async def test_bodies_nobody_asked_for_and_requests_in_one_breath(client):
    async with line(client) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /" * 3)
        for _ in range(3):
            assert (await read_response(reader))[0] == 200


# Below HTTP: whatever JSON can say, the shapes either read it or refuse it.

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.sampled_from(["2026-11-23", "08:30", "2026-11-23T08:30:00+08:00", UNKNOWN_ID, "zh", "medical", "1"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)
SHAPES = sorted(
    {schema for known in OPERATIONS.values() for schema in (known.body, known.query) if schema},
    key=lambda schema: schema.__name__,
)


@pytest.mark.parametrize("schema", SHAPES, ids=lambda schema: schema.__name__)
def test_shapes_read_or_refuse_whatever_comes(schema):
    names = [field.data_key or name for name, field in schema().load_fields.items()]

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
    @given(JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(names, JSON)))
    def check(value):
        with contextlib.suppress(Invalid):
            refuse_unstorable(value)
            load(schema, value)

    check()


def test_numbers_that_json_cannot_say_do_not_come_in():
    for text in (b"NaN", b"Infinity", b"-Infinity"):
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(text)
    assert all(not math.isinf(orjson.loads(text)) for text in (b"1e308", b"9" * 300))
