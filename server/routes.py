"""Every route of the service: who may call it, and the handler it goes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from handlers import files, health
from server.access import Access

if TYPE_CHECKING:
    from handlers.operation import Handler

PUBLIC, SIGNED_IN, RESIDENT, STAFF = Access.PUBLIC, Access.SIGNED_IN, Access.RESIDENT, Access.STAFF


class Route(NamedTuple):
    access: Access
    method: str
    path: str
    handler: Handler


ROUTES = tuple(
    Route(*row)
    for row in (
        (PUBLIC, "GET", "/healthz", health.alive),
        (PUBLIC, "GET", "/readyz", health.ready),
        (STAFF, "POST", "/v1/files", files.add),
        (STAFF, "GET", "/v1/files/{id}", files.read),
    )
)
