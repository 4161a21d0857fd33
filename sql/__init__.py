"""Named queries: `sql.<feature>.<query>(conn, name=value, …)`, awaited.

The operator behind a query's name says what comes back: none, a list of records; `^`, one record or
None; `$`, one value; `!`, the status line of a statement that returns nothing.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiosql

from sql.adapter import Adapter

if TYPE_CHECKING:
    from aiosql.queries import Queries

FOLDER = Path(__file__).parent
MIGRATIONS = FOLDER / "migrations"
SCHEMA = FOLDER / "schema.sql"

FEATURES = tuple(sorted(path.stem for path in FOLDER.glob("*.sql") if path != SCHEMA))


@cache
def queries(feature: str) -> Queries:
    path = FOLDER / f"{feature}.sql"
    loaded: Queries = aiosql.from_path(path, Adapter)  # type: ignore[arg-type]  # ours returns lists, see Adapter
    return loaded


def __getattr__(name: str) -> Any:
    if name in FEATURES:
        return queries(name)
    raise AttributeError(name)
