"""The one shape of every refusal on the wire: RFC 9457, `application/problem+json`."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from domain.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, TooMany, Unauthorized, Unavailable
from domain.idempotency import KeyReused
from domain.vocabulary import LOCAL_ZONE
from handlers.request import MAX_BODY_BYTES
from schemas import words

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS: Mapping[type[Refusal], int] = {
    Invalid: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    KeyReused: 422,
    TooMany: 429,
    Unavailable: 503,
}

STATUS_OF_CODE = {
    "body_too_large": 413,
    "body_too_slow": 408,
    "content_type_not_json": 415,
    "content_type_not_multipart": 415,
    "file_too_large": 413,
    "file_type_refused": 415,
}
"""Codes for which HTTP has a status of its own."""

CODE_OF_STATUS: Mapping[int, tuple[str, Mapping[str, Any]]] = {
    404: ("not_found", {}),
    405: ("method_not_allowed", {}),
    413: ("body_too_large", {"limit": MAX_BODY_BYTES}),
    415: ("content_type_not_json", {}),
    431: ("head_too_large", {}),
}
"""What aiohttp itself answers, by our codes with their facts."""

OTHER_STATUS: tuple[str, Mapping[str, Any]] = ("bad_request", {})

MESSAGES = Path(__file__).parent / "messages"
FIELD_SECTION = "field"
"""What is said beside one field; the other sections are about the whole request."""
WORDS_SUFFIX = "_words"
"""Sections so named explain and refuse nothing."""
LANGUAGES = ("zh", "en")


@cache
def catalogue(language: str) -> dict[str, dict[str, Any]]:
    """Load all sentences of a language, by section and code."""
    return tomllib.loads((MESSAGES / f"{language}.toml").read_text(encoding="utf-8"))


@cache
def messages(language: str) -> dict[str, tuple[str, str]]:
    """Return the title (always the same) and the detail (filled with the facts) of every code."""
    return {
        code: (title, detail)
        for name, section in catalogue(language).items()
        if name != FIELD_SECTION
        for code, (title, detail) in section.items()
    }


def refusals() -> dict[str, dict[str, dict[str, tuple[str, str]]]]:
    """Return title and detail by section, code and language, of what refuses and is not only said."""
    return {
        name: {code: {language: messages(language)[code] for language in LANGUAGES} for code in section}
        for name, section in catalogue(LANGUAGES[0]).items()
        if name != FIELD_SECTION and not name.endswith(WORDS_SUFFIX)
    }


def field_messages(language: str) -> dict[str, str]:
    """Return the sentence of every code that a field of an input can get."""
    return catalogue(language)[FIELD_SECTION]


def language_of(request: web.BaseRequest) -> str:
    """Chinese, unless the client asks for English first."""
    return "en" if request.headers.get("Accept-Language", "").lower().startswith("en") else "zh"


class _Words(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def _word(name: str, value: Any, language: str) -> Any:
    if isinstance(value, list | tuple | frozenset | set):
        return (", " if language == "en" else "、").join(str(_word(name, item, language)) for item in value)
    if name in words.OF_FACTS:
        return words.OF_FACTS[name][value] if language == "zh" else value.replace("_", " ")
    if isinstance(value, datetime):
        return value.astimezone(LOCAL_ZONE).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value


def sentences(code: str, facts: Mapping[str, Any], language: str) -> tuple[str, str]:
    """Return the code's title and its detail filled with the facts, in words of the language and local time."""
    title, detail = messages(language)[code]
    return title, detail.format_map(_Words({name: _word(name, value, language) for name, value in facts.items()}))


def say(request: web.BaseRequest, code: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    return sentences(code, facts, language_of(request))


def field_sentences(errors: Any, language: str) -> Any:
    """Turn the codes of an input's errors (`too_long 50`) into sentences; what is no code stays as it is."""
    if isinstance(errors, dict):
        return {name: field_sentences(inner, language) for name, inner in errors.items()}
    if isinstance(errors, list):
        return [field_sentences(inner, language) for inner in errors]
    code, *values = str(errors).split(" ")
    sentence = field_messages(language).get(code)
    return errors if sentence is None else sentence.format(*values)


def status_of(refusal: Refusal) -> int:
    of_kind = (STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)
    return STATUS_OF_CODE.get(refusal.code) or next(of_kind)


def problem(
    request: web.BaseRequest, request_id: str, status: int, code: str, facts: Mapping[str, Any]
) -> web.Response:
    """Answer with a stable code, a sentence, and the facts behind it."""
    language = language_of(request)
    shown = {name: _local(value) for name, value in facts.items()}
    if "errors" in shown:
        shown["errors"] = field_sentences(shown["errors"], language)
    title, detail = sentences(code, facts, language)
    body = {
        **shown,
        "type": f"/docs/problems#{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
    }
    headers = {"Content-Language": language}
    if "retry_after" in facts:
        headers["Retry-After"] = str(facts["retry_after"])
    if status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = "Bearer"
    return web.Response(
        body=orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS),
        status=status,
        content_type="application/problem+json",
        headers=headers,
    )


def _local(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _local(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_local(inner) for inner in value]
    return value.astimezone(LOCAL_ZONE) if isinstance(value, datetime) else value
