"""Every route of the service: who may call it, and the handler it goes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from handlers import bookings, files, health
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
        (RESIDENT, "POST", "/v1/bookings", bookings.book),
        (RESIDENT, "GET", "/v1/bookings", bookings.list_own),
        (RESIDENT, "GET", "/v1/bookings/{id}", bookings.get),
        (RESIDENT, "POST", "/v1/bookings/{id}/cancel", bookings.cancel),
        (STAFF, "POST", "/v1/staff/bookings", bookings.book_at_desk),
        (STAFF, "POST", "/v1/staff/bookings/search", bookings.search_day),
        (STAFF, "POST", "/v1/staff/bookings/{id}/check-in", bookings.check_in),
        (STAFF, "POST", "/v1/staff/bookings/{id}/complete", bookings.complete),
        (STAFF, "POST", "/v1/staff/bookings/{id}/no-show", bookings.mark_no_show),
        (STAFF, "POST", "/v1/staff/bookings/{id}/cancel", bookings.cancel_at_desk),
        (STAFF, "POST", "/v1/staff/check-ins", bookings.check_in_by_code),
    )
)
