"""How aiosql talks to asyncpg here.

aiosql's own adapter calls `dir()` on the connection at every query (some 50 µs of a booking's budget)
and hands lists out as asynchronous generators. Ours returns asyncpg's own coroutines. Its cursors open a
transaction of their own, whose undoing would take along what was written meanwhile; ours need one to be open.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiosql.adapters.asyncpg import AsyncPGAdapter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from asyncpg import Connection
    from asyncpg.cursor import CursorFactory

ROWS_AT_ONCE = 500


class Adapter(AsyncPGAdapter):
    is_aio_driver = False  # makes aiosql hand on what we return instead of wrapping it once more

    def _ordered(self, name: str, parameters: Any) -> list[Any]:
        return [parameters[key] for key in self.var_sorted[name]]

    def select(
        self, conn: Connection, name: str, sql: str, parameters: Any, _record: Any = None
    ) -> Coroutine[Any, Any, Any]:
        return conn.fetch(sql, *self._ordered(name, parameters))

    def select_one(
        self, conn: Connection, name: str, sql: str, parameters: Any, _record: Any = None
    ) -> Coroutine[Any, Any, Any]:
        return conn.fetchrow(sql, *self._ordered(name, parameters))

    def select_value(self, conn: Connection, name: str, sql: str, parameters: Any) -> Coroutine[Any, Any, Any]:
        return conn.fetchval(sql, *self._ordered(name, parameters))

    def insert_update_delete(self, conn: Connection, name: str, sql: str, parameters: Any) -> Coroutine[Any, Any, Any]:
        return conn.execute(sql, *self._ordered(name, parameters))

    @asynccontextmanager
    async def select_cursor(
        self, conn: Connection, name: str, sql: str, parameters: Any
    ) -> AsyncIterator[CursorFactory[Any]]:
        yield conn.cursor(sql, *self._ordered(name, parameters), prefetch=ROWS_AT_ONCE)
