"""What the process tells about itself: figures and access lines that name routes and nobody."""

from __future__ import annotations

import io

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from server.access_log import ACCESS_LOG, AccessLog
from server.metrics import METRICS, build_metrics_app
from tests import make


@pytest.fixture
async def figures(app):
    async with TestClient(TestServer(build_metrics_app(app[METRICS]))) as client:

        async def read():
            response = await client.get("/metrics")
            assert response.status == 200
            return await response.text()

        yield read


async def test_figures_count_by_route_and_stand_on_a_listener_of_their_own(client, conn, app, figures):
    resident = await make.resident(conn, app)
    for _ in range(3):
        assert (await client.get(f"/v1/people/{resident.person_id}", headers=resident.headers)).status == 200
    text = await figures()
    assert 'xiaotuo_answers_total{method="GET",route="/v1/people/{id}",status="200"} 3.0' in text
    assert 'xiaotuo_request_seconds_count{method="GET",route="/v1/people/{id}"} 3.0' in text
    assert "xiaotuo_session_guard_listening 1.0" in text
    assert str(resident.person_id) not in text
    assert (await client.get("/metrics")).status == 404


async def test_addresses_that_are_none_share_one_label(client, figures):
    for path in ("/v1/nothing", "/v1/999999199001010016", "/wp-login.php"):
        assert (await client.get(path)).status == 404
    text = await figures()
    assert 'xiaotuo_answers_total{method="GET",route="unknown",status="404"} 3.0' in text
    assert "999999199001010016" not in text


@pytest.fixture
def lines(app):
    """What the access log has written; to be asked for before the client starts."""
    stream = io.StringIO()
    app[ACCESS_LOG] = AccessLog(stream, lambda: 1.5)

    def read():
        app[ACCESS_LOG].flush()
        return [orjson.loads(line) for line in stream.getvalue().splitlines()]

    return read


async def test_access_lines_name_routes_and_the_request_and_nothing_else(lines, client, conn, app):
    resident = await make.resident(conn, app, name="苏和")
    shown = await client.get(f"/v1/people/{resident.person_id}", headers=resident.headers)
    await client.get("/v1/services", params={"q": "苏和"})
    found, searched = lines()
    assert found["request_id"] == shown.headers["X-Request-Id"]
    assert (found["method"], found["route"], found["status"]) == ("GET", "/v1/people/{id}", 200)
    assert searched["route"] == "/v1/services"
    assert set(found) == {"event", "at", "method", "route", "status", "milliseconds", "request_id"}
    written = str([found, searched])
    assert "苏和" not in written
    assert str(resident.person_id) not in written
