"""Access tokens: made and read here, and nowhere else. RFC 9068 names the type, RFC 8725 the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import jwt
from aiohttp import web

from domain.callers import Caller
from domain.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from server.config import Keys

ISSUER = "xiaotuo"
AUDIENCE = "xiaotuo-api"
TOKEN_TYPE = "at+jwt"  # noqa: S105  # the media type of RFC 9068
ALGORITHM = "HS256"
LIFETIME_SECONDS = 600
REQUIRED_CLAIMS = ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "roles", "ver"]
MOST_CACHED = 50_000


class Authentication:
    """Reads the caller from a request's bearer token, verified once and remembered until it expires."""

    def __init__(self, keys: Keys, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._clock = clock
        self._verified: dict[str, tuple[float, Caller]] = {}

    def issue(self, account_id: UUID, session_id: UUID, roles: Iterable[str], version: int) -> str:
        now = int(self._clock().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(account_id),
            "sid": str(session_id),
            "jti": uuid4().hex,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_SECONDS,
            "roles": sorted(roles),
            "ver": version,
        }
        key_id = self._keys.current_id
        return jwt.encode(
            claims, self._keys.by_id[key_id], algorithm=ALGORITHM, headers={"typ": TOKEN_TYPE, "kid": key_id}
        )

    async def caller(self, request: web.Request) -> Caller:
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
            header = jwt.get_unverified_header(token)
            if header.get("typ") != TOKEN_TYPE or header.get("alg") != ALGORITHM:
                raise Unauthorized("token_invalid")
            key = self._keys.by_id.get(header.get("kid", ""))
            if key is None:
                raise Unauthorized("token_invalid")
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": REQUIRED_CLAIMS,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            caller = Caller(UUID(claims["sub"]), UUID(claims["sid"]), frozenset(claims["roles"]), int(claims["ver"]))
            begins, expires = float(claims["nbf"]), float(claims["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
            raise Unauthorized("token_invalid") from None
        if now >= expires:
            raise Unauthorized("token_expired")
        if now < begins:
            raise Unauthorized("token_invalid")
        return expires, caller


AUTHENTICATION = web.AppKey("authentication", Authentication)
