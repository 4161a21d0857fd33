"""Every operation denies by default: who may call it stands here, and nobody else gets in or changes a row."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from server.access import Access
from tests.calls import GOOD
from tests.contract import document


class Row(NamedTuple):
    """What each caller gets for a call that is good for `who`.

    `resident` and `volunteer` have nothing to do with what the call is about; `other` is an administrator of
    another area and another provider.
    """

    who: str | None
    right: int
    resident: int
    volunteer: int
    other: int
    nobody: int = 401
    shared: bool = False
    """Whether everybody who is signed in may see the same."""
    also: tuple[str, ...] = ()
    """Who else may, and gets the same."""


def open_to_all(status: int = 200) -> Row:
    return Row(None, status, status, status, status, status)


def of_family(status: int = 200, stranger: int = 404) -> Row:
    """For residents, each in what is theirs."""
    return Row("family", status, stranger, stranger, 403)


def of_staff(who: str, status: int = 200, elsewhere: int = 404) -> Row:
    """For staff, each where they work."""
    return Row(who, status, 403, 403, elsewhere)


def of_team(status: int = 200, staff: str = "area_manager") -> Row:
    """For the leader of a team, and staff with enough of a role where the team is."""
    return Row("leader", status, 404, 404, 404, also=(staff,))


def of_helper(status: int = 200) -> Row:
    """For the volunteer who is asked for a help request or has it; others of the team learn nothing of it."""
    return Row("helper", status, 404, 404, 403)


def of_any_desk(who: str, status: int = 200) -> Row:
    """For staff wherever they work: a person belongs to no place. Each reading is in the audit."""
    return Row(who, status, 403, 403, status, shared=True)


MAY = {
    ("GET", "/healthz"): open_to_all(),
    ("GET", "/readyz"): open_to_all(),
    ("GET", "/openapi.json"): open_to_all(),
    ("GET", "/docs"): open_to_all(),
    ("GET", "/docs/problems"): open_to_all(),
    ("POST", "/v1/sessions/wechat"): open_to_all(),
    ("POST", "/v1/sessions/staff"): open_to_all(),
    ("POST", "/v1/sessions/refresh"): open_to_all(),
    ("GET", "/v1/sessions"): Row("family", 200, 200, 200, 200),
    ("DELETE", "/v1/sessions/current"): Row("family", 204, 204, 204, 204),
    ("DELETE", "/v1/sessions/{id}"): Row("family", 204, 404, 404, 404),
    ("GET", "/v1/areas"): open_to_all(),
    ("GET", "/v1/providers"): open_to_all(),
    ("GET", "/v1/providers/{id}"): open_to_all(),
    ("GET", "/v1/services"): open_to_all(),
    ("GET", "/v1/services/{id}"): open_to_all(),
    ("GET", "/v1/services/{id}/days"): open_to_all(),
    ("GET", "/v1/services/{id}/slots"): open_to_all(),
    ("POST", "/v1/bookings"): of_family(201),
    ("GET", "/v1/bookings"): of_family(stranger=200),
    ("GET", "/v1/bookings/{id}"): of_family(),
    ("GET", "/v1/bookings/{id}/calendar"): of_family(),
    ("POST", "/v1/bookings/{id}/cancel"): of_family(),
    ("POST", "/v1/bookings/{id}/move"): of_family(201),
    ("GET", "/v1/bookings/{id}/pass"): of_family(),
    ("GET", "/v1/staff/pass-keys"): of_staff("clerk", elsewhere=200),
    ("POST", "/v1/bookings/{id}/offer/accept"): of_family(),
    ("POST", "/v1/bookings/{id}/offer/decline"): of_family(),
    ("GET", "/v1/waitlist"): of_family(stranger=200),
    ("POST", "/v1/waitlist"): of_family(201),
    ("GET", "/v1/waitlist/{id}"): of_family(),
    ("DELETE", "/v1/waitlist/{id}"): of_family(204),
    ("POST", "/v1/waitlist/{id}/accept"): of_family(201),
    ("POST", "/v1/waitlist/{id}/decline"): of_family(),
    ("GET", "/v1/staff/services/{id}/waitlist"): of_staff("clerk"),
    ("POST", "/v1/staff/bookings"): of_staff("clerk", 201),
    ("POST", "/v1/staff/bookings/search"): of_staff("clerk"),
    ("POST", "/v1/staff/bookings/{id}/check-in"): of_staff("clerk"),
    ("POST", "/v1/staff/bookings/{id}/admit"): of_staff("clerk"),
    ("POST", "/v1/staff/bookings/{id}/complete"): of_staff("clerk"),
    ("POST", "/v1/staff/bookings/{id}/no-show"): of_staff("clerk"),
    ("POST", "/v1/staff/bookings/{id}/cancel"): of_staff("clerk"),
    ("POST", "/v1/staff/bookings/{id}/move"): of_staff("clerk", 201),
    ("GET", "/v1/staff/figures"): of_staff("clerk"),
    ("GET", "/v1/staff/exports/bookings"): of_staff("clerk"),
    ("POST", "/v1/staff/bookings/{id}/correct"): of_staff("clerk"),
    ("GET", "/v1/suspensions"): of_family(stranger=200),
    ("POST", "/v1/suspensions/{id}/appeal"): of_family(201),
    ("GET", "/v1/staff/appeals"): of_staff("clerk", elsewhere=200),
    ("POST", "/v1/staff/appeals/{id}/decide"): of_staff("manager"),
    ("POST", "/v1/staff/check-ins"): of_staff("clerk"),
    ("GET", "/v1/queues/{id}"): open_to_all(),
    ("GET", "/v1/bookings/{id}/queue"): of_family(),
    ("GET", "/v1/staff/queues"): of_staff("clerk"),
    ("GET", "/v1/staff/queues/{id}"): of_staff("clerk"),
    ("POST", "/v1/staff/queues/{id}/call"): of_staff("clerk", 201),
    ("POST", "/v1/staff/tickets/{id}/call"): of_staff("clerk"),
    ("POST", "/v1/staff/tickets/{id}/skip"): of_staff("clerk"),
    ("POST", "/v1/staff/tickets/{id}/return"): of_staff("clerk"),
    ("POST", "/v1/staff/tickets/{id}/undo"): of_staff("clerk"),
    ("GET", "/v1/staff/areas"): of_staff("admin", elsewhere=200),
    ("POST", "/v1/staff/areas"): of_staff("admin", 201),
    ("GET", "/v1/staff/areas/{id}"): of_staff("admin"),
    ("PUT", "/v1/staff/areas/{id}"): of_staff("admin"),
    ("GET", "/v1/staff/providers"): of_staff("clerk", elsewhere=200),
    ("POST", "/v1/staff/providers"): of_staff("area_manager", 201),
    ("GET", "/v1/staff/providers/{id}"): of_staff("clerk"),
    ("PUT", "/v1/staff/providers/{id}"): of_staff("manager"),
    ("GET", "/v1/staff/services"): of_staff("clerk", elsewhere=200),
    ("POST", "/v1/staff/services"): of_staff("manager", 201),
    ("GET", "/v1/staff/services/{id}"): of_staff("clerk"),
    ("PUT", "/v1/staff/services/{id}"): of_staff("manager"),
    ("GET", "/v1/staff/policies"): of_staff("clerk", elsewhere=200),
    ("POST", "/v1/staff/policies"): of_staff("manager", 201),
    ("GET", "/v1/staff/policies/{id}"): of_staff("clerk"),
    ("GET", "/v1/staff/schedules"): of_staff("clerk"),
    ("POST", "/v1/staff/schedules"): of_staff("manager", 201),
    ("GET", "/v1/staff/schedules/{id}"): of_staff("clerk"),
    ("PUT", "/v1/staff/schedules/{id}"): of_staff("manager"),
    ("POST", "/v1/staff/schedules/{id}/end"): of_staff("manager"),
    ("POST", "/v1/staff/schedules/{id}/preview"): of_staff("manager"),
    ("POST", "/v1/staff/schedules/{id}/apply"): of_staff("manager", 201),
    ("GET", "/v1/staff/schedules/{id}/differences"): of_staff("clerk"),
    ("POST", "/v1/staff/schedules/{id}/exceptions"): of_staff("manager", 201),
    ("DELETE", "/v1/staff/schedules/{id}/exceptions/{exception_id}"): of_staff("manager"),
    ("GET", "/v1/staff/calendar/{year}"): Row("clerk", 200, 403, 403, 200, shared=True),
    ("POST", "/v1/staff/calendar/{year}/confirm"): of_staff("admin", elsewhere=403),
    ("PUT", "/v1/staff/calendar/days/{day}"): of_staff("admin", elsewhere=403),
    ("DELETE", "/v1/staff/calendar/days/{day}"): of_staff("admin", elsewhere=403),
    ("GET", "/v1/staff/slots"): of_staff("clerk"),
    ("POST", "/v1/staff/slots"): of_staff("manager", 201),
    ("POST", "/v1/staff/slots/pattern"): of_staff("manager"),
    ("POST", "/v1/staff/slots/close"): of_staff("manager"),
    ("POST", "/v1/staff/slots/reopen"): of_staff("manager"),
    ("GET", "/v1/staff/slots/{id}"): of_staff("clerk"),
    ("PUT", "/v1/staff/slots/{id}"): of_staff("manager"),
    ("POST", "/v1/staff/slots/{id}/close"): of_staff("manager"),
    ("POST", "/v1/staff/slots/{id}/reopen"): of_staff("manager"),
    ("GET", "/v1/staff/closures"): of_staff("clerk"),
    ("POST", "/v1/staff/closures"): of_staff("manager", 201),
    ("POST", "/v1/staff/closures/preview"): of_staff("manager"),
    ("GET", "/v1/staff/closures/{id}"): of_staff("clerk"),
    ("POST", "/v1/staff/closures/{id}/lift"): of_staff("manager"),
    ("GET", "/v1/nurseries"): open_to_all(),
    ("GET", "/v1/nurseries/{id}"): open_to_all(),
    ("GET", "/v1/staff/nurseries/{id}/classes"): of_staff("area_clerk"),
    ("POST", "/v1/staff/nurseries/{id}/classes"): of_staff("area_manager", 201),
    ("GET", "/v1/staff/nursery-classes/{id}"): of_staff("area_clerk"),
    ("PUT", "/v1/staff/nursery-classes/{id}"): of_staff("area_manager"),
    ("GET", "/v1/enrolments"): of_family(stranger=200),
    ("POST", "/v1/enrolments"): of_family(201),
    ("GET", "/v1/enrolments/{id}"): of_family(),
    ("PUT", "/v1/enrolments/{id}"): of_family(),
    ("POST", "/v1/enrolments/{id}/submit"): of_family(),
    ("POST", "/v1/enrolments/{id}/reopen"): of_family(),
    ("POST", "/v1/enrolments/{id}/withdraw"): of_family(),
    ("GET", "/v1/enrolments/{id}/queues"): of_family(),
    ("POST", "/v1/enrolments/{id}/accept"): of_family(),
    ("POST", "/v1/enrolments/{id}/decline"): of_family(),
    ("POST", "/v1/enrolments/{id}/settle"): of_family(),
    ("POST", "/v1/staff/enrolment-rounds/{id}/offer"): of_staff("area_manager"),
    ("GET", "/v1/staff/nursery-norms"): Row("clerk", 200, 403, 403, 200, shared=True),
    ("POST", "/v1/staff/nursery-norms"): of_staff("admin", 201, elsewhere=403),
    ("GET", "/v1/people/{id}/nursery-places"): of_family(),
    ("GET", "/v1/staff/nurseries/{id}/occupancy"): of_staff("area_clerk"),
    ("GET", "/v1/staff/nursery-classes/{id}/places"): of_staff("area_clerk"),
    ("POST", "/v1/staff/nursery-classes/{id}/places"): of_staff("area_clerk", 201),
    ("GET", "/v1/staff/nursery-places/{id}"): of_staff("area_clerk"),
    ("PUT", "/v1/staff/nursery-places/{id}/papers"): of_staff("area_clerk"),
    ("POST", "/v1/staff/nursery-places/{id}/cancel"): of_staff("area_manager"),
    ("POST", "/v1/staff/nursery-places/{id}/confirm"): of_staff("area_clerk"),
    ("POST", "/v1/staff/nursery-places/{id}/end"): of_staff("area_manager"),
    ("POST", "/v1/staff/nursery-places/{id}/leave"): of_staff("area_clerk"),
    ("POST", "/v1/staff/nursery-places/{id}/return"): of_staff("area_clerk"),
    ("POST", "/v1/staff/nursery-places/{id}/transfer"): of_staff("area_clerk"),
    ("GET", "/v1/enrolment-rounds"): open_to_all(),
    ("GET", "/v1/enrolment-rounds/{id}"): open_to_all(),
    ("GET", "/v1/staff/enrolment-rounds"): of_staff("area_clerk", elsewhere=200),
    ("POST", "/v1/staff/enrolment-rounds"): of_staff("area_manager", 201),
    ("GET", "/v1/staff/enrolment-rounds/{id}"): of_staff("area_clerk"),
    ("PUT", "/v1/staff/enrolment-rounds/{id}"): of_staff("area_manager"),
    ("DELETE", "/v1/staff/enrolment-rounds/{id}"): of_staff("area_manager", 204),
    ("POST", "/v1/staff/enrolment-rounds/{id}/announce"): of_staff("area_manager"),
    ("POST", "/v1/staff/enrolment-rounds/{id}/postpone"): of_staff("area_manager"),
    ("POST", "/v1/staff/enrolment-rounds/{id}/cancel"): of_staff("area_manager"),
    ("POST", "/v1/staff/enrolment-rounds/{id}/end"): of_staff("area_manager"),
    ("GET", "/v1/staff/me"): of_staff("auditor", elsewhere=200),
    ("GET", "/v1/staff/accounts"): of_staff("manager", elsewhere=200),
    ("POST", "/v1/staff/accounts"): of_staff("manager", 201, elsewhere=403),
    ("GET", "/v1/staff/accounts/{id}"): of_staff("manager"),
    ("PUT", "/v1/staff/accounts/{id}/grants"): of_staff("manager"),
    ("POST", "/v1/staff/accounts/{id}/reset"): of_staff("manager"),
    ("POST", "/v1/staff/accounts/{id}/suspend"): of_staff("manager"),
    ("POST", "/v1/staff/accounts/{id}/reinstate"): of_staff("manager"),
    ("POST", "/v1/staff/accounts/{id}/end-sessions"): of_staff("manager"),
    ("GET", "/v1/consents"): open_to_all(),
    ("GET", "/v1/me"): of_family(stranger=200),
    ("DELETE", "/v1/me"): Row("leaver", 200, 200, 200, 403),
    ("PUT", "/v1/me/registration"): of_family(stranger=409),
    ("GET", "/v1/me/id-number"): of_family(stranger=200),
    ("GET", "/v1/me/export"): of_family(stranger=200),
    ("PUT", "/v1/me/consents"): of_family(),
    ("DELETE", "/v1/me/consents/{kind}"): of_family(stranger=200),
    ("GET", "/v1/people"): of_family(stranger=200),
    ("POST", "/v1/people"): Row("adder", 201, 201, 201, 403),
    ("GET", "/v1/people/{id}"): of_family(),
    ("PUT", "/v1/people/{id}"): of_family(),
    ("DELETE", "/v1/people/{id}"): of_family(),
    ("GET", "/v1/care-requests"): of_family(stranger=200),
    ("GET", "/v1/care-requests/received"): of_family(stranger=200),
    ("DELETE", "/v1/care-requests/{id}"): Row("asker", 204, 404, 404, 403),
    ("POST", "/v1/care-requests/{id}/approve"): of_family(204),
    ("POST", "/v1/care-requests/{id}/refuse"): of_family(204),
    ("POST", "/v1/care-requests/{id}/code"): Row("asker", 200, 404, 404, 403),
    ("POST", "/v1/care-requests/{id}/confirm"): Row("asker", 200, 404, 404, 403),
    ("POST", "/v1/staff/people"): of_any_desk("clerk", 201),
    ("POST", "/v1/staff/people/search"): of_any_desk("clerk"),
    ("GET", "/v1/staff/people/{id}"): of_any_desk("clerk"),
    ("GET", "/v1/staff/people/{id}/id-number"): of_any_desk("manager"),
    ("POST", "/v1/staff/people/{id}/verify"): of_any_desk("clerk"),
    ("POST", "/v1/staff/people/{id}/erase"): of_any_desk("manager", 204),
    ("DELETE", "/v1/staff/people/{id}/care/{care_id}"): of_any_desk("manager", 204),
    ("GET", "/v1/staff/care-requests"): of_any_desk("clerk"),
    ("POST", "/v1/staff/care-requests/{id}/approve"): of_any_desk("clerk", 204),
    ("POST", "/v1/staff/care-requests/{id}/refuse"): of_any_desk("clerk", 204),
    ("GET", "/v1/teams/{id}/people"): of_team(staff="area_clerk"),
    ("POST", "/v1/teams/{id}/people"): of_team(201, staff="area_clerk"),
    ("GET", "/v1/people/{id}/emergency-contact"): of_family(),
    ("PUT", "/v1/people/{id}/emergency-contact"): of_family(),
    ("DELETE", "/v1/people/{id}/emergency-contact"): of_family(204),
    ("GET", "/v1/staff/people/{id}/emergency-contact"): of_any_desk("clerk"),
    ("PUT", "/v1/staff/people/{id}/emergency-contact"): of_any_desk("clerk"),
    ("DELETE", "/v1/staff/people/{id}/emergency-contact"): of_any_desk("clerk", 204),
    ("GET", "/v1/teams/{id}/people/{person_id}/emergency-contact"): of_team(staff="area_clerk"),
    ("PUT", "/v1/teams/{id}/people/{person_id}/emergency-contact"): of_team(staff="area_clerk"),
    ("GET", "/v1/staff/audit"): of_staff("auditor", elsewhere=403),
    ("GET", "/v1/teams"): Row("family", 200, 200, 200, 200, shared=True),
    ("POST", "/v1/volunteers"): Row("family", 201, 201, 409, 403),
    ("GET", "/v1/volunteers/me"): Row("helper", 200, 404, 200, 403),
    ("PUT", "/v1/volunteers/me"): Row("helper", 200, 404, 200, 403),
    ("DELETE", "/v1/volunteers/me"): Row("volunteer", 204, 404, 204, 403),
    ("GET", "/v1/volunteers/{id}"): of_family(stranger=200),
    ("GET", "/v1/teams/{id}"): of_team(staff="area_clerk"),
    ("GET", "/v1/teams/{id}/volunteers"): of_team(staff="area_clerk"),
    ("GET", "/v1/teams/{id}/volunteers/{volunteer_id}"): of_team(staff="area_clerk"),
    ("POST", "/v1/teams/{id}/volunteers/{volunteer_id}/approve"): of_team(),
    ("POST", "/v1/teams/{id}/volunteers/{volunteer_id}/suspend"): of_team(),
    ("POST", "/v1/teams/{id}/volunteers/{volunteer_id}/reinstate"): of_team(),
    ("POST", "/v1/teams/{id}/volunteers/{volunteer_id}/dismiss"): of_team(),
    ("PUT", "/v1/staff/teams/{id}/leaders/{volunteer_id}"): of_staff("area_manager"),
    ("DELETE", "/v1/staff/teams/{id}/leaders/{volunteer_id}"): of_staff("area_manager", 204),
    ("GET", "/v1/staff/help-policies"): of_staff("area_clerk", elsewhere=200),
    ("POST", "/v1/staff/help-policies"): of_staff("area_manager", 201),
    ("GET", "/v1/staff/help-policies/{id}"): of_staff("area_clerk"),
    ("GET", "/v1/staff/areas/{id}/help-policy"): of_staff("area_clerk"),
    ("GET", "/v1/staff/teams"): of_staff("area_clerk", elsewhere=200),
    ("POST", "/v1/staff/teams"): of_staff("area_manager", 201),
    ("GET", "/v1/staff/volunteers"): of_staff("area_clerk", elsewhere=200),
    ("POST", "/v1/staff/volunteers/{id}/approve"): of_staff("area_manager"),
    ("POST", "/v1/staff/volunteers/{id}/suspend"): of_staff("area_manager"),
    ("POST", "/v1/staff/volunteers/{id}/reinstate"): of_staff("area_manager"),
    ("GET", "/v1/teams/{id}/volunteers/{volunteer_id}/record"): of_team(),
    ("GET", "/v1/teams/{id}/volunteers/{volunteer_id}/record/export"): of_team(),
    ("GET", "/v1/mandates"): of_family(stranger=200),
    ("POST", "/v1/mandates"): of_family(201),
    ("GET", "/v1/mandates/{id}"): of_family(),
    ("POST", "/v1/mandates/{id}/code"): Row("helper", 200, 404, 404, 404),
    ("POST", "/v1/mandates/{id}/confirm"): Row("helper", 200, 404, 404, 404),
    ("POST", "/v1/mandates/{id}/revoke"): of_family(),
    ("GET", "/v1/staff/mandates"): of_staff("area_clerk", elsewhere=200),
    ("POST", "/v1/staff/mandates"): of_staff("area_clerk", 201),
    ("GET", "/v1/staff/mandates/{id}"): of_staff("area_clerk"),
    ("POST", "/v1/staff/mandates/{id}/revoke"): of_staff("area_clerk"),
    ("POST", "/v1/staff/mandates/{id}/confirm"): of_staff("area_clerk"),
    ("GET", "/v1/staff/mandate-papers"): of_staff("area_clerk", elsewhere=200),
    ("GET", "/v1/teams/{id}/mandate-papers"): of_team(staff="area_clerk"),
    ("GET", "/v1/teams/{id}/mandates/{mandate_id}/paper"): of_team(staff="area_clerk"),
    ("POST", "/v1/teams/{id}/mandates/{mandate_id}/confirm"): of_team(staff="area_clerk"),
    ("GET", "/v1/people/{id}/mandates"): of_family(),
    ("POST", "/v1/people/{id}/mandates/revoke"): of_family(),
    ("POST", "/v1/help-requests/{id}/start"): Row("helper", 200, 404, 404, 403),
    ("POST", "/v1/help-requests/{id}/complete"): Row("helper", 200, 404, 404, 403),
    ("POST", "/v1/help-requests/{id}/rate"): of_family(),
    ("GET", "/v1/help-requests/{id}/complaints"): of_family(),
    ("POST", "/v1/help-requests/{id}/complaints"): of_family(201),
    ("GET", "/v1/volunteers/me/hours"): Row("helper", 200, 404, 200, 403),
    ("POST", "/v1/teams/{id}/help-requests/{request_id}/complete"): of_team(),
    ("GET", "/v1/teams/{id}/hours"): of_team(staff="area_clerk"),
    ("GET", "/v1/teams/{id}/exports/hours"): of_team(staff="area_clerk"),
    ("GET", "/v1/teams/{id}/volunteers/{volunteer_id}/hours"): of_team(staff="area_clerk"),
    ("POST", "/v1/teams/{id}/hours/{request_id}/correct"): of_team(),
    ("GET", "/v1/teams/{id}/complaints"): of_team(),
    ("POST", "/v1/teams/{id}/complaints/{complaint_id}/answer"): of_team(),
    ("GET", "/v1/notices"): of_family(stranger=200),
    ("GET", "/v1/help-requests"): of_family(stranger=200),
    ("POST", "/v1/help-requests"): of_family(201),
    ("GET", "/v1/help-requests/{id}"): of_family(),
    ("POST", "/v1/help-requests/{id}/cancel"): of_family(),
    ("GET", "/v1/people/{id}/help"): of_family(),
    ("GET", "/v1/staff/help-requests"): of_staff("area_clerk", elsewhere=200),
    ("POST", "/v1/staff/help-requests"): of_staff("area_clerk", 201),
    ("GET", "/v1/staff/help-requests/{id}"): of_staff("area_clerk"),
    ("POST", "/v1/staff/help-requests/{id}/cancel"): of_staff("area_clerk"),
    ("GET", "/v1/teams/{id}/alarms"): of_team(staff="area_clerk"),
    ("POST", "/v1/teams/{id}/alarms/{alarm_id}/close"): of_team(204, staff="area_clerk"),
    ("GET", "/v1/teams/{id}/help-requests"): of_team(staff="area_clerk"),
    ("POST", "/v1/teams/{id}/help-requests"): of_team(201, staff="area_clerk"),
    ("GET", "/v1/teams/{id}/help-requests/{request_id}"): of_team(staff="area_clerk"),
    ("POST", "/v1/teams/{id}/help-requests/{request_id}/cancel"): of_team(staff="area_clerk"),
    ("GET", "/v1/volunteers/me/help-requests"): Row("helper", 200, 200, 200, 403),
    ("GET", "/v1/volunteers/me/help-requests/{id}"): of_helper(),
    ("POST", "/v1/help-requests/{id}/accept"): of_helper(),
    ("POST", "/v1/help-requests/{id}/decline"): of_helper(204),
    ("POST", "/v1/help-requests/{id}/release"): of_helper(),
    ("POST", "/v1/help-requests/{id}/book"): of_helper(201),
    ("POST", "/v1/help-requests/{id}/agree"): of_helper(),
    ("POST", "/v1/teams/{id}/help-requests/{request_id}/assign"): of_team(204, staff="area_clerk"),
    ("POST", "/v1/teams/{id}/help-requests/{request_id}/release"): of_team(204, staff="area_clerk"),
    ("POST", "/v1/teams/{id}/help-requests/{request_id}/codes"): of_team(204, staff="area_clerk"),
    ("GET", "/v1/enrolment-rounds/{id}/draw"): open_to_all(),
    ("GET", "/v1/enrolment-rounds/{id}/frozen"): open_to_all(),
    ("GET", "/v1/enrolment-rounds/{id}/result"): open_to_all(),
    ("GET", "/v1/enrolment-rounds/{id}/verifier"): open_to_all(),
    ("GET", "/v1/enrolments/{id}/line"): of_family(),
    ("GET", "/v1/staff/enrolment-rounds/{id}/draw"): of_staff("area_clerk"),
    ("POST", "/v1/staff/enrolment-rounds/{id}/draw"): of_staff("area_manager"),
    ("POST", "/v1/staff/enrolment-rounds/{id}/freeze"): of_staff("area_manager"),
    ("POST", "/v1/staff/enrolment-rounds/{id}/publish"): of_staff("area_manager"),
    ("GET", "/v1/staff/enrolment-rounds/{id}/result"): of_staff("area_clerk"),
    ("GET", "/v1/staff/enrolment-rounds/{id}/figures"): of_staff("area_clerk"),
    ("GET", "/v1/staff/enrolment-rounds/{id}/report"): of_staff("area_manager"),
    ("GET", "/v1/enrolments/{id}/documents/{file_id}"): of_family(),
    ("GET", "/v1/staff/enrolments/{id}/documents/{file_id}"): of_staff("area_clerk"),
    ("POST", "/v1/files"): Row("family", 201, 201, 201, 403),
    ("GET", "/v1/staff/enrolments"): of_staff("area_clerk", elsewhere=200),
    ("GET", "/v1/staff/enrolments/{id}"): of_staff("area_clerk"),
    ("POST", "/v1/staff/enrolments/{id}/take"): of_staff("area_clerk"),
    ("POST", "/v1/staff/enrolments/{id}/leave"): of_staff("area_clerk", 204),
    ("POST", "/v1/staff/enrolments/{id}/return"): of_staff("area_clerk"),
    ("POST", "/v1/staff/enrolments/{id}/verdict"): of_staff("area_clerk"),
    ("POST", "/v1/staff/enrolments/{id}/verdicts/{verdict_id}/confirm"): of_staff("area_clerk"),
    ("POST", "/v1/staff/enrolments/{id}/verdicts/{verdict_id}/reject"): of_staff("area_clerk"),
    ("GET", "/v1/files/{id}"): of_staff("area_clerk"),
}
BY_PURPOSE = {("POST", "/v1/files")}
"""For residents and staff, who are told apart by what the file is for."""
DESCRIBED = {
    (method.upper(), path): operation["x-access"]
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
}


def test_every_operation_has_a_row_and_a_good_call():
    assert set(MAY) == set(DESCRIBED)
    assert set(GOOD) == set(DESCRIBED)


@pytest.mark.parametrize(("key", "row"), MAY.items(), ids=[" ".join(key) for key in MAY])
def test_the_route_denies_as_coarsely_as_the_row_says(key, row):
    """A route that is opened to more than its row says goes red here, before any call."""
    access = DESCRIBED[key]
    assert (access == Access.PUBLIC) == (row.nobody != 401)
    assert (access == Access.STAFF) == (row.resident == row.volunteer == 403)
    assert (access == Access.RESIDENT) == (row.other == 403 and access != Access.STAFF and key not in BY_PURPOSE)


LOWER = {"admin": "area_manager", "manager": "clerk", "area_manager": "area_clerk"} | dict.fromkeys(
    ("clerk", "area_clerk"), "auditor"
)
"""Who works at the same place, or everywhere, but with a role that is not enough."""


def callers(row):
    """Return each caller with the statuses that it may get."""
    yield None, {row.nobody}
    yield "stranger", {row.resident}
    yield "volunteer", {row.volunteer}
    yield "other", {row.other}
    for who in (row.who, *row.also):
        if who in LOWER:
            yield LOWER[who], {403, 404}
        yield who, {row.right}


def shows(answer, private):
    return any(str(each) in str(answer) for each in private)


@pytest.mark.timeout(600)
async def test_who_may_and_nobody_else(town):
    """Walk all operations with all callers: what is refused leaves every row of every table as it was.

    And no answer to anybody shows what belongs to others.
    """
    wrong = []
    for (method, path), row in MAY.items():
        for who, statuses in callers(row):
            given = await GOOD[method, path](town)
            headers = await town.headers(who)
            before = await town.state()
            status, answer = await town.send(method, path, given, headers=headers)
            if status not in statuses:
                wrong.append((method, path, who, status, answer))
            private = town.of_the_first if who == "other" else [town.person_id, town.accounts["family"][0]]
            for_all = row.shared or who in (row.who, *row.also) or DESCRIBED[method, path] == Access.PUBLIC
            if not for_all and shows(answer, private):
                wrong.append((method, path, who, "shows", answer))
            if status >= 400:
                after = await town.state()
                changed = list(after - before)
                wrong += [(method, path, who, status, changed)] if changed else []
    assert wrong == [], "\n".join(map(str, wrong))
