"""The few kinds of refusal. Each instance has a stable code and the facts that explain it."""

from __future__ import annotations

from typing import Any, Self


class Refusal(Exception):
    """A rule said no.

    `code` is part of the wire contract; `facts` are shown to the caller, so they hold no personal data
    of anybody else. The sentences stand in `server/messages/`, keyed by code.
    """

    def __init__(self, code: str, /, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts
        self.keeps = False

    def keeping(self) -> Self:
        """Commit what the transaction has written all the same: a counted attempt, a recorded one."""
        self.keeps = True
        return self


class NotFound(Refusal):
    """There is no such thing, or the caller may not know that there is."""


class Forbidden(Refusal):
    """The caller is known and may not do this."""


class Unauthorized(Refusal):
    """The caller is not known: no valid token, password or code."""


class Conflict(Refusal):
    """The state of things does not allow it (any more)."""


class Invalid(Refusal):
    """The request itself is wrong; `errors` maps fields to messages."""


class TooMany(Refusal):
    """Too often; `retry_after` in seconds says when again."""


class Unavailable(Refusal):
    """Something that we depend on does not answer; `retry_after` in seconds says when to try again."""
