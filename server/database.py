"""The pool of connections, and how the loss of the database shows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import orjson

if TYPE_CHECKING:
    from server.config import Settings

DATABASE_GONE: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.DatabaseDroppedError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,
    OSError,
)
"""InternalClientError is a connection that has had its last word from the server but is not closed yet, and a
choice of hosts none of which is primary. OSError is a server that cannot be reached in any way, and as
TimeoutError one that does not answer."""

TRY_AGAIN: tuple[type[Exception], ...] = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""Undone for the sake of others, through no fault of what was asked."""

DATABASE_BUSY: tuple[type[Exception], ...] = (
    *TRY_AGAIN,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
"""Undone, or waited too long for others: the same may succeed a moment later."""


async def prepare_connection(conn: asyncpg.Connection) -> None:
    """JSON columns hold what the wire holds: read and written as Python values."""
    await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=_encode, decoder=orjson.loads)


def _encode(value: object) -> str:
    """Ids are of asyncpg's own class, which orjson does not know."""
    return orjson.dumps(value, default=str).decode()


async def keep_as_is(_conn: asyncpg.Connection) -> None:
    """Spare asyncpg's reset query, a fifth of a short request.

    Nothing here changes a connection's state but by `set local`, and asyncpg rolls an open transaction
    back before this is called.
    """


IDLE_IN_TRANSACTION = "10s"
"""Lets go of the locks of a process that is gone without a word; nothing here waits inside a transaction."""


OPEN_AT_START = 4
"""Connections of each pool that nobody who comes first has to wait for."""


def create_pool(settings: Settings) -> asyncpg.Pool:
    """Return the pool of every request but those written in groups."""
    return asyncpg.create_pool(
        settings.database_url,
        min_size=min(OPEN_AT_START, settings.database_connections),
        max_size=settings.database_connections,
        init=prepare_connection,
        reset=keep_as_is,
        command_timeout=30,
        max_inactive_connection_lifetime=0,
        server_settings={"idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION},
    )


GROUP_CONNECTIONS = 4
"""Two batches in flight for each of the two groups."""


GROUP_SETTINGS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
}
"""With arrays as parameters PostgreSQL would plan the same few statements anew for each batch, which costs more
than running them. A plan is kept for the life of its connection, so it must not be one that suits a table that
was small then: every one of these statements goes by index, row by row."""


def create_group_pool(settings: Settings) -> asyncpg.Pool:
    """Return the pool of what is written in groups: never waiting behind reads, and never planning twice."""
    return asyncpg.create_pool(
        settings.database_url,
        min_size=min(OPEN_AT_START, GROUP_CONNECTIONS),
        max_size=GROUP_CONNECTIONS,
        init=prepare_connection,
        reset=keep_as_is,
        max_inactive_connection_lifetime=0,
        server_settings=GROUP_SETTINGS,
    )
