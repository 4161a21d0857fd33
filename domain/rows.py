"""What a query returns: asyncpg's records are read as mappings, which its types do not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]
