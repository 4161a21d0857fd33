"""Answers with an ETag: who has them already is sent 304 and no body (RFC 9110, 13)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY = "*"
HEADERS = {"Cache-Control": "no-cache"}
"""May be kept, must be asked about before it is shown again."""


class Answer(NamedTuple):
    body: bytes
    tag: str

    @classmethod
    def of(cls, body: bytes) -> Self:
        return cls(body, hashlib.blake2b(body, digest_size=12).hexdigest())


def conditional(
    request: web.Request,
    answer: Answer,
    headers: Mapping[str, str] = HEADERS,
    media_type: str = "application/json",
) -> web.Response:
    """Send the answer, or 304 where the request names its tag."""
    known = request.if_none_match or ()
    if any(each.value in (answer.tag, ANY) for each in known):
        response = web.Response(status=304, headers=headers)
    else:
        response = web.Response(body=answer.body, headers=headers, content_type=media_type, charset="utf-8")
    response.etag = answer.tag
    return response


def json_answer(value: Any) -> Answer:
    return Answer.of(orjson.dumps(value, default=str))
