"""Where handlers hand in what is written in groups; `server.app` puts the group commits behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from domain.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.booking_changes import ChangeRequest
    from domain.booking_rules import BookingRequest
    from domain.waitlist_rules import JoinRequest

    Outcome = Mapping[str, Any] | Refusal


class Book(Protocol):
    async def submit(self, item: BookingRequest) -> Outcome: ...


class Change(Protocol):
    async def submit(self, item: ChangeRequest) -> Outcome: ...


class Join(Protocol):
    async def submit(self, item: JoinRequest) -> Outcome: ...


BOOK: web.AppKey[Book] = web.AppKey("book", object)  # type: ignore[arg-type]  # a protocol
CHANGE: web.AppKey[Change] = web.AppKey("change", object)  # type: ignore[arg-type]  # a protocol
JOIN: web.AppKey[Join] = web.AppKey("join", object)  # type: ignore[arg-type]  # a protocol


def accepted(outcome: Outcome) -> Mapping[str, Any]:
    """Return what was written, or raise why it was not."""
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome
