from __future__ import annotations

from domain import providers
from handlers.plain import changing, creating, listing, showing
from schemas.providers import ProviderChange, ProviderCreate, StaffProvider, StaffProviderQuery

list_of_staff = listing(
    providers.list_of_staff, StaffProviderQuery, StaffProvider, "List the providers that the caller works for."
)
show = showing(providers.show, StaffProvider, "Show one provider.")
create = creating(providers.create, providers.show, ProviderCreate, StaffProvider, "Make a provider.")
change = changing(providers.change, ProviderChange, StaffProvider, "Change, hide or show a provider.")
