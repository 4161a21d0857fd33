"""Holds whatever the service answers in any test against its own OpenAPI document."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aiohttp import web
from jsonschema import Draft202012Validator, FormatChecker

from server.docs import docs
from server.errors import messages

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = FormatChecker(("uuid", "date"))


def is_moment(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


FORMATS.checks("date-time", raises=ValueError)(is_moment)


@cache
def document() -> dict[str, Any]:
    """Return the document as clients get it, but with nothing in replies that it does not name."""
    found: dict[str, Any] = json.loads(docs().document.body)
    for name, schema in found["components"]["schemas"].items():
        if name != "Problem":
            schema.setdefault("additionalProperties", False)
    return found


@cache
def validator(method: str, path: str, status: str) -> Draft202012Validator | None:
    """Return what checks a JSON answer; None where the answer is something else."""
    responses = document()["paths"][path][method.lower()]["responses"]
    response = responses.get(status) or responses["default"]
    if "$ref" in response:
        response = document()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    for media_type, content in response.get("content", {}).items():
        if media_type.endswith("json") and content["schema"]:
            schema = {**content["schema"], "components": document()["components"]}
            return Draft202012Validator(schema, format_checker=FORMATS)
    return None


def broken_promises(request: web.Request, response: web.Response) -> list[str]:
    resource = request.match_info.route.resource
    known = document()["paths"].get(resource.canonical if resource else None, {})
    body = response.body if isinstance(response.body, bytes) else b""
    answer = json.loads(body) if response.content_type.endswith("json") and body else None
    if response.status >= 400:
        return broken_refusal(response, answer)
    operation = known.get(request.method.lower())
    if operation is None:
        return []
    if str(response.status) not in operation["responses"]:
        return [f"answered {response.status}, which is not documented"]
    checks = validator(request.method, resource.canonical, str(response.status)) if resource else None
    return [] if checks is None else [f"{error.json_path}: {error.message}" for error in checks.iter_errors(answer)]


@cache
def problem_validator() -> Draft202012Validator:
    return Draft202012Validator(document()["components"]["schemas"]["Problem"], format_checker=FORMATS)


def broken_refusal(response: web.Response, answer: Any) -> list[str]:
    if response.content_type != "application/problem+json":
        return [f"{response.status} came as {response.content_type}"]
    found = [f"{error.json_path}: {error.message}" for error in problem_validator().iter_errors(answer)]
    if not found:
        code = answer["code"]
        if code not in messages("zh"):
            found.append(f"the code {code} is not in the catalogue")
        if answer["status"] != response.status or answer["type"] != f"/docs/problems#{code}":
            found.append("status or type differ")
        if "{" in answer["detail"] or "  " in answer["detail"]:
            found.append(f"a fact lacks: {answer['detail']}")
        if ("retry_after" in answer) != ("Retry-After" in response.headers):
            found.append("Retry-After and retry_after differ")
    return found


def watch(app: web.Application) -> Callable[[], list[str]]:
    """Check every answer of the application; the function that is returned tells what was not as documented."""
    broken: list[str] = []

    async def check(request: web.Request, response: web.StreamResponse) -> None:
        if isinstance(response, web.Response) and not request.path.startswith("/sandbox"):
            place = f"{request.method} {request.path}"
            broken.extend(f"{place} {response.status}: {what}" for what in broken_promises(request, response))

    app.on_response_prepare.append(check)
    return lambda: broken
