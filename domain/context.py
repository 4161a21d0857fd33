"""What every rule is given beside its own arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from domain.callers import Caller
    from domain.vault import Vault


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks, when, and the keys for what is sealed.

    `caller` is None for what nobody signed in for: signing in itself, the worker, the command line.
    """

    caller: Caller | None
    now: datetime
    vault: Vault
    request_id: str | None = None
