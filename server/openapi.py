"""The OpenAPI 3.1 document, made of the table of routes and of what each handler says of itself."""

from __future__ import annotations

import inspect
import re
from datetime import time
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from handlers.operation import OPERATIONS
from handlers.request import KEY_PATTERN
from schemas.fields import ClockTime, Cursor, Day, DayMinute, LocalTime, Month
from server.access import Access
from server.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apispec.ext.marshmallow.openapi import OpenAPIConverter

    from handlers.operation import Operation
    from server.routes import Route

    Json = dict[str, Any]

VERSION = "0.1.0"
INTRODUCTION = """\
Booking of hospitals and public services in Alxa, with volunteers for those who cannot.

**Errors** are `application/problem+json` with a stable `code`; every code and its sentences stand at
[/docs/problems](/docs/problems). Sentences are Chinese, or English with `Accept-Language: en`.

**Repeating is safe.** Where `Idempotency-Key` is required, the same key with the same body is answered as it was
the first time. Keep the key until there is an answer.

**Lists** are `{"items": […], "next": …}`: pass `next` as `after` to get the page behind; it is null on the last one.

**Times** have an offset (`2026-11-23T08:30:00+08:00`), dates are dates in Alxa. Fields that are not described are
refused in requests; in replies, ignore those that you do not know.
"""

ERRORS = {
    400: "The request is wrong; `errors` says which fields",
    401: "Not signed in, or the token is not good any more",
    403: "Signed in, but not for this",
    404: "There is no such thing, or it is not for the caller to see",
    408: "The body did not arrive in time",
    409: "The state of things does not allow it (any more); the code and its facts say why",
    413: "The body is too large",
    415: "The body is of another media type",
    422: "The Idempotency-Key was used for another request",
    429: "Too often",
    503: "Something does not answer, or too much is asked at once; the same request may be sent again",
}
RETRIED = (429, 503)

PROBLEM = {
    "type": "object",
    "description": "RFC 9457. Facts that explain the code stand beside these fields.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["/docs/problems#slot_full"]},
        "title": {"type": "string", "examples": ["号已约满"]},
        "status": {"type": "integer", "examples": [409]},
        "code": {"type": "string", "description": "stable", "examples": ["slot_full"]},
        "detail": {"type": "string", "description": "what happened and what to do next, for the person"},
        "request_id": {"type": "string", "description": "to be named when help is needed"},
        "errors": {"type": "object", "description": "what is wrong, by field", "additionalProperties": True},
        "retry_after": {"type": "integer", "description": "seconds until it is worth another try"},
    },
}


OF_FIELDS: Mapping[type[fields.Field[Any]], Json] = {
    ClockTime: {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["08:30"]},
    DayMinute: {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", "examples": ["18:00"]},
    LocalTime: {"examples": ["2026-11-23T08:30:00+08:00"]},
    Day: {"examples": ["2026-11-23"]},
    Month: {"type": "string", "pattern": "^2[01][0-9]{2}-(0[1-9]|1[0-2])$", "examples": ["2026-11"]},
    Cursor: {"type": "string", "description": "`next` of the page before"},
}
"""What apispec cannot know of our fields."""


def mend_field(_converter: OpenAPIConverter, field: fields.Field[Any], ret: Json) -> Json:
    """Add what apispec cannot know of our fields, and take away what it gets wrong."""
    for name in ("default", "format", "pattern"):
        if name in ret and ret[name] is None:
            del ret[name]
    if ret.get("minLength") == 0:
        del ret["minLength"]
    if field.load_default in (list, dict):
        ret["default"] = field.load_default()
    if isinstance(field.load_default, time):
        ret["default"] = f"{field.load_default:%H:%M}"
    if "pattern" in ret:
        ret["pattern"] = f"^(?:{ret['pattern'].removesuffix('$').replace(chr(92) + 'Z', '')})$"
    return next((dict(known) for kind, known in OF_FIELDS.items() if isinstance(field, kind)), {})


def build() -> Json:
    """Return the whole document."""
    plugin = MarshmallowPlugin(schema_name_resolver=lambda schema: _class_of(schema).__name__)
    spec = APISpec("小驼帮办", VERSION, "3.1.0", [plugin], info={"description": INTRODUCTION})
    assert plugin.converter is not None  # noqa: S101  # apispec sets it when the plugin joins
    plugin.converter.add_attribute_function(mend_field)  # type: ignore[no-untyped-call]
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    spec.components.schema("Problem", PROBLEM)
    for status, description in ERRORS.items():
        spec.components.response(str(status), _error(status, description))
    for tag in dict.fromkeys(_tag(route) for route in ROUTES):
        spec.tag({"name": tag, "description": _feature(tag)})
    for route in ROUTES:
        spec.path(route.path, operations={route.method.lower(): _operation(route, OPERATIONS[route.handler])})
    document: Json = spec.to_dict()
    for (schema, *_), name in plugin.converter.refs.items():
        if said := _said(schema):
            document["components"]["schemas"][name]["description"] = said
    _tell_replies_from_bodies(document)
    _take_null_from_queries(document)
    return document


def _class_of(schema: Any) -> type[Schema]:
    return schema if isinstance(schema, type) else type(schema)


def _said(schema: type[Schema]) -> str:
    """Return what a schema says of itself, and then what those do whose fields it has too."""
    own = [each for each in schema.__mro__ if issubclass(each, Schema) and each is not Schema]
    return "\n\n".join(inspect.cleandoc(each.__doc__) for each in own if each.__doc__)


def _tag(route: Route) -> str:
    return route.handler.__module__.rpartition(".")[2]


def _feature(tag: str) -> str:
    """Return what the feature's rules, or else its handlers, say of themselves in a line."""
    for package in ("domain", "handlers"):
        if find_spec(f"{package}.{tag}"):
            words = import_module(f"{package}.{tag}").__doc__
            if words:
                return str(words).partition("\n")[0]
    return ""


def _error(status: int, description: str) -> Json:
    answer: Json = {
        "description": description,
        "content": {"application/problem+json": {"schema": "Problem"}},
    }
    if status in RETRIED:
        seconds = {"description": "seconds", "schema": {"type": "integer"}}
        answer["headers"] = {"Retry-After": seconds}
    return answer


def _operation(route: Route, known: Operation) -> Json:
    summary, _, description = inspect.cleandoc(route.handler.__doc__ or "").partition("\n")
    described: Json = {
        "operationId": f"{_tag(route)}_{route.handler.__name__}",
        "tags": [_tag(route)],
        "summary": summary,
        "x-access": str(route.access),
        "security": [] if route.access is Access.PUBLIC else [{"bearer": []}],
        "parameters": list(_parameters(route, known)),
        "responses": {
            str(known.status): _success(known),
            **{str(status): _other_success(known, schema) for status, schema in known.also.items()},
            **({"304": {"description": "What `If-None-Match` names is still so"}} if known.etag else {}),
            **{str(status): str(status) for status in _errors(route, known)},
            "default": {
                "description": "Any other refusal",
                "content": {"application/problem+json": {"schema": "Problem"}},
            },
        },
    }
    if description.strip():
        described["description"] = description.strip()
    if known.body is not None:
        described["requestBody"] = {
            "required": not known.body_optional,
            "content": {known.body_media_type: {"schema": known.body}},
        }
    return described


def _parameters(route: Route, known: Operation) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)}", route.path):
        of_id = {"format": "uuid"} if name.endswith("id") else {}
        yield {"in": "path", "name": name, "required": True, "schema": {"type": "string"} | of_id}
    if known.query is not None:
        yield {"in": "query", "schema": known.query}
    if known.creates:
        yield {
            "in": "header",
            "name": "Idempotency-Key",
            "required": True,
            "description": "of the client's own making; the same for each repeat of this request, and never used again",
            "schema": {"type": "string", "pattern": f"^{KEY_PATTERN.pattern}$", "examples": ["8fb1c6d0-7e4f-4f7c"]},
        }
    if known.etag:
        yield {"in": "header", "name": "If-None-Match", "schema": {"type": "string"}}


def _success(known: Operation) -> Json:
    if known.status == 204:  # noqa: PLR2004
        return {"description": "Done"}
    answer: Json = {"description": "Made, or found as it was made before" if known.creates else "As asked"}
    if known.reply is None:
        schema: Any = {"type": "string", "format": "binary"} if "octet" in known.media_type else {}
    elif _is_list(known):
        following = {"type": ["string", "null"], "description": "to be passed as `after`; null on the last page"}
        schema = {
            "type": "object",
            "required": ["items", "next"],
            "properties": {"items": {"type": "array", "items": known.reply}, "next": following},
        }
    else:
        schema = known.reply
    answer["content"] = {known.media_type: {"schema": schema}}
    if known.etag:
        answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
    return answer


def _other_success(known: Operation, schema: type[Schema]) -> Json:
    return {
        "description": "Accepted, and not done yet",
        "content": {known.media_type: {"schema": schema}},
    }


def _is_list(known: Operation) -> bool:
    """Tell by the cursor that it takes: what is asked for page by page is answered so.

    A reply that needs more around its items names them itself.
    """
    taken = [field for schema in (known.query, known.body) if schema for field in schema().load_fields.values()]
    has_own_page = known.reply is not None and "items" in known.reply().dump_fields
    return any(isinstance(field, Cursor) for field in taken) and not has_own_page


def _errors(route: Route, known: Operation) -> list[int]:
    changes, public = route.method != "GET", route.access is Access.PUBLIC
    possible = {
        400: known.body or known.query or known.creates,
        401: not public or changes,
        403: not public or changes,
        404: "{" in route.path or "/volunteers/me" in route.path or _names_others(known),
        408: known.body,
        409: changes,
        413: known.body,
        415: known.body,
        422: known.creates,
        429: changes,
        503: _tag(route) != "docs" and route.path != "/healthz",
    }
    return [status for status, can_be in possible.items() if can_be]


def _names_others(known: Operation) -> bool:
    taken = [field for schema in (known.query, known.body) if schema for field in schema().load_fields.values()]
    return any(isinstance(field, fields.UUID) for field in taken)


def _tell_replies_from_bodies(document: Json) -> None:
    """Say of replies what is so of replies: every field is there, and further ones may join."""
    schemas = document["components"]["schemas"]
    taken: set[str] = set()
    waiting = [
        operation["requestBody"]
        for operations in document["paths"].values()
        for operation in operations.values()
        if "requestBody" in operation
    ]
    while waiting:
        for name in set(_references(waiting.pop())) - taken:
            taken.add(name)
            waiting.append(schemas[name])
    for name in schemas.keys() - taken - {"Problem"}:
        schemas[name].pop("additionalProperties", None)
        schemas[name]["required"] = list(schemas[name]["properties"])
        for described in schemas[name]["properties"].values():
            described.pop("default", None)


def _take_null_from_queries(document: Json) -> None:
    """Take out null: a query leaves a parameter out, it cannot say that it has none."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation["parameters"]:
                described = parameter["schema"]
                if isinstance(described.get("type"), list):
                    (described["type"],) = set(described["type"]) - {"null"}
                if "enum" in described:
                    described["enum"] = [word for word in described["enum"] if word is not None]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rpartition("/")[2]
        for inner in node.values():
            yield from _references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _references(inner)
