from __future__ import annotations

from domain import services
from handlers.plain import changing, creating, listing, showing
from schemas.services import ServiceChange, ServiceCreate, StaffService, StaffServiceQuery

list_of_staff = listing(
    services.list_of_staff, StaffServiceQuery, StaffService, "List services of the providers that the caller works for."
)
show = showing(services.show, StaffService, "Show one service.")
create = creating(services.create, services.show, ServiceCreate, StaffService, "Make a service.")
change = changing(services.change, ServiceChange, StaffService, "Change, hide or show a service.")
