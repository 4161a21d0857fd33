"""Who may call a route at all. The wiring fills `ACCESS` from the table of routes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Access(StrEnum):
    PUBLIC = "public"
    SIGNED_IN = "signed_in"
    RESIDENT = "resident"
    STAFF = "staff"


ACCESS: dict[Callable[..., Any], Access] = {}
