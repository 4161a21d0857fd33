"""The OpenAPI document and the pages made of it."""

from __future__ import annotations

import json
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from handlers.operation import OPERATIONS
from schemas.fields import Cursor
from server import openapi
from server.docs import docs
from server.errors import refusals
from server.routes import ROUTES

DOCUMENT = json.loads(docs().document.body)
OPERATIONS_OF_DOCUMENT = {
    (method.upper(), path): operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def test_the_document_is_valid():
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_route_is_in_it_with_its_access():
    described = {key: operation["x-access"] for key, operation in OPERATIONS_OF_DOCUMENT.items()}
    assert described == {(route.method, route.path): str(route.access) for route in ROUTES}
    for operation in OPERATIONS_OF_DOCUMENT.values():
        assert operation["security"] == ([] if operation["x-access"] == "public" else [{"bearer": []}])


def test_every_operation_is_named_once_and_says_what_it_does():
    names = [operation["operationId"] for operation in OPERATIONS_OF_DOCUMENT.values()]
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)] == []
    for key, operation in OPERATIONS_OF_DOCUMENT.items():
        assert operation["summary"].endswith("."), key
    assert [tag["name"] for tag in DOCUMENT["tags"] if not tag["description"]] == []


def test_every_handler_with_shapes_has_a_route():
    assert set(OPERATIONS) == {route.handler for route in ROUTES}


def test_what_creates_asks_for_a_key_and_answers_201():
    for key, operation in OPERATIONS_OF_DOCUMENT.items():
        asks = any(each["name"] == "Idempotency-Key" for each in operation["parameters"])
        assert asks == ("201" in operation["responses"]), key
        assert asks <= ("422" in operation["responses"])


def test_what_takes_a_cursor_answers_a_page():
    takes = {
        (route.method, route.path)
        for route in ROUTES
        for schema in (OPERATIONS[route.handler].query, OPERATIONS[route.handler].body)
        if schema and any(isinstance(field, Cursor) for field in schema().load_fields.values())
    }
    assert ("GET", "/v1/bookings") in takes
    for key in takes:
        schema = OPERATIONS_OF_DOCUMENT[key]["responses"]["200"]["content"]["application/json"]["schema"]
        if "$ref" in schema:
            schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        assert set(schema["properties"]) == {"items", "next"}


def test_fields_are_described_as_they_are_read():
    schemas = DOCUMENT["components"]["schemas"]
    booking, create = schemas["Booking"]["properties"], schemas["BookingCreate"]
    assert booking["starts_at"]["format"] == "date-time"
    assert booking["mandate_id"] == {"type": ["string", "null"], "format": "uuid"}
    assert booking["status"]["enum"][0] == "booked"
    assert create["required"] == ["person_id", "slot_id"]
    assert create["additionalProperties"] is False
    assert schemas["BookingCancel"]["properties"]["reason"] == {"type": "string", "maxLength": 200, "default": ""}
    assert schemas["CheckIn"]["properties"]["code"]["pattern"] == "^(?:[0-9]{6})$"
    assert "null" not in json.dumps([operation["parameters"] for operation in OPERATIONS_OF_DOCUMENT.values()])


def test_the_version_is_the_projects():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == openapi.VERSION


class Balance(HTMLParser):
    """Checks that every element that is opened is closed, and remembers ids and links."""

    VOID = frozenset({"meta", "br", "wbr", "hr", "link", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.assets: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if given.get("id") else []
        self.links += [given["href"]] if given.get("href") else []
        self.assets += [str(given[name]) for name in ("src", "srcset", "action") if name in given]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("path", ["/docs", "/docs/problems"])
async def test_pages_stand_on_their_own(client, path):
    response = await client.get(path)
    assert response.status == 200
    assert response.content_type == "text/html"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    text = await response.text()
    page = Balance()
    page.feed(text)
    assert page.open == []
    assert page.assets == []
    assert len(page.ids) == len(set(page.ids))
    assert "@import" not in text
    assert "url(" not in text
    for link in page.links:
        assert link.startswith(("#", "/docs", "/openapi.json")), link
        if link.startswith("#"):
            assert link[1:] in page.ids


async def test_the_page_shows_every_operation(client):
    page = Balance()
    page.feed(await (await client.get("/docs")).text())
    assert {operation["operationId"] for operation in OPERATIONS_OF_DOCUMENT.values()} <= set(page.ids)


async def test_every_problem_points_at_its_sentence(client):
    page = Balance()
    page.feed(await (await client.get("/docs/problems")).text())
    assert {code for codes in refusals().values() for code in codes} <= set(page.ids)
    problem = await (await client.get("/v1/nowhere")).json()
    path, _, anchor = problem["type"].partition("#")
    assert path == "/docs/problems"
    assert anchor in page.ids


async def test_the_document_is_sent_once(client):
    response = await client.get("/openapi.json")
    assert await response.json() == DOCUMENT
    again = await client.get("/openapi.json", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status == 304


def test_a_shape_says_what_it_has_of_others():
    """Who asks for help reads what each field of the wish means, whichever way of asking it is."""
    for name in ("FamilyAsk", "TeamAsk", "StaffAsk"):
        assert "`contact_phone`" in DOCUMENT["components"]["schemas"][name]["description"]
    assert "`team_id`" in DOCUMENT["components"]["schemas"]["FamilyAsk"]["description"]


def test_who_is_no_volunteer_finds_no_own_hours():
    assert "404" in DOCUMENT["paths"]["/v1/volunteers/me/hours"]["get"]["responses"]
