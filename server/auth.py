"""Access tokens: made and read here, and nowhere else. RFC 9068 names the type, RFC 8725 the checks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import jwt
from aiohttp import web

from domain.callers import Caller
from domain.errors import Unauthorized
from domain.sessions import ACCESS_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from server.config import Keys

ISSUER = "xiaotuo"
AUDIENCE = "xiaotuo-api"
TOKEN_TYPE = "at+jwt"  # noqa: S105  # the media type of RFC 9068
ALGORITHM = "HS256"
REQUIRED_CLAIMS = ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "roles", "ver"]
HEADER_FIELDS = {"alg", "typ", "kid"}
MOST_CACHED = 50_000
MOST_HEADERS = 16
SKEW_SECONDS = 30
"""How far the clock of the host that made a token may be ahead of ours."""

COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""PyJWT itself also reads a token with `=` behind it: one token would have many texts."""


class Authentication:
    """Reads the caller from a request's bearer token, verified once and remembered until it expires.

    Whether the session still lives is not asked here: see `server.session_guard`.
    """

    def __init__(self, keys: Keys, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._clock = clock
        self._verified: dict[str, tuple[float, Caller]] = {}
        self._keys_of_headers: dict[str, bytes] = {}

    def issue(
        self,
        account_id: UUID,
        session_id: UUID,
        roles: Iterable[str],
        version: int,
        seconds: int = ACCESS_SECONDS,
    ) -> str:
        now = int(self._clock().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(account_id),
            "sid": str(session_id),
            "jti": uuid4().hex,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "roles": sorted(roles),
            "ver": version,
        }
        key_id = self._keys.current_id
        return jwt.encode(
            claims, self._keys.by_id[key_id], algorithm=ALGORITHM, headers={"typ": TOKEN_TYPE, "kid": key_id}
        )

    def caller(self, request: web.Request) -> Caller:
        """Raise Unauthorized unless the request carries a token of ours that is still good."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized("sign_in_required")
        return self._verify(token)

    def _verify(self, token: str) -> Caller:
        now = self._clock().timestamp()
        known = self._verified.get(token)
        if known is not None and now < known[0]:
            return known[1]
        expires, caller = self._read(token, now)
        if len(self._verified) >= MOST_CACHED:
            self._verified.clear()
        self._verified[token] = expires, caller
        return caller

    def _read(self, token: str, now: float) -> tuple[float, Caller]:
        try:
            claims = self._claims(token)
            caller = Caller(
                account_id=UUID(_text(claims["sub"])),
                session_id=UUID(_text(claims["sid"])),
                roles=frozenset(_text(role) for role in _list(claims["roles"])),
                version=_number(claims["ver"]),
            )
            begins, expires = _number(claims["nbf"]), _number(claims["exp"])
            made = _number(claims["iat"])
        except (jwt.InvalidTokenError, ValueError):
            raise Unauthorized("token_invalid") from None
        if now >= expires:
            raise Unauthorized("token_expired")
        if max(begins, made) > now + SKEW_SECONDS:
            raise Unauthorized("token_invalid")
        return expires, caller

    def _claims(self, token: str) -> dict[str, Any]:
        if not COMPACT.fullmatch(token):
            raise ValueError("not in compact form")
        header = token.partition(".")[0]
        key = self._keys_of_headers.get(header) or self._key_of(token)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={
                "require": REQUIRED_CLAIMS,
                "strict_aud": True,
                # Times are checked against our own clock, see `_read`.
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        if len(self._keys_of_headers) < MOST_HEADERS:
            self._keys_of_headers[header] = key  # its signature was good, so the header is one that we wrote
        return claims

    def _key_of(self, token: str) -> bytes:
        header = jwt.get_unverified_header(token)
        if header.keys() != HEADER_FIELDS or header["typ"] != TOKEN_TYPE or header["alg"] != ALGORITHM:
            raise ValueError("not the header of an access token")
        key = self._keys.by_id.get(_text(header["kid"]))
        if key is None:
            raise ValueError("not a key of ours")
        return key


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not text")  # noqa: TRY004  # one kind of mistake for all that a token can get wrong
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("not a whole number")  # noqa: TRY004  # as above
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("not a list")  # noqa: TRY004  # as above
    return value


AUTHENTICATION = web.AppKey("authentication", Authentication)
