"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified access token: the account, its session, and the roles it had when the token was made."""

    account_id: UUID
    session_id: UUID
    roles: frozenset[str]
    version: int
    """Of the account's roles; a token of an older version than the account's is refused."""
