"""Every route of the service: who may call it, and the handler it goes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from handlers import (
    areas,
    availability,
    bookings,
    catalogue,
    docs,
    files,
    health,
    mandates,
    notices,
    policies,
    providers,
    services,
    sessions,
    slots,
    staff,
    volunteers,
)
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
        (SIGNED_IN, "GET", "/v1/teams", volunteers.teams),
        (RESIDENT, "POST", "/v1/volunteers", volunteers.apply),
        (RESIDENT, "GET", "/v1/volunteers/me", volunteers.own),
        (RESIDENT, "PUT", "/v1/volunteers/me", volunteers.change),
        (RESIDENT, "DELETE", "/v1/volunteers/me", volunteers.leave),
        (RESIDENT, "GET", "/v1/volunteers/{id}", volunteers.card),
        (STAFF, "GET", "/v1/staff/teams", volunteers.teams_for_staff),
        (STAFF, "POST", "/v1/staff/teams", volunteers.add_team),
        (STAFF, "GET", "/v1/staff/volunteers", volunteers.list_for_staff),
        (STAFF, "POST", "/v1/staff/volunteers/{id}/approve", volunteers.approve),
        (STAFF, "POST", "/v1/staff/volunteers/{id}/suspend", volunteers.suspend),
        (STAFF, "POST", "/v1/staff/volunteers/{id}/reinstate", volunteers.reinstate),
        (RESIDENT, "GET", "/v1/mandates", mandates.list_for_account),
        (RESIDENT, "POST", "/v1/mandates", mandates.create),
        (RESIDENT, "GET", "/v1/mandates/{id}", mandates.show),
        (SIGNED_IN, "POST", "/v1/mandates/{id}/code", mandates.send_again),
        (SIGNED_IN, "POST", "/v1/mandates/{id}/confirm", mandates.confirm),
        (RESIDENT, "POST", "/v1/mandates/{id}/revoke", mandates.revoke),
        (STAFF, "GET", "/v1/staff/mandates", mandates.list_for_staff),
        (STAFF, "POST", "/v1/staff/mandates", mandates.create_as_staff),
        (STAFF, "GET", "/v1/staff/mandates/{id}", mandates.show_to_staff),
        (STAFF, "POST", "/v1/staff/mandates/{id}/revoke", mandates.revoke_as_staff),
        (RESIDENT, "GET", "/v1/notices", notices.list_for_family),
        (PUBLIC, "GET", "/openapi.json", docs.document),
        (PUBLIC, "GET", "/docs", docs.page),
        (PUBLIC, "GET", "/docs/problems", docs.problems),
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
        (PUBLIC, "GET", "/v1/areas", catalogue.areas),
        (PUBLIC, "GET", "/v1/providers", catalogue.providers),
        (PUBLIC, "GET", "/v1/providers/{id}", catalogue.provider),
        (PUBLIC, "GET", "/v1/services", catalogue.services),
        (PUBLIC, "GET", "/v1/services/{id}", catalogue.service),
        (PUBLIC, "GET", "/v1/services/{id}/days", availability.days),
        (PUBLIC, "GET", "/v1/services/{id}/slots", availability.slots),
        (STAFF, "GET", "/v1/staff/areas", areas.list_of_staff),
        (STAFF, "POST", "/v1/staff/areas", areas.create),
        (STAFF, "GET", "/v1/staff/areas/{id}", areas.show),
        (STAFF, "PUT", "/v1/staff/areas/{id}", areas.change),
        (STAFF, "GET", "/v1/staff/providers", providers.list_of_staff),
        (STAFF, "POST", "/v1/staff/providers", providers.create),
        (STAFF, "GET", "/v1/staff/providers/{id}", providers.show),
        (STAFF, "PUT", "/v1/staff/providers/{id}", providers.change),
        (STAFF, "GET", "/v1/staff/services", services.list_of_staff),
        (STAFF, "POST", "/v1/staff/services", services.create),
        (STAFF, "GET", "/v1/staff/services/{id}", services.show),
        (STAFF, "PUT", "/v1/staff/services/{id}", services.change),
        (STAFF, "GET", "/v1/staff/policies", policies.list_of_staff),
        (STAFF, "POST", "/v1/staff/policies", policies.publish),
        (STAFF, "GET", "/v1/staff/policies/{id}", policies.show),
        (STAFF, "GET", "/v1/staff/slots", slots.list_of_service),
        (STAFF, "POST", "/v1/staff/slots", slots.create),
        (STAFF, "POST", "/v1/staff/slots/pattern", slots.create_pattern),
        (STAFF, "POST", "/v1/staff/slots/close", slots.close_span),
        (STAFF, "POST", "/v1/staff/slots/reopen", slots.reopen_span),
        (STAFF, "GET", "/v1/staff/slots/{id}", slots.show),
        (STAFF, "PUT", "/v1/staff/slots/{id}", slots.change),
        (STAFF, "POST", "/v1/staff/slots/{id}/close", slots.close),
        (STAFF, "POST", "/v1/staff/slots/{id}/reopen", slots.reopen),
        (PUBLIC, "POST", "/v1/sessions/wechat", sessions.begin_by_wechat),
        (PUBLIC, "POST", "/v1/sessions/staff", sessions.begin_by_staff),
        (PUBLIC, "POST", "/v1/sessions/refresh", sessions.refresh),
        (SIGNED_IN, "GET", "/v1/sessions", sessions.live),
        (SIGNED_IN, "DELETE", "/v1/sessions/current", sessions.end_current),
        (SIGNED_IN, "DELETE", "/v1/sessions/{id}", sessions.end_one),
        (STAFF, "GET", "/v1/staff/me", staff.me),
        (STAFF, "GET", "/v1/staff/accounts", staff.list_accounts),
        (STAFF, "POST", "/v1/staff/accounts", staff.create),
        (STAFF, "GET", "/v1/staff/accounts/{id}", staff.show),
        (STAFF, "PUT", "/v1/staff/accounts/{id}/grants", staff.put_grants),
        (STAFF, "POST", "/v1/staff/accounts/{id}/reset", staff.reset),
        (STAFF, "POST", "/v1/staff/accounts/{id}/suspend", staff.suspend),
        (STAFF, "POST", "/v1/staff/accounts/{id}/reinstate", staff.reinstate),
        (STAFF, "POST", "/v1/staff/accounts/{id}/end-sessions", staff.end_sessions),
    )
)
